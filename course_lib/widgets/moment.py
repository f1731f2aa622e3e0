"""The moment, opened: panes beside a picture of a run that show what was true at the chosen moment."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from IPython import get_ipython

from course_lib.explore.moment import Opened, State, broken
from course_lib.trace import Event, Note, Trace
from course_lib.views.palette import process_color
from course_lib.views.picture import escape
from course_lib.widgets.browser.panes import Board
from course_lib.widgets.moment_html import (
    GONE,
    Listing,
    client_html,
    code_html,
    line_id,
    promises_html,
    redis_html,
)
from course_lib.words import counted, ms

ASKS = "Step, move the time, or click a message: here you see what was true at that moment."
"""What stands in place of the panes until somebody asks for a moment."""

EMPTY = "There is nothing more to see of this run: it was recorded, and no code ran in it."
"""What stands there for good if an exercise shows a run of which only the trace is known."""

FEW = 3
"""How many clients are told of in full. For the others, only the line in which each stands is named, and marked in the
code."""

COURSE = Path(__file__).resolve().parents[1]
CELL = ("<ipython-input", "/ipykernel_", "\\ipykernel_")


class Panes:
    """Redis, the clients in their code, and the promises, at one moment of a run. `board` is the widget.

    `says` is what a promise says, by its name; `go` is called with the seconds of a fact, and `light` with the events
    that a line has sent, by their places in the trace.
    """

    def __init__(
        self,
        *,
        says: Mapping[str, str] | None = None,
        go: Callable[[float], object] = lambda _: None,
        light: Callable[[list[int]], object] = lambda _: None,
    ) -> None:
        self._says, self._go, self._light = says or {}, go, light
        self._opened: Opened | None = None
        self.board = Board(note=f"<p>{ASKS}</p>")
        self.board.on_msg(lambda _, content, buffers: self._heard(content))

    def look_at(self, again: Callable[[], Opened], trace: Trace, drawn: Sequence[str]) -> None:
        """From now on show this run. `again` plays it, once, when a moment is asked for. `drawn` are the clients of the
        picture, in the order of their lanes: so each has the same color here. One that has sent nothing is not drawn
        yet, and has the next color."""
        self._again, self._trace, self._drawn = again, trace, drawn
        self._opened, self._failed = None, False
        self.board.pressed = ""

    def show(self, what: Event | Note | None, t: float | None, before: Event | Note | None = None) -> None:
        """Show the moment at which something happened; with `what` None, that at `t` seconds, or without, the end.

        What changed since the one `before` is marked: without one, since the beginning.
        """
        opened = self._open()
        if opened is None:
            return
        at, later = self._state(opened, what, t)
        since = 0 if before is None else self._state(opened, before, None)[0]
        now, earlier = opened.states[at], opened.states[since]
        between = [key for state in opened.states[since + 1 : at + 1] for key in state.keys if key.change in GONE]
        went = {(key.node, key.key): key.change for key in between}
        known = {client.name: client for client in earlier.clients}
        many = len(now.clients) > FEW
        colors = self._colors(now)
        cards = [client_html(one, known.get(one.name), colors[one.name], brief=many) for one in now.clients]
        with self.board.hold_sync():
            self.board.redis = redis_html(now, earlier, later, self._longest, went)
            self.board.clients = "".join(cards)
            self.board.promises = promises_html(now.promises, self._says)
            scene = now.text.removesuffix(broken(now.promises, {}))
            self.board.text = escape(scene + broken(now.promises, self._says).replace("`", ""))
            self.board.marks = self._marks(now, colors)
            self.board.line = self._sender(opened, what)

    @property
    def opened(self) -> bool:
        """Has the run been played again?"""
        return self._opened is not None

    # -- the run, played again ----------------------------------------------------------------------------------------

    def _open(self) -> Opened | None:
        if self._opened is None and not self._failed:
            try:
                self._take(self._again())
            except Exception as error:  # whatever the code does when it is played again, the picture stays
                self._failed = True
                said = f"{type(error).__name__}: {error}"
                self.board.note = f'<p class="bad">This run could not be played again. {escape(said)}</p>'
        return self._opened

    def _take(self, opened: Opened) -> None:
        seen = [opened.at(None)]
        happened: list[Event | Note] = [*opened.trace.events, *opened.trace.notes]
        for what in happened:
            with suppress(ValueError):
                seen.append(opened.at(what))
        if not any(state.clients or state.keys for state in seen):
            self._failed, self.board.note = True, f"<p>{EMPTY}</p>"
            return
        self._opened = opened
        self._places = _places(self._trace, opened.trace)
        self._shown_as = {there: here for here, there in self._places.items()}
        self._longest = _longest(seen)
        self._listings = _listings(opened, seen)
        self._files = {one.file: number for number, one in enumerate(self._listings)}
        self._sent = _sent(opened, self._listings, self._shown_as)
        warn = f'<p class="bad">{escape(opened.same)}</p>' if opened.same else ""
        self.board.note = warn + (f"<p>{escape(opened.limit)}</p>" if opened.limit else "")
        self.board.code = code_html(self._listings, {place: len(events) for place, events in self._sent.items()})

    def _state(self, opened: Opened, what: Event | Note | None, t: float | None) -> tuple[int, float]:
        """The place of a state, and how many seconds before the moment in question it was."""
        if what is not None or t is None:
            with suppress(ValueError):  # a note that was added for the picture is none of the run's
                return opened.index_of(what), 0.0
        if what is not None:
            t = what.t_start
        assert t is not None
        at = max(bisect_right(opened.states, t + 1e-9, key=lambda state: state.t) - 1, 0)
        return at, max(0.0, t - opened.states[at].t)

    def _index(self, event: Event) -> int | None:
        """Where the event that is shown stands in the run that was played again."""
        here = next((i for i, one in enumerate(self._trace.events) if one is event), None)
        return None if here is None else self._places.get(here)

    # -- the code -----------------------------------------------------------------------------------------------------

    def _line(self, file: str, line: int) -> str:
        return line_id(self._files[file], line) if file in self._files else ""

    def _colors(self, now: State) -> dict[str, str]:
        known = dict.fromkeys([*self._drawn, *(client.name for client in now.clients)])
        return {name: process_color(place) for place, name in enumerate(known)}

    def _marks(self, now: State, colors: Mapping[str, str]) -> list[list[Any]]:
        """Where each client stands: of each chain, every line that is listed, and which is the innermost of these."""
        marks = []
        for client in now.clients:
            for chain in client.chains:
                listed = [place for frame in chain if (place := self._line(frame.file, frame.line))]
                for depth, place in enumerate(listed, 1):
                    marks.append([place, client.name, colors[client.name], depth == len(listed)])
        return marks

    def _sender(self, opened: Opened, what: Event | Note | None) -> str:
        index = self._index(what) if isinstance(what, Event) else None
        place = None if index is None else opened.line_of(index)
        return "" if place is None else self._line(*place)

    def _heard(self, content: dict[str, str]) -> None:
        if "go" in content:
            self._go(float(content["go"]))
            return
        pressed = content["line"]
        self.board.pressed = "" if pressed == self.board.pressed else pressed
        number, line = (int(part) for part in pressed.split("-"))
        events = self._sent.get((self._listings[number].file, line), []) if self.board.pressed else []
        self._light(events)

    def told(self, events: list[int]) -> str:
        """Which events are marked, in words."""
        shown = [self._trace.events[i] for i in events[:12]]  # at the times that the list gives, of those that ran
        times = ", ".join(ms(one.t_start if one.t_server is None else one.t_server) for one in shown)
        more = f" and {len(events) - 12} more" if len(events) > 12 else ""
        line = self.board.pressed.partition("-")[2]
        return f"Line {line} sent {counted(len(events), 'command')}, marked ◆: at {times}{more}." if events else ""


def _places(shown: Trace, again: Trace) -> dict[int, int]:
    """For each event that is shown, by its place: its place in the run that was played again."""
    waiting: dict[Any, deque[int]] = defaultdict(deque)
    for index, event in enumerate(again.events):
        waiting[event.client, event.node, event.command, event.t_start].append(index)
    found = {}
    for index, event in enumerate(shown.events):
        if same := waiting[event.client, event.node, event.command, event.t_start]:
            found[index] = same.popleft()
    return found


def _longest(states: Sequence[State]) -> dict[tuple[str, str], float]:
    """The longest TTL of each key."""
    found: dict[tuple[str, str], float] = {}
    for key in (key for state in states for key in state.keys):
        found[key.node, key.key] = max(found.get((key.node, key.key), 0.0), key.left or 0.0)
    return found


def _listings(opened: Opened, states: Sequence[State]) -> list[Listing]:
    """The code in which somebody stands at some moment, the learner's own first."""
    frames = [f for state in states for client in state.clients for chain in client.chains for f in chain]
    files = dict.fromkeys([frame.file for frame in frames if frame.own] + [frame.file for frame in frames])
    return [Listing(file, _called(file), *opened.file_lines(file)) for file in files]


def _called(file: str) -> str:
    """What a file is called above its code."""
    if any(part in file for part in CELL):
        number = getattr(getattr(get_ipython(), "compile", None), "_filename_map", {}).get(file)
        return f"this notebook, cell [{number}]" if number else "this notebook"
    path = Path(file)
    return path.relative_to(COURSE.parent).as_posix() if path.is_relative_to(COURSE) else path.name


def _sent(opened: Opened, listings: list[Listing], shown: Mapping[int, int]) -> dict[tuple[str, int], list[int]]:
    """What each listed line has sent, by the places of the events that are shown."""
    found = {}
    for one in listings:
        for line in range(one.first, one.first + len(one.lines)):
            if events := [shown[i] for i in opened.sent_by(one.file, line) if i in shown]:
                found[one.file, line] = events
    return found
