"""02.2, a rolling deploy: processes of version 2, the answer, beside some of version 1, which nobody can change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from course_lib.explore import Play, Simulation, Trial, until
from course_lib.grading.acts import Act, Acts, answered, cost, sent
from course_lib.grading.answer import a_class
from course_lib.grading.database import load_takes
from course_lib.grading.evidence import life_ms, loads, ms, raised, shown
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, named, trial, undisturbed
from course_lib.lessons.keys.programs import ProfilesV1

TTL = 2.0
SURNAMES = ("Lee", "Moore", "Diaz", "Okafor", "Sato", "Kaya", "Novak", "Silva", "Weiss", "Aziz", "Berg", "Costa")
"""Of which a run draws two: an answer that remembers the last run knows neither."""
Answer = Callable[..., Any]


@dataclass
class Profiles:
    """The database: one profile. A load takes 10 ms and gives what it found first; a save commits at its end."""

    world: Simulation
    committed: float | None = None

    def __post_init__(self) -> None:
        drawn = int(self.world.draws("name")() * len(SURNAMES) * (len(SURNAMES) - 1))
        first, further = drawn % len(SURNAMES), drawn // len(SURNAMES) + 1
        self.old = {"first": "Ann", "last": SURNAMES[first]}
        self.new = {"first": "Ann", "last": SURNAMES[(first + further) % len(SURNAMES)]}
        self.now = self.old

    def load_for(self, client: str) -> Callable[[str], Awaitable[dict[str, str]]]:
        """The load that one process is given."""

        async def load(user: str) -> dict[str, str]:
            found = dict(self.now)
            await load_takes(0.01, self.world, client)
            return found

        return load

    async def save(self, user: str, profile: dict[str, str]) -> None:
        """Commit a profile."""
        copy = dict(profile)
        await until(self.world, self.world.now() + 0.01)
        self.now, self.committed = copy, self.world.now()


@dataclass
class Deploy(Acts):
    """The acts of a deploy, and its database."""

    database: Profiles = field(kw_only=True)


ALL_IN_TURN = {
    "v2-a": [(0.0, "read"), (0.3, "read"), (0.7, "write"), (1.4, "read"), (4.2, "read")],
    "v1-a": [(0.05, "read"), (1.4, "read"), (4.2, "read")],
    "v2-b": [(0.1, "read"), (1.4, "read"), (4.2, "read")],
}
"""Reads before a write, after it, and once more when whatever was stored before must have expired."""
MEANWHILE = {
    "v2-a": [(0.0, "read"), (0.3, "write"), (0.6, "read")],
    "v1-a": [(0.0, "read"), *((0.298 + 0.004 * n, "read") for n in range(6)), (0.6, "read")],
    "v2-b": [(0.1, "read"), *((0.299 + 0.004 * n, "read") for n in range(6)), (0.6, "read")],
}
"""Processes of both versions read on while one writes; both have the profile in the cache when it begins."""


def trials(answer: Answer) -> list[Trial]:
    """One process after another with one fault at every send; then readers of both versions during a write."""
    return [
        trial("read, write, read", partial(_build, answer, ALL_IN_TURN),
              {"shape": _shape, "fresh": _fresh, "expires": _expires, "cost": _cost}, sizes=(1, 2, 3), seeds=4,
              faults={**LOSSES, "pause": 0.1}, fault_sizes=(3,), horizon=8.0),
        trial("reads during a write", partial(_build, answer, MEANWHILE), {"fresh": _fresh}, sizes=(2, 3), seeds=12,
              least=2, horizon=3.0),
    ]  # fmt: skip


def _build(answer: Answer, plan: dict[str, list[tuple[float, str]]], world: Simulation, clients: int) -> Deploy:
    run = Deploy(world, database=Profiles(world))
    for number, (name, steps) in enumerate(list(plan.items())[:clients]):
        jitter = 0.002 * world.draws(f"start{number}")()
        run.process(name, _deed(answer, run.database, name), [(when + jitter, what) for when, what in steps])
    return run


def _deed(answer: Answer, database: Profiles, name: str) -> Callable[[Act], Awaitable[Any]]:
    """A process makes its object when it first needs it, so that an error is the process's own."""
    kind = ProfilesV1 if name.startswith("v1") else answer
    service = cache(partial(kind, database.world.redis(), database.load_for(name), database.save, ttl=TTL))

    async def deed(act: Act) -> Any:
        if act.what == "read":
            return await service().read("42")
        return await service().write("42", dict(database.new))

    return deed


