"""Wrong answers to 07.5: faults after which the parcel is counted once, named as the check must name it."""

from __future__ import annotations

from course_lib.explore import OneFault

WRONG = [
    ("not-a-pause", OneFault("node down", at=1, seconds=2.6, client="w1")),
    ("not-a-pause", OneFault("crash", at=4, client="w1")),
    ("not-a-pause", OneFault("lose request", at=7, client="w1")),
    ("not-a-pause", OneFault("lose reply", at=8, client="w1")),
    ("never-struck", OneFault("pause", at=9, seconds=3.0, client="w1")),
    ("never-struck", OneFault("pause", at=40, seconds=3.0, client="w2")),
    ("the-second", OneFault("pause", at=1, seconds=3.0, client="w2")),
    ("too-early", OneFault("pause", at=1, seconds=3.0, client="w1")),
    ("too-early", OneFault("pause", at=2, seconds=3.0, client="w1")),
    ("too-early", OneFault("pause", at=3, seconds=3.0, client="w1")),
    ("too-late", OneFault("pause", at=8, seconds=3.0, client="w1")),
    ("too-short", OneFault("pause", at=4, seconds=1.0, client="w1")),
    ("too-short", OneFault("pause", at=5, seconds=2.4, client="w1")),
]
