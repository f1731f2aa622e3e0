"""03.6, write the invariant: the answer reads runs; it is judged on many runs of broken limiters and of a right one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial, wraps
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

    def plays(promise: str, name: str, limiter: Limiter, plan: Plan, **options: Any) -> Trial:
        return watch(promise, name, partial(_build, limiter, plan), **options)

    return [
        plays("catches-race", "looks, then adds", programs.checks_then_logs, _at_once, **at_once),
        plays("catches-window", "fixed windows", programs.counts_and_expires, _in_time, **some),
        plays("catches-blocked", "INCR, then EXPIRE", programs.counts_then_expires, _in_time, **struck),
        plays("catches-blocked", "logs all", programs.logs_all, _in_time, **some),
        plays("accepts", "the right one", programs.logs_the_admitted, _in_time, **struck),
        plays("accepts", "exactly one window later", programs.logs_the_admitted, _to_the_second, sizes=(1,),
              world=partial(Simulation, latency=steady(2**-10))),
        *[watch(promise, f"by hand: {promise}", partial(_by_hand, runs), sizes=(1,), seeds=len(runs))
          for promise, runs in BY_HAND.items()],
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


BY_HAND = {
    "too-many": [
        "0 yes, 1 yes, 2 yes", "8 yes, 9 yes, 11 yes", "0 yes, 1 bob yes, 2 carol yes",
        "2 yes, 0 bob yes, 1 carol yes",
        "0 yes, 5 yes, 9.99 yes", "0 yes, 12 yes, 13 yes, 21.9 yes", "0 yes, 1 crash, 2 yes, 3 pause, 4 yes",
        "0 yes, 1 yes, 2 yes, 3 no, 4 ?", "0 ?, 1 yes, 2 yes, 3 yes", "40 yes, 30 yes, 41 yes, 20 yes, 49 yes",
        "0 yes, 10 yes, 11 yes, 20 yes, 20.5 yes", "0.5 yes, 1 no, 2 yes, 2.5 no, 10.25 bob yes",
        "-1 yes, 0 yes, 1 yes",
    ],
    "too-few": [
        "0 no", "0 yes, 1 no", "0 yes, 1 bob yes, 15 no", "0 yes, 1 yes, 10 no", "0 yes, 1 no, 2 yes",
        "0 yes, 1 no, 2 no",
        "0 yes, 1 yes, 5 no, 10.5 no", "0 yes, 1 crash, 2 hold, 3 no", "0 ?, 1 no", "0 ?, 0.5 ?, 10.25 no",
        "3 no, 1 yes, 4 yes",
        "0 yes, 0.5 yes, 1 no, 12 yes, 13 bob no", "5 yes, 6 no, 0 yes, 11 yes, 15.5 no", "0 violation, 1 yes, 2 no",
    ],
    "not-wrong": [
        "", "0 yes", "0 ?", "0 yes, 1 yes, 2 no", "0 yes, 1 bob yes, 2 carol no", "0 yes, 1 yes, 10 yes, 11 yes",
        "0 ?, 1 yes, 2 no", "0 ?, 1 ?, 2 no", "0 ?, 1 yes, 2 yes", "0 yes, 1 yes, 15 yes, 16 yes",
        "0 yes, 1 yes, 2 ?, 3 ?",
        "2 no, 0 yes, 1 yes", "11 yes, 0 yes, 1 yes, 10 yes", "0 yes, 9 yes, 9.99 no, 10 yes, 10.5 no",
        "0 yes, 1 crash, 2 yes, 3 load",
        "1 crash, 2 pause, 3 violation", "0 yes, 5 yes, 5.5 no, 6 no, 7 no, 10 bob yes", "0 ?, 1 ?, 2 ?, 3 ?, 4 ?",
        "-3 yes, -2 yes, -1 no",
    ],
}  # fmt: skip
"""Small runs, by the promise that they judge: with too many, with too few, and with nothing wrong."""

# -- clues: what does the invariant say of small runs made by hand? ---------------------------------------------------

MISREAD: dict[str, tuple[list[str], list[str]]] = {
    "cries-wolf": (["0 yes, 1 yes", "0 yes"], []),
    "says-nothing": (["0 yes, 1 yes, 2 yes", "3 yes, 4 bob yes, 5 carol yes", "1 yes, 1.5 yes, 2 yes, 2.5 yes"], []),
    "counts-the-whole-run": (["0 yes, 1 yes, 15 yes, 16 yes", "0 yes, 20 yes, 40 yes"], ["0 yes, 1 yes"]),
    "calendar-windows": (
        ["8 yes, 9 yes, 11 yes", "18 yes, 19 yes, 22 yes"],
        ["1 yes, 2 yes, 3 yes", "11 yes, 12 yes, 13 yes"],
    ),
    "a-window-too-long": (
        ["0 yes, 1 yes, 10 yes, 11 yes", "0 yes, 5 yes, 10 yes"],
        ["0 yes, 1 yes, 10.5 yes, 11.5 yes"],
    ),
    "only-too-many": (["0 yes, 1 no", "0 no", "0 yes, 1 yes, 15 no"], ["0 yes, 1 yes, 2 yes"]),
    "forbids-refusals": (["0 yes, 1 yes, 2 no", "0 yes, 1 bob yes, 9 no"], ["0 yes, 1 yes"]),
    "room-for-ever-taken": (["0 yes, 1 yes, 15 no", "0 yes, 1 yes, 30 no"], ["0 yes, 1 no"]),
    "refusals-take-room": (["0 yes, 1 yes, 5 no, 10.5 no", "0 yes, 1 yes, 8 no, 10.75 no"], ["0 yes, 1 no", "0 no"]),
    "forgets-the-unknown": (["0 ?, 1 yes, 2 no", "0 ?, 1 ?, 2 no"], ["0 yes, 1 yes, 2 no"]),
    "unknown-is-admitted": (["0 ?, 1 yes, 2 yes", "0 ?, 1 ?, 2 ?"], ["0 yes, 1 yes, 2 yes"]),
    "looks-ahead": (["0 yes, 1 no, 2 yes", "0 no, 1 yes, 2 yes"], ["0 yes, 1 no", "0 yes, 1 yes, 2 no"]),
}  # fmt: skip
"""By mistake: runs that its author misreads, all of them, and others that are read rightly."""


def clues(failing: Failing) -> Iterator[str]:
    """What it says of small runs made by hand: all that a mistake gets wrong, and what it gets right."""

    def right(run: str) -> bool:
        made = Play(Schedule(1), Trace("simulated", 0, [], _notes(run)), {"alice": None}, None, 60.0, 0)
        return (told(failing.answer, made) is None) == (next(broken(made), None) is None)

    for name, (misread, read) in MISREAD.items():
        if not any(map(right, misread)) and all(map(right, read)):
            yield name


RULES = Rules(plain_function("run"), trials, clues, learners_code=False)
