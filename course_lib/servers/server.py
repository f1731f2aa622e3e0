"""One standalone Redis or Valkey as a local process that ends when this Python process ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from urllib.parse import quote

from course_lib.errors import ServerFailed
from course_lib.servers.guarded_process import GuardedProcess
from course_lib.servers.lookup import Found, find
from course_lib.servers.ports import HOST, free_port
from course_lib.servers.server_process import ATTEMPTS, PortTaken, ServerProcess, as_lines, checked_settings

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
        self._config = checked_settings(config or {}, OURS, "Server")
        super().__init__(name, found or find(), ready_within, self._config.get("requirepass", ""))
        self.port = 0
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
        user = f":{quote(self._password, safe='')}@" if self._password else ""
        return f"redis://{user}{HOST}:{self.port}/0"

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"running at {self.url}, pid {self.pid}" if self.is_alive() else "not running"
        return f"<Server {self.name}: {self.found}, {state}>"

    def _come_up(self) -> None:
        settings = self.directory / "redis.conf"
        fresh = self._process is None
        if self._process is None:
            command = [str(self.found.path), str(settings)]
            # No grace: what a server would save on SIGTERM goes with its folder.
            self._process = GuardedProcess(command, folder=self.directory, log=self.log, grace=0)
        deadline = time.monotonic() + self._ready_within
        for left in reversed(range(ATTEMPTS)):
            self.port = self._choose_port() if fresh else self.port
            settings.write_text(self._settings(), encoding="utf-8")
            try:
                return self._run(self._process, self.port, deadline)
            except PortTaken:
                if not left:
                    raise

    def _settings(self) -> str:
        ours = {"bind": HOST, "port": str(self.port), "dir": "./", "daemonize": "no", "logfile": ""}
        return as_lines(DEFAULTS | self._config | ours)
