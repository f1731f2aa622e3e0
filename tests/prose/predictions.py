"""Every prediction of a lesson: the text before it, its options, and which of them is right.

What is right is found by making the run that the question holds back. Of the notebook only those statements run that
this one prediction rests on, in the notebook's order.
"""

from __future__ import annotations

import ast
import builtins
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from .texts import cells, plain, source


class Question(NamedTuple):
    """A question as a lesson asks it. `before` is what the reader has read: the opening, and its own section so far."""

    cell: str
    asks: str
    options: Sequence[str]
    unit: str
    before: str


def questions(path: Path) -> list[Question]:
    """All predictions of a notebook, in order; nothing is run."""
    found = []
    for cell in cells(path):
        calls = [node for node in ast.walk(ast.parse(cell.text)) if _asks(node)] if cell.kind == "code" else []
        for call in calls:
            assert isinstance(call, ast.Call)
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            options = _strings(getattr(given.get("choices"), "keys", None) or getattr(given.get("choices"), "elts", []))
            unit, asks = " ".join(_strings([given.get("unit")])), " ".join(_strings(call.args))
            found.append(Question(cell.id, asks, options, unit, _before(path, cell.id)))
    return found


def bare_numbers(source: str) -> list[str]:
    """The questions of a cell whose options are conditions on a number, and that do not say in which unit it is."""
    found = []
    for call in filter(_asks, ast.walk(ast.parse(source))):
        assert isinstance(call, ast.Call)
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if "unit" not in given and any(map(_on_a_number, ast.walk(given.get("choices", ast.Constant(0))))):
            found.append(" ".join(_strings(call.args)))
    return found


def _on_a_number(node: ast.AST) -> bool:
    """Whether this is `lambda n: n < 5` or the like: what happened is told as a number."""
    if not isinstance(node, ast.Lambda) or not node.args.args:
        return False
    sides = [
        side for one in ast.walk(node.body) if isinstance(one, ast.Compare) for side in (one.left, *one.comparators)
    ]
    named = any(isinstance(side, ast.Name) and side.id == node.args.args[0].arg for side in sides)
    return named and any(isinstance(side, ast.Constant) and type(side.value) in (int, float) for side in sides)


def _asks(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "predict"


def _strings(nodes: Sequence[ast.AST | None]) -> list[str]:
    """The text of each: of an f-string what is fixed in it."""
    return [
        "".join(one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str))
        for node in nodes
        if node is not None
    ]


def _before(path: Path, cell: str) -> str:
    notebook = cells(path)
    place = next(number for number, one in enumerate(notebook) if one.id == cell)
    seen = [one for one in notebook[:place] if one.section in ("", notebook[place].section)]
    comments = [line for one in seen if one.kind == "code" for line in re.findall(r"#\s(.*)", one.text)]
    return plain("\n\n".join([*(one.text for one in seen if one.kind == "markdown"), *comments]))


def truth(path: Path, cell: str) -> list[str] | float:
    """What is right: the options that come true, or the number. No real server is started; records stand in."""
    names: dict[str, Any] = {"display": lambda *shown: None}
    found: list[list[str] | float] = []

    def predict(
        question: str,
        *,
        run: Callable[[], Any],
        choices: Mapping[str, Callable[[Any], bool]] | Sequence[str] | None = None,
        measure: Callable[[Any], Any] = lambda outcome: outcome,
        **_: Any,
    ) -> None:
        value = measure(run())
        if choices is None:
            found.append(float(value))
        elif isinstance(choices, Mapping):
            found.append([option for option, allows in choices.items() if allows(value)])
        else:
            found.append([value])

    with patch.dict(os.environ, {"COURSE_REDIS": "/nowhere/redis-server"}), patch("builtins.print"):
        for statement in needed(path, cell):
            names["predict"] = predict
            exec(compile(ast.Module([statement], []), f"{path.name}, {cell}", "exec"), names)
    (answer,) = found
    return answer


def needed(path: Path, cell: str) -> list[ast.stmt]:
    """The statements that the prediction in that cell rests on, in order."""
    before: list[ast.stmt] = []
    for one in source(path):
        if one["cell_type"] == "code":
            before += ast.parse("".join(one["source"])).body
        if one["id"] == cell:
            break
    wanted, kept = {"predict"}, []
    for statement in reversed(before):
        asks = any(map(_asks, ast.walk(statement)))
        if (asks and not kept) or (not asks and wanted & set(made(statement))):
            wanted |= {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)} - set(dir(builtins))
            kept.append(statement)
    return kept[::-1]


def made(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement defines."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in node.names)
