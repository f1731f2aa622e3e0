"""05.5, write the property: the answer reads traces. It is judged on runs of two broken recipes and a right one, and on
made-up notes: some by hand, one for each sentence of the contract, and some drawn by lot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

from course_lib.explore import Play, Simulation, Trial
from course_lib.grading.answer import ask, plain_function
from course_lib.grading.evidence import loads, ms, overlap, paused
from course_lib.grading.rules import Failing, Found, Rules, trial
from course_lib.grading.write_the_property import Property, noted, of_run, watched
from course_lib.lessons.stampedes.exercises.crowd import JudgedCrowd, Setting, all_at_once
from course_lib.lessons.stampedes.programs import deletes_any_lock, frees_its_own, looks_then_takes
from course_lib.sim import Draws
from course_lib.trace import Note


def trials(answer: Property) -> list[Trial]:
    """Runs with two loads at once, and runs in which all is well although it may not look so."""
    right = Setting(frees_its_own, ttl=0.003, lock_ttl=0.15, load=0.1)
    late = replace(right, answer=deletes_any_lock, ttl=60.0, failing=1)
    look = partial(all_at_once, Setting(looks_then_takes))
    watch = partial(watched, answer, _two_loads, least=2, horizon=2.0)
    return [
        *(
            trial(
                f"made up: {name}",
                partial(_made_up, cases),
                {promise: partial(_reads, answer)},
                sizes=(1,),
                seeds=len(cases),
            )
            for promise, name, cases in MADE_UP
        ),
        watch("catches-look", "a lock seen, then taken", look, seeds=8, sizes=(2, 3)),
        watch("catches-del", "any lock deleted", partial(all_at_once, late), faults={"pause": 0.1}, sizes=(3,)),
        watch("accepts", "the right recipe", partial(all_at_once, right), faults={"pause": 0.1}, sizes=(2,), seeds=4),
        watch("accepts", "a load that fails", partial(all_at_once, replace(right, failing=1)), sizes=(2, 3), seeds=4),
        watch("accepts", "a client that dies while it loads", partial(_dying, right), sizes=(2, 3), seeds=4),
    ]


def _made_up(cases: Sequence[Sequence[Note]], world: Simulation, clients: int) -> None:
    """No client does anything: the run's notes are those of one case."""
    world.trace.notes.extend(replace(note) for note in cases[world.seed % len(cases)])


def _reads(answer: Property, run: Play) -> Iterator[Found]:
    """It objects if two loads overlap, and then names two clients whose loads do, and nobody whose loads overlap those
    of nobody; else it returns None."""
    spans = [span for span in loads(run.trace) if span.who not in paused(run.trace)]
    pairs = [(one, other) for one, other in combinations(spans, 2) if other.start < one.end]
    said = of_run(answer, run)
    if pairs and said is None:
        first, second = pairs[0]
        text = f"{first.who} and {second.who} loaded at once from {ms(second.start)}; your property returned None."
        yield text, second.who, second.start, "two loads at once"
    elif said is not None and not pairs:
        yield (f"No two loads overlap that count, and yet your property objects: {said}",)
    elif said is not None and not any(one.who in said and other.who in said for one, other in pairs):
        first, second = pairs[0]
        text = f"{first.who} and {second.who} loaded at once, and your property does not name them: {said}"
        yield text, second.who, second.start, "two loads at once"
    elif said is not None and (strange := _strangers(said, run, {span.who for pair in pairs for span in pair})):
        text = f"{strange[0]} loaded at once with nobody, and your property names that client too: {said}"
        yield text, pairs[0][1].who, pairs[0][1].start, "two loads at once"


def _strangers(said: str, run: Play, at_once: set[str]) -> list[str]:
    """The clients that the sentence names, although no load of theirs overlaps another's."""
    loaded = sorted({span.who for span in loads(run.trace)} - at_once)
    return [who for who in loaded if re.search(rf"\b{re.escape(who)}\b", said)]


def _two_loads(run: Play) -> Iterator[Found]:
    if (both := overlap(run.trace, excused=paused(run.trace))) is not None:
        first, second = both
        text = f"{first.who} and {second.who} loaded at once from {ms(second.start)}"
        yield text, second.who, second.start, "two loads at once"


