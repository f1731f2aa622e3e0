"""Matplotlib's figures as pictures that follow the page's theme: no background, text as text, the palette's colors."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from course_lib.views.palette import FAINT, INK, ORANGE, RULE, SKY, WORDS
from course_lib.views.picture import Picture, escape

_STANDS_FOR = {"#222222": INK, "#555555": FAINT, "#d0d0d0": RULE, "#e69f00": ORANGE, "#56b4e9": SKY}
"""Matplotlib cannot draw in CSS colors: it draws in these, which are then replaced by those."""
_PAINTS = {css: plain for plain, css in _STANDS_FOR.items()}

_STYLE: Any = {  # matplotlib's stubs list every setting by name
    "axes.axisbelow": True,
    "axes.edgecolor": _PAINTS[FAINT],
    "axes.facecolor": "none",
    "axes.labelcolor": _PAINTS[INK],
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "figure.facecolor": "none",
    "font.size": 11,
    "grid.color": _PAINTS[RULE],
    "legend.frameon": False,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",  # as text: a reader can select it, it has the page's font, and the picture is smaller
    "svg.hashsalt": "course",  # the same figure gives the same text
    "text.color": _PAINTS[INK],
    "xtick.color": _PAINTS[FAINT],
    "xtick.labelcolor": _PAINTS[INK],
    "ytick.color": _PAINTS[FAINT],
    "ytick.labelcolor": _PAINTS[INK],
}


@contextmanager
def chart(width: float, height: float) -> Iterator[Figure]:
    """A figure in the course's style, which lasts as long as the block. Units: inches, of 96 pixels each."""
    with rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def paint(color: str) -> str:
    """A color of the palette, as matplotlib takes it."""
    return _PAINTS.get(color, color)


def as_picture(figure: Figure, alt: str) -> Picture:
    """The figure as one SVG element with a text alternative, which follows the theme of its page."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    svg = text.getvalue()
    # Matplotlib's own style sheet applies to every element on the page; as an attribute it stays in this picture.
    svg = re.sub(r"<(style|metadata)[^>]*>.*?</\1>", "", svg[svg.index("<svg") :], flags=re.DOTALL).rstrip()
    svg = re.sub(r"(?<=: )#[0-9a-f]{6}\b", lambda found: _STANDS_FOR.get(found[0], found[0]), svg)
    svg = re.sub(r"; font-family: [^;\"]*", "", svg)
    least = figure.get_figwidth() * 96 * 9 / 10  # at which words of 10 points, the smallest, still have 12 pixels
    size = f"font-family:{WORDS};max-width:100%;min-width:{least:.0f}px;height:auto;stroke-linejoin:round"
    return Picture(re.sub("<svg ", f'<svg role="img" aria-label="{escape(alt)}" style="{size}" ', svg, count=1), alt)
