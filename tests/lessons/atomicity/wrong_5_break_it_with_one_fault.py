"""Wrong answers to 03.5: faults after which the counter ends, named as the check must name them."""

from __future__ import annotations

from course_lib.sim import OneFault

WRONG = [
    ("never-struck", OneFault("crash", at=3, client="alice")),
    ("never-struck", OneFault("lose request", at=2, client="bob")),
    ("only-late", OneFault("pause", at=2, seconds=5, client="alice")),
    ("only-late", OneFault("clock step", at=2, seconds=5, client="alice")),
    ("not-the-first", OneFault("crash", at=1, client="bob")),
    ("not-the-first", OneFault("lose reply", at=1, client="bob")),
    ("before-the-count", OneFault("crash", at=1, client="alice")),
    ("before-the-count", OneFault("lose request", at=1)),
    ("before-the-count", OneFault("node down", at=1, seconds=0.01)),
    ("reply-too-late", OneFault("lose reply", at=2, client="alice")),
]
