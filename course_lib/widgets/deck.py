"""Large type while a notebook is shown as slides, to be read from the back of a room; else it looks as ever."""

from __future__ import annotations

from IPython.display import HTML, display
from ipywidgets import VBox

from course_lib.widgets import fallback
from course_lib.widgets.browser.slide import Slide

SLIDES: list[Slide] = []
"""Which slide is shown, for the presenter's window: of the deck that called `deck` last."""

# jupyterlab-slideshow marks the page while it shows slides. Nothing else of it is known here.
_SLIDES = "body[data-jp-deck-mode]"
# Of a picture's widths they show the narrowest, as large as it fits: its letters grow with it.
_RULES = f"""
{_SLIDES} .jp-RenderedHTMLCommon {{ font-size: 27px; line-height: 1.4; }}
{_SLIDES} .jp-RenderedHTMLCommon :is(p, li, h1, h2) {{ max-width: none; }}
{_SLIDES} .jp-RenderedHTMLCommon h1 {{ font-size: 46px; font-weight: 600; }}
{_SLIDES} .jp-RenderedHTMLCommon h2 {{ font-size: 40px; font-weight: 600; }}
{_SLIDES} .jp-InputArea-editor .cm-editor {{ font-size: 20px; line-height: 1.35; }}
{_SLIDES} .jp-RenderedText pre {{ font-size: 21px; line-height: 1.4; }}
{_SLIDES} .jp-RenderedHTMLCommon table {{ font-size: 24px !important; }}
{_SLIDES} .course-live svg[role=img] {{ width: 100% !important; max-width: none !important; max-height: 76vh; }}
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
