"""Free ports on 127.0.0.1."""

from __future__ import annotations

import random
import socket
import sys

HOST = "127.0.0.1"
# Below the ports that Linux (from 32,768) and macOS (from 49,152) give to outgoing connections. Among those, a client
# could take the port of a server that is about to come back, or connect to itself. A port + 10,000 is below them too.
PORTS = range(12_000, 22_000)

_draw = random.SystemRandom()  # not the global generator: two kernels with one seed must not want the same port


def free_port() -> int:
    """A port of 127.0.0.1 that no process listens on now. Another one may still take it before its first use."""
    if sys.platform == "emscripten":
        return PORTS.start  # in a browser nobody listens
    for port in _draw.sample(PORTS, 200):
        if _can_bind(HOST, port) and _can_bind("", port):  # macOS lets 127.0.0.1 shadow a listener on every address
            return port
    raise OSError(f"no free port on {HOST} between {PORTS.start} and {PORTS.stop}")


def _can_bind(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the server will, so that a lingering connection of another one does not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
