"""What is kept of a judged notebook: REPORT/records/<student>.<lesson>.json. A report is made from these alone.

A record holds under a key: a digest of all that its results depend on. Under another key it is worth nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from course_lib.grading.batch.folders import slug
from course_lib.grading.batch.handout import revision
from course_lib.grading.batch.judge_interface import Limits
from course_lib.grading.batch.results import Result


@dataclass(frozen=True)
class NotebookRecord:
    """One notebook of one student: results by exercise, remarks, and how the grader itself failed, if it did."""

    student: str
    lesson: str
    key: str
    results: dict[str, Result]
    remarks: tuple[str, ...]
    trouble: str = ""


def place(report: Path, student: str, lesson: str) -> Path:
    """Where the record is."""
    return report / "records" / f"{slug(student)}.{lesson}.json"


def key(
    data: bytes | str | None, student: str, lesson: str, remarks: tuple[str, ...], *,
    secret: bytes, limits: Limits, unsafe: bool,
) -> str:  # fmt: skip
    """The digest of what a record depends on: the submission, the course, the secret, the limits."""
    file = hashlib.sha256(data).hexdigest() if isinstance(data, bytes) else data
    parts = [file, student, lesson, remarks, revision(), fingerprint(secret), astuple(limits), unsafe]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def fingerprint(secret: bytes) -> str:
    """A text that tells two secrets apart, and reveals neither."""
    return hmac.new(secret, b"fingerprint", hashlib.sha256).hexdigest()[:16]


def load(path: Path) -> NotebookRecord | None:
    """The record; None if it is not there, or is not whole."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        results = {id: Result.from_table(result) for id, result in table["results"].items()}
        return NotebookRecord(
            table["student"], table["lesson"], table["key"], results, tuple(table["remarks"]), table["trouble"]
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def save(path: Path, record: NotebookRecord) -> None:
    """In one step: a run that is broken off leaves the old record or the new one."""
    results = {id: result.as_table() for id, result in sorted(record.results.items())}
    write(path, as_json({
        "student": record.student, "lesson": record.lesson, "key": record.key, "results": results,
        "remarks": record.remarks, "trouble": record.trouble,
    }))  # fmt: skip


def as_json(table: Any) -> str:
    """Always the same bytes for the same table."""
    return json.dumps(table, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write(path: Path, text: str) -> None:
    """Put a file in its place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.new")
    made.write_text(text, encoding="utf-8", newline="")
    os.replace(made, path)
