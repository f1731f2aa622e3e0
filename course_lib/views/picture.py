"""A picture: SVG that a notebook shows as it is, and the words that say the same."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from dataclasses import dataclass

# XML 1.0 forbids these even when escaped; a binary key may hold them.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_TRUSTED = "<style>.course-live{display:block!important} .course-still{display:none}</style>"
_ON_WHITE = "<style>:root{background:#fff}</style></svg>"  # an <img> knows nothing of the page's theme

PROSE = "mathjax_ignore"
"""The class of HTML in which two dollar signs are prices: elsewhere JupyterLab takes the text between them for a
formula."""

UID = "@uid@"
"""Stands for a picture's own name until all of the picture is written: see `named`. The name is the class that scopes
its style sheet."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One SVG element and its text alternative. The last line of a cell shows it; no widget and no kernel is needed."""

    svg: str
    alt: str
    wider: tuple[tuple[float, str], ...] = ()
    """The same, drawn wider: the width in pixels, and the element."""

    @property
    def fitting(self) -> str:
        """HTML that shows the widest of these elements for which there is room on the page."""
        if not self.wider:
            return self.svg
        rules, shown = ".course-fit{container-type:inline-size}.course-fit>.wide{display:none}", "usual"
        for wide, _ in self.wider:
            now = f"w{wide:.0f}"
            swap = f".course-fit>.{shown}{{display:none}}.course-fit>.{now}{{display:block}}"
            rules, shown = f"{rules}@container(min-width:{wide:.0f}px){{{swap}}}", now
        others = "".join(f'<div class="wide w{wide:.0f}">{svg}</div>' for wide, svg in self.wider)
        usual = f'<div class="usual">{self.svg}</div>'
        return f'<style>{rules}</style><div class="course-fit">{usual}{others}</div>'

    def _repr_html_(self) -> str:
        """The element, and the same as an image.

        In a notebook that is not trusted, a sanitizer removes the style and leaves only the words of the element, but
        the whole image.
        """
        live = f'<div class="course-live {PROSE}" hidden="hidden">{self.fitting}</div>'
        still = f'<p class="course-still">{self.as_image()}</p>'
        return f"{_TRUSTED}{live}{still}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": self.alt}

    def as_image(self) -> str:
        """The same as an `<img>` on white, which survives where inline SVG is removed."""
        data = base64.b64encode((self.svg.removesuffix("</svg>") + _ON_WHITE).encode()).decode("ascii")
        return f'<img alt="{escape(self.alt)}" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'

    def as_file(self) -> str:
        """The same as an SVG file, on white and of its own size, as a page shows it that is read without a kernel."""
        shape = r'(?:width="[\d.]+" height="[\d.]+" )?viewBox="0 0 ([\d.]+) ([\d.]+)" style="[^"]*"'
        svg = re.sub(shape, r'viewBox="0 0 \1 \2" width="\1" height="\2"', self.svg, count=1)
        return svg.removesuffix("</svg>") + _ON_WHITE + "\n"


def named(svg: str, alt: str, *, uid: str | None, kind: str = "") -> Picture:
    """The picture with its own name in place of UID: `uid`, or else one of this kind that depends on what it shows."""
    return Picture(svg.replace(UID, uid or kind + hashlib.sha256(svg.encode()).hexdigest()[:8]), alt)


def scoped(rules: str, uid: str = UID) -> str:
    """The CSS rules with `.uid` before every selector, so that two pictures on one page leave each other alone."""
    parts = []
    for rule in rules.replace("\n", " ").split("}")[:-1]:
        selectors, body = rule.split("{")
        parts.append(",".join(f".{uid} {one.strip()}" for one in selectors.split(",")) + "{" + body + "}")
    return "".join(parts)


def escape(text: object) -> str:
    """Text that is safe in SVG and HTML, between tags and inside a quoted attribute. The text can come from any
    bytes."""
    return html.escape(_UNPRINTABLE.sub("�", str(text)))


def prose(text: str) -> str:
    """Escaped, with `code` set as code."""
    parts = escape(text).split("`")
    return "".join(part if i % 2 == 0 else f"<code>{part}</code>" for i, part in enumerate(parts))


def px(value: float) -> str:
    """A coordinate to a tenth of a pixel, without a useless `.0`."""
    return f"{value:.1f}".removesuffix(".0")
