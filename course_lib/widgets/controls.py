"""The controls of labs and panels, which all look alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as w

from course_lib.widgets.number import Number


def choice(name: str, value: str, labels: Mapping[str, str]) -> w.Widget:
    """One of several; `labels` says what is shown for each value."""
    return w.Dropdown(options=[(label, key) for key, label in labels.items()], value=value, **look(name))


def whole(name: str, value: int, low: int, high: int, step: int = 1) -> w.Widget:
    """A whole number, by a slider or typed."""
    return Number(name, value, low, high, step)


def decimal(name: str, value: float, low: float, high: float, step: float) -> w.Widget:
    """A number, by a slider or typed."""
    return Number(name, float(value), low, high, step)


def disable(control: Any, why: str) -> None:
    """Lock a control, with the reason as its tooltip; or with none, unlock it."""
    if isinstance(control, Number):
        control.disable(why)
    else:
        control.disabled, control.tooltip = bool(why), why or None


def button(
    label: str, icon: str, act: Callable[[], object], tooltip: str | None = None, *, disabled: bool = False
) -> Any:
    """A button as wide as its words, which calls `act` when it is pressed."""
    made = w.Button(description=label, icon=icon, tooltip=tooltip, disabled=disabled, layout={"width": "auto"})
    made.on_click(lambda _: act())
    return made


def look(name: str) -> dict[str, Any]:
    """The description and the width that a control of a lab has."""
    return {"description": name, "style": {"description_width": "130px"}, "layout": {"width": "98%"}}
