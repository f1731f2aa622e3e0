"""Orders that cannot all be kept, as a picture: who comes before whom, and why, until it comes round to the first."""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.views.palette import CODE, FAINT, INK, PAPER, VERMILLION, WORDS
from course_lib.views.picture import UID, Picture, escape, named, px, scoped
from course_lib.words import shorten

WIDTH, BOX, STEP, TOP, LEFT = 640, 30, 62, 30, 64
LONGEST = 72  # characters of a reason on one line


def circle(before: Sequence[tuple[str, str, str]], *, title: str, uid: str | None = None) -> Picture:
    """`before` is (who, before whom, why), each beginning where the one before ended, back to the first at the end."""
    if not before:
        raise ValueError("there is nothing to draw: a circle has at least one step")
    names = [who for who, _, _ in before]
    wide = max(70.0, 9.0 * max(map(len, names)) + 20)
    middle, last = LEFT + wide / 2, TOP + STEP * (len(names) - 1)
    parts = []
    for place, (who, _, why) in enumerate(before):
        top = TOP + STEP * place
        parts.append(
            f'<rect x="{LEFT}" y="{top}" width="{px(wide)}" height="{BOX}" rx="4"/>'
            f'<text class="who" x="{px(middle)}" y="{top + 20}" text-anchor="middle">{escape(who)}</text>'
        )
        if place < len(before) - 1:
            parts.append(f'<path d="M{px(middle)} {top + BOX}V{top + STEP - 2}" marker-end="url(#{UID}-tip)"/>')
            parts.append(_why(middle + 12, top + BOX + 21, why))
    back = f"M{LEFT} {last + BOX / 2}H{LEFT - 30}V{TOP + BOX / 2}H{LEFT - 3}"
    parts.append(f'<path class="back" d="{back}" marker-end="url(#{UID}-tip)"/>')
    parts.append(_why(LEFT - 30, last + BOX + 21, before[-1][2]))
    high = last + BOX + 34
    alt = f"{title}. " + "; ".join(f"{who} must come before {other}: {why}" for who, other, why in before) + "."
    tip = (
        f'<defs><marker id="{UID}-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        f'orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>'
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{UID}" role="img" aria-label="{escape(alt)}" '
        f'viewBox="0 0 {WIDTH} {high}" '
        f'style="max-width:{WIDTH}px;min-width:{px(WIDTH * 0.8)}px;width:100%;height:auto">'
        f"<style>{scoped(_STYLE)}</style>{tip}"
        f'<text class="head" x="{LEFT - 30}" y="18">{escape(title)}</text>{"".join(parts)}</svg>'
    )
    return named(svg, alt, uid=uid, kind="ci")


def _why(x: float, y: float, why: str) -> str:
    return f'<text class="why" x="{px(x)}" y="{px(y)}">{escape(shorten(why, LONGEST))}</text>'


_STYLE = (
    f"rect{{fill:{PAPER};stroke:{INK};stroke-width:1.5}} text{{fill:{INK};font:13px {WORDS}}}"
    f"text.who{{font:600 13px {CODE}}} text.head{{font-weight:600}} text.why{{fill:{FAINT}}}"
    f"path{{fill:none;stroke:{INK};stroke-width:1.5}} path.back{{stroke:{VERMILLION};stroke-width:2}}"
    f"path.tip{{fill:{INK};stroke:none}}"
)