def _dying(setting: Setting, world: Simulation, clients: int) -> JudgedCrowd:
    """As all_at_once; 50 ms after the start, each client that is loading dies."""
    crowd = all_at_once(setting, world, clients)

    def strike() -> None:
        for note in [note for note in world.trace.notes if note.kind == "load"]:
            if note.t_end is None:
                world.crash(crowd.processes[note.who])

    world.at(0.05, strike)
    return crowd


# -- notes that are made up --------------------------------------------------------------------------------------------


def _load(who: str, start: float, end: float | None = None) -> Note:
    return Note(who, "load", start, end)


ONE, TWO, THREE, FOUR = "ann", "bob", "cleo", "dora"
TOUCHING = (_load(ONE, 0.0, 0.1), _load(TWO, 0.1, 0.2), _load(THREE, 0.2, 0.3))
SPANS: list[Sequence[Note]] = [
    (),
    (_load(ONE, 0.0, 0.1),),
    TOUCHING,
    TOUCHING[::-1],
    (_load(ONE, 0.0, 0.1), _load(TWO, 0.05, 0.15)),
    (_load(TWO, 0.05, 0.15), _load(ONE, 0.0, 0.1)),
    (_load(ONE, 0.2, 0.5), _load(TWO, 0.3, 0.4)),
    (_load(ONE, 0.2, 0.5), _load(TWO, 0.2, 0.3)),
    (_load(ONE, 0.0, 0.9), _load(TWO, -0.2, -0.1), _load(THREE, 0.3, 0.4)),
    (_load(ONE, 0.0, 0.9), _load(TWO, 1.0, 1.1), _load(THREE, 0.5, 0.6), _load(TWO, 0.7, 0.8)),
    (_load(ONE, 0.0, 0.1), _load(TWO, 0.2, 0.3), _load(THREE, 0.4, 0.5), _load(FOUR, 0.49, 0.6)),
    (_load(ONE, 0.0, 0.1), _load(ONE, 0.2, 0.3), _load(TWO, 0.1, 0.2), _load(ONE, 0.4, 0.5)),
    (_load(ONE, 0.0), _load(TWO, 1.8e9, 1.8e9 + 1)),
    (_load(TWO, 7.0, 7.1), _load(ONE, 0.0)),
    (_load(ONE, 0.0), _load(TWO, 0.1)),
    (_load(ONE, 0.5), _load(TWO, 0.1, 0.2)),
    (Note(ONE, "compute", 0.0, 0.1), _load(TWO, 0.05, 0.15), Note(THREE, "hold", 0.0, 0.2)),
    (Note("redis", "down", 0.0, 0.2), _load(TWO, 0.05, 0.15), Note(ONE, "violation", 0.1)),
    (_load(ONE, 0.0004, 0.0009), _load(TWO, 0.0008, 0.0013)),
    (_load(ONE, 60.0, 60.1), _load(TWO, 60.05, 60.2)),
    (_load(ONE, -0.1, 0.0), _load(TWO, 0.1, 0.2)),
    (_load(ONE, 0.0042, 0.0048), _load(TWO, 0.0041, 0.0042)),
    (_load(ONE, 0.0, 0.1), _load(TWO, 0.05, 0.15), _load(THREE, 0.2, 0.3)),
]
"""Which loads overlap: neighbors or not, in any order, without an end; and other notes, which are not loads."""


def _pause(who: str, start: float, end: float) -> Note:
    return Note(who, "pause", start, end)


