"""`explore` in a notebook: a bar while it plays, and then the verdict, the smallest failing schedule and its code."""

from __future__ import annotations

from functools import partial
from math import inf
from time import monotonic
from typing import Any

from IPython import get_ipython
from tqdm import tqdm

from course_lib.explore import Findings, Tally, exploration
from course_lib.explore.moment import reopened
from course_lib.explore.puzzle import by_hand
from course_lib.explore.verdict_words import struck
from course_lib.trace import Trace
from course_lib.views.circle import circle
from course_lib.views.palette import ALARM, CODE, FAINT, GREEN, INK, PAPER, VERMILLION, WORDS
from course_lib.views.picture import PROSE, escape, prose
from course_lib.views.spacetime import spacetime
from course_lib.views.spacetime.text import as_title
from course_lib.widgets import fallback
from course_lib.widgets.progress import Bar
from course_lib.widgets.scheduler import Scheduler
from course_lib.widgets.spacetime import SpaceTime

PATIENCE = 1.0
"""Seconds of real time without a bar."""


def explore(*args: Any, **options: Any) -> Explored:
    """`course_lib.explore.exploration.explore` with a bar; the last line of a cell shows what it found.

    Takes the same arguments. Interrupt the cell, and it shows what was found until then.
    """
    bar = _Bar()
    try:
        return Explored(exploration.explore(*args, **options, progress=bar))
    finally:
        bar.close()


class Explored:
    """What was found, as a notebook shows it. `found` has the numbers, the failing run and its code."""

    def __init__(self, found: Findings) -> None:
        self.found = found

    @property
    def holds(self) -> bool:
        """Was no promise found broken, and no schedule left out?"""
        return self.found.holds

    @property
    def code(self) -> str | None:
        """The replay code of the schedule that is shown."""
        return self.found.code

    def by_hand(self) -> Scheduler:
        """The same code on a panel: you say whose command runs next. What is shown here is opened there."""
        panel = Scheduler(by_hand(self.found))
        if self.code is not None:
            panel.open(self.code)
        return panel

    def __str__(self) -> str:
        found = self.found
        lines = [found.text]
        if found.violation is not None:
            lines.append(f"{_title(found)}.")
        if found.shown is not None:
            lines += [f"The schedule that is shown: {self.code}", found.shown.trace.text()]
        if found.printed:
            lines.append(f"Printed: {found.printed}")
        return "\n".join(lines)

    __repr__ = __str__

    def _ipython_display_(self) -> None:
        """Show a failing schedule as a widget to walk through while there is a kernel, and a page otherwise."""
        found = self.found
        if found.shown is None or found.violation is None or not fallback.live():
            raise NotImplementedError  # which IPython takes for: show it in another way
        above, _, below = self._parts()
        walk = SpaceTime(
            _marked(found),
            title=_title(found),
            opened=partial(reopened, found.trial, found.shown),
            at=found.violation.t_start if found.violation.who else inf,  # one of no moment: the end
        )
        fallback.between(_page(above), walk.box, _page(below), self._html(), walk.uid, str(self))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self._html(), "text/plain": str(self)}

    def _html(self) -> str:
        return _page("".join(self._parts()))

    def _parts(self) -> tuple[str, str, str]:
        """What stands above the picture, the picture, and what stands below it."""
        found = self.found
        tone, head = _head(found)
        parts = [f'<p class="head {tone}"><b>{head}</b></p><p>{prose(found.text)}</p>']
        if any(one.what.startswith("classes") for one in found.played):
            parts.append(f'<p class="small">{CLASSES}</p>')
        above, picture, parts = "".join(parts), "", []
        if found.shown is not None:
            picture = f"<div>{spacetime(_marked(found), title=_title(found)).fitting}</div>"
            if found.violation is not None and found.violation.circle:
                parts.append(f"<div>{circle(found.violation.circle, title=COMES_ROUND).fitting}</div>")
            lines = found.shown.trace.text()
            parts.append(
                f'<p class="small">{_is_shown(found)}. To play it again, also with other code, add '
                f'<code>code="{escape(self.code)}"</code> to the call; to change it move by move, end the call with '
                f"<code>.by_hand()</code>.</p>"
                f"<details><summary>The same as text ({lines.count(chr(10)) + 1} lines)</summary>"
                f"<pre>{escape(lines)}</pre></details>"
            )
        if found.printed:
            printed = escape(found.printed)
            parts.append(f"<details><summary>What your code printed in it</summary><pre>{printed}</pre></details>")
        return above, picture, "".join(parts)


