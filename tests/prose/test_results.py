"""What an experiment shows as its result is read by learners: words, not the angle brackets of a Python object."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from course_lib import lessons

EXPERIMENTS = sorted(Path(lessons.__file__).parent.glob("*/experiment_*.py"))


def shown(source: str) -> list[str]:
    """The fixed text with which each `__repr__` of a module's classes begins what it returns."""
    methods = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    returned = [
        node.value
        for one in methods
        if one.name == "__repr__"
        for node in ast.walk(one)
        if isinstance(node, ast.Return)
    ]
    first = [next((n.value for n in ast.walk(value) if isinstance(n, ast.Constant)), "") for value in returned if value]
    return [text for text in first if isinstance(text, str)]


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_result_is_shown_in_words(path: Path) -> None:
    assert [text for text in shown(path.read_text(encoding="utf-8")) if text.startswith("<")] == []


def test_an_object_in_brackets_is_found() -> None:
    """The control: what a class's result once looked like."""
    assert shown("class A:\n    def __repr__(self):\n        return f'<{self.n} reads>'") == ["<"]
