"""What the probe's child tries: each thing that a sandbox must refuse, once. It prints what it could do.

    python -I misbehave.py COURSE '{"secret": …, "readable": …, "port": …, "victim": …, …}'

It confines itself as a child with a student's code would. What it prints is not believed where the grader can see for
itself: the probe looks at files, at its own listening sockets and at the process that was to be killed.
"""

from __future__ import annotations

import _thread
import contextlib
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

WRITABLE = ("/tmp", "/var/tmp", "/dev/shm", "/run", ".", "/")


def bring(course: str) -> None:
    """Makes `course_lib.grading.sandbox` importable without listing the folder above it, or importing the rest."""
    for name in ("course_lib", "course_lib.grading", "course_lib.grading.sandbox"):
        package = sys.modules[name] = ModuleType(name)
        package.__path__ = [os.path.join(course, *name.split(".")[1:])]


def deeds(given: dict[str, Any]) -> Iterator[tuple[str, Callable[[], object]]]:
    """Each deed: what a report calls it, and what does it. It succeeds if it returns something true."""
    yield "read a file outside", lambda: _content(given["secret"])
    yield "read a hidden file", lambda: _content(given["hidden"])
    yield "read what judges an exercise", lambda: _content(given["judge"])
    yield "read the password file", lambda: _content("/etc/passwd")
    yield "read another process's environment", lambda: _content(f"/proc/{given['victim']}/environ")
    for folder in (*WRITABLE, os.path.dirname(given["readable"]), os.path.dirname(given["secret"])):
        yield f"write to {folder}", lambda folder=folder: _write(os.path.join(folder, given["name"]))  # type: ignore[misc]
    yield "change its own source", lambda: _silently(os.utime, __file__)
    yield "connect to 127.0.0.1", lambda: _connect(socket.AF_INET, ("127.0.0.1", given["port"]))
    if given["abstract"]:
        yield "connect to an abstract socket", lambda: _connect(socket.AF_UNIX, "\0" + given["abstract"])
    yield "kill another process", lambda: _silently(os.kill, given["victim"], signal.SIGKILL)
    yield "become root", lambda: _silently(os.setuid, 0)
    yield "start a thread", lambda: _thread.start_new_thread(len, ("",))
    yield "start a process", _fork
    yield "use more memory than allowed", lambda: len(bytearray(2 * given["memory"]))
    yield "open more files than allowed", lambda: _open_many(2 * given["open_files"])


def _silently(call: Callable[..., None], *arguments: Any) -> bool:
    call(*arguments)
    return True


def _open_many(count: int) -> bool:
    opened: list[int] = []
    try:
        opened += (os.dup(0) for _ in range(count))
        return True
    finally:
        for one in opened:
            os.close(one)


def _content(path: str) -> str:
    with open(path, "rb") as file:
        return file.read().decode(errors="replace")


def _write(path: str) -> bool:
    with open(path, "w", encoding="utf-8") as file:
        return file.write("here") > 0


def _connect(family: int, address: object) -> bool:
    with socket.socket(family) as one:
        one.settimeout(2)
        one.connect(address)  # type: ignore[arg-type]
        return True


def _fork() -> bool:
    if (pid := os.fork()) == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return True


def main() -> None:
    """As it says above."""
    course, given = sys.argv[1], json.loads(sys.argv[2])
    bring(course)
    held: tuple[str, ...] = ()
    if not given["free"]:
        limits = importlib.import_module("course_lib.grading.sandbox.limits")
        confine = importlib.import_module("course_lib.grading.sandbox.confine")
        held = confine.confine(limits.Quota(memory=given["memory"], open_files=given["open_files"]))
    done: dict[str, str] = {}
    for name, deed in deeds(given):
        with contextlib.suppress(OSError, MemoryError, RuntimeError):
            if result := deed():
                done[name] = str(result)[:200]
    print(json.dumps({"readable": _content(given["readable"]), "held": held, "done": done}))


if __name__ == "__main__":
    main()
