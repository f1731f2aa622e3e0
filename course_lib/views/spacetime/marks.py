"""Notes as marks on their lanes: bars for what lasts, shapes for moments, a ring and words for a broken promise."""

from __future__ import annotations

from course_lib.trace import Note
from course_lib.views.labels import Box, Places, Point
from course_lib.views.palette import FAULT, GRAY, INK, NOTES
from course_lib.views.picture import UID, escape, px
from course_lib.views.spacetime.plan import CHARACTER, CROWDED, Plan
from course_lib.views.spacetime.text import note_label, note_text
from course_lib.words import shorten

BARS = ("load", "compute", "pause", "hold", "down")
HEIGHT = 14.0  # of a line of text


def until(plan: Plan, note: Note) -> float:
    """When a note's bar ends: as recorded; else when its client or node crashed; else at the end of the run."""
    if note.t_end is not None:
        return note.t_end
    crashes = [n.t_start for n in plan.trace.notes if n.kind == "crash" and n.who == note.who]
    return min((t for t in crashes if t >= note.t_start), default=plan.scale.times[-1])


def bars(plan: Plan) -> str:
    """Everything that lasts, below the messages: held locks first, so that loads and pauses lie on top of them."""
    half = min(9.0, plan.pitch * 0.36)
    order = ("hold", "down", "pause", "load", "compute")
    found = [n for kind in order for n in plan.trace.notes if n.kind == kind and n.who in plan.lanes]
    return "".join(_bar(plan, note, half) for note in found)


def shapes(plan: Plan) -> str:
    """Everything that happens at one moment, drawn above the messages."""
    found = [n for n in plan.trace.notes if n.kind not in BARS and n.who in plan.lanes]
    size = min(7.0, plan.pitch * 0.4)
    return "".join(_shape(n.kind, plan.scale(n.t_start), plan.lanes[n.who], size, note_text(n)) for n in found)


def words(plan: Plan, places: Places) -> str:
    """The notes' own labels, violations first, where there is room; what they cover is taken in `places`."""
    notes = [n for n in plan.trace.notes if n.who in plan.lanes]
    for note in notes:
        if note.kind not in BARS:
            x, y, half = plan.scale(note.t_start), plan.lanes[note.who], 12.0 if note.kind == "violation" else 8.0
            places.take(Box(x - half, y - half, 2 * half, 2 * half))
    urgent = sorted(notes, key=lambda n: (n.kind != "violation", n.kind in BARS))
    labels = "".join(_words(plan, note, places) for note in urgent)
    for note in notes:
        if note.kind in BARS:
            places.take(_extent(plan, note, min(9.0, plan.pitch * 0.36)))
    return labels


def after_crash(plan: Plan) -> str:
    """Dot the lane of a crashed client or node from the crash on."""
    crashes = [n for n in plan.trace.notes if n.kind == "crash" and n.who in plan.lanes]
    dots = "".join(f"M{px(plan.scale(n.t_start))} {px(plan.lanes[n.who])}H{px(plan.right)}" for n in crashes)
    return f'<path class="gone" d="{dots}"/>' if dots else ""


def legend_mark(kind: str) -> str:
    """The mark of a kind of note, small, centered on the origin."""
    if kind in BARS:
        return f'<rect x="-9" y="-5" width="18" height="10" {_paint(kind)}/>'
    return _shape(kind, 0, 0, 5.0, "")


def _paint(kind: str) -> str:
    """Attributes of a bar: solid for work, hatched for what stands still, an outline for holding something."""
    color = NOTES[kind].color
    if kind in ("pause", "down"):
        return f'rx="2" fill="url(#{UID}-{kind})" stroke="{color}"'
    if kind == "hold":
        return f'rx="3" fill="{color}" fill-opacity=".14" stroke="{color}" stroke-width="1.5"'
    return f'rx="2" fill="{color}"'


def _bar(plan: Plan, note: Note, half: float) -> str:
    box = _extent(plan, note, half)
    size = f'x="{px(box.x)}" y="{px(box.y)}" width="{px(box.width)}" height="{px(box.height)}"'
    return f"<rect {size} {_paint(note.kind)}><title>{escape(note_text(note))}</title></rect>"


