"""The picture at the head of a lesson is what the course's code draws now, and a lesson that was never run shows it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from .heads import HEADS, as_file, line, stored

LESSONS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.mark.parametrize("number", HEADS)
def test_the_picture_at_the_head_is_what_the_code_draws(number: str) -> None:
    """Else it shows what the code did once, and `python tests/lessons/heads.py` draws it anew."""
    picture = HEADS[number]()
    assert stored(number).read_text(encoding="utf-8") == as_file(picture)
    (path,) = LESSONS.glob(f"{number}_*.ipynb")
    assert line(number, picture) in nbformat.read(path, as_version=4).cells[0].source