def _page(html: str) -> str:
    return f'<div class="course-explored {PROSE}">{STYLE}{html}</div>'


def _head(found: Findings) -> tuple[str, str]:
    """The finding as a tone (good, bad, calm) and a headline that claims no more than was shown."""
    if found.violation is not None:
        return "bad", "✗ Broken"
    if found.shown is not None:
        return "calm", "✓ Not broken by this schedule"
    if not found.complete:
        return "calm", "○ Nothing found so far"
    if found.missing:
        return "calm", "○ Nothing found, and not all of it was seen"
    if found.sampled:
        return "good", "✓ Nothing found in what was sampled"
    return "good", "✓ Holds in every schedule"


COMES_ROUND = "Arrows mean “must come before”; they form a circle, so no order fits"
CLASSES = "Schedules that differ only in the order of commands that do not affect each other count as one class."


def _is_shown(found: Findings) -> str:
    return "This is the simplest such schedule that was found" if found.played else "This is the schedule of the code"


def _marked(found: Findings) -> Any:
    """The run with the broken promise noted where it broke."""
    assert found.shown is not None
    trace, wrong = found.shown.trace.where(lambda event: True), found.violation
    if wrong is not None and wrong.who:
        trace.note(wrong.who, "violation", wrong.t_start, text=wrong.mark or wrong.promise)
    return trace


def _title(found: Findings) -> str:
    if found.violation is None:
        return "Nothing is violated in this schedule"
    words = found.violation.text
    if found.violation.circle:
        words = words.partition(": ")[0]  # what each has read and written stands in the picture of the circle
    return as_title(words, found.shown.trace if found.shown else Trace())


class _Bar:
    """A bar for each number of clients and of faults, once it takes longer than PATIENCE.

    In a notebook it is one that leaves nothing behind; tqdm's own would leave a widget without its model.
    """

    def __init__(self) -> None:
        self._next = monotonic() + PATIENCE
        self._of: object = None
        self._bar: Any = None

    def __call__(self, tally: Tally) -> None:
        if monotonic() < self._next:
            return
        self._next = monotonic() + PATIENCE / 5
        if tally is not self._of:
            self.close()
            self._of = tally
            what = f"{tally.what} of {tally.clients} clients{struck(tally)}"
            if getattr(get_ipython(), "kernel", None):
                self._bar = Bar(what, tally.expected, patience=0.0)
            else:
                self._bar = tqdm(desc=what, total=tally.expected, leave=False)
        self._bar.update(tally.schedules - self._bar.n)

    def close(self) -> None:
        """The bar goes away; what was found stays."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


STYLE = f"""<style>
.course-explored{{font:14px/1.5 {WORDS};color:{INK};background:{PAPER};padding:2px 0 6px}}
.course-explored p{{margin:8px 0;max-width:50em}}
.course-explored .head{{font-size:16px;border-left:5px solid;padding:4px 10px}}
.course-explored .good{{border-color:{GREEN}}} .course-explored .bad{{border-color:{VERMILLION}}}
.course-explored .calm{{border-color:{FAINT}}} .course-explored .bad b{{color:{ALARM}}}
.course-explored .small{{color:{FAINT};font-size:13px}} .course-explored summary{{color:{FAINT};font-size:13px;
cursor:pointer}} .course-explored code,.course-explored pre{{font:13px/1.45 {CODE};color:inherit;background:none}}
.course-explored pre{{overflow-x:auto;max-height:340px;white-space:pre}}
</style>"""
