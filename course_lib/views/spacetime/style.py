"""The style sheet of a space-time diagram, and the rules that move through a drawn one."""

from __future__ import annotations

from collections.abc import Iterable

from course_lib.views.palette import ALARM, CODE, FAINT, INK, ORANGE, PAPER, RULE, SKY, WORDS
from course_lib.views.picture import scoped

_RULES = f"""
text{{font:13px {WORDS};fill:{INK}}} .title{{font-size:16px;font-weight:600}} .s,.t{{font-size:12px}} .s{{fill:{FAINT}}}
.b{{font-weight:600}} .end{{text-anchor:end}} .mid{{text-anchor:middle}} .paper{{fill:{PAPER}}} .c{{font:12px {CODE}}}
.t{{paint-order:stroke;stroke:{PAPER};stroke-width:3px;stroke-linejoin:round}} .on{{fill:#111;stroke:none}}
.f{{fill:{ALARM}}} .v{{font-weight:700;fill:{ALARM}}} .a{{fill:{FAINT};font-style:italic}}
.lane{{stroke:{RULE};fill:none}} .node{{stroke:{FAINT};stroke-width:2}} .frame{{fill:none;stroke:{RULE}}}
.grid{{stroke:{RULE};stroke-dasharray:1 4;fill:none}}
.axis{{stroke:{FAINT}}} .idle{{stroke:{PAPER};stroke-width:3;stroke-dasharray:3 5}}
.q,.p{{fill:none;stroke-width:1.8}} .p{{stroke-dasharray:5 3}} .x{{fill:none;stroke-width:2.6}}
.w{{fill:none;stroke-width:4}} .far{{fill:none;stroke:{FAINT};stroke-width:.6;opacity:.3}}
.crash{{stroke-width:4;stroke-linecap:round}} .ring{{fill:none;stroke-width:3}}
.gone{{stroke:{PAPER};stroke-width:3;stroke-dasharray:4 5}}
.hit{{fill:none;stroke:var(--hit,transparent);stroke-opacity:.5;stroke-width:11;pointer-events:stroke}}
.thin{{stroke:var(--thin,transparent);stroke-opacity:1;stroke-width:3}}
.tip{{display:var(--tip,none);pointer-events:none}} .tip rect{{fill:{PAPER};stroke:{FAINT}}}
.m:focus{{outline:none}} .m:hover,.m:focus-visible{{--hit:{SKY};--thin:{INK};--tip:inline}}
.cursor{{display:none;pointer-events:none}} .veil{{fill:{PAPER};opacity:.78}} .now{{stroke:{INK};stroke-width:1.5}}"""
SHEET = f"<style>{scoped(_RULES)}</style>"


def current(uid: str, x: float | None, index: int | None, marked: Iterable[int] = (), *, ring: bool = False) -> str:
    """Rules for an already drawn picture: "now" is at `x` pixels, event `index` is looked at, others are `marked`.

    `ring`: what is looked at is a broken promise, whose ring reaches beyond "now": the veil begins behind it.
    They name only the cursor and few messages, so a browser restyles those and not a thousand elements.
    """
    rules = f".cursor{{display:inline;transform:translateX({x:.1f}px)}}" if x is not None else ""
    rules += ".veil{transform:translateX(14px)}" if ring else ""
    rules += "".join(f".e{one}{{--hit:{ORANGE};--thin:{INK}}}" for one in marked)
    if index is not None:
        rules += f".e{index}{{--hit:{SKY};--thin:{INK};--tip:inline}}"
    return scoped(rules, f"{uid}.{uid}")  # twice, to win over the picture's own rules wherever they stand
