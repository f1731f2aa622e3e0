"""04.5, the fenced resource: holders of a lock, some of them long over, write with the answer, in every order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from course_lib.explore import CRASHED, Play, Schedule, Simulation, Trial, Violation, play
from course_lib.explore.server_state import ask
from course_lib.explore import until
from course_lib.grading.evidence import excused_error, of, round_trips, shown
from course_lib.lessons.locks.exercises.wire import outcome, yes
from course_lib.trace import Trace

Answer = Callable[..., Awaitable[Any]]
KEY = "report"
FENCES = (9, 10, 101)
"""Of c1, c2, …: as texts they would come in another order."""
LATER = 3_600.0


@dataclass
class Put:
    """One call of the answer. `stored` is the value that the server had when it ended; `now` in seconds."""

    who: str
    fence: int
    value: str
    result: Any = None
    stored: str | None = None
    ended: float | None = None


@dataclass
class Writers:
    """The clients of one run, and their calls of the answer."""

    world: Simulation
    answer: Answer
    puts: list[Put] = field(default_factory=list)

    async def put(self, who: str, fence: int, value: str, key: str = KEY) -> Any:
        """Call the answer; what it raises is its result."""
        put = Put(who, fence, value)
        self.puts.append(put)
        put.result = await outcome(self.answer(self.world.redis(), key, fence, value))
        put.ended, put.stored = self.world.now(), value_at(self.world, key)
        if isinstance(put.result, Exception):
            raise put.result
        return put.result


def value_at(world: Simulation, key: str = KEY) -> str | None:
    """The value that is stored, asked at the server itself."""
    stored = ask(world.nodes[0], b"HGET", key.encode(), b"value")
    return stored.decode(errors="replace") if isinstance(stored, bytes) else None


def putting(answer: Answer) -> list[Trial]:
    """One after another, for an hour; then two at once, in every order, and three, with a fault at every send."""
    world = partial(Simulation, socket_timeout=0.2)
    return [
        Trial("one holder after another", ("takes", "refuses", "cost"), partial(_build, answer, _in_turn),
              _judge_in_turn, sizes=(1,), seeds=2, world=world, horizon=2 * LATER),
        Trial("holders write at once", ("takes", "in-order"), partial(_build, answer, _at_once), _judge_at_once,
              sizes=(2, 3), orders=(2,), seeds=16, faults={"crash": 0.0, "pause": 1.0, "lose reply": 0.0},
              fault_seeds=4, world=world),
    ]  # fmt: skip


def _build(answer: Answer, clients: Callable[[Writers, int], None], world: Simulation, number: int) -> Writers:
    run = Writers(world, answer)
    clients(run, number)
    return run


BIG = 1_700_000_000_001_883
IN_TURN: tuple[tuple[int, str, str, bool], ...] = (
    (9, "a", KEY, True), (9, "b", KEY, True), (10, "c", KEY, True), (9, "d", KEY, False), (101, "e", KEY, True),
    (11, "f", KEY, False), (7, "g", "another", True), (BIG, "h", KEY, True), (BIG - 1, "i", KEY, False),
    (BIG, "j", KEY, True), (102, "k", KEY, False),
)  # fmt: skip
"""Fence, value, key, and whether it is to be taken. The last one comes an hour later."""


def _in_turn(run: Writers, number: int) -> None:
    async def body() -> Any:
        result = None
        for place, (fence, value, key, _) in enumerate(IN_TURN):
            if place == len(IN_TURN) - 1:
                await until(run.world, LATER)
            result = await run.put("c1", fence, value, key)
        return result

    run.world.client("c1", body)


def _at_once(run: Writers, number: int) -> None:
    for who, fence in zip(("c1", "c2", "c3")[:number], FENCES, strict=False):
        run.world.client(who, run.put, who, fence, f"of-{who}")


# -- judges ------------------------------------------------------------------------------------------------------------


def _judge_in_turn(run: Play) -> Iterator[Violation]:
    before: dict[str, str | None] = {}
    for put, (fence, value, key, taken) in zip(run.witness.puts, IN_TURN, strict=False):
        right = value if taken else before.get(key)
        if put.ended is None or (yes(put.result) is taken and put.stored == right):
            before[key] = right
            continue
        highest = max((f for f, _, k, ok in IN_TURN[: run.witness.puts.index(put)] if ok and k == key), default=None)
        seen = "No fence had been stored yet" if highest is None else f"The highest fence so far was {highest}"
        text = (
            f"{seen}. put(redis, {key!r}, {fence}, {value!r}) returned "
            f"{_said(put.result)}, and the value is {put.stored!r}; right are {taken} and {right!r}."
        )
        yield Violation("takes" if taken else "refuses", text, put.who, put.ended, "refused" if taken else "taken")
        return
    yield from _cost(run)


def _cost(run: Play) -> Iterator[Violation]:
    events = list(of(run.trace, "c1"))
    trips, calls = round_trips(events), len(run.witness.puts)
    if trips > 4 * calls:
        text = f"{calls} puts, one after the other, took {trips} round trips; four for each are enough."
        yield Violation("cost", text, "c1", run.now, "too many")


def _judge_at_once(run: Play) -> Iterator[Violation]:
    puts = run.witness.puts
    for put in puts:
        if isinstance(put.result, BaseException) and not excused_error(run, put.who, put.result):
            text = f"{put.who}'s put raised {_said(put.result)}."
            yield Violation("takes", text, put.who, put.ended or run.now, "an error")
            return
    yield from _wrongly_refused(run)
    taken = [put for put in puts if yes(put.result)]
    newest = max(taken, key=lambda put: put.fence, default=None)
    last = run.world and value_at(run.world)
    stored = next((put for put in puts if put.value == last), None)
    if newest is not None and (stored is None or stored.fence < newest.fence):
        said = shown(newest.result)
        text = f"{newest.who} (fence {newest.fence}) was told {said}, and in the end the value is {last!r}."
        yield Violation("in-order", text, (stored or newest).who, run.now, "old over new")


def _wrongly_refused(run: Play) -> Iterator[Violation]:
    """Somebody is refused, and nobody with a higher fence can have written."""
    for put in run.witness.puts:
        higher = [o for o in run.witness.puts if o.fence > put.fence and yes(o.result) is not False]
        refused = not isinstance(put.result, BaseException) and not yes(put.result)
        if put.ended is not None and refused and not higher and run.results.get(put.who) is not CRASHED:
            text = f"{put.who} (fence {put.fence}) was told {shown(put.result)}, and nobody has a higher fence."
            yield Violation("takes", text, put.who, put.ended, "refused")
            return


def _said(result: object) -> str:
    return type(result).__name__ if isinstance(result, BaseException) else shown(result)


# -- clues -------------------------------------------------------------------------------------------------------------


def clue(answer: Answer, failing: Mapping[str, Play]) -> str | None:
    """The first mistake that a failing run points to."""
    return next(_mistakes(answer, failing), None)


def _mistakes(answer: Answer, failing: Mapping[str, Play]) -> Iterator[str]:
    alone = play(putting(answer)[0], Schedule(1))
    if alone.violations:
        yield from _in_turn_clue(alone)
    if "takes" in failing and any(isinstance(put.result, BaseException) for put in failing["takes"].witness.puts):
        yield "gives-up-on-watch"
    if "in-order" in failing:
        yield "watches-in-vain" if _watched(failing["in-order"].trace) else "looks-then-writes"


def _watched(trace: Trace) -> bool:
    return any(event.name == "WATCH" for event in trace)


def _in_turn_clue(run: Play) -> Iterator[str]:
    place = next((n for n, put in enumerate(run.witness.puts) if _wrong(put, n)), None)
    if place is None:
        return
    put = run.witness.puts[place]
    if yes(put.result) is None:
        return  # neither yes nor no, or an error: what was stored tells nothing of the mistake
    if place == len(IN_TURN) - 1:
        yield "forgets-the-fence"
    elif not IN_TURN[place][3]:
        yield "keeps-what-it-refused" if yes(put.result) is False else "takes-everything"
    elif place == 0:
        yield "refuses-the-first"
    elif place == 1:
        yield "refuses-its-own"
    elif put.fence in (10, 101):
        yield "compares-text"
    elif IN_TURN[place][2] != KEY:
        yield "one-fence-for-all"


def _wrong(put: Put, place: int) -> bool:
    _, value, key, taken = IN_TURN[place]
    before = [v for _, v, k, ok in IN_TURN[:place] if ok and k == key]
    right = value if taken else before[-1] if before else None
    return yes(put.result) is not taken or put.stored != right
