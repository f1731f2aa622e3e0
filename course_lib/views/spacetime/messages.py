"""Commands as lines: a request to the node, solid; its reply back, dashed; a cross where a message was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import hypot
from statistics import median

from course_lib.trace import Event
from course_lib.views.labels import Point
from course_lib.views.palette import FAULT
from course_lib.views.picture import escape, px
from course_lib.views.spacetime.plan import CHARACTER, Plan
from course_lib.views.spacetime.text import event_text, lost
from course_lib.words import ms, shorten

# The share of its way along which a lost message is drawn, where that is not the usual 60 %.
WAY = {"never left": 0.0, "nobody reads": 0.9, "refused": 1.0}


@dataclass(frozen=True, slots=True)
class Message:
    """One event in pixels. `request` and `reply` run from sender to receiver; `cross` is where a lost message ends."""

    index: int
    event: Event
    color: str
    strong: bool
    request: tuple[Point, Point] | None
    reply: tuple[Point, Point] | None
    cross: Point | None

    @property
    def segments(self) -> list[tuple[Point, Point]]:
        """Request and reply, where they were drawn."""
        return [line for line in (self.request, self.reply) if line is not None]


def messages(plan: Plan, highlight: Callable[[Event], bool] | None = None) -> list[Message]:
    """Every event whose client and node both have a lane."""
    flights = [e.t_server - e.t_start for e in plan.trace if e.t_server is not None and e.t_server > e.t_start]
    flight = median(flights) if flights else (plan.scale.times[-1] - plan.scale.times[0]) / 20
    return [
        _message(plan, i, event, flight, highlight is None or highlight(event))
        for i, event in enumerate(plan.trace)
        if event.client in plan.lanes and event.node in plan.lanes
    ]


def path(lines: Iterable[tuple[Point, Point]]) -> str:
    """The `d` of one SVG path that draws all the lines."""
    return "".join(f"M{px(a)} {px(b)}L{px(c)} {px(d)}" for (a, b), (c, d) in lines)


def cross_path(points: Iterable[Point], size: float) -> str:
    """Crosses, as the `d` of one path."""
    strokes = (((x - size, y + s * size), (x + size, y - s * size)) for x, y in points for s in (1, -1))
    return path(strokes)


def drawn(plan: Plan, found: list[Message]) -> str:
    """All messages in few paths: as arrows where there are few messages, otherwise as the time for which each client
    waits for a reply."""
    few = plan.detail == "labels"
    parts, styles = [], dict.fromkeys((m.color, m.strong) for m in found)
    for color, strong in styles:
        these = [m for m in found if (m.color, m.strong) == (color, strong)]
        faint = "" if strong else ' opacity=".3"'
        lines = _arrows(these) if few else f'<path class="w" d="{path(_wait(plan, m) for m in these)}"/>'
        parts.append(f'<g stroke="{color}" fill="{color}"{faint}>{lines}</g>')
    crosses = [m.cross if few else (m.cross[0], plan.lanes[m.event.client]) for m in found if m.cross]
    if crosses:
        parts.append(f'<path class="x" stroke="{FAULT.color}" d="{cross_path(crosses, 5 if few else 4)}"/>')
    return "".join(parts)


def threads(plan: Plan, found: list[Message]) -> str:
    """Hair lines from client to node, one for each command, where arrows would cover everything else."""
    ends = (((plan.scale(m.event.t_start), plan.lanes[m.event.client]), m.segments[0][1]) for m in found if m.segments)
    return f'<path class="far" d="{path(ends)}"/>'


def hover(plan: Plan, found: list[Message]) -> str:
    """For each message a wide invisible line that shows command and reply when the mouse or the keyboard reaches it.

    Few messages have their words beside them, and Tab reaches each; many share one line of words below the axis.
    """
    return "".join(_touch_few(plan, m, len(found) <= 40) if plan.detail == "labels" else _touch(plan, m) for m in found)


def _message(plan: Plan, index: int, e: Event, flight: float, strong: bool) -> Message:
    x, client, node = plan.scale, plan.lanes[e.client], plan.lanes[e.node]
    fault, asked = lost(e), e.name != "PUSH"  # a push has no request
    way = WAY.get(fault or "", 0.6)
    request = reply = cross = None
    if e.t_server is None:
        cross = (x(e.t_start + way * flight), client + way * (node - client))
        request = ((x(e.t_start), client), cross) if way else None
    else:
        request = ((x(e.t_start), client), (x(e.t_server), node)) if asked else None
        if e.t_end is not None:
            reply = ((x(e.t_server), node), (x(e.t_end), client))
        elif fault:
            cross = (x(e.t_server + way * flight), node + way * (client - node))
            reply = ((x(e.t_server), node), cross)
    return Message(index, e, plan.color(e.client), strong, request, reply, cross)


def _arrows(found: list[Message]) -> str:
    requests, replies = path(m.request for m in found if m.request), path(m.reply for m in found if m.reply)
    heads = "".join(_head(line) for m in found for line in m.segments if line[1] != m.cross)
    return f'<path class="q" d="{requests}"/><path class="p" d="{replies}"/><path d="{heads}"/>'


def _head(line: tuple[Point, Point], size: float = 7) -> str:
    (a, b), (c, d) = line
    length = hypot(c - a, d - b) or 1.0
    ux, uy = (c - a) / length, (d - b) / length
    x, y, side = c - size * ux, d - size * uy, size * 0.4
    return f"M{px(c)} {px(d)}L{px(x - side * uy)} {px(y + side * ux)}L{px(x + side * uy)} {px(y - side * ux)}Z"


def _wait(plan: Plan, m: Message) -> tuple[Point, Point]:
    """On the client's lane, from when the command left until its reply came, or until it was lost."""
    y, start = plan.lanes[m.event.client], plan.scale(m.event.t_start)
    end = m.reply[1][0] if m.reply else m.request[1][0] if m.request else start
    return (start, y), (max(end, start + 1), y)


