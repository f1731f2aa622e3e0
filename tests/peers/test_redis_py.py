"""redis-py itself: what its clients do after the server was restarted, and which of its settings go on at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.maint_notifications import MaintNotificationsConfig

from course_lib.servers import Found, Server, find_all
from course_lib.worlds import Real

SERVERS = [pytest.param(found, id=f"{found.flavor} {found.version}") for found in find_all()]


@pytest.fixture(params=SERVERS or [pytest.param(None, marks=pytest.mark.skip(reason="no server here"))])
def server(request: pytest.FixtureRequest) -> Any:
    found: Found = request.param
    with Server(found) as server:
        yield server


async def first_after_a_restart(server: Server, redis: Any) -> list[Any]:
    """What the first two commands after it get: an answer, or an error's class. The connection had been used."""
    await redis.ping()
    server.kill()
    server.start()
    got: list[Any] = []
    for _ in range(2):
        await asyncio.sleep(0.05)  # the client's socket has heard of the end
        try:
            got.append(await redis.ping())
        except RedisConnectionError as error:
            got.append(type(error))
    return got


def asked(server: Server, **settings: Any) -> list[Any]:
    async def body() -> list[Any]:
        async with Redis.from_url(server.url, **settings) as redis:
            return await first_after_a_restart(server, redis)

    return asyncio.run(body())


def test_under_resp3_its_pool_hands_out_a_connection_that_the_server_has_closed(server: Server) -> None:
    """8.1.0, `from_url`, so without retries; merged upstream as redis-py #4260 and not yet released. Once it is, this
    fails, and the advice that rests on it can go."""
    assert asked(server, protocol=3) == [RedisConnectionError, True]


@pytest.mark.parametrize(
    "settings",
    [{"protocol": 2}, {"protocol": 3, "maint_notifications_config": MaintNotificationsConfig(enabled=False)}],
    ids=["RESP2", "no maintenance notifications"],
)
def test_with_other_settings_it_goes_on_at_once(server: Server, settings: dict[str, Any]) -> None:
    assert asked(server, **settings) == [True, True]


def test_the_clients_of_a_real_world_go_on_at_once(server: Server) -> None:
    """They speak RESP2."""
    world = Real(server.url)
    world.client("a", lambda redis: first_after_a_restart(server, redis), world.redis())
    assert world.run() == {"a": [True, True]}
