"""02.3, a flush at run time: processes that read through the answer's cache while one of them flushes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from course_lib.explore import Play, Schedule, Simulation, Trial, Violation, play
from course_lib.grading.database import until
from course_lib.grading.evidence import JUDGE, ms, of, seen, shown
from course_lib.grading.acts import Act, Acts, answered, cost, failure, undisturbed, world

Answer = Callable[..., Any]
TTL, OTHERS = 2.0, "app:shop:price:v1:7"


class Row(NamedTuple):
    """What one load gave: no two loads give the same text. `began` in seconds."""

    user: str
    began: float


@dataclass
class Flushed(Acts):
    """The acts, and every row that was loaded, by its text. `seconds` is what a load takes."""

    seconds: float = 0.01
    rows: dict[str, Row] = field(default_factory=dict)

    def load_for(self, client: str, user: str) -> Callable[[], Awaitable[str]]:
        """A load of one user's row."""

        async def load() -> str:
            note = self.world.note(client, "load")
            tail = f"{int(self.world.draws(f'row{len(self.rows)}')() * 16**6):06x}"
            text = f"row-{len(self.rows) + 1}-{tail}"
            self.rows[text] = Row(user, self.world.now())
            await until(self.world, self.world.now() + self.seconds)
            note.t_end = self.world.now()
            return text

        return load


Plan = dict[str, list[tuple[float, str]]]
IN_TURN: Plan = {
    "c1": [(0.0, "read"), (0.3, "read"), (0.6, "flush"), (0.9, "read"), (1.2, "read"), (4.0, "read")],
    "c2": [(0.05, "read"), (0.35, "read other"), (0.95, "read"), (1.25, "read other")],
    "c3": [(0.1, "read"), (1.3, "read"), (1.4, "flush"), (1.7, "read")],
}
"""A read that loads, a hit, a flush, and the same again; then a read after the ttl."""
OVERTAKEN: Plan = {
    "c1": [(0.2, "flush"), (0.5, "read")],
    "c2": [(0.15, "read"), (0.45, "read")],
    "c3": [(0.13, "read other"), (0.17, "read"), (0.48, "read other"), (0.52, "read")],
}
"""A flush while loads are under way, which take 100 ms; then everybody reads again."""
LATE: Plan = {
    "c1": [(0.1, "flush"), (0.9, "read")],
    "c2": [(0.2, "flush"), (0.25, "read"), (0.95, "read")],
    "c3": [(0.3, "flush"), (0.35, "read"), (1.0, "read")],
}
"""Three flushes, of which one may take very long."""


def flushing(answer: Answer) -> list[Trial]:
    """One after another, with faults; loads that a flush overtakes; a flush that is late."""
    losses: dict[Any, float] = {"crash": 0.0, "lose request": 0.0, "lose reply": 0.0}
    return [
        Trial("read, flush, read", ("value", "flushed", "others", "expires", "hit", "one-trip"),
              partial(_build, answer, IN_TURN, 0.01), _in_turn, sizes=(1, 2, 3), seeds=4, faults=losses,
              fault_sizes=(2,), world=world, horizon=8.0),
        Trial("a flush overtakes a load", ("overtaken",), partial(_build, answer, OVERTAKEN, 0.1),
              partial(_fresh, "overtaken"), sizes=(2, 3), seeds=12, faults={"pause": 0.1}, least=2, world=world,
              horizon=4.0),
        Trial("a flush that is late", ("never-back",), partial(_build, answer, LATE, 0.01),
              partial(_fresh, "never-back"), sizes=(3,), seeds=2, faults={"pause": 0.3}, least=3, world=world,
              horizon=4.0),
    ]  # fmt: skip


def _build(answer: Answer, plan: Plan, seconds: float, world: Simulation, clients: int) -> Flushed:
    acts = Flushed(world, seconds=seconds)

    async def plant() -> None:
        await world.redis().set(OTHERS, "17")

    async def look() -> None:
        await world.redis().get(OTHERS)

    world.client(f"{JUDGE} plants", plant)
    for number, (name, steps) in enumerate(list(plan.items())[:clients]):
        jitter = 0.01 + 0.004 * world.draws(f"start{number}")()
        acts.process(name, _deeds(answer, acts, name), [(when + jitter, what) for when, what in steps])
    world.client(f"{JUDGE} looks", look, start=4.5)
    return acts


