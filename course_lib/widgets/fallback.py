"""What a saved notebook shows where a widget was: a plain output beside it, which the live widget hides by a style."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets
from IPython import get_ipython
from IPython.display import display

from course_lib.views.picture import PROSE


def show(
    box: Any, still: str, uid: str, *, plain: str = "Run this cell to use what belongs here.", text: str = ""
) -> Callable[[str], None]:
    """Display a widget and, for readers without its kernel, `still`: HTML that survives sanitizing.

    `plain` stands in the widget's own place where no widget can be, as in a notebook that is not trusted; `text` is
    `still` without HTML. Returns a function that replaces `still`.
    """
    shown = {**box._repr_mimebundle_(), "text/html": plain, "text/plain": plain}
    display(shown, raw=True)  # type: ignore[no-untyped-call]
    # Without its kernel a view is left with nothing but a sentence of JupyterLab's: "model not found".
    left = ".jp-OutputArea-child:has(> .jupyter-widgets):not(:has(> .jupyter-widgets > *))"
    dead = f".jp-OutputArea:has(.still-{uid}) {left}{{display:none}}"
    dead += "" if still else hide(uid)

    def page(still: str) -> dict[str, str]:
        html = f'<style>{dead}</style><div class="still-{uid} {PROSE}">{still}</div>'
        return {"text/html": html, "text/plain": text or plain}

    handle = display(page(still), raw=True, display_id=f"still-{uid}")  # type: ignore[no-untyped-call]
    return lambda still: handle.update(page(still), raw=True) if handle is not None else None


def live() -> bool:
    """Is there a kernel that a widget could speak to?"""
    return getattr(get_ipython(), "kernel", None) is not None


def between(above: str, box: Any, below: str, still: str, uid: str, text: str) -> None:
    """Display HTML, a widget that hides the `still` of its `uid`, and HTML; without its kernel, `still` alone."""
    parts = [ipywidgets.HTML(above), box, ipywidgets.HTML(below)]
    show(ipywidgets.VBox(parts), still, uid, plain="", text=text)


def hide(uid: str) -> str:
    """The rules that the live widget carries: while it is on the page, its still picture is not."""
    return f".still-{uid},.jp-OutputArea-child:has(.still-{uid}){{display:none}}"
