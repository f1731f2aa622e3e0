"""Wrong answers to 08.3: reviews with one wrong finding, named as the check must name it."""

from __future__ import annotations

from typing import Any

from course_lib.explore import OneFault
from course_lib.lessons.capstone.answers import Case

LOST = OneFault("lose reply", at=1, client="c1")


def review(**findings: Any) -> dict[str, Case | None]:
    """The right one, but for these."""
    right = {
        "alone": Case(work=0.6),
        "tasks": Case(work=0.8),
        "processes": None,
        "knows": Case(fault=LOST),
        "expires": None,
    }
    return right | findings


WRONG = [
    ("alone-taken-to-hold", review(alone=None)),
    ("in-time", review(alone=Case(work=0.4))),
    ("tasks-taken-to-hold", review(tasks=None)),
    ("another-process", review(tasks=Case(work=0.6))),
    ("another-process", review(tasks=Case(work=0.55))),
    ("processes-taken-to-break", review(processes=Case(work=0.8))),
    ("processes-taken-to-break", review(processes=Case(fault=OneFault("pause", at=2, seconds=0.7, client="c3")))),
    ("knows-taken-to-hold", review(knows=None)),
    ("request-lost", review(knows=Case(fault=OneFault("lose request", at=1, client="c1")))),
    ("expires-taken-to-break", review(expires=Case(fault=OneFault("crash", at=2, client="c1")))),
]

SUBTLE = [
    ("longer than everybody", "tasks", review(tasks=Case(work=1.2))),
    ("a reply of the work", "knows", review(knows=Case(fault=OneFault("lose reply", at=2, client="c1")))),
    ("a crash", "knows", review(knows=Case(fault=OneFault("crash", at=2, client="c1")))),
    (
        "a pause before it takes the lock",
        "alone",
        review(alone=Case(fault=OneFault("pause", at=1, seconds=2.0, client="c3"))),
    ),
]
