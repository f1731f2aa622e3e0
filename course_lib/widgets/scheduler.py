"""Be the scheduler: you say whose command runs next, and try to break a promise; then nothing you do breaks it."""

from __future__ import annotations

import secrets
from typing import Any

import ipywidgets as w

from course_lib.errors import BadReplayCode
from course_lib.scenarios.puzzles import PUZZLES, Move, Puzzle
from course_lib.views.picture import escape
from course_lib.views.spacetime import spacetime
from course_lib.widgets import fallback
from course_lib.widgets.names import Names
from course_lib.widgets.pressed import Pressed

FATES = {
    "runs": None,
    "its request is lost": "lose request",
    "its reply is lost": "lose reply",
    "its client crashes first": "crash",
}
KEYS = "123456789tub"
"""What the panel hears: a command by number, t for time, u for undo, b for back to the start."""


class Scheduler:
    """The panel for a puzzle, by name or your own. The last line of a cell shows it.

    `found` holds the replay code of each schedule that broke the promise. With `big`, it can be read from the back of
    a room.
    """

    def __init__(self, puzzle: str | Puzzle, *, big: bool = False) -> None:
        if isinstance(puzzle, str) and puzzle not in PUZZLES:
            raise ValueError(f"there is no puzzle {puzzle!r}; there are {', '.join(PUZZLES)}")
        self.puzzle = PUZZLES[puzzle] if isinstance(puzzle, str) else puzzle
        self.found: dict[str, str] = {}
        self.uid = "bs" + secrets.token_hex(4)
        self._game = self.puzzle.game()
        self._make_controls()
        self.box = self._arranged(20 if big else 15)
        self._show()

    @property
    def game(self) -> Any:
        """The game that is on the panel."""
        return self._game

    def move(self, number: int) -> None:
        """Let the command with that number, from 1, meet the fate that is chosen; without such a command, nothing."""
        if 1 <= number <= len(self._game.able):
            fate = FATES[self.fate.value]
            self._game.move(number - 1 if fate is None else Move(fate, number - 1))  # type: ignore[arg-type]
            self.fate.value = "runs"
            self._show()

    def wait(self) -> None:
        """Let time pass, with nobody moving."""
        if not self._game.over:
            self._game.move(Move("wait", seconds=self.puzzle.pause))
            self._show()

    def undo(self) -> None:
        """Take the last move back."""
        self._game.undo()
        self._show()

    def restart(self) -> None:
        """Back to the start."""
        self._game.reset()
        self._show()

    def open(self, code: str) -> None:
        """Show the schedule of a replay code; a bad one is answered with a sentence and changes nothing."""
        try:
            self._game = self.puzzle.open(code)
        except (BadReplayCode, ValueError) as error:
            self.told.value = f'<p role="alert">{escape(error)}</p>'
            return
        self._set_version()
        self._show()

    def _ipython_display_(self) -> None:
        still = f"<p><b>Be the scheduler.</b> {escape(self.puzzle.promise)}</p><p>Run this cell to play.</p>"
        fallback.show(self.box, still, self.uid)

    # -- parts --------------------------------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.version = w.ToggleButtons(options=["naive", "mended"], description="Code")
        self.version.observe(self._version_chosen, "value")
        self.fate = w.Dropdown(
            options=list(FATES), description="The one you choose", style={"description_width": "auto"}
        )
        self.time = _button(f"t  let {self.puzzle.pause:g} s pass", "clock-o", self.wait)
        self.back = _button("u  undo", "undo", self.undo)
        self.again = _button("b  back to the start", "fast-backward", self.restart)
        self.code = w.Text(placeholder="a replay code", description="Open", continuous_update=False)
        self.code.observe(self._code_given, "value")
        self.turns = [_button("", "", lambda number=number: self.move(number)) for number in range(1, 10)]
        self.head, self.told, self.picture = w.HTML(), w.HTML(), w.HTML()
        self.keys = Pressed(KEYS)
        self.keys.observe(self._key, "pressed")

    def _arranged(self, size: int) -> Any:
        rules = (
            f"{fallback.hide(self.uid)}.{self.uid} p{{margin:4px 0;font-size:{size}px;line-height:1.4}}"
            f".{self.uid} .widget-button{{font-size:{size}px;height:auto;min-height:32px;padding:2px 10px;"
            f"line-height:1.6}}"
            f".{self.uid} .turns .widget-button{{text-align:left;font-family:var(--jp-code-font-family,monospace)}}"
            f".{self.uid} p code{{font-size:inherit}}.{self.uid}:focus{{outline:2px solid #0072B2}}"
        )
        self.row = w.VBox(self.turns)
        self.row.add_class("turns")
        wrap = {"flex_flow": "row wrap", "align_items": "center"}
        controls = w.HBox([self.fate, self.time, self.back, self.again], layout=wrap)
        options = w.HBox([self.version, self.code], layout=wrap)
        parts = [self.head, options, self.row, controls, self.told, self.picture, self.keys, Names()]
        box = w.VBox([w.HTML(f"<style>{rules}</style>"), *parts], layout={"padding": "4px 12px"})
        box.add_class(self.uid)
        return box

    def _version_chosen(self, change: dict[str, Any]) -> None:
        mended = change["new"] == "mended"
        if mended != (self._game.trial is self.puzzle.mended):
            self._game = self.puzzle.game(mended=mended)
            self._show()

    def _code_given(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.open(change["new"])

    def _set_version(self) -> None:
        self.version.value = "mended" if self._game.trial is self.puzzle.mended else "naive"

    def _key(self, change: dict[str, Any]) -> None:
        key = change["new"][:1]
        act = {"t": self.wait, "u": self.undo, "b": self.restart}.get(key)
        if act is not None:
            act()
        elif key:
            self.move(int(key))

    # -- what it shows ------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        game, puzzle = self._game, self.puzzle
        if game.violation is not None:
            self.found.setdefault(puzzle.code(game), game.violation.text)
        self.head.value = f"<p><b>Promise.</b> {escape(puzzle.promise)} <b>You win when</b> {escape(puzzle.won)}.</p>"
        for number, button in enumerate(self.turns):
            there = number < len(game.able)
            button.layout.display = None if there else "none"
            button.description = f"{number + 1}  {_named(game.able[number])}" if there else ""
        self.time.disabled, self.back.disabled = game.over, not game.moves
        self.told.value = f'<div role="status"><p>{self._sentence()}</p></div>'
        wrong = game.violation
        title = wrong.text if wrong else f"After {_counted(game.moves)} nothing is broken"
        self.picture.value = spacetime(self._marked(), title=_capital(title), uid=f"{self.uid}p").svg

    def _marked(self) -> Any:
        """The run so far without what has not been sent to run, and with the broken promise noted."""
        game = self._game
        shown = game.play.trace.where(lambda event: event.t_server is not None or event.fault is not None)
        if (wrong := game.violation) is not None:
            shown.note(wrong.who, "violation", wrong.t_start, text=wrong.mark or wrong.promise)
        return shown

    def _sentence(self) -> str:
        game = self._game
        ways = f" You have found {len(self.found)} way{'s' * (len(self.found) != 1)}." if self.found else ""
        if game.violation is not None:
            code = escape(self.puzzle.code(game))
            said = escape(_capital(game.violation.text))
            return f"<b>Broken in {_counted(game.moves)}.</b> {said}. Replay code: <code>{code}</code>.{ways}"
        if game.over:
            ended = "; ".join(f"{who}: {_result(result)}" for who, result in game.play.results.items())
            return (
                f"<b>All are done, and the promise was kept.</b> {escape(ended)}. Undo, or go back to the start.{ways}"
            )
        return f"<b>{_counted(game.moves)}.</b> Who goes next? Press a number, or choose a button.{ways}"


def _named(turn: Any) -> str:
    """`alice: GET visits`; a transaction by its commands."""
    commands = [command for command in turn.commands if command[0] not in (b"MULTI", b"EXEC")]
    return f"{turn.client}: {' · '.join(map(_short, commands))}"


def _short(command: tuple[bytes, ...]) -> str:
    name = command[0].decode(errors="replace")
    if name in ("EVAL", "EVALSHA"):
        return f"a script on {command[3].decode(errors='replace')}"
    text = " ".join(part.decode(errors="replace") for part in command)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _result(result: Any) -> str:
    return f"{type(result).__name__}" if isinstance(result, BaseException) else f"{result!r}"


def _counted(moves: list[Any]) -> str:
    return f"{len(moves)} move{'s' * (len(moves) != 1)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _button(description: str, icon: str, act: Any) -> Any:
    button = w.Button(description=description, icon=icon, layout={"width": "auto"})
    button.on_click(lambda _: act())
    return button
