"""One standalone Redis or Valkey as a local process, gone when this Python process is gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from urllib.parse import quote

from course_lib.errors import ServerFailed
from course_lib.servers.guarded_process import GuardedProcess
from course_lib.servers.lookup import Found, find
from course_lib.servers.ports import HOST, free_port
from course_lib.servers.server_process import ATTEMPTS, EMPTY, TAKEN, ServerProcess, answers, story

OURS = frozenset({"bind", "port", "dir", "daemonize", "logfile"})  # settings on which the promises of Server rest
DEFAULTS = {"save": "", "appendonly": "no", "protected-mode": "yes", "loglevel": "notice"}
GRACE = 3.0  # s for a server to save and leave before a restart


class Server(ServerProcess):
    """A standalone server on a free port of 127.0.0.1, with a temporary folder of its own and no persistence.

    It lives until `stop()`, the end of its `with` block, the end of this object, or the end of this Python process,
    kill -9 included. Ctrl-C and a notebook's interrupt do not reach it.

    `config` adds to or overrides the settings (`{"maxmemory": "10mb"}`); a value is written as in a configuration file.
    After `stop()` port and data are gone; after `kill()`, `start()` or `restart()` brings it back on the same port.

    Units: `ready_within`, seconds from start to the first PONG.
    Cost: 40 to 65 ms to start, 10 ms to stop; 6 MB for the guard, beside the server's own.
    Raises: NoServer if there is no binary; ServerFailed, with the server's last words, if it does not come up, and then
    leaves nothing behind.
    """

    def __init__(
        self,
        found: Found | None = None,
        *,
        name: str = "redis",
        config: Mapping[str, str] | None = None,
        ready_within: float = 5.0,
        choose_port: Callable[[], int] = free_port,
    ) -> None:
        super().__init__(name)
        self.found = find() if found is None else found
        self.port = 0
        self._config = _checked(config or {})
        self._ready_within = ready_within
        self._choose_port = choose_port

    def start(self) -> Server:
        """Start the server and return it when it answers; do nothing if it runs already."""
        if self.is_alive():
            return self
        try:
            self._come_up()
        except BaseException as error:  # an interrupt too
            self.stop()
            if isinstance(error, OSError):
                raise ServerFailed(f"{self.name}, {self.found}: it could not be started: {error}") from error
            raise
        return self

    def stop(self) -> None:
        """End the server, even a paused one, and remove its folder. Safe to call twice."""
        self.end()

    def restart(self) -> None:
        """SIGTERM, then start again on the same port and in the same folder; only what was saved there survives."""
        if self._process is not None:
            self._process.terminate(GRACE)
        self.start()

    @property
    def url(self) -> str:
        """The address for a client: redis://127.0.0.1:PORT/0."""
        if not self.port:
            raise ServerFailed(f"{self.name} has no address yet: call start(), or use it in a with statement")
        password = self._config.get("requirepass", "")
        return f"redis://{':' + quote(password, safe='') + '@' if password else ''}{HOST}:{self.port}/0"

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"running at {self.url}, pid {self.pid}" if self.is_alive() else "not running"
        return f"<Server {self.name}: {self.found}, {state}>"

    def _come_up(self) -> None:
        deadline, password = time.monotonic() + self._ready_within, self._config.get("requirepass", "")
        settings = self.directory / "redis.conf"
        fresh = self._process is None
        if self._process is None:
            command = [str(self.found.path), str(settings)]
            # No grace: what a server would save on SIGTERM goes with its folder.
            self._process = GuardedProcess(command, folder=self.directory, log=self.log, grace=0)
        for _ in range(ATTEMPTS):
            self.port = self._choose_port() if fresh else self.port
            settings.write_text(self._settings(), encoding="utf-8")
            said_before = len(self._said())
            self._process.run()
            if answers(self._process, self.port, deadline, password):
                return
            said = self._said()[said_before:]
            if self._process.is_alive() or not TAKEN.search(said):
                break
        what = f"{self.name}, {self.found}, on port {self.port}"
        raise ServerFailed(story(what, self._process, self._ready_within, said))

    def _settings(self) -> str:
        ours = {"bind": HOST, "port": str(self.port), "dir": "./", "daemonize": "no", "logfile": ""}
        return "".join(f"{key} {value or EMPTY}\n" for key, value in (DEFAULTS | self._config | ours).items())


def _checked(config: Mapping[str, str]) -> dict[str, str]:
    """The settings, if they can be one line each and leave alone what Server itself decides."""
    for key, value in config.items():
        if key.lower() in OURS:
            raise ValueError(f"{key} is set by Server itself and cannot be in config")
        if "\n" in f"{key}{value}" or not key.strip():
            raise ValueError(f"a setting is one line, this is not: {key!r}: {value!r}")
    return {key.lower(): value for key, value in config.items()}
