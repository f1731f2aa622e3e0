"""A child process in a sandbox: started, watched by the wall clock, and killed to its last descendant."""

from __future__ import annotations

import contextlib
import json
import os
import select
import selectors
import signal
import subprocess
import sys
import sysconfig
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.sandbox.limits import Quota

NOBODY = 65534
ENTER = Path(__file__).with_name("enter.py")
SYSTEM = [Path(path) for path in ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/nix/store", "/etc/ld.so.cache")]


@dataclass(frozen=True)
class Ended:
    """How a child ended: "exited", or cut off by "wall" or "output"; its code, as subprocess has it; what it wrote."""

    how: str
    code: int
    output: bytes


class Sandbox(ABC):
    """One way to isolate a child. `layers` says in sentences what holds; `probe` fills it."""

    layers: tuple[str, ...] = ()

    @abstractmethod
    def command(self, argv: Sequence[str], readable: Sequence[Path], hidden: Sequence[Path]) -> list[str]:
        """The command that runs argv in the sandbox, seeing `readable` without `hidden`."""

    def start(
        self,
        argv: Sequence[str],
        *,
        readable: Sequence[Path],
        hidden: Sequence[Path] = (),
        pass_fds: Sequence[int] = (),
        env: Mapping[str, str] | None = None,
        stdout: int = subprocess.DEVNULL,
        stderr: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Starts argv, whose first word is an absolute path, in a session of its own. It has no stdin but /dev/null.

        Besides `readable`, Python's own files can be read: those of the interpreter that runs the grader. A folder
        above a readable one need not be listable, so a child finds packages by their own folder, not by sys.path.
        Does not: limit what the child uses; `confine` does, in the child. Call it from a thread that outlives the
        child: Linux kills the child with the thread that started it.
        """
        seen = [*interpreter(), *(path.absolute() for path in readable)]
        return subprocess.Popen(
            self.command(argv, seen, [path.absolute() for path in hidden]),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=tuple(pass_fds),
            env=dict(env or {}),
            cwd="/",
            start_new_session=True,
        )

    def kill(self, child: subprocess.Popen[bytes]) -> None:
        """Ends the child and all that descends from it, and waits until they are gone. No zombie of ours is left.

        Call it however the child ended, and do not wait for the child before: once it has been waited for, its number
        can be another's, and nobody is killed.
        """
        with descendants(child) as family:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, signal.SIGKILL)
            for one in family:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(one, signal.SIGKILL)
            child.wait()
            for one in family:
                gone(one, 5)
        for stream in (child.stdout, child.stderr):
            if stream is not None:
                stream.close()

    def run(
        self,
        argv: Sequence[str],
        *,
        readable: Sequence[Path],
        limits: Quota,
        hidden: Sequence[Path] = (),
        pass_fds: Sequence[int] = (),
        env: Mapping[str, str] | None = None,
    ) -> Ended:
        """Starts argv, and keeps what it writes, until it ends or has used up its wall time or its output."""
        deadline = time.monotonic() + limits.wall
        child = self.start(
            argv,
            readable=readable,
            hidden=hidden,
            pass_fds=pass_fds,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            how, output = _read(child, deadline, limits.output)
        finally:
            self.kill(child)
        return Ended(how, child.returncode, output)


def _read(child: subprocess.Popen[bytes], deadline: float, most: int) -> tuple[str, bytes]:
    """What the child writes until it ends, up to `most` bytes and until the deadline."""
    assert child.stdout is not None
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while len(output) <= most:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return "wall", bytes(output)
            block = os.read(child.stdout.fileno(), 65_536)
            if not block:
                break
            output += block
    if len(output) > most:
        return "output", bytes(output[:most])
    left = max(0.0, deadline - time.monotonic())  # it has closed stdout, and may go on
    return "exited" if _has_ended(child, left) else "wall", bytes(output)


def _has_ended(child: subprocess.Popen[bytes], within: float) -> bool:
    """Whether the child ends within that many seconds. On Linux it is not waited for: `kill` needs its number."""
    if sys.platform == "linux":
        with contextlib.closing(open(os.pidfd_open(child.pid), "rb", buffering=0)) as one:
            return gone(one.fileno(), within)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(within)
    return child.returncode is not None


def gone(process: int, within: float) -> bool:
    """Whether the process of this pidfd is gone within that many seconds: a pidfd can be read from then on."""
    waiting = select.poll()  # not select.select, which knows only the first 1,024 descriptors
    waiting.register(process, select.POLLIN)
    return bool(waiting.poll(within * 1000))


@contextlib.contextmanager
def descendants(child: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """A pidfd for each process that descends from the child: a number can pass to another process, a pidfd cannot."""
    found: list[int] = []
    ahead = [child.pid] if sys.platform == "linux" and child.returncode is None else []
    try:
        while ahead:
            pid = ahead.pop()
            with contextlib.suppress(OSError):
                ahead += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split())
            if pid != child.pid:
                with contextlib.suppress(OSError):
                    found.append(os.pidfd_open(pid))
        yield found
    finally:
        for one in found:
            os.close(one)


def interpreter() -> list[Path]:
    """What this Python reads: itself, the standard library, the packages and the system's libraries."""
    stated = (sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    here = Path(sys.executable)
    libraries = Path(sys.base_prefix, "lib")  # libpython, and with conda all others
    named = [here, here.parent.parent / "pyvenv.cfg", libraries, *map(Path, filter(None, stated))]
    existing = [path.absolute() for path in dict.fromkeys((*SYSTEM, *named)) if path.exists()]
    inside = {path for path in existing if any(other in path.parents for other in existing)}
    return [path for path in existing if path not in inside or path.is_symlink()]


def entering(how: Mapping[str, object], argv: Sequence[str]) -> list[str]:
    """argv, run by way of `enter`."""
    whole = {"user": None, "parent": None, "read": None, "names": [], "packages": None, **how}
    return [sys.executable, "-I", "-S", "-X", "utf8", str(ENTER), json.dumps(whole), *argv]


def is_root() -> bool:
    """Whether the grader runs as root, whom a limit on processes does not bind."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
