"""No module is compiled while a visitor waits."""

from __future__ import annotations

from course_lib.lite.byte_code import added, replaced

from .machine import built, in_the_browsers_python

FILES = {"own/a.py": b"source", "own/b.py": b"never imported", "own/words.toml": b"words"}
CODE = {"/site/own/a.py": b"code", "/site/other.py": b"another package's"}


def test_byte_code_stands_where_python_looks_for_it() -> None:
    apart = {name: text for name, text in FILES.items() if name != "own/a.py"}
    assert replaced(FILES, CODE, "/site") == {**apart, "own/a.pyc": b"code"}
    assert added(FILES, CODE, "/site") == {**FILES, "own/__pycache__/a.cpython-314.pyc": b"code"}


@built
def test_the_first_cells_of_a_lesson_compile_no_module_and_take_none_for_a_learners() -> None:
    """But those of the tests: a control."""
    assert in_the_browsers_python("lite.imported").splitlines() == ["lite", "lite"]
