"""Starts the relay (relay.py) and gives it orders, whether it is a process of ours or runs in a container."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from course_lib.errors import ServerFailed
from course_lib.servers.guarded_process import GuardedProcess, guarded
from course_lib.servers.ports import HOST

SCRIPT = Path(__file__).with_name("relay.py")
ATTEMPTS = 20  # ports to try: other processes choose theirs among the same
ANSWERS = ("ok", "taken")
WITHIN = 5.0  # s for a relay in a container to take an order


class RelayControl:
    """A port for each address of a topology, which leads to a server's own port until it is cut off.

    An order holds as soon as its method returns. Any thread can give it.

    Cost: 40 ms to start and one process, with its guard, for a whole topology; about 0.05 ms for each round trip
    through it.
    Raises: ServerFailed if the relay is gone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: GuardedProcess | None = None

    def start(self) -> None:
        command = [sys.executable, "-I", "-S", str(SCRIPT)]
        pipe = subprocess.PIPE
        self._process = guarded(command, grace=0, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        """End the relay and every connection through it. Safe to call twice."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def listen(self, choose_port: Callable[[], int], *, owner: int = 0, bus: bool = False) -> int:
        """Open a port and return it: that of the node `owner`, or of a new node if `owner` is 0."""
        for _ in range(ATTEMPTS):
            port = choose_port()
            if self._order(f"listen {port} {port} {owner or port} {'bus' if bus else 'node'}") == "ok":
                return port
        raise ServerFailed(f"none of {ATTEMPTS} ports that looked free could be had")

    def route(self, port: int, target: int) -> None:
        """New connections to a port lead to that target from now on."""
        self._order(f"route {port} {target}")

    def cut(self, owner: int) -> None:
        """Freeze every connection between this node and another, new ones too."""
        self._order(f"cut {owner}")

    def heal(self, owner: int) -> None:
        """End a cut: what waits is delivered."""
        self._order(f"heal {owner}")

    def cuts(self) -> frozenset[int]:
        """The nodes that are cut off."""
        return frozenset(map(int, self._order("cuts").split()[1:]))

    def close(self, owner: int) -> None:
        """Give up a node's ports and reset what is open there."""
        self._order(f"close {owner}")

    def _order(self, line: str) -> str:
        with self._lock:
            try:
                answer = self._told(line)
            except OSError:
                answer = ""
        if answer.partition(" ")[0] not in ANSWERS:  # no relay is there, or another program
            raise ServerFailed("the topology's relay is gone: call stop() and start()")
        return answer

    def _told(self, line: str) -> str:
        """Its answer, or "" if there is none. Raises: OSError as well if it is gone."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ServerFailed("the topology's relay does not run: call start()")
        return _answer(line, process.stdin, process.stdout)


class ContainerRelayControl(RelayControl):
    """The relay in its container, which hears orders at a port of this machine; the engine starts and ends it."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def start(self) -> None:
        """Nothing: docker-compose.yml says how it is started."""

    def stop(self) -> None:
        """Nothing: other topologies may use it too."""

    def _told(self, line: str) -> str:
        with (
            socket.create_connection((HOST, self._port), WITHIN) as connection,
            connection.makefile("w") as orders,
            connection.makefile() as answers,
        ):
            return _answer(line, orders, answers)


def _answer(line: str, orders: IO[str], answers: IO[str]) -> str:
    orders.write(f"{line}\n")
    orders.flush()
    return answers.readline().strip()
