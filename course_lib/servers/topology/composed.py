"""The topologies of docker-compose.yml as containers, with the same verbs as the local ones."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from course_lib.errors import ServerFailed
from course_lib.servers.ask import ask_all, info
from course_lib.servers.relay.control import ContainerRelayControl
from course_lib.servers.topology import startup
from course_lib.servers.topology.compose_file import RELAY, Service, bodies, profiles, relay_port, services
from course_lib.servers.topology.engine import Engine, find_engine
from course_lib.servers.topology.node import TopologyNode
from course_lib.servers.topology.startup import wait_until
from course_lib.servers.topology.status import NodeStatus
from course_lib.servers.topology.topology import Topology

READY_WITHIN = 90.0  # s from the start of the containers to an answer of each, and to a formed cluster
BUS = 10_000  # a cluster node's bus port lies so far above its port
SHARED = {"net", RELAY}  # services that several topologies use: the network of all, and what stands before their nodes


class Composed(Topology):
    """The servers of one profile of docker-compose.yml as containers of Docker or Podman.

    It differs from Topology in this. Ports are those of the file, so one Composed of a profile can run at a time.
    Containers that run already are used as they are, and `stop()` leaves them running; others are started, and removed
    by `stop()` or at the end of this Python process. "down" means that a server does not answer. `reset` makes new
    containers. There is no `add_node`.

    Cost: 3 to 15 s to start; `status()` asks the servers, not the engine.
    Raises: NoEngine if no engine answers; ServerFailed with the engine's last words; ValueError as Topology does.
    Does not: end the containers when this process is killed with kill -9: `docker compose down` does.
    """

    def __init__(self, profile: str, *, engine: Engine | None = None) -> None:
        self._services = services(profile)
        self.profile = profile
        self.engine = find_engine() if engine is None else engine
        self._lock = threading.RLock()
        port = relay_port(profile)
        self._relay = None if port is None else ContainerRelayControl(port)
        self._config = {}
        self._nodes = {}
        self._end: weakref.finalize[..., Composed] | None = None

    def start(self) -> Composed:
        """Start the containers that do not run, or use those that do; return when the topology can be used."""
        with self._lock:
            if not self._nodes:
                needed = {service.name for service in self._services} | ({RELAY} if self._relay else set())
                if not needed <= {name for name, one in self.engine.containers().items() if one.runs}:
                    self._up()
                self._nodes = self._contained()
            return self

    def stop(self) -> None:
        """Remove the containers, if `start` has started them. Safe to call twice."""
        with self._lock:
            self._nodes = {}
            if self._end is not None:
                self._end()
                self._end = None

    def reset(self) -> None:
        """Everything as at the start, in new containers."""
        with self._lock:
            self._nodes_run()
            _remove(self.engine, self.profile)
            self._up()
            self._nodes = self._contained()

    def status(self) -> tuple[NodeStatus, ...]:
        """What each server says of itself now; one that says nothing in time is down, unless we have paused it."""
        return tuple(
            replace(one, state="down") if one.state != "paused" and one.role == "unknown" else one
            for one in super().status()
        )

    def add_node(self) -> str:
        """Raises: ValueError, as docker-compose.yml has no further node."""
        raise ValueError(f"docker-compose.yml has no further node; Topology({self.profile!r}) can add one")

    def __repr__(self) -> str:
        return f"<Composed {self.profile}: {self.engine.cli}, {'running' if self._nodes else 'not running'}>"

    def _contained(self) -> dict[str, TopologyNode]:
        """Our servers, some of which an earlier user may have left cut off."""
        cuts = self._relay.cuts() if self._relay else frozenset()
        return {
            service.name: ContainerNode(service, self.engine, is_cut=service.port in cuts) for service in self._services
        }

    def _up(self) -> None:
        """Start what is missing, heal all cuts, and wait until it is a topology."""
        if self._end is None:
            self._end = weakref.finalize(self, _clean, self.engine, self.profile)
        try:
            self.engine.composed([self.profile], "up", "--detach")
            nodes = [ContainerNode(service, self.engine) for service in self._services]
            if self._relay is not None:
                for node in nodes:
                    self._relay.heal(node.port)
            self._wait_until_ready(nodes)
        except BaseException:  # an interrupt too
            self.stop()
            raise

    def _wait_until_ready(self, nodes: Sequence[TopologyNode]) -> None:
        wait_until(lambda: all(map(_answers, nodes)), "every container answers", READY_WITHIN)
        replicas = [node for node in nodes if node.service.follows]
        startup.wait_for_links(replicas)
        startup.introduce_sentinels([node for node in nodes if node.kind == "sentinel"], len(replicas))
        if self.profile == "cluster":
            primaries = sum(not node.service.replicates for node in nodes)
            wait_until(partial(_is_formed, nodes, primaries), "cluster-form has made a cluster", READY_WITHIN)
            startup.wait_until_agreed(nodes)


class ContainerNode(TopologyNode):
    """One server in its container, which is reached at the port that the file publishes."""

    def __init__(self, service: Service, engine: Engine, *, is_cut: bool = False) -> None:
        self.service, self.name, self.kind = service, service.name, service.kind
        self._process = None
        self.port = self.own = service.port
        self._is_in_cluster = any("cluster" in word for word in service.command)
        self.bus = self.own_bus = service.port + BUS if self._is_in_cluster else 0
        self.is_cut, self._is_paused = is_cut, False
        self._engine = engine

    @property
    def state(self) -> str:
        """What we know without asking it."""
        return "paused" if self._is_paused else "cut off" if self.is_cut else "up"

    @property
    def pid(self) -> int | None:
        """None: the process belongs to the engine."""
        return None

    def is_alive(self) -> bool:
        """Whether its container runs."""
        found = self._engine.containers().get(self.name)
        return found is not None and found.runs

    def kill(self) -> None:
        """SIGKILL; nothing happens if it does not run."""
        self._is_paused = False
        if self.is_alive():
            self._signal("KILL")

    def pause(self) -> None:
        """SIGSTOP, as a local topology does; the engine's own pause would refuse a later kill."""
        self._running()
        self._signal("STOP")
        self._is_paused = True

    def resume(self) -> None:
        """SIGCONT."""
        self._running()
        self._signal("CONT")
        self._is_paused = False

    def run(self) -> None:
        """Start it again; return when it answers."""
        self.kill()
        self._engine.run("start", self._id())
        wait_until(lambda: _answers(self), f"{self.name} answers", READY_WITHIN)

    def _running(self) -> None:  # type: ignore[override]  # there is no process of ours to return
        if not self.is_alive():
            raise ServerFailed(f"{self.name} is not running: restart it first")

    def _signal(self, name: str) -> None:
        self._engine.run("kill", "--signal", name, self._id())

    def _id(self) -> str:
        found = self._engine.containers().get(self.name)
        if found is None:
            raise ServerFailed(f"there is no container for {self.name}: reset the topology")
        return found.id


