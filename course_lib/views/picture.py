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

UID = "@uid@"
"""Stands for a picture's own name, the class that scopes its style sheet, until all of it is written: see `named`."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One SVG element and its text alternative. The last line of a cell shows it; no widget and no kernel is needed."""

    svg: str
    alt: str

    def _repr_html_(self) -> str:
        """The element, and the same as an image.

        In a notebook that is not trusted, a sanitizer removes the style and leaves only the words of the element, but
        the whole image.
        """
        live = f'<div class="course-live" hidden="hidden">{self.svg}</div>'
        still = f'<p class="course-still">{self.as_image()}</p>'
        return f"{_TRUSTED}{live}{still}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": self.alt}

    def as_image(self) -> str:
        """The same as an `<img>` on white, which survives where inline SVG is removed."""
        data = base64.b64encode((self.svg.removesuffix("</svg>") + _ON_WHITE).encode()).decode("ascii")
        return f'<img alt="{escape(self.alt)}" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'

    def as_file(self) -> str:
        """The same as an SVG file of its own, on white, as a page shows it that is read without a kernel."""
        return self.svg.removesuffix("</svg>") + _ON_WHITE + "\n"


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
    """Text that is safe in SVG and HTML, between tags and inside a quoted attribute. It may come from any bytes."""
    return html.escape(_UNPRINTABLE.sub("�", str(text)))


def px(value: float) -> str:
    """A coordinate to a tenth of a pixel, without a useless `.0`."""
    return f"{value:.1f}".removesuffix(".0")
