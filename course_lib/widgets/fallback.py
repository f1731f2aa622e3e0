"""What a saved notebook shows where a widget was: a plain output beside it, which the live widget hides by a style."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.display import HTML, display

from course_lib.views.picture import PROSE


def show(
    box: Any, still: str, uid: str, *, plain: str = "Run this cell to use what belongs here."
) -> Callable[[str], None]:
    """Display a widget and, for readers without its kernel, `still`: HTML that survives sanitizing.

    `plain` stands in the widget's own place where no widget can be, as in a notebook that is not trusted. Returns what
    puts another text in the place of `still`.
    """
    shown = {**box._repr_mimebundle_(), "text/html": plain, "text/plain": plain}
    display(shown, raw=True)  # type: ignore[no-untyped-call]
    # Without its kernel a view is left with nothing but a sentence of JupyterLab's: "model not found".
    left = ".jp-OutputArea-child:has(> .jupyter-widgets):not(:has(> .jupyter-widgets > *))"
    dead = f".jp-OutputArea:has(.still-{uid}) {left}{{display:none}}"
    dead += "" if still else hide(uid)

    def page(still: str) -> HTML:
        return HTML(f'<style>{dead}</style><div class="still-{uid} {PROSE}">{still}</div>')  # type: ignore[no-untyped-call]

    handle = display(page(still), display_id=f"still-{uid}")  # type: ignore[no-untyped-call]
    return lambda still: handle.update(page(still)) if handle is not None else None


def hide(uid: str) -> str:
    """The rules that the live widget carries: while it is on the page, its still picture is not."""
    return f".still-{uid},.jp-OutputArea-child:has(.still-{uid}){{display:none}}"
