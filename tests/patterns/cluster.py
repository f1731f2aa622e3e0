"""A Redis Cluster of three primaries as local processes, with all slots assigned."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

import redis

from course_lib.errors import ServerFailed
from course_lib.servers import Found, Server
from course_lib.servers.ports import HOST, free_port

SLOTS = 16_384
READY_WITHIN = 20.0  # seconds; a node that was just started waits 2 before it says that the cluster is fine
ATTEMPTS = 3  # another process may take a bus's port before its node does


class Cluster:
    """`with Cluster(found) as cluster: RedisCluster.from_url(cluster.url)`. No replicas, so no failover."""

    def __init__(self, found: Found, *, size: int = 3) -> None:
        self.found, self.size = found, size
        self.buses: list[int] = []
        self.servers: list[Server] = []

    @property
    def url(self) -> str:
        """Any node's address; from it a client learns the others'."""
        return self.servers[0].url

    def start(self) -> Cluster:
        """Start the nodes, share the slots out among them and introduce each to the first; return when all agree."""
        for left in reversed(range(ATTEMPTS)):
            try:
                return self._start()
            except ServerFailed:
                self.stop()
                if not left:
                    raise
            except BaseException:
                self.stop()
                raise
        raise AssertionError("an attempt returns or raises")

    def _start(self) -> Cluster:
        self.buses = [free_port() for _ in range(self.size)]
        config = {"cluster-enabled": "yes", "cluster-node-timeout": "15000"}
        self.servers = [
            Server(self.found, name=f"cluster{n}", config=config | {"cluster-port": str(bus)})
            for n, bus in enumerate(self.buses)
        ]
        for server in self.servers:
            server.start()
        nodes = [redis.Redis.from_url(server.url, decode_responses=True) for server in self.servers]
        for n, node in enumerate(nodes):
            _ask(node, "SET-CONFIG-EPOCH", n + 1)
            _ask(node, "ADDSLOTSRANGE", SLOTS * n // len(nodes), SLOTS * (n + 1) // len(nodes) - 1)
            _ask(node, "MEET", HOST, self.servers[0].port, self.buses[0])
        deadline = time.monotonic() + READY_WITHIN
        while not all(_agrees(node, len(nodes)) for node in nodes):
            if time.monotonic() > deadline:
                raise ServerFailed(f"no cluster within {READY_WITHIN:g} s: {_ask(nodes[0], 'INFO')}")
            time.sleep(0.02)
        for node in nodes:
            node.close()
        return self

    def stop(self) -> None:
        """End every node."""
        for server in self.servers:
            server.stop()

    def empty(self) -> None:
        """Remove every key and every script."""
        for server in self.servers:
            with redis.Redis.from_url(server.url) as node:
                node.flushall()
                node.script_flush()

    def __enter__(self) -> Cluster:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _ask(node: Any, *words: str | int) -> str:
    return str(node.execute_command(f"CLUSTER {words[0]}", *words[1:]))


def _agrees(node: Any, size: int) -> bool:
    """Whether this node knows all others, and every slot has an owner that answers."""
    said = node.execute_command("CLUSTER INFO")
    return said["cluster_state"] == "ok" and said["cluster_known_nodes"] == str(size)