def _answers(node: TopologyNode) -> bool:
    return bool(ask_all({node.own: [("PING",)]}))


def _is_formed(nodes: Sequence[TopologyNode], primaries: int) -> bool:
    """Whether all slots are taken, and each node that is to be a replica is one."""
    answers = ask_all({node.own: [("CLUSTER", "INFO"), ("INFO", "replication")] for node in nodes})
    taken = [info(cluster).get("cluster_slots_assigned") for cluster, _ in answers.values()]
    led = sum(info(own).get("role") == "slave" for _, own in answers.values())
    return taken == [str(startup.SLOTS)] * len(nodes) and led == len(nodes) - primaries


def _remove(engine: Engine, profile: str) -> None:
    """Remove the profile's own containers, not those that it shares with other profiles.

    Those that depend on others come first: Podman removes no container on which another one depends.
    """
    ours = {name: body for name, body in bodies().items() if profile in body["profiles"] and name not in SHARED}
    waiting = {name for name, body in ours.items() if set(body["depends_on"]) - SHARED}
    there = engine.containers()
    for names in (waiting, set(ours) - waiting):
        if ids := [container.id for name, container in there.items() if name in names]:
            engine.run("rm", "--force", "--volumes", *ids)


def _clean(engine: Engine, profile: str) -> None:
    """Remove the profile's containers; if nothing else of the project is left, what they share too."""
    with contextlib.suppress(ServerFailed):
        _remove(engine, profile)
        if not set(engine.containers()) - SHARED:
            engine.composed(profiles(), "down", "--timeout", "1")
