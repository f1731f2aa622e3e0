"""The notebooks and pages of the edition in a browser: the same files in the same folders, so that links hold."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

from course_lib.bootstrap import ROOT

ABSENT = ("01", "08")
"""Lessons that are about real servers, of which a browser has none."""
NOT_HERE = """\
# {} is not here

It starts real servers and breaks them, and a browser cannot run a server. Everything simulated works here. To read
and run it, install the course on your machine: `make lab`.
"""
PICTURE = re.compile(r"(?<=\]\()images/([\w.]+)\.svg(?=\))")
LINK = re.compile(rf"(?<=\]\()((?:\.\./\w+/)?(?:{'|'.join(ABSENT)})_\w+)\.ipynb(?=[)#])")


def stage(folder: Path) -> None:
    """Write into `folder`, which is emptied, what lies open in the browser."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("notebooks", "exercises"):
        (folder / part).mkdir(parents=True)
        for path in sorted((ROOT / part).glob("*")):
            if path.suffix == ".ipynb" and path.name.startswith(ABSENT):
                title = ("Lesson " if part == "notebooks" else "The exercise to lesson ") + path.name[:2]
                (folder / part / path.name).with_suffix(".md").write_text(NOT_HERE.format(title), encoding="utf-8")
            elif path.suffix == ".ipynb":
                (folder / part / path.name).write_text(_notebook(path.read_text(encoding="utf-8")), encoding="utf-8")
            elif path.suffix == ".md":
                text = LINK.sub(r"\1.md", path.read_text(encoding="utf-8"))
                (folder / part / path.name).write_text(text, encoding="utf-8")
    shutil.copytree(ROOT / "notebooks" / "images", folder / "notebooks" / "images")
    (folder / "course_lib" / "patterns").mkdir(parents=True)
    for path in (ROOT / "course_lib" / "patterns").glob("*"):
        if path.suffix in (".md", ".py"):
            shutil.copy(path, folder / "course_lib" / "patterns")


def _notebook(text: str) -> str:
    """The same cells. A picture stands in the text that shows it: here it has no address from which to load it."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            source = LINK.sub(r"\1.md", PICTURE.sub(_inlined, "".join(cell["source"])))
            cell["source"] = source.splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _inlined(found: re.Match[str]) -> str:
    picture = (ROOT / "notebooks" / "images" / f"{found[1]}.svg").read_bytes()
    return f"data:image/svg+xml;base64,{base64.b64encode(picture).decode()}"
