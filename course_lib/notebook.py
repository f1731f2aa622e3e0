"""The notebook that runs in this kernel: what waits for an answer, and what a cell needs from the cells above it.

The course's kernels load this as an extension when they start, and `begin` does for all others. Cells are known by the
ids that JupyterLab sends; where none are sent, as when a notebook is executed by a program, every cell runs as ever.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from IPython import get_ipython

AFTER = "# After your answer"
"""The first words of a cell that shows what the question above it asks for."""

VERSION = "3"
"""What the course's kernels say of their Python, and what its notebooks have stored: else to open a lesson under
another Python than its author's would change the file, and the next `git pull` be refused."""

_asked: dict[str, Callable[[], bool]] = {}


def load_ipython_extension(shell: Any) -> None:
    """What a kernel of the course does at its start; safe to do twice."""
    kernel = getattr(shell, "kernel", None)
    if kernel is not None and hasattr(kernel, "language_info"):  # a browser's kernel says it itself
        kernel.language_info = {**kernel.language_info, "version": VERSION}
    if held not in shell.input_transformers_post:
        shell.input_transformers_post.append(held)
        shell.set_custom_exc((NameError,), _explained)


def ask(answered: Callable[[], bool]) -> None:
    """The cell that is running asks a question; `answered` says whether it has been answered."""
    if cell := running():
        _asked[cell] = answered


def running() -> str:
    """The id of the cell that is running; empty where nobody says."""
    parent: dict[str, Any] = getattr(get_ipython(), "get_parent", dict)()
    return str(parent.get("metadata", {}).get("cellId", ""))


def above(cell: str) -> list[tuple[str, str]]:
    """Id and source of the cells of code above this one, the nearest first; none if it is not in a saved notebook."""
    try:
        with open(os.environ["JPY_SESSION_NAME"], encoding="utf-8") as file:
            cells = [one for one in json.load(file)["cells"] if one["cell_type"] == "code"]
        ids = [one["id"] for one in cells]
        return [(one["id"], "".join(one["source"])) for one in reversed(cells[: ids.index(cell)])]
    except (OSError, ValueError, KeyError, TypeError):
        return []


# -- a cell after a question that nobody has answered -----------------------------------------------------------------

HELD = (
    "This cell shows what happened. Answer the question above and press its button Run; "
    "then come back and press Shift+Enter."
)


def held(lines: list[str]) -> list[str]:
    """The lines of a cell. Of one that would give an answer away, until it was given: a sentence, and what later cells
    may need, which is imported and defined."""
    if not lines or not lines[0].startswith(AFTER) or os.environ.get("COURSE_HOLD_BACK", "") == "off":
        return lines
    answered = next((_asked[id] for id, _ in above(running()) if id in _asked), None)
    if answered is None or answered():
        return lines
    kept = [ast.unparse(part) for part in ast.parse("".join(lines)).body if isinstance(part, KEPT)]
    return [f"{line}\n" for line in [*kept, f"print({HELD!r})"]]


KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


# -- a cell before those that it needs --------------------------------------------------------------------------------


def _explained(shell: Any, kind: type[NameError], error: NameError, trace: TracebackType, tb_offset: int = 0) -> None:
    """Show a sentence if a cell above makes the name that is missing, and the traceback as ever if none does."""
    name = error.name or ""
    if any(name in made(source) for _, source in above(running())):
        error._render_traceback_ = lambda: [EARLY.format(name)]  # type: ignore[attr-defined]
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


EARLY = (
    "Run the cells above first: “{}” is made by one that has not run in this kernel. "
    "JupyterLab runs them all by the menu Run, “Run All Above Selected Cell”."
)


def made(source: str) -> set[str]:
    """The names that a cell makes: what it imports, defines and assigns outside of functions."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    return set(_names(tree))


def _names(node: ast.AST) -> Iterator[str]:
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield part.name
        elif isinstance(part, ast.alias):
            yield (part.asname or part.name).partition(".")[0]
        elif isinstance(part, ast.Name):
            if isinstance(part.ctx, ast.Store):
                yield part.id
        elif not isinstance(part, ast.Lambda | ast.comprehension):
            yield from _names(part)


# -- a kernel that is not the course's --------------------------------------------------------------------------------


def stop(sentence: str) -> None:
    """Say this in place of each later cell: none runs in a kernel that cannot run it, and the reader sees why."""
    shell = get_ipython()
    if shell is not None:
        shell.input_transformers_post.append(lambda lines: [f"print({sentence!r})\n"])
    print(sentence)
