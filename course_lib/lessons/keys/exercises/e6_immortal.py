"""02.6, write the property: the answer reads traces: of two broken programs and right ones, made up, and drawn."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from course_lib.explore import Play, Simulation, Trial, until
from course_lib.grading.answer import ask, plain_function
from course_lib.grading.evidence import JUDGE, seen
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, named, trial
from course_lib.grading.write_the_property import Property, of_run
from course_lib.lessons.keys import programs
from course_lib.lessons.keys.exercises.e6_runs import KEYS, MISTAKES, RUNS, Run

Program = Callable[..., Awaitable[None]]
Alive = Callable[[Play], set[str] | None]
"""The keys that will never expire; None if a fault kept the judge from asking."""


def trials(answer: Property) -> list[Trial]:
    """Runs that leave a key without a TTL, and runs that leave none although it may look so."""
    own = partial(_judge, answer, immortal_in)

    def watch(promise: str, name: str, program: Program, **options: Any) -> Trial:
        return trial(name, partial(_build, program), {promise: own}, sizes=(1, 2), horizon=5.0, **options)

    return [
        watch("catches-set", "a second SET", programs.sets_again, faults=LOSSES),
        watch("catches-steps", "SET, then PEXPIRE", programs.in_two_steps, faults=LOSSES),
        trial("a run made up", _make, {"rules": partial(_judge, answer, _made_up)}, sizes=(1,), seeds=len(RUNS)),
        trial("commands drawn by lot", _draw, {"rules": own}, sizes=(1, 2), seeds=24, horizon=5.0),
        watch("accepts", "the right program", programs.keeps_the_ttl, seeds=4, faults=LOSSES),
        watch("accepts", "one that tidies up", programs.tidies_up, seeds=2),
    ]


def _judge(answer: Property, alive: Alive, run: Play) -> Iterator[Found]:
    """If the judge itself cannot say what is left, nothing is asked of the run."""
    if (keys := alive(run)) is None:
        return
    said, mine = of_run(answer, run), [event for event in run.trace if not event.client.startswith(JUDGE)]
    for key in sorted(keys):
        last = [event for event in mine if key.encode() in event.command][-1]
        where = (last.client, last.t_start, "lives for ever")
        if said is None:
            yield f"{key} has no TTL and will never expire; your property returned None.", *where
        elif not any(names(said, one) for one in keys):
            yield f"{key} has no TTL and will never expire, and your property does not name it: {said}", *where
    if said is not None and not keys:
        yield (f"Every key expires or is gone in this run, and yet your property objects: {said}",)
    words = {word.decode() for event in mine for word in event.command[1:] if word.startswith(b"app:")}
    for key in sorted(words - keys):
        if said is not None and names(said, key):
            yield (f"{key} expires or is gone, and your property names it: {said}",)


def names(said: str, key: str) -> bool:
    """Does the sentence name that key, as text or as Python shows bytes, and not only one that begins so?"""
    return any(re.search(re.escape(form) + r"(?!:?\w)", said) for form in (key, repr(key.encode())[2:-1]))


def immortal_in(run: Play) -> set[str] | None:
    """The keys that the server itself says will never expire; None if a fault kept the judge from asking."""
    asked = seen(run, JUDGE)
    if not asked or asked[0].name != "KEYS" or len(asked) != 1 + len(asked[0].reply):
        return None
    return {event.command[1].decode() for event in asked[1:] if event.reply == -1}


async def _look(redis: Any) -> None:
    for key in sorted(await redis.keys()):
        await redis.pttl(key)


def _build(program: Program, world: Simulation, clients: int) -> None:
    redis = world.redis()
    for number in range(1, clients + 1):
        key = f"app:user:visits:v1:{number}"
        world.client(f"c{number}", program, redis, key, 60.0, start=0.01 * world.draws(f"start{number}")())
    world.client(JUDGE, _look, redis, start=2.0)


def _make(world: Simulation, clients: int) -> Run:
    """No client runs: the trace exists already."""
    run = RUNS[world.seed % len(RUNS)]
    world.trace.events.extend(run.trace())
    return run


def _made_up(run: Play) -> set[str]:
    made: Run = run.witness
    return made.immortal


def _draw(world: Simulation, clients: int) -> None:
    """Each client sends eight commands of the contract, to the same few keys, and two can be under way at once."""
    redis = world.redis()
    for number in range(1, clients + 1):
        world.client(f"c{number}", _sends, world, redis, number)
    world.client(JUDGE, _look, redis, start=2.0)


async def _sends(world: Simulation, redis: Any, number: int) -> None:
    draw = world.draws(f"c{number}")

    def one(*of: Any) -> Any:
        return of[int(draw() * len(of))]

    for turn in range(8):
        await until(world, turn * 0.01)
        kind, key = one("SET", "SET", "SET", "PEXPIRE", "DEL"), one(*KEYS)
        life = one([], ["PX", "60000"], ["EX", "60"], ["KEEPTTL"])
        options = [life, one([], [], ["NX"], ["XX"])]
        rest = {
            "SET": [one("1", "PX", "KEEPTTL", "NX"), *chain(*(options if draw() < 0.5 else options[::-1]))],
            "PEXPIRE": ["60000"],
            "DEL": one([], [one(*KEYS)]),
        }  # fmt: skip
        await redis.execute_command(kind, key, *rest[kind])


def clues(failing: Failing) -> Iterator[str]:
    """The mistakes by which it misreads all small runs that are made up for them."""

    def misread(run: Run) -> bool:
        return (ask(failing.answer, run.trace()) is not None) != bool(run.immortal)

    yield from named({name: all(map(misread, runs)) for name, runs in MISTAKES.items()})
    if not any(names(ask(failing.answer, run.trace()) or "", KEYS[0]) for run in RUNS if run.left == "a"):
        yield "names-no-key"


RULES = Rules(plain_function("trace"), trials, clues, learners_code=False)
