"""A space-time diagram that one can walk through: scrub, step, play, jump to the next fault, and read along."""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any

import ipywidgets

from course_lib.explore.moment import Opened
from course_lib.trace import Event, Trace
from course_lib.views.axes import nice_step
from course_lib.views.picture import escape
from course_lib.views.room import within
from course_lib.views.spacetime import draw
from course_lib.views.spacetime.plan import lay_out
from course_lib.views.spacetime.style import current
from course_lib.views.spacetime.text import Moment, moments
from course_lib.widgets import fallback
from course_lib.widgets.browser.follow import Follow
from course_lib.widgets.browser.keys import Pressed
from course_lib.widgets.browser.labels import Names
from course_lib.widgets.browser.room import Room
from course_lib.widgets.controls import button
from course_lib.widgets.moment import Panes
from course_lib.widgets.projector import ASIDE, Projector
from course_lib.widgets.text_trace import WIDE, TextTrace
from course_lib.words import ms

LEAST = 760  # pixels that the picture needs beside the text trace


class SpaceTime:
    """The picture with its controls. The last line of a cell shows it; `box` is the widget to put into another one.

    The picture is drawn once. A step sends a line of style, so that a thousand commands move as smoothly as ten. While
    it has the focus, the keys `,` and `.` step, and `f` goes to the next fault.
    `position` counts the moments: 0 is the whole run, 1 the first moment. Options are those of `views.spacetime`.

    With `opened`, which plays the run again when somebody first asks for a moment, there are panes below: what Redis
    held, where each client stood and what it believed, and which promises held. `says` is what a promise says, by its
    name. They open at the moment `at`, in seconds, if it is given; after the last one is the end of the run.
    """

    def __init__(
        self,
        trace: Trace,
        *,
        width: float | None = None,
        title: str | None = None,
        highlight: Callable[[Event], bool] | None = None,
        lanes: Sequence[str] | None = None,
        to_scale: bool | None = None,
        opened: Callable[[], Opened] | None = None,
        says: Mapping[str, str] | None = None,
        at: float | None = None,
    ) -> None:
        self.uid = "st" + secrets.token_hex(4)
        self.position = 0
        self.moments: list[Moment] = moments(trace)
        self._lay_out = partial(lay_out, trace, width=width, lanes=lanes, to_scale=to_scale)
        self._title, self._highlight = title, highlight
        self._plan = self._lay_out()
        self.picture = draw(self._plan, title=title, highlight=highlight, uid=self.uid)
        self._moving = False
        self._placed = inf  # ms at which a program last put the slider
        self._lit: list[int] = []
        self.panes = None if opened is None else self._opening(trace, opened, says)
        self._make_controls(trace)
        self.box = self._arranged()
        if at is None:
            self.go(0)
        else:
            self._go_to(max(at, self.moments[0].t) if self.moments else at)

    def go(self, position: int) -> None:
        """Show the run as it was at a moment; 0, and anything out of range, shows all of it."""
        position = position if 0 <= position <= len(self.moments) else 0
        self._show(position, self.moments[position - 1].t if position else None)

    def step_back(self) -> None:
        """Show the moment before this one; before the whole run comes the last."""
        between = self.position and (self._shown[1] or 0.0) > self.moments[self.position - 1].t + 1e-9
        self.go(self.position if between else self.position - 1 if self.position else len(self.moments))

    def step(self) -> None:
        """Show the next moment; after the last comes the first."""
        self.go(self.position + 1 if self.position < len(self.moments) else 1)

    def next_fault(self) -> None:
        """Show the next trouble; after the last comes the first."""
        positions = [i for i, moment in enumerate(self.moments, 1) if moment.trouble]
        self.go(next((p for p in positions if p > self.position), positions[0]))

    def light(self, events: Sequence[int]) -> None:
        """Mark these commands in the picture and in the list, by their places in the trace. With none, nothing is
        marked."""
        self._lit = list(events)
        self._show(*self._shown)

    def _position_of(self, t: float) -> int:
        """The position of the last moment that has come by then."""
        return bisect_right(self.moments, t + 1e-9, key=lambda moment: moment.t)

    def _go_to(self, t: float) -> None:
        """Show the moment at `t` seconds; also if nothing happened just then, as at the end of the run."""
        position = self._position_of(t)
        if position and self.moments[position - 1].t >= t - 1e-9:
            self.go(position)
            return
        self._moving = True
        self._placed = self.time.value = min(t * 1000, self.time.max)
        self._show(position, self._placed / 1000, True)

    def _opening(self, trace: Trace, opened: Callable[[], Opened], says: Mapping[str, str] | None) -> Panes:
        panes = Panes(says=says, go=self._go_to, light=self.light)
        panes.look_at(opened, trace, self._plan.clients)
        return panes

    def _ipython_display_(self) -> None:
        fallback.show(self.box, self.picture.as_image(), self.uid)

    # -- controls -----------------------------------------------------------------------------------------------------

    def _make_controls(self, trace: Trace) -> None:
        start, end = trace.span
        last = len(self.moments)
        self.time = ipywidgets.FloatSlider(
            description="Time (ms)",
            min=start * 1000,
            max=max(end, start + 1e-6) * 1000,
            step=nice_step(max(end - start, 1e-6) * 1000 / 400),
            readout=False,  # one could type into it, and be changed in silence; the status says the time
            layout={"flex": "1 1 260px"},
            disabled=not last,
        )
        self.play = ipywidgets.Play(max=last, interval=max(60, min(900, 20_000 // max(last, 1))), show_repeat=False)
        self.back = button("Step back", "step-backward", self.step_back, "The moment before (key ,)", disabled=not last)
        self.forward = button("Step", "step-forward", self.step, "The next moment (key .)", disabled=not last)
        troubled = any(moment.trouble for moment in self.moments)
        tip = "The next loss, pause, crash or violation (key f)" if troubled else "Nothing went wrong in this run"
        self.fault = button("Next fault", "bolt", self.next_fault, tip, disabled=not troubled)
        self.keys = Pressed(",.f", "Space-time diagram")
        self.keys.observe(self._key, "pressed")
        self.time.observe(self._scrubbed, "value")
        self.play.observe(self._played, "value")

    def _arranged(self) -> Any:
        self._style = ipywidgets.HTML(layout={"display": "none"})
        self.status = ipywidgets.HTML()
        self.text = TextTrace(self.moments, self.uid)
        still = f"<style>{fallback.hide(self.uid)}</style>"
        layout = {"flex": "0 0 auto", "max_width": "100%", "overflow": "auto"}
        self._figure = ipywidgets.HTML(self.picture.svg, layout=layout)
        self.room = Room()
        self.room.observe(self._placed_in, "wide")
        self.follow = Follow(self.uid)
        self.follow.observe(self._picked, "picked")
        row = {"flex_flow": "row wrap", "align_items": "center"}
        box = ipywidgets.VBox(layout={"padding": "4px 12px"})
        self.projector = Projector(box, self._drawn_anew)
        moves = [self.back, self.forward, self.fault, self.play, self.time, self.projector]
        controls = ipywidgets.HBox(moves, layout=row)
        both = ipywidgets.HBox(
            [self._figure, self.text.list], layout={"flex_flow": "row wrap", "align_items": "flex-start"}
        )
        hide = ipywidgets.HTML(still, layout={"display": "none"})
        panes = [] if self.panes is None else [self.panes.board]
        self.text.list.add_class(ASIDE)
        parts = [self._style, controls, self.keys, self.status, self.room, both, *panes, hide, Names(), self.follow]
        box.children = [*parts, self.projector.rules]
        box.add_class(f"{self.uid}-live")
        box.add_class("course-panel")
        return box

    def _placed_in(self, change: dict[str, Any]) -> None:
        """Draw it as wide as there is room beside the list; below it, where there is little."""
        wide = change["new"]
        beside = wide - WIDE > LEAST and not self.projector.value
        with within(wide - WIDE if beside else wide):
            plan = self._lay_out()
        if plan.width != self._plan.width:
            self._plan = plan
            self._drawn_anew()

    def _drawn_anew(self) -> None:
        """The picture as it is laid out now, in the colors for now."""
        svg = draw(self._plan, title=self._title, highlight=self._highlight, uid=self.uid).svg
        self._figure.value = self.projector.shown(svg)
        self._show(*self._shown)

    # -- what moves it ------------------------------------------------------------------------------------------------

    def _scrubbed(self, change: dict[str, Any]) -> None:
        rounded = abs(change["new"] - self._placed) < self.time.step  # the front end, to its grid, after we moved it
        if not self._moving and not rounded:
            self._placed = inf
            t = change["new"] / 1000
            self._show(self._position_of(t), t, True)

    def _key(self, change: dict[str, Any]) -> None:
        buttons = {",": self.back, ".": self.forward, "f": self.fault}
        if not (button := buttons[change["new"][0]]).disabled:
            button.click()

    def _played(self, change: dict[str, Any]) -> None:
        if not self._moving:
            self.go(change["new"])

    def _picked(self, change: dict[str, Any]) -> None:
        kind, number = change["new"][:1], int(change["new"][1:] or -1)
        if kind == "r":
            self.go(number + 1)
        elif kind == "e":
            self.go(1 + next(i for i, m in enumerate(self.moments) if m.index == number and isinstance(m.what, Event)))
        self.follow.picked = ""

    # -- what it shows ------------------------------------------------------------------------------------------------

    def _show(self, position: int, t: float | None, keep_time: bool = False) -> None:
        self.position, self._moving, self._shown = position, True, (position, t, keep_time)
        try:
            self.play.value = position
            if not keep_time:
                self._placed = self.time.value = self.time.max if t is None else t * 1000
        finally:
            self._moving = False
        moment = self.moments[position - 1] if position else None
        self._style.value = self._styled(moment, t)
        self.status.value = f'<div role="status" class="{self.uid}-status">{self._told(moment, t)}</div>'
        self.text.show(max(position - 1, 0))
        self.follow.row = position - 1
        if self.panes is not None and (t is not None or self.panes.opened):
            before = len(self.moments) if t is None else position - 1  # of the whole run, the last
            what = moment.what if moment is not None and not keep_time else None
            ended = keep_time and t is not None and t * 1000 > self.time.max - 1e-6  # a run may go on after its trace
            self.panes.show(what, None if ended else t, self.moments[before - 1].what if before > 0 else None)

    def _styled(self, moment: Moment | None, t: float | None) -> str:
        event = moment.index if moment is not None and isinstance(moment.what, Event) else None
        x = None if t is None else self._plan.scale(t)
        ring = moment is not None and not isinstance(moment.what, Event) and moment.what.kind == "violation"
        rules = current(self.uid, x, event, self._lit, ring=ring and not self._shown[2])
        return f"<style>{rules}{self.text.rules(self.position - 1, self._lit)}</style>"

    def _told(self, moment: Moment | None, t: float | None) -> str:
        lit = f" <b>{escape(self.panes.told(self._lit))}</b>" if self.panes is not None and self._lit else ""
        if moment is None:
            when = "Before the first command." if t is not None else "The whole run."
            return f"{when} {len(self.moments):,} moments: step, play, or move the time.{lit}"
        return f"<b>{self.position:,} of {len(self.moments):,}</b> · {ms(moment.t)} · {escape(moment.text)}{lit}"
