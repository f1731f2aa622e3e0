"""The text trace beside a space-time diagram: its moments as a list, a page at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import ipywidgets

from course_lib.trace import Event
from course_lib.views.palette import ORANGE, SKY
from course_lib.views.spacetime.text import Moment, list_rows

WIDE = 300
"""Pixels that it takes beside the picture."""

PAGE = 200
"""Lines that are on the page at once."""


class TextTrace:
    """`list` is the widget. Style sheets change its look, so that a step sends no line again."""

    def __init__(self, moments: Sequence[Moment], uid: str) -> None:
        self.moments, self._uid, self._page = moments, uid, -1
        self.list = ipywidgets.HTML(layout={"flex": f"1 1 {WIDE}px", "min_width": "240px", "max_width": "760px"})

    def show(self, row: int) -> None:
        """Show the page that has this row; most steps stay on their page."""
        if row // PAGE == self._page:
            return
        self._page = row // PAGE
        start = self._page * PAGE
        rows = list_rows(self.moments[start : start + PAGE], start)
        last, total = min(start + PAGE, len(self.moments)), len(self.moments)
        more = f"<p>Lines {start + 1:,} to {last:,} of {total:,}.</p>" if total > PAGE else ""
        style = _STYLE.replace("@", self._uid)
        self.list.value = f'{style}<ol class="lines" tabindex="0" aria-label="Text trace">{rows}</ol>{more}'

    def rules(self, row: int, lit: Collection[int]) -> str:
        """The style that marks the current row, if that is one, and the events that are lit, by their places."""
        here = f"background:color-mix(in srgb,{SKY} 32%,transparent);font-weight:600"
        rules = f".{self._uid}-live li.r{row}{{{here}}}" if row >= 0 else ""
        if not lit:
            return rules
        rows = [row for row, one in enumerate(self.moments) if one.index in lit and isinstance(one.what, Event)]
        marked = (f".{self._uid}-live li.r{row}" for row in rows)
        return rules + "".join(
            f"{one}{{box-shadow:inset 4px 0 {ORANGE}}}{one}::before{{content:'◆ '}}" for one in marked
        )


_STYLE = (
    "<style>.@-live .lines{list-style:none;margin:0;padding:0;max-height:330px;overflow-y:auto;font:12px/1.5 "
    "var(--jp-code-font-family,monospace);border:1px solid var(--jp-border-color2,#d0d0d0)}"
    ".@-live .lines li{padding:1px 6px;white-space:pre-wrap;overflow-wrap:anywhere;cursor:pointer}"
    ".@-live .lines li b{font-weight:400;color:var(--jp-ui-font-color2,#555)}"
    ".@-live .lines li.bad{box-shadow:inset 3px 0 #D55E00}"
    ".@-live svg.spacetime{max-height:var(--left)}"
    ".@-status{font-size:14px;line-height:1.5;min-height:21px}</style>"
)
