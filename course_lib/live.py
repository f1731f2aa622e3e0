"""What `make live` runs first: the group "live" of pyproject.toml in .venv/live, an extension of JupyterLab for slides.

It has a folder of its own, so the environment stays what is locked, and `make lab` shows no button of it. Without it
the decks are notebooks: where it cannot be had, a sentence says so, and JupyterLab opens all the same.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from course_lib.bootstrap import VENV, Refusal, find_uv, run, say
from course_lib.groups import finish, is_built, pins

FOLDER, PINS = VENV / "live", pins("live")


def install(folder: Path = FOLDER) -> None:
    """Install afresh, by uv if there is one, else by pip. What the packages need besides is in the environment."""
    say("Fetching what shows decks as slides (1 MB).")
    shutil.rmtree(folder, ignore_errors=True)
    uv = find_uv()
    tool = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    run(*tool, "--no-deps", "--target", str(folder), *PINS)
    finish(folder, PINS)


def main(folder: Path = FOLDER) -> None:
    """Never a reason not to open JupyterLab."""
    try:
        if not is_built(folder, PINS):
            install(folder)
    except Refusal as refusal:
        say("The slides cannot be had here, so the decks open as notebooks. " + str(refusal.args[0]))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
