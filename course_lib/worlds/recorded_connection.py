"""Connections in real time that write what passes through them into a trace."""

from __future__ import annotations

from collections import deque
from typing import Any

from redis.exceptions import ResponseError

from course_lib.trace import Event, is_pushed
from course_lib.worlds.live import Live


class RecordedConnection:
    """A connection that writes what passes through it into a trace. Mixed into a connection class of redis-py's."""

    def __init__(self, *, recorder: Live, node: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._recorder, self._node = recorder, node
        self._packed: list[tuple[bytes, ...]] = []
        self._asked: deque[Event] = deque()
        self._greeting = False  # HELLO and CLIENT SETINFO are redis-py's, not the pattern's

    async def connect(self) -> None:
        self._greeting = True
        try:
            await super().connect()  # type: ignore[misc]
        finally:
            self._greeting = False
            self._packed.clear()

    def pack_command(self, *args: Any) -> Any:
        packed = super().pack_command(*args)  # type: ignore[misc]  # first, because it refuses what is not a command
        encode = self.encoder.encode  # type: ignore[attr-defined]
        self._packed.append((*bytes(encode(args[0])).split(), *(bytes(encode(argument)) for argument in args[1:])))
        return packed

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        packed, self._packed = self._packed, []
        if not self.is_connected:  # type: ignore[attr-defined]
            await self.connect()
        if not self._greeting:
            self._asked.extend([self._recorder.record(self._node, args) for args in packed])
        await super().send_packed_command(command, check_health)  # type: ignore[misc]

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        try:
            reply = await super().read_response(*args, **kwargs)  # type: ignore[misc]
        except ResponseError as error:
            self._answered(error)
            raise
        if reply is not None or kwargs.get("timeout") is None:  # otherwise nothing came, a subscriber's time is up
            self._answered(_as_wire(reply), may_be_pushed=bool(kwargs.get("push_request")))
        return reply

    def _answered(self, reply: Any, *, may_be_pushed: bool = False) -> None:
        if self._greeting:
            return
        pushed = may_be_pushed and isinstance(reply, list) and (not self._asked or is_pushed(reply))
        if pushed:
            event = self._recorder.record(self._node, (b"PUSH",))
        elif self._asked:
            event = self._asked.popleft()
        else:
            return
        event.reply, event.t_end = reply, self._recorder.now()
        event.t_server = (event.t_start + event.t_end) / 2

    async def disconnect(self, *args: Any, **kwargs: Any) -> None:
        for event in self._asked:
            event.fault = "no reply"
        self._asked.clear()
        await super().disconnect(*args, **kwargs)  # type: ignore[misc]


def _as_wire(reply: Any) -> Any:
    """A reply as it was on the wire, before redis-py decoded it, so that traces of all worlds compare."""
    if isinstance(reply, str):
        return reply.encode()
    if isinstance(reply, list):
        return [_as_wire(item) for item in reply]
    return reply
