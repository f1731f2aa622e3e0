"""Whose code is it? A learner's is what stands neither in Python's library, nor in a package, nor in the course."""

from __future__ import annotations

import dis
import functools
import os
import sys
import sysconfig
import types
from abc import ABCMeta
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LIBRARIES = tuple({
    *(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    str(Path(os.__file__).resolve().parent),  # an archive, in a browser
    str(Path(__file__).resolve().parent.parent),
})  # fmt: skip
_PACKAGES = {"site-packages", "dist-packages"}
_HEAP_TYPE = 1 << 9


def code_in(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code, and that of the functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from code_in(constant)


@functools.lru_cache(1_000)
def of_library(file: str) -> bool:
    """Does a file belong to Python's library, to the course, or to a package, also one outside this environment (a
    user's own, the system's, one on PYTHONPATH)?"""
    path = Path(file).resolve()
    return str(path).startswith(_LIBRARIES) or not _PACKAGES.isdisjoint(path.parts)


def own_names(names: dict[str, Any]) -> bool:
    """Are these the globals of a learner's module or notebook?"""
    file = names.get("__file__")
    return not (isinstance(file, str) and of_library(file))


def own_class(kind: type) -> bool:
    """Is it a learner's class, of a kind that can be made again? A class of errors is not: others know it by its
    identity."""
    if not kind.__flags__ & _HEAP_TYPE or type(kind) not in (type, ABCMeta) or issubclass(kind, BaseException):
        return False
    if kind.__module__ == "builtins":  # as in code that was given globals without a name
        return True
    module = sys.modules.get(kind.__module__)
    return own_names(vars(module)) if module is not None else kind.__module__ not in sys.builtin_module_names


_known: dict[int, tuple[types.CodeType, frozenset[str]]] = {}


_LOOKS_UP = {"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"}


def names_in(code: types.CodeType) -> frozenset[str]:
    """Each name that a function's code looks up, or a function's in it; not what it asks of objects: `redis.eval` is
    not `eval`."""
    known = _known.get(id(code))
    if known is None:
        if len(_known) > 1_000:
            _known.clear()
        known = (
            code,
            frozenset(
                step.argval for each in code_in(code) for step in dis.get_instructions(each) if step.opname in _LOOKS_UP
            ),
        )
        _known[id(code)] = known
    return known[1]
