"""What the labs of all lessons promise: a control that does not count is locked, and one that is locked does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from course_lib.lessons.atomicity.lab import limiter_lab
from course_lib.lessons.cache_aside.lab import shop_lab
from course_lib.lessons.keys.lab import rollout_lab
from course_lib.lessons.locks.lab import redlock_lab
from course_lib.lessons.stampedes.lab import stampede_lab
from course_lib.widgets.lab import Lab

Values = dict[str, Any]
LABS = {
    "00": lambda: shop_lab(readers=40, books=100),
    "02": lambda: rollout_lab(),
    "03": lambda: limiter_lab(limit=20),
    "04": lambda: redlock_lab(clients=2, work=2.0),
    "05": lambda: stampede_lab(clients=40),
}
IGNORED: list[tuple[str, Values, str, list[Any]]] = [
    ("00", {"source": "database"}, "size", [10, 100]),
    ("02", {"share": 0.0}, "ramp", [0.0, 8.0]),
    ("03", {"algorithm": "log"}, "burst", [1, 200]),
    ("03", {"arrivals": "boundary"}, "seed", [2, 3]),
    ("04", {"fault": "nothing"}, "at", [8.0]),
    ("04", {"fault": "nodes forget"}, "lasts", [6.0]),
    ("05", {"strategy": "lock"}, "beta", [0.0, 4.0]),
]
COUNTS: list[tuple[str, Values, str, list[Any]]] = [
    ("00", {"source": "cache"}, "size", [10]),
    ("02", {"share": 0.5}, "ramp", [0.0]),
    ("03", {"algorithm": "bucket"}, "burst", [1]),
    ("03", {"arrivals": "random"}, "seed", [2]),
    ("04", {"fault": "nodes down"}, "lasts", [6.0]),
    ("05", {"strategy": "xfetch"}, "beta", [4.0]),
]


def outcome(lab: Lab[Any], **values: Any) -> str:
    """All that is drawn but the setting; the picture's own name left out."""
    experiment = lab._experiment
    *_, (_, result) = experiment.in_slices(replace(experiment.given, **values))
    return str(experiment.picture(result).svg.partition("</style>")[2])


@pytest.mark.parametrize(("name", "values", "control", "others"), IGNORED)
def test_a_locked_control_does_not_count(name: str, values: Values, control: str, others: list[Any]) -> None:
    lab = LABS[name]()
    assert control in lab._experiment.locked(**values)
    assert {outcome(lab, **values, **{control: other}) for other in others} == {outcome(lab, **values)}


@pytest.mark.parametrize(("name", "values", "control", "others"), COUNTS)
def test_the_control_beside_it_counts(name: str, values: Values, control: str, others: list[Any]) -> None:
    """The control of that: it is open where it changes something."""
    lab = LABS[name]()
    assert control not in lab._experiment.locked(**values)
    assert all(outcome(lab, **values, **{control: other}) != outcome(lab, **values) for other in others)


def test_a_lab_locks_as_its_settings_change() -> None:
    lab = stampede_lab(clients=20, strategy="lock")
    beta: Any = lab._controls["beta"]
    assert beta.disabled
    assert beta.slider.tooltip == "Only XFetch has a β."
    lab.set(strategy="xfetch")
    assert not beta.disabled
    drawn = limiter_lab()
    assert drawn._again.disabled  # nothing is drawn that another seed would change
    drawn.set(arrivals="random")
    assert not drawn._again.disabled
