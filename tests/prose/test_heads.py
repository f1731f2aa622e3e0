"""A closed notebook shows what breaks: the picture at its head is what the lesson's own code draws, and it speaks."""

from __future__ import annotations

import re

import pytest

from course_lib.lessons.stampedes.picture_before_after import before_after

from .heads import BOTH, file, lessons, link, picture, title
from .texts import ROOT


@pytest.mark.parametrize("number", lessons())
def test_the_picture_at_the_head_is_what_its_code_draws(number: str) -> None:
    """After a change: `python -m tests.prose.heads`, and look at what it drew."""
    made = picture(number)
    assert file(number).read_text(encoding="utf-8") == made.as_file()
    assert link(number, made) in title(number)
    assert re.search(r"\d", made.alt), "the text alternative says the finding in numbers"


def test_the_picture_of_the_whole_course_is_what_its_code_draws() -> None:
    made = before_after()
    assert BOTH.read_text(encoding="utf-8") == made.as_file()
    assert f"![{made.alt}](notebooks/images/{BOTH.name})" in (ROOT / "README.md").read_text(encoding="utf-8")
