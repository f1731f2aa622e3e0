"""Outside the sandbox: the children of one submission, and what became of them."""

from __future__ import annotations

import json
import os
import pickle
import select
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import course_lib
from course_lib.errors import CourseError
from course_lib.grading.sandbox.child import Sandbox
from course_lib.grading.sandbox.limits import Quota
from course_lib.grading.wire.cells import Source
from course_lib.grading.wire.fork_server import program
from course_lib.wire.pipe import Broken, Pipe, Silent

COURSE = Path(course_lib.__file__).resolve().parent
HIDDEN = sorted(COURSE.glob("lessons/*/exercises"))
START = 60.0
"""Seconds until a fork server must have come up: half a second on a quiet machine."""


class NotStarted(CourseError):
    """The process that runs a submission's code does not come up: the machine's fault, not an answer's."""


class ForkServer:
    """The process in the sandbox that forks children. It is started again if a child has killed it."""

    def __init__(self, sandbox: Sandbox, cells: Sequence[Source]) -> None:
        self.sandbox, self._cells = sandbox, list(cells)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def show(self, cells: Sequence[Source]) -> None:
        """From now on its children run the cells of another submission."""
        self._cells = list(cells)
        if self._process is not None:
            self._ask(("cells", self._cells))

    def _start(self) -> None:
        self._control, its = socket.socketpair()
        with its:
            self._process = self.sandbox.start(
                program(str(COURSE), its.fileno()), readable=[COURSE], hidden=HIDDEN, pass_fds=[its.fileno()],
                env={"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
            )  # fmt: skip
        try:
            said = self._ask(("cells", self._cells))
        except (Broken, Silent) as error:
            said = str(error) or f"nothing within {START:g} s"
        if said != "ready":
            self._stop()
            raise NotStarted(
                f"What runs a submission's code did not start: {said!r:.200}. Is the machine short of memory?"
            )

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self.sandbox.kill(self._process)
        self._control = self._process = None

    def _ask(self, request: tuple[Any, ...], descriptors: Sequence[int] = ()) -> Any:
        assert self._control is not None
        body = pickle.dumps(request)
        try:
            socket.send_fds(self._control, [len(body).to_bytes(8, "big")], list(descriptors))
            self._control.sendall(body)
        except OSError as error:
            raise Broken(str(error)) from error
        return self._line()

    def _line(self) -> Any:
        assert self._control is not None
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([self._control], [], [], START)[0]:
                raise Silent(whole=True)
            try:
                part = self._control.recv(4096)
            except OSError as error:
                raise Broken(str(error)) from error
            if not part or len(line) > 100_000:
                raise Broken("the fork server has ended")
            line += part
        try:
            return json.loads(line)
        except ValueError as error:
            raise Broken(str(error)) from error

    @contextmanager
    def children(self, exercise: str, name: str, limits: Quota, count: int, fates: list[int]) -> Iterator[list[Pipe]]:
        """The pipes of `count` children that hold this answer. Afterwards `fates` says how each had ended: 0, if it
        had not."""
        if self._process is None:
            self._start()
        pipes, theirs = [], []
        for _ in range(count):
            (read, its), (given, write) = os.pipe(), os.pipe()
            pipes.append(Pipe(read, write, limits.wall))
            theirs += [given, its]
        try:
            try:
                self._ask(("fork", exercise, name, limits), theirs)
            finally:
                for one in theirs:
                    os.close(one)
            yield pipes
        finally:
            for pipe in pipes:
                pipe.close()
            self._reap(fates)

    def _reap(self, fates: list[int]) -> None:
        try:
            said = self._ask(("reap",))
        except (Broken, Silent):
            said = None
        if type(said) is not list or not all(type(one) is int for one in said):
            self._stop()  # a child has killed it, or speaks in its place: another will be started
            return
        fates.extend(said)
