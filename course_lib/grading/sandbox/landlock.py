"""Landlock: the kernel refuses to a process, and its descendants, every file that was not named before.

For where bubblewrap is refused, as on a stock Ubuntu 24.04: it needs no namespace. Through landlockpy, 850 lines of
typed Python without dependencies (0BSD; first released in 2026, so young). The package sandlock 0.9.0 was tried first:
it closes inherited descriptors, its `confine` refuses folders with something hidden in them, and it needs Linux 6.12.
Source: landlock(7).
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from course_lib.grading.sandbox.child import NOBODY, Sandbox, entering, is_root


def installed() -> bool:
    """Whether landlockpy is; whether the kernel has Landlock is for `probe` to see."""
    return importlib.util.find_spec("landlockpy") is not None


class Landlock(Sandbox):
    """Runs the child under a Landlock ruleset. Names of hidden files can be listed, their contents cannot be read."""

    def __init__(self) -> None:
        self.layers = ("Landlock: no file but those of Python and the course, no signal to other processes",)
        if is_root():
            self.layers += (f"another user than root: {NOBODY}",)

    def command(self, argv: Sequence[str], readable: Sequence[Path], hidden: Sequence[Path]) -> list[str]:
        """What stands beside a hidden file is named one by one, because Landlock can only allow."""
        read, names = _allowed(tuple(readable), tuple(hidden))
        package = importlib.util.find_spec("landlockpy")
        where = str(Path(package.origin).parents[1]) if package and package.origin else None
        user = NOBODY if is_root() else None
        how = {"user": user, "parent": os.getpid(), "read": read, "names": names, "packages": where}
        return entering(how, argv)


@lru_cache(maxsize=8)
def _allowed(readable: tuple[Path, ...], hidden: tuple[Path, ...]) -> tuple[list[str], list[str]]:
    """The folders that can be read whole, and those above something hidden, of which only names can be read. Looked up
    once."""
    secret = {os.path.realpath(path) for path in hidden}
    read: list[str] = []
    names: list[str] = []

    def allow(path: str, *, is_link: bool) -> None:
        real = os.path.realpath(path) if is_link else path
        if any(real == one or real.startswith(one + "/") for one in secret):
            return
        if not any(one.startswith(real + "/") for one in secret):
            read.append(real)
        elif not is_link:  # a link to a folder above would lead back in here
            names.append(real)
            with os.scandir(real) as parts:
                for part in sorted(parts, key=lambda part: part.name):
                    allow(part.path, is_link=part.is_symlink())

    for path in readable:
        allow(os.path.realpath(path), is_link=False)
    return read, names
