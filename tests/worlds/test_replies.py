"""Reply for reply, the simulated server and real ones: a table of exchanges, and random sequences of commands.

What may differ stands in one list, `MAY_DIFFER`, each line with its reason.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import redis

from course_lib.servers import Server, find_all
from course_lib.sim import Simulation, steady

from .exchanges import BEYOND_VALKEY, EXCHANGES, Command
from .random_commands import sequence

SERVERS = {f"{found.flavor} {found.version}": found for found in find_all()}

MAY_DIFFER: dict[str, str] = {
    r"P?TTL |P?EXPIRETIME ": "times: to 2 s; moments: the simulation begins in 2023",
    r"H?SCAN\b": "page: its order follows the hash function of the machine",
    r"(KEYS|SMEMBERS|SINTER|SUNION|SDIFF|HGETALL|HKEYS|HVALS|ZUNION)\b": "order: left open, and compared sorted",
}
NOT_SIMULATED = re.compile(r"\S.* is not simulated\b.*: .+\.$")
"""A reply of the simulation that names what it does not do differs by right; it is counted, and must be rare."""


@pytest.fixture(scope="module", params=SERVERS or [pytest.param("", marks=pytest.mark.skip(reason="no server here"))])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(SERVERS[request.param]) as running:
        yield running


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


def compared(commands: Sequence[Command], server: Server) -> Iterator[tuple[Command, Any, Any]]:
    """Each command with both replies; those of a transaction one by one, after EXEC."""
    queued: list[Command] = []
    for command, reply, real in zip(commands, simulated(commands), really(server, commands), strict=True):
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


@pytest.mark.parametrize("title", EXCHANGES)
def test_an_exchange_is_answered_as_by_real_servers(title: str, server: Server) -> None:
    if "Valkey" in str(server.found) and title in BEYOND_VALKEY:
        return  # what it answers is another dialect's; the reason stands beside the title
    commands = EXCHANGES[title]
    for command, reply, real in compared(commands, server):
        if "Valkey" in str(server.found):
            assert same(command, in_no_words(reply), in_no_words(real)), (command, reply, real)
        else:
            assert same(command, reply, real), (command, reply, real)


@pytest.mark.parametrize("seeds", [range(0, 50), range(50, 100), range(100, 150)], ids=str)
def test_random_sequences_are_answered_as_by_redis(seeds: range, server: Server) -> None:
    """45 commands each: strings, hashes, sets, sorted sets, lists, streams, expiry, transactions and scripts."""
    if "Valkey" in str(server.found):
        return  # the simulation answers as Redis 7 does; where Valkey has other words, the exchanges say so
    asked = kept_back = 0
    for seed in seeds:
        commands = sequence(random.Random(seed), 45)
        for command, reply, real in compared(commands, server):
            asked += 1
            if refused(reply):
                kept_back += 1
                continue
            assert same(command, reply, real), (seed, command, reply, real)
    assert asked > 40 * len(seeds)
    assert kept_back < asked / 100


@pytest.mark.parametrize("wrong", [b"2", None, ("error", "made up"), 1, [b"1"]])
def test_a_reply_that_differs_is_seen(wrong: Any) -> None:
    """The control."""
    assert same(("GET", "k"), b"1", b"1")
    assert not same(("GET", "k"), wrong, b"1")
    assert not same(("PTTL", "k"), -2, 900)
    assert not same(("SMEMBERS", "k"), [b"a"], [b"b"])
    assert not refused(("error", "unknown command 'x'"))
