"""The course's prose as text: notebooks by cell and by section, README files, and what explains the code."""

from __future__ import annotations

import ast
import inspect
import io
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tokenize import COMMENT, generate_tokens
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = sorted(
    path
    for pattern in ("*.md", "notebooks/*.md", "solutions/*.md", "course_lib/**/README.md")
    for path in ROOT.glob(pattern)
)
LISTED = re.compile(r"^(?:Units|Raises|Does not|Source): .*(?:\n.+)*", re.MULTILINE)  # parts between semicolons
HEADING = re.compile(r"^(#+) +(.+?) *$", re.MULTILINE)


class Cell(NamedTuple):
    """A cell of a notebook. `further` is whether it stands in a section whose title begins with *Further*."""

    kind: str
    id: str
    text: str
    section: str
    further: bool


def cells(path: Path) -> list[Cell]:
    """Every cell in order, with the section (a heading of the second level) that it stands in; "" before the first.

    A Markdown cell that holds several sections is cut at their headings.
    """
    found: list[Cell] = []
    section, further = "", 0  # the level of the heading that says Further, 0 outside
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        marked = cell["cell_type"] == "markdown"
        parts = re.split(r"^(?=#+ )", without_fences(text), flags=re.MULTILINE) if marked else [text]
        for part in filter(str.strip, parts):
            if marked and (heading := HEADING.match(part)):
                level, title = len(heading[1]), heading[2]
                section = title if level == 2 else section
                if not further or level <= further:
                    further = level if title.startswith("Further") else 0
            found.append(Cell(cell["cell_type"], cell["id"], part, section, bool(further)))
    return found


def without_fences(markdown: str) -> str:
    """Markdown without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", markdown, flags=re.MULTILINE | re.DOTALL)


def plain(markdown: str) -> str:
    """The words of Markdown: no code, no formulas, no addresses, no tags."""
    text = without_fences(markdown)
    text = re.sub(r"\$\$.*?\$\$|<code>.*?</code>|``.+?``|`[^`\n]*`|\$[^$\n]+\$", " x ", text, flags=re.DOTALL)
    text = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"<[^>]+>|https?://\S+", " ", text)


def explained(path: Path) -> Iterator[str]:
    """What explains a Python file: docstrings, those of constants and fields too, and comments."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            text = re.sub(r"^    .*$", "", inspect.cleandoc(node.value.value), flags=re.MULTILINE)  # code
            yield "\n" + LISTED.sub(lambda match: match[0].replace("; ", "\n\n"), text)
    comments = [token for token in generate_tokens(io.StringIO(source).readline) if token.type == COMMENT]
    for before, token in zip([None, *comments], comments, strict=False):
        follows = before is not None and before.start == (token.start[0] - 1, token.start[1])
        follows = follows and not before.string.startswith("# --")  # a heading
        yield ("" if follows else "\n") + token.string.lstrip("# ").rstrip("-")


def prose() -> dict[str, str]:
    """What people read, by the file that it stands in: all that the spelling and the style are judged by."""
    found = {str(path.relative_to(ROOT)): plain(path.read_text(encoding="utf-8")) for path in PAGES}
    for folder in ("notebooks", "solutions"):  # exercises are made from solutions
        for path in sorted((ROOT / folder).glob("*.ipynb")):
            texts = [cell.text if cell.kind == "markdown" else _said(cell.text) for cell in cells(path)]
            found[str(path.relative_to(ROOT))] = plain("\n\n".join(texts))
    for path in sorted((ROOT / "course_lib").rglob("words.toml")):
        found[str(path.relative_to(ROOT))] = plain("\n\n".join(_texts(tomllib.loads(path.read_text()))))
    for path in sorted((ROOT / "course_lib").rglob("*.py")):
        found[str(path.relative_to(ROOT))] = plain("\n".join(explained(path)))
    return found


def _said(code: str) -> str:
    """The strings of a cell of code that are sentences: what it asks and prints."""
    try:
        tree = ast.parse(code)
    except SyntaxError:  # an exercise with a blank
        return ""
    strings = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return "\n\n".join(one for one in strings if one.count(" ") >= 2 and "redis.call" not in one)


def _texts(value: Any) -> Iterator[str]:
    """Every string in what a TOML file holds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def source(path: Path) -> list[dict[str, Any]]:
    """A notebook's cells as they are stored."""
    stored: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return stored
