"""A deck as steps: what is on each slide, and what its note says to say and to press."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.views.picture import escape

DECKS = Path(__file__).resolve().parents[2] / "notebooks" / "decks"
SLIDES = ("slide", "subslide")
MINUTES = re.compile(r"^\*\*\w+ \((\d+) minutes?\)\.\*\*")


class NoDeck(CourseError):
    """There is no such deck, or the kernel is not one of a deck; the sentence says which there are."""


@dataclass(frozen=True, slots=True)
class Step:
    """A slide. `cells` are the places of its cells in the notebook, with those of what belongs to it.

    Units: `minutes` that its notes give it.
    """

    title: str
    cells: tuple[int, ...]
    notes: tuple[str, ...]
    minutes: int

    @property
    def html(self) -> str:
        """The notes."""
        said = "".join(f"<p>{_marked(part)}</p>" for note in self.notes for part in note.split("\n\n"))
        return said or "<p>There is no note.</p>"


def steps_of(path: Path) -> list[Step]:
    """The steps of a deck. Raises: NoDeck where it has no slides."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    groups: list[list[int]] = []
    for place, cell in enumerate(cells):
        if _kind(cell) in SLIDES:
            groups.append([])
        if groups:
            groups[-1].append(place)
    if not groups:
        raise NoDeck(f"{path.name} has no slides: a deck is a notebook of notebooks/decks.")
    return [_step(cells, places) for places in groups]


def deck_of(name: str = "") -> Path:
    """The deck with that name, or number; without one, that of this kernel's notebook. Raises: NoDeck."""
    asked = name or Path(os.environ.get("JPY_SESSION_NAME", "")).stem
    found = [path for path in sorted(DECKS.glob("*.ipynb")) if asked and path.stem.startswith(asked)]
    if len(found) != 1:
        there = ", ".join(path.stem for path in sorted(DECKS.glob("*.ipynb")))
        raise NoDeck(f"{asked or 'This kernel'} is not a deck: name one of {there}.")
    return found[0]


def _step(cells: list[dict[str, Any]], places: list[int]) -> Step:
    notes = tuple("".join(cells[place]["source"]) for place in places if _kind(cells[place]) == "notes")
    minutes = [int(found[1]) for note in notes if (found := MINUTES.match(note))]
    return Step(_title(cells[places[0]]), tuple(places), notes, sum(minutes))


def _kind(cell: dict[str, Any]) -> str:
    return str(cell["metadata"].get("slideshow", {}).get("slide_type", ""))


def _title(cell: dict[str, Any]) -> str:
    """A heading; of code the text that it shows, or else the name of the cell."""
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return text.strip().splitlines()[0].lstrip("# ")
    quoted = re.search(r'(?:title=|hands\(\s*)f?"([^"]+)"', text)
    return quoted[1] if quoted else str(cell.get("id", "code"))


def _marked(text: str) -> str:
    """Bold, italics and code, which is all that notes have."""
    html = escape(text).replace("\n", " ")
    for sign, tag in ((r"\*\*", "b"), (r"\*", "i"), ("`", "code")):
        html = re.sub(f"{sign}(.+?){sign}", rf"<{tag}>\1</{tag}>", html)
    return html
