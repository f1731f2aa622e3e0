"""The layers that the tests try, and the runner with a badly behaved child, in any of them."""

from __future__ import annotations

import functools
import json
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from course_lib.grading.sandbox import bubblewrap, landlock
from course_lib.grading.sandbox.bare import Bare
from course_lib.grading.sandbox.child import Ended, Sandbox
from course_lib.grading.sandbox.limits import MIB, Quota

ROOT = Path(__file__).resolve().parents[3]
COURSE = ROOT / "course_lib"
HOSTILE = Path(__file__).with_name("hostile.py")
HIDDEN = sorted(COURSE.glob("lessons/*/exercises"))
LIMITS = Quota(cpu=5, wall=20.0, memory=256 * MIB, output=MIB, open_files=32)
NOT_HERE = "this machine does not offer that sandbox"


@dataclass(frozen=True)
class Layer:
    """A sandbox, with or without libseccomp inside it."""

    name: str
    make: Callable[[], Sandbox]
    seccomp: bool = True
    free: bool = False
    silent: bool = False

    def run(
        self, given: dict[str, Any], *, deeds: Sequence[str] = (), limits: Quota = LIMITS, token: str = ""
    ) -> Ended:
        """The hostile runner in it: with a child for each of these deeds, or with one that does all that end well."""
        argv = self.argv(given, deeds=deeds, limits=limits, token=token)
        return self.make().run(argv, readable=self.readable(), hidden=HIDDEN, limits=limits)

    def argv(
        self, given: dict[str, Any], *, deeds: Sequence[str], limits: Quota = LIMITS, token: str = ""
    ) -> list[str]:
        inside = {"cpu": limits.cpu, "memory": limits.memory, "open_files": limits.open_files}
        whole = {
            **given,
            "deeds": [*deeds],
            "free": self.free,
            "seccomp": self.seccomp,
            "silent": self.silent,
            "limits": inside,
        }
        return [self.python(), "-I", "-X", "utf8", str(HOSTILE), str(COURSE), json.dumps(whole), token or new_token()]

    def readable(self) -> list[Path]:
        own = [Path("/usr/bin/python3").resolve()] if self.python() != sys.executable else []
        return [COURSE, HOSTILE, *own]

    def python(self) -> str:
        """This Python, or the system's where another user than root is to start it and may not."""
        if self.free or self.make is bubblewrap_here or os.geteuid() != 0 or may_be_read_by_all(Path(sys.executable)):
            return sys.executable
        return "/usr/bin/python3"


def new_token() -> str:
    return f"hostile-{secrets.token_hex(8)}"


@functools.cache
def may_be_read_by_all(path: Path) -> bool:
    real = path.resolve()
    return all(folder.stat().st_mode & 0o001 for folder in (*path.parents, *real.parents))


@functools.cache
def bubblewrap_here() -> Sandbox:
    found = bubblewrap.installed()
    if found is None:
        pytest.skip(NOT_HERE)
    return bubblewrap.Bubblewrap(found)


@functools.cache
def landlock_here() -> Sandbox:
    if sys.platform != "linux" or not landlock.installed():
        pytest.skip(NOT_HERE)
    return landlock.Landlock()


LAYERS = {
    layer.name: layer
    for layer in (
        Layer("bubblewrap", bubblewrap_here),
        Layer("bubblewrap without libseccomp", bubblewrap_here, seccomp=False),
        Layer("Landlock", landlock_here),
        Layer("no sandbox (--unsafe)", Bare),
        Layer("no sandbox (--unsafe) without libseccomp", Bare, seccomp=False),
    )
}
NOTHING = Layer("nothing at all", functools.partial(Bare, drop_root=False), free=True)
"""The control: the same code, unconfined."""
