"""Wrong answers to 06.5: faults that leave no old price behind, named as the check must name it."""

from __future__ import annotations

from course_lib.explore import OneFault

WRONG = [
    ("not-a-pause", OneFault("crash", at=3, client="writer")),
    ("not-a-pause", OneFault("lose request", at=3, client="writer")),
    ("not-a-pause", OneFault("lose reply", at=3, client="reader")),
    ("not-a-pause", OneFault("node down", at=3, seconds=9.0, client="reader")),
    ("never-struck", OneFault("pause", at=4, seconds=1.0, client="reader")),
    ("never-struck", OneFault("pause", at=4, seconds=1.0, client="writer")),
    ("the-writer", OneFault("pause", at=1, seconds=0.5, client="writer")),
    ("the-writer", OneFault("pause", at=2, seconds=0.5, client="writer")),
    ("the-writer", OneFault("pause", at=3, seconds=5.0, client="writer")),
    ("too-early", OneFault("pause", at=1, seconds=0.6, client="reader")),
    ("too-early", OneFault("pause", at=2, seconds=0.6, client="reader")),
    ("too-short", OneFault("pause", at=3, seconds=0.2, client="reader")),
    ("too-short", OneFault("pause", at=3, seconds=0.4, client="reader")),
]
