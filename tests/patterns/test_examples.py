"""The examples in the docstrings of patterns run as written, in virtual time, and print what they say they print."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import importlib
import inspect
import io
import pkgutil
import sys
import traceback
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from course_lib import patterns
from course_lib.worlds import Simulated

MODULES = [
    importlib.import_module(f"course_lib.patterns.{found.name}") for found in pkgutil.iter_modules(patterns.__path__)
]
FLAGS = doctest.NORMALIZE_WHITESPACE  # a long line of output may be broken


def examples(module: ModuleType) -> list[doctest.DocTest]:
    """The docstrings of a module that hold examples: its own, and those of what it defines."""
    return [test for test in doctest.DocTestFinder().find(module) if test.examples]


def patterns_of(module: ModuleType) -> Iterator[str]:
    """The public classes and coroutine functions that a module defines and that are given a Redis client."""
    for name, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__ or name.startswith("_"):
            continue
        makes = vars(value).get("__init__") if inspect.isclass(value) else value
        able = inspect.isclass(value) or inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value)
        if able and callable(makes) and "redis" in inspect.signature(makes).parameters:
            yield name


async def shown_by(example: doctest.Example, names: dict[str, Any]) -> tuple[str, str | None]:
    """Run an example; return what it printed, and the error that it ended with."""
    code = compile(example.source, "<example>", "single", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            if inspect.iscoroutine(running := eval(code, names)):
                await running
        except Exception as error:
            return printed.getvalue(), traceback.format_exception_only(error)[-1]
    return printed.getvalue(), None


async def failures(test: doctest.DocTest, names: dict[str, Any]) -> list[str]:
    """Run one docstring's examples, one after another; say which of them printed something else."""
    wrong = []
    for example in test.examples:
        printed, raised = await shown_by(example, names)
        flags = FLAGS | sum(flag for flag, on in example.options.items() if on)
        want, had = (example.want, printed) if raised is None else (example.exc_msg or "", raised)
        if not doctest.OutputChecker().check_output(want, had, flags):
            wrong.append(f"{test.name}: {example.source.strip()}\n  says    {example.want!r}\n  printed {had!r}")
    return wrong


def names_for(module: ModuleType, redis: Any) -> dict[str, Any]:
    """What an example may use without further ado."""
    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return {**public, "asyncio": asyncio, "redis": redis}


@contextlib.contextmanager
def values_shown() -> Iterator[None]:
    """As in an interactive session, but nothing is kept in `_`."""
    kept, sys.displayhook = sys.displayhook, lambda value: None if value is None else print(repr(value))
    try:
        yield
    finally:
        sys.displayhook = kept


def played(test: doctest.DocTest, module: ModuleType) -> list[str]:
    """The same in a simulation of its own."""
    world = Simulated(seed=1)
    with values_shown():
        world.client("reader", failures, test, names_for(module, world.redis()))
        wrong = world.run()["reader"]
    assert isinstance(wrong, list), wrong
    return wrong


@pytest.mark.parametrize(
    ("module", "test"),
    [pytest.param(m, test, id=test.name.removeprefix("course_lib.patterns.")) for m in MODULES for test in examples(m)],
)
def test_an_example_prints_what_it_says(module: ModuleType, test: doctest.DocTest) -> None:
    """Run as written, against an empty simulated server."""
    assert played(test, module) == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_pattern_shows_an_example(module: ModuleType) -> None:
    """Whatever is given a Redis client shows how; a class may do so in one of its methods."""
    shown = {test.name.removeprefix(f"{module.__name__}.").partition(".")[0] for test in examples(module)}
    assert [name for name in patterns_of(module) if name not in shown] == []


@pytest.mark.parametrize(
    ("docstring", "wrong"),
    [
        (">>> await redis.incr('n')\n1\n>>> await redis.incr('n')\n2", 0),
        (">>> await redis.incr('n')\n2", 1),
        (">>> await redis.incr('n')", 1),
        (">>> n = await redis.incr('n')\n>>> n\n1\n>>> n + 1\n1", 1),
        (">>> await redis.get('n')\n1", 1),
        (">>> await redis.get('n')", 0),
        (">>> async def load(): return 'Ann'\n>>> await cache_aside(redis, 'k', load, ttl=60)\n'Ann'", 0),
        (">>> await asyncio.sleep(3600)\n>>> asyncio.get_running_loop().time() >= 3600\nTrue", 0),
        (">>> 1 / 0\nTraceback (most recent call last):\nZeroDivisionError: division by zero", 0),
        (">>> jittered(-1)\nTraceback (most recent call last):\nValueError: no", 1),
        (">>> jittered(-1)", 1),
        (">>> 1\nTraceback (most recent call last):\nValueError: no", 1),
        (">>> missing", 1),
    ],
)
def test_a_wrong_example_is_seen(docstring: str, wrong: int) -> None:
    """The control: right ones pass and wrong ones do not, whether a value, an error or silence was expected."""
    module = importlib.import_module("course_lib.patterns.cache")
    test = doctest.DocTestParser().get_doctest(docstring + "\n", {}, "control", None, None)
    assert len(played(test, module)) == wrong


def test_a_pattern_without_an_example_is_seen() -> None:
    """The control: these are given a client, and are the module's own."""
    module = ModuleType("bare")
    source = """
async def hit(redis): pass
async def hits(redis): yield
class Limiter:
    def __init__(self, redis): pass
class Window(Limiter): pass
def checked(redis): pass
async def _own(redis): pass
async def plain(n): pass
from course_lib.patterns import xfetch
"""
    exec(source, vars(module))
    assert list(patterns_of(module)) == ["hit", "hits", "Limiter"]
