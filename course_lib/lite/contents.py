"""The notebooks and pages of the edition in a browser: the same files in the same folders, so that links hold."""

from __future__ import annotations

import shutil
from pathlib import Path

from course_lib.bootstrap import ROOT

ABSENT = ("01", "08")
"""Lessons that are about real servers, of which a browser has none."""


def stage(folder: Path) -> None:
    """Write into `folder`, which is emptied, what lies open in the browser."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("notebooks", "exercises"):
        (folder / part).mkdir(parents=True)
        for path in sorted((ROOT / part).glob("*")):
            if path.suffix in (".ipynb", ".md") and not path.name.startswith(ABSENT):
                shutil.copy(path, folder / part)
    shutil.copytree(ROOT / "notebooks" / "images", folder / "notebooks" / "images")
    (folder / "course_lib" / "patterns").mkdir(parents=True)
    for path in (ROOT / "course_lib" / "patterns").glob("*"):
        if path.suffix in (".md", ".py"):
            shutil.copy(path, folder / "course_lib" / "patterns")
