"""Packages that import a name's module when the name is first asked for (PEP 562), so that nobody pays for the rest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package: `modules` maps a module of it, or one of course_lib in full, to its names.

        __getattr__ = lazy(__name__, {"experiment_burst": "burst Caller", "course_lib.widgets.predict": "predict"})

    Names are separated by blanks; `topology:picture_of` has the name `picture_of` here.
    """
    places: dict[str, tuple[str, str]] = {}
    for module, names in modules.items():
        where = module if module.startswith("course_lib.") else f"{package}.{module}"
        for name in names.split():
            there, _, here = name.partition(":")
            places[here or there] = (where, there)

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        where, there = places[name]
        found = getattr(import_module(where), there)
        setattr(sys.modules[package], name, found)  # the next time nobody asks here
        return found

    return find
