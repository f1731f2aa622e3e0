"""A group of packages of pyproject.toml that lies apart in `.venv`, as its versions are none of the course's own.

A stamp, written last, says from what a finished folder was made. Whatever else is found there is made afresh.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from course_lib.bootstrap import ROOT, find_uv

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
STAMP = "group.stamp"


class Failed(Exception):
    """A tool ended with an error; the text is all that it said of it."""


def pins(group: str) -> list[str]:
    """The packages of a group, each in one version."""
    return list(PROJECT["dependency-groups"][group])


def python_of(folder: Path) -> Path:
    """The Python of an environment."""
    return folder / ("bin/python" if os.name == "posix" else "Scripts/python.exe")


def stamp_of(packages: Sequence[str]) -> str:
    """The stamp of a finished folder: its packages, this Python, and the place, as none can be moved."""
    return hashlib.sha256("\n".join([sys.version, str(ROOT), *packages]).encode()).hexdigest()


def is_built(folder: Path, packages: Sequence[str]) -> bool:
    """Is everything there, and of these versions?"""
    stamp = folder / STAMP
    return stamp.is_file() and stamp.read_text() == stamp_of(packages)


def finish(folder: Path, packages: Sequence[str]) -> None:
    """Everything is there."""
    (folder / STAMP).write_text(stamp_of(packages))


def environment(folder: Path, packages: Sequence[str]) -> None:
    """Make an environment with these packages afresh, by uv where there is one, else by pip. Raises: Failed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    python, uv = str(python_of(folder)), find_uv()
    if uv:
        said_by(uv, "venv", "-q", "--python", sys.executable, str(folder))
        said_by(uv, "pip", "install", "-q", "--python", python, *packages)
    else:
        said_by(sys.executable, "-m", "venv", "--without-pip", str(folder))
        said_by(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-input", *packages)
    finish(folder, packages)


def said_by(*command: str) -> str:
    """What a command prints, once it has ended. Raises: Failed."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stderr)
    return done.stdout
