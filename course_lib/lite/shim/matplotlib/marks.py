"""Lines, markers and words as SVG. Colors are written as `: #rrggbb`, as matplotlib does. Units: points."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

DASHES = {"-": "", "--": "7.4,3.2", ":": "2,3.3", "-.": "12.8,3.2,2,3.2"}
SHAPES = {
    "s": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
    "D": [(0, -1.4), (1.4, 0), (0, 1.4), (-1.4, 0)],
    "d": [(0, -1.4), (0.85, 0), (0, 1.4), (-0.85, 0)],
    "^": [(0, -1), (1, 1), (-1, 1)],
    "v": [(0, 1), (1, -1), (-1, -1)],
    "<": [(-1, 0), (1, -1), (1, 1)],
    ">": [(1, 0), (-1, -1), (-1, 1)],
    "P": [(-0.33, -1), (0.33, -1), (0.33, -0.33), (1, -0.33), (1, 0.33), (0.33, 0.33), (0.33, 1), (-0.33, 1),
          (-0.33, 0.33), (-1, 0.33), (-1, -0.33), (-0.33, -0.33)],
    "X": [(-0.5, -1), (0, -0.5), (0.5, -1), (1, -0.5), (0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5), (-0.5, 1), (-1, 0.5),
          (-0.5, 0), (-1, -0.5)],
    "p": [(0, -1), (0.95, -0.31), (0.59, 0.81), (-0.59, 0.81), (-0.95, -0.31)],
    "*": [(0, -1), (0.22, -0.31), (0.95, -0.31), (0.36, 0.12), (0.59, 0.81), (0, 0.38), (-0.59, 0.81), (-0.36, 0.12),
          (-0.95, -0.31), (-0.22, -0.31)],
    "h": [(0, -1), (0.87, -0.5), (0.87, 0.5), (0, 1), (-0.87, 0.5), (-0.87, -0.5)],
}  # fmt: skip


def marker(x: float, y: float, shape: str, size: float, fill: str, edge: str, width: float) -> str:
    """One point."""
    style = f'style="fill: {fill}; stroke: {edge}; stroke-width: {width:g}"'
    r = size / 2
    if shape in ("o", "."):
        return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{r if shape == "o" else r / 2:g}" {style}/>'
    path = " ".join(
        f"{'L' if at else 'M'} {x + r * dx:.2f} {y + r * dy:.2f}" for at, (dx, dy) in enumerate(SHAPES[shape])
    )
    return f'<path d="{path} z" {style}/>'


def line(points: Sequence[tuple[float, float]], color: str, width: float, dash: str = "-") -> str:
    """A line through points."""
    if len(points) < 2:
        return ""
    pattern = f"; stroke-dasharray: {DASHES[dash]}" if DASHES[dash] else ""
    path = " ".join(f"{'L' if at else 'M'} {x:.2f} {y:.2f}" for at, (x, y) in enumerate(points))
    return f'<path d="{path}" style="fill: none; stroke: {color}; stroke-width: {width:g}{pattern}"/>'


def box(x: float, y: float, width: float, height: float, color: str, opacity: float = 1.0) -> str:
    """A rectangle."""
    style = f"fill: {color}" + (f"; fill-opacity: {opacity:g}" if opacity < 1 else "")
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{max(width, 0):.2f}" height="{max(height, 0):.2f}" style="{style}"/>'


def words(x: float, y: float, text: Any, color: str, *, size: float, ha: str = "left", bold: bool = False,
          turned: bool = False) -> str:  # fmt: skip
    """Text whose first line stands on `y`."""
    anchor = {"left": "start", "center": "middle", "right": "end"}[ha]
    weight = "; font-weight: bold" if bold else ""
    turn = f' transform="rotate(-90 {x:.2f} {y:.2f})"' if turned else ""
    style = f"font-size: {size:g}px; text-anchor: {anchor}; fill: {color}{weight}"
    lines = str(text).split("\n")
    spans = "".join(
        f'<tspan x="{x:.2f}" dy="{1.2 * size if at else 0:g}">{escape(one)}</tspan>' for at, one in enumerate(lines)
    )
    return f'<text x="{x:.2f}" y="{y:.2f}"{turn} style="{style}">{spans if len(lines) > 1 else escape(lines[0])}</text>'


def width_of(text: str, size: float) -> float:
    """About how wide a text is, and rather more than less: the page's font is not known here."""
    return max((size * sum(map(_width, line)) for line in text.split("\n")), default=0.0)


def _width(letter: str) -> float:
    if letter in " .,:;'|!()[]iljtfr":
        return 0.4
    return 0.75 if letter.isupper() or letter in "mw%µ" else 0.64
