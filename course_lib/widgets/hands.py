"""A show of hands: the room predicts, the instructor types how many hands went up, and the bars stay on the screen."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import ipywidgets

from course_lib.errors import CourseError
from course_lib.views.palette import ALARM, BLUE, INK, RULE, WELL
from course_lib.views.picture import PROSE, escape
from course_lib.widgets import fallback
from course_lib.widgets.browser.labels import Names
from course_lib.widgets.controls import button
from course_lib.widgets.projector import dots
from course_lib.words import counted

MOST = 999  # hands for one choice


class NoSuchOutcome(CourseError):
    """What happened is none of the choices; the sentence names it."""


class Hands:
    """A question, and for each choice a box for a number and a bar. The last line of a cell shows it.

    `choices` says for each choice how to tell whether that is what happened. `settle(outcome)` finds the one that did;
    the button *What happened* marks it, and says how many hands were right. So *Run All* before the class gives
    nothing away. What was typed is kept while the kernel lives, so the cell can run again.
    """

    def __init__(self, question: str, choices: Mapping[str, Callable[[Any], bool]]) -> None:
        self.question, self._choices = question, dict(choices)
        self.happened: str | None = None
        self.shown = False
        self.uid = "ha" + secrets.token_hex(4)
        typed = _typed.setdefault(question, {})
        self.counts = {choice: self._count(choice, typed.get(choice, 0)) for choice in self._choices}
        self._bars = {choice: ipywidgets.HTML(layout={"flex": "1 1 260px"}) for choice in self._choices}
        self.told = ipywidgets.HTML()
        self.button = button("What happened", "eye", self.show, "First comes the run, on the next slide", disabled=True)
        self.box = self._arranged()
        self._draw()

    def settle(self, outcome: Any) -> None:
        """Find the choice that happened. Nothing of it is shown until the button is pressed. Raises: NoSuchOutcome."""
        found = [choice for choice, holds in self._choices.items() if holds(outcome)]
        if len(found) != 1:
            raise NoSuchOutcome(f"{outcome!r} fits {len(found)} of the choices: {', '.join(self._choices)}")
        self.happened, self.button.disabled, self.button.tooltip = found[0], False, None

    def show(self) -> None:
        """Mark the choice that happened. Do nothing while none has."""
        self.shown = self.happened is not None
        self._draw()

    @property
    def sentence(self) -> str:
        """How many hands there are, and once it is settled how many were right."""
        hands = sum(count.value for count in self.counts.values())
        if self.happened is None or not self.shown:
            return f"{counted(hands, 'hand')}."
        right = self.counts[self.happened].value
        return f"What happened: {self.happened}. {right:,} of {counted(hands, 'hand')} said so."

    def _ipython_display_(self) -> None:
        listed = "".join(f"<li>{escape(choice)}</li>" for choice in self._choices)
        fallback.show(self.box, f"<p><b>{escape(self.question)}</b></p><ul>{listed}</ul>", self.uid)

    # -- parts --------------------------------------------------------------------------------------------------------

    def _count(self, choice: str, value: int) -> Any:
        box = ipywidgets.BoundedIntText(value, min=0, max=MOST, description=choice, layout={"width": "auto"})
        box.style.description_width = "0px"  # the choice stands beside it, large; this names the box to a screen reader
        box.observe(partial(self._typed, choice), "value")
        return box

    def _arranged(self) -> Any:
        rules = (
            f"{fallback.hide(self.uid)}.{self.uid} p{{margin:6px 0;font-size:{dots(24)};line-height:1.35}}"
            f".{self.uid} .widget-label{{display:none}}.{self.uid} .widget-text{{width:{dots(96)}}}"
            f".{self.uid} input{{font-size:{dots(22)}!important;height:{dots(40)}!important}}"
            f".{self.uid} .widget-inline-hbox{{height:auto}}"
            f".{self.uid} button{{font-size:{dots(20)};height:{dots(40)};margin-right:14px}}"
        )
        head = ipywidgets.HTML(f'<style>{rules}</style><p class="{PROSE}"><b>{escape(self.question)}</b></p>')
        rows = []
        for choice, count in self.counts.items():
            words = ipywidgets.HTML(f'<p class="{PROSE}">{escape(choice)}</p>', layout={"flex": f"0 1 {dots(470)}"})
            rows.append(ipywidgets.HBox([count, words, self._bars[choice]], layout={"align_items": "center"}))
        box = ipywidgets.VBox(
            [head, *rows, ipywidgets.HBox([self.button, self.told]), Names()], layout={"padding": "4px 12px"}
        )
        box.add_class(self.uid)
        return box

    def _typed(self, choice: str, change: dict[str, Any]) -> None:
        _typed[self.question][choice] = change["new"]
        self._draw()

    def _draw(self) -> None:
        """Each bar's length is its share of the longest; the one that happened has a mark and a thick frame."""
        longest = max((count.value for count in self.counts.values()), default=0)
        for choice, bar in self._bars.items():
            share = 100 * self.counts[choice].value / longest if longest else 0
            right = self.shown and choice == self.happened
            tone, sign = (WELL, "✓") if right else (ALARM, "✗")
            mark = f'<b style="color:{tone}">{sign}</b>' if self.shown else ""
            frame = f"4px solid {INK}" if right else f"1px solid {RULE}"
            filled = f'<div style="height:100%;width:{share:.0f}%;background:{BLUE}"></div>'
            bar.value = (
                f'<div style="display:flex;align-items:center;gap:8px;font-size:{dots(24)}">'
                f'<div style="flex:1;border:{frame};height:{dots(30)}">{filled}</div>{mark}</div>'
            )
        self.told.value = f'<p role="status" class="{PROSE}">{escape(self.sentence)}</p>'


_typed: dict[str, dict[str, int]] = {}
"""What was typed in this kernel, by question and choice."""

hands = Hands
"""As a deck calls it."""
