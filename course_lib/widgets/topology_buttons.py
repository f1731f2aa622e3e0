"""What the topology panel shows: nodes to pick, buttons with their keys, the picture, a status, what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets as w

from course_lib.views.picture import escape
from course_lib.views.topology import WIDTH, topology
from course_lib.views.topology_words import NodeLike
from course_lib.widgets import fallback
from course_lib.widgets.browser.clicks import Picking
from course_lib.widgets.browser.keys import Pressed
from course_lib.widgets.browser.labels import Names
from course_lib.widgets.browser.room import Room
from course_lib.widgets.projector import Projector


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb of the topology: its key, and how it is called while it lasts and when it is done.

    `named` means that it is done to one node.
    """

    key: str
    verb: str
    during: str
    done: str
    named: bool = True

    def of(self, name: str) -> str:
        """`kill primary`, `reset`."""
        return f"{self.verb} {name}" if self.named else self.verb


ACTS = {
    act.verb: act
    for act in (
        Verb("k", "kill", "Killing", "killed"),
        Verb("p", "pause", "Pausing", "paused"),
        Verb("p", "resume", "Resuming", "resumed"),
        Verb("c", "partition", "Cutting off", "cut off"),
        Verb("h", "heal", "Healing every link", "healed every link", named=False),
        Verb("r", "restart", "Restarting", "restarted"),
        Verb("m", "promote", "Promoting", "promoted"),
        Verb("b", "reset", "Resetting all nodes", "reset all nodes", named=False),
    )
}
BUTTONS = ("kill", "pause", "partition", "heal", "restart", "promote", "reset")
HINT = "Pick a node, then press a button or its key."


class Face:
    """The widgets of a panel. `press(verb)` hears the buttons and keys; with `big`, the text is larger."""

    def __init__(self, uid: str, press: Callable[[str], None], *, big: bool) -> None:
        self.uid, self.nodes, self.faint = uid, tuple[NodeLike, ...](), False
        self._press, self._drawn = press, ""
        self.choice = w.ToggleButtons(options=[], style={"button_width": "auto"})
        self.choice.observe(lambda _: self._draw(), "value")
        self.buttons = {verb: self._button(verb) for verb in BUTTONS}
        self.told, self.writer, self.picture, self.log = w.HTML(), w.HTML(), w.HTML(), w.HTML()
        self.keys = Pressed("123456789" + "".join(dict.fromkeys(act.key for act in ACTS.values())), "Topology panel")
        self.keys.observe(self._key, "pressed")
        self.picking = Picking()
        self.picking.observe(lambda change: self.pick(change["new"].partition(" ")[2]), "picked")
        self.box = self._arranged(15, big)

    @property
    def picked(self) -> str:
        """The name of the node that the buttons act on."""
        return str(self.choice.value or "")

    @property
    def state(self) -> str:
        """The state of the node that is picked, as it was last seen."""
        return {node.name: node.state for node in self.nodes}.get(self.picked, "")

    def pick(self, name: str) -> None:
        """Let the buttons act on this node; without such a node, nothing."""
        if name in [node.name for node in self.nodes]:
            self.choice.value = name

    def show(self, nodes: tuple[NodeLike, ...]) -> None:
        """Show the nodes as they are now."""
        self.nodes, picked, self.faint = nodes, self.picked, False
        options = [(f"{at} {node.name}", node.name) for at, node in enumerate(nodes, 1)]
        if list(self.choice.options) != options:
            names = [node.name for node in nodes]
            self.choice.options = options
            self.choice.value = picked if picked in names else next(iter(names), None)
        self._draw()

    def fade(self) -> None:
        """The topology is gone: draw its last picture faintly."""
        self.faint = True
        self._draw()

    def tell(self, said: str, numbers: Mapping[str, object], happened: Sequence[str]) -> None:
        """Say what is going on (HTML), the writer's numbers, and what happened, oldest first."""
        values = " · ".join(f"<b>{escape(_digits(number))}</b> {escape(name)}" for name, number in numbers.items())
        lines = "".join(f"<li>{escape(line)}</li>" for line in reversed(happened))
        _set(self.told, f'<div role="status"><p>{said or HINT}</p></div>')
        _set(self.writer, f"<p>Writer: {values}</p>" if values else "")
        _set(self.log, f"<p>What happened, newest first:</p><ol>{lines}</ol>" if lines else "")

    # -- parts --------------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self.nodes:
            svg = self.projector.shown(topology(self.nodes, picked=self.picked, uid=f"{self.uid}p").svg)
            _set(self.picture, f'<div style="opacity:.6">{svg}</div>' if self.faint else svg)
        for verb, button in self.buttons.items():
            act = ACTS["resume" if verb == "pause" and self.state == "paused" else verb]
            name = f"{act.key}  {act.verb} {self.picked if act.named else 'all'}"
            if button.description != name:
                button.description = name

    def _key(self, change: dict[str, Any]) -> None:
        key = change["new"][:1]
        if key.isdigit():
            self.pick(dict(enumerate((node.name for node in self.nodes), 1)).get(int(key), ""))
        elif key:
            self._press(next(act.verb for act in ACTS.values() if act.key == key))

    def _button(self, verb: str) -> Any:
        button = w.Button(layout={"width": "auto"})
        button.on_click(lambda _: self._press(verb))
        return button

    def _arranged(self, size: int, big: bool) -> Any:
        uid = self.uid
        rules = (
            f"{fallback.hide(uid)}.{uid} p,.{uid} ol{{margin:4px 0;font-size:{size}px;line-height:1.4}}"
            f".{uid} ol{{list-style:none;padding-left:12px}}.{uid} li{{font-size:{size - 2}px}}"
            f".{uid} .widget-button,.{uid} .widget-toggle-button{{font-size:{size}px;height:auto;"
            f"min-height:32px;padding:2px 10px;line-height:1.6}}.{uid} .course-keys{{font-size:{size}px}}"
        )
        wrap = {"flex_flow": "row wrap", "align_items": "center"}
        # The page counts its views of a widget that has a number there, and tells the kernel.
        box = w.VBox(layout={"padding": "4px 12px"}, _view_count=0)
        self.projector = Projector(box, self._draw, on=big)
        acts = w.HBox([*self.buttons.values(), self.projector], layout=wrap)
        self.picture.layout = {"flex": f"0 1 {WIDTH:.0f}px", "min_width": "0"}
        self.log.layout = {"flex": "1 1 320px"}  # beside the picture where there is room, else below
        seen = w.HBox([self.picture, self.log], layout={"flex_flow": "row wrap", "align_items": "flex-start"})
        parts = [self.keys, self.choice, acts, self.told, self.writer, Room(), seen, self.picking, Names()]
        style = w.HTML(f"<style>{rules}</style>")
        box.children = [style, *parts, self.projector.rules]
        box.add_class(uid)
        box.add_class("course-panel")
        return box


def _digits(number: object) -> str:
    return f"{number:,}" if isinstance(number, int) else str(number)


def _set(part: Any, value: str) -> None:
    """Only what is new is sent to the page; and a screen reader reads only what is new."""
    if part.value != value:
        part.value = value
