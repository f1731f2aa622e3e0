"""07.4, a high-score list: best games count, whoever came first leads among equals, and who is around a player."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import groupby, pairwise
from math import inf
from pathlib import Path
from typing import Any

from course_lib.explore import CRASHED, Play, Process, Simulation, Trial, until
from course_lib.grading import shelf
from course_lib.grading.acts import Act, Acts, failure
from course_lib.grading.answer import a_class
from course_lib.grading.errors_out import Refuses, hindered
from course_lib.grading.evidence import shown
from course_lib.grading.lock_watch import asked
from course_lib.grading.rules import Failing, Found, Rules, named, trial

Answer = Callable[..., Any]
Row = tuple[int, str, int]
KEYS = ["app:pinball", "app:{pinball}:2026", "a{b:c", "é 7"]
MOST = 9_999_999_999_999

Step = Sequence[Any]
READ = tomllib.loads(Path(__file__).with_name("board.toml").read_text(encoding="utf-8"))
MANY: list[Step] = [
    *(("played", f"p{n % 9}", MOST - 900 + n) for n in range(250)), ("played", "zed", MOST), ("played", "yan", MOST),
    ("top", 9), *(("played", f"p{n % 9}", MOST - 900 + n) for n in range(250, 495)), ("played", "wim", MOST),
    ("played", "kim", MOST - 1), ("played", "jo", MOST), ("top", 5), ("around", "wim", 1), ("around", "p3", 3),
]  # fmt: skip
PLANS: list[tuple[str, list[Step]]] = [*((plan["name"], plan["steps"]) for plan in READ["plans"]), ("exact", MANY)]


@dataclass(eq=False)
class Op(Act):
    """One call; `right`: what it must return, where that is known, and `board`, all rows at that moment."""

    step: Step = ()
    right: list[Row] = field(default_factory=list)
    board: list[Row] = field(default_factory=list)

    @property
    def rows(self) -> list[Row] | None:
        """What was returned, if it is a list of such rows."""
        if not isinstance(self.result, (list, tuple)):
            return None
        rows = [tuple(row) if isinstance(row, (list, tuple)) else () for row in self.result]
        fit = all(len(row) == 3 and type(row[0]) is int and type(row[1]) is str and type(row[2]) is int for row in rows)
        return rows if fit else None

    @property
    def call(self) -> str:
        return f"{self.who}'s {self.what}({', '.join(map(repr, self.step[1:]))})"


@dataclass
class Games(Acts):
    """All calls of a run. `best`: by player, the best game so far and its number."""

    key: str = field(kw_only=True)
    best: dict[str, tuple[int, int]] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)
    count: int = 0
    plan: str = "ties"

    def play(self, name: str, points: int) -> None:
        """In the judge's own books."""
        self.count += 1
        if name not in self.best or points > self.best[name][0]:
            self.best[name] = points, -self.count

    def board(self) -> list[Row]:
        """As it must be now."""
        names = sorted(self.best, key=lambda name: self.best[name], reverse=True)
        return [(rank, name, self.best[name][0]) for rank, name in enumerate(names, 1)]

    def answer(self, what: str, *asked: Any) -> list[Row]:
        """What a call must return now."""
        board = self.board()
        if what == "top":
            return board[: asked[0]]
        place = next((rank - 1 for rank, name, _ in board if name == asked[0]), None)
        return [] if place is None else board[max(0, place - asked[1]) : place + asked[1] + 1]


class Watch(Refuses):
    """Sees keys that are none of the board's, or have a TTL."""

    def __init__(self, run: Games, refuses: int | None) -> None:
        super().__init__(refuses)
        self._run = run

    def ran(self, session: Any, command: list[bytes], changed: bool) -> None:
        if changed:
            for key in map(bytes.decode, asked(self._run.world, b"KEYS", b"*") or []):
                if key != self._run.key and not key.startswith(f"{self._run.key}:") and key not in self._run.strays:
                    self._run.strays.append(key)


