"""The one palette: every process, fault and note keeps its color and its mark in every lesson.

The colors are Okabe and Ito's, which color-blind readers can tell apart. None is used without a mark.
Source: M. Okabe, K. Ito, "Color Universal Design", 2008, https://jfly.uni-koeln.de/color/.
"""

from __future__ import annotations

from dataclasses import dataclass

# Text, axes and background follow JupyterLab's theme; outside JupyterLab the second value holds.
INK = "var(--jp-ui-font-color1,#222)"
FAINT = "var(--jp-ui-font-color2,#555)"
PAPER = "var(--jp-layout-color0,#fff)"
RULE = "var(--jp-border-color2,#d0d0d0)"

# By themselves, orange has a contrast of 2.2 to white and sky blue 2.3; with a little ink both have more than 3.
ORANGE = f"color-mix(in srgb,#E69F00 80%,{INK})"
SKY = f"color-mix(in srgb,#56B4E9 80%,{INK})"
GREEN = "#009E73"
YELLOW = "#F0E442"  # always within an outline
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GRAY = "#888888"
WELL = f"color-mix(in srgb,{GREEN} 70%,{INK})"  # green alone is too pale for small text
ALARM = f"color-mix(in srgb,{VERMILLION} 70%,{INK})"  # pure `VERMILLION` is too pale for small text
WORDS = "var(--jp-ui-font-family,system-ui,sans-serif)"
CODE = "var(--jp-code-font-family,ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace)"


@dataclass(frozen=True, slots=True)
class Role:
    """How one thing looks everywhere: its color, its matplotlib marker, its line style, and its name in a legend."""

    color: str
    mark: str
    line: str = "-"
    name: str = ""


PROCESSES: tuple[str, ...] = (BLUE, GREEN, PURPLE, SKY)
"""Colors of clients, in the order of their lanes, then from the start again; two of one color differ by their names."""

FAULT = Role(VERMILLION, "x", "-", "lost")
NOTES: dict[str, Role] = {
    "load": Role(ORANGE, "bar", "-", "load"),
    "compute": Role(SKY, "bar", "-", "compute"),
    "pause": Role(GRAY, "hatch", "-", "pause"),
    "hold": Role(GREEN, "box", "-", "holds the lock"),
    "stale": Role(YELLOW, "diamond", "-", "stale read"),
    "skew": Role(PURPLE, "triangle", "-", "clock jumps"),
    "crash": Role(VERMILLION, "cross", "-", "crash"),
    "down": Role(VERMILLION, "hatch", "-", "down"),
    "violation": Role(VERMILLION, "ring", "-", "violation"),
}
"""What a note looks like in a space-time diagram, by its kind."""


def process_color(index: int) -> str:
    """The color of the client in lane `index`, counted from 0."""
    return PROCESSES[index % len(PROCESSES)]
