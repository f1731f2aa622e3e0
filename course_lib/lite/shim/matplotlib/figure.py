"""A figure: its panels laid out side by side or one above the other, and written as SVG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from matplotlib import settings
from matplotlib.axes import Axes, Key
from matplotlib.marks import line, width_of, words

INCH, GAP = 72.0, 14.0
Panel = tuple[float, float, float, float]
"""Left, top, width and height, in points."""


class Figure:
    """Units: inches."""

    def __init__(self, *, figsize: tuple[float, float], layout: str) -> None:
        self.width, self.height = figsize
        self.axes: list[Axes] = []
        self._rows, self._columns = 1, 1
        self._title: tuple[str, float] = ("", 0.0)
        self._below: tuple[str, dict[str, Any]] = ("", {})
        self._legend: tuple[int, float] | None = None
        self._style = dict(settings)

    def subplots(self, rows: int = 1, columns: int = 1, *, sharex: bool = False, sharey: bool = False) -> Any:
        """Panels, in rows and columns; one alone is not a list."""
        self._rows, self._columns = rows, columns
        self.axes = [Axes() for _ in range(rows * columns)]
        for panel in self.axes[1:]:
            if sharex:
                panel.xaxis = self.axes[0].xaxis
            if sharey:
                panel.yaxis = self.axes[0].yaxis
        for at, panel in enumerate(self.axes):
            panel.words_left = not sharey or at % columns == 0
            panel.words_below = not sharex or at >= (rows - 1) * columns
        return self.axes if len(self.axes) > 1 else self.axes[0]

    def suptitle(self, title: str, *, x: float, ha: str, fontweight: str, fontsize: float = 12.0) -> None:
        """A title over all panels, at the left."""
        self._title = (title, fontsize)

    def supxlabel(self, text: str, **style: Any) -> None:
        """Words below all panels."""
        self._below = (text, style)

    def legend(self, *, loc: str, ncols: int, fontsize: float) -> None:
        """One legend for all panels, below them."""
        if loc != "outside lower center":
            raise ValueError("a figure's legend is drawn here below its panels")
        self._legend = (ncols, fontsize)

    def get_figwidth(self) -> float:
        return self.width

    def savefig(self, file: TextIO, *, format: str, metadata: Mapping[str, Any]) -> None:
        """Write it. Raises: ValueError for another format than SVG."""
        if format != "svg":
            raise ValueError("a figure is drawn here as SVG")
        settings.update(self._style)
        width, height = self.width * INCH, self.height * INCH
        size = f'width="{width:g}pt" height="{height:g}pt" viewBox="0 0 {width:g} {height:g}"'
        file.write(f'<svg {size} xmlns="http://www.w3.org/2000/svg" version="1.1">{self._whole(width, height)}</svg>')

    # -- where things are ---------------------------------------------------------------------------------------------

    def _whole(self, width: float, height: float) -> str:
        top, bottom, parts = 6.0, height - 4.0, []
        ink, size = str(settings["text.color"]), float(settings["font.size"])
        if self._title[0]:
            top += self._title[1] + 8
            parts.append(words(width * 0.01, self._title[1] + 4, self._title[0], ink, size=self._title[1], bold=True))
        if self._below[0]:
            style = self._below[1]
            small = float(style.get("fontsize", size))
            lines = self._below[0].count("\n") + 1
            bottom -= 1.2 * small * lines + 4
            ha = style.get("ha", "center")
            at = width * float(style.get("x", 0.5))
            parts.append(words(at, bottom + small + 2, self._below[0], style.get("color", ink), size=small, ha=ha))
        if self._legend:
            bottom -= self._legend[1] * 1.9
            parts.append(self._legend_below(width, bottom + self._legend[1] * 1.2))
        lefts = [self._left(panel) for panel in self.axes]
        last = max((width_of(word, size) / 2 for _, word in self.axes[-1].xaxis.marks(2)[-1:]), default=0.0)
        wide = (width - max(8.0, last) - sum(lefts[: self._columns]) - GAP * (self._columns - 1)) / self._columns
        heads = [18.0 if panel.title else 4.0 for panel in self.axes]
        feet = [self._foot(panel) for panel in self.axes]
        firsts = range(0, len(self.axes), self._columns)  # panels of one height, whatever stands above and below each
        tall = (bottom - top - sum(heads[at] + feet[at] for at in firsts)) / self._rows
        x, y = 4.0, top
        for at, panel in enumerate(self.axes):
            if at and at % self._columns == 0:
                x, y = 4.0, y + heads[at - 1] + tall + feet[at - 1]
            x += lefts[at]
            parts.append(_panel(panel, (x, y + heads[at], wide, tall)))
            x += wide + GAP
        return "".join(parts)

    def _left(self, panel: Axes) -> float:
        size = float(settings["font.size"])
        named = [word for _, word in panel.yaxis.marks(5)] if panel.words_left else []
        return (
            8
            + max((width_of(word, size) for word in named), default=0.0)
            + (size + 10 if panel.yaxis.label and panel.words_left else 0)
        )

    def _foot(self, panel: Axes) -> float:
        size = float(settings["font.size"])
        notes = 16.0 if len(self.axes) == 1 and panel.xaxis.label and len(panel.notes) == 1 else 0.0
        return (
            (size + 10 if panel.words_below else 8)
            + (size + 6 if panel.xaxis.label and panel.words_below else 0)
            + notes
        )

    def _legend_below(self, width: float, y: float) -> str:
        keys, labels = self.axes[0].get_legend_handles_labels()
        size = self._legend[1] if self._legend else 10.0
        spans = [28 + width_of(label, size) + 18 for label in labels]
        x, parts = (width - sum(spans)) / 2, []
        for key, label, span in zip(keys, labels, spans, strict=True):
            parts += [key(x, y - 3), words(x + 28, y, label, str(settings["text.color"]), size=size)]
            x += span
        return "".join(parts)


def _panel(panel: Axes, place: Panel) -> str:
    left, top, width, height = place
    x, y = panel.xaxis.scale(left, left + width), panel.yaxis.scale(top + height, top)
    edge, rule = str(settings["axes.edgecolor"]), str(settings["grid.color"])
    ink, size = str(settings["text.color"]), float(settings["font.size"])
    parts, right, foot = [], left + width, top + height
    for value, word in panel.xaxis.marks(max(2, int(width // 60))):
        if "x" in panel.lined:
            parts.append(line([(x(value), top), (x(value), foot)], rule, 0.8))
        parts.append(line([(x(value), foot), (x(value), foot + 3.5)], edge, 0.8))
        if panel.words_below:
            parts.append(words(x(value), foot + size + 5, word, ink, size=size, ha="center"))
    for value, word in panel.yaxis.marks(max(2, int(height // 27))):
        if "y" in panel.lined:
            parts.append(line([(left, y(value)), (right, y(value))], rule, 0.8))
        parts.append(line([(left - 3.5, y(value)), (left, y(value))], edge, 0.8))
        if panel.words_left:
            parts.append(words(left - 7, y(value) + size * 0.36, word, ink, size=size, ha="right"))
    parts += [one.draw(x, y) for one in sorted(panel.shown, key=lambda one: one.order)]
    parts.append(line([(left, top), (left, foot), (right, foot)], edge, 0.8))
    parts += [note(x, y, place) for note in panel.notes]
    if panel.title:
        parts.append(words(left, top - 6, panel.title, ink, size=float(settings["axes.titlesize"]), bold=True))
    if panel.xaxis.label and panel.words_below:
        parts.append(words(left + width / 2, foot + 2 * size + 10, panel.xaxis.label, ink, size=size, ha="center"))
    if panel.yaxis.label and panel.words_left:
        reach = max((width_of(word, size) for _, word in panel.yaxis.marks(5)), default=0.0)
        parts.append(
            words(left - reach - 15, top + height / 2, panel.yaxis.label, ink, size=size, ha="center", turned=True)
        )
    return "".join(parts) + (_corner(panel, place, x, y) if panel.legends else "")


def _corner(panel: Axes, place: Panel, x: Any, y: Any) -> str:
    keys, labels = panel.get_legend_handles_labels()
    loc, size = panel.legends or ("best", 0.0)
    size = size or float(settings["font.size"])
    left, top, width, height = place
    wide = 34 + max((width_of(label, size) for label in labels), default=0.0)
    tall = (size * 1.4) * len(labels) + 6
    across, down = (
        {"left": left + 6, "right": left + width - wide - 6},
        {"upper": top + 4, "lower": top + height - tall - 4},
    )
    corners = {f"{v} {h}": (across[h], down[v]) for v in down for h in across}
    if loc == "best":
        points = [(x(a), y(b)) for a, b in panel.passed()]
        loc = min(
            corners, key=lambda name: (_inside(points, corners[name], wide, tall), list(corners)[::-1].index(name))
        )
    at_x, at_y = corners[loc]
    parts: list[str] = []
    named: list[tuple[Key, str]] = list(zip(keys, labels, strict=True))
    for row, (key, label) in enumerate(named):
        base = at_y + size * 1.4 * (row + 1)
        parts += [key(at_x, base - size * 0.35), words(at_x + 28, base, label, str(settings["text.color"]), size=size)]
    return "".join(parts)


def _inside(points: list[tuple[float, float]], corner: tuple[float, float], wide: float, tall: float) -> int:
    return sum(corner[0] <= a <= corner[0] + wide and corner[1] <= b <= corner[1] + tall for a, b in points)
