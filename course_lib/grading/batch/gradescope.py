"""What Gradescope reads of an autograder: a results.json for a student.

Source: https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format
"""

from __future__ import annotations

from typing import Any

from course_lib.grading.batch.class_record import ClassRecord, Pupil, Score
from course_lib.grading.batch.records import as_json
from course_lib.grading.batch.results import Result
from course_lib.grading.batch.tables import number
from course_lib.words import counted


def results(pupil: Pupil, standing: ClassRecord) -> str:
    """A test for each exercise, with the verdict as text: its HTML would lose its pictures there."""
    scores = [pupil.scores[one.exercise] for lesson in standing.lessons for one in lesson.asked]
    return as_json({
        "score": _plain(sum(score.points for score in scores)),
        "output": "\n".join(pupil.remarks) or "Every cell was found where it was handed out.",
        "output_format": "text",
        "test_output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_test(score) for score in scores],
    })  # fmt: skip


def _test(score: Score) -> dict[str, Any]:
    its: Result = score.result
    by_hand = ""
    if score.override is not None:
        given = f"{number(score.points)} of {counted(its.max_points, 'point')}"
        by_hand = f"Set by hand: {given}. {score.override.reason}\n\n"
    return {
        "name": its.title,
        "number": its.exercise,
        "score": _plain(score.points),
        "max_score": its.max_points,
        "status": "passed" if its.status == "passed" else "failed",
        "output": by_hand + (its.text or its.sentence),
        "output_format": "text",
        "visibility": "visible",
    }


def _plain(points: float) -> int | float:
    return int(points) if points == int(points) else points
