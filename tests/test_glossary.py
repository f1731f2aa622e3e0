"""The glossary and the pages that link to it hold together: no link without an entry, no entry that nobody needs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = ROOT / "notebooks" / "GLOSSARY.md"
PAGES = [path for folder in ("notebooks", "exercises", "solutions") for path in (ROOT / folder).glob("[0-9R]*.*")]

AWAITED = {
    *(
        "at-least-once",
        "deadlock",
        "fault injection",
        "history",
        "invalidation",
        "Little's law",
        "mutual exclusion",
        "p50",
    ),
    *("RDB", "schema version", "sleep set", "write-behind", "Zipf"),
}
"""Terms that the lessons which are still being written will use. Every other entry is linked, or at least used."""


def anchor(term: str) -> str:
    """As a link writes it: small letters, dashes for blanks, and no other sign."""
    return re.sub(r"[^\w-]", "", term.lower().replace(" ", "-"))


def entries(page: str) -> dict[str, str]:
    """What each term means. A term whose heading is not its anchor has that above it: JupyterLab keeps capitals."""
    parts = re.split(r'\n(?:<a id="([^"]+)"></a>\n\n)?### (.+)\n', page)
    for given, term in zip(parts[1::3], parts[2::3], strict=True):
        assert (given or term.replace(" ", "-")) == anchor(term), term
    return dict(zip(parts[2::3], map(str.strip, parts[3::3]), strict=True))


def text(path: Path) -> str:
    """What a page says; of a notebook, its cells one after another."""
    page = path.read_text(encoding="utf-8")
    cells = json.loads(page)["cells"] if path.suffix == ".ipynb" else [{"source": [page]}]
    return "\n".join("".join(cell["source"]) for cell in cells)


def faults(page: str, linking: str) -> list[str]:
    """What is wrong with a glossary, and with the links to it in a text."""
    known = entries(page)
    anchors = {anchor(term) for term in known}
    words = " ".join([linking, *known.values()]).casefold()
    found = [f"{link}: no entry" for link in re.findall(r"GLOSSARY\.md#([^)\s]*)\)", linking) if link not in anchors]
    found += [f"{term}: nobody uses it" for term in known if term.casefold() not in words and term not in AWAITED]
    for term, meaning in known.items():
        if len(re.findall(r"[.?!](?=\s|$)", meaning)) != 2:
            found.append(f"{term}: two sentences")
        other = (named for named in re.findall(r"\*([^*]+)\*", meaning))
        found += [f"{term}: {named} has no entry" for named in other if not singular(named) & anchors]
    return found + ["not in order"] * (list(known) != sorted(known, key=anchor))


def singular(word: str) -> set[str]:
    """The anchors that a word in italics can mean: itself, or what it is the plural of."""
    one = anchor(word)
    return {one, one.removesuffix("s"), one.removesuffix("es"), one.removesuffix("ies") + "y"}


def test_links_and_entries_hold_together() -> None:
    assert len(PAGES) > 10
    assert faults(GLOSSARY.read_text(encoding="utf-8"), "\n".join(map(text, PAGES))) == []


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("# G\n\n### hit\n\nFound. Quick.\n", "miss: no entry"),
        ("# G\n\n### hit\n\nFound.\n\n### miss\n\nNot so. Slow.\n", "hit: two sentences"),
        ("# G\n\n### miss\n\nNot so. Slow.\n\n### hit\n\nFound. Quick.\n", "not in order"),
        ("# G\n\n### hit\n\nFound. See *key*.\n\n### miss\n\nNot so. Slow.\n", "hit: key has no entry"),
        (
            "# G\n\n### hit\n\nFound. Quick.\n\n### miss\n\nSo. Slow.\n\n### zeal\n\nMuch. More.\n",
            "zeal: nobody uses it",
        ),
    ],
)
def test_a_fault_of_the_glossary_is_seen(page: str, fault: str) -> None:
    """The control."""
    assert faults(page, "A hit, or a [miss](GLOSSARY.md#miss).") == [fault]


def test_an_anchor_that_jupyterlab_would_not_find_is_seen() -> None:
    """The control: its headings keep their capitals, so a link to `#ttl` needs an anchor of that name."""
    with pytest.raises(AssertionError, match="TTL"):
        entries("# G\n\n### TTL\n\nTime. Live.\n")
