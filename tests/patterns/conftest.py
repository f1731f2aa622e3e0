"""The worlds in which the contract suites of this folder run: simulated, fakeredis, and each server of this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from course_lib.servers import Server, find_all
from course_lib.worlds import Embedded, Real, Simulated, World

SERVERS = {f"{found.flavor} {found.version}": found for found in find_all()}


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, Server]]:
    """Servers by name, started when first asked for, and stopped at the end."""
    started: dict[str, Server] = {}
    yield started
    for server in started.values():
        server.stop()


@pytest.fixture(params=["simulated", "embedded", *SERVERS])
def world(request: pytest.FixtureRequest, servers: dict[str, Server]) -> World:
    """An empty world of each kind in turn: a contract that uses it is tested in all of them."""
    return empty_world(request.param, servers)


def empty_world(name: str, servers: dict[str, Server]) -> World:
    if name == "simulated":
        return Simulated(seed=1)
    if name == "embedded":
        return Embedded()
    return Real(empty_server(name, servers).url)


@pytest.fixture(params=SERVERS or [pytest.param("", marks=pytest.mark.skip(reason="no Redis or Valkey server here"))])
def server(request: pytest.FixtureRequest, servers: dict[str, Server]) -> Server:
    """Each real server of this machine in turn, empty."""
    return empty_server(request.param, servers)


def empty_server(name: str, started: dict[str, Server]) -> Server:
    if name not in started:
        started[name] = Server(SERVERS[name]).start()
    with redis.Redis.from_url(started[name].url) as client:
        client.flushall()
        client.script_flush()
    return started[name]
