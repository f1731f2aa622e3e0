"""Which cell is the answer to which exercise, also where cells were copied, moved, renamed or deleted.

The rule: the last cell with the exercise's nbgrader id that defines the answer's name and was changed. If there is
none, the last other cell that defines that name, and of another exercise's cells only where its own is gone. If there
is none either, whatever stands in the exercise's own cell.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from course_lib.grading.batch.handout import Asked, Lesson
from course_lib.grading.batch.judge_interface import Cell
from course_lib.grading.batch.magics import as_python, parsed
from course_lib.grading.batch.notebook_file import Notebook, RawCell, few
from course_lib.grading.exercise import grade_id
from course_lib.words import listed

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True)
class Submission:
    """The code cells of a notebook in order, the exercises of which an answer was found, and remarks for its author.
    Of those found, `untouched` are cells as they were handed out."""

    cells: tuple[Cell, ...]
    found: tuple[str, ...]
    remarks: tuple[str, ...]
    untouched: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Code:
    """A code cell, as plain Python, and the names that it defines."""

    raw: RawCell
    source: str
    names: frozenset[str]


def submission(notebook: Notebook, lesson: Lesson) -> Submission:
    """The answers of one lesson's notebook."""
    remarks = list(notebook.remarks)
    code = [_code(raw, remarks) for raw in notebook.cells if raw.is_code]
    own = {one.exercise: [cell for cell in code if _belongs(cell.raw, one)] for one in lesson.asked}
    claimed = {cell.raw.number for cells in own.values() for cell in cells}
    places: dict[str, int] = {}
    for asked in lesson.asked:
        defining = [cell for cell in code if asked.answer in cell.names]
        others = [cell for cell in defining if cell.raw.number not in claimed]
        if not others and not own[asked.exercise]:
            others = defining  # such as one that was merged with the cell of another exercise
        number = _place(asked, own[asked.exercise], others, notebook, remarks)
        if number is not None:
            places[asked.exercise] = number
    if list(places.values()) != sorted(places.values()):
        order = [id for id, _ in sorted(places.items(), key=lambda item: item[1])]
        remarks.append(f"The answers stand in another order than they were handed out: {listed(order)}.")
    # A cell with several answers, as "Merge Cells" makes it, stands there once for each.
    whose = {cell.raw.number: [id for id in places if places[id] == cell.raw.number] for cell in code}
    none: list[str | None] = [None]
    cells = tuple(Cell(cell.source, id) for cell in code for id in whose[cell.raw.number] or none)
    stubs = {one.exercise: one.stub for one in lesson.asked}
    untouched = tuple(cell.exercise for cell in cells if cell.exercise and _same(cell.source, stubs[cell.exercise]))
    return Submission(cells, tuple(places), few(remarks), untouched)


def _place(asked: Asked, own: list[_Code], others: list[_Code], notebook: Notebook, remarks: list[str]) -> int | None:
    """The number of the cell that counts."""
    changed = [cell for cell in own if asked.answer in cell.names and not _same(cell.source, asked.stub)]
    chosen = next(reversed(changed or others or own), None)
    if chosen is None:
        text = next((raw.number for raw in notebook.cells if _belongs(raw, asked)), None)
        how = "was deleted" if text is None else f"was turned into a text cell (cell {text})"
        remarks.append(f"{asked.exercise}: its cell {how}, and no other cell defines `{asked.answer}`.")
        return None
    number = chosen.raw.number
    if len(own) > 1:
        places = listed([str(cell.raw.number) for cell in own])
        claim = "both claim" if len(own) == 2 else "all claim"
        remarks.append(f"{asked.exercise}: cells {places} {claim} to be its answer; cell {number} counts.")
    if chosen not in own:
        why = "its own cell is empty or defines another name" if own else "its own cell is gone or has lost its id"
        remarks.append(f"{asked.exercise}: {why}, so cell {number} counts, which defines `{asked.answer}`.")
    elif not chosen.raw.grade_id:
        remarks.append(f"{asked.exercise}: the cell has lost its nbgrader id, and was recognized by its own id.")
    if asked.answer not in chosen.names:
        remarks.append(f"{asked.exercise}: cell {number} does not define `{asked.answer}`.")
    return number


def _belongs(raw: RawCell, asked: Asked) -> bool:
    """By nbgrader's id, also as notebooks of an earlier edition have it; by the cell's own where that is lost."""
    if raw.grade_id:
        return raw.grade_id in (grade_id(asked.exercise), asked.exercise)
    return raw.cell_id == f"answer-{grade_id(asked.exercise)}"


def _code(raw: RawCell, remarks: list[str]) -> _Code:
    source, removed = as_python(raw.source)
    if removed:
        what = listed([f"`{line[:60]}`" for line in removed[:5]])
        remarks.append(f"Cell {raw.number}: only a notebook understands {what}, which was left out.")
    tree = parsed(source)
    if isinstance(tree, str):
        remarks.append(f"Cell {raw.number} is not Python ({tree}).")
        return _Code(raw, source, frozenset())
    return _Code(raw, source, frozenset(_defined(tree)))


def _defined(tree: ast.AST) -> Iterator[str]:
    """Names that the cell binds at its margin, also within `if`, `try` and the like."""
    ahead = list(ast.iter_child_nodes(tree))
    while ahead:
        node = ahead.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.alias():
                yield node.asname or node.name.partition(".")[0]
        if not isinstance(node, SCOPES):
            ahead += ast.iter_child_nodes(node)


def _same(source: str, stub: str) -> bool:
    return source.split() == stub.split()
