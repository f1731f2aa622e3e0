"""What lies open in the browser: each link and picture leads somewhere there, and a lesson that is left out says so."""

from __future__ import annotations

import json
import re
from pathlib import Path

from course_lib.lite.contents import ABSENT, ROOT, stage

LINK = re.compile(r"\]\(([^()\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def links(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return [one or other for one, other in LINK.findall(text)]


def test_every_link_and_picture_is_there(tmp_path: Path) -> None:
    stage(tmp_path / "files")
    pages = [*tmp_path.rglob("*.ipynb"), *tmp_path.rglob("*.md")]
    found = [(page, link) for page in pages for link in links(page)]
    near = [(page, link.partition("#")[0]) for page, link in found if not re.match(r"https?:|mailto:|data:|#", link)]
    assert len(near) > 100
    assert [(page.name, link) for page, link in near if not (page.parent / link).exists()] == []


def test_a_picture_at_the_head_of_a_lesson_is_in_its_text_and_code_is_as_it_was(tmp_path: Path) -> None:
    stage(tmp_path / "files")
    for path in sorted((tmp_path / "files" / "notebooks").glob("[0-9]*.ipynb")):
        cells, before = (
            json.loads(one.read_text(encoding="utf-8"))["cells"] for one in (path, ROOT / "notebooks" / path.name)
        )
        assert "](data:image/svg+xml;base64," in "".join(cells[0]["source"])
        assert [one for one in cells if one["cell_type"] == "code"] == [b for b in before if b["cell_type"] == "code"]
        assert [one["id"] for one in cells] == [one["id"] for one in before]


def test_a_lesson_about_real_servers_says_where_it_runs(tmp_path: Path) -> None:
    stage(tmp_path / "files")
    assert not [path for path in tmp_path.rglob("*.ipynb") if path.name.startswith(ABSENT)]
    assert "real servers" in (tmp_path / "files" / "notebooks" / "01_topologies.md").read_text(encoding="utf-8")
    assert "01_topologies.md" in links(tmp_path / "files" / "notebooks" / "README.md")