EXCUSES: list[Sequence[Note]] = [
    (_load(ONE, 0.0), Note(ONE, "crash", 0.05), _load(TWO, 0.2, 0.3)),
    (Note(ONE, "crash", 0.05), _load(TWO, 0.2, 0.3), _load(ONE, 0.0)),
    (_load(ONE, 0.0), Note(ONE, "crash", 0.2), _load(TWO, 0.2, 0.3)),
    (_load(ONE, 0.0), Note(ONE, "crash", 0.25), _load(TWO, 0.2, 0.3)),
    (_load(ONE, 0.0), Note(TWO, "crash", 0.05), _load(THREE, 0.2, 0.3)),
    (_load(ONE, 0.0), Note(TWO, "crash", 0.4), Note(ONE, "crash", 0.1), _load(THREE, 0.2, 0.3)),
    (_load(ONE, 0.0), Note(ONE, "hold", 0.05, 0.1), _load(TWO, 0.2, 0.3)),
    (_load(ONE, 0.0), Note(ONE, "crash", 0.05), _load(TWO, 0.2, 0.3), _load(THREE, 0.25, 0.35)),
    (_load(ONE, 0.0, 0.1), _load(TWO, 0.05, 0.2), Note(ONE, "crash", 0.3)),
    (
        _load(ONE, 0.0, 0.1),
        _load(ONE, 0.2),
        Note(ONE, "crash", 0.25),
        _load(TWO, 0.3),
        Note(TWO, "crash", 0.4),
        _load(THREE, 0.5, 0.6),
    ),
    (_pause(ONE, 0.0, 0.2), _load(ONE, 0.0, 0.3), _load(TWO, 0.15, 0.25)),
    (_load(ONE, 0.0, 0.3), _load(TWO, 0.15, 0.25), _pause(TWO, 0.4, 0.5)),
    (_load(ONE, 0.0, 0.1), _pause(ONE, 0.1, 0.2), _load(TWO, 0.15, 0.25), _load(THREE, 0.2, 0.3)),
    (_load(ONE, 0.0, 0.1), _load(TWO, 0.05, 0.2), _pause(f"jo{ONE}a", 0.0, 0.2)),
    (_load(ONE, 0.0, 0.9), _pause(ONE, 0.1, 0.2), _load(TWO, 0.3, 0.6), _load(THREE, 0.4, 0.5)),
    (_load(ONE, 0.0, 0.9), _pause(ONE, 0.1, 0.2), _load(TWO, 0.3, 0.4), _load(THREE, 0.4, 0.5)),
    (_pause(ONE, 0.0, 0.1), _load(ONE, 0.0), Note(ONE, "crash", 0.2), _load(TWO, 0.1, 0.3), _load(THREE, 0.3, 0.4)),
    (_load(ONE, 0.0), _load(TWO, 0.1, 0.2), _pause(TWO, 0.0, 0.05)),
    (_load(ONE, -0.1), Note(ONE, "crash", 0.0), _load(TWO, 0.1, 0.2)),
]
"""Whose load counts, and for how long: clients that die, and clients that are paused."""


def _by_lot(seed: int) -> list[Note]:
    """Loads of up to five clients, one after another for each, in any order; some die, some are paused."""
    draw, notes = Draws("made up", seed), list[Note]()
    for who in ("c1", "c2", "c3", "c4", "c5")[: 2 + int(draw() * 4)]:
        start = int(draw() * 12)
        for _ in range(1 + int(draw() * 2)):
            end = start + 1 + int(draw() * 3)
            notes.append(_load(who, start / 20, end / 20))
            start = end + int(draw() * 6)
        if draw() < 0.2:
            notes[-1].t_end = None
            notes += [Note(who, "crash", end / 20)] if draw() < 0.7 else []
        if draw() < 0.2:
            notes.append(_pause(who, 0.0, draw()))
    return sorted(notes, key=lambda _: draw())


MADE_UP: list[tuple[str, str, Sequence[Sequence[Note]]]] = [
    ("spans", "which loads overlap", SPANS), ("excuses", "the dead and the paused", EXCUSES),
    ("spans", "drawn by lot", [_by_lot(seed) for seed in range(40)]),
]  # fmt: skip


# -- clues: what does the property say of small traces made by hand? ---------------------------------------------------


CASES: dict[str, tuple[Sequence[Sequence[Note]], bool]] = {
    "cries-wolf": ([SPANS[1], (_load(TWO, 0.3, 0.4),)], True),
    "counts-loads": ([TOUCHING[::2], (_load(ONE, 0.0, 0.1), _load(ONE, 0.2, 0.3))], True),
    "says-nothing": ([SPANS[4], SPANS[6], SPANS[10]], False),
    "dead-still-loading": ([EXCUSES[0], EXCUSES[9]], True),
    "blames-the-paused": ([EXCUSES[10], EXCUSES[11]], True),
    "any-pause-excuses-all": ([EXCUSES[12], EXCUSES[13]], False),
}  # fmt: skip
"""For each mistake: traces, all misread by an answer that makes it, and whether None would be right."""


def clues(failing: Failing) -> Iterator[str]:
    """The mistakes of which every case is misread."""
    for name, (cases, right) in CASES.items():
        if all((ask(failing.answer, noted(*case)()) is None) != right for case in cases):
            yield name


RULES = Rules(plain_function("trace"), trials, clues, learners_code=False)
