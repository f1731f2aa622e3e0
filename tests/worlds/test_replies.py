"""Reply for reply, the simulated server and real ones: a table of exchanges, and random sequences of commands.

What may differ stands in one list, `MAY_DIFFER` of replies.py, each line with its reason. recorded.json holds what a
Redis 7.0 has answered, for tests/sim, which starts no server.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from course_lib.servers import Server, find_all

from .exchanges import BEYOND_VALKEY, EXCHANGES
from .random_commands import ODD_PARTS, PARTS, sequence
from .recorded import RECORDED, commands_of
from .replies import compared, in_no_words, really, refused, same

SERVERS = {f"{found.flavor} {found.version}": found for found in find_all()}


@pytest.fixture(scope="module", params=SERVERS or [pytest.param("", marks=pytest.mark.skip(reason="no server here"))])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(SERVERS[request.param]) as running:
        yield running


@pytest.mark.parametrize("title", EXCHANGES)
def test_an_exchange_is_answered_as_by_real_servers(title: str, server: Server) -> None:
    if "Valkey" in str(server.found) and title in BEYOND_VALKEY:
        return  # what it answers is another dialect's; the reason stands beside the title
    commands = EXCHANGES[title]
    for command, reply, real in compared(commands, really(server, commands)):
        if "Valkey" in str(server.found):
            assert same(command, in_no_words(reply), in_no_words(real)), (command, reply, real)
        else:
            assert same(command, reply, real), (command, reply, real)


@pytest.mark.parametrize("parts", [PARTS, ODD_PARTS], ids=["usual", "odd"])
@pytest.mark.parametrize("seeds", [range(0, 50), range(50, 100), range(100, 150)], ids=str)
def test_random_sequences_are_answered_as_by_redis(seeds: range, parts: list[str], server: Server) -> None:
    """45 commands each: strings, hashes, sets, sorted sets, lists, streams, expiry, transactions and scripts."""
    if "Valkey" in str(server.found):
        return  # the simulation answers as Redis 7 does; where Valkey has other words, the exchanges say so
    asked = kept_back = 0
    for seed in seeds:
        commands = sequence(random.Random(seed), 45, parts)
        for command, reply, real in compared(commands, really(server, commands)):
            asked += 1
            if refused(reply):
                kept_back += 1
                continue
            assert same(command, reply, real), (seed, command, reply, real)
    assert asked > 40 * len(seeds)
    assert kept_back < asked / 100


def test_the_recording_is_what_redis_answers(server: Server) -> None:
    if not str(server.found.version).startswith("7.0"):
        return
    assert list(RECORDED) == list(commands_of())
    for title, commands in commands_of().items():
        for command, recorded, real in zip(commands, RECORDED[title], really(server, commands), strict=True):
            assert same(command, recorded, real) or command[0] == "EXEC", (title, command, recorded, real)


@pytest.mark.parametrize("wrong", [b"2", None, ("error", "made up"), 1, [b"1"]])
def test_a_reply_that_differs_is_seen(wrong: Any) -> None:
    """The control."""
    assert same(("GET", "k"), b"1", b"1")
    assert not same(("GET", "k"), wrong, b"1")
    assert not same(("PTTL", "k"), -2, 900)
    assert not same(("SMEMBERS", "k"), [b"a"], [b"b"])
    assert not refused(("error", "unknown command 'x'"))
