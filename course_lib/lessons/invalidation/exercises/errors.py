"""Errors of redis go to the caller, where an answer may watch keys and where it may not."""

from __future__ import annotations

from collections.abc import Iterator

from course_lib.explore import Play
from course_lib.grading import shelf
from course_lib.grading.errors_out import keeps_errors
from course_lib.grading.rules import Found


def errors(run: Play) -> Iterator[Found]:
    """As the kit has it; what is lost while a key is watched excuses more."""
    return keeps_errors(run) if any(event.name == "WATCH" for event in run.trace) else shelf.told(run)
