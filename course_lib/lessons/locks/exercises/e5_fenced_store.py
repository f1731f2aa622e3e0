"""04.5, the fenced resource: holders of a lock, some of them long over, write with the answer, in every order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from course_lib.explore import CRASHED, Play, Simulation, Trial, until
from course_lib.explore.server_state import ask
from course_lib.grading.acts import Act, Acts
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import excused_error, of, round_trips, shown
from course_lib.grading.rules import Failing, Found, Rules, trial
from course_lib.lessons.locks.exercises.lock_calls import Answer, yes

KEY = "report"
FENCES = (9, 10, 101)
"""Of c1, c2, …: as texts they would come in another order."""
LATER = 3_600.0
BIG = 1_700_000_000_001_883
IN_TURN: tuple[tuple[int, str, str, bool], ...] = (
    (9, "a", KEY, True), (9, "b", KEY, True), (10, "c", KEY, True), (9, "d", KEY, False), (101, "e", KEY, True),
    (11, "f", KEY, False), (7, "g", "another", True), (BIG, "h", KEY, True), (BIG - 1, "i", KEY, False),
    (BIG, "j", KEY, True), (102, "k", KEY, False),
)  # fmt: skip
"""Fence, value, key, and whether it is to be taken. The last one comes an hour later."""


@dataclass
class Put(Act):
    """One call of the answer; `what` is the value. `stored` is the value that the server had when it ended."""

    fence: int = 0
    key: str = KEY
    stored: str | None = None

    def end(self, world: Simulation) -> None:
        super().end(world)
        self.stored = value_at(world, self.key)


def trials(answer: Answer) -> list[Trial]:
    """One after another, for an hour; then two at once, in every order, and three, with a fault at every send."""
    return [
        trial("one holder after another", partial(_in_turn, answer),
              {"takes": partial(_answered, True), "refuses": partial(_answered, False), "cost": _cost},
              sizes=(1,), seeds=2, horizon=2 * LATER),
        trial("holders write at once", partial(_at_once, answer), {"takes": _takes, "in-order": _in_order},
              sizes=(2, 3), orders=(2,), seeds=16, faults={"crash": 0.0, "pause": 1.0, "lose reply": 0.0},
              fault_seeds=4),
    ]  # fmt: skip


def _in_turn(answer: Answer, world: Simulation, clients: int) -> Acts:
    run = Acts(world)

    async def body() -> Any:
        for fence, value, key, _ in IN_TURN:
            if value == IN_TURN[-1][1]:
                await until(world, LATER)
            result = await _put(run, answer, Put("c1", value, fence=fence, key=key))
        return result

    world.client("c1", body)
    return run


def _at_once(answer: Answer, world: Simulation, clients: int) -> Acts:
    run = Acts(world)
    for who, fence in zip(("c1", "c2", "c3")[:clients], FENCES, strict=False):
        world.client(who, _put, run, answer, Put(who, f"of-{who}", fence=fence))
    return run


async def _put(run: Acts, answer: Answer, put: Put) -> Any:
    return await run.do(put, lambda _: answer(run.world.redis(), put.key, put.fence, put.what))


def value_at(world: Simulation, key: str = KEY) -> str | None:
    """The value that is stored, asked at the server itself."""
    stored = ask(world.nodes[0], b"HGET", key.encode(), b"value")
    return stored.decode(errors="replace") if isinstance(stored, bytes) else None


# -- judges ------------------------------------------------------------------------------------------------------------


def _first_wrong(run: Play) -> tuple[int, str | None] | None:
    """The place in IN_TURN of the first put that was answered wrongly, and the value that is right then."""
    before: dict[str, str] = {}
    for place, (put, (_, value, key, taken)) in enumerate(zip(run.witness.acts, IN_TURN, strict=False)):
        right = value if taken else before.get(key)
        if put.over and (yes(put.result) is not taken or put.stored != right):
            return place, right
        if right is not None:
            before[key] = right
    return None


def _answered(taken: bool, run: Play) -> Iterator[Found]:
    """No put that is to be taken, or refused, is the first that was answered wrongly."""
    wrong = _first_wrong(run)
    if wrong is None or IN_TURN[wrong[0]][3] is not taken:
        return
    (place, right), put = wrong, run.witness.acts[wrong[0]]
    fence, value, key, _ = IN_TURN[place]
    highest = max((f for f, _, k, ok in IN_TURN[:place] if ok and k == key), default=None)
    seen = "No fence had been stored yet" if highest is None else f"The highest fence so far was {highest}"
    text = (
        f"{seen}. put(redis, {key!r}, {fence}, {value!r}) returned "
        f"{_said(put.result)}, and the value is {put.stored!r}; right are {taken} and {right!r}."
    )
    yield text, put.who, put.ended, "refused" if taken else "taken"


def _cost(run: Play) -> Iterator[Found]:
    trips, calls = round_trips(of(run.trace, "c1")), len(run.witness.acts)
    if trips > 4 * calls and _first_wrong(run) is None:
        text = f"{calls} puts, one after the other, took {trips} round trips; four for each are enough."
        yield text, "c1", run.now, "too many"


def _takes(run: Play) -> Iterator[Found]:
    """Nobody fails without a fault, and nobody is refused if nobody with a higher fence can have written."""
    puts = run.witness.acts
    for put in puts:
        if put.failed and not excused_error(run, put.who, put.result):
            yield f"{put.who}'s put raised {_said(put.result)}.", put.who, put.ended, "an error"
    for put in puts:
        higher = any(o.fence > put.fence and yes(o.result) is not False for o in puts)
        if put.done and not yes(put.result) and not higher and run.results.get(put.who) is not CRASHED:
            text = f"{put.who} (fence {put.fence}) was told {shown(put.result)}, and nobody has a higher fence."
            yield text, put.who, put.ended, "refused"


def _in_order(run: Play) -> Iterator[Found]:
    puts = run.witness.acts
    if any(put.failed and not excused_error(run, put.who, put.result) for put in puts):
        return
    newest = max((put for put in puts if yes(put.result)), key=lambda put: put.fence, default=None)
    last = run.world and value_at(run.world)
    stored = next((put for put in puts if put.what == last), None)
    if newest is not None and (stored is None or stored.fence < newest.fence):
        said = shown(newest.result)
        text = f"{newest.who} (fence {newest.fence}) was told {said}, and in the end the value is {last!r}."
        yield text, (stored or newest).who, run.now, "old over new"


def _said(result: object) -> str:
    return type(result).__name__ if isinstance(result, BaseException) else shown(result)


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What the first put that was answered wrongly points to; else what the failing runs show."""
    wrong = _first_wrong(failing.first)
    if wrong is not None and yes(failing.first.witness.acts[wrong[0]].result) is not None:
        yield from _wrong_put(failing.first, wrong[0])  # an error, or neither yes nor no, says nothing of the mistake
    if "takes" in failing and any(put.failed for put in failing["takes"].witness.acts):
        yield "gives-up-on-watch"
    if "in-order" in failing:
        watched = any(event.name == "WATCH" for event in failing["in-order"].trace)
        yield "watches-in-vain" if watched else "looks-then-writes"


def _wrong_put(run: Play, place: int) -> Iterator[str]:
    put, (_, _, key, taken) = run.witness.acts[place], IN_TURN[place]
    if place == len(IN_TURN) - 1:
        yield "forgets-the-fence"
    elif not taken:
        yield "keeps-what-it-refused" if yes(put.result) is False else "takes-everything"
    elif place == 0:
        yield "refuses-the-first"
    elif place == 1:
        yield "refuses-its-own"
    elif put.fence in (10, 101):
        yield "compares-text"
    elif key != KEY:
        yield "one-fence-for-all"


RULES = Rules(coroutine_function("redis, key, fence, value"), trials, clues)
