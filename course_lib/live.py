"""What `make live` runs first: the group "live" of pyproject.toml in .venv/live, an extension of JupyterLab for slides.

It has a folder of its own, so the environment stays what is locked, and `make lab` shows no button of it. Without it
the decks are notebooks: where it cannot be had, a sentence says so, and JupyterLab opens all the same.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tomllib
from pathlib import Path

from course_lib.bootstrap import ROOT, VENV, Refusal, find_uv, run, say

FOLDER = VENV / "live"
STAMP = "live.stamp"  # written last: an interrupted installation has none


def pins() -> list[str]:
    """The packages, each in one version: what was rehearsed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(project["dependency-groups"]["live"])


def stamp() -> str:
    """The stamp of a finished installation: its packages, the Python, the place."""
    return hashlib.sha256("\n".join([sys.version, str(ROOT), *pins()]).encode()).hexdigest()


def is_installed(folder: Path = FOLDER) -> bool:
    """Is everything there, and of these versions?"""
    return (folder / STAMP).is_file() and (folder / STAMP).read_text() == stamp()


def install(folder: Path = FOLDER) -> None:
    """Install afresh, by uv if there is one, else by pip. What the packages need besides is in the environment."""
    say("Fetching what shows decks as slides (1 MB).")
    shutil.rmtree(folder, ignore_errors=True)
    uv = find_uv()
    tool = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    run(*tool, "--no-deps", "--target", str(folder), *pins())
    (folder / STAMP).write_text(stamp())


def main(folder: Path = FOLDER) -> None:
    """Never a reason not to open JupyterLab."""
    try:
        if not is_installed(folder):
            install(folder)
    except Refusal as refusal:
        say("The slides cannot be had here, so the decks open as notebooks. " + str(refusal.args[0]))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
