"""02.2, a rolling deploy: processes of version 2, the answer, beside some of version 1, which nobody can change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from course_lib.explore import Play, Schedule, Simulation, Trial, Violation, play
from course_lib.grading.database import until
from course_lib.grading.evidence import life_ms, loads, ms, shown
from course_lib.grading.acts import Act, Acts, answered, cost, undisturbed, world
from course_lib.lessons.keys.programs import ProfilesV1

TTL = 2.0
SURNAMES = ("Lee", "Moore", "Diaz", "Okafor", "Sato", "Kaya", "Novak", "Silva", "Weiss", "Aziz", "Berg", "Costa")
"""Of which a run draws two: who remembers the last run knows neither."""
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
            note, found = self.world.note(client, "load"), dict(self.now)
            await until(self.world, self.world.now() + 0.01)
            note.t_end = self.world.now()
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


def rolling(answer: Answer) -> list[Trial]:
    """One process after another with one fault at every send; then readers of both versions during a write."""
    faults: dict[Any, float] = {"crash": 0.0, "pause": 0.1, "lose request": 0.0, "lose reply": 0.0}
    return [
        Trial("read, write, read", ("shape", "fresh", "expires", "cost"), partial(_build, answer, ALL_IN_TURN),
              _judge_all, sizes=(1, 2, 3), seeds=4, faults=faults, fault_sizes=(3,), world=world, horizon=8.0),
        Trial("reads during a write", ("fresh",), partial(_build, answer, MEANWHILE), _fresh,
              sizes=(2, 3), seeds=12, least=2, world=world, horizon=3.0),
    ]  # fmt: skip


def _build(answer: Answer, plan: dict[str, list[tuple[float, str]]], world: Simulation, clients: int) -> Deploy:
    deploy = Deploy(world, database=Profiles(world))
    for number, (name, steps) in enumerate(list(plan.items())[:clients]):
        load, save = deploy.database.load_for(name), deploy.database.save
        made = partial(ProfilesV1 if name.startswith("v1") else answer, world.redis(), load, save, ttl=TTL)
        jitter = 0.002 * world.draws(f"start{number}")()
        deploy.process(name, _deeds(made, deploy.database), [(when + jitter, what) for when, what in steps])
    return deploy


def _deeds(made: Callable[[], Any], database: Profiles) -> dict[str, Callable[[], Awaitable[Any]]]:
    """What a process can do; it makes its object when it first needs it, so that an error is the process's own."""
    kept: list[Any] = []

    def service() -> Any:
        if not kept:
            kept.append(made())
        return kept[0]

    async def read() -> Any:
        return await service().read("42")

    async def write() -> Any:
        return await service().write("42", dict(database.new))

    return {"read": read, "write": write}


def _judge_all(run: Play) -> Iterator[Violation]:
    for judge in (_shape, _fresh, _expires, _cost):
        yield from judge(run)


def _is(act: Act, profile: dict[str, str]) -> bool:
    """Version 1 has one name where version 2 has two."""
    wanted: Any = f"{profile['first']} {profile['last']}" if act.who.startswith("v1") else profile
    if type(act.result) is not type(wanted):
        return False  # no object's own notion of being equal counts, nor that of one within it
    inside = [part for pair in act.result.items() for part in pair] if type(act.result) is dict else []
    return all(type(part) is str for part in inside) and bool(act.result == wanted)


def _shape(run: Play) -> Iterator[Violation]:
    """Everybody whom no fault hit gets a profile, in the shape of the version that it runs."""
    database = run.witness.database
    for act in answered(run):
        if isinstance(act.result, BaseException):
            said = f"{type(act.result).__name__}: {str(act.result).rstrip('.')}"
            crashed = "could not read what it found" if act.who.startswith("v1") else "failed"
            yield Violation("shape", f"{act.who} {crashed} at {ms(act.began)}: {said}.", act.who, act.began, "crashes")
            return
        if act.what == "read" and not (_is(act, database.old) or _is(act, database.new)):
            text = f"{act.who} read {shown(act.result)} at {ms(act.began)}; the profile is {database.old}."
            yield Violation("shape", text, act.who, act.began, "no profile")
            return


def _fresh(run: Play) -> Iterator[Violation]:
    """A read that begins after a write has returned sees what was written."""
    written = next((act for act in run.witness.did("write") if act.done), None)
    if written is None:
        return
    for act in run.witness.did("read"):
        if act.began >= written.ended and act.done and not _is(act, run.witness.database.new):
            read = f"at {ms(act.began)} {act.who} read {shown(act.result)}, which is old"
            text = f"The write had returned at {ms(written.ended)}; {read}."
            yield Violation("fresh", text, act.who, act.began, "stale")
            return


def _expires(run: Play) -> Iterator[Violation]:
    """Whatever happens to the writer, nothing lives longer than its ttl."""
    database, found = run.witness.database, loads(run.trace)
    for act in run.witness.did("read"):
        if act.began < 4.0 or not act.done or not act.who.startswith("v2"):
            continue
        loaded = any(load.who.startswith("v2") and load.start >= 4.0 for load in found)
        old = database.committed is not None and database.committed < 1.0 and not _is(act, database.new)
        if old or not loaded:
            what = "An old profile" if old else "A profile that had been stored at 1.4 s, with ttl = 2 s,"
            text = f"{what} was served at {ms(act.began)}."
            yield Violation("expires", text, act.who, act.began, "outlives its ttl")
            return


def _cost(run: Play) -> Iterator[Violation]:
    """Of v2-a: its second read finds what the first stored, and its write asks Redis once."""
    for acts in undisturbed(run):
        hit = acts.did("read", "v2-a")[1:2]
        for act, trips, most_loads in [(act, 1, 0) for act in hit] + [(act, 1, 9) for act in acts.did("write", "v2-a")]:
            found = cost(run, act)
            if act.done and (found[0] > trips or found[1] > most_loads):
                spent = f"{found[0]} round trips and {found[1]} loads"
                text = f"The {act.what} at {ms(act.began)} took {spent}; 1 round trip will do."
                yield Violation("cost", text, act.who, act.began, f"a {act.what}")
                return


# -- clues: what did version 2 send in a run without a fault? ----------------------------------------------------------


def clue(answer: Answer, failing: Mapping[str, Play]) -> str | None:
    """The mistake that the commands of version 2's process point to."""
    run = play(rolling(answer)[0], Schedule(1))
    write = next(iter(run.witness.did("write")), None)
    if write is None:
        return None
    sets = [event for event in run.trace if event.name in ("SET", "SETEX", "PSETEX") and event.t_start < write.began]
    lives = [life for event in sets if (life := life_ms(event)) is not None]
    if any(b":v1:" in event.command[1] for event in sets):
        return "shares-v1s-key"
    if sets and not lives:
        return "never-expires"
    if lives and not 0.5 < lives[0] / (TTL * 1000) < 2:
        return "wrong-unit"
    if run.witness.database.committed is None:
        return "never-saves"
    sent = [event for event in run.trace if write.began <= event.t_start <= (write.ended or run.now)]
    touched = b" ".join(part for event in sent for part in event.command)
    if b":v1:" not in touched:
        return "forgets-v1"
    if b":v2:" not in touched:
        return "forgets-v2"
    if any(event.t_start < run.witness.database.committed for event in sent):
        return "deletes-first"
    return "two-trips" if "cost" in failing and len(sent) > 1 else None
