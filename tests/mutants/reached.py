"""Which tests run which statements of a kit: a mutant is judged by those that reach what it changes.

A statement tells by itself that it runs, as one more stands before it. A tracer would change what tests find that trace
as well, and `sys.monitoring` needs Python 3.12.
"""

from __future__ import annotations

import ast
import builtins
import functools
import hashlib
import importlib.abc
import json
import os
import time
from collections.abc import Callable, Iterable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import pytest

from .solutions import ROOT

CACHE = ROOT / ".artefacts" / "reached"
TELLS = "__course_ran__"


class Test(NamedTuple):
    """A test, the seconds of computing that it takes, and the statements that it runs, as `module:line`."""

    __test__ = False
    id: str
    seconds: float
    ran: frozenset[str]


Source = str | ast.Module
"""Of a module: its text, or, where the file's text is to be read by whoever asks, what is compiled in place of it."""


class Replaced(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds modules of the course by sources that are handed in. To all who ask they have the file's place."""

    def __init__(self, source_of: Callable[[str], Source | None]) -> None:
        self.source_of = source_of

    def get_source(self, fullname: str) -> str:
        source = self.source_of(fullname.removeprefix("course_lib."))
        return Path(place_of(fullname)).read_text(encoding="utf-8") if isinstance(source, ast.Module) else source or ""

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = compile(
            self.source_of(fullname.removeprefix("course_lib.")) or "", place_of(fullname), "exec", dont_inherit=True
        )
        return code

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if not fullname.startswith("course_lib.") or self.source_of(fullname.removeprefix("course_lib.")) is None:
            return None
        spec = ModuleSpec(fullname, self, origin=place_of(fullname))
        spec.has_location = True
        return spec


def place_of(fullname: str) -> str:
    return str(ROOT.joinpath(*fullname.split(".")).with_suffix(".py"))


def telling(module: str, source: str) -> tuple[ast.Module, frozenset[str]]:
    """The source, whose functions tell which of their statements run, and the names of all these statements. Each stays
    in its line, as tests may look at the text of what runs."""
    tree, names = ast.parse(source), set[str]()

    def told(body: list[ast.stmt]) -> list[ast.stmt]:
        new: list[ast.stmt] = []
        for number, statement in enumerate(body):
            is_docstring = number == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if not is_docstring:
                name = f"{module}:{statement.lineno}"
                names.add(name)
                new += [placed(statement, added) for added in ast.parse(f"{TELLS}({name!r})").body]
            new.append(statement)
        return new

    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in [function, *_within(function)]:
                for field in ("body", "orelse", "finalbody"):
                    if isinstance(body := getattr(node, field, None), list) and body:
                        setattr(node, field, told(body))
    return tree, frozenset(names)


def placed(at: ast.stmt, added: ast.stmt) -> ast.stmt:
    """The added statement, in the place of another."""
    for node in ast.walk(added):
        ast.copy_location(node, at)
    return added


def _within(node: ast.AST) -> Iterable[ast.AST]:
    """What stands in a function, but not in another within it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield child
            yield from _within(child)


class Watches:
    """A plugin of pytest that notes what each test runs."""

    def __init__(self) -> None:
        self.ran: set[str] = set()
        self.tests: list[Test] = []
        setattr(builtins, TELLS, self.ran.add)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        self.ran.clear()
        begin = time.process_time()
        result = yield
        self.tests.append(Test(item.nodeid, round(time.process_time() - begin, 3), frozenset(self.ran)))
        return result


@functools.cache
def state_of(kit: str) -> str:
    """Changes with any source of the kit, and of what its tests import. What is below it may change: then a test may
    fail by the original, and run other statements, but few."""
    tests = ROOT / "tests" / kit
    paths = [
        *(ROOT / "course_lib" / kit).rglob("*.py"),
        *(path for path in tests.glob("*.py") if path.name[:5] != "test_"),
    ]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(paths))).hexdigest()


def tests_in(file: str, kit: str, sources: Callable[[str], str | None], run: Callable[..., int]) -> list[Test]:
    """The tests of a file, and what each runs. They are run once, in a process of their own, and then remembered.

    Raises: RuntimeError, if one fails: no mutant could be judged by it.
    """
    known = (
        CACHE / f"{hashlib.sha256(Path(file).read_bytes() + file.encode() + state_of(kit).encode()).hexdigest()}.json"
    )
    if not known.exists():
        known.parent.mkdir(parents=True, exist_ok=True)

        def watched() -> int:
            watches = Watches()
            code = run(lambda name: (source := sources(name)) and telling(name, source)[0], [file], [watches])
            written = known.with_suffix(f".{os.getpid()}")
            written.write_text(json.dumps([(id, seconds, sorted(ran)) for id, seconds, ran in watches.tests]))
            if code in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
                written.replace(known)
            written.unlink(missing_ok=True)
            return code

        if (code := forked(watched)) not in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
            raise RuntimeError(f"{file}: the original does not pass it ({code})")
    return [Test(id, seconds, frozenset(ran)) for id, seconds, ran in json.loads(known.read_text())]


def forked(work: Callable[[], int]) -> int:
    """What it returns in a child process, whose output nobody sees; what the child has started ends with it. The number
    of the signal that ended it is negative."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            os.setsid()
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nowhere, stream)
            code = work()
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        os.killpg(child, 9)
    except ProcessLookupError:
        pass  # it has left nothing
    return code
