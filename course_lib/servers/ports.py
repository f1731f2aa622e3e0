"""Free ports on 127.0.0.1, and who answers at one."""

from __future__ import annotations

import random
import re
import socket

HOST = "127.0.0.1"
# Below the ports that Linux (from 32,768) and macOS (from 49,152) give to outgoing connections. Among those, a client
# could take the port of a server that is about to come back, or connect to itself. A port + 10,000 is below them too.
PORTS = range(12_000, 22_000)

_draw = random.SystemRandom()  # not the global generator: two kernels with one seed must not want the same port


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now; whoever binds it first has it."""
    for port in _draw.sample(PORTS, 200):
        if _can_bind(HOST, port) and _can_bind("", port):  # macOS lets 127.0.0.1 shadow a listener on every address
            return port
    raise OSError(f"no free port on {HOST} between {PORTS.start} and {PORTS.stop}")


def server_pid_at(port: int, *, password: str = "", timeout: float = 0.2) -> int | None:
    """The process id of the Redis or Valkey that answers PING at a port, or None if none does within `timeout` seconds.

    The id tells our server from another that took the port first.
    """
    auth = _encode("AUTH", password) if password else b""
    reply = b""
    try:
        with socket.create_connection((HOST, port), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(auth + _encode("PING") + _encode("INFO", "server"))
            while not (found := re.search(rb"\+PONG\r\n.*process_id:(\d+)\r\n", reply, re.DOTALL)):
                more = connection.recv(65536)
                if not more or len(reply) > 65536:
                    return None
                reply += more
    except OSError:
        return None
    return int(found[1])


def _can_bind(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as the server will: a lingering connection is no bar
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _encode(*words: str) -> bytes:
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
