"""Inside the sandbox: one process that has everything imported, and forks the children of each exercise.

None of a student's code runs here. Its parent talks to it through a socket: it sends the cells of a submission, then
for each exercise two pipes a child, and hears whether the children run, and what became of them.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from course_lib.grading.sandbox.confine import confine, prepare, silence
from course_lib.grading.sandbox.limits import Quota
from course_lib.grading.wire import cells
from course_lib.grading.wire.judged import serve
from course_lib.wire.pipe import Pipe

LONGEST = 64_000_000
"""Bytes in a request: a notebook without its outputs is a few thousand."""


def main(descriptor: int) -> None:
    """Serve until the socket is closed, or its parent is gone."""
    control = socket.socket(fileno=descriptor)
    prepare()
    submission: list[cells.Source] = []
    children: list[int] = []
    while (received := _received(control)) is not None:
        (what, *args), descriptors = received
        if what == "cells":
            (submission,) = args
            said: Any = "ready"
        elif what == "fork":
            exercise, name, limits = args
            children = _forked(partial(cells.answer, submission, exercise, name), limits, descriptors, control)
            said = children
        else:
            said = [_ended(child) for child in children]
            children = []
        try:
            control.sendall(json.dumps(said).encode() + b"\n")
        except OSError:
            break
    for child in children:
        _ended(child)


def _received(control: socket.socket) -> tuple[tuple[Any, ...], list[int]] | None:
    """A request, and the descriptors that came with it; None when nobody asks any more."""
    try:
        head, descriptors, _, _ = socket.recv_fds(control, 8, 64)
        length = int.from_bytes(head, "big")
        if len(head) < 8 or length > LONGEST:
            return None
        body = b""
        while len(body) < length:
            part = control.recv(min(length - len(body), 1 << 20))
            if not part:
                return None
            body += part
    except OSError:
        return None
    return pickle.loads(body), list(descriptors)  # the parent is trusted


def _forked(load: Callable[[], Any], limits: Quota, descriptors: list[int], control: socket.socket) -> list[int]:
    children = []
    for at in range(0, len(descriptors), 2):
        child = os.fork()
        if child == 0:
            try:
                control.close()
                for other in {*descriptors} - {*descriptors[at : at + 2]}:
                    os.close(other)
                silence()
                confine(limits)
                serve(Pipe(*descriptors[at : at + 2]), load)
            except MemoryError:
                os._exit(OUT_OF_MEMORY)
            except BaseException:
                os._exit(1)
            os._exit(0)
        children.append(child)
    for one in descriptors:
        os.close(one)
    return children


OUT_OF_MEMORY = 77
"""The exit code of a child that found no memory to go on."""


def _ended(child: int) -> int:
    """End a child, and say how it had ended: its exit code, or the number of a signal, negative; 0 if it still ran."""
    pid, status = os.waitpid(child, os.WNOHANG)
    if pid == 0:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return 0
    return os.waitstatus_to_exitcode(status)


BEGIN = """
import importlib.util, sys
course = {course!r}
where = importlib.util.spec_from_file_location
found = where("course_lib", course + "/__init__.py", submodule_search_locations=[course])
sys.modules["course_lib"] = course_lib = importlib.util.module_from_spec(found)
found.loader.exec_module(course_lib)
from course_lib.grading.wire.fork_server import main
main({descriptor})
"""
"""The program that runs it: the folder above course_lib need not be readable."""


def program(course: str, descriptor: int) -> list[str]:
    """What starts it, with this end of the socket. It obeys our environment variables, so the order of a set of texts
    is the same each time."""
    return [sys.executable, "-P", "-s", "-X", "utf8", "-c", BEGIN.format(course=course, descriptor=descriptor)]