def _is(act: Act, profile: dict[str, str]) -> bool:
    """Version 1 has one name where version 2 has two."""
    wanted: Any = f"{profile['first']} {profile['last']}" if act.who.startswith("v1") else profile
    if type(act.result) is not type(wanted):
        return False  # no object's own notion of being equal counts, nor that of one within it
    inside = [part for pair in act.result.items() for part in pair] if type(act.result) is dict else []
    return all(type(part) is str for part in inside) and bool(act.result == wanted)


def _shape(run: Play) -> Iterator[Found]:
    """Each process that no fault hit gets a profile, in the shape of the version that it runs."""
    database = run.witness.database
    for act in answered(run):
        if act.failed:
            crashed = "could not read what it found" if act.who.startswith("v1") else "failed"
            yield f"{act.who} {crashed} at {ms(act.began)}: {raised(act.result)}.", act.who, act.began, "crashes"
        elif act.what == "read" and not (_is(act, database.old) or _is(act, database.new)):
            text = f"{act.who} read {shown(act.result)} at {ms(act.began)}; the profile is {database.old}."
            yield text, act.who, act.began, "no profile"


def _fresh(run: Play) -> Iterator[Found]:
    """A read that begins after a write has returned sees what was written."""
    for written in [act for act in run.witness.did("write") if act.done][:1]:
        for act in run.witness.did("read"):
            if act.began >= written.ended and act.done and not _is(act, run.witness.database.new):
                read = f"at {ms(act.began)} {act.who} read {shown(act.result)}, which is old"
                yield f"The write had returned at {ms(written.ended)}; {read}.", act.who, act.began, "stale"


def _expires(run: Play) -> Iterator[Found]:
    """Whatever happens to the writer, nothing lives longer than its ttl."""
    database = run.witness.database
    loaded = any(load.who.startswith("v2") and load.start >= 4.0 for load in loads(run.trace))
    for act in run.witness.did("read", "v2"):
        old = database.committed is not None and database.committed < 1.0 and not _is(act, database.new)
        if act.began >= 4.0 and act.done and (old or not loaded):
            what = "An old profile" if old else "A profile that had been stored at 1.4 s, with ttl = 2 s,"
            yield f"{what} was served at {ms(act.began)}.", act.who, act.began, "outlives its ttl"


@undisturbed
def _cost(run: Play) -> Iterator[Found]:
    """Of v2-a: its second read finds what the first stored, and its write asks Redis once."""
    hit, writes = run.witness.did("read", "v2-a")[1:2], run.witness.did("write", "v2-a")
    for act, most_loads in [(act, 0) for act in hit] + [(act, 9) for act in writes]:
        trips, loaded = cost(run, act)
        if act.done and (trips > 1 or loaded > most_loads):
            spent = f"{trips} round trips and {loaded} loads"
            text = f"The {act.what} at {ms(act.began)} took {spent}; 1 round trip will do."
            yield text, act.who, act.began, f"a {act.what}"


def clues(failing: Failing) -> Iterator[str]:
    """What version 2 sent in the first run before its write, and for it."""
    run, committed = failing.first, failing.first.witness.database.committed
    for write in run.witness.did("write")[:1]:
        sets = [e for e in run.trace if e.name in ("SET", "SETEX", "PSETEX") and e.t_start < write.began]
        lives = [life / (TTL * 1000) for event in sets if (life := life_ms(event)) is not None]
        touched = b" ".join(part for event in sent(run, write) for part in event.command)
        yield from named({
            "shares-v1s-key": any(b":v1:" in event.command[1] for event in sets),
            "never-expires": sets and not lives,
            "wrong-unit": lives and not 0.5 < lives[0] < 2,
            "never-saves": committed is None,
            "forgets-v1": b":v1:" not in touched,
            "forgets-v2": b":v2:" not in touched,
            "deletes-first": any(event.t_start < (committed or 0.0) for event in sent(run, write)),
            "two-trips": "cost" in failing and len(sent(run, write)) > 1,
        })  # fmt: skip


RULES = Rules(a_class("redis, load, save, *, ttl", {"read": "user", "write": "user, profile"}), trials, clues)
