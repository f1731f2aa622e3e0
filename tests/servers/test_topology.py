"""Topologies of real servers: ready when they say so, broken as asked, and what they then do by themselves."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from redis.crc import key_slot
from redis.exceptions import RedisError
from thorough import runs

from course_lib.errors import ServerFailed
from course_lib.servers import Found, NodeStatus, Topology, find_all
from course_lib.servers.ask import ask, ask_all
from course_lib.servers.ports import free_port

from .observing import client, kill, listens, processes_that_mention, python, said_by, wait_until, wait_until_gone

LONG = 60.0  # s; generous, for it is spent only by a test that fails


def of(topology: Topology, name: str) -> NodeStatus:
    return next(status for status in topology.status() if status.name == name)


def seen(topology: Topology) -> list[tuple[str, ...]]:
    return [(status.state, status.role, status.primary, status.link) for status in topology.status()]


def primaries(topology: Topology) -> set[str]:
    return {status.name for status in topology.status() if status.role == "primary"}


def wait_for_link(topology: Topology, replica: str, primary: str | None = None) -> None:
    """Until it is a replica, of that primary if one is named, and has its data."""

    def linked() -> bool:
        status = of(topology, replica)
        return status.role == "replica" and status.link == "up" and primary in (None, status.primary)

    wait_until(linked, f"{replica} follows {primary or 'a primary'}", LONG)


def wait_for_failover(topology: Topology, old: str) -> str:
    """Until another node than the old primary is one, and return it."""
    wait_until(lambda: primaries(topology) - {old} != set(), f"a replica of {old} is promoted", LONG)
    return min(primaries(topology) - {old})


def write(topology: Topology, name: str, key: str) -> str | None:
    """What the node answers to a write by a client of its own; None if it does not answer."""
    replies = ask_all({topology.port(name): [("SET", key, "v")]}, within=5.0).get(topology.port(name), [None])
    return None if replies[0] is None else str(replies[0])


def written(topology: Topology, name: str, key: str, replicas: int, within: int) -> list[Any]:
    """What the node answers to a write, and to how many replicas have it: WAIT counts for its own connection."""
    commands = [("SET", key, "v"), ("WAIT", replicas, within)]
    return ask_all({topology.port(name): commands}, within=30.0)[topology.port(name)]


# -- sentinel ---------------------------------------------------------------------------------------------------------


def test_sentinels_replace_a_primary_that_dies_and_take_it_back_as_a_replica(found: Found) -> None:
    """And the client that asks them writes again; then a promotion by order, and a reset to where all began."""

    async def writes_again() -> None:
        async with topology.redis(socket_timeout=0.5) as writer:
            for _ in range(10_000):
                try:
                    assert await writer.set("after", "failover")
                    return
                except RedisError:  # nobody is the primary now, or the Sentinels name the old one still
                    await asyncio.sleep(0.01)

    async def knows() -> tuple[str, set[str]]:
        async with topology.sentinel() as sentinel:
            _, port = await sentinel.discover_master("course")
            replicas = await sentinel.discover_slaves("course")
            return topology.name_at(port), {topology.name_at(port) for _, port in replicas}

    with Topology("sentinel", found) as topology:
        assert topology.names == ("primary", "replica1", "replica2", "sentinel1", "sentinel2", "sentinel3")
        assert [status.name for status in topology.status()] == list(topology.names)
        replica, sentinel = ("up", "replica", "primary", "up"), ("up", "sentinel", "primary", "up")
        as_at_start = [("up", "primary", "", ""), replica, replica, sentinel, sentinel, sentinel]
        wait_until(lambda: seen(topology) == as_at_start, "it is as described")
        assert asyncio.run(knows()) == ("primary", {"replica1", "replica2"})
        topology.kill("primary")
        assert (of(topology, "primary").state, of(topology, "primary").role) == ("down", "unknown")
        new = wait_for_failover(topology, "primary")
        asyncio.run(writes_again())
        assert client(topology.url(new)).get("after") == "failover"
        topology.restart("primary")
        wait_for_link(topology, "primary")
        topology.promote("primary")
        assert "primary" in primaries(topology)
        wait_for_link(topology, new, "primary")
        assert client(topology.url("primary")).get("after") == "failover"
        with pytest.raises(ValueError, match="primary is no replica now: its role is primary"):
            topology.promote("primary")
        topology.partition(new)
        with pytest.raises(ServerFailed, match=f"{new} is cut off, so no Sentinel can reach it: heal it first"):
            topology.promote(new)
        ports = [topology.port(name) for name in topology.names]
        topology.reset()
        wait_until(lambda: seen(topology) == as_at_start, "it is as described, again")
        assert [topology.port(name) for name in topology.names] == ports
        assert {status.keys for status in topology.status() if status.kind == "data"} == {0}


def test_a_cut_off_primary_acknowledges_writes_that_are_lost(found: Found) -> None:
    """WAIT tells that no replica has them; and with min-replicas-to-write, they are refused in the end."""
    with Topology("sentinel", found) as topology:
        assert written(topology, "primary", "before", 2, 20_000) == ["OK", 2]
        topology.partition("primary")
        assert of(topology, "primary").state == "cut off"
        new = wait_for_failover(topology, "primary")
        assert written(topology, "primary", "lost", 1, 50) == ["OK", 0]
        assert write(topology, new, "kept") == "OK"
        assert primaries(topology) == {"primary", new}
        topology.heal()
        wait_for_link(topology, "primary", new)
        assert [client(topology.url("primary")).exists(key) for key in ("before", "kept", "lost")] == [1, 1, 0]

        topology.reset()
        ask(topology.port("primary"), "CONFIG", "SET", "min-replicas-to-write", 1, "min-replicas-max-lag", 1)
        assert write(topology, "primary", "before") == "OK"
        topology.partition("primary")
        wait_until(lambda: str(write(topology, "primary", "more")).startswith("NOREPLICAS"), "it refuses", LONG)
        wait_for_failover(topology, "primary")
        assert str(write(topology, "primary", "more")).startswith("NOREPLICAS")


def test_a_partition_without_a_failover_loses_nothing(found: Found) -> None:
    """The control: what waits on the way arrives when the cable is back; here nobody was promoted meanwhile."""
    with Topology("sentinel", found, services=("primary", "replica1")) as topology:
        topology.partition("replica1")
        for n in range(200):
            assert write(topology, "primary", f"key{n}") == "OK"
        assert written(topology, "primary", "key0", 1, 50) == ["OK", 0]
        assert (of(topology, "replica1").keys, of(topology, "primary").keys) == (0, 200)
        assert (of(topology, "replica1").lag or 0) > 200
        topology.heal("replica1")
        assert written(topology, "primary", "key0", 1, 20_000) == ["OK", 1]
        assert (of(topology, "replica1").keys, of(topology, "replica1").lag) == (200, 0)
        topology.promote("replica1")  # nobody watches, so by REPLICAOF NO ONE
        assert primaries(topology) == {"primary", "replica1"}


def test_a_quorum_without_a_majority_promotes_nobody(found: Found) -> None:
    """One Sentinel of two finds the primary down, which is its quorum, and is not elected; with the other, one is.

    Who is promoted writes it down, and is the primary after a restart too.
    """
    services = ("primary", "replica1", "sentinel1", "sentinel2")
    with Topology("sentinel", found, services=services) as topology:
        for name in ("sentinel1", "sentinel2"):
            ask(topology.port(name), "SENTINEL", "SET", "course", "quorum", 1, "failover-timeout", 1000)
        topology.kill("sentinel2")
        topology.kill("primary")
        log = topology.log("sentinel1")
        wait_until(lambda: "-failover-abort-not-elected" in log.read_text(), "it asks for votes in vain", LONG)
        assert "+odown" in log.read_text()
        assert of(topology, "replica1").role == "replica"
        topology.restart("sentinel2")
        assert wait_for_failover(topology, "primary") == "replica1"
        for name in ("sentinel1", "sentinel2", "replica1"):
            topology.kill(name)
        topology.restart("replica1")
        wait_until(lambda: of(topology, "replica1").role == "primary", "it has not forgotten its role", LONG)


# -- cluster ----------------------------------------------------------------------------------------------------------


def test_a_cluster_replaces_a_primary_and_the_minority_stops_taking_writes(found: Found) -> None:
    with Topology("cluster", found) as topology:
        assert [s.role for s in topology.status()] == ["primary"] * 3 + ["replica"] * 3
        assert [s.primary for s in topology.status()] == ["", "", "", "node1", "node2", "node3"]
        assert list(topology.slot_map()) == ["node1", "node2", "node3"]
        assert topology.slot_map() == {s.name: s.slots for s in topology.status() if s.slots}
        assert sum(last - first + 1 for (first, last), *_ in topology.slot_map().values()) == 16_384
        key = next(f"key{n}" for n in range(100) if key_slot(f"key{n}".encode()) < 5461)
        assert written(topology, "node1", key, 1, 20_000) == ["OK", 1]

        topology.partition("node1")
        assert write(topology, "node1", f"{{{key}}}:lost") == "OK"
        wait_until(lambda: str(write(topology, "node1", key)).startswith("CLUSTERDOWN"), "the minority stops", LONG)
        wait_until(lambda: of(topology, "node4").role == "primary", "its replica is elected", LONG)
        assert [of(topology, name).slots for name in ("node1", "node4")] == [((0, 5460),)] * 2
        wait_until(lambda: write(topology, "node4", f"{{{key}}}:kept") == "OK", "the majority goes on", LONG)
        topology.heal()
        wait_for_link(topology, "node1", "node4")
        others = [f"{{{key}}}:kept", f"{{{key}}}:lost"]
        assert [client(topology.url("node4")).exists(each) for each in (key, *others)] == [1, 1, 0]

        topology.promote("node1")
        wait_for_link(topology, "node4", "node1")
        topology.kill("node2")
        wait_until(lambda: of(topology, "node5").role == "primary", "node2's replica is elected", LONG)
        topology.restart("node2")
        wait_for_link(topology, "node2", "node5")
        topology.pause("node3")
        wait_until(lambda: of(topology, "node6").role == "primary", "so is node3's", LONG)
        topology.resume("node3")
        wait_for_link(topology, "node3", "node6")


def test_resharding_under_load_loses_no_key_and_clients_follow(found: Found) -> None:
    """Readers and a writer work on while slots move to a node that has joined, and are told ASK and MOVED."""
    tag = "{moved}"
    slot, keys = key_slot(tag.encode()), [f"{tag}:{n}" for n in range(1500)]
    config = {"cluster-node-timeout": "15000"}  # no node fails here, however busy the machine is
    with Topology("cluster", found, services=("node1", "node2", "node3"), config=config) as topology:

        async def work(stop: threading.Event) -> int:
            async with topology.redis(socket_timeout=LONG) as client:
                count = 0
                for key in keys:
                    await client.set(key, 0)
                while not stop.is_set():
                    key = keys[count * 7 % len(keys)]
                    assert await client.incr(key) == 1 + int(counts.get(key, 0))
                    counts[key] = counts.get(key, 0) + 1
                    assert await client.get(keys[count * 11 % len(keys)]) is not None
                    count += 1
                return count

        counts: dict[str, int] = {}
        stop = threading.Event()
        worker = _Thread(lambda: asyncio.run(work(stop)))
        try:
            wait_until(lambda: len(counts) > 10 or not worker.is_alive(), "the load runs", LONG)
            new = topology.add_node()
            assert new == "node4"
            (home,) = [name for name, held in topology.slot_map().items() if holds(held, slot)]
            seen: list[tuple[int, int]] = []
            moved = topology.reshard(range(slot - 2, slot + 3), home, new, lambda *now: seen.append(now))
            assert (moved, seen) == (5, [(n, 5) for n in range(1, 6)])
            deadline = time.monotonic() + LONG
            while not told(topology, "ASK"):  # a reader may have been elsewhere for these milliseconds
                assert time.monotonic() < deadline
                topology.reshard(range(slot, slot + 1), new, home)
                topology.reshard(range(slot, slot + 1), home, new)
            wait_until(lambda: told(topology, "MOVED") > 0, "a client was told that the slot has moved", LONG)
        finally:
            stop.set()
            worker.join()
        assert worker.result > 10
        assert topology.slot_map()[new] == ((slot - 2, slot + 2),)
        there = redis.RedisCluster(host="127.0.0.1", port=topology.port(home), decode_responses=True)
        with there:
            assert [int(there.get(key) or -1) for key in keys] == [counts.get(key, 0) for key in keys]
        assert of(topology, new).keys == len(keys)
        with pytest.raises(ValueError, match=f"{new} does not hold slot 0"):
            topology.reshard(range(5), new, home)
        with pytest.raises(ValueError, match=f"{new} has 5 slots, so 6"):
            topology.reshard(6, new, home)
        topology.reset()
        assert topology.names == ("node1", "node2", "node3")


class _Thread(threading.Thread):
    """A thread with a result; what it raises, `join` raises."""

    def __init__(self, work: Any) -> None:
        super().__init__(daemon=True)
        self._work, self.result, self._error = work, None, None
        self.start()

    def run(self) -> None:
        try:
            self.result = self._work()
        except BaseException as error:
            self._error = error

    def join(self, timeout: float | None = None) -> None:
        super().join(timeout or LONG)
        if self._error is not None:
            raise self._error


def holds(ranges: tuple[tuple[int, int], ...], slot: int) -> bool:
    return any(first <= slot <= last for first, last in ranges)


def told(topology: Topology, what: str) -> int:
    """How often the nodes have answered with such a redirection."""
    counts = [client(topology.url(name)).info("errorstats").get(f"errorstat_{what}") for name in topology.names]
    return sum(count["count"] for count in counts if count)


# -- what every profile promises --------------------------------------------------------------------------------------


@pytest.fixture
def left(temporary: Path) -> Callable[[], list[Any]]:
    """Tells what the test has made and not removed: processes, and what lies in the temporary folder."""
    before = set(psutil.Process().children(recursive=True))  # servers that other tests of this worker share
    return lambda: [*temporary.iterdir(), *(set(psutil.Process().children(recursive=True)) - before)]


def test_many_starts_and_stops_leave_nothing(temporary: Path, left: Callable[[], list[Any]]) -> None:
    """No process, thread, open file or folder; and so no port, which only a process can hold."""
    starts = ["standalone"] * runs(45) + ["redlock", "sentinel", "cluster"]
    with Topology("standalone"):  # what is made once and kept is there from now on
        pass
    threads, files = set(threading.enumerate()), psutil.Process().num_fds()
    for n, profile in enumerate(starts):
        with Topology(profile, find_all()[n % len(find_all())]) as topology:
            assert {status.state for status in topology.status()} == {"up"}
    assert left() == []
    assert not processes_that_mention(str(temporary))
    assert set(threading.enumerate()) == threads
    assert psutil.Process().num_fds() == files


START = """
import json, sys
from pathlib import Path
from course_lib.servers import Found, Topology
topology = Topology(sys.argv[2], Found(Path(sys.argv[1]), "Redis", "7", "given")).start()
nodes = {name: [topology.pid(name), topology.port(name), topology.own_port(name)] for name in topology.names}
topology.pause(topology.names[-1])
print(json.dumps(nodes), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("profile", ["redlock", "sentinel"])
def test_kill_minus_9_of_the_parent_takes_the_topology(
    profile: str, temporary: Path, left: Callable[[], list[Any]]
) -> None:
    """A relay too; and meanwhile another of the same profile runs undisturbed."""
    found = find_all()[0]
    with Topology(profile, found) as other, python(START, str(found.path), profile) as parent:
        nodes = said_by(parent)
        ports = [port for _, *addresses in nodes.values() for port in addresses]
        own = [port for name in other.names for port in (other.port(name), other.own_port(name))]
        assert not set(ports) & set(own)
        assert all(listens(port) for port in ports)
        before = {path.name for path in temporary.iterdir()}
        assert len(before) == 2 * len(nodes)
        kill(parent)
        wait_until_gone(*[pid for pid, *_ in nodes.values()])
        wait_until(lambda: not any(listens(port) for port in ports), "no port listens, the relay's neither")
        wait_until(lambda: len(list(temporary.iterdir())) == len(nodes), "its folders are gone")
        assert {status.state for status in other.status()} == {"up"}
    assert left() == []


INTERRUPTED = """
import json, os, signal, sys, tempfile, time, psutil
from course_lib.servers import Topology
signal.signal(signal.SIGALRM, signal.default_int_handler)
topology, was_running = Topology("sentinel"), False
try:
    signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))
    topology.start()
    signal.pause()
except KeyboardInterrupt:
    was_running = topology.is_running
    topology.stop() if was_running else None
def left():
    children = psutil.Process().children(recursive=True)
    return [*[c.pid for c in children if c.status() != psutil.STATUS_ZOMBIE], *os.listdir(tempfile.gettempdir())]
deadline = time.monotonic() + 20
while left() and time.monotonic() < deadline:  # a guard that was about to start hears a moment later that it need not
    time.sleep(0.01)
print(json.dumps({"left": left()}), flush=True)
sys.stdin.read()
"""


def test_an_interrupt_at_any_moment_of_a_start_leaves_nothing(temporary: Path) -> None:
    """What a notebook's stop button does. If it strikes late, the topology runs, and stops as it should."""
    for moment in ("0.01", "0.06", "0.15", "0.35"):  # it chooses where the signal strikes; it proves nothing
        with python(INTERRUPTED, moment, env={"TMPDIR": str(temporary)}) as process:
            assert said_by(process) == {"left": []}, moment


def test_a_topology_that_nobody_holds_any_more_ends(left: Callable[[], list[Any]]) -> None:
    topology = Topology("redlock").start()
    assert len(left()) == 5 + 2 * 5
    del topology
    gc.collect()
    wait_until(lambda: not left(), "its processes and folders are gone")


@pytest.mark.parametrize("profile", ["standalone", "sentinel"])
def test_ports_that_are_taken_are_passed_over(found: Found, profile: str) -> None:
    """By whoever listens there already; and by another of our own servers that was given the same one."""
    with socket.create_server(("127.0.0.1", free_port())) as other:
        taken = other.getsockname()[1]
        choices = chain([taken] * 4, iter(free_port, None))
        services = None if profile == "standalone" else ("primary", "replica1")
        with Topology(profile, found, services=services, choose_port=lambda: next(choices)) as topology:
            ports = [port for name in topology.names for port in {topology.port(name), topology.own_port(name)}]
            assert taken not in ports
            assert len(set(ports)) == len(ports)


def test_what_cannot_start_says_why_and_leaves_nothing(found: Found, left: Callable[[], list[Any]]) -> None:
    for profile in ("standalone", "sentinel"):
        with pytest.raises(ServerFailed, match="Bad directive|wrong number|FATAL CONFIG"):
            Topology(profile, found, config={"maxmemory-polizy": "noeviction"}).start()
        assert left() == []


def test_config_reaches_every_data_node_and_survives_a_reset(found: Found) -> None:
    with Topology("redlock", found, config={"maxmemory": "7mb", "Maxmemory-Policy": "allkeys-lru"}) as topology:
        for _ in range(2):
            for name in topology.names:
                assert ask(topology.port(name), "CONFIG", "GET", "maxmemory")[1] == str(7 * 1024 * 1024)
                assert ask(topology.port(name), "CONFIG", "GET", "bind")[1] == "127.0.0.1"
                assert write(topology, name, "key") == "OK"
            topology.reset()


def test_status_never_hangs_and_knows_who_was_stopped_from_outside(found: Found) -> None:
    with Topology("redlock", found) as topology:
        names = topology.names
        for name in names[:2]:
            topology.pause(name)
        os.kill(topology.pid(names[2]) or 0, signal.SIGSTOP)
        topology.kill(names[3])
        wait_until(lambda: of(topology, names[2]).state == "paused", "that it was stopped is noticed")
        states = [(status.state, status.role, status.keys) for status in topology.status()]
        assert states == [*[("paused", "unknown", None)] * 3, ("down", "unknown", None), ("up", "primary", 0)]
        ask(topology.port(names[4]), "SET", "key", "v")
        blocked = socket.create_connection(("127.0.0.1", topology.port(names[4])))
        with blocked:
            blocked.sendall(b"EVAL 'while true do end' 0\r\n")
            wait_until(lambda: of(topology, names[4]).role == "unknown", "it answers nobody")
            begin = time.monotonic()
            assert topology.status()[4].state == "up"
            assert time.monotonic() - begin < 5.0  # 0.25 on a machine with nothing else to do
        for name in names:
            topology.restart(name)
        assert [(s.state, s.keys) for s in topology.status()] == [("up", 0)] * 5


def test_each_profile_has_its_clients(found: Found) -> None:
    async def use(topology: Topology) -> list[object]:
        clients = topology.nodes() if topology.profile == "redlock" else [topology.redis()]
        answers: list[object] = []
        for each in clients:
            async with each:
                await each.set("key", "value")
                answers.append(await each.get("key"))
        return answers

    for profile, answers in (("standalone", ["value"]), ("redlock", ["value"] * 5)):
        with Topology(profile, found) as topology:
            assert asyncio.run(use(topology)) == answers
            single = topology.nodes(socket_timeout=7)[0]
            assert single.connection_pool.connection_kwargs["socket_timeout"] == 7
            assert single.connection_pool.connection_kwargs["retry"].get_retries() == 0


def refusals(topology: Topology) -> Iterator[tuple[str, Any]]:
    yield "no server is called 'nobody'; there are: standalone", lambda: topology.kill("nobody")
    yield "there is nothing to cut in 'standalone'", lambda: topology.partition("standalone")
    yield "'standalone' has no slots: only 'cluster' does", topology.slot_map
    yield "'standalone' has no nodes that can be added", topology.add_node
    yield "'standalone' has no Sentinels", topology.sentinel
    yield "no topology is called 'ring'; there are: standalone, sentinel, cluster, redlock", lambda: Topology("ring")
    yield "'sentinel' has no sentinel9; there are: primary", lambda: Topology("sentinel", services=["sentinel9"])
    yield "'sentinel' needs primary", lambda: Topology("sentinel", services=["replica1"])
    yield "Bind is set by Topology itself", lambda: Topology("redlock", config={"Bind": "0.0.0.0"})
    yield "a setting is one line", lambda: Topology("redlock", config={"save": "1\nbind *"})


def test_what_makes_no_sense_is_refused_with_what_there_is() -> None:
    with Topology("standalone") as topology:
        for message, act in refusals(topology):
            with pytest.raises(ValueError, match=message):
                act()
        topology.kill("standalone")
        with pytest.raises(ServerFailed, match="standalone is not running: restart it first"):
            topology.pause("standalone")
    for act in (topology.redis, lambda: topology.port("standalone")):
        with pytest.raises(ServerFailed, match="does not run yet: call start"):
            act()
    with Topology("redlock") as five, pytest.raises(ValueError, match="use nodes"):
        five.redis()
