"""Every link in a notebook or a page to a file, a picture or an anchor leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .texts import HEADING, PAGES, ROOT, source, without_fences

LINK = re.compile(r"\]\(([^()\s]+)\)|(?:src|href)=\"([^\"]+)\"")
READ = [
    *PAGES,
    *sorted(path for folder in ("notebooks", "exercises", "solutions") for path in (ROOT / folder).glob("*.ipynb")),
]


def markdown(path: Path) -> str:
    """All Markdown of a page or a notebook."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    return "\n\n".join("".join(cell["source"]) for cell in source(path) if cell["cell_type"] == "markdown")


def anchors(path: Path) -> set[str]:
    """What a link to this page may have behind its #: as GitHub makes them of headings, as JupyterLab does, by id."""
    text = without_fences(markdown(path))
    titles = [re.sub(r"[*`]|\[([^]]*)\]\([^)]*\)", r"\1", found[2]) for found in HEADING.finditer(text)]
    slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    return slugs | {title.replace(" ", "-") for title in titles} | set(re.findall(r"\bid=\"([^\"]+)\"", text))


def broken(path: Path) -> Iterator[str]:
    """The links of a page that lead nowhere in this repository. Those to other sites are not followed."""
    for first, second in LINK.findall(re.sub(r"`[^`\n]*`", "", without_fences(markdown(path)))):
        link = first or second
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("path", READ, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    assert list(broken(path)) == []


def test_a_link_to_nothing_is_found(tmp_path: Path) -> None:
    """The control: a missing file and a missing anchor are found, what is there is not."""
    (tmp_path / "there.md").write_text("# A *first* heading\n<a id='x'></a>\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md#a-first-heading) [b](gone.md) ![c](there.md) [d](there.md#second) [e](https://redis.io) [f](#g)\n"
        "```\n[h](code.md)\n```\n",
        encoding="utf-8",
    )
    assert list(broken(page)) == ["gone.md", "there.md#second", "#g"]
