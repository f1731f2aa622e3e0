"""The presenter's window: a second window of JupyterLab on the kernel of the deck, for the speaker's own screen.

Open a console for the deck's notebook there (*File → New Console for Notebook*), and type:

    from course_lib.stage import presenter
    presenter()
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

import ipywidgets as w

from course_lib.stage.failure_deck import OPEN
from course_lib.stage.script import Step, deck_of, steps_of
from course_lib.views.palette import RULE
from course_lib.views.picture import escape
from course_lib.widgets import deck as shown
from course_lib.widgets import fallback
from course_lib.widgets.browser.clock import Clock
from course_lib.widgets.browser.keys import Pressed
from course_lib.widgets.browser.labels import Names
from course_lib.widgets.controls import button


class Presenter:
    """What to say now, what comes next, and the clock, which starts with the first step; below, the failure deck.

    It follows the slides, as soon as the deck's first cell has run; `Back` and `Next` leaf through the notes without
    them. Keys: `n` and `p`.
    """

    def __init__(self, name: str = "") -> None:
        self.path = deck_of(name)
        self.steps = steps_of(self.path)
        self.at = 0
        self.uid = "pr" + secrets.token_hex(4)
        self.clock = Clock(planned=sum(step.minutes for step in self.steps))
        self.now, self.next = w.HTML(), w.HTML()
        self.back = button("[p] Back", "step-backward", lambda: self.go(self.at - 1))
        self.forward = button("[n] Next", "step-forward", lambda: self.go(self.at + 1))
        self.again = button("Clock from 0", "clock-o", self.restart)
        self.keys = Pressed("np", "Presenter")
        self.keys.observe(self._key, "pressed")
        self.failures = w.VBox()
        self.box = self._arranged()
        self._slide: Any = None
        self.follow()
        self.go(0)

    @property
    def step(self) -> Step:
        """The one that is shown."""
        return self.steps[self.at]

    def go(self, at: int) -> None:
        """Show a step, by number from 0; the clock begins with the second."""
        self.at = min(max(at, 0), len(self.steps) - 1)
        if self.at and not self.clock.began:
            self.restart()
        self._show()

    def restart(self) -> None:
        """The clock begins now."""
        self.clock.began = datetime.now(UTC).timestamp() * 1000

    def follow(self) -> None:
        """Follow the slides of this kernel's deck, and show the keys of its failure deck, if there are such."""
        slide = next(iter(shown.SLIDES), None)
        if slide is not None and slide is not self._slide:
            self._slide = slide
            slide.observe(lambda change: self._moved(change["new"]), "cell")
        self.failures.children = [OPEN[0].acts, OPEN[0].status, OPEN[0].log] if OPEN else []

    def _moved(self, cell: int) -> None:
        found = [at for at, step in enumerate(self.steps) if cell in step.cells]
        if found:
            self.go(found[0])

    def _key(self, change: dict[str, Any]) -> None:
        self.go(self.at + (1 if change["new"][:1] == "n" else -1))

    def _show(self) -> None:
        step, last = self.step, self.at + 1 == len(self.steps)
        self.follow()
        self.clock.due = sum(one.minutes for one in self.steps[: self.at + 1])
        place = f"{self.at + 1} of {len(self.steps)}"
        self.now.value = f'<div role="status"><h3>{place} · {escape(step.title)}</h3>{step.html}</div>'
        self.next.value = f"<p><b>Next:</b> {'the end' if last else escape(self.steps[self.at + 1].title)}</p>"
        self.back.disabled, self.forward.disabled = self.at == 0, last

    def _arranged(self) -> Any:
        me = f".{self.uid}"
        rules = (
            f"{fallback.hide(self.uid)}{me} p{{font-size:20px;line-height:1.45;margin:6px 0;max-width:46em}}"
            f"{me} p code{{font-size:inherit}}{me} h3{{font-size:22px;margin:8px 0}}"
            f"{me} .widget-button{{font-size:16px;height:36px}}"
            f"{me} .next{{border-top:1px solid {RULE}}}"
        )
        self.next.add_class("next")
        moves = w.HBox([self.clock, self.back, self.forward, self.again], layout={"align_items": "center"})
        parts = [w.HTML(f"<style>{rules}</style>"), moves, self.keys, self.now, self.next, self.failures, Names()]
        box = w.VBox(parts, layout={"padding": "4px 12px"})
        box.add_class(self.uid)
        return box

    def _ipython_display_(self) -> None:
        still = f"<p><b>The presenter's window</b> of {escape(self.path.stem)}. Run this to use it.</p>"
        fallback.show(self.box, still, self.uid)


def presenter(name: str = "") -> Presenter:
    """The presenter's window of this kernel's deck, or of the one with that name or number. Raises: NoDeck."""
    return Presenter(name)