def trials(answer: Answer) -> list[Trial]:
    """Calls in turn, each with its right answer; several players at once, with one fault; a command refused."""
    turn = {name: partial(_first_wrong, name) for name in ("best", "ties", "around", "exact")}
    build = partial(_in_turn, answer)
    return [
        trial("in turn", partial(build, PLANS), turn, sizes=(1,), seeds=len(PLANS), horizon=1e6),
        trial("the server refuses a command", partial(build, [("ties", PLANS[0][1][:9])]), {"errors": shelf.errors},
        sizes=(2,), seeds=16),
        trial("several at once", partial(_at_once, answer), {"race": _race, "errors": shelf.errors}, sizes=(3,),
              seeds=8, faults={"crash": 0.0, "pause": 0.1, "lose reply": 0.0}, fault_seeds=1),
    ]  # fmt: skip


def _run(answer: Answer, world: Simulation, refuses: int | None = None) -> tuple[Games, Callable[[], Any]]:
    """The run, and what makes a process its own object of the answer."""
    run = Games(world, key=KEYS[world.seed % len(KEYS)])
    world.nodes[0].extension = Watch(run, refuses)
    return run, lambda: cache(partial(answer, world.redis(), run.key))


async def _deed(own: Callable[[], Any], act: Op) -> Any:
    return await getattr(own(), act.what)(*act.step[1:])


def _in_turn(answer: Answer, plans: list[tuple[str, list[Step]]], world: Simulation, clients: int) -> Games:
    """Two processes take turns. With two clients, a command is refused."""
    run, made = _run(answer, world, world.seed if clients == 2 else None)
    run.plan, steps = plans[world.seed % len(plans)]
    owns = [made(), made()]
    plans_of: list[list[tuple[float, Step]]] = [[], []]
    when = 0.01
    for place, step in enumerate(steps):
        if step[0] == "wait":
            when += step[1]
            continue
        when += 0.04
        plans_of[place % 2].append((when, step))

    async def body(who: str, own: Any, plan: list[tuple[float, Step]]) -> None:
        for when, step in plan:
            await until(world, when)
            if step[0] == "played":
                run.play(*step[1:])
            act = Op(who, step[0], step=step)
            if step[0] != "played":
                act.right, act.board = run.answer(*step), run.board()
            await run.do(act, partial(_deed, own))

    for number, own in enumerate(owns):
        world.client(f"c{number + 1}", body, f"c{number + 1}", own, plans_of[number], process=Process(f"c{number + 1}"))
    return run


def _at_once(answer: Answer, world: Simulation, clients: int) -> Games:
    """Players whose games end at the same time, and one who looks around all the while; under odd seeds as tasks of one
    process. Long after, somebody looks once more."""
    run, made = _run(answer, world)
    shared, draw = (Process("cafe"), made()) if world.seed % 2 else None, world.draws("start")
    names = ["ann", "bob", "ann", "cat", "bob", "dan"]

    async def plays(who: str, own: Any, place: int) -> None:
        for turn in range(3):
            await until(world, 0.02 + 0.012 * turn + 0.006 * draw())
            step = ("played", names[(place + turn) % 6], 10 + (place * 5 + turn * 3) % 7)
            await run.do(Op(who, "played", step=step), partial(_deed, own))

    async def looks(who: str, own: Any) -> None:
        for turn in range(6):
            step = ("around", "bob", turn % 2) if turn < 5 else ("top", 9)
            await until(world, 0.015 + 0.008 * turn if turn < 5 else 5.0)
            await run.do(Op(who, step[0], step=step), partial(_deed, own))

    for number in range(clients + 1):
        who = f"c{number + 1}" if number < clients else "looks"
        process, own = shared if shared is not None and number < clients else (Process(who), made())
        world.client(who, *((plays, who, own, number) if number < clients else (looks, who, own)), process=process)
    return run


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
        return run.witness.acts[0], f"changed the key {run.witness.strays[0]!r}, which is none of the board's", "best"
    return None


def _promise(run: Play, op: Op) -> str:
    """Which promise a wrong answer breaks: the points are, or who leads whom is, or the part of the list is."""
    rows, right = op.rows, {name: points for _, name, points in op.board}
    if run.witness.plan == "exact":
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
    """What is shown is a board that can have been at one moment, and at the end the right one."""
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
    """Why no list can have been so while the call lasted; nothing if one can."""
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
        began = [act.began for act in begun if act.step[1:] == (one, points)]
        ended = [act.ended for act in begun if act.step[1:] == (other, same) and act.done]
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
        [{e.name for e in shelf.sent(race, act)} for act in race.witness.acts if act.what == "around"] if race else []
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
