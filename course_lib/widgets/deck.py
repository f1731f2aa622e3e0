"""Large type while a notebook is shown as slides, to be read from the back of a room; else it looks as ever."""

from __future__ import annotations

from IPython.display import HTML, display
from ipywidgets import VBox

from course_lib.widgets import fallback
from course_lib.widgets.browser.slide import Slide
from course_lib.widgets.projector import dots

SLIDES: list[Slide] = []
"""Which slide is shown, for the presenter's window: of the deck that called `deck` last."""

# jupyterlab-slideshow marks the page while it shows slides. Nothing else of it is known here.
_SLIDES = "body[data-jp-deck-mode]"
# Sizes are those of a screen of 1280 × 720, and grow with the screen: --course-dot is a pixel of that one.
# Of a picture's widths they show the narrowest, as large as it fits: its letters grow with it.
_RULES = f"""
{_SLIDES} {{ --course-dot: max(1px, min(100vw / 1280, 100vh / 720)); }}
{_SLIDES} .jp-RenderedHTMLCommon {{ font-size: {dots(27)}; line-height: 1.4; }}
{_SLIDES} .jp-RenderedHTMLCommon :is(p, ul, ol, li, h1, h2) {{ max-width: none !important; }}
{_SLIDES} .jp-RenderedHTMLCommon h1 {{ font-size: {dots(46)}; font-weight: 600; }}
{_SLIDES} .jp-RenderedHTMLCommon h2 {{ font-size: {dots(40)}; font-weight: 600; }}
{_SLIDES} .jp-InputArea-editor .cm-editor {{ font-size: {dots(20)}; line-height: 1.35; }}
{_SLIDES} .jp-RenderedText pre {{ font-size: {dots(21)}; line-height: 1.4; }}
{_SLIDES} .jp-RenderedText pre {{ word-break: normal; overflow-wrap: anywhere; }}
{_SLIDES} .jp-RenderedHTMLCommon table {{ font-size: {dots(24)} !important; }}
{_SLIDES} .course-live svg[role=img] {{ width: 100% !important; max-width: none !important; max-height: 82vh; }}
{_SLIDES} .course-fit .usual {{ display: block !important; }}
{_SLIDES} .course-fit .wide {{ display: none !important; }}
{_SLIDES} .jp-InputPlaceholder {{ display: none; }}
"""


def deck() -> None:
    """Make the slides of this notebook large. Its first cell calls this."""
    display(HTML(f"<style>{_RULES}</style>"))  # type: ignore[no-untyped-call]
    SLIDES[:] = [Slide()]
    if fallback.live():
        fallback.show(VBox(SLIDES), "", "slide", plain="")
