"""The parent's side of one guard: start it, give it orders, hear what becomes of its command, end it.

Standard library only; on Windows it can be imported but not used.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from course_lib.errors import ServerFailed

GUARD = Path(__file__).with_name("guard.py")
SLICE = 0.1  # s: another thread may take in the line that this one waits for
MARGIN = 5.0  # s: a guard that has not left by then is killed


class Channel:
    """The conversation with one guard, and the state of its command as last reported.

    `pid` is None until the command runs. `returncode` is None while it runs, then its status (-9: by SIGKILL).
    A fork of this process can neither give orders nor end anything: the command stays with the process that started it.
    A fork that outlives us keeps a copy of the socket open, which hides our death. Then the guard learns of it from its
    own parent's id, at most half a second later.
    """

    def __init__(self, *, grace: float, folder: Path | None) -> None:
        self.pid: int | None = None
        self.returncode: int | None = None
        self.error_number: int | None = None
        self.paused = False
        self.guard_left = False
        self._tied = False
        self._closed = False
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._grace, self._folder = grace, folder
        self._guard: subprocess.Popen[str] | None = None
        self._socket, self._guards_socket = socket.socketpair()

    def open(self, command: Sequence[str], log: Path | None, popen: dict[str, Any]) -> subprocess.Popen[str]:
        """Start the guard, in a session of its own: no Ctrl-C and no notebook interrupt reaches it. Make the folder."""
        descriptor = self._guards_socket.fileno()
        orders = [str(descriptor), str(self._grace), str(self._folder or ""), str(log or ""), *command]
        start = [sys.executable, "-I", "-S", str(GUARD), *orders]
        try:
            self._guard = subprocess.Popen(
                start, pass_fds=[descriptor], start_new_session=True, encoding="utf-8", **popen
            )
            self._guards_socket.close()
            if self._folder is not None:  # after the guard, which removes it: so no kill -9 leaves it behind
                self._folder.mkdir(mode=0o700)
            return self._guard
        except BaseException:  # an interrupt too
            self._guards_socket.close()
            self.end()
            raise

    def send(self, line: str) -> None:
        """Give the guard one order: `run`, `signal N`."""
        if os.getpid() != self._owner:
            raise ServerFailed(
                f"only process {self._owner}, which started this, can direct it; {os.getpid()} is its fork"
            )
        with contextlib.suppress(OSError):  # a guard that has left is noticed by listen()
            self._socket.sendall(line.encode() + b"\n")

    def listen(self, timeout: float) -> bool:
        """Take in what the guard has said, within `timeout` seconds; return False if it will say no more to us."""
        if self._closed or self.guard_left or os.getpid() != self._owner:
            return False
        poll = select.poll()  # select.select() fails from descriptor 1024 on
        poll.register(self._socket, select.POLLIN)
        if poll.poll(timeout * 1000):
            with self._lock, contextlib.suppress(BlockingIOError):  # another thread was faster
                self._hear()
        return True

    def _hear(self) -> None:
        """Peek first, remove afterwards: an interrupt in between loses no line, and to hear a line twice does no
        harm."""
        try:
            data = self._socket.recv(4096, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except ConnectionResetError:
            data = b""
        if not data:
            self._on_guard_left()
        whole = data[: data.rfind(b"\n") + 1]
        for line in whole.decode().splitlines():
            self._take_in(*line.split())
        self._socket.recv(len(whole), socket.MSG_DONTWAIT)

    def wait_until(self, holds: Callable[[], bool], timeout: float | None) -> bool:
        """Listen until `holds()`, or until `timeout` seconds have passed; return whether it held."""
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        self.listen(0)
        while not holds():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if not self.listen(min(left, SLICE)):
                return holds()
        return True

    def end(self) -> None:
        """End the command and its guard, and remove the folder. Safe to call twice, and again after an interrupt."""
        if self._closed:
            return
        if self._guard is not None and os.getpid() == self._owner:
            self._end_guard(self._guard)
        self._socket.close()  # an unfinished start may have left a guard: end of file ends it
        self._closed = True

    def _end_guard(self, guard: subprocess.Popen[str]) -> None:
        with contextlib.suppress(OSError):  # shutdown, not close: it reaches the guard even if a fork holds a copy
            self._socket.shutdown(socket.SHUT_WR)
        if not self.wait_until(lambda: self.guard_left, self._grace + MARGIN):
            guard.kill()
            self.wait_until(lambda: self.guard_left, MARGIN)
        guard.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _take_in(self, word: str, value: str = "", tie: str = "") -> None:
        if word == "running":
            self.pid, self.returncode, self._tied, self.paused = int(value), None, tie == "tied", False
        elif word == "exited":
            self.returncode, self.paused = int(value), False
        elif word == "failed":
            self.error_number = int(value)
        else:
            self.paused = word == "stopped"

    def _on_guard_left(self) -> None:
        self.guard_left = True
        if self.pid is None or self.returncode is not None:
            return
        if not self._tied:  # the guard was killed and nothing else ends its command
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self.returncode = -signal.SIGKILL
