"""The switch *projector*, the same on every panel: big type, thick lines, fewer words, and a contrast of at least 7.

    self.projector = Projector(box, self._draw)       # a check box to put among the controls
    self.projector.shown(picture.svg)                 # in colors of more contrast, while it is on

A panel is magnified as a whole, by CSS, so what it shows keeps its proportions; a picture is laid out for the narrower
place that it then has. What a room does not read is hidden: hints at keys, lists of lines, tables of numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from course_lib.views.projected import projected

ASIDE = "course-aside"
"""The class of what a projector leaves out."""
_ME = ".course-projector"
RULES = f"""
{_ME}{{zoom:1.4}}
@media(min-width:1700px) and (min-height:900px){{{_ME}{{zoom:1.9}}}}
body[data-jp-theme-light=true] {_ME}{{--jp-ui-font-color1:#000;--jp-ui-font-color2:#333;--jp-layout-color0:#fff;
--jp-content-font-color1:#000;--jp-border-color2:#767676;--jp-widgets-label-color:#000}}
body[data-jp-theme-light=false] {_ME}{{--jp-ui-font-color1:#fff;--jp-ui-font-color2:#d6d6d6;--jp-layout-color0:#000;
--jp-content-font-color1:#fff;--jp-border-color2:#8a8a8a;--jp-widgets-label-color:#fff;background:#000}}
{_ME} .{ASIDE},{_ME} .course-keys,{_ME} .course-moment .words{{display:none!important}}
{_ME} .widget-button{{border:1px solid var(--jp-border-color2)}}
{_ME} :is(.widget-button,.widget-toggle-button,.widget-label,.widget-text input){{font-size:12px;min-height:22px}}
{_ME} .widget-text{{max-width:250px}}{_ME} .widget-text .widget-label{{width:auto}}
{_ME} .widget-button.mod-active{{outline:2px solid var(--jp-ui-font-color1)}}
{_ME} svg:is([role=img],.spacetime){{max-width:100%!important;min-width:0!important;width:100%!important;
max-height:var(--left,58vh)!important}}
"""


def dots(size: float) -> str:
    """A length for CSS: that number of pixels, and on slides as large a share of the screen as on one of 1280 × 720."""
    return f"calc({size:g} * var(--course-dot, 1px))"


class Projector(w.Checkbox):
    """`value` says whether it is on. `redraw` is called when that changes; the box has the class meanwhile."""

    def __init__(self, box: Any, redraw: Callable[[], object], *, on: bool = False) -> None:
        super().__init__(value=on, description="projector", indent=False, layout={"width": "auto"})
        self._box, self._redraw = box, redraw
        self.rules = w.HTML(f"<style>{RULES}</style>", layout={"display": "none"})
        self.observe(self._switched, "value")
        if on:
            box.add_class("course-projector")

    def shown(self, svg: str) -> str:
        """The picture in the colors for now."""
        return projected(svg) if self.value else svg

    def _switched(self, change: dict[str, Any]) -> None:
        (self._box.add_class if change["new"] else self._box.remove_class)("course-projector")
        self._redraw()
