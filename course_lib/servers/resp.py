"""Where a request or a reply ends in a stream of RESP2 or RESP3, the protocol of Redis.

Source: redis.io, "Redis serialization protocol specification".
"""

from __future__ import annotations


class Splitter:
    """Cuts a RESP2 or RESP3 stream into whole requests or replies, however it is torn into packets."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0  # how far the frame that begins the buffer has been read
        self._left = 1  # its items that are still to be read

    def feed(self, data: bytes) -> tuple[list[bytes], bool]:
        """The frames that are complete now, and whether nothing is left over."""
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


def words(request: bytes) -> list[bytes]:
    """The command's words: an array of bulk strings, or a line as typed by hand."""
    if not request.startswith(b"*"):
        return request.split() or [b""]
    found, at = [], request.index(b"\r\n") + 2
    while at < len(request):
        start = request.index(b"\r\n", at) + 2
        length = int(request[at + 1 : start - 2])
        found.append(request[start : start + length])
        at = start + length + 2
    return found or [b""]
