"""Wrong answers to 05.4: faults that do not show what is wrong with the recipe, named as the check must name them."""

from __future__ import annotations

from course_lib.sim import OneFault

# In this run c2 asks first: GET, SET, a load that fails, DEL at 105 ms. Its lock would expire at about 153 ms.
WRONG = [
    ("crash", OneFault("crash", at=3, client="c2")),
    ("lost-message", OneFault("lose reply", at=3, client="c2")),
    ("lost-message", OneFault("lose request", at=2, client="c2")),
    ("breaks-both", OneFault("clock step", at=3, seconds=1.0, client="c1")),
    ("strikes-all", OneFault("node down", at=3, seconds=0.5, client="c1")),
    ("strikes-all", OneFault("clock step", at=3, seconds=0.03, client="c1")),
    ("never-struck", OneFault("node down", at=60, seconds=0.5, client="c1")),
    ("never-struck", OneFault("lose reply", at=60, client="c1")),
    ("never-struck", OneFault("pause", at=50, seconds=0.1, client="c2")),
    ("wrong-moment", OneFault("pause", at=3, seconds=0.1, client="c1")),
    ("too-short", OneFault("pause", at=3, seconds=0.03, client="c2")),
    ("too-long", OneFault("pause", at=3, seconds=2.0, client="c2")),
]
