"""Sessions through a network that loses replies and resets connections, on each server of this machine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from course_lib.patterns.sessions import Sessions
from course_lib.servers import Proxy, Server


async def logging_in(server: Server, retries: int, protocol: int) -> tuple[Any, Any, list[str], list[str]]:
    """A log-in whose reply is lost: what the old and the new id open, and which keys there are and should be."""
    with Proxy(server.port) as proxy:
        options: dict[str, Any] = {"decode_responses": True, "protocol": protocol}
        async with Redis.from_url(proxy.url, retry=Retry(NoBackoff(), retries), **options) as client:
            sessions = Sessions(client, "shop", idle=600, lifetime=6000)
            old = await sessions.log_in(cart="duck")
            proxy.drop_reply(close=True)
            try:
                new = await sessions.log_in(old, user="ann")
            except RedisConnectionError:
                new = ""
            assert proxy.swallowed == 1
            return await sessions.use(old), await sessions.use(new), await client.keys("*"), [sessions.key(new)]


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_lost_reply_at_log_in_leaves_one_session(server: Server, protocol: int) -> None:
    """The library asks again, and the caller has the one id that opens the one session."""
    old, new, keys, expected = asyncio.run(logging_in(server, 1, protocol))
    assert (old, new) == (None, {"cart": "duck", "user": "ann"})
    assert keys == expected


def test_without_a_retry_the_session_is_nobodys(server: Server) -> None:
    """The caller hears an error; the old id is dead, and of the new one nobody was told."""
    old, new, keys, expected = asyncio.run(logging_in(server, 0, 2))
    assert (old, new) == (None, None)
    assert len(keys) == 1
    assert keys != expected


def test_a_reset_connection_ends_no_session(server: Server) -> None:
    """Reset between any two uses: the session goes on."""

    async def acting() -> Any:
        with Proxy(server.port) as proxy:
            retry = Retry(NoBackoff(), 3)
            async with Redis.from_url(proxy.url, decode_responses=True, retry=retry) as client:
                sessions = Sessions(client, "shop", idle=600, lifetime=6000)
                session, found = await sessions.log_in(user="ann"), list[Any]()
                for seen in range(10):
                    proxy.reset()
                    found.append(await sessions.use(session, seen=str(seen)))
                return found

    assert asyncio.run(acting()) == [{"user": "ann", "seen": str(seen)} for seen in range(10)]
