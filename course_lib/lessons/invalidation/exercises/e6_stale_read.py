"""06.6, write the property: the answer reads which versions were written and served, in real runs and made-up ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from course_lib.explore import Play, Simulation, Trial, steady, until
from course_lib.grading.answer import ask, plain_function
from course_lib.grading.evidence import ms
from course_lib.grading.rules import Failing, Found, Rules, trial
from course_lib.grading.write_the_property import Property, noted, of_run
from course_lib.lessons.invalidation import programs
from course_lib.sim import Draws
from course_lib.trace import Note

KEY, ROW = "app:product:42", "version of product 42"
TIMES = {"c1": (0.0, 0.12, 0.9), "c2": (0.05, 0.3, 1.6)}
"""When readers ask, in seconds."""


def trials(answer: Property) -> list[Trial]:
    """Runs of two wrong pairs and of a right one; and notes that are made up."""
    watch = partial(_watch, answer)
    return [
        *(trial(f"made up: {name}", partial(_made_up, cases), {promise: partial(_reads, answer)}, sizes=(1,),
                seeds=len(cases)) for promise, name, cases in MADE_UP),
        watch("catches-first", "deletes before the commit", programs.reads_aside, programs.deletes_first),
        watch("catches-late", "a late reader", programs.reads_aside, programs.commits_then_deletes),
        watch("accepts", "a lease", programs.reads_with_a_lease, programs.takes_the_lease_away),
    ]  # fmt: skip


def _watch(answer: Property, promise: str, name: str, read: Any, write: Any) -> Trial:
    world = partial(Simulation, nodes=2, latency=steady(0.001), socket_timeout=0.2)
    return trial(name, partial(_build, read, write), {promise: partial(_reads, answer)}, sizes=(1,), seeds=4,
                 faults={"pause": 0.5}, fault_seeds=1, world=world, horizon=5.0)  # fmt: skip


def _build(read: Any, write: Any, world: Simulation, clients: int) -> None:
    """Two readers, and a writer that makes version 10 of 9, and 11 of that; each notes what it does."""
    redis, database, draw = world.redis(), world.redis(1), world.draws("start")
    world.given(("SET", ROW, "9"), node=1)

    async def reads(who: str) -> None:
        for when in TIMES[who]:
            await until(world, when + 0.01 * draw())
            note = world.note(who, "read")
            page = await read(redis, KEY, partial(database.get, ROW), ttl=60.0)
            note.t_end, note.text = world.now(), f"{KEY} {page}"

    async def writes() -> None:
        for version, when in ((10, 0.02), (11, 0.7)):
            await until(world, when + 0.06 * draw())
            note = world.note("writer", "write", f"{KEY} {version}")
            await write(redis, KEY, partial(database.set, ROW, version))
            note.t_end = world.now()

    for who in TIMES:
        world.client(who, reads, who)
    world.client("writer", writes)


def _made_up(cases: Sequence[Sequence[Note]], world: Simulation, clients: int) -> None:
    """No client does anything: the run's notes are those of one case."""
    world.trace.notes.extend(replace(note) for note in cases[world.seed % len(cases)])


# -- the judge ---------------------------------------------------------------------------------------------------------


def stale(notes: Sequence[Note]) -> list[tuple[Note, Note]]:
    """Each read that was served an older version than a write that was acknowledged when it began, and that write."""

    def split(note: Note) -> tuple[str, int]:
        key, _, version = note.text.rpartition(" ")
        return key, int(version)

    found = []
    writes = [note for note in notes if note.kind == "write" and note.t_end is not None]
    for read in (note for note in notes if note.kind == "read" and note.t_end is not None):
        key, version = split(read)
        for write in writes:
            if split(write)[0] == key and split(write)[1] > version and (write.t_end or 0.0) <= read.t_start:
                found.append((read, write))
    return found


