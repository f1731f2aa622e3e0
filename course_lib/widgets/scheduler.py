"""Be the scheduler: you say whose command runs next, and try to break a promise; then nothing you do breaks it."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

import ipywidgets as w

from course_lib.errors import BadReplayCode
from course_lib.explore import Findings, Move
from course_lib.explore.moment import reopened
from course_lib.explore.puzzle import Puzzle
from course_lib.explore.puzzles import PUZZLES
from course_lib.views.picture import escape
from course_lib.views.room import within
from course_lib.views.spacetime import spacetime
from course_lib.views.spacetime.plan import lay_out
from course_lib.views.spacetime.style import current
from course_lib.views.spacetime.text import moments
from course_lib.widgets import fallback
from course_lib.widgets.browser.keys import Pressed
from course_lib.widgets.browser.labels import Names
from course_lib.widgets.browser.room import Room
from course_lib.widgets.controls import button
from course_lib.widgets.moment import Panes
from course_lib.widgets.projector import ASIDE, Projector
from course_lib.widgets.scheduler_look import framed, look, sources
from course_lib.widgets.scheduler_moves import FATES, KEYS, MOST, MOVES, called
from course_lib.widgets.scheduler_words import headline, named, proof, standing
from course_lib.words import capital, counted

PATIENCE = (8.0, 60.0)
"""Seconds of real time for playing every schedule: unasked, and when the learner asks for it."""


class Scheduler:
    """The panel for a puzzle, by name or your own. The last line of a cell shows it.

    `found` holds the replay code of each schedule whose last move broke the promise, if that move was made here.
    Choosing the mended code plays every schedule of it, and says how many there were. With `big`, the panel can be read
    from the back of a room.
    """

    def __init__(self, puzzle: str | Puzzle, *, big: bool = False) -> None:
        if isinstance(puzzle, str) and puzzle not in PUZZLES:
            raise ValueError(f"there is no puzzle {puzzle!r}; there are {', '.join(PUZZLES)}")
        self.puzzle = PUZZLES[puzzle] if isinstance(puzzle, str) else puzzle
        self.found: dict[str, str] = {}
        self.proofs: dict[bool, Findings] = {}
        self._longer: set[bool] = set()
        self._on_page = False
        self.uid = "bs" + secrets.token_hex(4)
        self._game = self.puzzle.game()
        self._make_controls()
        self.box = self._arranged(big)
        self._show()

    @property
    def game(self) -> Any:
        """The game that is on the panel."""
        return self._game

    def move(self, number: int) -> None:
        """Apply the chosen fate to the command with that number, counted from 1; if there is none, do nothing."""
        if 1 <= number <= len(self._game.able):
            fate = self.fate.value
            self.fate.value = "run"
            self._moved(number - 1 if fate == "run" else Move(fate, number - 1))

    def wait(self) -> None:
        """Let time pass, with nobody moving."""
        if not self._game.over:
            self._moved(Move("wait", seconds=self.puzzle.pause))

    def undo(self) -> None:
        """Take the last move back."""
        self._game.undo()
        self._show()

    def restart(self) -> None:
        """Back to the start."""
        self._game.reset()
        self._show()

    def every(self, seconds: float = PATIENCE[1]) -> None:
        """Play every schedule of the code that is chosen, unless that has been done, and say what came of it.

        Units: `seconds` of real time, after which it tells how far it got.
        """
        mended = self._game.trial is self.puzzle.mended
        if mended not in self.proofs or not self.proofs[mended].complete:
            self.proof.value = framed("", f"Playing every schedule, for {seconds:g} s at most …")
            self.proofs[mended] = self.puzzle.all_schedules(mended=mended, seconds=seconds)
            (self._longer.add if seconds < PATIENCE[1] else self._longer.discard)(mended)
        self._show()

    def play(self, moves: str) -> None:
        """Make moves from the start, as a room calls them: `2 1 r1 t 2`. It stops at one that is not there."""
        self.restart()
        try:
            for move in called(moves, self.puzzle.pause, lambda: len(self._game.able)):
                self._moved(move)
        except ValueError as error:
            self._refuse(error)

    def open(self, code: str) -> None:
        """Show the schedule of a replay code; a bad code changes nothing, and a sentence says why."""
        try:
            self._game = self.puzzle.open(code)
        except (BadReplayCode, ValueError) as error:
            return self._refuse(error)
        self._set_version()
        self._show()

    def _ipython_display_(self) -> None:
        self._on_page = True
        self._open()
        still = f"<p><b>Be the scheduler.</b> {escape(self.puzzle.promise)}</p><p>Run this cell to play.</p>"
        fallback.show(self.box, still, self.uid)

    # -- parts --------------------------------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        narrow = {"button_width": "auto"}
        self.version = w.ToggleButtons(options=["naive", "mended"], style=narrow)
        self.version.observe(self._version_chosen, "value")
        fates = [(f"[{key}] {name}" if key else name, kind) for key, (name, kind) in FATES.items()]
        self.fate = w.ToggleButtons(options=fates, style=narrow)
        self.time = button(f"[t] {self.puzzle.pause:g} s passes", "clock-o", self.wait)
        self.back = button("[u] undo", "undo", self.undo)
        self.again = button("[b] start again", "fast-backward", self.restart)
        self.code = w.Text(
            placeholder="a replay code, or moves: 2 1 t 1",
            description="Open",
            continuous_update=False,
            layout={"width": "420px", "max_width": "100%"},
        )
        self.code.observe(self._code_given, "value")
        self.turns = [button("", "", partial(self.move, number)) for number in range(1, MOST + 1)]
        self.all = button("[e] every schedule", "list-ol", self.every)
        self.head, self.told, self.proof, self.picture = w.HTML(), w.HTML(), w.HTML(), w.HTML()
        self.panes = Panes(go=lambda t: self.panes.show(None, t), light=self._light)
        self.lit = w.HTML(layout={"display": "none"})
        self.room = Room()
        self.room.observe(lambda _: self._show(), "wide")
        self.keys = Pressed(KEYS, "Be the scheduler")
        self.keys.observe(self._key, "pressed")

    def _arranged(self, big: bool) -> Any:
        rules = f"{fallback.hide(self.uid)}{look(self.uid)}"
        box = w.VBox(layout={"padding": "4px 12px"})
        self.projector = Projector(box, self._show, on=big)
        wrap = {"flex_flow": "row wrap", "align_items": "center", "overflow": "visible"}
        self.row = w.HBox(self.turns, layout=wrap)
        self.row.add_class("turns")
        controls = w.HBox([self.time, self.back, self.again, self.all], layout=wrap)
        both = [w.Label("Code:"), self.version] if self.puzzle.mended is not self.puzzle.naive else []
        options = w.HBox([*both, self.code, self.projector], layout=wrap)
        fates = w.HBox([w.Label("Its fate:"), self.fate], layout=wrap)
        source = w.HTML(sources(self.puzzle))
        source.add_class(ASIDE)
        shown = [self.head, options, self.keys, self.row, fates, controls, self.told, self.proof]
        seen = [self.room, self.picture, source, self.panes.board, self.lit, self.projector.rules, Names()]
        box.children = [w.HTML(f"<style>{rules}</style>"), *shown, *seen]
        box.add_class(self.uid)
        box.add_class("course-panel")
        return box

    def _version_chosen(self, change: dict[str, Any]) -> None:
        mended = change["new"] == "mended"
        if mended != (self._game.trial is self.puzzle.mended):
            self._game = self.puzzle.game(mended=mended)
            self._show()
            if mended and mended not in self.proofs:
                self.every(PATIENCE[0])

    def _code_given(self, change: dict[str, Any]) -> None:
        if MOVES.fullmatch(change["new"]):
            self.play(change["new"])
        elif change["new"]:
            self.open(change["new"])

    def _refuse(self, error: Exception) -> None:
        self.told.value = f'<div class="told bad" role="alert"><p>{escape(error)}</p></div>'

    def _set_version(self) -> None:
        self.version.value = "mended" if self._game.trial is self.puzzle.mended else "naive"

    def _key(self, change: dict[str, Any]) -> None:
        key = change["new"][:1]
        act = {"t": self.wait, "u": self.undo, "b": self.restart, "e": self.every}.get(key)
        if act is not None:
            act()
        elif key in FATES and key:
            kind = FATES[key][1]
            self.fate.value = "run" if self.fate.value == kind else kind
        elif key:
            self.move(int(key))

    def _moved(self, move: int | Move) -> None:
        game = self._game
        whole = game.violation is None
        game.move(move)
        if whole and game.violation is not None:
            self.found.setdefault(self.puzzle.code(game), game.violation.text)
        self._show()

    # -- what it shows ------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        game, puzzle = self._game, self.puzzle
        self.head.value = f"<p><b>Promise.</b> {escape(puzzle.promise)} <b>You win when</b> {escape(puzzle.won)}.</p>"
        for number, turn in enumerate(self.turns):
            there = number < len(game.able)
            turn.layout.display = None if there else "none"
            turn.description = f"{number + 1}  {named(game.able[number])}" if there else ""
        self.time.disabled, self.back.disabled = game.over, not game.moves
        ways = sum(f"-{game.trial.name}-" in code for code in self.found)
        self.told.value = framed(*standing(puzzle, game, ways))
        mended = game.trial is puzzle.mended
        every = self.proofs.get(mended)
        self.proof.value = framed(*proof(puzzle, every, mended=mended, longer=mended in self._longer)) if every else ""
        wrong = game.violation
        title = headline(wrong.text) if wrong else f"After {counted(len(game.moves), 'move')} nothing is broken"
        self._drawn = self._marked()
        with within(self.room.wide):
            drawn = spacetime(self._drawn, title=capital(title), uid=f"{self.uid}p")
        self.picture.value = self.projector.shown(drawn.svg) if game.moves else ""
        self._open()

    def _light(self, events: list[int]) -> None:
        self.lit.value = f"<style>{current(f'{self.uid}p', None, None, events)}</style>"

    def _open(self) -> None:
        """Show the moment after the last move. A panel that is on no page plays nothing again for it."""
        if self._on_page:
            game, clients = self._game, lay_out(self._drawn).clients
            self._light([])
            self.panes.look_at(partial(reopened, game.trial, game.play), self._drawn, clients)
            earlier = [moment.what for moment in moments(self._drawn)[:-1]]
            self.panes.show(None, None, earlier[-1] if earlier else None)

    def _marked(self) -> Any:
        """The run so far, without commands that still wait, and with the broken promise noted."""
        game = self._game
        shown = game.play.trace.where(lambda event: event.t_server is not None or event.fault is not None)
        if (wrong := game.violation) is not None and wrong.who:
            shown.note(wrong.who, "violation", wrong.t_start, text=wrong.mark or wrong.promise)
        return shown
