"""Which sandbox works on this machine: each is tried once, by a child that misbehaves. No sandbox is believed."""

from __future__ import annotations

import contextlib
import json
import secrets
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course_lib.errors import NoSandbox
from course_lib.grading.sandbox import bubblewrap, confine, landlock, seatbelt
from course_lib.grading.sandbox.bare import Bare
from course_lib.grading.sandbox.child import Ended, Sandbox
from course_lib.grading.sandbox.limits import MIB, Quota

COURSE = Path(__file__).resolve().parents[2]
MISBEHAVE = Path(__file__).with_name("misbehave.py")
LIMITS = Quota(cpu=5, wall=20, memory=256 * MIB, open_files=16, output=64 * 1024)

INSTALL = (
    "On Linux install bubblewrap and libseccomp2 (`sudo apt install bubblewrap libseccomp2`), or, where bubblewrap is "
    "refused, `pip install landlockpy` (Linux 5.13 or newer), and run the same command again; "
    "solutions/WHAT_THE_GRADER_PROTECTS.md says more. As root, Python must lie where other users may read it. "
    "With `--unsafe` students' code runs without a sandbox: only for code that you would run yourself."
)


def probe(*, unsafe: bool = False) -> Sandbox:
    """The best sandbox that refuses everything that `misbehave` tries. Its `layers` say in sentences what holds.

    unsafe: where none does, no sandbox at all, in place of an error.
    Cost: about a tenth of a second for each that is tried.
    Raises: NoSandbox, with the reason for each that was tried, and with what to install.
    """
    refused: list[str] = []
    for name, sandbox in candidates():
        if sandbox is None:
            refused.append(f"{name} is not installed")
        elif faults := try_out(sandbox):
            refused.append(f"{name} does not hold here: {'; '.join(faults)}")
        else:
            return sandbox
    if not unsafe:
        raise NoSandbox(f"No sandbox works on this machine. {'. '.join(refused)}. {INSTALL}")
    sandbox = Bare()
    if not _starts(sandbox):
        sandbox = Bare(drop_root=False)
        _starts(sandbox)
    return sandbox


def candidates() -> Iterator[tuple[str, Sandbox | None]]:
    """The sandboxes of this system, the best first; None for one that is not installed."""
    if sys.platform == "linux":
        bwrap = bubblewrap.installed()
        yield "bubblewrap", bubblewrap.Bubblewrap(bwrap) if bwrap else None
        yield "Landlock (the package landlockpy)", landlock.Landlock() if landlock.installed() else None
    elif sys.platform == "darwin":
        yield "sandbox-exec", seatbelt.Seatbelt() if seatbelt.installed() else None


def try_out(sandbox: Sandbox) -> list[str]:
    """What a child can do in it that it must not, or why it cannot even run. If nothing, says so in its layers."""
    with Bait() as bait:
        ended = bait.offer(sandbox)
        if ended.how != "exited" or ended.code != 0:
            return [_why(ended)]
        told = json.loads(ended.output)
        if told["readable"] != bait.token:
            return ["a file that it may read could not be read"]
        faults = [f"a child could {deed}" for deed in (*told["done"], *bait.taken(ended.output))]
    if sys.platform == "linux" and confine.SECCOMP not in told["held"]:
        faults.append("libseccomp (the package libseccomp2) is missing")
    if not faults:
        sandbox.layers += tuple(told["held"])
    return faults


def _starts(sandbox: Sandbox) -> bool:
    with Bait() as bait:
        ended = bait.offer(sandbox)
        with contextlib.suppress(ValueError):
            sandbox.layers += tuple(json.loads(ended.output)["held"])
        return ended.how == "exited" and ended.code == 0


def _why(ended: Ended) -> str:
    """The last thing that a child said which did not get as far as misbehaving."""
    lines = ended.output.decode(errors="replace").strip().splitlines()
    return f"the child ended with code {ended.code}" + (f" ({lines[-1]})" if lines else "")


class Bait:
    """What a child could do harm to: files, listening sockets and a process, all made for it and removed with it."""

    def __init__(self, python: str = sys.executable) -> None:
        self.python = python

    def __enter__(self) -> Bait:
        self.token, self.name = secrets.token_hex(16), f"course-probe-{secrets.token_hex(8)}"
        self._ends = contextlib.ExitStack()
        self.folder = Path(self._ends.enter_context(tempfile.TemporaryDirectory(prefix="course-probe-")))
        self.folder.chmod(0o755)  # what another user cannot read anyway would prove nothing
        (self.folder / "readable/hidden").mkdir(parents=True)
        for name, text in (("readable/open", self.token), ("readable/hidden/one", self.name), ("secret", self.name)):
            (self.folder / name).write_text(text, encoding="utf-8")
        self.victim = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"], stdin=subprocess.DEVNULL
        )
        self._ends.callback(self.victim.wait)
        self._ends.callback(self.victim.kill)
        self.inet = self._ends.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.unix = self._ends.enter_context(socket.socket(socket.AF_UNIX)) if sys.platform == "linux" else None
        if self.unix:
            self.unix.bind("\0" + self.name)
            self.unix.listen()
        return self

    def __exit__(self, *_: object) -> None:
        list(self.taken(b""))  # where nothing was refused, files are left
        self._ends.close()

    def offer(self, sandbox: Sandbox, *, free: bool = False) -> Ended:
        """Lets a child misbehave in the sandbox; `free`, without confining itself first."""
        judge = next(COURSE.glob("lessons/*/exercises/words.toml"))
        given: dict[str, Any] = {
            **{"secret": str(self.folder / "secret"), "hidden": str(self.folder / "readable/hidden/one")},
            **{"judge": str(judge), "readable": str(self.folder / "readable/open"), "name": self.name, "free": free},
            **{"port": self.inet.getsockname()[1], "abstract": self.name if self.unix else None},
            **{"victim": self.victim.pid, "memory": LIMITS.memory, "open_files": LIMITS.open_files},
        }
        argv = [self.python, "-I", "-X", "utf8", str(MISBEHAVE), str(COURSE), json.dumps(given)]
        hidden = [*COURSE.glob("lessons/*/exercises"), self.folder / "readable/hidden"]
        return sandbox.run(argv, readable=[COURSE, self.folder / "readable"], hidden=hidden, limits=LIMITS)

    def taken(self, output: bytes) -> Iterator[str]:
        """What the grader itself sees of the child's deeds; whatever it finds, it removes."""
        if self.name.encode() in output:
            yield "show what it was not to read"
        for folder in (
            *map(Path, ("/tmp", "/var/tmp", "/dev/shm", "/run", ".", "/")),
            self.folder,
            *self.folder.rglob("*"),
        ):
            with contextlib.suppress(OSError):
                (folder / self.name).unlink()
                yield f"write to {folder}"
        for listening in filter(None, (self.inet, self.unix)):
            if select.select([listening], [], [], 0)[0]:
                yield "connect to a socket"
        if self.victim.poll() is not None:
            yield "kill another process"


if __name__ == "__main__":
    try:
        print(*probe().layers, sep="\n")
    except NoSandbox as missing:
        sys.exit(str(missing))