def _reads(answer: Property, run: Play) -> Iterator[Found]:
    """It objects if there is a stale read, and then names a client that was served one; else it returns None."""
    said, bad = of_run(answer, run), stale(run.trace.notes)
    if bad:
        read, write = bad[0]
        text = (
            f"The write of {write.text!r} was acknowledged at {ms(write.t_end or 0.0)}, and {read.who}, which asked at "
        )
        text += f"{ms(read.t_start)}, was served {read.text!r}"
        where = (read.who, read.t_start, "an old version")
        if said is None:
            yield f"{text}; your property returned None.", *where
        elif not any(re.search(rf"(?<!\w){re.escape(one.who)}(?!\w)", said) for one, _ in bad):
            yield f"{text}, and your property does not name it: {said}", *where
    elif said is not None:
        yield (f"No read is stale in this run, and yet your property objects: {said}",)


# -- notes that are made up --------------------------------------------------------------------------------------------


def _write(version: int, start: float, end: float | None, key: str = KEY, who: str = "w1") -> Note:
    return Note(who, "write", start, end, f"{key} {version}")


def _read(version: int, start: float, end: float, key: str = KEY, who: str = "ann") -> Note:
    return Note(who, "read", start, end, f"{key} {version}")


OPEN = Note("carol", "read", 0.9)
TWO = _write(2, 0.0, 0.1)
PLAIN: list[Sequence[Note]] = [
    (), (TWO,), (_read(1, 0.2, 0.3),), (TWO, _read(1, 0.2, 0.3)), (TWO, _read(2, 0.2, 0.3)),
    (TWO, _read(3, 0.2, 0.3)), (_read(1, 0.2, 0.3), TWO), (TWO, _read(2, 0.2, 0.3), _read(1, 0.4, 0.5, who="bob")),
    (TWO, _write(3, 0.3, 0.4), _read(2, 0.2, 0.25), _read(2, 0.5, 0.6, who="carol")),
    (TWO, _write(3, 0.3, 0.4), _read(2, 0.2, 0.25), _read(3, 0.5, 0.6)),
    (_write(10, 0.0, 0.1), _read(9, 0.2, 0.3)), (_write(9, 0.0, 0.1), _read(10, 0.2, 0.3)),
    (_write(100, 0.0, 0.1), _read(99, 0.2, 0.3, who="bob"), _read(100, 0.2, 0.3)),
    (Note("ann", "load", 0.2, 0.3, "app:product:42 1"), TWO, Note("ann", "pause", 0.0, 0.3), OPEN),
    (Note("w2", "compute", 0.0, 0.1, f"{KEY} 7"), _read(1, 0.2, 0.3), Note("redis", "down", 0.0, 0.1, "no number")),
    (TWO, _read(1, 0.2, 0.3, who="w1")),
    (Note("ann", "reads", 0.2, 0.3, f"{KEY} 1"), TWO, Note("w1", "rewrite", 0, 1, "a 9")),
    (TWO, Note("ann", "read ahead", 0.2, 0.3, f"{KEY} 1")), (_write(2, -1.0, 0.0), _read(1, 0.0, 0.0)),
]  # fmt: skip
"""Versions, order, and other notes."""
WHEN: list[Sequence[Note]] = [
    (TWO, _read(1, 0.05, 0.3)), (TWO, _read(1, 0.1, 0.3)), (TWO, _read(1, 0.0999, 0.3)), (TWO, _read(1, 0.0, 0.05)),
    (_write(2, 0.0, None), _read(1, 0.2, 0.3)), (_write(3, 0.0, None), TWO, _read(2, 0.2, 0.3)),
    (_write(3, 0.0, None), TWO, _read(1, 0.2, 0.3)), (_write(3, 0.0, None), _read(3, 0.1, 0.2), _read(2, 0.3, 0.4)),
    (_write(3, 0.0, 0.1), _write(2, 0.05, 0.2, who="w2"), _read(2, 0.3, 0.4)),
    (_write(3, 0.0, 0.1), _write(2, 0.05, 0.2, who="w2"), _read(3, 0.3, 0.4)),
    (TWO, OPEN), (TWO, OPEN, _read(1, 0.2, 0.3, who="bob")), (_write(3, 0.15, 0.4), TWO, _read(2, 0.2, 0.5)),
    (_write(2, 0.2, 0.9), _write(3, 0.0, 0.1, who="w2"), _read(2, 0.95, 1.0, who="bob")),
]  # fmt: skip
"""What counts is that the write was acknowledged when the read began."""
KEYS: list[Sequence[Note]] = [
    (TWO, _read(1, 0.2, 0.3, "app:product:7")), (TWO, _read(1, 0.2, 0.3, "app:product:4")),
    (TWO, _write(2, 0.0, 0.1, "é 7"), _read(1, 0.2, 0.3, "é 7", "bob")),
    (_write(2, 0.0, 0.1, "a b"), _read(1, 0.2, 0.3, "a")), (_write(2, 0.0, 0.1, "a"), _read(1, 0.2, 0.3, "a b")),
    (_write(5, 0.0, 0.1, "é 7"), _read(6, 0.2, 0.3, "é 7")), (_write(5, 0.0, 0.1, "a 9"), _read(5, 0.2, 0.3, "a 10")),
    (_write(8, 0.0, 0.1, "a{b"), _read(8, 0.2, 0.3, "a{b"), _read(7, 0.2, 0.3, "a{b", "bob")),
    (_write(9, 0.0, 0.1, "A"), _read(1, 0.2, 0.3, "a")),
]  # fmt: skip
"""Of which product: keys that have spaces in them, or begin alike."""


