"""Commands and replies as labels beside their arrows, as far as there is room."""

from __future__ import annotations

from course_lib.views.labels import Places, Point
from course_lib.views.messages import Message, px
from course_lib.views.picture import escape, shorten
from course_lib.views.plan import CHARACTER, Plan
from course_lib.views.text import lost

SWATCH = 7.0  # room for the stroke in the client's colour that stands before a command


def captions(frame: Plan, found: list[Message], places: Places) -> str:
    """Faults first, then commands, then replies. What finds no free place is left to the mouse and the text trace."""
    commands = "".join(_command(frame, m, places) for m in sorted(found, key=_urgency))
    return commands + "".join(_reply(frame, m, places) for m in found if m.strong)


def _urgency(m: Message) -> tuple[bool, bool, float]:
    return not m.strong, lost(m.event) is None, m.event.t_start


def _command(frame: Plan, m: Message, places: Places) -> str:
    """The command beside the client's end of its request, its fault in words."""
    e, fault = m.event, lost(m.event)
    text = shorten(e.text, 36) + (f" ✕ {fault}" if fault else "")
    x, y = frame.scale(e.t_start), frame.lanes[e.client]
    down = 1 if frame.lanes[e.node] > y else -1
    width = len(text) * CHARACTER + SWATCH
    near, far = y - 7 + 17 * down, y - 7 - 17 * down
    rows = (near, far, near + 14 * down, far - 14 * down)
    corners: list[Point] = [(at, row) for row in rows for at in (x + 4, x - width - 4, x - width / 2)]
    if m.request:
        (a, b), (c, d) = m.request
        corners += [(a + (c - a) * s + 5, b + (d - b) * s - 7) for s in (0.4, 0.55, 0.7)]
    box = places.put(width, 14, corners, most_crossed=5)
    if box is None:
        return ""
    swatch = f'<path class="w" stroke="{m.colour}" d="M{px(box.x + 2)} {px(box.y + 1)}v12"/>'
    return swatch + _text(text, box.x + SWATCH, box.y, "c f" if fault else "c")


def _reply(frame: Plan, m: Message, places: Places) -> str:
    """The reply beside the client's end of its line, where there is still room."""
    e = m.event
    if e.t_end is None:
        return ""
    text = shorten(e.reply_text, 18)
    x, y = frame.scale(e.t_end), frame.lanes[e.client]
    down = 1 if frame.lanes[e.node] > y else -1
    width = len(text) * CHARACTER + 4
    box = places.put(
        width, 14, [(at, y - 7 + dy * down) for dy in (17, 31) for at in (x + 2, x - width - 4)], most_crossed=2
    )
    return _text(text, box.x + 2, box.y, "c a") if box else ""


def _text(text: str, x: float, y: float, style: str) -> str:
    return f'<text class="t {style}" x="{px(x)}" y="{px(y + 11)}">{escape(text)}</text>'
