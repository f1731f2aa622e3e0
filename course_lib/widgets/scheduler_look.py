"""How the scheduler's panel looks, and the pieces of HTML on it."""

from __future__ import annotations

from course_lib.explore.puzzle import Puzzle
from course_lib.views.palette import BLUE, GREEN, RULE, VERMILLION
from course_lib.views.picture import escape

SIZE = 14
"""Of text, in pixels."""


def look(uid: str, size: int = SIZE) -> str:
    """The rules of the panel of that name."""
    me = f".{uid}"
    return (
        f"{me} .turns{{max-width:1100px}}"
        f"{me} p,{me} summary,{me} details{{margin:4px 0;font-size:{size}px;line-height:1.4}}"
        f"{me} .widget-button,{me} .widget-toggle-button,{me} .widget-label,{me} .widget-text input"
        f"{{font-size:{size}px;height:auto;min-height:28px;padding:2px 10px;line-height:1.6}}"
        f"{me} .widget-inline-hbox,{me} .widget-toggle-buttons{{height:auto;width:auto}}"
        f"{me} .widget-label{{padding-left:0}}{me} .widget-button{{white-space:pre}}"
        f"{me} .turns .widget-button{{text-align:left;font-family:var(--jp-code-font-family,monospace);"
        f"border-left:5px solid {BLUE};font-weight:600}}"
        f"{me} svg.spacetime{{width:auto;height:auto;max-height:var(--left)}}"
        f"{me} pre{{font-size:{size - 2}px;line-height:1.4;margin:4px 0;white-space:pre-wrap}}"
        f"{me} p code{{font-size:inherit}}{me} .course-keys{{font-size:{size}px}}"
        f"{me} .told{{border-left:5px solid {RULE};padding:2px 10px}}"
        f"{me} .told.bad{{border-color:{VERMILLION}}}{me} .told.good{{border-color:{GREEN}}}"
    )


def sources(puzzle: Puzzle) -> str:
    """What each client runs, folded."""
    if not puzzle.sources:
        return ""
    shown = zip(("naive", "mended", "both call"), puzzle.sources, strict=False)
    parts = "".join(f"<pre><b># {name}</b>\n{escape(text)}</pre>" for name, text in shown)
    return f"<details><summary>What each client runs</summary>{parts}</details>"


def framed(style: str, html: str) -> str:
    """A sentence that is read out when it changes; `style` is "good", "bad" or nothing."""
    return f'<div class="told {style}" role="status"><p>{html}</p></div>'
