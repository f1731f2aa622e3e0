"""Writes a report: the same bytes for the same class, because nothing in it depends on time or chance."""

from __future__ import annotations

from pathlib import Path

from course_lib.grading.batch.class_page import class_page
from course_lib.grading.batch.class_record import ClassRecord
from course_lib.grading.batch.folders import slug
from course_lib.grading.batch.gradescope import results
from course_lib.grading.batch.records import write
from course_lib.grading.batch.student_page import index_page, student_page
from course_lib.grading.batch.tables import gradebook, remarks, scores


def report(standing: ClassRecord, out: Path) -> None:
    """All files; those of students who are gone are removed. Raises: OSError."""
    made = {
        "scores.csv": scores(standing),
        "gradebook.csv": gradebook(standing),
        "remarks.csv": remarks(standing),
        "class.html": class_page(standing),
        "index.html": index_page(standing),
    }
    for pupil in standing.pupils:
        made[f"pages/{slug(pupil.name)}.html"] = student_page(pupil, standing)
        made[f"gradescope/{slug(pupil.name)}.json"] = results(pupil, standing)
    for name, text in made.items():
        write(out / name, text)
    for folder in ("pages", "gradescope"):
        for path in (out / folder).glob("*.*"):
            if f"{folder}/{path.name}" not in made:
                path.unlink()
