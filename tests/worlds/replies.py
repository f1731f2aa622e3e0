"""What the simulated server and a real one answer to the same commands, and which differences are none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import redis

from course_lib.servers import Server
from course_lib.sim import Simulation, steady

from .exchanges import Command

MAY_DIFFER: dict[str, str] = {
    r"P?TTL |P?EXPIRETIME ": "times: to 2 s; moments: the simulation begins in 2023",
    r"[HSZ]?SCAN\b": "page: its order follows the hash function of the machine",
    r"(KEYS|SMEMBERS|SINTER|SUNION|SDIFF|HGETALL|HKEYS|HVALS|ZUNION)\b": "order: left open, and compared sorted",
}
NOT_SIMULATED = re.compile(r"\S.* is not simulated\b.*: .+\.$")
"""A reply of the simulation that names what it does not do differs by right; it is counted, and must be rare."""


def plain(reply: Any) -> Any:
    if isinstance(reply, Exception):
        return "error", str(reply)
    return [plain(part) for part in reply] if isinstance(reply, list) else reply


def really(server: Server, commands: Sequence[Command]) -> list[Any]:
    """What the server answers on one connection, after everything was emptied."""
    connection = redis.Connection(host="127.0.0.1", port=server.port, protocol=2, driver_info=None)
    connection.connect()

    def ask(command: Command) -> Any:
        connection.send_command(*command)
        try:
            return connection.read_response(disable_decoding=True)
        except redis.ResponseError as error:
            return error

    try:
        ask(("FLUSHALL",))
        return [plain(ask(command)) for command in commands]
    finally:
        connection.disconnect()


async def _ask(client: Any, commands: Sequence[Command]) -> list[Any]:
    """The same on a simulated connection, past all that redis-py makes of replies."""
    connection, replies = client.connection_pool.take(), list[Any]()
    for command in commands:
        try:
            await connection.send_packed_command(connection.pack_command(*command))
            replies.append(await connection.read_response(disable_decoding=True))
        except redis.ResponseError as error:
            replies.append(error)
    return [plain(reply) for reply in replies]


def simulated(commands: Sequence[Command]) -> list[Any]:
    world = Simulation(1, latency=steady(1e-6))
    world.client("a", _ask, world.redis(), commands)
    replies = world.run()["a"]
    assert isinstance(replies, list), replies
    return replies


def same(command: Command, reply: Any, real: Any) -> bool:
    said = " ".join(map(str, command)) + " "
    why = next((why for pattern, why in MAY_DIFFER.items() if re.match(pattern, said, re.IGNORECASE)), "")
    if why.startswith("times") and isinstance(reply, int) and isinstance(real, int) and min(reply, real) > 0:
        return abs(reply - real) <= (2000 if said[0] in "pP" else 2) or min(reply, real) > 10**9
    if why and isinstance(reply, list) and isinstance(real, list):
        return why.startswith("page") or sorted(map(repr, reply)) == sorted(map(repr, real))
    return bool(reply == real)


def compared(commands: Sequence[Command], real_ones: Sequence[Any]) -> Iterator[tuple[Command, Any, Any]]:
    """Each command with the simulation's reply and the real one; those of a transaction one by one, after EXEC."""
    queued: list[Command] = []
    for command, reply, real in zip(commands, simulated(commands), real_ones, strict=True):
        if command[0] == "EXEC" and isinstance(reply, list) and isinstance(real, list) and len(reply) == len(real):
            yield from zip(queued, reply, real, strict=True)
        else:
            yield command, reply, real
        if command[0] in ("EXEC", "DISCARD"):
            queued = []
        elif reply == b"QUEUED":
            queued.append(command)


def in_no_words(reply: Any) -> Any:
    """Valkey has its own words for errors, without "Redis": that there is one, and its code, must be the same."""
    if isinstance(reply, tuple):
        return "error", (re.match(r"[A-Z]{4,}\b", reply[1]) or [""])[0]
    return [in_no_words(part) for part in reply] if isinstance(reply, list) else reply


def refused(reply: Any) -> bool:
    return isinstance(reply, tuple) and NOT_SIMULATED.match(reply[1]) is not None
