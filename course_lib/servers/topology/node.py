"""One server of a topology as a local process: command and configuration of its service in docker-compose.yml."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Callable, Mapping

from course_lib.errors import ServerFailed
from course_lib.servers.guarded_process import GuardedProcess
from course_lib.servers.lookup import Found
from course_lib.servers.ports import HOST
from course_lib.servers.relay.control import RelayControl
from course_lib.servers.server_process import ATTEMPTS, PortTaken, ServerProcess, as_lines
from course_lib.servers.topology.compose_file import CONFIG, MOUNTED, Service

READY_WITHIN = 10.0  # s from start to the first PONG, on a machine under heavy load


class TopologyNode(ServerProcess):
    """A server with a folder of its own. Others reach it at `port`; it listens at `own`, behind the relay if any.

    Three things differ from the service: the ports; the address that it listens on, which is 127.0.0.1; and a
    Sentinel's identity, which must be unique among all topologies.
    """

    def __init__(
        self, service: Service, found: Found, relay: RelayControl | None, choose_port: Callable[[], int]
    ) -> None:
        super().__init__(service.name, found, READY_WITHIN)
        self.service, self.kind = service, service.kind
        self.port = self.own = self.bus = self.own_bus = 0
        self.is_cut = False
        self._relay, self._choose_port = relay, choose_port
        self._is_in_cluster = any("cluster" in word for word in service.command)
        self._identity = secrets.token_hex(16)

    def claim(self) -> None:
        """Take the port at which others reach this node for as long as the topology lives."""
        if self._relay is None:
            self.port = self._choose_port()
            return
        self.port = self._relay.listen(self._choose_port)
        if self._is_in_cluster:
            self.bus = self._relay.listen(self._choose_port, owner=self.port, bus=True)

    def start(self, addresses: Mapping[int, int], settings: Mapping[str, str]) -> None:
        """Start the server for the first time; return when it answers.

        `addresses`: for each port in docker-compose.yml, where it is here. `settings` go on top of the file's.
        """
        for left in reversed(range(ATTEMPTS)):
            self._choose_own()
            self._process = GuardedProcess(self._command(addresses), folder=self.directory, log=self.log, grace=0)
            self._write_config(addresses, settings)
            try:
                return self.run()
            except PortTaken:
                if not left:
                    raise
                self.stop()
                if self._relay is None:
                    self.claim()

    def run(self) -> None:
        """Start the server again, in its folder and at its port; return when it answers. One that runs is killed."""
        if self._process is None:
            raise ServerFailed(f"{self.name} has never run: start the topology first")
        self._process.kill()
        self._run(self._process, self.own, time.monotonic() + READY_WITHIN)

    def reset(self, addresses: Mapping[int, int], settings: Mapping[str, str]) -> None:
        """Start the server with an empty folder; return when it answers."""
        self.kill()
        for path in self.directory.glob("*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._write_config(addresses, settings)
        self.run()

    @property
    def state(self) -> str:
        """What we know without asking it."""
        if self._process is None or not self._process.is_alive():
            return "down"
        return "paused" if self._process.is_paused else "cut off" if self.is_cut else "up"

    def _choose_own(self) -> None:
        """Where the server itself listens."""
        if self._relay is None:
            self.own = self.port
            return
        self.own = self._choose_port()
        self._relay.route(self.port, self.own)
        if self.bus:
            self.own_bus = self._choose_port()
            self._relay.route(self.bus, self.own_bus)

    def _command(self, addresses: Mapping[int, int]) -> list[str]:
        """The service's command, run in a folder that holds what a container has mounted."""
        here = {str(port): str(address) for port, address in addresses.items()}
        words, mine = [], self._own_words()
        for before, word in zip(("", *self.service.command), self.service.command, strict=False):
            word = mine.get(before) or here.get(word) or word.replace(MOUNTED, MOUNTED[1:])
            words.append(str(self.found.path) if word == "redis-server" else word)
        return words

    def _own_words(self) -> dict[str, str]:
        """Words of this node alone, by the word before each: where it listens, and how others know it."""
        port, bus = str(self.port), str(self.bus)
        announced = {"--replica-announce-port": port, "--cluster-announce-port": port, "announce-port": port}
        identity = {"myid": f"{self.port:08d}{self._identity}"}  # a Sentinel's; the relay reads the port in it
        return announced | identity | {"--port": str(self.own), "--cluster-announce-bus-port": bus}

    def _write_config(self, addresses: Mapping[int, int], settings: Mapping[str, str]) -> None:
        """Copy the configuration files, with ports as they are here, and this node's settings in the one it reads."""
        folder = self.directory / MOUNTED.strip("/")
        folder.mkdir(mode=0o700)
        mine = {name for word in self.service.command for name in re.findall(f"{MOUNTED}([\\w.]+)", word)}
        for path in CONFIG.glob("*.conf"):
            text = path.read_text(encoding="utf-8").replace(MOUNTED, MOUNTED[1:])
            text = re.sub(r"\b\d{5}\b", lambda port: str(addresses.get(int(port[0]), port[0])), text)
            if path.name in mine:
                text += as_lines(self._local() | dict(settings))
            (folder / path.name).write_text(text, encoding="utf-8")

    def _local(self) -> dict[str, str]:
        """Settings of a local process: it listens on 127.0.0.1 only, and its bus on a port that was free."""
        local = {"bind": HOST, "protected-mode": "yes"}
        return local | {"cluster-port": str(self.own_bus)} if self.bus else local