def _extent(plan: Plan, note: Note, half: float) -> Box:
    x, end, y = plan.scale(note.t_start), plan.scale(until(plan, note)), plan.lanes[note.who]
    high = half if note.kind in ("hold", "pause", "down") else half * 0.75
    return Box(x, y - high, max(end - x, 2), 2 * high)


def _shape(kind: str, x: float, y: float, size: float, told: str) -> str:
    color = NOTES[kind].color if kind in NOTES else GRAY
    title = f"<title>{escape(told)}</title>" if told else ""
    a, b, s = px(x), px(y), size
    if kind == "violation":
        return f'<circle class="ring" cx="{a}" cy="{b}" r="{px(s * 1.7)}" stroke="{color}">{title}</circle>'
    if kind == "crash":
        d = f"M{px(x - s)} {px(y - s)}L{px(x + s)} {px(y + s)}M{px(x - s)} {px(y + s)}L{px(x + s)} {px(y - s)}"
        return f'<path class="crash" stroke="{FAULT.color}" d="{d}">{title}</path>'
    if kind == "stale":
        d = f"M{a} {px(y - s)}L{px(x + s)} {b}L{a} {px(y + s)}L{px(x - s)} {b}Z"
    elif kind == "skew":
        d = f"M{a} {px(y - s)}L{px(x + s)} {px(y + s)}L{px(x - s)} {px(y + s)}Z"
    else:
        d = f"M{px(x - s / 2)} {px(y - s / 2)}h{px(s)}v{px(s)}h{px(-s)}Z"
    return f'<path fill="{color}" stroke="{INK}" stroke-width=".8" d="{d}">{title}</path>'


def _words(plan: Plan, note: Note, places: Places) -> str:
    """One note's label: in its bar if it fits, else above or below; beside a shape."""
    bold, bar = note.kind == "violation", note.kind in BARS
    text = shorten(note.text if bold and note.text else note_label(note), 60)
    width = len(text) * (CHARACTER if bold else CHARACTER * 0.92) + 2
    inside = _inside(plan, note, width) if bar else []
    box = places.put(width, HEIGHT, inside, most_crossed=1000)
    if box is None and bar and len(plan.trace.events) > CROWDED:
        return ""  # a label that is not in its bar would seem to belong to what is beside it; the legend names the bar
    dark = " on" if box is not None and note.kind in ("load", "compute") else ""
    box = box or places.put(width, HEIGHT, _corners(plan, note, width), most_crossed=1000)
    if box is None:
        return ""
    return f'<text class="t{" v" if bold else dark}" x="{px(box.x)}" y="{px(box.y + 11)}">{escape(text)}</text>'


def _inside(plan: Plan, note: Note, width: float) -> list[Point]:
    """Places for a label within its bar, none if it is too short."""
    extent, y = _extent(plan, note, 9.0), plan.lanes[note.who] - 7
    spare = extent.width - width - 10
    upon = [_extent(plan, n, 9.0) for n in plan.trace.notes if n.who == note.who and n.kind in BARS[:3]]
    if note.kind != "hold":
        upon = []  # only the bar of a held lock has other bars on top of it
    found = [(extent.x + 6 + spare * share, y) for share in (0, 0.25, 0.5, 0.75, 1)] if spare >= 0 else []
    return [(x, y) for x, _ in found if not any(Box(x, y, width, HEIGHT).overlaps(other) for other in upon)]


def _corners(plan: Plan, note: Note, width: float) -> list[Point]:
    x, y = plan.scale(note.t_start), plan.lanes[note.who]
    if note.kind in BARS:
        return [(x + d, y + dy) for dy in (-24.0, 11.0, -38.0, 24.0) for d in (2.0, 20.0, -width / 2, -width + 10)]
    centered = max(plan.left, min(x - width / 2, plan.right - width))
    sides = (centered, x + 4, x - width - 4)
    if note.kind == "violation":  # what comes after it is veiled while this moment is shown
        sides = (max(plan.left, x - width - 4), centered, x + 4)
    above = [(at, y + dy) for dy in (-28.0, 15.0, -42.0) for at in sides]
    return [*above, (x + 16, y - 7), (x - width - 16, y - 7)]
