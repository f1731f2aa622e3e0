"""The picture at the head of each lesson: `head()` in its `picture_head` module, kept as notebooks/images/NN_head.svg.

`python -m tests.prose.heads` writes the files anew, and the text alternatives in the notebooks' titles.
"""

from __future__ import annotations

import json
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from course_lib.lessons import LESSONS
from course_lib.lessons.stampedes.picture_before_after import before_after
from course_lib.views.picture import Picture

from .texts import ROOT


def lessons() -> dict[str, str]:
    """The lessons that have such a picture: number, topic."""
    return {n: topic for n, topic in LESSONS.items() if find_spec(f"course_lib.lessons.{topic}.picture_head")}


def picture(number: str) -> Picture:
    """The picture, drawn now."""
    made: Picture = import_module(f"course_lib.lessons.{LESSONS[number]}.picture_head").head()
    return made


def file(number: str) -> Path:
    """Where it is checked in."""
    return ROOT / "notebooks" / "images" / f"{number}_head.svg"


def link(number: str, made: Picture) -> str:
    """How the lesson's first cell shows it."""
    return f"![{made.alt}](images/{file(number).name})"


def title(number: str) -> str:
    """The lesson's first cell."""
    (notebook,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    return "".join(json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["source"])


BOTH = ROOT / "notebooks" / "images" / "before_after.svg"
"""What README.md shows: the crowd of lesson 05, without and with a remedy."""


if __name__ == "__main__":
    import sys

    BOTH.write_text(before_after().as_file(), encoding="utf-8")

    for number in sys.argv[1:] or lessons():
        made = picture(number)
        file(number).write_text(made.as_file(), encoding="utf-8")
        (notebook,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
        shown = json.dumps(link(number, made), ensure_ascii=False)[1:-1]
        before = re.compile(rf"!\[[^\]]*\]\(images/{number}_head\.svg\)")
        text = notebook.read_text(encoding="utf-8")
        notebook.write_text(before.sub(shown.replace("\\", r"\\"), text), encoding="utf-8")
        print(link(number, made))