def _touch(plan: Plan, m: Message) -> str:
    (a, b), (c, _) = _wait(plan, m)
    node = plan.lanes[m.event.node]
    served = px(plan.scale(m.event.t_server)) if m.event.t_server is not None else px(c)
    words = escape(shorten(f"{ms(m.event.t_start)}  {event_text(m.event)}", 92))
    tip = f'<text class="tip c" x="8" y="{px(plan.bottom + 56)}">{words}</text>'
    return f'<g class="m e{m.index}"><path class="hit thin" d="M{px(c)} {px(b)}H{px(a)}L{served} {px(node)}"/>{tip}</g>'


def _touch_few(plan: Plan, m: Message, reachable: bool) -> str:
    line = path(m.segments) or (path([(m.cross, (m.cross[0] + 1, m.cross[1]))]) if m.cross else "")
    words = escape(event_text(m.event))
    reach = f' tabindex="0" role="img" aria-label="{words}"' if reachable else ""
    tip = _tip(plan, m)
    return f'<g class="m e{m.index}"{reach}><title>{words}</title><path class="hit" d="{line}"/>{tip}</g>'


def _tip(plan: Plan, m: Message) -> str:
    """A small box of two lines near the client's end of the message, kept inside the picture."""
    e = m.event
    answer = e.reply_text if e.t_server is not None else "no reply"
    first = shorten(f"{e.text}  ⇒  {answer}", 70)
    times = [("left", e.t_start), ("ran", e.t_server), ("answered", e.t_end)]
    told = ", ".join(f"{name} {ms(t)}" for name, t in times if t is not None)
    second = shorten(f"{e.client} → {e.node}: {told}" + (f" [{lost(e)}]" if lost(e) else ""), 76)
    width = max(len(first), len(second)) * CHARACTER + 16
    x = max(4.0, min(plan.scale(e.t_start) + 8, plan.width - width - 4))
    y = max(26.0, plan.lanes[e.client] - 50)
    return (
        f'<g class="tip"><rect x="{px(x)}" y="{px(y)}" width="{px(width)}" height="40" rx="4"/>'
        f'<text class="c" x="{px(x + 8)}" y="{px(y + 16)}">{escape(first)}</text>'
        f'<text class="s" x="{px(x + 8)}" y="{px(y + 32)}">{escape(second)}</text></g>'
    )
