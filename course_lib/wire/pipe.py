"""Messages through a pair of pipes: each begins with its length, in four bytes."""

from __future__ import annotations

import os
import select
from math import inf
from time import monotonic

MOST, ALL = 8_000_000, 400_000_000
"""Bytes in a message, and in all of them; a child that says more is not listened to any further."""


class Broken(KeyboardInterrupt):
    """Nobody is at the other end any more, or what came from there makes no sense. An interrupt, because asyncio lets
    nothing else out of a task at once."""


class Flooded(Broken):
    """More came than is listened to."""


class Silent(KeyboardInterrupt):
    """No message came in time; `whole`: not in the time that all of them together have."""

    def __init__(self, *, whole: bool = False) -> None:
        super().__init__()
        self.whole = whole


class Pipe:
    """One end: messages are read from one descriptor, and written to another.

    `seconds` is how long to wait for a message, and `deadline` when the time for all of them ends, by the clock
    `monotonic`.
    """

    def __init__(self, reads: int, writes: int, seconds: float = inf) -> None:
        self.reads, self.writes, self.seconds, self.deadline = reads, writes, seconds, inf
        self._poll = select.poll()
        self._poll.register(reads, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(writes, select.POLLOUT)
        if seconds < inf:
            os.set_blocking(writes, False)
        self._read, self._heard = b"", 0

    def send(self, message: bytes) -> None:
        """Raises: Broken; Silent, where nobody reads it in time."""
        data = len(message).to_bytes(4, "big") + message
        until = None
        while True:
            try:
                written = os.write(self.writes, data)
                if written == len(data):
                    return
                data = data[written:]
            except BlockingIOError:
                until = until or self._until()
                self._wait(self._writable, until)
            except OSError as error:
                raise Broken(str(error)) from error

    def _until(self) -> float:
        return min(monotonic() + self.seconds, self.deadline)

    def _wait(self, poll: select.poll, until: float) -> None:
        """Wait until the other end is ready. A child that keeps talking gets no more time than others. Raises:
        Silent."""
        left = until - monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise Silent(whole=until == self.deadline)

    def receive(self) -> bytes:
        """Raises: Broken; Silent."""
        deadline = inf if self.seconds == inf else self._until()
        read = self._read or self._more(deadline)
        while len(read) < 4:
            read += self._more(deadline)
        end = 4 + int.from_bytes(read[:4], "big")
        if len(read) == end:  # as it nearly always is
            self._read = b""
            return read[4:]
        if end > MOST:
            raise Flooded(f"a message of {end:,} bytes; {MOST:,} is the most")
        while len(read) < end:
            read += self._more(deadline)
        self._read = read[end:]
        return read[4:end]

    def _more(self, deadline: float) -> bytes:
        if deadline < inf:
            self._wait(self._poll, deadline)
        try:
            part = os.read(self.reads, 65_536)
        except OSError as error:
            raise Broken(str(error)) from error
        self._heard += len(part)
        if not part:
            raise Broken("the pipe was closed")
        if self._heard > ALL:
            raise Flooded(f"more than {ALL:,} bytes")
        return part

    def close(self) -> None:
        """Close both descriptors."""
        for descriptor in (self.reads, self.writes):
            try:
                os.close(descriptor)
            except OSError:
                pass
