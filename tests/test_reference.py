"""patterns/README.md is made from the docstrings, always in the same bytes, and says of each pattern what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from course_lib.reference import PATTERNS, main, page

SOURCE = '''"""Doors: open and shut.

One paragraph more, with a * and `a | b`.
"""

class Seen(NamedTuple):
    """What was seen."""

    n: int

class Door(Generic[T]):
    """A door that is shut by whoever opened it.

    It | may *stick*.

        >>> door = Door(redis, ttl=1)
        >>> await door.open()
        True

    Units: ttl in seconds,
        0.001 to 1e9.
    Cost: 1 round trip. Raises: BadArgument; what
    the hinge raises.
    Does not: ring.
    """

    def __init__(self, redis: Redis, *, ttl: float = 1.0) -> None: ...

    async def open(self, /, *names: str) -> bool:
        """Open it."""

    @property
    def shut(self) -> bool:
        """Whether it is."""

    def _oil(self) -> None:
        """Nobody's business."""

class Gate(Door):
    """A wider one."""

def undescribed(): ...
'''


def test_the_reference_is_what_the_docstrings_make() -> None:
    """`make reference` would change nothing."""
    assert main(["--check"]) == 0


def test_the_command_fails_on_drift(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The control: a missing page and an edited one are told, and written anew."""
    (tmp_path / "__init__.py").write_text('"""The map."""\n', encoding="utf-8")
    (tmp_path / "doors.py").write_text(SOURCE, encoding="utf-8")
    assert main(["--check"], tmp_path) == 1
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    (tmp_path / "doors.py").write_text(SOURCE.replace("1 round trip", "2 round trips"), encoding="utf-8")
    assert main(["--check"], tmp_path) == 1
    assert "run `make reference`" in capsys.readouterr().err


def test_a_docstring_becomes_a_row_and_a_section(tmp_path: Path) -> None:
    """Promise, cost and module in the table; below, the call, each labeled part, the methods, the example."""
    (tmp_path / "__init__.py").write_text('"""The map."""\n', encoding="utf-8")
    (tmp_path / "doors.py").write_text(SOURCE, encoding="utf-8")
    made = page(tmp_path)
    for said in (
        "| [Door](#door) | A door that is shut by whoever opened it. | 1 round trip. | [doors](doors.py) |",
        "| [Gate](#gate) | A wider one. | as Door | [doors](doors.py) |",
        "## doors.py\n\nDoors: open and shut.\n\nOne paragraph more, with a \\* and `a | b`.",
        "```python\nclass Door(redis: Redis, *, ttl: float=1.0)\n```",
        "It | may \\*stick\\*.\n\n**Units:** ttl in seconds, 0.001 to 1e9.\n\n**Cost:** 1 round trip.\n\n"
        "**Raises:** BadArgument; what the hinge raises.\n\n**Does not:** ring.",
        "- `async def open(*names: str) -> bool`: Open it.\n- `shut: bool`: Whether it is.",
        "```pycon\n>>> door = Door(redis, ttl=1)\n>>> await door.open()\nTrue\n```",
        "```python\nclass Seen(n: int)\n```",
    ):
        assert said in made
    assert "_oil" not in made
    assert "undescribed" not in made
    assert "[Seen]" not in made


def test_every_link_of_the_reference_leads_somewhere() -> None:
    """To a module beside it, or to a heading of its own; and no two headings share an anchor."""
    text = (PATTERNS / "README.md").read_text(encoding="utf-8")
    headings = [re.sub(r"[^\w-]", "", found.lower()) for found in re.findall(r"^#+ (.*)", text, re.MULTILINE)]
    assert len(set(headings)) == len(headings)
    rows = re.findall(r"^\| \[\w+\]\(#(\w+)\).*\]\(([\w.]+)\) \|$", text, re.MULTILINE)
    assert len(rows) > 20
    assert {anchor for anchor, _ in rows} <= set(headings)
    assert all((PATTERNS / module).exists() for _, module in rows)
