"""Ask servers, with a bound on the wait: a server that has not answered by then (dead, paused, busy) is left out.

In plain RESP2, without the client library that the lessons are about: none of its retries, none of its time-outs.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from course_lib.errors import ServerFailed
from course_lib.servers.ports import HOST
from course_lib.servers.resp import Command, Refusal, Splitter, decoded, encoded


def ask_all(questions: Mapping[int, Sequence[Command]], within: float = 0.25) -> dict[int, list[Any]]:
    """What each server (by port) answered to its commands; one that did not answer all of them is left out.

    The servers are asked at the same time. A reply is a str, an int, None, a list of these, or a Refusal.
    Units: `within`, seconds for all of them together.
    """
    deadline = time.monotonic() + within
    with ThreadPoolExecutor(len(questions) or 1) as pool:
        asked = {port: pool.submit(_replies, port, commands, deadline) for port, commands in questions.items()}
    answers = {port: future.result() for port, future in asked.items()}
    return {port: replies for port, replies in answers.items() if replies is not None}


def ask(port: int, *words: str | int, within: float = 5.0) -> Any:
    """What one server answers to one command.

    Raises: ServerFailed if it refuses, or does not answer within that many seconds.
    """
    replies = _replies(port, [words], time.monotonic() + within)
    command = " ".join(map(str, words))[:80]
    if replies is None:
        raise ServerFailed(f"the server at port {port} did not answer {command} within {within:g} s")
    if isinstance(replies[0], Refusal):
        raise ServerFailed(f"the server at port {port} refused {command}: {replies[0]}")
    return replies[0]


def server_pid_at(port: int, *, password: str = "", timeout: float = 0.2) -> int | None:
    """The process id of the Redis or Valkey that answers PING at a port, or None if none does within `timeout` seconds.

    The id tells our server from another that took the port first.
    """
    commands: list[Command] = [("AUTH", password)] if password else []
    replies = _replies(port, [*commands, ("PING",), ("INFO", "server")], time.monotonic() + timeout)
    if replies is None or replies[-2] != "PONG":
        return None
    return int(info(replies[-1]).get("process_id", 0)) or None


def info(text: Any) -> dict[str, str]:
    """The fields of INFO, CLUSTER INFO and the like; empty for anything but text."""
    lines = text.splitlines() if isinstance(text, str) else ()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def frames(port: int, commands: Sequence[Command], deadline: float) -> list[bytes]:
    """The replies of one server to these commands, byte for byte.

    Units: `deadline`, seconds of time.monotonic().
    Raises: OSError if the server is not there, closes the connection or is late; ValueError if it does not speak RESP.
    """

    def left() -> float:
        if (seconds := deadline - time.monotonic()) <= 0:
            raise TimeoutError
        return seconds

    splitter, found = Splitter(), list[bytes]()
    with socket.create_connection((HOST, port), left()) as connection:
        connection.sendall(b"".join(map(encoded, commands)))
        while len(found) < len(commands):
            connection.settimeout(left())
            data = connection.recv(65_536)
            if not data:
                raise ConnectionResetError("the server closed the connection")
            found += splitter.feed(data)[0]
    return found


def _replies(port: int, commands: Sequence[Command], deadline: float) -> list[Any] | None:
    try:
        return [decoded(frame) for frame in frames(port, commands, deadline)]
    except (OSError, ValueError):
        return None
