"""Which pages lead to the edition for a browser."""

from __future__ import annotations

from pathlib import Path

from course_lib.website.live import script


def test_a_page_leads_to_the_notebook_that_is_alive_and_none_where_nothing_is_built(tmp_path: Path) -> None:
    for name in ("notebooks/00_first.ipynb", "notebooks/01_servers.md", "exercises/00_first.ipynb"):
        place = tmp_path / "files" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    assert script(tmp_path) == 'const LIVE = ["exercises/00_first", "notebooks/00_first"];\n'
    assert script(tmp_path / "not built") == "const LIVE = [];\n"
