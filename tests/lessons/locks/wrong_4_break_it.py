"""Wrong answers to 04.4: faults that do no harm, or the wrong client, named as the check must name them."""

from __future__ import annotations

from course_lib.lessons.locks.answers import Finding
from course_lib.sim import OneFault

WRONG = [
    ("crash", Finding(OneFault("crash", at=2, client="c1"), refused="c1")),
    ("lost-message", Finding(OneFault("lose reply", at=1, client="c1"), refused="c1")),
    ("lost-message", Finding(OneFault("lose request", at=2, client="c1"), refused="c1")),
    ("lost-message", Finding(OneFault("node down", at=2, seconds=1.0, client="c1"), refused="c1")),
    ("in-order", Finding(OneFault("clock step", at=2, seconds=1.0, client="c2"), refused="c1")),
    ("in-order", Finding(OneFault("pause", at=2, seconds=0.4, client="c1"), refused="c1")),
    ("wrong-moment", Finding(OneFault("pause", at=1, seconds=0.6, client="c1"), refused="c1")),
    ("wrong-moment", Finding(OneFault("pause", at=3, seconds=0.6, client="c1"), refused="c1")),
    ("too-short", Finding(OneFault("pause", at=2, seconds=0.2, client="c1"), refused="c1")),
    ("never-struck", Finding(OneFault("pause", at=40, seconds=0.6, client="c1"), refused="c1")),
    ("names-another", Finding(OneFault("pause", at=2, seconds=0.6, client="c1"), refused="c2")),
]
