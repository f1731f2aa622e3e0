"""03.6, write the invariant: the answer reads runs; it is judged on many runs of broken limiters and of a right one."""

from __future__ import annotations

import tomllib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial, wraps
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from course_lib.explore import Play, Schedule, Simulation, Trial, play, steady
from course_lib.grading.acts import Act, Acts
from course_lib.grading.answer import ask, plain_function
from course_lib.grading.evidence import ms, of
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, trial
from course_lib.grading.write_the_property import watched
from course_lib.lessons.atomicity import programs
from course_lib.lessons.atomicity.programs import LIMIT, WINDOW
from course_lib.trace import Note, Trace

Invariant = Callable[[Play], Any]
Limiter = Callable[..., Awaitable[bool]]
Plan = Callable[[Simulation, int], list[float]]
YES, NO, UNKNOWN = "admitted", "refused", "unknown"
"""The kinds of note that stand for a request: UNKNOWN, if its client heard nothing."""
GRID, ASKED = 0.75, 6
"""Seconds between two moments of a plan, of which none is near a whole window; and how often each client asks."""


def trials(answer: Invariant) -> list[Trial]:
    """Runs at one moment, in every order; runs of half a minute, also with a fault at every command; runs by hand."""
    some: dict[str, Any] = {"sizes": (1, 2, 3), "seeds": 4}
    struck: dict[str, Any] = {"sizes": (1, 2), "seeds": 2, "faults": LOSSES, "fault_sizes": (2,)}
    at_once: dict[str, Any] = {"sizes": (3,), "orders": (3,), "least": 3}

    def watch(promise: str, name: str, build: Callable[[Simulation, int], Any], **options: Any) -> Trial:
        return watched(answer, broken, promise, name, build, says=told, silent=" Your invariant said nothing.",
                       horizon=60.0, **options)  # fmt: skip

    of = partial(partial, _build)
    return [
        watch("catches-race", "looks, then adds", of(programs.checks_then_logs, _at_once), **at_once),
        watch("catches-window", "fixed windows", of(programs.counts_and_expires, _in_time), **some),
        watch("catches-blocked", "INCR, then EXPIRE", of(programs.counts_then_expires, _in_time), **struck),
        watch("catches-blocked", "logs all", of(programs.logs_all, _in_time), **some),
        watch("accepts", "the right one", of(programs.logs_the_admitted, _in_time), **struck),
        watch("accepts", "exactly one window later", of(programs.logs_the_admitted, _to_the_second), sizes=(1,),
              world=partial(Simulation, latency=steady(2**-10))),
        *[watch(promise, f"by hand: {promise}", partial(_by_hand, runs), sizes=(1,), seeds=len(runs))
          for promise, runs in RUNS["judged"].items()],
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


def _by_hand(runs: Sequence[str], world: Simulation, clients: int) -> None:
    for note in _notes(runs[world.seed % len(runs)]):
        world.trace.notes.append(note)


def _notes(run: str) -> list[Note]:
    """`0 yes, 1.5 bob no, 3 crash`: when, who if not alice, and what."""
    made = [words.split() for words in run.split(",") if words.strip()]
    kinds = {"yes": YES, "no": NO, "?": UNKNOWN}
    return [Note(("alice", *who)[-1], kinds.get(kind, kind), float(when)) for when, *who, kind in made]


RUNS = tomllib.loads((Path(__file__).parent / "e6_invariant.toml").read_text(encoding="utf-8"))

# -- clues: what does the invariant say of small runs made by hand? ---------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What it says of small runs made by hand: all that a mistake gets wrong, and what it gets right."""

    def right(run: str) -> bool:
        made = Play(Schedule(1), Trace("simulated", 0, [], _notes(run)), {"alice": None}, None, 60.0, 0)
        return (told(failing.answer, made) is None) == (next(broken(made), None) is None)

    for name, runs in RUNS["mistakes"].items():
        if not any(map(right, runs["misread"])) and all(map(right, runs["read"])):
            yield name


RULES = Rules(plain_function("run"), trials, clues, learners_code=False)
