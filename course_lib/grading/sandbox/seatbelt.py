"""macOS's sandbox-exec with a short profile: best effort, and written from its documentation.

Apple calls the command deprecated, and ships it; browsers and package managers use what is under it. `probe` tries it
like any other, and refuses what does not hold.
Source: sandbox-exec(1); the profiles in /System/Library/Sandbox/Profiles.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from course_lib.grading.sandbox.child import NOBODY, Sandbox, entering, is_root

COMMAND = "/usr/bin/sandbox-exec"
SYSTEM = ("/System", "/usr/lib", "/usr/share", "/Library/Frameworks", "/private/var/db/dyld")
DEVICES = ("/dev/null", "/dev/random", "/dev/urandom")


def installed() -> bool:
    """Whether this is a Mac that still has the command."""
    return shutil.which(COMMAND) is not None


class Seatbelt(Sandbox):
    """Runs the child by sandbox-exec. It forks no more once it is confined, by the limit on processes."""

    def __init__(self) -> None:
        self.layers = ("sandbox-exec (best effort): no file but the system's, Python's and the course's, no network",)
        if is_root():
            self.layers += (f"another user than root: {NOBODY}",)

    def command(self, argv: Sequence[str], readable: Sequence[Path], hidden: Sequence[Path]) -> list[str]:
        """Of several rules that fit, the last one counts, so what is hidden comes last."""
        inner = entering({"user": NOBODY if is_root() else None, "parent": os.getpid()}, argv)
        return [COMMAND, "-p", profile(readable, hidden), *inner]


def profile(readable: Sequence[Path], hidden: Sequence[Path]) -> str:
    """Everything is denied but to read these, to start Python and to fork."""

    def places(paths: Sequence[Path | str]) -> str:
        real = dict.fromkeys(path for named in paths for path in (str(named), os.path.realpath(named)))
        return " ".join(f'(subpath "{_quoted(path)}")' for path in real)

    rules = [
        "(version 1)",
        "(deny default)",
        "(allow process-fork)",
        "(allow process-exec)",
        "(allow sysctl-read)",
        "(allow signal (target same-sandbox))",
        "(allow file-read-metadata)",
        f'(allow file-read* (literal "/") {places([*SYSTEM, *DEVICES, *readable, Path(__file__).parent])})',
    ]
    if hidden:
        rules.append(f"(deny file-read* {places(hidden)})")
    return "\n".join(rules)


def _quoted(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"')
