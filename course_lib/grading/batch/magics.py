"""Lines that only IPython understands (`%time`, `!pip install …`, `name?`), taken out of a cell.

IPython itself says what such a line means. What it would call is not there when an answer is judged, so that call
becomes None; the body of a cell under `%%time` and the like stays, as it is ordinary code.
"""

from __future__ import annotations

import ast
import warnings
from functools import cache
from typing import Any

KEPT = {"time", "timeit", "capture", "prun"}
"""Cell magics that run the cell as it is, and only measure it."""
DEEPEST = 50
"""How deep cell magics can be nested, and how many other lines are taken out."""


def parsed(source: str) -> ast.Module | str:
    """The cell's syntax tree; or why it is not Python, in words."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is odd in the code, such as "\\d"
            return ast.parse(source)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}" if error.lineno else str(error.msg)
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error).partition("\n")[0] or "it is nested too deeply"


def as_python(source: str) -> tuple[str, tuple[str, ...]]:
    """The cell as plain Python, line for line, and what was left out. A line that Python cannot read stays as it is."""
    if not isinstance(parsed(source), str):
        return source, ()
    removed: list[str] = []
    plain = _without(source, removed)
    return (plain, tuple(removed)) if plain is not None else (source, ())


def _without(source: str, removed: list[str]) -> str | None:
    """None where the cell is not even a cell of IPython."""
    try:
        text: str = _manager().transform_cell(source)
    except Exception:  # IPython raises what its tokenizer raises, and that is anything
        return None
    tree = parsed(text)
    if isinstance(tree, str):
        return None
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _of_ipython(node)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset), reverse=True):
        given = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        if call.func.attr == "run_cell_magic" and len(given) == 3:  # type: ignore[attr-defined]
            return _body(given, removed)
        shown = "!" if call.func.attr in ("system", "getoutput") else "%"  # type: ignore[attr-defined]
        removed.append(f"{shown}{' '.join(given)}".strip())
        text = _replaced(text, call)
    return text


def _body(given: list[str], removed: list[str]) -> str | None:
    name, line, body = given
    removed.append(f"%%{name} {line}".strip())
    if len(removed) > DEEPEST:
        return None
    if name not in KEPT:
        return "\n" * (body.count("\n") + 1)
    inner = _without(body, removed)
    return None if inner is None else f"\n{inner}"


def _replaced(text: str, call: ast.Call) -> str:
    """The text with None in place of a call. All lines keep their places."""
    lines = text.splitlines(keepends=True)
    first, last = call.lineno - 1, (call.end_lineno or call.lineno) - 1
    head = lines[first].encode()[: call.col_offset].decode()
    tail = lines[last].encode()[call.end_col_offset or 0 :].decode()
    lines[first : last + 1] = [f"{head}None{tail}", *["\n"] * (last - first)]
    return "".join(lines)


def _of_ipython(call: ast.Call) -> bool:
    match call.func:
        case ast.Attribute(value=ast.Call(func=ast.Name("get_ipython"), args=[])):
            return call.func.attr in ("run_line_magic", "run_cell_magic", "system", "getoutput")
    return False


@cache
def _manager() -> Any:
    from IPython.core.inputtransformer2 import TransformerManager  # only now: it takes a quarter of a second

    return TransformerManager()  # type: ignore[no-untyped-call]
