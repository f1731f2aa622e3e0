"""A run as a moving picture: clients on the left, Redis in the middle, the database on the right.

`theatre(x)` plays whatever the course gives: a trace, a run of the explorer, what `explore` found, a verdict, the run
of a lab or of an experiment. Python prepares the play once (`course_lib.views.theatre`); `theatre.js` beside this file
plays it, without the kernel.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import traitlets

from course_lib.errors import CourseError
from course_lib.explore import Play, Trial, play
from course_lib.trace import Trace
from course_lib.views.picture import PROSE, escape
from course_lib.views.spacetime import spacetime
from course_lib.views.theatre import LOOKS, staged
from course_lib.widgets import fallback
from course_lib.widgets.browser.labels import Names
from course_lib.widgets.projector import dots

HERE = Path(__file__).parent


class NothingToPlay(CourseError):
    """There is no run in what the theatre was given; the sentence says what it plays."""


class Stage(anywidget.AnyWidget):
    """The canvas with its buttons. `position` counts the lines that are told: 0 is before the first.

    `now` is where it stands, in milliseconds of the run; while it plays, it is told a few times a second. Another
    `play` begins where the one before it stood, or at its own `from`, in the same milliseconds.
    """

    _esm = HERE / "theatre.js"
    _css = HERE / "theatre.css"
    play = traitlets.Dict().tag(sync=True)
    looks = traitlets.Dict().tag(sync=True)
    projector = traitlets.Bool().tag(sync=True)
    position = traitlets.Int(0).tag(sync=True)
    now = traitlets.Float(0.0).tag(sync=True)


class Theatre:
    """A run on the stage. The last line of a cell shows it; `box` is the widget to put into another one.

    Keys, while it has the focus: Space plays and stops, `,` and `.` step, `f` goes to the next thing of interest, `-`
    and `+` change the speed. It stops by itself where a promise breaks. `projector` makes everything large.
    """

    def __init__(
        self, shown: Any, *, title: str | None = None, ends: str | None = None, projector: bool = False
    ) -> None:
        self.trace = run_of(shown)
        self.staged = staged(self.trace, title, ends)
        self.stage = Stage(play=self.staged.data, looks=LOOKS, projector=projector)
        self.uid = "th" + secrets.token_hex(4)
        hide = ipywidgets.HTML(f"<style>{fallback.hide(self.uid)}</style>", layout={"display": "none"})
        self.code = code_of(shown)
        address = escape(os.environ.get("COURSE_EDITION", ""))  # of the edition for a browser, as `make live` has it
        said = (
            f'<p class="{PROSE}" style="font-size:{dots(20)}">Replay code, for the room: '
            f'<code style="font-size:inherit">{escape(self.code)}</code>{address and f" · {address}"}</p>'
        )
        handed = [ipywidgets.HTML(said)] if self.code else []
        self.box = ipywidgets.VBox([self.stage, *handed, hide, Names()])

    @property
    def text(self) -> str:
        """The whole run in words."""
        return self.staged.text

    @property
    def line(self) -> str:
        """The line that is told now; "" before the first."""
        at = self.stage.position
        return str(self.staged.cues[at - 1][1]) if 0 < at <= len(self.staged.cues) else ""

    def go(self, position: int) -> None:
        """Show a moment, counted from 1; 0 is before the first."""
        self.stage.position = min(max(position, 0), len(self.staged.cues))

    def _ipython_display_(self) -> None:
        still = spacetime(self.trace, title=self.staged.ends).as_image()
        fallback.show(self.box, still, self.uid, plain=self.text)


def theatre(shown: Any, *, title: str | None = None, ends: str | None = None, projector: bool = False) -> Theatre:
    """Play a run: a trace, or whatever has one, as what `explore`, `check`, `replay` or an experiment returned.

    `title` stands above the picture, and `ends` in its place once the play is over: a room that is still to predict
    must not read there what happens. Without them, both say what the run shows. Raises: NothingToPlay.
    """
    return Theatre(shown, title=title, ends=ends, projector=projector)


def code_of(shown: Any) -> str:
    """The replay code of what is shown, for those who play it themselves; "" where it has none."""
    code = getattr(getattr(shown, "found", shown), "code", None)
    return code if isinstance(code, str) else ""


def run_of(shown: Any) -> Trace:
    """The trace of what is given, with the violation marked where one was found."""
    if isinstance(shown, Trace):
        return shown
    shown = getattr(shown, "found", shown)  # what `explore` returns holds its findings
    violation, run = getattr(shown, "violation", None), getattr(shown, "shown", shown)
    trace = getattr(run, "trace", None)
    if not isinstance(trace, Trace):
        raise NothingToPlay(
            "There is no run here to play: nothing failed, or it keeps none. The theatre plays a trace, a run, and "
            "what explore, check, replay or an experiment returned."
        )
    if callable(violation):  # a run of the explorer: its violations are listed
        violation = next(iter(run.violations), None)
    if violation is None and (trial := getattr(shown, "trial", None)) is not None:
        trace = _slowly(trial, run)
    noted = any(note.kind == "violation" for note in trace.notes)
    if violation is None or noted or not violation.who:
        return trace
    marked = trace.where(lambda event: True)
    marked.note(violation.who, "violation", violation.t_start, text=violation.mark or violation.text)
    return marked


def _slowly(trial: Trial, run: Play) -> Trace:
    """The same run with a millisecond for each turn, if its messages take no time, and if that changes no answer.

    The explorer does so for a run that breaks a promise; one that is asked for by its code may break none.
    """
    slow = play(trial, run.schedule, step=1e-3).trace
    told = [[(event.client, event.command, event.reply) for event in trace] for trace in (run.trace, slow)]
    return slow if told[0] == told[1] else run.trace
