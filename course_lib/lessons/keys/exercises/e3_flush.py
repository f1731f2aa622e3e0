"""02.3, a flush at run time: processes that read through the answer's cache while one of them flushes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, NamedTuple

from course_lib.explore import Play, Simulation, Trial
from course_lib.grading.acts import Act, Acts, answered, cost, failure, sent
from course_lib.grading.answer import a_class
from course_lib.grading.database import load_takes
from course_lib.grading.evidence import JUDGE, ms, seen, shown
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, named, trial, undisturbed

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
            tail = f"{int(self.world.draws(f'row{len(self.rows)}')() * 16**6):06x}"
            text = f"row-{len(self.rows) + 1}-{tail}"
            self.rows[text] = Row(user, self.world.now())
            await load_takes(self.seconds, self.world, client)
            return text

        return load

    def row(self, act: Act) -> Row | None:
        """What it was given, if that is a row."""
        return self.rows.get(act.result) if type(act.result) is str else None

    def reads(self) -> list[Act]:
        """Every act but the flushes."""
        return [act for act in self.acts if act.what != "flush"]


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
USERS = {"read": "42", "read other": "43"}


def trials(answer: Answer) -> list[Trial]:
    """One after another, with faults; loads that a flush overtakes; a flush that is late."""
    in_turn = {"value": _value, "flushed": _fresh, "others": _others, "expires": _expires, "hit": _hit,
               "one-trip": _one_trip}  # fmt: skip
    return [
        trial("read, flush, read", partial(_build, answer, IN_TURN, 0.01), in_turn, sizes=(1, 2, 3), seeds=4,
              faults=LOSSES, fault_sizes=(2,), horizon=8.0),
        trial("a flush overtakes a load", partial(_build, answer, OVERTAKEN, 0.1), {"overtaken": _fresh},
              sizes=(2, 3), seeds=12, faults={"pause": 0.1}, least=2, horizon=4.0),
        trial("a flush that is late", partial(_build, answer, LATE, 0.01), {"never-back": _fresh}, sizes=(3,), seeds=2,
              faults={"pause": 0.3}, least=3, horizon=4.0),
    ]  # fmt: skip


def _build(answer: Answer, plan: Plan, seconds: float, world: Simulation, clients: int) -> Flushed:
    run = Flushed(world, seconds=seconds)
    world.client(f"{JUDGE} plants", world.redis().set, OTHERS, "17")
    for number, (name, steps) in enumerate(list(plan.items())[:clients]):
        jitter = 0.01 + 0.004 * world.draws(f"start{number}")()
        run.process(name, _deed(answer, run, name), [(when + jitter, what) for when, what in steps])
    world.client(f"{JUDGE} looks", world.redis().get, OTHERS, start=4.5)
    return run


def _deed(answer: Answer, run: Flushed, name: str) -> Callable[[Act], Awaitable[Any]]:
    """Each process has one object of its own, as in life."""
    service = cache(partial(answer, run.world.redis(), ttl=TTL))

    async def deed(act: Act) -> Any:
        if act.what != "flush":
            return await service().read(USERS[act.what], run.load_for(name, USERS[act.what]))
        await service().flush()
        return None  # whatever it returns

    return deed


# -- judges ------------------------------------------------------------------------------------------------------------


def _value(run: Play) -> Iterator[Found]:
    """Each process that no fault hit gets a row of the user that it asked for."""
    for act in answered(run):
        if act.failed:
            yield failure(act), act.who, act.began, "fails"
        elif act.what != "flush" and ((row := run.witness.row(act)) is None or row.user != USERS[act.what]):
            whose = "which is another user's row" if row is not None else "which no load gave"
            yield f"{act.who} was given {shown(act.result)}, {whose}.", act.who, act.began, "wrong"


def _fresh(run: Play) -> Iterator[Found]:
    """No read that begins after a flush has returned gives what was loaded from before that flush began."""
    for act in run.witness.reads():
        row = run.witness.row(act)
        for flush in run.witness.did("flush"):
            if row is not None and flush.done and flush.ended <= act.began and row.began < flush.began:
                text = (
                    f"{flush.who} flushed from {ms(flush.began)} to {ms(flush.ended)}; at {ms(act.began)} {act.who} "
                    f"was served a row whose load had begun at {ms(row.began)}."
                )
                yield text, act.who, act.began, "served from before the flush"


@undisturbed
def _others(run: Play) -> Iterator[Found]:
    """A flush leaves alone what is not its own."""
    if [event.reply for event in seen(run, f"{JUDGE} looks")] != [b"17"]:
        flush = next(iter(run.witness.did("flush")), None)
        who, when = (flush.who, flush.began) if flush else ("c1", 0.0)
        yield f"{OTHERS} is another program's key, and is gone.", who, when, "another's key"


@undisturbed
def _expires(run: Play) -> Iterator[Found]:
    """What was stored is loaded again when its ttl is over."""
    for last in run.witness.reads()[-1:]:
        if last.began > 3.9 and last.done and cost(run, last)[1] == 0:
            text = f"A row that was stored with ttl = 2 s at about 0.9 s was still served at {ms(last.began)}."
            yield text, last.who, last.began, "outlives its ttl"


@undisturbed
def _hit(run: Play) -> Iterator[Found]:
    """Of c1: its second read before the flush, and its second one after, find everything as it was."""
    for act in [act for act in run.witness.did("read", "c1") if act.began < 2][1::2]:
        trips, loaded = cost(run, act)
        if act.done and (trips, loaded) != (1, 0):
            text = (
                f"Nothing had changed since c1 last read, and its read at {ms(act.began)} took {trips} round trips "
                f"and {loaded} loads; 1 and 0 will do."
            )
            yield text, act.who, act.began, "a hit"


@undisturbed
def _one_trip(run: Play) -> Iterator[Found]:
    """A flush asks Redis once, however many keys there are."""
    for act in run.witness.did("flush"):
        trips, _ = cost(run, act)
        if act.done and trips != 1:
            yield f"The flush at {ms(act.began)} took {trips} round trips; 1 will do.", act.who, act.began, "a flush"


def clues(failing: Failing) -> Iterator[str]:
    """What c1 sent for its flush in the first run; then the broken promises."""
    for flush in [flush for flush in failing.first.witness.did("flush")[:1] if flush.over]:
        names = {event.name for event in sent(failing.first, flush)}
        yield from named({
            "flushes-everything": names & {"FLUSHDB", "FLUSHALL"},
            "deletes-the-keys": names & {"KEYS", "SCAN", "DEL", "UNLINK"},
            "remembers": "flushed" in failing,
            "asks-again": "overtaken" in failing,
            "goes-back": "never-back" in failing,
            "never-expires": "expires" in failing,
            "asks-twice": "hit" in failing,
        })  # fmt: skip


RULES = Rules(a_class("redis, *, ttl", {"read": "user, load", "flush": ""}), trials, clues)
