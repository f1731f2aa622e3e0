"""02.6, write the property: the answer reads traces; it is judged on runs of two broken programs and a right one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from course_lib.explore import Play, Simulation, Trial
from course_lib.grading.answer import plain_function
from course_lib.grading.evidence import JUDGE, seen
from course_lib.grading.rules import LOSSES, Found, Rules
from course_lib.grading.write_the_property import Cases, Property, misread, of_run, watched
from course_lib.lessons.keys import programs
from course_lib.trace import Event, Trace

Program = Callable[..., Awaitable[None]]


def trials(answer: Property) -> list[Trial]:
    """Runs that leave a key without a TTL, and runs that leave none although it may look so."""

    def watch(promise: str, name: str, program: Program, **options: Any) -> Trial:
        return watched(answer, _immortal, promise, name, partial(_build, program), says=_said, sizes=(1, 2),
                       horizon=5.0, well="Every key expires or is deleted", **options)  # fmt: skip

    return [
        watch("catches-set", "a second SET", programs.sets_again, faults=LOSSES),
        watch("catches-steps", "SET, then PEXPIRE", programs.in_two_steps, faults=LOSSES),
        watch("accepts", "the right program", programs.keeps_the_ttl, seeds=4, faults=LOSSES),
        watch("accepts", "one that tidies up", programs.tidies_up, seeds=2),
    ]


def _said(answer: Property, run: Play) -> str | None:
    """Nothing is asked of a run of which the judge itself cannot say what is left."""
    return None if immortal_in(run) is None else of_run(answer, run)


def _immortal(run: Play) -> Iterator[Found]:
    for key in immortal_in(run) or ():
        last = [event for event in run.trace if event.client != JUDGE and key.encode() in event.command][-1]
        yield f"{key} has no TTL and will never expire", last.client, last.t_start, "lives for ever"


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


OK, LOST = b"OK", object()
"""Replies: the second one to a request that never arrived."""


def _trace(*made: tuple[str, Any]) -> Callable[[], Trace]:
    """Commands of one client, 10 ms apart, each with its reply."""

    def event(at: float, text: str, reply: Any) -> Event:
        arrived, said, fault = (None, None, "request lost") if reply is LOST else (at + 0.001, reply, None)
        return Event("c1", "redis", tuple(map(str.encode, text.split())), at, arrived, at + 0.002, said, fault)

    return lambda: Trace("simulated", 0, [event(number * 0.01, *one) for number, one in enumerate(made)])


CASES: Cases = {
    "cries-wolf": (_trace(("SET a 1 PX 1000", OK)), True),
    "says-nothing": (_trace(("SET a 1", OK)), False),
    "one-command-at-a-time": (_trace(("SET a 1", OK), ("PEXPIRE a 1000", 1)), True),
    "forgets-del": (_trace(("SET a 1", OK), ("DEL a", 1)), True),
    "blames-keepttl": (_trace(("SET a 1 PX 1000", OK), ("SET a 2 XX KEEPTTL", OK)), True),
    "once-is-for-ever": (_trace(("SET a 1 PX 1000", OK), ("SET a 2", OK)), False),
    "counts-what-was-lost": (_trace(("SET a 1", OK), ("PEXPIRE a 1000", LOST)), False),
    "mixes-keys": (_trace(("SET a 1", OK), ("SET b 1", OK), ("PEXPIRE b 1000", 1)), False),
    "blames-what-never-ran": (_trace(("SET a 1 NX PX 1000", OK), ("SET a 2 NX", None)), True),
}

RULES = Rules(plain_function("trace"), trials, misread(CASES), learners_code=False)
