"""A submission's cells, run from the top as the notebook would run them, until an answer stands there."""

from __future__ import annotations

import ast
import linecache
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any

from course_lib.grading.answer import NOT_YET, Refused
from course_lib.grading.exercise import packages
from course_lib.wire.json_values import SeenAt
from course_lib.words import shorten

Source = tuple[str, str | None]
"""A code cell, and the exercise whose answer it is."""
_ONLY_SHOWS = {
    "course_lib.grading": ("check", "hint", "progress", "replay", "reset_progress", "solution"),
    "course_lib.lesson": ("begin",),
}
"""By module: what a notebook calls in order to show something."""


def answer(cells: Sequence[Source], exercise: str, name: str) -> Any:
    """What `name` stands for once the exercise's own cell has run, and all cells above it.

    Not run are cells that define nothing, such as a check, and cells that await something. What fails in a cell of
    another exercise harms only what it would have defined.
    Raises: Refused, where there is no such cell, or it does not run; what its code raises.
    """
    own = max((number for number, (_, whose) in enumerate(cells) if whose == exercise), default=None)
    if own is None:
        raise Refused("unanswered", NOT_YET)
    names = _notebook()
    for number, (source, _) in enumerate(cells[: own + 1]):
        try:
            _run(source, f"<cell {number + 1}>", names, always=number == own)
        except SyntaxError as error:
            if number == own:
                raise Refused("error", f"Your cell does not run: {error.msg}{_where(error)}.") from error
        except NotImplementedError as error:  # nbgrader's stub, also where an answer is not a function
            if number == own:
                raise Refused("unanswered", NOT_YET) from error
        except (Exception, SystemExit):
            if number == own:
                raise
    if name not in names:
        raise Refused("error", f"Your cell does not define `{name}`, the name by which the answer is found.")
    return names[name]


def _where(error: SyntaxError) -> str:
    """Which line it is about, if that is known."""
    line = shorten((error.text or "").strip(), 80)
    return "" if error.lineno is None else f" in line {error.lineno}" + (f", `{line}`" if line else "")


def seen_at(error: BaseException) -> SeenAt:
    """Where in a cell an error arose while the cells were run."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith("<cell ")]
    return SeenAt(own[-1].lineno, own[-1].line or "", frames[-1] == own[-1]) if own else SeenAt()


def _notebook() -> dict[str, Any]:
    """The names of a new notebook, in which nothing is checked or shown."""
    main = sys.modules["__main__"] = ModuleType("__main__")
    for module, names in _ONLY_SHOWS.items():
        vars(sys.modules.setdefault(module, ModuleType(module))).update(dict.fromkeys(names, _nothing))
    for lesson in packages():
        lesson.__getattr__ = partial(_what_is_here, lesson.__getattr__)  # type: ignore[method-assign]
    return vars(main)


def _what_is_here(find: Callable[[str], Any], name: str) -> Any:
    """A name of a lesson; what is made of its judges, which are hidden, shows nothing."""
    try:
        return find(name)
    except (ImportError, OSError):
        return _nothing


def _nothing(*args: Any, **options: Any) -> None:
    """It shows nothing here."""


def _run(source: str, file: str, names: dict[str, Any], *, always: bool) -> None:
    tree = ast.parse(source, file)
    if not always and not any(isinstance(step, _DEFINES) for step in tree.body):
        return
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(tree, file, "exec"), names)


_DEFINES = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign,
    ast.AugAssign, ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match, ast.Delete,
)  # fmt: skip
