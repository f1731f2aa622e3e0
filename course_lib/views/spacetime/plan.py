"""Where everything in a space-time diagram goes: which lanes, how much detail, and the map from a moment to a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from course_lib.trace import Trace
from course_lib.views.palette import INK, process_color
from course_lib.views.room import width as room
from course_lib.views.spacetime.text import brief
from course_lib.views.spacetime.time_scale import TimeScale, shortened, straight
from course_lib.words import shorten

Detail = Literal["labels", "lines", "density"]
NAME_LENGTH = 18
CROWDED, LONG = 20, 300
"""The number of arrows from which on only new labels are written, and the number of commands from which on a picture of
lines keeps time to scale."""

NARROW, MARGIN, EACH = 720.0, 40.0, 30.0
"""Pixels: the width of a short run, of what stands beside a picture, and what each further command adds."""
LABEL, SIDE_BY_SIDE = 36, 0.75
"""The longest label, in characters; and the share of all labels that stand side by side if there is room."""
CHARACTER = 7.4  # width in pixels of one character at 12 px, an upper estimate for the fonts that are asked for


@dataclass(frozen=True, slots=True)
class Plan:
    """The frame of one picture. `lanes` maps a client's or node's name to its y; lengths are in pixels."""

    trace: Trace
    detail: Detail
    clients: tuple[str, ...]
    nodes: tuple[str, ...]
    lanes: dict[str, float]
    pitch: float
    left: float
    right: float
    top: float
    bottom: float
    width: float
    scale: TimeScale

    @property
    def crowded(self) -> bool:
        """More arrows than can each have a label beside it. Commands that were sent together share one."""
        return len({(e.client, e.node, e.t_start) for e in self.trace}) > CROWDED

    def color(self, name: str) -> str:
        """Each client has its color; a node is drawn in the color of text."""
        return process_color(self.clients.index(name)) if name in self.clients else INK


def lay_out(
    trace: Trace, *, width: float | None = None, lanes: Sequence[str] | None = None, to_scale: bool | None = None
) -> Plan:
    """Lay out a trace. `lanes` orders the lanes from the top; clients and nodes that it does not name are left out.

    `to_scale=None` shortens idle stretches where there are at most LONG commands. Without a `width` it is as wide as
    there is room, but no wider than what happens can fill.
    """
    if width is None:
        width = max(NARROW, min(room() - MARGIN, _filled(trace)))
    clients, nodes = _names(trace)
    order = list(lanes) if lanes is not None else clients + nodes
    clients, nodes = [name for name in order if name in clients], [name for name in order if name in nodes]
    detail = _detail(trace, len(order))
    pitch = _pitch(detail, len(order))
    left = 16 + CHARACTER * max([len(shorten(name, NAME_LENGTH)) for name in order] or [0])
    if detail == "density":
        left = max(left, 16 + CHARACTER * len("1,000 clients"))
    top = 62.0 if detail == "labels" else 46.0
    heights = _heights(order, nodes, pitch, top, apart=lanes is None)
    right = width - 20
    few = detail == "labels" or (detail == "lines" and len(trace.events) <= LONG)
    if to_scale is False or (to_scale is None and few):
        scale = shortened(_moments(trace), left + 14, right - 14)
    else:
        scale = straight(*trace.span, left + 6, right - 6)
    bottom = max(heights.values(), default=top) + (34 if detail == "labels" else max(14, pitch))
    return Plan(trace, detail, tuple(clients), tuple(nodes), heights, pitch, left, right, top, bottom, width, scale)


def _filled(trace: Trace) -> float:
    """The width that the run can fill: by the number of its events, or by their labels if there are few."""
    wide = NARROW + EACH * (len(trace.events) + len(trace.notes) - 4)
    if len(trace.events) > CROWDED:
        return wide
    nodes = len(trace.nodes) > 1
    said = {(e.client, e.t_start): min(len(brief(e)), LABEL) + (len(e.node) + 3) * nodes for e in trace.events}
    return max(wide, SIDE_BY_SIDE * CHARACTER * sum(said.values()))


def _names(trace: Trace) -> tuple[list[str], list[str]]:
    nodes = trace.nodes
    noted = dict.fromkeys(note.who for note in trace.notes if note.who not in nodes)
    return list(dict.fromkeys([*trace.clients, *noted])), nodes


def _moments(trace: Trace) -> list[float]:
    times = [t for e in trace.events for t in (e.t_start, e.t_server, e.t_end) if t is not None]
    return times + [t for n in trace.notes for t in (n.t_start, n.t_end) if t is not None]


def _detail(trace: Trace, lanes: int) -> Detail:
    if len(trace.events) + len(trace.notes) <= 60 and lanes <= 12:
        return "labels"
    return "lines" if len(trace.events) <= 2500 and lanes <= 80 else "density"


def _pitch(detail: Detail, lanes: int) -> float:
    if detail == "labels":
        return 62.0 if lanes <= 4 else 50.0 if lanes <= 7 else 40.0
    return max(8.0, min(28.0, 520 / max(lanes, 1)))


def _heights(order: Sequence[str], nodes: Sequence[str], pitch: float, top: float, *, apart: bool) -> dict[str, float]:
    """Each lane's y; the nodes stand a little apart from the clients unless the caller chose the order."""
    gap = max(14.0, pitch * 0.4) if apart and nodes else 0.0
    return {name: top + i * pitch + (gap if name in nodes else 0.0) for i, name in enumerate(order)}
