"""A number that a learner sets: a slider, and a field beside it that takes what is typed or says why it does not."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import traitlets

from course_lib.views.palette import ALARM
from course_lib.views.picture import escape
from course_lib.widgets.prediction_words import number_of, objection, shown


class Number(w.VBox):
    """A number from `low` to `high`, a whole one if all of `value`, `low`, `high` and `step` are; `name` is shown.

    What is typed is taken as it is, also between two steps of the slider: `64.0`, `1 000` and `1e2` are numbers. What
    cannot be one stays in the field, with a sentence beside it, and `value` stays as it was. Without a step there is no
    slider. While it is `disabled`, `why` says why: as a tooltip, which is its description for a screen reader too.
    """

    value = traitlets.Any()

    def __init__(self, name: str, value: float, low: float, high: float, step: float | None = None) -> None:
        self.name, self.min, self.max, self._writing = name, low, high, False
        self.whole = all(isinstance(number, int) for number in (value, low, high, step or 1))
        self.field = w.Text(continuous_update=False, layout={"width": "80px" if step else "96px", "flex": "0 0 auto"})
        self.note = w.HTML()
        self.note.add_class("course-number-note")
        kind = w.IntSlider if self.whole else w.FloatSlider
        self.slider = None if step is None else kind(value, min=low, max=high, step=step, readout=False, **_LOOK)
        label = w.Label(name, layout={"flex": "0 0 auto", "width": "130px" if step else "auto"})
        parts = [label, *([self.slider] if self.slider is not None else []), self.field]
        super().__init__([w.HBox(parts), self.note])
        self.add_class("course-number")
        self.value = value
        self._write()
        self.field.observe(self._typed, "value")
        self.observe(self._set, "value")
        if self.slider is not None:
            self.slider.observe(self._slid, "value")

    @property
    def disabled(self) -> bool:
        """Is it locked, because it has no effect now?"""
        return bool(self.field.disabled)

    def disable(self, why: str) -> None:
        """Lock it, with the reason; or with none, unlock it."""
        for part in (self.field, self.slider):
            if part is not None:
                part.disabled, part.tooltip = bool(why), why or None

    @traitlets.validate("value")
    def _within(self, proposal: dict[str, Any]) -> float:
        """Programs are held to the bounds as sliders hold them."""
        value = max(self.min, min(self.max, proposal["value"]))
        return int(value) if self.whole else float(value)

    def _set(self, change: dict[str, Any]) -> None:
        if self.slider is not None:
            self.slider.value = change["new"]
        self._write()

    def _slid(self, change: dict[str, Any]) -> None:
        self.value = change["new"]
        self._write()

    def _write(self) -> None:
        """Show the value. That is not typed: a slider's 1.2000000000000002, shown as 1.2, stays what it is."""
        self._writing = True
        try:
            self.field.value, self.note.value = f"{self.value:g}" if abs(self.value) < 1e5 else str(self.value), ""
        finally:
            self._writing = False

    def _typed(self, change: dict[str, Any]) -> None:
        if self._writing:
            return
        wrong = self._objection(change["new"])
        stays = f" {self.name} stays {shown(self.value)}." if wrong else ""
        self.note.value = f'<span role="alert" style="color:{ALARM}">{escape(wrong + stays)}</span>' if wrong else ""
        if not wrong:
            number = number_of(change["new"])
            self.value = int(number) if self.whole else number
            self._write()

    def _objection(self, text: str) -> str:
        if not text.strip():
            return "Nothing is typed."
        wrong = objection(text, "", self.min, self.max)
        if not wrong and self.whole and not number_of(text).is_integer():
            return f"“{text.strip()}” is not a whole number."
        return wrong


_LOOK: dict[str, Any] = {"layout": {"flex": "1 1 80px", "width": "auto", "min_width": "60px"}}
