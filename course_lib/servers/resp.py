"""RESP, the protocol of Redis: a command as bytes, where a request or a reply ends in a stream, a reply as a value.

Source: redis.io, "Redis serialization protocol specification".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Command = Sequence[str | int]


class Refusal(str):
    """An error that a server answered: `CLUSTERDOWN The cluster is down`."""

    __slots__ = ()


def encoded(command: Command) -> bytes:
    """A command as it is sent."""
    parts = [str(word).encode(errors="surrogateescape") for word in command]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


class Splitter:
    """Cuts a RESP2 or RESP3 stream into whole requests or replies, however it is torn into packets."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0  # how far the frame that begins the buffer has been read
        self._left = 1  # its items that are still to be read

    def feed(self, data: bytes) -> tuple[list[bytes], bool]:
        """The frames that are complete now, and whether nothing is left over. Raises: ValueError if it is not RESP."""
        self._buffer += data
        frames: list[bytes] = []
        while (end := self._buffer.find(b"\r\n", self._at) + 2) > 1:
            kind, head = self._buffer[self._at : self._at + 1], self._buffer[self._at + 1 : end - 2]
            if kind in b"$=!" and int(head) >= 0:
                end += int(head) + 2
                if end > len(self._buffer):
                    break
            self._at = end
            # An item may announce others; a RESP3 attribute (|) stands before the item that it belongs to.
            self._left -= kind != b"|"
            if kind in b"*~>%|":
                self._left += max(0, int(head)) * (2 if kind in b"%|" else 1)
            if self._left == 0:
                frames.append(bytes(self._buffer[:end]))
                del self._buffer[:end]
                self._at, self._left = 0, 1
        return frames, not self._buffer


def decoded(frame: bytes) -> Any:
    """A whole RESP2 reply as a value: a str, an int, None, a list of these, or a Refusal."""
    return _value(frame, 0, lambda bulk: bulk.decode(errors="surrogateescape"))[0]


def words(request: bytes) -> list[bytes]:
    """The words of a whole request: an array of bulk strings, or a line as typed by hand."""
    found = _value(request, 0, bytes)[0] if request.startswith(b"*") else request.split()
    return found or [b""]


def _value(frame: bytes, at: int, read_bulk: Callable[[bytes], object]) -> tuple[Any, int]:
    """The value that begins at `at`, and where the next one does."""
    end = frame.index(b"\r\n", at)
    kind, head = frame[at : at + 1], frame[at + 1 : end].decode()
    at = end + 2
    if kind == b"$" and head != "-1":
        return read_bulk(frame[at : at + int(head)]), at + int(head) + 2
    if kind == b"*" and head != "-1":
        items = []
        for _ in range(int(head)):
            item, at = _value(frame, at, read_bulk)
            items.append(item)
        return items, at
    if kind == b":":
        return int(head), at
    return (head if kind == b"+" else Refusal(head) if kind == b"-" else None), at
