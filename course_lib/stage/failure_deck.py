"""The failure deck: a shop that runs, a key for each failure, the theatre, and a list of what followed.

You press at the moment that the theatre shows. The run is played again with that failure in it, so each press can be
taken back, and the list of them is a replay code.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as w

from course_lib.errors import BadReplayCode, CourseError
from course_lib.stage.consequences import framed, kept, line
from course_lib.stage.ledger import Account
from course_lib.stage.presses import FAULTS, Fault, Press, Scene, scene_of
from course_lib.stage.real import Servers
from course_lib.stage.shop import LENGTH
from course_lib.stage.simulated import Played, simulated
from course_lib.views.palette import ALARM, RULE, WELL
from course_lib.views.picture import escape
from course_lib.views.theatre import staged
from course_lib.widgets import fallback
from course_lib.widgets.browser.keys import Pressed
from course_lib.widgets.browser.labels import Names
from course_lib.widgets.controls import button
from course_lib.widgets.projector import dots
from course_lib.widgets.theatre import Theatre
from course_lib.words import capital, counted
from course_lib.worlds.threads import in_thread, within

FIRST, APART, LAST = 1000, 800, 4200
"""Milliseconds of the run: where a press strikes if the theatre is not within the run, how far after the one before,
and the latest."""
LEAD = 60
"""Milliseconds before a press at which the theatre then stands."""
MOST = 12
"""Presses in one run; more would crowd the list, and a room cannot follow them."""
LIMIT = 40.0
"""Seconds after which a run on real servers is given up."""
OTHERS = "ubrm"
OPEN: list[FailureDeck] = []
"""The deck that was shown last, for the presenter's window."""
_SERVERS: list[Servers] = []