def _deeds(answer: Answer, acts: Flushed, name: str) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Each process has one object of its own, as in life."""
    kept: list[Any] = []

    def cache() -> Any:
        if not kept:
            kept.append(answer(acts.world.redis(), ttl=TTL))
        return kept[0]

    async def read(user: str) -> Any:
        return await cache().read(user, acts.load_for(name, user))

    async def flush() -> Any:
        await cache().flush()

    return {"read": partial(read, "42"), "read other": partial(read, "43"), "flush": flush}


def _reads(acts: Acts) -> list[Act]:
    return [act for act in acts.acts if act.what != "flush"]


def _in_turn(run: Play) -> Iterator[Violation]:
    for judge in (_value, partial(_fresh, "flushed"), _others, _expires, _hit, _one_trip):
        yield from judge(run)


def _value(run: Play) -> Iterator[Violation]:
    """Whoever no fault hit gets a row of the user that it asked for."""
    for act in answered(run):
        if isinstance(act.result, BaseException):
            yield failure(act, "value")
            return
        row = run.witness.rows.get(act.result) if type(act.result) is str else None
        if act.what != "flush" and (row is None or row.user != ("42" if act.what == "read" else "43")):
            whose = "which is another user's row" if row is not None else "which no load gave"
            yield Violation("value", f"{act.who} was given {shown(act.result)}, {whose}.", act.who, act.began, "wrong")
            return


def _fresh(promise: str, run: Play) -> Iterator[Violation]:
    """No read that begins after a flush has returned gives what was loaded from before that flush began."""
    for act in _reads(run.witness):
        row = run.witness.rows.get(act.result) if type(act.result) is str else None
        for flush in run.witness.did("flush"):
            if row is not None and flush.done and flush.ended <= act.began and row.began < flush.began:
                text = (
                    f"{flush.who} flushed from {ms(flush.began)} to {ms(flush.ended)}; at {ms(act.began)} {act.who} "
                    f"was served a row whose load had begun at {ms(row.began)}."
                )
                yield Violation(promise, text, act.who, act.began, "served from before the flush")
                return


def _others(run: Play) -> Iterator[Violation]:
    """A flush leaves alone what is not its own."""
    for _ in undisturbed(run):
        if [event.reply for event in seen(run, f"{JUDGE} looks")] != [b"17"]:
            flush = next(iter(run.witness.did("flush")), None)
            who, when = (flush.who, flush.began) if flush else ("c1", 0.0)
            yield Violation("others", f"{OTHERS} is another program's key, and is gone.", who, when, "another's key")


def _expires(run: Play) -> Iterator[Violation]:
    """What was stored is loaded again when its ttl is over."""
    for acts in undisturbed(run):
        last = _reads(acts)[-1]
        if last.began > 3.9 and last.done and cost(run, last)[1] == 0:
            text = f"A row that was stored with ttl = 2 s at about 0.9 s was still served at {ms(last.began)}."
            yield Violation("expires", text, last.who, last.began, "outlives its ttl")


def _hit(run: Play) -> Iterator[Violation]:
    """Of c1: its second read before the flush, and its second one after, find everything as it was."""
    for acts in undisturbed(run):
        mine = [act for act in acts.did("read", "c1") if act.began < 2]
        for act in mine[1::2]:
            trips, loaded = cost(run, act)
            if act.done and (trips, loaded) != (1, 0):
                text = (
                    f"Nothing had changed since c1 last read, and its read at {ms(act.began)} took {trips} round trips "
                    f"and {loaded} loads; 1 and 0 will do."
                )
                yield Violation("hit", text, act.who, act.began, "a hit")
                return


def _one_trip(run: Play) -> Iterator[Violation]:
    """A flush asks Redis once, however many keys there are."""
    for acts in undisturbed(run):
        for act in acts.did("flush"):
            if act.done and cost(run, act)[0] != 1:
                text = f"The flush at {ms(act.began)} took {cost(run, act)[0]} round trips; 1 will do."
                yield Violation("one-trip", text, act.who, act.began, "a flush")
                return


# -- clues: what did the processes send? -------------------------------------------------------------------------------


def clue(answer: Answer, failing: Mapping[str, Play]) -> str | None:
    """The mistake that the broken promises and the commands of a run without a fault point to."""
    run = play(flushing(answer)[0], Schedule(1))
    flush = next(iter(run.witness.did("flush")), None)
    if flush is None or flush.ended is None:
        return None
    sent = [event.name for event in of(run.trace, "c1") if flush.began <= event.t_start <= flush.ended]
    if any(name in ("FLUSHDB", "FLUSHALL") for name in sent):
        return "flushes-everything"
    if any(name in ("KEYS", "SCAN", "DEL", "UNLINK") for name in sent):
        return "deletes-the-keys"
    if "flushed" in failing:
        return "remembers"
    if "overtaken" in failing:
        return "asks-again"
    if "never-back" in failing:
        return "goes-back"
    if "expires" in failing:
        return "never-expires"
    return "asks-twice" if "hit" in failing else None
