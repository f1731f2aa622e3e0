"""Mutants of Python: one change in the code between a cell's solution markers, or in a module.

Left alone are what no run can tell: annotations, docstrings, and the digits that a sentence shows.
"""

from __future__ import annotations

import ast
import copy
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import zip_longest
from typing import Any, NamedTuple

from .lua import is_script, script_mutants

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


class Mutant(NamedTuple):
    """`id` says what was changed, by its text: it stays the same when other lines change. `line` is the statement's."""

    id: str
    source: str
    line: int = 0


TYPES = {"dict", "list", "set", "frozenset", "tuple", "type", "deque", "OrderedDict", "Counter", "Callable", "Generic"}
Operator = Callable[[Any], Iterator[ast.AST]]
OPERATORS: dict[type[ast.AST], list[tuple[str, Operator]]] = {}


def operator(name: str, *kinds: type[ast.AST]) -> Callable[[Operator], Operator]:
    """Register what yields the replacements of a node of these kinds."""

    def register(function: Operator) -> Operator:
        for kind in kinds:
            OPERATORS.setdefault(kind, []).append((name, function))
        return function

    return register


def altered(node: ast.AST, **fields: Any) -> ast.AST:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def without(items: list[Any], at: int) -> list[Any]:
    return [*items[:at], *items[at + 1 :]]


def swapped(items: list[Any], at: int) -> list[Any]:
    return [*items[:at], items[at + 1], items[at], *items[at + 2 :]]


# -- conditions -------------------------------------------------------------------------------------------------------

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip


@operator("compare", ast.Compare)
def comparisons(node: ast.Compare) -> Iterator[ast.AST]:
    for at, op in enumerate(node.ops):
        for other in COMPARISONS[type(op)]:
            yield altered(node, ops=[*node.ops[:at], other(), *node.ops[at + 1 :]])


@operator("boolean", ast.BoolOp)
def booleans(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield altered(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for at in range(len(node.values)):
        rest = without(node.values, at)
        yield rest[0] if len(rest) == 1 else altered(node, values=rest)


@operator("negation", ast.UnaryOp)
def negations(node: ast.UnaryOp) -> Iterator[ast.AST]:
    yield node.operand


@operator("condition", ast.If, ast.IfExp)
def conditions(node: ast.If | ast.IfExp) -> Iterator[ast.AST]:
    for always in (True, False):
        yield altered(node, test=ast.Constant(always))


@operator("drop filter", ast.comprehension)
def filters(node: ast.comprehension) -> Iterator[ast.AST]:
    for at in range(len(node.ifs)):
        yield altered(node, ifs=without(node.ifs, at))


# -- values -----------------------------------------------------------------------------------------------------------


@operator("constant", ast.Constant)
def constants(node: ast.Constant) -> Iterator[ast.AST]:
    """The other bool; for a number one more, one less, ten times, a tenth, and 1 for a factor; no text."""
    value: Any = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield from map(ast.Constant, [value + 1, value - 1, *([value * 10] if value > 1 else [])])
    elif isinstance(value, float):
        yield from map(ast.Constant, [value * 10, value / 10])
    elif isinstance(value, (str, bytes)) and value:
        yield ast.Constant(value[:0])
    if value in (1_000, 1_000_000):
        yield ast.Constant(1)


@operator("drop text", ast.JoinedStr)
def texts(node: ast.JoinedStr) -> Iterator[ast.AST]:
    for at in range(len(node.values)):
        yield altered(node, values=without(node.values, at))


ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
}  # fmt: skip


@operator("arithmetic", ast.BinOp)
def arithmetic(node: ast.BinOp) -> Iterator[ast.AST]:
    if other := ARITHMETIC.get(type(node.op)):
        yield altered(node, op=other())


@operator("assign", ast.AugAssign)
def assigns(node: ast.AugAssign) -> Iterator[ast.AST]:
    yield ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)


@operator("element", ast.List, ast.Tuple, ast.Set)
def elements(node: ast.List | ast.Tuple | ast.Set) -> Iterator[ast.AST]:
    """Dropped, or in another place; what is assigned to is left alone."""
    if isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and len(node.elts) > 1:
        yield from (altered(node, elts=without(node.elts, at)) for at in range(len(node.elts)))
        swaps = 0 if isinstance(node, ast.Set) else len(node.elts) - 1
        yield from (altered(node, elts=swapped(node.elts, at)) for at in range(swaps))


@operator("slice", ast.Slice)
def slices(node: ast.Slice) -> Iterator[ast.AST]:
    yield from (altered(node, **{side: None}) for side in ("lower", "upper") if getattr(node, side) is not None)


# -- calls ------------------------------------------------------------------------------------------------------------

CALLS = {
    "round": "int", "int": "round", "max": "min", "min": "max", "any": "all", "all": "any", "sorted": "list",
    "find": "rfind", "fullmatch": "match", "unlink": "delete",
}  # fmt: skip


@operator("call", ast.Call)
def calls(node: ast.Call) -> Iterator[ast.AST]:
    if isinstance(node.func, ast.Name) and (other := CALLS.get(node.func.id)):
        yield altered(node, func=ast.Name(other), keywords=[] if other == "list" else node.keywords)
    elif isinstance(node.func, ast.Attribute) and (other := CALLS.get(node.func.attr)):
        yield altered(node, func=altered(node.func, attr=other))


@operator("argument", ast.Call)
def arguments(node: ast.Call) -> Iterator[ast.AST]:
    yield from (altered(node, keywords=without(node.keywords, at)) for at in range(len(node.keywords)))
    if len(node.args) > 1:
        yield from (altered(node, args=without(node.args, at)) for at in range(len(node.args)))
        yield from (altered(node, args=swapped(node.args, at)) for at in range(len(node.args) - 1))


