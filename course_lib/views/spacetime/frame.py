"""What surrounds the lanes: axis, legend, the cursor of "now", and the patterns that bars are filled with."""

from __future__ import annotations

from course_lib.views.palette import FAULT, GRAY, NOTES
from course_lib.views.picture import UID, escape, px
from course_lib.views.spacetime import marks
from course_lib.views.spacetime.plan import CHARACTER, Plan
from course_lib.views.spacetime.text import lost, note_name
from course_lib.words import ms


def axis(plan: Plan, bottom: float) -> str:
    """Ticks, their numbers and what they mean; a dashed axis where an idle stretch was shortened."""
    kind = "virtual time" if plan.trace.world == "simulated" else "time"
    note = ", idle stretches shortened" if plan.scale.idle else ""
    longest = len(ms(plan.scale.times[-1], unit=False))
    ticks = plan.scale.ticks(max(64.0, longest * CHARACTER + 8))
    lines = "".join(f"M{px(x)} {px(plan.top - 14)}V{px(bottom + 4)}" for _, x in ticks)
    low = px(bottom + 18)
    names = "".join(f'<text class="s mid" x="{px(x)}" y="{low}">{ms(t, unit=False)}</text>' for t, x in ticks)
    idle = "".join(f"M{px(a)} {px(bottom)}H{px(b)}" for a, b in plan.scale.idle)
    return (
        f'<path class="grid" d="{lines}"/>{names}'
        f'<path class="axis" d="M{px(plan.left)} {px(bottom)}H{px(plan.right)}"/>'
        + (f'<path class="idle" d="{idle}"/>' if idle else "")
        + f'<text class="s end" x="{px(plan.right)}" y="{px(bottom + 36)}">{kind} in ms{note}</text>'
    )


def legend(plan: Plan, y: float) -> tuple[str, float]:
    """What the marks that occur mean; and the height of the picture with the legend."""
    entries = _entries(plan)
    x, parts = 12.0, []
    for mark, name in entries:
        width = 34 + len(name) * CHARACTER
        if x + width > plan.width:
            x, y = 12.0, y + 20
        parts.append(f'<g transform="translate({px(x + 10)} {px(y - 4)})">{mark}</g>')
        parts.append(f'<text class="s" x="{px(x + 26)}" y="{px(y)}">{escape(name)}</text>')
        x += width
    return "".join(parts), y + 12


def _entries(plan: Plan) -> list[tuple[str, str]]:
    """Marks drawn round the origin, with their names."""
    found: list[tuple[str, str]] = []
    if plan.detail == "lines":
        found.append((f'<path class="w" stroke="{GRAY}" d="M-9 0H9"/>', "waits for a reply"))
    if plan.detail == "labels" and plan.trace.events:
        found.append((f'<path class="q" stroke="{GRAY}" d="M-10 0H10"/>', "request"))
        found.append((f'<path class="p" stroke="{GRAY}" d="M-10 0H10"/>', "reply"))
    if any(lost(e) for e in plan.trace):
        found.append((f'<path class="x" stroke="{FAULT.color}" d="M-5 -5L5 5M-5 5L5 -5"/>', "lost"))
    for note in {n.kind: n for n in plan.trace.notes}.values():
        if plan.detail != "density" or note.kind in ("crash", "violation"):
            found.append((marks.legend_mark(note.kind), note_name(note)))
    return found


def cursor(plan: Plan, bottom: float, now: float | None) -> str:
    """The line of "now" and a veil over the future. A style moves both; nothing is drawn again."""
    shown = f' style="display:inline;transform:translateX({px(plan.scale(now))}px)"' if now is not None else ""
    top, height = px(plan.top - 20), px(bottom - plan.top + 20)
    return (
        f'<g clip-path="url(#{UID}-clip)"><g class="cursor"{shown}>'
        f'<rect class="veil" y="{top}" width="{px(plan.width)}" height="{height}"/>'
        f'<path class="now" d="M0 {top}v{height}"/></g></g>'
    )


def definitions(plan: Plan, bottom: float) -> str:
    """Hatches for bars of paused processes and the like, and the clip path that bounds the veil."""
    hatches = "".join(
        f'<pattern id="{UID}-{kind}" width="6" height="6" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate({turn})">'
        f'<rect width="6" height="6" fill="{NOTES[kind].color}" opacity=".18"/>'
        f'<path d="M0 0V6" stroke="{NOTES[kind].color}" stroke-width="3"/></pattern>'
        for kind, turn in (("pause", 45), ("down", -45))
    )
    place = f'x="{px(plan.left)}" y="{px(plan.top - 22)}"'
    size = f'width="{px(plan.right - plan.left + 2)}" height="{px(bottom - plan.top + 24)}"'
    return f'<defs>{hatches}<clipPath id="{UID}-clip"><rect {place} {size}/></clipPath></defs>'
