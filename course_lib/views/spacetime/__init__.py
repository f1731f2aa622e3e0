"""The space-time diagram: clients and nodes as lanes, time to the right, messages as arrows, faults as shapes.

- `plan`         which lanes, how much detail, and the map from a moment to a place
- `time_scale`   that map: to scale, or with idle stretches shortened
- `frame`        what surrounds the lanes: axis, legend, the cursor of "now"
- `messages`     commands and replies as lines
- `marks`        notes as bars and shapes
- `captions`     commands and replies as labels, as far as there is room
- `density`      a crowd: too many clients for lines
- `text`         a trace in words: moments, the one finding, the text alternative
- `style`        the style sheet, and the rules that move through a drawn diagram
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from course_lib.trace import Event, Trace
from course_lib.views.labels import Box, Places
from course_lib.views.picture import UID, Picture, escape, named, px
from course_lib.views.room import LEAST, fluid
from course_lib.views.spacetime import marks
from course_lib.views.spacetime.captions import captions
from course_lib.views.spacetime.density import density
from course_lib.views.spacetime.frame import axis, cursor, definitions, legend
from course_lib.views.spacetime.messages import Message, drawn, hover, messages, threads
from course_lib.views.spacetime.plan import NAME_LENGTH, Plan, lay_out
from course_lib.views.spacetime.style import SHEET
from course_lib.views.spacetime.text import alternative, finding
from course_lib.words import shorten


@fluid
def spacetime(
    trace: Trace,
    *,
    width: float | None = None,
    title: str | None = None,
    now: float | None = None,
    highlight: Callable[[Event], bool] | None = None,
    lanes: Sequence[str] | None = None,
    to_scale: bool | None = None,
    uid: str | None = None,
) -> Picture:
    """Draw a trace, in as much detail as its size allows: labels, lines only, or the density of a crowd.

    Units: `width` in pixels, by default what there is room for; `now` in seconds, veils what comes later.
    `title` says the one finding; by default it is counted from the trace. Events that `highlight` refuses are faint.
    `lanes` orders the lanes from the top; what it does not name is left out. `to_scale=False` shortens idle
    stretches, True never does; by default they are shortened unless there are many commands. `uid` scopes the styles.
    """
    plan = lay_out(trace, width=width, lanes=lanes, to_scale=to_scale)
    return draw(plan, title=title, now=now, highlight=highlight, uid=uid)


def draw(
    plan: Plan,
    *,
    title: str | None = None,
    now: float | None = None,
    highlight: Callable[[Event], bool] | None = None,
    uid: str | None = None,
) -> Picture:
    """Draw a trace that is already laid out; see `spacetime`."""
    title = title if title is not None else finding(plan.trace)
    if plan.detail == "density":
        (body, bottom), touch = density(plan), ""
        bottom += 12
    else:
        found = messages(plan, highlight)
        body, touch, bottom = _lanes(plan) + _figure(plan, found), hover(plan, found), plan.bottom
    meaning, height = legend(plan, bottom + (76 if plan.detail == "lines" else 56))
    alt = alternative(plan.trace, title)
    heading = f'<text class="title" x="8" y="22">{escape(shorten(title, int((plan.width - 16) / 8.6)))}</text>'
    size = f'width="{px(plan.width)}" height="{px(height)}" viewBox="0 0 {px(plan.width)} {px(height)}" '
    size += f'style="min-width:{px(min(plan.width, LEAST))}px"'
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="group" class="{UID} spacetime" {size}>'
        f"{SHEET}{definitions(plan, bottom)}"
        f'<rect class="paper" width="100%" height="100%"/><g role="img" aria-label="{escape(alt)}">'
        f"{heading}{axis(plan, bottom)}{body}{meaning}</g>{cursor(plan, bottom, now)}{touch}</svg>"
    )
    return named(svg, alt, kind="st", uid=uid)


def _lanes(plan: Plan) -> str:
    lines = "".join(
        f'<path class="lane{" node" if name in plan.nodes else ""}" d="M{px(plan.left)} {px(y)}H{px(plan.right)}"/>'
        for name, y in plan.lanes.items()
    )
    every = max(1, round(14 / plan.pitch + 0.4)) if plan.pitch < 14 else 1
    names = "".join(
        f'<text class="end{" b" if name in plan.nodes else ""}" x="{px(plan.left - 8)}" y="{px(y + 4)}">'
        f"{escape(shorten(name, NAME_LENGTH))}</text>"
        for i, (name, y) in enumerate(plan.lanes.items())
        if i % every == 0 or name in plan.nodes
    )
    return lines + names


def _figure(plan: Plan, found: list[Message]) -> str:
    """Bars, then messages, then shapes and words."""
    below = marks.after_crash(plan) + marks.bars(plan)
    if plan.detail == "lines":
        return threads(plan, found) + below + drawn(plan, found) + marks.shapes(plan)
    places = Places(Box(plan.left, 28, plan.width - plan.left - 2, plan.bottom - 28))
    places.lines = [line for m in found for line in m.segments]
    places.lines += [((plan.left, y), (plan.right, y)) for y in plan.lanes.values()]
    for x, y in (m.cross for m in found if m.cross):
        places.take(Box(x - 6, y - 6, 12, 12))
    words = marks.words(plan, places)
    return below + drawn(plan, found) + marks.shapes(plan) + words + captions(plan, found, places)
