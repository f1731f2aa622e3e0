"""Two answers as code: what stands in one and not in the other, whatever the comments and the layout."""

from __future__ import annotations

import ast
import difflib
import linecache
import textwrap
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from course_lib.grading.answer import function_of

Alike = Literal["same", "names", "no"]
ENOUGH = 0.5
"""The least share of equal lines with which a line-by-line comparison is readable."""


class Line(NamedTuple):
    """A line of the comparison: `mark` is "−" if only yours has it, "+" if only the other has it, or a blank."""

    mark: str
    text: str


def source_of(answer: Any, name: str) -> str:
    """The code of an answer without comments: its definition, and what that uses of the same cell. The value of an
    answer that is not code. Empty where the code cannot be had."""
    function = function_of(answer)
    if function is None:
        return "" if callable(answer) else tidy(f"{name} = {answer!r}")
    code = function.__code__
    return definition("".join(linecache.getlines(code.co_filename)), line=code.co_firstlineno)


def definition(cell: str, *, line: int = 0, name: str = "") -> str:
    """Of a cell: the statement at that line, or the one that binds the name, with those of the cell that it uses."""
    try:
        body = ast.parse(cell).body
    except SyntaxError:
        return ""
    wanted = [each for each in body if name in _bound(each) or _first(each) <= line <= (each.end_lineno or 0)][-1:]
    for chosen in wanted:  # which grows meanwhile
        used = {node.id for node in ast.walk(chosen) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        wanted += [each for each in body if each not in wanted and used & _bound(each)]
    return "\n".join(_written(each) for each in body if each in wanted)


def tidy(code: str) -> str:
    """Code in one layout, without comments. A text that is not code stays as it is."""
    try:
        return "\n".join(map(_written, ast.parse(code).body))
    except SyntaxError:
        return code


def alike(one: str, other: str) -> Alike:
    """Are they the same, or the same but for the names of variables?"""
    if one == other:
        return "same"
    return "names" if _renamed(one) == _renamed(other) else "no"


def line_by_line(one: str, other: str) -> list[Line]:
    """All lines of both, each marked; none where the two have too little in common for that to be read."""
    before, after = one.splitlines(), other.splitlines()
    if difflib.SequenceMatcher(None, before, after, autojunk=False).ratio() < ENOUGH and len(before) + len(after) > 4:
        return []
    found = difflib.ndiff(before, after, linejunk=None, charjunk=None)
    marks = {"-": "−", "+": "+", " ": " "}
    return [Line(marks[line[0]], line[2:]) for line in found if line[0] in marks]


def _first(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement of a cell defines; an import is needed by everybody and shown to nobody."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return {node.id for target in targets if target for node in ast.walk(target) if isinstance(node, ast.Name)}


class _Texts(ast.NodeTransformer):
    """Takes out texts of several lines, such as scripts, which `unparse` would write in one."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.JoinedStr:
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, str) or "\n" not in node.value or '"""' in node.value or "\\" in node.value:
            return node
        self.texts.append(textwrap.dedent(node.value).strip())
        return ast.Name(f"_text_{len(self.texts) - 1}_", ast.Load())


def _written(statement: ast.stmt) -> str:
    """Without docstrings and annotations, in the layout of `unparse`."""
    copied = ast.parse(ast.unparse(statement))
    for node in list(ast.walk(copied)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(node, False):
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    texts = _Texts()
    written = ast.unparse(texts.visit(copied))
    for number, text in enumerate(texts.texts):
        written = written.replace(f"_text_{number}_", f'"""\n{text}\n"""')
    return written


def _renamed(code: str) -> str:
    """Variables and functions named by their order. Arguments and what belongs to an object keep their names."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return code
    names = {name: f"v{number}" for number, name in enumerate(dict.fromkeys(_variables(tree)))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        elif isinstance(node, ast.ExceptHandler | ast.FunctionDef | ast.AsyncFunctionDef) and node.name:
            node.name = names.get(node.name, node.name)
    return ast.unparse(tree)


def _variables(tree: ast.Module) -> Iterator[str]:
    yield from (each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
