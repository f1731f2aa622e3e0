"""The relay in a container: relay.py, and a port at which it hears who is to be cut off.

Run as a script: `python -I -S relay_service.py PORT ORDER …`, with relay.py beside it. It gives relay.py these orders,
which say where it listens, and then hears at that port, a line each: `cut OWNER`, `heal OWNER`, and `cuts`, which asks
who is cut off. It answers `ok`, after `cuts` with their ports, or `wrong` to all else. It ends when the relay does.
"""

from __future__ import annotations

import os
import re
import socketserver
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

RELAY = Path(__file__).with_name("relay.py")
EVERYWHERE = "0.0.0.0"  # in the container: the engine decides what of it can be reached from outside
ORDER = re.compile(r"(cut|heal) (\d{1,5})")
LONGEST = 64  # bytes of a line
WITHIN = 5.0  # s for the next line


class RelayProcess:
    """The relay's process, and the nodes that it was told to cut off. It is given one order at a time."""

    def __init__(self, orders: IO[str], answers: IO[str]) -> None:
        self._orders, self._answers = orders, answers
        self._lock = threading.Lock()
        self._cuts: set[str] = set()

    def order(self, line: str) -> str:
        """Give an order; what the relay answers. Ends this process if the relay has ended."""
        self._orders.write(f"{line}\n")
        self._orders.flush()
        answer = self._answers.readline().strip()
        if not answer:
            os._exit(1)  # other threads wait for connections, and nothing can be passed on any more
        return answer

    def hear(self, line: str) -> str:
        """What to answer to a line from outside."""
        with self._lock:
            if line == "cuts":
                return " ".join(["ok", *sorted(self._cuts)])
            said = ORDER.fullmatch(line)
            if said is None:
                return "wrong"
            (self._cuts.add if said[1] == "cut" else self._cuts.discard)(said[2])
            return self.order(line)


class OrderHandler(socketserver.StreamRequestHandler):
    """One connection from outside."""

    timeout = WITHIN
    server: OrderServer

    def handle(self) -> None:
        while line := self.rfile.readline(LONGEST).decode(errors="replace").strip():
            self.wfile.write(f"{self.server.relay.hear(line)}\n".encode())


class OrderServer(socketserver.ThreadingTCPServer):
    """The port at which orders are heard."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, port: int, relay: RelayProcess) -> None:
        super().__init__((EVERYWHERE, port), OrderHandler)
        self.relay = relay

    def handle_error(self, *_: object) -> None:
        """A client that leaves too early, or says nothing for too long, gets no answer."""


def main(port: str, *orders: str) -> None:
    """Serve until the relay ends, or this process is ended."""
    command, pipe = [sys.executable, "-I", "-S", str(RELAY), EVERYWHERE], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        relay = RelayProcess(process.stdin, process.stdout)
        for order in orders:
            if (answer := relay.order(order)) != "ok":
                sys.exit(f"{order}: {answer}")
        with OrderServer(int(port), relay) as service:
            service.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