def _by_lot(seed: int) -> list[Note]:
    """Writes and reads of two products, in any order."""
    draw, notes = Draws("made up", seed), list[Note]()
    for number in range(3 + int(draw() * 5)):
        key, start, version = (KEY, "é 7")[int(draw() * 2)], int(draw() * 10) / 10, 8 + int(draw() * 4)
        end = start + (1 + int(draw() * 3)) / 10
        if draw() < 0.5:
            notes.append(_write(version, start, end if draw() < 0.8 else None, key, f"w{number}"))
        else:
            notes.append(_read(version, start, end, key, f"c{number}"))
    return notes


MADE_UP: list[tuple[str, str, Sequence[Sequence[Note]]]] = [
    ("versions", "versions", PLAIN), ("when", "when", WHEN), ("keys", "keys", KEYS),
    ("when", "drawn by lot", [_by_lot(seed) for seed in range(40)]),
]  # fmt: skip

CASES: dict[str, tuple[Sequence[Sequence[Note]], bool]] = {
    "cries-wolf": ([PLAIN[1], PLAIN[2], PLAIN[4]], True),
    "says-nothing": ([PLAIN[3], PLAIN[8], WHEN[1]], False),
    "compares-texts": ([PLAIN[10], PLAIN[12]], False),
    "forgets-the-begin": ([WHEN[0], WHEN[2]], True),
    "not-acknowledged": ([WHEN[4], WHEN[5]], True),
    "mixes-products": ([KEYS[0], KEYS[1]], True),
    "the-last-write": ([WHEN[8], WHEN[13]], False),
}
"""For each mistake: traces, all misread by an answer that makes it, and whether None would be right."""


PLAINLY = [(TWO, _read(1, 0.2, 0.3)), (_write(21, 0.0, 0.1), _read(12, 0.2, 0.3))]
"""Traces that an answer with only one of the other mistakes reads rightly."""


def clues(failing: Failing) -> Iterator[str]:
    """The mistakes of which every case is misread."""

    def objects(notes: Sequence[Note]) -> bool:
        return ask(failing.answer, noted(*notes)()) is not None

    for name, (cases, right) in CASES.items():
        plainly = name in ("cries-wolf", "says-nothing") or all(map(objects, PLAINLY))
        if plainly and all(objects(case) == right for case in cases):
            yield name


RULES = Rules(plain_function("trace"), trials, clues, learners_code=False)
