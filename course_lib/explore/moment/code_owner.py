"""Whose code is it, and is it shown? By its file: a learner's, a pattern's, a lesson's program's, a library's.

Not shown are Python's own library, redis-py, and of the course what plays and judges a run.
"""

from __future__ import annotations

import linecache
import os
import sysconfig
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any, Literal

from course_lib.sim.own_code import code_in, of_library

Whose = Literal["own", "shown", "stage", "hidden"]
"""`stage`: what a lesson puts a pattern on, its workload. It is shown where nothing else of a chain is."""

_COURSE = Path(__file__).resolve().parents[2]
_PACKAGES = tuple({Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")})
_HIDDEN = {"redis", "fakeredis", "IPython", "ipykernel", "ipywidgets", "anywidget", "tornado", "pytest", "_pytest"}
Own = Callable[[str], bool]
"""By the name of a file: is it a learner's code?"""


@lru_cache(2_000)
def whose(file: str) -> Whose:
    """Whose a file is."""
    if file.startswith("<frozen"):
        return "hidden"
    if not of_library(file):
        return "own"
    path = Path(file).resolve()
    if path.is_relative_to(_COURSE):
        return _of_the_course(path.relative_to(_COURSE).parts)
    for packages in _PACKAGES:
        if path.is_relative_to(packages):
            return "hidden" if path.relative_to(packages).parts[0] in _HIDDEN else "shown"
    return "hidden"


def _of_the_course(parts: tuple[str, ...]) -> Whose:
    programs = parts[0] == "lessons" and parts[-1] == "programs.py"
    if parts[0] == "patterns" or programs or parts == ("explore", "puzzles.py"):
        return "shown"
    return "stage" if parts[0] == "lessons" and "exercises" not in parts else "hidden"


def function_of(code: CodeType) -> str:
    """The function's qualified name, without the functions that it was written within."""
    return code.co_qualname.rpartition("<locals>.")[2]


def source_of(code: CodeType, line: int) -> str:
    """That line, stripped; nothing if the source is not known."""
    return linecache.getline(code.co_filename, line).strip() if is_source_of(code) else ""


def is_source_of(code: CodeType) -> bool:
    """Does the file still hold the text that the code was made from? Of a notebook's cell the text is kept."""
    file = code.co_filename
    if not os.path.isfile(file) or _made_from(code) in _made(file, _text(file)):
        return True
    linecache.checkcache(file)
    return _made_from(code) in _made(file, _text(file))


def _text(file: str) -> str:
    """The file's text as `linecache` has it, in one string, which is made once."""
    lines = linecache.getlines(file)
    if (known := _TEXTS.get(file)) is None or known[0] is not lines:
        known = _TEXTS[file] = lines, "".join(lines)
    return known[1]


_TEXTS: dict[str, tuple[list[str], str]] = {}


@lru_cache(200)
def _made(file: str, text: str) -> frozenset[tuple[Any, ...]]:
    try:
        whole = compile(text, file, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return frozenset()
    return frozenset(map(_made_from, code_in(whole)))


@lru_cache(2_000)
def _made_from(code: CodeType) -> tuple[Any, ...]:
    constants = repr([one for one in code.co_consts if type(one) in (str, bytes, int, float)])
    return code.co_qualname, code.co_firstlineno, code.co_code, code.co_names, tuple(code.co_lines()), constants


@lru_cache(500)
def lines_of(code: CodeType) -> tuple[int, int]:
    """The first and the last line of a function, with its decorators and what is written within it."""
    lines = [line for each in code_in(code) for _, _, line in each.co_lines() if line]
    return code.co_firstlineno, max(lines, default=code.co_firstlineno)
