"""The switch *projector*: the same on each panel, and what it changes can be taken back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from views.samples import two_holders

from course_lib.lessons.stampedes.lab import stampede_lab
from course_lib.views.palette import BLUE
from course_lib.views.topology import topology
from course_lib.widgets.projector import ASIDE, Projector
from course_lib.widgets.scheduler import Scheduler
from course_lib.widgets.spacetime import SpaceTime


def inside(box: Any) -> list[Any]:
    """The widget with all that it holds."""
    return [box, *(one for child in getattr(box, "children", ()) for one in inside(child))]


def plain(svg: str) -> str:
    """The picture without its own name, which is another one each time."""
    return re.sub(r"\b[a-z]{2}[0-9a-f]{8}", "", svg)


def lab() -> tuple[Any, Any]:
    made = stampede_lab()
    return made.box, made._picture


def diagram() -> tuple[Any, Any]:
    made = SpaceTime(two_holders())
    return made.box, made._figure


def puzzle() -> tuple[Any, Any]:
    made = Scheduler("counter")
    made.move(1)
    return made.box, made.picture


@pytest.mark.parametrize("made", [lab, diagram, puzzle])
def test_it_changes_the_picture_and_the_panel_and_back(made: Any) -> None:
    box, picture = made()
    (switch,) = (one for one in inside(box) if isinstance(one, Projector))
    assert switch.description == "projector"
    before = picture.value
    assert BLUE in before
    switch.value = True
    assert "course-projector" in box._dom_classes
    assert f'"{BLUE}"' not in picture.value
    assert picture.value != before
    assert [one for one in inside(box) if ASIDE in getattr(one, "_dom_classes", ())], "something is left out"
    switch.value = False
    assert "course-projector" not in box._dom_classes
    assert plain(picture.value) == plain(before)


def test_a_panel_can_begin_with_it() -> None:
    panel = Scheduler("counter", big=True)
    assert panel.projector.value
    assert "course-projector" in panel.box._dom_classes


def test_without_it_a_picture_stays_as_it_is() -> None:
    drawn = topology(()).svg
    assert Projector(Scheduler("counter").box, list).shown(drawn) == drawn
