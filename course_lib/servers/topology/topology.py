"""A topology of real servers on this machine: start it, break it, see what it does, repair it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.sentinel import Sentinel

from course_lib.errors import ServerFailed
from course_lib.servers.lookup import Found, find
from course_lib.servers.ports import HOST, free_port
from course_lib.servers.relay.control import RelayControl
from course_lib.servers.server_process import checked_settings
from course_lib.servers.topology import clients, promotion, resharding, startup
from course_lib.servers.topology.compose_file import OURS, Service, chosen
from course_lib.servers.topology.node import TopologyNode
from course_lib.servers.topology.status import NodeStatus, observe

LINKED = ("sentinel", "cluster")  # profiles whose nodes talk to each other
SETTLED_WITHIN = 5.0  # s for a cluster that is whole to be of one mind


class Topology:
    """The servers of one profile of docker-compose.yml: "standalone", "sentinel", "cluster" or "redlock".

    They are local processes, with the commands and configuration files of that file, on free ports of 127.0.0.1; so
    several topologies can run at once. `services` runs only some of the profile's servers (two Sentinels of
    three). `config` holds settings for every data node, on top of the file's: {"min-replicas-to-write": "1"}.

    A topology lives until `stop()`, the end of its `with` block, the end of this object or of this Python process,
    kill -9 included. Any thread can call its verbs. Each returns when what it does is done; one that would wait too
    long gives up with ServerFailed. What the topology itself does next, such as a failover, is
    not waited for: `status()` shows it.

    Clients reach a node at `port(name)` for as long as the topology lives. In the profiles "sentinel" and "cluster"
    that is the port of a relay before the node, through which the other nodes reach it too; so `partition` can cut a
    node off from them, while clients still reach it. The clients that we make go past the relay, except a cluster's.

    Cost: 0.1 s to start standalone and redlock, 0.5 to 1.7 s sentinel, 2.3 s cluster; 0.1 s to stop. Two processes for
    each server, and two for the relay. The relay adds about 0.1 ms to a round trip through it.
    Raises: NoServer if there is no binary; ServerFailed, with a server's last words, if it does not come up, and then
    leaves nothing behind; ValueError for a name that is unknown, which says what there is.
    """

    def __init__(
        self,
        profile: str,
        found: Found | None = None,
        *,
        config: Mapping[str, str] | None = None,
        services: Iterable[str] | None = None,
        choose_port: Callable[[], int] = free_port,
    ) -> None:
        self.found = find() if found is None else found  # first: without a server, the rest cannot be known either
        self._services = chosen(profile, services)
        self._config = checked_settings(config or {}, OURS, "Topology")
        self.profile = profile
        self._choose_port = choose_port
        self._lock = threading.RLock()
        self._relay: RelayControl | None = None
        self._nodes: dict[str, TopologyNode] = {}
        self._first: tuple[str, ...] = ()  # the names of those that were there from the start

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> Topology:
        """Start all servers; return when the topology can be used. Do nothing if it has been started.

        That is: each replica has its primary's data, the Sentinels know each other, all slots are covered.
        """
        with self._lock:
            if self._nodes:
                return self
            try:
                self._start()
            except BaseException as error:  # an interrupt too
                self.stop()
                if isinstance(error, OSError):
                    raise ServerFailed(f"{self.profile}, {self.found}: it could not be started: {error}") from error
                raise
            return self

    def stop(self) -> None:
        """End every server, paused ones too, and remove their folders. Safe to call twice."""
        with self._lock:
            nodes, self._nodes = self._all(), {}
            startup.each(TopologyNode.stop, nodes)
            relay, self._relay = self._relay, None
            if relay is not None:
                relay.stop()

    def reset(self) -> None:
        """Everything as at the start, at the same ports: empty, alive, healed; what was added is gone."""
        with self._lock:
            self.heal()
            for name in [name for name in self._nodes if name not in self._first]:
                self._remove(self._nodes.pop(name))
            startup.each(TopologyNode.kill, self._all())
            startup.bring_up(self._all(), lambda node: node.reset(self._addresses(), self._settings(node)))

    def __enter__(self) -> Topology:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        nodes = ", ".join(f"{node.name} at {node.port}" for node in self._nodes.values())
        return f"<Topology {self.profile}: {self.found}, {nodes or 'not running'}>"

    # -- what there is ------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """The servers, in the file's order; those that were added come last."""
        return tuple(self._nodes) or tuple(service.name for service in self._services)

    @property
    def is_running(self) -> bool:
        """Whether it has been started and not been stopped. Single servers can be down all the same."""
        return bool(self._nodes)

    def port(self, name: str) -> int:
        """Where clients reach a server."""
        return self._node(name).port

    def url(self, name: str) -> str:
        """The address for a client: redis://127.0.0.1:PORT/0."""
        return f"redis://{HOST}:{self.port(name)}/0"

    def name_at(self, port: int) -> str:
        """The server at a port, as Sentinel and MOVED name it; "" if there is none."""
        return next((node.name for node in self._nodes.values() if port in (node.port, node.own)), "")

    def own_port(self, name: str) -> int:
        """Where a server itself listens, past the relay if there is one: what its INFO names tcp_port."""
        return self._node(name).own

    def log(self, name: str) -> Path:
        """The file that a server writes its log to."""
        return self._node(name).log

    def pid(self, name: str) -> int | None:
        """A server's process id, or None when it does not run."""
        return self._node(name).pid

    def status(self) -> tuple[NodeStatus, ...]:
        """What each server says of itself now. Cost: 5 ms; 0.25 s if one does not answer. It never takes longer."""
        return observe(self._all())

    def slot_map(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """Cluster: the ranges of slots of each primary, as most of the nodes that can be reached see it."""
        self._only("cluster", "slots")
        return resharding.slot_map(self._all())

    # -- faults -------------------------------------------------------------------------------------------------------

    def kill(self, name: str) -> None:
        """SIGKILL, as a crash would; return when it is dead. Its folder is kept for `restart`."""
        self._node(name).kill()

    def pause(self, name: str) -> None:
        """SIGSTOP: it keeps its connections and answers nothing, as a machine that hangs."""
        self._node(name).pause()

    def resume(self, name: str) -> None:
        """SIGCONT: it goes on where it was, and learns from the others what has happened."""
        self._node(name).resume()

    def restart(self, name: str) -> None:
        """Start a server again, on its port and in its folder; one that runs is killed. Return when it answers.

        No data survive this, unless `config` says so; what it has written down of its role and of the others does. A
        primary comes back as one, and empty, until a Sentinel tells it whom to follow.
        """
        with self._lock:
            node = self._node(name)
            node.run()
            if node.kind == "sentinel":
                startup.hurry([node])

    def partition(self, name: str) -> None:
        """Cut a server off from the others: replication, Sentinels, the cluster's bus. Clients still reach it.

        Nothing passes in either direction, and no connection is seen to close: as when a cable is pulled.
        Does not: cut off what a client does, and MIGRATE is one.
        """
        node = self._node(name)
        if self._relay is None:
            raise ValueError(f"there is nothing to cut in {self.profile!r}: its servers do not talk to each other")
        node.is_cut = True
        self._relay.cut(node.port)

    def heal(self, name: str | None = None) -> None:
        """End a partition; without a name, all. What waited on the way is delivered, as TCP would."""
        for node in [self._node(name)] if name is not None else self._all():
            if node.is_cut and self._relay is not None:
                self._relay.heal(node.port)
                node.is_cut = False

    # -- changes ------------------------------------------------------------------------------------------------------

    def promote(self, name: str) -> None:
        """Make a replica the primary; return when it is, for the Sentinels too.

        With Sentinels by SENTINEL FAILOVER, without any by REPLICAOF NO ONE. In a cluster by CLUSTER FAILOVER, which
        loses nothing, or, if its primary cannot be reached, by CLUSTER FAILOVER TAKEOVER, which needs no other node's
        consent.
        Cost: 1 to 3 s with Sentinels, 0.1 s without. Raises: ValueError if it is not a replica; ServerFailed if it is
        not the primary some 20 s later.
        """
        promotion.promote(self._node(name), self._all())

    def add_node(self) -> str:
        """Cluster: start one more primary, without slots, and return its name when all others know it.

        Raises: ServerFailed if the cluster is not whole: it would not settle with one node more either.
        """
        self._only("cluster", "nodes that can be added")
        with self._lock:
            startup.wait_until_agreed([one for one in self._all() if one.state == "up"], SETTLED_WITHIN)
            last = self._all()[-1].service
            service = Service(f"node{len(self._nodes) + 1}", "data", 0, last.command)
            node = self._new(service)
            try:
                node.start(self._addresses(), self._settings(node))
                self._nodes[node.name] = node
                up = [one for one in self._all() if one.state == "up"]
                startup.meet(node, up[0])
                startup.wait_until_agreed(up)
            except BaseException:
                self._nodes.pop(node.name, None)
                self._remove(node)
                raise
            return node.name

    def reshard(
        self, slots: int | range, source: str, target: str, progress: Callable[[int, int], object] | None = None
    ) -> int:
        """Cluster: move slots with their keys from one primary to another, under load; return how many.

        `slots`: that many of the source's first, or a range of them. `progress(moved, all)` is called after each.
        Cost: about 2 ms a slot, and 1 ms for each ten keys in it.
        Raises: ValueError if the source does not hold them; ServerFailed if a node goes away meanwhile, and then what
        was moved is moved, and one slot is perhaps left open: `reset()` clears that.
        """
        self._only("cluster", "slots")
        return resharding.reshard(slots, self._node(source), self._node(target), self._all(), progress)

    # -- clients ------------------------------------------------------------------------------------------------------

    def redis(self, **options: Any) -> Any:
        """A client for this profile; options and hazards: see course_lib.servers.topology.clients."""
        ports = self._ports("sentinel" if self.profile == "sentinel" else "data")
        return clients.client_of(self.profile, ports, self._own, **options)

    def sentinel(self, **options: Any) -> Sentinel:
        """A client of the Sentinels, which tells who the primary is."""
        self._only("sentinel", "Sentinels")
        return clients.Direct(self._ports("sentinel"), self._own, options)

    def nodes(self, **options: Any) -> list[Redis]:
        """A client for each data node by itself, in their order."""
        return [clients.single(self._own(port), **options) for port in self._ports("data")]

    # -- inside -------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self.profile in LINKED:
            self._relay = RelayControl()
            self._relay.start()
        for service in self._services:
            self._nodes[service.name] = self._new(service)
        self._first = tuple(self._nodes)
        startup.bring_up(self._all(), lambda node: node.start(self._addresses(), self._settings(node)))

    def _all(self) -> list[TopologyNode]:
        return list(self._nodes.values())

    def _new(self, service: Service) -> TopologyNode:
        node = TopologyNode(service, self.found, self._relay, self._choose_port)
        node.claim()
        return node

    def _remove(self, node: TopologyNode) -> None:
        node.stop()
        if self._relay is not None:
            self._relay.close(node.port)

    def _addresses(self) -> dict[int, int]:
        return {node.service.port: node.port for node in self._nodes.values()}

    def _settings(self, node: TopologyNode) -> dict[str, str]:
        return self._config if node.kind == "data" else {}

    def _ports(self, kind: str) -> list[int]:
        self._nodes_run()
        return [node.port for node in self._nodes.values() if node.kind == kind]

    def _own(self, port: int) -> int:
        """Where the server itself listens that others reach at this port."""
        return next((node.own for node in self._nodes.values() if node.port == port), port)

    def _node(self, name: str) -> TopologyNode:
        self._nodes_run()
        if name not in self._nodes:
            raise ValueError(f"no server is called {name!r}; there are: {', '.join(self._nodes)}")
        return self._nodes[name]

    def _nodes_run(self) -> None:
        if not self._nodes:
            raise ServerFailed(f"{self.profile} does not run yet: call start(), or use it in a with statement")

    def _only(self, profile: str, what: str) -> None:
        self._nodes_run()
        if self.profile != profile:
            raise ValueError(f"{self.profile!r} has no {what}: only {profile!r} does")
