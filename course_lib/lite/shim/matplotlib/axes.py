"""A panel: what is plotted in it, drawn when the figure is saved."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib import settings
from matplotlib.marks import SHAPES, box, line, marker, width_of, words
from matplotlib.ticks import Axis, counts, floats

Place = Callable[[float], float]
Key = Callable[[float, float], str]
"""Draws a legend's sample at a place."""


@dataclass
class Shown:
    """A part of the picture: how it is drawn, in which order, and its line in the legend."""

    draw: Callable[[Place, Place], str]
    order: float = 2.0
    label: str | None = None
    key: Key | None = None


@dataclass
class Axes:
    """One panel."""

    xaxis: Axis = field(default_factory=Axis)
    yaxis: Axis = field(default_factory=Axis)
    shown: list[Shown] = field(default_factory=list)
    notes: list[Callable[[Place, Place, tuple[float, float, float, float]], str]] = field(default_factory=list)
    title: str = ""
    lined: str = ""
    paths: list[list[tuple[float, float]]] = field(default_factory=list)
    legends: tuple[str, float] | None = None
    words_left: bool = True
    words_below: bool = True

    # -- what is shown ------------------------------------------------------------------------------------------------

    def plot(self, xs: Iterable[float], ys: Iterable[float], form: str = "", *, color: str = "#000000", lw: float = 1.5,
             ls: str = "", marker: str = "", ms: float = 6.0, mfc: str = "", mec: str = "", mew: float = 1.0,
             label: str | None = None, zorder: float = 2.0, markevery: Sequence[int] | None = None,
             clip_on: bool = True) -> None:  # fmt: skip
        """A line, or points, by a format such as "--" or "o"."""
        across, up = floats(xs), floats(ys)
        self.xaxis.seen += across
        self.yaxis.seen += up
        dash = ls or ("".join(re.findall(r"^(--|-\.|-|:)$", form)) or ("" if form else "-"))
        shape = marker or (form if form in (*SHAPES, "o", ".") else "")
        self.paths += [list(zip(across, up, strict=True))] if dash else [[one] for one in zip(across, up, strict=True)]
        if form and not dash and not shape:
            raise ValueError(f"{form!r} is not a format that is drawn here")
        sized = (ms, color if mfc in ("", "none") else mfc, mec or color, mew)

        def point(x: float, y: float) -> str:
            size, fill, edge, width = sized
            return _marker(x, y, shape, size, "none" if mfc == "none" else fill, edge, width)

        def draw(x: Place, y: Place) -> str:
            places = [(x(a), y(b)) for a, b in zip(across, up, strict=True)]
            dots = places if markevery is None else [places[at] for at in markevery]
            whole = line(places, color, lw, dash) if dash else ""
            return whole + ("".join(point(*place) for place in dots) if shape else "")

        def key(x: float, y: float) -> str:
            drawn = line([(x, y), (x + 22, y)], color, lw, dash) if dash else ""
            return drawn + (point(x + 11, y) if shape else "")

        self.shown.append(Shown(draw, zorder, label, key))

    def step(self, xs: Iterable[float], ys: Iterable[float], *, where: str, **style: Any) -> None:
        """A line of steps: each value holds until the next one."""
        if where != "post":
            raise ValueError("steps are drawn here with where='post'")
        across, up = floats(xs), floats(ys)
        every = style.pop("markevery", None)
        doubled = [part for at, x in enumerate(across) for part in ((x, up[max(at - 1, 0)]), (x, up[at]))]
        moved = None if every is None else [2 * at + 1 for at in every]
        self.plot(*zip(*doubled, strict=True), markevery=moved, **style)

    def bar(self, xs: Iterable[float], heights: Iterable[float], *, width: float = 0.8, color: str = "#000000",
            label: str | None = None) -> None:  # fmt: skip
        """Bars that stand on zero."""
        across, up = floats(xs), floats(heights)
        self.xaxis.seen += [x + side * width / 2 for x in across for side in (-1, 1)]
        self.yaxis.seen += [0.0, *up]
        self.yaxis.zero = True

        def draw(x: Place, y: Place) -> str:
            return "".join(
                box(x(a - width / 2), y(b), x(a + width / 2) - x(a - width / 2), y(0) - y(b), color)
                for a, b in zip(across, up, strict=True)
            )

        self.shown.append(Shown(draw, 1.0, label, lambda x, y: box(x, y - 4, 22, 8, color)))

    def barh(
        self, ys: Iterable[float], widths: Iterable[float], *, height: float = 0.8, color: str = "#000000"
    ) -> None:
        """Bars that lie, from zero on."""
        up, along = floats(ys), floats(widths)
        self.yaxis.seen += [y + side * height / 2 for y in up for side in (-1, 1)]
        self.xaxis.seen += [0.0, *along]
        self.xaxis.zero = True

        def draw(x: Place, y: Place) -> str:
            return "".join(
                box(x(0), min(y(b - height / 2), y(b + height / 2)), x(a) - x(0), abs(y(height) - y(0)), color)
                for b, a in zip(up, along, strict=True)
            )

        self.shown.append(Shown(draw, 1.0))

    def hist(self, values: Iterable[float], *, bins: Iterable[float], color: str) -> tuple[list[int], list[float]]:
        """How many values lie between each two edges."""
        edges = floats(bins)
        found = counts(floats(values), edges)
        middles = [(one + other) / 2 for one, other in itertools.pairwise(edges)]
        self.bar(middles, found, width=edges[1] - edges[0], color=color)
        return found, edges

    def axhline(self, at: float, *, color: str, lw: float = 1.5, ls: str = "-") -> None:
        """A line across the whole panel."""
        self.yaxis.seen.append(float(at))
        ends = self.xaxis.limits
        self.shown.append(Shown(lambda x, y: line([(x(end), y(at)) for end in ends()], color, lw, ls)))

    def axvspan(self, start: float, end: float, *, color: str, alpha: float = 1.0, label: str | None = None) -> None:
        """What lies between two values, from the bottom to the top."""
        self.xaxis.seen += [float(start), float(end)]

        def draw(x: Place, y: Place) -> str:
            low, high = sorted(map(y, self.yaxis.limits()))
            return box(x(start), low, x(end) - x(start), high - low, color, alpha)

        self.shown.append(Shown(draw, 1.0, label, lambda x, y: box(x, y - 4, 22, 8, color, alpha)))

    def errorbar(self, xs: Iterable[float], ys: Iterable[float], *, yerr: Iterable[float], fmt: str, color: str,
                 ecolor: str, ms: float = 6.0, capsize: float = 0.0, label: str | None = None) -> None:  # fmt: skip
        """Points, each with a line as far as its error reaches."""
        across, up, errors = floats(xs), floats(ys), floats(yerr)
        self.yaxis.seen += [b + side * e for b, e in zip(up, errors, strict=True) for side in (-1, 1)]

        def draw(x: Place, y: Place) -> str:
            parts = []
            for a, b, e in zip(across, up, errors, strict=True):
                ends = [(x(a), y(b - e)), (x(a), y(b + e))]
                parts += [line(ends, ecolor, 1.5)]
                parts += [line([(at - capsize, end), (at + capsize, end)], ecolor, 1.0) for at, end in ends]
            return "".join(parts)

        self.shown.append(Shown(draw, 1.9))
        self.plot(across, up, fmt, color=color, ms=ms, label=label)

    def annotate(
        self,
        text: str,
        xy: tuple[float, float],
        *,
        xytext: tuple[float, float] = (0, 0),
        textcoords: str = "",
        xycoords: str = "data",
        ha: str = "left",
        fontsize: float = 0.0,
        color: str = "",
    ) -> None:
        """Words beside a point; `xytext` is how many points away."""
        if textcoords not in ("", "offset points") or xycoords not in ("data", "axes fraction"):
            raise ValueError("words are placed here beside a point of the data or of the panel")

        def draw(x: Place, y: Place, panel: tuple[float, float, float, float]) -> str:
            left, top, width, height = panel
            at = (x(xy[0]), y(xy[1])) if xycoords == "data" else (left + width * xy[0], top + height * (1 - xy[1]))
            return words(at[0] + xytext[0], at[1] - xytext[1], text, color or _ink(), size=fontsize or _size(), ha=ha)

        self.notes.append(draw)

    # -- how it is set up ---------------------------------------------------------------------------------------------

    def set(self, **given: Any) -> None:
        """Each setting by its name: `xlim=(0, 1)` is `set_xlim(0, 1)`."""
        for name, value in given.items():
            method = getattr(self, f"set_{name}")
            if name in ("xlim", "ylim"):
                method(*value)
            else:
                method(value)

    def set_title(self, title: str) -> None:
        self.title = title

    def set_xlabel(self, label: str) -> None:
        self.xaxis.label = label

    def set_ylabel(self, label: str) -> None:
        self.yaxis.label = label

    def set_xlim(self, left: float | None = None, right: float | None = None) -> None:
        _limit(self.xaxis, left, right)

    def set_ylim(self, bottom: float | None = None, top: float | None = None) -> None:
        _limit(self.yaxis, bottom, top)

    def set_xscale(self, scale: str) -> None:
        if scale != "log":
            raise ValueError("a scale is linear here, or it is 'log'")
        self.xaxis.log = True

    def set_xticks(self, ticks: Iterable[float], labels: Sequence[str] | None = None) -> None:
        self.xaxis.ticks, self.xaxis.words = floats(ticks), None if labels is None else list(labels)

    def set_yticks(self, ticks: Iterable[float], labels: Sequence[str] | None = None) -> None:
        self.yaxis.ticks, self.yaxis.words = floats(ticks), None if labels is None else list(labels)
        self.yaxis.seen += self.yaxis.ticks

    def invert_yaxis(self) -> None:
        self.yaxis.inverted = True

    def grid(self, *, axis: str = "both") -> None:
        self.lined = {"both": "xy"}.get(axis, axis)

    def legend(self, *, loc: str = "best", ncols: int = 1, fontsize: float = 0.0) -> None:
        """Samples of what has a label, in a corner; "best" is the one with the fewest points."""
        self.legends = (loc, fontsize)

    def passed(self) -> list[tuple[float, float]]:
        """Where points are, and twenty places on the way from each to the next of its line."""
        places = [path[0] for path in self.paths if path]
        for (a, b), (c, d) in itertools.chain.from_iterable(map(itertools.pairwise, self.paths)):
            places += [(a + (c - a) * n / 20, b + (d - b) * n / 20) for n in range(1, 21)]
        return places

    def get_legend_handles_labels(self) -> tuple[list[Key], list[str]]:
        """The samples of the legend, and their words."""
        known = [(one.key, one.label) for one in self.shown if one.label and one.key]
        return [key for key, _ in known], [label for _, label in known]


def _marker(*given: Any) -> str:
    return marker(*given)


def _limit(axis: Axis, low: float | None, high: float | None) -> None:
    axis.low = axis.low if low is None else float(low)
    axis.high = axis.high if high is None else float(high)


def _ink() -> str:
    return str(settings["text.color"])


def _size() -> float:
    return float(settings["font.size"])


__all__ = ["Axes", "width_of"]
