"""Clients of a topology: redis.asyncio's own, with time-outs and retries that do not hide a fault.

`DEFAULTS` are what each client here is made with; any option of redis.asyncio goes on top. What redis-py does without
them, and why it matters when servers fail:

- It retries. `Redis(...)` and `RedisCluster(...)` try a command again ten times after a connection error or a time-out,
  with pauses, and cannot know whether the server has executed it: an INCR may count twice. `Redis.from_url(...)` and
  a Sentinel's `master_for(...)` make connections that do not retry at all. So whether a program counts twice depends
  on how its client was made. Here nothing is retried: the caller sees each failure and decides.
- It waits. `socket_timeout` is 5 s, so a server that hangs holds a caller for 5 s, and ten times as long with retries.
  Here it is 1 s. Choose it by how long the caller can wait. A blocking read (BLPOP) needs a longer one.
- The clients that ask the Sentinels get only the `socket_…` options, so a dead Sentinel, too, is asked ten times before
  the next one. Here they get the same options as the others.
- It follows MOVED to a node that it has not heard of, but not ASK: then it fails with AttributeError. `Following` does.
- Its `address_remap` holds for the map of slots, not for MOVED and ASK. So a cluster's clients go through the relay,
  at the addresses that the nodes give; others go to a server's own port, which `own` tells from the relay's.
- A client of a primary notices a failover when its connection breaks, or when it is told READONLY; it then asks the
  Sentinels again. Until they have agreed on a new primary it gets MasterNotFoundError, or the old address.

Source: redis-py 8.1, redis/asyncio/client.py, cluster.py, connection.py and sentinel.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.cluster import PRIMARY

from course_lib.servers.ports import HOST
from course_lib.servers.topology.status import NAME


def _defaults(options: dict[str, Any]) -> dict[str, Any]:
    """Each client gets a Retry of its own, as redis-py adds to it the errors that it is to catch."""
    retry = Retry(NoBackoff(), 0)
    return {"socket_timeout": 1.0, "socket_connect_timeout": 1.0, "decode_responses": True, "retry": retry} | options


def single(port: int, **options: Any) -> Redis:
    """A client of one server."""
    return Redis(host=HOST, port=port, **_defaults(options))


class Direct(Sentinel):
    """redis.asyncio's Sentinel, which looks up where a server itself listens."""

    def __init__(self, ports: list[int], own: Callable[[int], int], options: dict[str, Any]) -> None:
        addresses = [(HOST, own(port)) for port in ports]
        super().__init__(addresses, sentinel_kwargs=_defaults(options), **_defaults(options))  # type: ignore[no-untyped-call]
        self._own = own

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """The primary's address. Raises: redis.asyncio.sentinel.MasterNotFoundError."""
        host, port = await super().discover_master(service_name)
        return str(host), self._own(int(port))

    async def discover_slaves(self, service_name: str) -> list[tuple[str, int]]:
        """The addresses of the replicas that are not down."""
        return [(str(host), self._own(int(port))) for host, port in await super().discover_slaves(service_name)]


class Following(RedisCluster):
    """redis.asyncio's RedisCluster, which follows ASK to a node that has joined since it last asked for the slots."""

    def get_node(
        self, host: str | None = None, port: int | None = None, node_name: str | None = None
    ) -> ClusterNode | None:
        """The node with that address, new to this client or not."""
        known = super().get_node(host, port, node_name)
        if known is not None or not node_name:
            return known
        manager, (its_host, _, its_port) = self.nodes_manager, node_name.rpartition(":")
        node = ClusterNode(its_host, int(its_port), PRIMARY, **manager.connection_kwargs)
        manager.set_nodes(manager.nodes_cache, {node.name: node})
        return node


def client_of(profile: str, ports: list[int], own: Callable[[int], int] = int, **options: Any) -> Any:
    """A client of a topology. `ports` are those of its Sentinels; in a profile without any, of its servers.

    `own` says where the server itself listens that others reach at a port; by default at that port.
    A cluster's client follows MOVED and ASK, up to 16 times for a command, whatever `retry` says.
    """
    if profile == "redlock":
        raise ValueError("five independent servers have no common client: use nodes(), a list of clients")
    if profile == "cluster":
        return Following(startup_nodes=[ClusterNode(HOST, port) for port in ports], **_defaults(options))
    if profile == "sentinel":
        return Direct(ports, own, options).master_for(NAME)
    return single(ports[0], **options)
