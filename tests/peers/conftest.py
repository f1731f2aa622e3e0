"""Real servers for the peers: three alike, empty, and a proxy before each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest
import redis

from course_lib.servers import Proxy, Server


class Node(NamedTuple):
    """A server, what it says itself, and the proxy through which it is asked."""

    server: Server
    client: redis.Redis
    proxy: Proxy


@pytest.fixture(scope="package")
def three() -> Iterator[list[Node]]:
    with ExitStack() as stack:
        nodes = []
        for number in range(3):
            server = stack.enter_context(Server(name=f"node {number}"))
            client = stack.enter_context(redis.Redis.from_url(server.url, decode_responses=True))
            nodes.append(Node(server, client, stack.enter_context(Proxy(server.port))))
        yield nodes


@pytest.fixture
def nodes(three: list[Node]) -> list[Node]:
    for node in three:
        node.proxy.heal()
        node.proxy.reset()
        node.client.flushall()
        node.client.script_flush()
    return three


@pytest.fixture
def node(nodes: list[Node]) -> Node:
    return nodes[0]
