"""03.6, write the invariant: the answer reads runs; it is judged on many runs of broken limiters and of a right one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial, wraps
from typing import Any

from redis.exceptions import RedisError

from course_lib.explore import Play, Schedule, Simulation, Trial, play, steady
from course_lib.grading.acts import Act, Acts
from course_lib.grading.answer import ask, plain_function
from course_lib.lessons.atomicity import programs
from course_lib.lessons.atomicity.programs import LIMIT, WINDOW
from course_lib.grading.evidence import ms, of
from course_lib.grading.rules import LOSSES, Found, Rules, trial
from course_lib.grading.write_the_property import Cases, misread, watched
from course_lib.trace import Note, Trace

Invariant = Callable[[Play], Any]
Limiter = Callable[..., Awaitable[bool]]
Plan = Callable[[Simulation, int], list[float]]
YES, NO, UNKNOWN = "admitted", "refused", "unknown"
"""The kinds of note that stand for a request: UNKNOWN, if its client heard nothing."""
GRID, ASKED = 0.75, 6
"""Seconds between two moments of a plan, of which none is near a whole window; and how often each client asks."""


def trials(answer: Invariant) -> list[Trial]:
    """Runs at one moment, in every order; and runs of half a minute, also with a fault at every command."""
    some: dict[str, Any] = {"sizes": (1, 2, 3), "seeds": 4}
    struck: dict[str, Any] = {"sizes": (1, 2), "seeds": 2, "faults": LOSSES, "fault_seeds": 2}
    at_once: dict[str, Any] = {"sizes": (3,), "orders": (3,), "least": 3}

    def watch(promise: str, name: str, limiter: Limiter, plan: Plan, **options: Any) -> Trial:
        return watched(answer, broken, promise, name, partial(_build, limiter, plan), says=told,
                       silent=" Your invariant said nothing.", horizon=60.0, **options)  # fmt: skip

    return [
        watch("catches-race", "looks, then adds", programs.checks_then_logs, _at_once, **at_once),
        watch("catches-window", "fixed windows", programs.counts_and_expires, _in_time, **some),
        watch("catches-blocked", "INCR, then EXPIRE", programs.counts_then_expires, _in_time,
              **{**struck, "fault_seeds": 1}),
        watch("catches-blocked", "logs all", programs.logs_all, _in_time, **some),
        watch("accepts", "the right one", programs.logs_the_admitted, _in_time, **struck),
        watch("accepts", "exactly one window later", programs.logs_the_admitted, _to_the_second, sizes=(1,),
              world=partial(Simulation, latency=steady(2**-10))),
        watch("accepts", "the right one, at one moment", programs.logs_the_admitted, _at_once, faults=LOSSES,
              **at_once),
    ]  # fmt: skip


def told(answer: Invariant, run: Play) -> str | None:
    """What the invariant says of a run: a sentence, or the first violation that it yields; None if it says nothing."""

    @wraps(answer)
    def reads(trace: Trace) -> Any:
        results = dict(run.results)
        found = answer(replace(run, trace=trace, results=results, witness=None, violations=[], world=None))
        if isinstance(found, Iterable) and not isinstance(found, str):
            found = next((getattr(one, "text", one) for one in found), None)
        return found

    return ask(reads, run.trace)


def broken(run: Play) -> Iterator[Found]:
    """Within a window one too many is admitted, or one is refused while there is room."""
    asked = sorted((n for n in run.trace.notes if n.kind in (YES, NO, UNKNOWN)), key=lambda note: note.t_start)
    admitted = [note for note in asked if note.kind == YES]
    for first, last in zip(admitted, admitted[LIMIT:], strict=False):
        if last.t_start - first.t_start < WINDOW:
            within = ms(last.t_start - first.t_start)
            text = f"{LIMIT + 1} were admitted within {within}; the limit is {LIMIT} in {WINDOW} s."
            yield text, last.who, last.t_start, "one too many"
    for note in asked:
        before = [one for one in asked if note.t_start - WINDOW < one.t_start < note.t_start and one.kind != NO]
        if note.kind == NO and len(before) < LIMIT:
            at = ms(note.t_start)
            text = f"{note.who} was refused at {at}, and at most {len(before)} had been admitted in {WINDOW} s."
            yield text, note.who, note.t_start, "refused, and there is room"


def example(limiter: Limiter) -> Play:
    """One run of two clients of a limiter, to be looked at."""
    return play(trial("an example", partial(_build, limiter, _in_time), {}, horizon=60.0), Schedule(2))


# -- runs -------------------------------------------------------------------------------------------------------------


def _build(limiter: Limiter, plan: Plan, world: Simulation, clients: int) -> None:
    """Each client asks when its plan says; a note says what it heard, and when the server decided that."""
    acts = Acts(world)

    async def ask(act: Act) -> None:
        note = world.note(act.who, UNKNOWN)
        try:
            allowed = await limiter(world.redis(), "hits", act.what)
        except RedisError:
            return
        note.kind, note.t_start = YES if allowed else NO, max(e.t_server or 0.0 for e in of(world.trace, act.who))

    for number in range(1, clients + 1):
        name, whens = f"c{number}", plan(world, number)
        acts.process(name, ask, [(when, f"{name}-{request}") for request, when in enumerate(whens, 1)])


def _at_once(world: Simulation, number: int) -> list[float]:
    return [0.0]


def _in_time(world: Simulation, number: int) -> list[float]:
    """Some times in half a minute; no two requests are almost a window apart."""
    draw = world.draws(f"c{number}")
    return [GRID * step + 0.03 * number for step in sorted({int(draw() * 40) for _ in range(ASKED)})]


def _to_the_second(world: Simulation, number: int) -> list[float]:
    """With messages that always take as long, two requests lie exactly one window apart."""
    return [0, 1, 10, 10.5, 11]


# -- clues: what does the invariant say of small runs made by hand? ---------------------------------------------------


def _run(*made: tuple[float, str]) -> Callable[[], Play]:
    def build() -> Play:
        notes = [Note("c1", kind, when) for when, kind in made]
        return Play(Schedule(1), Trace("simulated", 0, [], notes), {"c1": None}, None, 60.0, 0)

    return build


CASES: Cases = {
    "cries-wolf": (_run((0, YES), (1, YES)), True),
    "says-nothing": (_run((0, YES), (1, YES), (2, YES)), False),
    "counts-the-whole-run": (_run((0, YES), (1, YES), (15, YES), (16, YES)), True),
    "calendar-windows": (_run((8, YES), (9, YES), (11, YES)), False),
    "a-window-too-long": (_run((0, YES), (1, YES), (10, YES), (11, YES)), True),
    "only-too-many": (_run((0, YES), (1, NO)), False),
    "forbids-refusals": (_run((0, YES), (1, YES), (2, NO)), True),
    "room-for-ever-taken": (_run((0, YES), (1, YES), (15, NO)), False),
    "refusals-take-room": (_run((0, YES), (1, YES), (5, NO), (10.5, NO)), False),
    "forgets-the-unknown": (_run((0, UNKNOWN), (1, YES), (2, NO)), True),
    "unknown-is-admitted": (_run((0, UNKNOWN), (1, YES), (2, YES)), True),
    "looks-ahead": (_run((0, YES), (1, NO), (2, YES)), False),
}

RULES = Rules(plain_function("run"), trials, misread(CASES, told), learners_code=False)
