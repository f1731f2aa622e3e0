"""Ask several servers at once, and never wait longer than was said: whoever has not answered by then, be it dead,
paused or busy, is left out.

In plain RESP2, and with nothing of the client library that the lessons are about: none of its retries, none of its
time-outs.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.errors import ServerFailed
from course_lib.servers.ports import HOST
from course_lib.servers.resp import Splitter

Command = Sequence[str | int]


class Refusal(str):
    """An error that a server answered: `CLUSTERDOWN The cluster is down`."""

    __slots__ = ()


class Conversation:
    """One connection to one server. Commands go out at once, and their replies are collected as they come."""

    def __init__(self, port: int, commands: Sequence[Command]) -> None:
        self.replies: list[Any] = []
        self.missing = len(commands)
        self.request = b"".join(map(encoded, commands))
        self._splitter = Splitter()
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex((HOST, port))

    def go_on(self, events: int) -> bool:
        """Send or receive what can be; return whether there is more to wait for. Raises: OSError."""
        if events & selectors.EVENT_WRITE and self.request:
            self.request = self.request[self.socket.send(self.request) :]
        if events & selectors.EVENT_READ:
            data = self.socket.recv(65_536)
            if not data:
                raise ConnectionResetError("the server closed the connection")
            frames, _ = self._splitter.feed(data)
            self.replies += [decoded(frame) for frame in frames]
        return len(self.replies) < self.missing


def ask_all(questions: Mapping[int, Sequence[Command]], within: float = 0.25) -> dict[int, list[Any]]:
    """What each server (by port) answered to its commands; one that did not answer all of them is left out.

    A reply is a str, an int, None, a list of these, or a Refusal.
    Units: `within`, seconds for all of them together.
    """
    deadline, answers = time.monotonic() + within, {}
    with selectors.DefaultSelector() as selector:
        try:
            for port, commands in questions.items():
                talk = Conversation(port, commands)
                selector.register(talk.socket, selectors.EVENT_WRITE, (port, talk))
            while selector.get_map() and (left := deadline - time.monotonic()) > 0:
                for key, events in selector.select(left):
                    port, talk = key.data
                    try:
                        waits = talk.go_on(events)
                    except OSError:  # refused or reset
                        _leave(selector, talk)
                        continue
                    if waits:
                        reads, writes = selectors.EVENT_READ, selectors.EVENT_WRITE if talk.request else 0
                        selector.modify(talk.socket, reads | writes, key.data)
                    else:
                        answers[port] = talk.replies
                        _leave(selector, talk)
        finally:
            for key in list(selector.get_map().values()):
                _leave(selector, key.data[1])
    return answers


def ask(port: int, *words: str | int, within: float = 5.0) -> Any:
    """What one server answers to one command.

    Raises: ServerFailed if it refuses, or does not answer within that many seconds.
    """
    answers = ask_all({port: [words]}, within)
    command = " ".join(map(str, words))[:80]
    if port not in answers:
        raise ServerFailed(f"the server at port {port} did not answer {command} within {within:g} s")
    if isinstance(reply := answers[port][0], Refusal):
        raise ServerFailed(f"the server at port {port} refused {command}: {reply}")
    return reply


def info(text: Any) -> dict[str, str]:
    """The fields of INFO, CLUSTER INFO and the like; empty for anything but text."""
    lines = text.splitlines() if isinstance(text, str) else ()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def encoded(command: Command) -> bytes:
    """A command as it is sent."""
    parts = [str(word).encode(errors="surrogateescape") for word in command]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


def decoded(frame: bytes) -> Any:
    """A whole RESP2 reply as a value."""
    return _value(frame, 0)[0]


def _value(frame: bytes, at: int) -> tuple[Any, int]:
    end = frame.index(b"\r\n", at)
    kind, head = frame[at : at + 1], frame[at + 1 : end].decode()
    at = end + 2
    if kind == b"$" and head != "-1":
        return frame[at : at + int(head)].decode(errors="surrogateescape"), at + int(head) + 2
    if kind == b"*" and head != "-1":
        items = []
        for _ in range(int(head)):
            item, at = _value(frame, at)
            items.append(item)
        return items, at
    if kind == b":":
        return int(head), at
    return (head if kind == b"+" else Refusal(head) if kind == b"-" else None), at


def _leave(selector: selectors.BaseSelector, talk: Conversation) -> None:
    selector.unregister(talk.socket)
    talk.socket.close()
