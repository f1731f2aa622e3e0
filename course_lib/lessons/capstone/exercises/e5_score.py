"""08.5, the scoreboard: the answer reads what happened to a service, and says it in four numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import ceil, inf, isclose
from typing import Any

from course_lib.explore import Play, Simulation, Trial
from course_lib.grading.answer import Refused, plain_function, refuse_error
from course_lib.grading.evidence import shown
from course_lib.grading.rules import Failing, Found, Rules, trial
from course_lib.sim import Draws
from course_lib.trace import Note, Trace

Answer = Callable[[Trace], Any]
Notes = Sequence[Note]
NUMBERS = ("loads", "p99", "stale", "lost")


def said(answer: Answer, notes: Notes) -> dict[str, Any]:
    """The numbers that the answer gives these notes. Raises: Refused, if it fails or gives none."""
    try:
        found = answer(Trace("simulated", 0, [], [replace(note) for note in notes]))
    except Exception as error:
        refuse_error(error, answer)
    if not isinstance(found, dict) or set(found) != set(NUMBERS):
        raise Refused(
            "error", f"Your function must return a dict with {', '.join(map(repr, NUMBERS))}, and nothing else."
        )
    return found


# -- what is right -----------------------------------------------------------------------------------------------------


def times(notes: Notes, *, failed: float | None = inf) -> list[float]:
    """How long each read took, shortest first; `failed`, if it was not answered, or with an error."""
    reads = [note for note in notes if note.kind == "read"]
    took = [note.t_end - note.t_start if note.t_end is not None and note.text != "failed" else failed for note in reads]
    return sorted(time for time in took if time is not None)


def nearest(sorted_times: Sequence[float], off: int = 0) -> float:
    """The 99th percentile by nearest rank, or the value that is `off` places away from it."""
    place = ceil(len(sorted_times) * 99 / 100) - 1 + off
    return sorted_times[min(place, len(sorted_times) - 1)] if sorted_times else 0.0


def interpolated(sorted_times: Sequence[float]) -> float:
    """The percentile, interpolated between its two neighbors."""
    if not sorted_times:
        return 0.0
    place = 0.99 * (len(sorted_times) - 1)
    low, high = sorted_times[int(place)], sorted_times[ceil(place)]
    return low if low == high else low + (high - low) * (place - int(place))


def split(note: Note) -> tuple[str, int]:
    """The key and the version."""
    key, _, version = note.text.rpartition(" ")
    return key, int(version)


def stale(notes: Notes, *, of_all: bool = False, by_end: bool = False, as_text: bool = False) -> float:
    """The share of what was served that was stale; or of all reads, or by what was acknowledged at its end."""
    served = [note for note in notes if note.kind == "read" and note.t_end is not None and note.text != "failed"]
    writes = [note for note in notes if note.kind == "write" and note.t_end is not None]

    def old(read: Note) -> bool:
        when = (read.t_end if by_end else read.t_start) or 0.0
        newer = [split(write) for write in writes if (write.t_end or 0.0) <= when]
        key, version = split(read)
        return any(k == key and (str(v) > str(version) if as_text else v > version) for k, v in newer)

    whole = sum(note.kind == "read" for note in notes) if of_all else len(served)
    return sum(map(old, served)) / whole if whole else 0.0


def lost(notes: Notes, *, unanswered: bool = False, once: bool = True) -> int:
    """How many items that somebody was told are kept were not there in the end."""
    kept = [note.text for note in notes if note.kind == "keep" and (note.t_end is not None or unanswered)]
    there = {note.text for note in notes if note.kind == "kept"}
    return len([item for item in (set(kept) if once else kept) if item not in there])


RIGHT: Mapping[str, Callable[[Notes], float]] = {
    "loads": lambda notes: sum(note.kind == "load" for note in notes), "p99": lambda notes: nearest(times(notes)),
    "stale": stale, "lost": lost,
}  # fmt: skip
MISTAKES: Mapping[str, tuple[str, Callable[[Notes], float]]] = {
    "loads-that-ended": ("loads", lambda notes: sum(n.kind == "load" and n.t_end is not None for n in notes)),
    "leaves-out-failures": ("p99", lambda notes: nearest(times(notes, failed=None))),
    "interpolates": ("p99", lambda notes: interpolated(times(notes))),
    "one-too-far": ("p99", lambda notes: nearest(times(notes), 1)),
    "share-of-all": ("stale", partial(stale, of_all=True)),
    "acknowledged-later": ("stale", partial(stale, by_end=True)),
    "compares-texts": ("stale", partial(stale, as_text=True)),
    "never-promised": ("lost", partial(lost, unanswered=True)),
    "counts-retries": ("lost", partial(lost, once=False)),
}
"""For each mistake: which number it changes, and what that number is then."""


# -- notes -------------------------------------------------------------------------------------------------------------


def by_lot(seed: int) -> list[Note]:
    """What happened to a service, made up: more reads under higher seeds, in any order."""
    draw, notes = Draws("score", seed), list[Note]()
    chance = (draw() ** 2, draw() * 0.03 * (seed % 3))
    if seed == 1:
        return [Note("v0", "read", 1.0, 1.5, "failed")]
    for number in range(COUNTS[seed % len(COUNTS)]):
        start, key, version = int(draw() * 100) / 10, KEYS[int(draw() * len(KEYS))], 8 + int(draw() * 5)
        took = [0.002 + int(draw() * 60) / 1000 + (draw() < 0.1) * draw(), None][int(draw() < chance[1])]
        text = "failed" if draw() < chance[1] else f"{key} {version}"
        end = None if took is None else start + took
        reader = "w" if draw() < 0.2 else f"v{number}"
        notes.append(Note(reader, "read", start, end, text if end is not None else ""))
        if draw() < 0.2:
            load = Note(f"v{number}", "load", start, start + 0.1 if draw() < 0.8 else None)
            notes += [replace(load, text="failed" if draw() < 0.2 else "")] * (1 + int(draw() * 1.4))
        if draw() < 0.1:
            notes.append(
                Note("w", "write", start, start + 0.3 if draw() < 0.8 else None, f"{key} {8 + int(draw() * 5)}")
            )
        for _ in range(int(draw() * 2.2)):
            item = f"item {int(draw() * 9)} of v{number}"
            notes += [Note(f"v{number}", "keep", start, None if draw() < 0.3 else start + 0.1, item)] * (
                1 + int(draw() * 1.4)
            )
            notes += [Note("basket", "kept", 99.0, 99.0 if draw() < 0.7 else None, item)] * int(
                draw() + 0.1 + chance[0]
            )
    if len(notes) > 10:
        notes += [replace(note, kind=f"{note.kind}s") for note in notes[::7]]
        notes += [Note("w", "write that failed", 0.0, 0.0, f"{key} 99") for key in KEYS]
        notes += [Note("w", "write", 0.0, 0.0, "page 0 20"), Note("w", "read", 0.0, 0.0, "page 0 7")]
        notes += [Note(who, "keep", 0.0, 0.0, "item of v0") for who in ("v0", "v1")]
        notes += [Note("v1", "keep", 1.0, 1.1, item) for item in ("Item of v1", "item of v1 ", "item of v2")]
        notes += [Note("basket", "kept", 0.0, 0.0, item) for item in ("item of v1", "item of v2")]
    return sorted(notes, key=lambda _: draw())


COUNTS = (99, 1, 2, 199, 98, 100, 60, 150, 200, 300, 101, 201, 0, 7)
"""How many reads are made up; there is one more, if there are many."""
KEYS = ("page 7", "é", "page 71", "failed jobs", "Page 7", "book 7")


def trials(answer: Answer) -> list[Trial]:
    """One run for each set of notes."""
    promises = {name: partial(_number, answer, name) for name in NUMBERS}
    return [trial("what happened to a service", _happened, promises, sizes=(1,), seeds=2 * len(COUNTS))]


def _happened(world: Simulation, clients: int) -> None:
    world.trace.notes.extend(by_lot(world.seed))


def _number(answer: Answer, name: str, run: Play) -> Iterator[Found]:
    given, right = said(answer, run.trace.notes)[name], RIGHT[name](run.trace.notes)
    if type(given) not in (int, float) or not (given == right or isclose(given, right, rel_tol=1e-9, abs_tol=1e-9)):
        reads = sum(note.kind == "read" for note in run.trace.notes)
        yield (f"In a run with {reads} reads your {name!r} is {shown(given)}; {shown(right)} is right.",)


def clues(failing: Failing) -> Iterator[str]:
    """The mistakes that explain each number of two runs in which the answer is wrong, and of all others."""
    runs = [by_lot(seed) for seed in range(2 * len(COUNTS))]
    given = [said(failing.answer, notes) for notes in runs]
    for mistake, (name, wrong) in MISTAKES.items():
        differ = sum(wrong(notes) != RIGHT[name](notes) for notes in runs)
        if (
            name in failing
            and differ >= 2
            and all(
                type(one[name]) in (int, float)
                and (one[name] == wrong(notes) or isclose(one[name], wrong(notes), rel_tol=1e-9))
                for one, notes in zip(given, runs, strict=True)
            )
        ):
            yield mistake


RULES = Rules(plain_function("trace"), trials, clues, learners_code=False)
