"""A picture: SVG that a notebook shows as it is, and the words that say the same."""

from __future__ import annotations

import base64
import html
import re
from dataclasses import dataclass

# XML 1.0 forbids these even when escaped; a binary key may hold them.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_TRUSTED = "<style>.course-live{display:block!important} .course-still{display:none}</style>"
_ON_WHITE = "<style>:root{background:#fff}</style></svg>"  # an <img> knows nothing of the page's theme


@dataclass(frozen=True, slots=True)
class Picture:
    """One SVG element and its text alternative. The last line of a cell shows it; no widget and no kernel is needed."""

    svg: str
    alt: str

    def _repr_html_(self) -> str:
        """The element, and the same as an image: in a notebook that is not trusted, a sanitiser leaves of the style
        nothing, of the element the words, and of the image all."""
        live = f'<div class="course-live" hidden="hidden">{self.svg}</div>'
        still = f'<p class="course-still">{self.as_image()}</p>'
        return f"{_TRUSTED}{live}{still}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": self.alt}

    def as_image(self) -> str:
        """The same as an `<img>` on white, which survives where inline SVG is removed."""
        data = base64.b64encode((self.svg.removesuffix("</svg>") + _ON_WHITE).encode()).decode("ascii")
        return f'<img alt="{escape(self.alt)}" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'


def escape(text: object) -> str:
    """Text that is safe in SVG and HTML, between tags and inside a quoted attribute, whatever bytes it came from."""
    return html.escape(_UNPRINTABLE.sub("�", str(text)))
