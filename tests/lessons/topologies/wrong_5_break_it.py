"""Wrong answers to 01.5: cuts in which nothing is lost, named as the check must name them."""

from __future__ import annotations

from course_lib.lessons.topologies.answers import Cut

WRONG = [
    ("too-short", Cut(at=1.5, seconds=2.9)),
    ("too-short", Cut(at=0.5, seconds=1)),
    ("nobody-writes", Cut(at=4.5, seconds=4)),
    ("nobody-writes", Cut(at=20)),
    ("refused", Cut(at=9.5)),
    ("nobody-writes", Cut(at=5, seconds=20)),
]