@operator("pattern", ast.Call)
def patterns(node: ast.Call) -> Iterator[ast.AST]:
    """A regular expression without one of its characters."""
    if not ast.unparse(node.func).startswith("re.") or not isinstance(node.args[0], ast.Constant):
        return
    pattern = str(node.args[0].value)
    for match in re.finditer(r"\\.|.", pattern):
        shorter = pattern[: match.start()] + pattern[match.end() :]
        try:
            re.compile(shorter)
        except re.error:
            continue
        yield altered(node, args=[ast.Constant(shorter), *node.args[1:]])


@operator("await", ast.Await)
def awaits(node: ast.Await) -> Iterator[ast.AST]:
    yield node.value


# -- statements -------------------------------------------------------------------------------------------------------


@operator("drop statement", ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.Raise, ast.Break, ast.Continue)
@operator("drop statement", ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.AsyncWith)
def statements(node: ast.stmt) -> Iterator[ast.AST]:
    yield ast.copy_location(ast.Pass(), node)


@operator("result", ast.Return)
def results(node: ast.Return) -> Iterator[ast.AST]:
    yield altered(node, value=None)


@operator("jump", ast.Break, ast.Continue)
def jumps(node: ast.Break | ast.Continue) -> Iterator[ast.AST]:
    yield ast.copy_location(ast.Continue() if isinstance(node, ast.Break) else ast.Break(), node)


@operator("once", ast.For, ast.AsyncFor, ast.While)
def loops(node: ast.For | ast.AsyncFor | ast.While) -> Iterator[ast.AST]:
    yield altered(node, body=[*node.body, ast.Break()])


@operator("except", ast.ExceptHandler)
def widened(node: ast.ExceptHandler) -> Iterator[ast.AST]:
    yield from (altered(node, type=ast.Name(name)) for name in ("Exception", "BaseException"))


@operator("unprotected", ast.Try)
def unprotected(node: ast.Try) -> Iterator[ast.AST]:
    """No handler; no finally, so that what it does is skipped when something is raised."""
    yield ast.copy_location(ast.If(ast.Constant(True), [*node.body, *node.finalbody], []), node)


# -- all of them ------------------------------------------------------------------------------------------------------


def mutants(source: str) -> list[Mutant]:
    """In the order of the source. Those with the same text are told apart by (2), (3), … after it."""
    tree, marked = ast.parse(source), _marked(source)
    original = ast.unparse(tree)
    found: dict[str, tuple[str, int]] = {}
    for statement, node, put in _places(tree):
        if statement.lineno not in marked:
            continue
        for name, change, new in _replacements(node):
            put(new)
            text = ast.unparse(tree)
            put(node)
            if text != original:
                id = f"{name}: {change or _difference(original, text)}".replace('"', "'")
                found.setdefault(text, (id, statement.lineno))
    seen: Counter[str] = Counter()
    result = []
    for text, (id, line) in found.items():
        seen[id] += 1
        result.append(Mutant(f"{id} ({seen[id]})" if seen[id] > 1 else id, text, line))
    return result


def _marked(source: str) -> set[int]:
    """The lines between markers; all lines if there are none."""
    inside, marked, lines = False, set(), source.splitlines()
    for number, line in enumerate(lines, 1):
        if line.strip() in (BEGIN, END):
            inside = line.strip() == BEGIN
        elif inside:
            marked.add(number)
    return marked or set(range(1, len(lines) + 1))


Put = Callable[[ast.AST], None]


def _places(tree: ast.Module) -> Iterator[tuple[ast.stmt, ast.AST, Put]]:
    """Each node within a statement, with the statement and what puts another in its place."""

    def below(parent: ast.AST, statement: ast.stmt | None) -> Iterator[tuple[ast.stmt, ast.AST, Put]]:
        for field, value in ast.iter_fields(parent):
            if field in ("format_spec", "annotation", "returns") or (field == "slice" and _is_type(parent)):
                continue
            for at, node in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(node, ast.AST) and not _is_docstring(node):
                    nearest = node if isinstance(node, ast.stmt) else statement
                    if nearest is not None and parent is not tree:  # what the cell defines is always defined
                        yield nearest, node, partial(_put, parent, field, at if isinstance(value, list) else None)
                    yield from below(node, nearest)

    return below(tree, None)


def _is_type(node: ast.AST) -> bool:
    """Such as `dict[str, int]`, where it is called."""
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in TYPES


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _put(parent: ast.AST, field: str, at: int | None, node: ast.AST) -> None:
    if at is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[at] = node


def _replacements(node: ast.AST) -> Iterator[tuple[str, str, ast.AST]]:
    """The operator's name, what it changes where a difference of lines would not say it, and the new node."""
    if isinstance(node, ast.Constant) and is_script(node.value):
        for name, before, after, script in script_mutants(str(node.value)):
            yield name, f"{before} → {after}".rstrip(), ast.Constant(script)
        return
    for name, replace in OPERATORS.get(type(node), []):
        for new in replace(node):
            yield name, ast.unparse(node).partition("\n")[0] if name == "once" else "", new


def _difference(before: str, after: str) -> str:
    """The first line that differs, as it was and as it is."""
    pairs = zip_longest(before.splitlines(), after.splitlines(), fillvalue="")
    old, new = next((old, new) for old, new in pairs if old != new)
    return f"{old.strip()} → {new.strip()}"
