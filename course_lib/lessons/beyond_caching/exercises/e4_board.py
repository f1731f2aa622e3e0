"""07.4, a high-score list: best games count, the first to come leads among equals, and who is around a player."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import groupby, pairwise
from math import inf

from course_lib.explore import CRASHED, Play, Trial
from course_lib.grading import key_log
from course_lib.grading.acts import failure
from course_lib.grading.answer import a_class
from course_lib.grading.caller_errors import hindered
from course_lib.grading.evidence import shown
from course_lib.grading.rules import Failing, Found, Rules, named, trial
from course_lib.lessons.beyond_caching.exercises.e4_games import ONCE, PLANS, Answer, Op, at_once, in_turn

FEW = [*PLANS[0][1][:6], ("played", "7", 0), ("around", "7", 1), ("top", 9)]


def trials(answer: Answer) -> list[Trial]:
    """Calls in turn, each with its right answer; several players at once, with one fault; a command refused."""
    turn = {name: partial(_first_wrong, name) for name in ("best", "ties", "around", "exact")}
    build = partial(in_turn, answer)
    return [
        trial("in turn", partial(build, PLANS), turn, sizes=(1,), seeds=len(PLANS), horizon=1e6),
        trial("the server refuses a command", partial(build, [("ties", FEW)]),
              {"race": _race, "errors": key_log.errors}, sizes=(2,), seeds=ONCE + 9),
        trial("several at once", partial(at_once, answer, 3), {"race": _race}, sizes=(3,), seeds=8),
        trial("a fault strikes one of them", partial(at_once, answer, 2), {"race": _race, "errors": key_log.errors},
              sizes=(2,), seeds=2, faults={"crash": 0.0, "pause": 0.1, "lose reply": 0.0}, fault_seeds=1),
        trial("twelve at once", partial(at_once, answer, 2), {"race": _race}, sizes=(12,), seeds=2),
    ]  # fmt: skip


# -- judges ------------------------------------------------------------------------------------------------------------


def wrong_step(run: Play) -> tuple[Op, str, str] | None:
    """The first call that went otherwise than it must: which, how, and the promise that it breaks."""
    for op in run.witness.acts:
        if not op.over:
            return op, "never ended", "best"
        if op.failed:
            return op, failure(op), "best"
        if op.what != "played" and op.rows != op.right:
            return op, f"returned {shown(op.result, 200)}", _promise(run, op)
    if run.witness.strays:
        return run.witness.acts[0], run.witness.strays[0], "best"
    return None


def _promise(run: Play, op: Op) -> str:
    """Which promise a wrong answer breaks: the points are, or who leads whom is, or the part of the list is."""
    rows, right = op.rows, {name: points for _, name, points in op.board}
    if run.witness.plan == "exact" and rows != op.right[: len(rows or ())]:
        return "exact"
    if rows is None or any(right.get(name) != points for _, name, points in rows):
        return "best"
    if op.what == "top":
        return "ties" if [(rank, points) for rank, _, points in rows] == [
            (rank, points) for rank, _, points in op.right] else "best"  # fmt: skip
    leads = [name for _, name, _ in op.board]
    return "around" if sorted(rows, key=lambda row: leads.index(row[1])) == rows else "ties"


def _first_wrong(promise: str, run: Play) -> Iterator[Found]:
    wrong = wrong_step(run)
    if wrong is not None and wrong[2] == promise:
        op, how, _ = wrong
        right = "" if op.what == "played" else f"; after all that went before, {shown(op.right, 200)} is right"
        yield f"{op.call} {how}{right}.", op.who, op.ended, "wrong"


def _race(run: Play) -> Iterator[Found]:
    """A client is shown a list that was possible at one moment, and at the end the right one."""
    played = [act for act in run.witness.acts if act.what == "played"]
    for op in run.witness.acts:
        if not op.over and run.results.get(op.who) is not CRASHED:
            yield f"{op.call} never ended.", op.who, run.now, "no end"
        elif op.failed and not hindered(run, op):
            yield failure(op), op.who, op.ended, "an error"
        elif op.what != "played" and op.done:
            problem = _impossible(op, played)
            if problem:
                text = f"{op.call} returned {shown(op.result, 200)}: {problem}."
                yield text, op.who, op.ended, "impossible"


def _impossible(op: Op, played: list[Op]) -> str:
    """Why this list was at no moment of the call a possible one; "" if it was."""
    rows = op.rows
    if rows is None:
        return "these are no rows"
    names = [name for _, name, _ in rows]
    before = [act for act in played if act.done and act.ended <= op.began]
    begun = [act for act in played if act.began < op.ended]
    known = {act.step[1] for act in before if op.what == "top" or act.step[1] == op.step[1]}
    if known - set(names):
        return f"{min(known - set(names))} has played before, and is not there"
    if op.what == "around" and op.step[1] not in names:
        return "without that player, the list must be empty" if rows else ""
    first = next((rank for rank, name, _ in rows if name == op.step[1]), 1) - op.step[-1] if op.what == "around" else 1
    if [rank for rank, _, _ in rows] != list(range(max(1, first), max(1, first) + len(rows))):
        return "these are not the ranks around that player"
    if len(set(names)) < len(rows) or any(one[2] < other[2] for one, other in pairwise(rows)):
        return "somebody is there twice, or the order is wrong"
    for _, name, points in rows:
        games = [act.step[2] for act in begun if act.step[1] == name]
        least = max((act.step[2] for act in before if act.step[1] == name), default=0)
        if points not in games or points < least:
            return f"{name} had had {least} points before" if points in games else f"{name} never had {points} points"
    for (_, one, points), (_, other, same) in pairwise(rows):
        began = [act.began for act in begun if tuple(act.step[1:]) == (one, points)]
        ended = [act.ended for act in begun if tuple(act.step[1:]) == (other, same) and act.done]
        if points == same and min(ended, default=inf) < min(began):
            return f"{other} had {points} points before {one} had"
    return ""


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """The first answer that is wrong, and the games before it; what was sent for it."""
    promise = next((name for name in ("best", "ties", "around", "exact") if name in failing), None)
    wrong = wrong_step(failing[promise]) if promise is not None else None
    race = failing.get("race")
    looks = (
        [{e.name for e in key_log.sent(race, act)} for act in race.witness.acts if act.what == "around"] if race else []
    )
    yield from named({
        "two-questions": promise is None and any(
            {"ZREVRANK", "ZRANK"} & names and {"ZREVRANGE", "ZRANGE"} & names
            and not {"WATCH", "EVAL", "EVALSHA"} & names for names in looks),
    })  # fmt: skip
    if promise is None or wrong is None or wrong[0].rows is None:
        return
    op, run = wrong[0], failing[promise]
    rows, right = op.rows or [], op.right
    games = [act for act in run.witness.acts if act.what == "played" and act.began < op.began]
    had = {name: [act.step[2] for act in games if act.step[1] == name] for _, name, _ in op.board}
    off = [(name, points) for _, name, points in rows if name in had and points != max(had[name])]
    own = {act.step[1] for act in games if act.who == op.who}
    names, equals = [row[1] for row in rows], [list(group) for _, group in groupby(rows, key=lambda row: row[2])]
    by_name = any(len(group) > 2 and group in (sorted(group, key=lambda row: row[1], reverse=way)
                  for way in (False, True)) for group in equals)  # fmt: skip
    again = [name for name, points in had.items() if points.count(max(points)) > 1]
    yield from named({
        "in-memory": promise == "best" and bool(own) and set(names) < {row[1] for row in right} and set(names) <= own
        and not any(event.client == op.who for event in run.trace),
        "the-last-game": bool(off) and promise == "best" and all(points == had[name][-1] for name, points in off),
        "adds-up": bool(off) and promise == "best" and all(points == sum(had[name]) for name, points in off),
        "zero-is-nothing": promise in ("best", "around") and bool(names) and not off and all(
            row[2] == 0 for row in right if row[1] not in names) and len(names) < len(right),
        "not-exact": promise == "exact" and {*names} <= {row[1] for row in op.board} and len(rows) == len(right),
        "renews-its-time": promise == "ties" and bool(again) and [n for n in names if n not in again] == [
            row[1] for row in op.board if row[1] not in again][: len([n for n in names if n not in again])],
        "ties-by-name": promise == "ties" and by_name,
        "before-the-first": promise == "around" and right[0][0] == 1 and op.step[1] not in names and not off,
    })  # fmt: skip


METHODS = {"played": "name, points", "top": "rows", "around": "name, rows"}
RULES = Rules(a_class("redis, key", METHODS), trials, clues)
