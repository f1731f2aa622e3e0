"""What the labs are made of: a scenario whose settings are on controls, and the controls, which all look alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import ipywidgets as w

from course_lib.views.picture import Picture

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Given = TypeVar("Given", bound="DataclassInstance")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Scenario(Generic[Given, Result]):
    """An experiment of a lab. Controls are named after fields of `given`; a field without one stays as it is there."""

    given: Given
    made: Callable[[Given], dict[str, w.Widget]]
    playing: Callable[[Given], Iterator[tuple[float, Result]]]
    picture: Callable[[Result], Picture]
    row: Callable[[Result], dict[str, str]]
    says: Callable[[Result], str] = lambda _: ""

    def controls(self) -> dict[str, w.Widget]:
        """The controls, set to what is given, and the seed."""
        seed: Any = self.given
        return {**self.made(self.given), "seed": w.BoundedIntText(seed.seed, 0, 999_999, **_look("seed"))}

    def running(self, **values: Any) -> Iterator[tuple[float, Result]]:
        """The scenario with these values, simulated in slices."""
        return self.playing(replace(self.given, **values))


def choice(name: str, value: str, labels: Mapping[str, str]) -> w.Widget:
    """One of several; `labels` says what is shown for each value."""
    return w.Dropdown(options=[(label, key) for key, label in labels.items()], value=value, **_look(name))


def whole(name: str, value: int, low: int, high: int, step: int = 1) -> w.Widget:
    """A slider of whole numbers."""
    return w.IntSlider(value, low, high, step, **_look(name))


def decimal(name: str, value: float, low: float, high: float, step: float) -> w.Widget:
    """A slider of numbers."""
    return w.FloatSlider(value, min=low, max=high, step=step, **_look(name))


def button(label: str, icon: str, tooltip: str, *, disabled: bool = False) -> Any:
    """A button as wide as its words."""
    return w.Button(description=label, icon=icon, tooltip=tooltip, disabled=disabled, layout={"width": "auto"})


def _look(name: str) -> dict[str, Any]:
    return {"description": name, "style": {"description_width": "130px"}, "layout": {"width": "98%"}}
