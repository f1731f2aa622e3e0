"""02.6, write the property: the answer reads traces; it is judged on runs of two broken programs and a right one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from course_lib.explore import Play, Simulation, Trial, Violation
from course_lib.grading.answer import ask
from course_lib.grading.evidence import JUDGE, seen
from course_lib.grading.write_the_property import Cases, Property, agreed, misread
from course_lib.lessons.keys import programs
from course_lib.grading.acts import world
from course_lib.trace import Event, Trace

Program = Callable[..., Awaitable[None]]


def watching(answer: Property) -> list[Trial]:
    """Runs that leave a key without a TTL, and runs that leave none although it may look so."""
    faults: dict[Any, float] = {"crash": 0.0, "lose request": 0.0, "lose reply": 0.0}
    return [
        _watched(answer, "a second SET", "catches-set", programs.sets_again, sizes=(1, 2), faults=faults),
        _watched(answer, "SET, then PEXPIRE", "catches-steps", programs.in_two_steps, sizes=(1, 2), faults=faults),
        _watched(answer, "the right program", "accepts", programs.keeps_the_ttl, sizes=(1, 2), seeds=4, faults=faults),
        _watched(answer, "one that tidies up", "accepts", programs.tidies_up, sizes=(1, 2), seeds=2),
    ]  # fmt: skip


def _watched(answer: Property, name: str, promise: str, program: Program, **options: Any) -> Trial:
    def judge(run: Play) -> Iterator[Violation]:
        immortal = immortal_in(run)
        if immortal is None:
            return
        wrong = None
        if immortal:
            last = [event for event in run.trace if event.client != JUDGE and immortal[0].encode() in event.command][-1]
            text = f"{immortal[0]} has no TTL and will never expire; your property returned None."
            wrong = Violation(promise, text, last.client, last.t_start, "lives for ever")
        said = ask(answer, run.trace.where(lambda event: not event.client.startswith(JUDGE)))
        yield from agreed(wrong, said, promise, "Every key expires or is deleted")

    return Trial(name, (promise,), partial(_build, program), judge, world=world, horizon=5.0, **options)


def immortal_in(run: Play) -> list[str] | None:
    """The keys that the server itself says will never expire; None if a fault kept the judge from asking."""
    asked = seen(run, JUDGE)
    if not asked or asked[0].name != "KEYS" or len(asked) != 1 + len(asked[0].reply):
        return None
    return [event.command[1].decode() for event in asked[1:] if event.reply == -1]


def _build(program: Program, world: Simulation, clients: int) -> None:
    redis = world.redis()

    async def look() -> None:
        for key in sorted(await redis.keys()):
            await redis.pttl(key)

    for number in range(1, clients + 1):
        key = f"app:user:visits:v1:{number}"
        world.client(f"c{number}", program, redis, key, 60.0, start=0.01 * world.draws(f"start{number}")())
    world.client(JUDGE, look, start=2.0)


# -- clues: what does the property say of small traces made by hand? ---------------------------------------------------


def clue(answer: Property, failing: Mapping[str, Play]) -> str | None:
    """The misconception that the property's verdicts on small traces point to."""
    return misread(answer, CLUES)


def _trace(*events: Event) -> Callable[[], Trace]:
    return lambda: Trace("simulated", 0, [replace(event) for event in events])


def _event(text: str, at: float, *, reply: Any = b"OK", lost: str | None = None, ran: float | None = None) -> Event:
    t_server = None if lost == "request lost" else at + 0.001 if ran is None else ran
    return Event("c1", "redis", tuple(map(str.encode, text.split())), at, t_server, at + 0.002, reply, lost)


CLUES: Cases = {
    "cries-wolf": (_trace(_event("SET a 1 PX 1000", 0.0)), True),
    "says-nothing": (_trace(_event("SET a 1", 0.0)), False),
    "one-command-at-a-time": (_trace(_event("SET a 1", 0.0), _event("PEXPIRE a 1000", 0.01, reply=1)), True),
    "forgets-del": (_trace(_event("SET a 1", 0.0), _event("DEL a", 0.01, reply=1)), True),
    "blames-keepttl": (_trace(_event("SET a 1 PX 1000", 0.0), _event("SET a 2 XX KEEPTTL", 0.01)), True),
    "once-is-for-ever": (_trace(_event("SET a 1 PX 1000", 0.0), _event("SET a 2", 0.01)), False),
    "counts-what-was-lost": (
        _trace(_event("SET a 1", 0.0), _event("PEXPIRE a 1000", 0.01, reply=None, lost="request lost")), False,
    ),
    "mixes-keys": (
        _trace(_event("SET a 1", 0.0), _event("SET b 1", 0.01), _event("PEXPIRE b 1000", 0.02, reply=1)), False,
    ),
    "blames-what-never-ran": (
        _trace(_event("SET a 1 NX PX 1000", 0.0), _event("SET a 2 NX", 0.01, reply=None)), True,
    ),
}  # fmt: skip
"""Commands, and whether None is the right answer; the first one that is answered wrongly names the mistake."""
