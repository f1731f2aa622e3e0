"""What `make live` runs first: the group "live" of pyproject.toml in .venv/live, an extension of JupyterLab for slides.

It has a folder of its own, so the environment stays what is locked, and `make lab` shows no button of it. Without it
the decks are notebooks: where it cannot be had, a sentence says so, and JupyterLab opens all the same.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from course_lib.bootstrap import ROOT, VENV, Refusal, find_uv, run, say
from course_lib.groups import finish, is_built, pins

FOLDER, PINS = VENV / "live", pins("live")
EDITION = Path(".artefacts", "lite")
"""Where `make lite` puts the edition for a browser, below the course's folder."""


def install(folder: Path = FOLDER) -> None:
    """Install afresh, by uv if there is one, else by pip. What the packages need besides is in the environment."""
    say("Fetching what shows decks as slides (1 MB).")
    shutil.rmtree(folder, ignore_errors=True)
    uv = find_uv()
    tool = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    run(*tool, "--no-deps", "--target", str(folder), *PINS)
    finish(folder, PINS)


def for_the_room(deck: str, course: Path = ROOT) -> str:
    """How those who have nothing but a browser come to the lesson of a deck: at the address that COURSE_EDITION has, or
    by what `make lite` has built. "" where there is neither.
    """
    built, address = course / EDITION, os.environ.get("COURSE_EDITION", "").rstrip("/")
    lessons = (built / "files" / "notebooks").glob(f"{Path(deck).name[:2]}_*.ipynb")
    page = "lab/index.html" + "".join(f"?path=notebooks/{lesson.name}" for lesson in lessons)
    if address:
        return f"For the room, in a browser alone: {address}/{page}"
    if not (built / "index.html").is_file():
        return ""
    return (
        f"For the room there is the edition for a browser. `python3 -m http.server --bind 127.0.0.1 -d {EDITION}` "
        f"serves it to this machine alone, at http://127.0.0.1:8000/{page}. Others need the folder on a web "
        f"server; with COURSE_EDITION=https://… its address stands here, and below each replay code."
    )


def main(folder: Path = FOLDER, deck: str = "") -> None:
    """Never a reason not to open JupyterLab."""
    try:
        if not is_built(folder, PINS):
            install(folder)
    except Refusal as refusal:
        say("The slides cannot be had here, so the decks open as notebooks. " + str(refusal.args[0]))
    if told := for_the_room(deck):
        say(told)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else FOLDER, *sys.argv[2:3])
