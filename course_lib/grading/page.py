"""Pieces of the page on which a notebook shows a verdict or a hint: its frame, its style, prose with `code` in it."""

from __future__ import annotations

from course_lib.views.palette import ALARM, CODE, FAINT, GREEN, INK, ORANGE, PAPER, RULE, VERMILLION, WELL, WORDS
from course_lib.views.picture import PROSE


def framed(html: str) -> str:
    """The page around these pieces."""
    return f'<div class="course-check {PROSE}">{STYLE}{html}</div>'


STYLE = f"""<style>
.course-check{{font:14px/1.5 {WORDS};color:{INK};background:{PAPER};padding:2px 0 6px}}
.course-check p{{margin:8px 0;max-width:46em}}
.course-check code,.course-check pre{{font:13px/1.45 {CODE};color:inherit}}
.course-check code{{background:color-mix(in srgb,{INK} 8%,transparent);padding:1px 4px;border-radius:3px}}
.course-check .head{{font-size:16px;max-width:960px;border-left:5px solid;padding:4px 10px;margin:4px 0 10px;
display:flex;gap:.4em;flex-wrap:wrap}}
.course-check .good{{border-color:{GREEN}}} .course-check .bad{{border-color:{VERMILLION}}}
.course-check .calm{{border-color:{FAINT}}} .course-check .earned{{margin-left:auto;font-weight:600}}
.course-check .known{{border-left:5px solid {ORANGE};padding:4px 10px}}
.course-check .small{{color:{FAINT};font-size:13px}}
.course-check .message{{font-size:15px}} .course-check .picture{{overflow-x:auto;margin:10px 0}}
.course-check table{{border-collapse:collapse;margin:10px 0;font-size:14px;width:100%;max-width:980px;color:inherit;
table-layout:auto!important}} .course-check tr{{background:none!important}}
.course-check td,.course-check th{{text-align:left!important;padding:4px 12px 4px 0;border-bottom:1px solid {RULE};
vertical-align:top;white-space:nowrap;background:none!important;color:inherit}}
.course-check td.says{{white-space:normal!important;width:100%}} .course-check th{{font-weight:600;color:{FAINT}}}
.course-check .number{{text-align:right!important}}
.course-check .holds{{color:{WELL};font-weight:600}} .course-check .broken{{color:{ALARM};font-weight:600}}
.course-check details{{margin:6px 0}} .course-check summary{{cursor:pointer;color:{FAINT};font-size:13px}}
.course-check pre{{overflow-x:auto;max-height:340px;border:1px solid {RULE};padding:6px 8px;
white-space:pre;background:none}}
.course-check .compared span{{display:block;padding:0 4px}}
.course-check .minus{{background:color-mix(in srgb,{ORANGE} 24%,transparent)}}
.course-check .plus{{background:color-mix(in srgb,{GREEN} 20%,transparent)}}
.course-check td.half{{width:45%;overflow-wrap:anywhere}}
.course-check .bar{{display:inline-block;width:140px;height:9px;border:1px solid {FAINT};margin:0 4px}}
.course-check .bar span{{display:block;height:100%;background:{GREEN}}}
.course-check .lesson>summary{{font-size:14px;color:{INK}}}
</style>"""
