"""Where the graders' tests find programs: wrong ones in tests/lessons, right ones in the solutions' notebook."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from course_lib.lessons import LESSONS as LESSON_FOLDERS

ROOT = Path(__file__).resolve().parent.parent.parent
ANSWERS = {
    "00.1": "keep", "00.2": "product_page", "00.3": "products", "00.4": "change", "00.5": "order",
    "01.1": "slot", "01.2": "ShopKeys", "01.3": "count", "01.4": "smallest_outage", "01.5": "cut",
    "01.6": "unconfirmed",
    "02.1": "profile_key", "02.2": "ProfilesV2", "02.3": "Flushable", "02.4": "clean_up", "02.5": "order",
    "02.6": "immortal",
    "03.1": "count", "03.2": "take", "03.3": "hit", "03.4": "order", "03.5": "fault", "03.6": "invariant",
    "04.1": "release", "04.2": "acquire", "04.3": "redlock", "04.4": "finding", "04.5": "put", "04.6": "two_leases",
    "05.1": "load_once", "05.2": "refresh_early", "05.3": "lock_and_wait", "05.4": "fault", "05.5": "violated",
    "06.1": "sale", "06.2": "store", "06.3": "Leases", "06.4": "relay", "06.5": "pause", "06.6": "stale_read",
    "07.1": "log_in", "07.2": "use", "07.3": "work", "07.4": "Board", "07.5": "pause", "07.6": "lost",
    "08.1": "scene", "08.2": "Aside", "08.3": "review", "08.4": "FencedLock", "08.5": "score",
}  # fmt: skip
LESSONS = sorted({exercise.partition(".")[0] for exercise in ANSWERS})


def module(exercise: str) -> ModuleType:
    """The module of wrong programs for an exercise: lessons.stampedes.wrong_1_… for 05.1."""
    lesson, _, number = exercise.partition(".")
    (path,) = (ROOT / "tests" / "lessons" / LESSON_FOLDERS[lesson]).glob(f"wrong_{number}_*.py")
    return import_module(f"lessons.{LESSON_FOLDERS[lesson]}.{path.stem}")


def wrong(exercise: str) -> list[tuple[str, Any]]:
    return list(module(exercise).WRONG)


def subtle(exercise: str) -> list[tuple[str, str, Any, str | None]]:
    """The rows of SUBTLE, if there are any: a program's short name, the promise that must be broken, the answer, and
    the one misconception that the verdict may name: the fourth element of its row. Without it, none may be named."""
    rows = getattr(module(exercise), "SUBTLE", [])
    return [(name, promise, answer, *(allowed or [None])) for name, promise, answer, *allowed in rows]


def cells(folder: str, lesson: str = "05") -> list[dict[str, Any]]:
    """The cells of a lesson's notebook in solutions/ or exercises/."""
    (path,) = (ROOT / folder).glob(f"{lesson}_*.ipynb")
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return found


def answers(folder: str) -> dict[str, Any]:
    """What the learner's cells define, by exercise: each lesson's cells are run as a notebook would, the checks left
    out."""
    found: dict[str, Any] = {}
    for lesson in LESSONS:
        names: dict[str, Any] = {}
        for cell in cells(folder, lesson):
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and (cell["id"] == "imports" or cell["id"].startswith("answer")):
                exec(compile(source, f"<{folder}: {cell['id']}>", "exec"), names)  # our own notebook
        found |= {exercise: names[name] for exercise, name in ANSWERS.items() if exercise.startswith(lesson)}
    return found
