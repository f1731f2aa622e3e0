"""What the first code cell of every notebook calls: is this the course's kernel, and which real server is there?

    try:
        from course_lib.lesson import begin
    except ModuleNotFoundError:
        say = "This kernel is not the course's. Close this tab, run `make lab` in the course's folder, "
        say += "and open the lesson from there."
        get_ipython().input_transformers_post.append(lambda lines: [f"print({say!r})"])

        def begin(*_, **__):
            print(say)


    begin("05")

In another kernel every later cell says this sentence in its turn, and none of them runs: *Run All* ends at the last
cell, where nobody sees what the first one said.
"""

from __future__ import annotations

import platform
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from IPython import get_ipython
from IPython.display import display
from packaging.requirements import Requirement

from course_lib import notebook
from course_lib.errors import NoServer

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


class WrongKernel(Exception):
    """This kernel lacks something that the course needs; a notebook shows the sentence, under each cell."""


COLUMN = Path(__file__).resolve().parent / "jupyterlab" / "redis-course" / "static" / "column.css"
"""How wide text is. `make lab` brings it with JupyterLab's page; elsewhere the first cell does."""
SKIPPED = "so “On a real server” will be skipped; everything simulated runs"


def begin(lesson: str, *, without: str = SKIPPED) -> None:
    """Print the lesson, the Python and the real server that was found, or that there is none and what follows.

    In a kernel with a package of a wrong version it says so, and every later cell says it in its turn.
    """
    try:
        if PYPROJECT.exists():  # a copy of course_lib alone, as in a browser, has no pins beside it
            check_versions(tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"])
    except WrongKernel as wrong:
        notebook.stop(str(wrong))
        return
    if (shell := get_ipython()) is not None:
        notebook.load_ipython_extension(shell)
        if hasattr(shell, "kernel"):
            style = f"<style>{COLUMN.read_text(encoding='utf-8')}</style>"
            display({"text/html": style, "text/plain": " "}, raw=True)  # type: ignore[no-untyped-call]
    from course_lib.servers import find  # only now: it may not import under a wrong version of redis

    opening = f"Lesson {lesson} · Python {platform.python_version()} · "
    try:
        print(f"{opening}real server: {find()}")
    except NoServer as error:
        print(f"{opening}no real server, {without}.\n{error}")


def check_versions(pins: list[str]) -> None:
    """Raise WrongKernel for the first package whose installed version is not one that its pin allows."""
    for pin in pins:
        package = Requirement(pin)
        if package.marker is not None and not package.marker.evaluate():
            continue
        try:
            found = version(package.name)
        except PackageNotFoundError:
            found = ""
        if not found or not package.specifier.contains(found, prereleases=True):
            raise WrongKernel(
                f"The course needs {pin.partition(';')[0].strip()}, and this kernel has {found or 'none'}. Close this "
                f"tab, run `make lab` in the course's folder, and open the lesson from there."
            )