class FailureDeck:
    """The panel. The last line of a cell shows it. Keys: a letter for each failure, `u` takes the last press back, `b`
    all of them, `r` runs on real servers or in the simulation, `m` takes the mended programs or the usual ones.

    `played` is the run that is shown, `told` the lines of the list, `code` the replay code.
    """

    def __init__(self, code: str = "", *, seed: int = 1, projector: bool = True) -> None:
        self.scene, self.real, self.busy = scene_of(code) if code else Scene(seed=seed), False, False
        self.told: list[str] = []
        self._keep: Callable[[str], object] = lambda still: None  # until it is shown
        self._accounts: dict[tuple[bool, Scene], Account] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.uid = "fd" + secrets.token_hex(4)
        self.played = self._simulated(self.scene)
        self.theatre = Theatre(self.played, projector=projector)
        self.acts, self.status, self.log, self.numbers = self._buttons(), w.HTML(), w.HTML(), w.HTML()
        self.typed = w.Text(placeholder="a replay code", description="Open", continuous_update=False)
        self.typed.observe(self._code_typed, "value")
        self.keys = Pressed("".join(fault.key for fault in FAULTS) + OTHERS, "Failure deck")
        self.keys.observe(self._key, "pressed")
        self.box = self._arranged(21 if projector else 15)
        self._show(self.played)
        OPEN[:] = [self]

    # -- for programs -------------------------------------------------------------------------------------------------

    @property
    def code(self) -> str:
        """What was pressed, as a code that shows it again."""
        return self.scene.code

    def press(self, key: str, ms: int | None = None) -> None:
        """Have the failure with that key strike, at the moment on the stage or at `ms` of the run."""
        if len(self.scene.presses) >= MOST:
            self.status.value = framed("bad", f"{MOST} failures are enough for one run: take one back, or reset.")
            return
        fault = next(fault for fault in FAULTS if fault.key == key)
        presses = (*self.scene.presses, Press(fault.letter, self._moment() if ms is None else ms))
        self._change(presses=tuple(sorted(presses, key=lambda one: one.ms)), at=presses[-1].ms)

    def undo(self) -> None:
        """Take the latest press back, by the run's clock."""
        self._change(presses=self.scene.presses[:-1])

    def reset(self) -> None:
        """Nothing is pressed."""
        self._change(presses=())

    def mend(self) -> None:
        """The mended programs, or those that most people write first."""
        self._change(mended=not self.scene.mended)

    def switch(self) -> None:
        """On real servers, or in the simulation."""
        self.real = not self.real
        if not self.real:
            for servers in _SERVERS:
                servers.stop()
        self._change()

    def open(self, code: str) -> None:
        """Show the run of a code; a bad code changes nothing, and a sentence says why."""
        try:
            scene = scene_of(code)
        except BadReplayCode as error:
            self.status.value = framed("bad", escape(error))
            return
        self._change(scene)

    def _ipython_display_(self) -> None:
        self._keep = fallback.show(self.box, self._still, self.uid)

    # -- a run --------------------------------------------------------------------------------------------------------

    def _moment(self) -> int:
        """Where the theatre stands, in milliseconds of the run; a place of its own if that is before or after it."""
        now = round(self.theatre.stage.now)
        if FIRST / 2 < now < LAST:
            return now
        return min(max([FIRST, *(press.ms + APART for press in self.scene.presses)]), LAST)

    def _change(self, scene: Scene | None = None, *, at: int | None = None, **changed: Any) -> None:
        """Play another scene, here or as a task of the notebook, which stays free meanwhile."""
        if self.busy:
            return
        given = {name: getattr(self.scene, name) for name in ("presses", "mended", "seed", "readers")} | changed
        new, old = scene or Scene(**given), self.scene
        if not self.real:
            self.scene = new
            return self._show(self._simulated(new), at)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no loop runs: a program, not a notebook
            self.scene = new
            return self._show(self._really(new), at)
        task = loop.create_task(self._run(new, old, at))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, new: Scene, old: Scene, at: int | None) -> None:
        self._lock(True)
        self.status.value = framed("", f"On real servers: the run takes {LENGTH:g} s, and some more to begin and end …")
        try:
            self.scene = new
            self._show(await within(LIMIT, in_thread(lambda: self._really(new), name="failure deck")), at)
        except (CourseError, TimeoutError, OSError) as error:
            self.scene, self.real = old, False
            self._show(self._simulated(old))
            why = escape(error).rstrip(".") or "the servers took too long"
            self.status.value = framed("bad", f"This did not work on real servers: {why}. Back in the simulation.")
        finally:
            self._lock(False)

    def _simulated(self, scene: Scene) -> Played:
        played = simulated(scene)
        self._accounts[False, scene] = played.account
        return played

    def _really(self, scene: Scene) -> Played:
        if not _SERVERS:
            _SERVERS.append(Servers())
        played = _SERVERS[0].play(scene)
        self._accounts[True, scene] = played.account
        return played

    def _account(self, scene: Scene) -> Account | None:
        """Of an earlier run; in the simulation it can be made at once."""
        if (self.real, scene) not in self._accounts and not self.real:
            self._simulated(scene)
        return self._accounts.get((self.real, scene))

    def _lines(self) -> list[str]:
        scene, told = self.scene, []
        for number, press in enumerate(scene.presses):
            before, after = (
                self._account(Scene(scene.presses[:upto], scene.mended, scene.seed, scene.readers))
                for upto in (number, number + 1)
            )
            told.append(line(press, before, after))
        return told

    # -- what it shows ------------------------------------------------------------------------------------------------

    def _show(self, played: Played, at: int | None = None) -> None:
        self.played, self.told, told = played, self._lines(), played.account
        programs = "mended programs" if self.scene.mended else "usual programs"
        pressed = counted(len(self.scene.presses), "failure") if self.scene.presses else "nothing pressed"
        title = f"{capital(pressed)}, {programs}"
        begin = {} if at is None else {"from": max(at - LEAD, 0)}
        self.theatre.trace, self.theatre.staged = played.trace, staged(played.trace, title, capital(told.text))
        self.theatre.stage.play = self.theatre.staged.data | begin
        good = not told.broken
        verdict = f"<b>{'✓' if good else '✗'} {escape(capital(told.text))}.</b> {escape(title)}, {played.where}."
        code = f" Replay code: <code>{self.code}</code>"
        self.status.value = framed("good" if good else "bad", verdict + code)
        lines = "".join(f"<li>{escape(one)}</li>" for one in self.told)
        self.log.value = f"<ol>{lines}</ol>" if lines else ""
        values = " · ".join(f"<b>{number:,}</b> {escape(name)}" for name, number in told.numbers.items() if number)
        self.numbers.value = f"<p>{values}</p>"
        self._still = kept(verdict + code, self.log.value, self.numbers.value)
        self._keep(self._still)
        self.others["m"].description = f"[m] {'usual' if self.scene.mended else 'mended'} programs"
        self.others["r"].description = f"[r] {'simulation' if self.real else 'real servers'}"

    def _lock(self, busy: bool) -> None:
        self.busy = busy
        for one in (*self.acts.children, *self.others.values()):
            one.disabled = busy

    # -- parts --------------------------------------------------------------------------------------------------------

    def _buttons(self) -> Any:
        named = {"u": ("undo", "undo", self.undo), "b": ("reset", "fast-backward", self.reset)}
        self.others = {key: button(f"[{key}] {name}", icon, act) for key, (name, icon, act) in named.items()}
        self.others |= {key: button("", "", act) for key, act in (("m", self.mend), ("r", self.switch))}
        failures = [self._fault(fault) for fault in FAULTS]
        return w.HBox([*failures, *self.others.values()], layout={"flex_flow": "row wrap", "align_items": "center"})

    def _fault(self, fault: Fault) -> Any:
        return button(f"[{fault.key}] {fault.name}", "", partial(self.press, fault.key), capital(fault.does))

    def _arranged(self, size: int) -> Any:
        uid = f".{self.uid}"
        rules = (
            f"{fallback.hide(self.uid)}{uid} p,{uid} li{{font-size:{dots(size)};line-height:1.35;margin:3px 0}}"
            f"{uid} ol{{margin:4px 0;padding-left:1.6em}}{uid} .widget-button,{uid} .widget-text input,"
            f"{uid} .widget-label{{font-size:{dots(size - 3)};height:auto;min-height:{dots(32)};line-height:1.5}}"
            f"{uid} p code{{font-size:inherit;white-space:nowrap}}{uid} .told{{border-left:6px solid {RULE};"
            f"padding:2px 10px}}{uid} .told.bad{{border-color:{ALARM}}}{uid} .told.good{{border-color:{WELL}}}"
        )
        style = w.HTML(f"<style>{rules}</style>")
        parts = [self.keys, self.acts, self.theatre.box, self.status, self.log, self.numbers, self.typed, Names()]
        box = w.VBox([style, *parts], layout={"padding": "4px 12px"})
        box.add_class(self.uid)
        return box

    def _key(self, change: dict[str, Any]) -> None:
        key = change["new"][:1]
        act = {"u": self.undo, "b": self.reset, "r": self.switch, "m": self.mend}.get(key)
        if not self.busy:
            act() if act is not None else self.press(key)

    def _code_typed(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.open(change["new"])


def failures(code: str = "", *, seed: int = 1, projector: bool = True) -> FailureDeck:
    """The failure deck, from the start or from a replay code. Raises: BadReplayCode."""
    return FailureDeck(code, seed=seed, projector=projector)
