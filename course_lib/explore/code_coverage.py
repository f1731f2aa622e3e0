"""Which lines and branches of a learner's code ran in some of the runs that are watched, and which never did.

`sys.settrace` watches: it makes a run some five times slower, so a search watches a few runs that it plays again.
"""

from __future__ import annotations

import ast
import dis
import linecache
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from course_lib.sim.own_code import names_in, of_library
from course_lib.sim.stand_ins import simulating
from course_lib.words import either

OUT = -1
"""Where a step leads that leaves the function."""
NAMED = 4
"""How many branches that nothing took are named."""
_READS_TIME = {"time", "monotonic", "perf_counter", "datetime", "date", "time_ns", "monotonic_ns"}
_RETURNS = {number for name, number in dis.opmap.items() if name.startswith("RETURN_") and "GENERATOR" not in name}


class Reached:
    """What ran of the functions of clients: for each, the steps from line to line. `runs` counts what was watched."""

    def __init__(self) -> None:
        self.runs = 0
        self._steps: dict[int, tuple[CodeType, set[tuple[int, int]]]] = {}
        self._others: dict[int, CodeType] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """A run is played meanwhile. Where a debugger watches already, nothing is seen."""
        if sys.gettrace() is not None:
            yield
            return
        self.runs += 1
        sys.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(None)

    def _called(self, frame: FrameType, event: str, arg: Any) -> Any:
        code = frame.f_code
        if id(code) in self._others:
            return None
        known = self._steps.get(id(code))
        if known is None:
            if of_library(code.co_filename) or code.co_name.startswith("<") or not linecache.getlines(code.co_filename):
                self._others[id(code)] = code
                return None
            known = code, set()
        if simulating() is None:  # it judges
            return None
        self._steps[id(code)] = known
        return _watcher(known[1], frame.f_lineno, code.co_code)

    @property
    def functions(self) -> int:
        """How many functions ran."""
        return len(self._steps)

    @property
    def reads_time(self) -> bool:
        """May what they do depend on the time?"""
        return any(not _READS_TIME.isdisjoint(names_in(code)) for code, _ in self._steps.values())

    @property
    def lines(self) -> tuple[int, int]:
        """How many of their lines ran, and how many there are."""
        ran = sum(len(_lines(code) & {line for step in steps for line in step}) for code, steps in self._steps.values())
        return ran, sum(len(_lines(code)) for code, _ in self._steps.values())

    @property
    def never(self) -> list[str]:
        """What nothing took, in the order of the lines: "the `except` in line 9"."""
        files = {code.co_filename for code, _ in self._steps.values()}
        found = [one for file in sorted(files) for one in sorted(self._never_in(file))]
        several = self.functions > 1
        return [f"{said} of `{name}`" if several else said for _, said, name in found]

    def _never_in(self, file: str) -> Iterator[tuple[int, str, str]]:
        """Its line, what it is, and the function."""
        try:
            tree = ast.parse("".join(linecache.getlines(file)))
        except SyntaxError:
            return
        written = {(node.name, _first(node)): node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)}
        for code, steps in self._steps.values():
            node = written.get((code.co_name, code.co_firstlineno)) if code.co_filename == file else None
            if node is not None:
                yield from ((*one, code.co_name) for one in _Branches(steps, _lines(code)).never(node.body))


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _watcher(steps: set[tuple[int, int]], line: int, instructions: bytes) -> Callable[..., Any]:
    """The trace function of one frame: it is called at each step until the function waits or ends."""
    last = line

    def watch(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal last
        if event == "line":
            steps.add((last, frame.f_lineno))
            last = frame.f_lineno
        elif event == "exception" and arg[0] is not StopIteration:  # by which what was awaited returns
            last = OUT
        elif instructions[frame.f_lasti] in _RETURNS:
            steps.add((last, OUT))
        return watch

    return watch


def _first(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _lines(code: CodeType) -> set[int]:
    """The lines that have something to run, without the first, which only begins it."""
    return {line for _, _, line in code.co_lines() if line} - {code.co_firstlineno}


class _Branches:
    """Finds the branches of one function that no run took, each with its line. The function's steps and lines are
    known."""

    def __init__(self, steps: set[tuple[int, int]], lines: set[int]) -> None:
        self._steps, self._lines = steps, lines
        self._ran = {line for step in steps for line in step}

    def never(self, body: list[ast.stmt]) -> Iterator[tuple[int, str]]:
        """Among statements of which the first was reached."""
        for statement in body:
            if not self._reached(statement):
                yield statement.lineno, f"line {statement.lineno}"
                return
            yield from self._within(statement)

    def _within(self, it: ast.stmt) -> Iterator[tuple[int, str]]:
        if isinstance(it, ast.If):
            yield from self._if(it)
        elif isinstance(it, ast.For | ast.AsyncFor | ast.While):
            yield from self._part(it.body, it.lineno, f"the `{'while' if isinstance(it, ast.While) else 'for'}`")
        elif isinstance(it, ast.With | ast.AsyncWith):
            yield from self.never(it.body)
        elif isinstance(it, ast.Try | ast.TryStar):
            yield from self.never(it.body)
            for handler in it.handlers:
                yield from self._part(handler.body, handler.lineno, "the `except`")
            yield from self.never(it.finalbody)
        elif isinstance(it, ast.Match):
            for case in it.cases:
                yield from self._part(case.body, case.pattern.lineno, "the `case`")

    def _if(self, it: ast.If) -> Iterator[tuple[int, str]]:
        inside = range(it.body[0].lineno, (it.body[-1].end_lineno or 0) + 1)
        tests = range(it.lineno, (it.test.end_lineno or it.lineno) + 1)
        if inside[0] in tests:
            return  # all in one line: which way it went cannot be told from lines
        yield from self._part(it.body, it.lineno, "the `if`")
        if it.orelse:
            otherwise = it.orelse[0]
            chained = isinstance(otherwise, ast.If) and otherwise.col_offset == it.col_offset
            if chained and self._reached(otherwise):
                yield from self._within(otherwise)
            else:
                yield from self._part(it.orelse, it.lineno, "the `else` of the `if`")
        elif self._reached(it.body[0]) and not any(
            one in tests and to not in tests and to not in inside for one, to in self._steps
        ):
            yield it.lineno, f"the way around the `if` in line {it.lineno}"

    def _part(self, body: list[ast.stmt], line: int, name: str) -> Iterator[tuple[int, str]]:
        if body[0].lineno == line:
            return
        if self._reached(body[0]):
            yield from self.never(body)
        else:
            yield line, f"{name} in line {line}"

    def _reached(self, it: ast.stmt) -> bool:
        """Did it run, or is there nothing to run?"""
        own = self._lines & set(range(it.lineno, (it.end_lineno or it.lineno) + 1))
        return not own or not own.isdisjoint(self._ran)


def told_of(reached: Reached, *, all_seen: bool) -> str:
    """`each line and branch of your code was reached`, or what was not. `all_seen`: what was watched has everything
    that could have happened."""
    never, (ran, lines) = reached.never, reached.lines
    if not never:
        each = "the one line" if lines == 1 else f"each of the {lines:,} lines"
        return f"{each} of your code ran" if ran == lines > 0 else ""
    more = [f"{len(never) - NAMED:,} more"] if len(never) > NAMED else []
    what = either([*never[:NAMED], *more])
    if all_seen:
        return f"no schedule took {what}"
    if reached.runs == 1:
        return f"the one schedule that was watched line by line did not take {what}"
    return f"none of the {reached.runs:,} schedules that were watched line by line took {what}"
