"""What builds the site, and is not a part of the course: environments beside `.venv`'s own packages, and npm packages.

Sphinx and its themes want versions of their own, and only who builds a site needs them: so each group of
`pyproject.toml` has an environment in `.venv`, like the peers. What is there and up to date is left alone.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from course_lib import groups
from course_lib.bootstrap import VENV
from course_lib.groups import PROJECT

FOLDER = VENV


class Missing(Exception):
    """A sentence: which tool cannot be had here, and what its maker says."""


def environment(group: str) -> Path:
    """The Python of a group's environment, which is built if it is missing or out of date. Raises: Missing."""
    folder, packages = FOLDER / group, groups.pins(group)
    if not groups.is_built(folder, packages):
        print(f"Building .venv/{group}.", file=sys.stderr, flush=True)
        with _told(f"the environment of {group}"):
            groups.environment(folder, packages)
    return groups.python_of(folder)


def package(name: str) -> Path:
    """The folder of an npm package, fetched once and refused if it is not the one that was pinned. Raises: Missing.

    The package alone, without what it depends on: each of them is a bundle that a page can load.
    """
    version, integrity = PROJECT["tool"]["course"]["npm"][name]
    folder = FOLDER / "npm" / f"{name.replace('/', '+')}@{version}"
    if folder.exists():
        return folder
    if (npm := shutil.which("npm")) is None:
        raise Missing("npm is missing: it fetches the scripts that pages load. It comes with Node.js.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    where = str(folder.parent)
    with _told(f"npm pack {name}@{version}"):
        command = [npm, "pack", f"{name}@{version}", "--silent", "--ignore-scripts", "--pack-destination", where]
        packed = groups.said_by(*command)
    archive = folder.parent / packed.split()[-1]
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != integrity:
        archive.unlink()
        raise Missing(f"{name} {version} is not the package that was pinned: {found} in place of {integrity}.")
    with tarfile.open(archive) as opened:
        opened.extractall(folder.with_suffix(".part"), filter="data")
    (folder.with_suffix(".part") / "package").rename(folder)
    shutil.rmtree(folder.with_suffix(".part"))
    archive.unlink()
    return folder


@contextmanager
def _told(what: str) -> Iterator[None]:
    """A tool that failed is a sentence, with the last lines of what it said."""
    try:
        yield
    except groups.Failed as failed:
        raise Missing("\n    ".join([f"{what} failed:", *str(failed).splitlines()[-6:]])) from None
