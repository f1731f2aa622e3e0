"""Other right answers of every exercise, by its number: each must pass as the solutions do."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from course_lib.lessons import LESSONS

RIGHT: dict[str, dict[str, Any]] = {
    id: answers for folder in LESSONS.values() for id, answers in import_module(f"lessons.{folder}.right").RIGHT.items()
}
