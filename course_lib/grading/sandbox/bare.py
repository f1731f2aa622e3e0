"""No sandbox, except for what `confine` takes away. Only used if the instructor says --unsafe."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from course_lib.grading.sandbox.child import NOBODY, Sandbox, entering, is_root

WARNING = "NO SANDBOX (--unsafe): a student's code can read every file that this user can read"


class Bare(Sandbox):
    """Runs the child as it is; as root it becomes another user, if it is to."""

    def __init__(self, *, drop_root: bool = True) -> None:
        self.user = NOBODY if drop_root and is_root() else None
        self.layers = (WARNING, *([f"another user than root: {self.user}"] if self.user else []))

    def command(self, argv: Sequence[str], readable: Sequence[Path], hidden: Sequence[Path]) -> list[str]:
        """All files can be seen, so neither list has a meaning here."""
        return entering({"user": self.user, "parent": os.getpid()}, argv)
