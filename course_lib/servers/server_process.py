"""What a standalone server and a node of a topology have in common: one process, one folder, one log."""

from __future__ import annotations

import re
import secrets
import tempfile
import time
from pathlib import Path

from course_lib.errors import ServerFailed
from course_lib.servers.guarded_process import GuardedProcess
from course_lib.servers.ports import server_pid_at

ATTEMPTS = 20  # ports to try: another process may take one between our choice and the server's bind
TAKEN = re.compile(r"Address already in use|Failed listening on port")
POLL = 0.002  # s between two questions whether the server answers
LAST_WORDS = 12  # lines of its log in an error message
EMPTY = '""'  # how an empty value is written in a configuration file


class ServerProcess:
    """One server as a guarded process in a temporary folder of its own, which writes its log there."""

    def __init__(self, name: str) -> None:
        self.name = name
        label = re.sub("[^A-Za-z0-9]+", "-", name)
        self.directory = Path(tempfile.gettempdir()) / f"course-{label}-{secrets.token_hex(6)}"
        self.log = self.directory / "server.log"
        self._process: GuardedProcess | None = None

    def end(self) -> None:
        """End the server, even a paused one, and remove its folder. Safe to call twice."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def kill(self) -> None:
        """SIGKILL, as a crash would; return when it is dead. The port and the folder are kept."""
        if self._process is not None:
            self._process.kill()

    def pause(self) -> None:
        """SIGSTOP: the server keeps its connections and answers nothing; return when it has stopped."""
        self._running().pause()

    def resume(self) -> None:
        """SIGCONT: the server goes on where it was."""
        self._running().resume()

    def is_alive(self) -> bool:
        """Whether the process runs; a paused one does."""
        return self._process is not None and self._process.is_alive()

    @property
    def pid(self) -> int | None:
        """The server's process id, or None when it does not run."""
        return self._process.pid if self._process is not None and self._process.is_alive() else None

    def _running(self) -> GuardedProcess:
        if self._process is None or not self._process.is_alive():
            raise ServerFailed(f"{self.name} is not running: restart it first")
        return self._process

    def _said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


def answers(process: GuardedProcess, port: int, deadline: float, password: str = "") -> bool:
    """Whether this very process answers PING there before the deadline; False as soon as it has ended.

    Units: `deadline`, seconds of time.monotonic().
    """
    while (left := deadline - time.monotonic()) > 0 and not process.ends_within(min(left, POLL)):
        if server_pid_at(port, password=password) == process.pid:
            return True
    return False


def story(what: str, process: GuardedProcess, within: float, said: str) -> str:
    """How it came that a server did not come up, with its last words."""
    if process.is_alive():
        end = f"did not answer PING within {within:g} s"
    else:
        end = f"ended with status {process.returncode} instead of starting"
    words = [f"  {line}" for line in said.splitlines() if line.strip()][-LAST_WORDS:]
    return "\n".join([f"{what}: it {end}.", "Its last words:" if words else "It wrote nothing.", *words])
