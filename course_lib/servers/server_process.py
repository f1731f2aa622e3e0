"""What a standalone server and a node of a topology have in common: one process, one folder, one log."""

from __future__ import annotations

import re
import secrets
import tempfile
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from course_lib.errors import ServerFailed
from course_lib.servers.ask import server_pid_at
from course_lib.servers.guarded_process import GuardedProcess
from course_lib.servers.lookup import Found

ATTEMPTS = 20  # ports to try: another process may take one between our choice and the server's bind
TAKEN = re.compile(r"Address already in use|Failed listening on port")
POLL = 0.002  # s between two questions whether the server answers
LAST_WORDS = 12  # lines of its log in an error message
EMPTY = '""'


def checked_settings(config: Mapping[str, str], ours: Collection[str], owner: str) -> dict[str, str]:
    """The settings, with lower-case names.

    Raises: ValueError for one of `ours`, which `owner` itself decides, or for one that is not a single line.
    """
    for key, value in config.items():
        if key.lower() in ours:
            raise ValueError(f"{key} is set by {owner} itself and cannot be in config")
        if "\n" in f"{key}{value}" or not key.strip():
            raise ValueError(f"a setting is one line, this is not: {key!r}: {value!r}")
    return {key.lower(): value for key, value in config.items()}


def as_lines(settings: Mapping[str, str]) -> str:
    """Settings as they stand in a configuration file, where an empty value is written as two quotes."""
    return "".join(f"{key} {value or EMPTY}\n" for key, value in settings.items())


class ServerProcess:
    """One server as a guarded process in a temporary folder of its own, which writes its log there.

    Units: `ready_within`, seconds from start to the first PONG.
    """

    def __init__(self, name: str, found: Found, ready_within: float, password: str = "") -> None:
        self.name, self.found = name, found
        label = re.sub("[^A-Za-z0-9]+", "-", name)
        self.directory = Path(tempfile.gettempdir()) / f"course-{label}-{secrets.token_hex(6)}"
        self.log = self.directory / "server.log"
        self._process: GuardedProcess | None = None
        self._ready_within, self._password = ready_within, password

    def stop(self) -> None:
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

    def _run(self, process: GuardedProcess, port: int, deadline: float) -> None:
        """Run the server's process; return when it answers at the port.

        Raises: ServerFailed, with its last words, if it does not before the deadline; PortTaken if that is why.
        """
        said_before = len(self._said())
        process.run()
        if answers(process, port, deadline, self._password):
            return
        said = self._said()[said_before:]
        taken = not process.is_alive() and TAKEN.search(said)
        what = f"{self.name}, {self.found}, on port {port}"
        raise (PortTaken if taken else ServerFailed)(story(what, process, self._ready_within, said))

    def _said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


class PortTaken(ServerFailed):
    """Another process has taken the port between our choice and the server's bind."""


def answers(process: GuardedProcess, port: int, deadline: float, password: str = "") -> bool:
    """Whether this process, not another one, answers PING there before the deadline; False as soon as it has ended.

    Units: `deadline`, seconds of time.monotonic().
    """
    while (left := deadline - time.monotonic()) > 0 and not process.ends_within(min(left, POLL)):
        if server_pid_at(port, password=password) == process.pid:
            return True
    return False


def story(what: str, process: GuardedProcess, within: float, said: str) -> str:
    """Why a server did not come up, with its last words."""
    if process.is_alive():
        end = f"did not answer PING within {within:g} s"
    else:
        end = f"ended with status {process.returncode} instead of starting"
    words = [f"  {line}" for line in said.splitlines() if line.strip()][-LAST_WORDS:]
    return "\n".join([f"{what}: it {end}.", "Its last words:" if words else "It wrote nothing.", *words])
