"""What a saved notebook shows where a widget was: a plain output beside it, which the live widget hides by a style."""

from __future__ import annotations

from typing import Any

from IPython.display import HTML, display


def show(box: Any, still: str, uid: str) -> None:
    """Display a widget and, for readers without its kernel, `still`: HTML that survives sanitizing."""
    shown = {**box._repr_mimebundle_(), "text/plain": "Run this cell to use what belongs here."}
    display(shown, raw=True)  # type: ignore[no-untyped-call]
    # Without its kernel a view is left with nothing but a sentence of JupyterLab's: "model not found".
    view = ".jp-OutputArea-output.jupyter-widgets:not(:has(*))"
    dead = f".jp-OutputArea:has(.still-{uid}) .jp-OutputArea-child:has(> {view}){{display:none}}"
    display(HTML(f'<style>{dead}</style><div class="still-{uid}">{still}</div>'))  # type: ignore[no-untyped-call]


def hide(uid: str) -> str:
    """The rules that the live widget carries: while it is on the page, its still picture is not."""
    return f".still-{uid},.jp-OutputArea-child:has(.still-{uid}){{display:none}}"
