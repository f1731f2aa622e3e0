"""07.6, write the property: the answer reads what was sent and packed, and finds what is lost."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from course_lib.explore import Play, Simulation, Trial, steady, until
from course_lib.grading.answer import ask, plain_function
from course_lib.grading.evidence import ms
from course_lib.grading.rules import Failing, Found, Rules, trial
from course_lib.grading.write_the_property import Property, noted, of_run
from course_lib.lessons.beyond_caching import programs
from course_lib.sim import Draws
from course_lib.trace import Note

ORDERS = ["order 1", "order 10", "é {7}", "order 1: gift"]
TURNS = [0.02, 0.06, 0.11, 2.4, 2.5, 2.6]
"""When a worker takes its next turn, in seconds."""


def trials(answer: Property) -> list[Trial]:
    """Notes that are made up; and runs of two wrong programs and of a right one."""
    watch = partial(_watch, answer)
    return [
        *(trial(f"made up: {promise}", partial(_made_up, [_notes(case) for case in group["cases"]]),
                {promise: partial(_losses, answer)}, sizes=(1,), seeds=len(group["cases"]))
          for promise, group in MADE_UP.items()),
        trial("drawn by lot", partial(_made_up, [_by_lot(seed) for seed in range(40)]),
              {"again": partial(_losses, answer)}, sizes=(1,), seeds=40),
        watch("catches-first", "acknowledges first", programs.sends, programs.takes_one_and_acknowledges_first),
        watch("catches-trimmed", "trims", programs.sends_and_trims, programs.takes_one),
        watch("accepts", "acknowledges after", programs.sends, programs.takes_one),
    ]  # fmt: skip


def _watch(answer: Property, promise: str, name: str, send: Any, take: Any) -> Trial:
    return trial(name, partial(_build, send, take), {promise: partial(_losses, answer)}, sizes=(1,), seeds=2,
                 faults={"crash": 0.0}, fault_seeds=1, world=partial(Simulation, latency=steady(0.001)),
                 horizon=6.0)  # fmt: skip


def _build(send: Any, take: Any, world: Simulation, clients: int) -> None:
    """The shop sends four orders, two workers pack them; everybody notes what they do."""
    redis, draw = world.redis(), world.draws("start")
    world.given(("XGROUP", "CREATE", programs.PARCELS, programs.GROUP, "0", "MKSTREAM"))

    async def sends() -> None:
        for place, order in enumerate(ORDERS):
            await until(world, 0.01 + 0.02 * place)
            note = world.note("shop", "send", order)
            await send(redis, order)
            note.t_end = world.now()

    async def packs(who: str, order: str) -> None:
        note = world.note(who, "pack", order)
        await until(world, world.now() + 0.02 + 0.02 * draw())
        note.t_end = world.now()

    async def works(who: str) -> None:
        for turn in TURNS:
            await until(world, turn + 0.01 * draw())
            await take(redis, who, partial(packs, who))

    world.client("shop", sends)
    for who in ("w1", "w2"):
        world.client(who, works, who)


def _made_up(cases: Sequence[Sequence[Note]], world: Simulation, clients: int) -> None:
    """No client does anything: the run's notes are those of one case."""
    world.trace.notes.extend(replace(note) for note in cases[world.seed % len(cases)])


# -- the judge ---------------------------------------------------------------------------------------------------------


def lost(notes: Sequence[Note]) -> list[Note]:
    """Each send that was acknowledged, and whose parcel nobody has packed, nor set aside, since it began."""
    done = [note for note in notes if note.kind in ("pack", "dead") and note.t_end is not None]
    return [
        sent for sent in notes
        if sent.kind == "send" and sent.t_end is not None
        and not any(one.text == sent.text and one.t_start >= sent.t_start for one in done)
    ]  # fmt: skip


def _losses(answer: Property, run: Play) -> Iterator[Found]:
    """It objects if a parcel is lost, and then names one that is; else it returns None."""
    said, bad = of_run(answer, run), lost(run.trace.notes)
    if bad:
        text = (
            f"The send of {bad[0].text!r}, begun at {ms(bad[0].t_start)}, was acknowledged, and since then nobody has"
        )
        text, where = f"{text} packed it", (bad[0].who, bad[0].t_start, "lost")
        if said is None:
            yield f"{text}; your property returned None.", *where
        elif not any(re.search(rf"(?<!\w){re.escape(one.text)}(?!\w)", said) for one in bad):
            yield f"{text}, and your property does not name it: {said}", *where
    elif said is not None:
        yield (f"Nothing is lost in this run, and yet your property objects: {said}",)


# -- notes that are made up --------------------------------------------------------------------------------------------


MADE_UP: dict[str, dict[str, list[dict[str, Any]]]] = tomllib.loads(
    Path(__file__).with_name("e6_lost.toml").read_text(encoding="utf-8")
)


def _note(kind: str, text: str, start: float, end: float | None = None, who: str = "") -> Note:
    return Note(who or ("shop" if kind == "send" else "w1"), kind, start, end, text)


def _notes(case: dict[str, Any]) -> list[Note]:
    return [_note(*note) for note in case["notes"]]


def _by_lot(seed: int) -> list[Note]:
    """Sends, packings and dead letters of two parcels, in any order."""
    draw, notes = Draws("made up", seed), list[Note]()
    for _ in range(2 + int(draw() * 5)):
        parcel, start = ("7", "é 7")[int(draw() * 2)], int(draw() * 10) / 10
        end = start + (1 + int(draw() * 3)) / 10 if draw() < 0.75 else None
        kind = ("send", "pack", "pack", "dead")[int(draw() * 4)]
        notes.append(_note(kind, parcel, start, end))
    return notes


def clues(failing: Failing) -> Iterator[str]:
    """The mistakes of which every case is misread."""

    def objects(notes: Sequence[Note]) -> bool:
        return ask(failing.answer, noted(*notes)()) is not None

    cases = [case for group in MADE_UP.values() for case in group["cases"]]
    wrong = {id(case) for case in cases if objects(_notes(case)) != bool(lost(_notes(case)))}
    plain = {"cries-wolf", "says-nothing"}
    for name in dict.fromkeys(case.get("shows", "") for case in cases):
        shown = [id(case) in wrong for case in cases if case.get("shows") == name]
        others = [id(case) in wrong for case in cases if case.get("shows") in plain]
        if name and all(shown) and (name in plain or not any(others)):
            yield name


RULES = Rules(plain_function("trace"), trials, clues, learners_code=False)
