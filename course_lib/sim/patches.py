"""What code replaces in Python's modules, in redis-py or in the course is put back, and named.

A function that is replaced there is replaced for all code of the kernel, for good: for every client, for the judge, and
for every later check.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from course_lib.sim.own_code import own_names

_MODULES = (
    "asyncio", "builtins", "collections", "contextlib", "datetime", "functools", "hashlib", "inspect", "itertools",
    "json", "math", "os", "random", "secrets", "string", "time", "types", "uuid", "course_lib", "redis",
)  # fmt: skip
_MISSING = object()

Seen = list[tuple[Any, dict[str, Any]]]
"""For each module and class, what its names stood for."""


def seen() -> Seen:
    """What stands now in each place that is watched. Cost: some milliseconds."""
    return [(owner, dict(vars(owner))) for owner in _owners()]


def put_back(before: Seen, *, only_own: bool = False) -> list[str]:
    """Put back each function and class that was replaced since; return their names.

    `only_own`: only where a learner's function stands in its place; other packages may have their reasons.
    """
    names = []
    for owner, fields in before:
        now: Mapping[str, Any] = vars(owner)
        changed = [name for name, value in fields.items() if now.get(name, _MISSING) is not value and _called(value)]
        if isinstance(owner, type):
            changed += [name for name, value in now.items() if name not in fields and _learners(value)]
        for name in changed:
            if only_own and not _learners(now.get(name)):
                continue
            names.append(f"{_named(owner)}.{name}")
            if name in fields:
                setattr(owner, name, fields[name])
            else:
                delattr(owner, name)
    return _once(names)


def _owners() -> Iterator[Any]:
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in _MODULES and isinstance(module, ModuleType):
            yield module
            for value in list(vars(module).values()):
                if isinstance(value, type) and value.__module__ == name and value.__flags__ & _HEAP_TYPE:
                    yield value


_HEAP_TYPE = 1 << 9


def _called(value: Any) -> bool:
    return callable(value) or isinstance(value, (staticmethod, classmethod, property))


def _learners(value: Any) -> bool:
    function = getattr(value, "__func__", value)
    return isinstance(function, FunctionType) and own_names(function.__globals__)


def _named(owner: Any) -> str:
    if isinstance(owner, ModuleType):
        return owner.__name__
    if owner.__name__ in ("SimRedis", "SimPipeline"):
        return f"redis.asyncio.{owner.__name__.removeprefix('Sim')}"
    return f"{owner.__module__.removesuffix('.client')}.{owner.__qualname__}"


def _once(names: list[str]) -> list[str]:
    """The names without those that are longer ones for the same thing: `asyncio.tasks.sleep` beside `asyncio.sleep`."""
    short = {(name.partition(".")[0], name.rpartition(".")[2]): name for name in sorted(names, key=len, reverse=True)}
    return sorted(set(short.values()))
