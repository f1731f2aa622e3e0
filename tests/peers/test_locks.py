"""Faults of published locks, and ours in the same scenario."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import redis.lock
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from servers.observing import wait_until

from course_lib.errors import LockLost, LockTimeout
from course_lib.patterns.locks import Lock
from course_lib.patterns.redlock import Redlock
from course_lib.servers import Server

from .conftest import Node
from .environment import Script, heard_from


def on(nodes: list[Node], work: Callable[..., Awaitable[None]], *, retries: int = 0) -> None:
    """Run `work` with a client for each node, through its proxy; without retries, as locks should be used."""

    async def main() -> None:
        retry = Retry(NoBackoff(), retries)
        clients = [Redis.from_url(node.proxy.url, decode_responses=True, retry=retry) for node in nodes]
        try:
            await work(*clients)
        finally:
            for client in clients:
                await client.aclose()

    asyncio.run(main())


def held(nodes: list[Node]) -> list[int]:
    """How many keys each node has that are locks."""
    return [len([key for key in node.client.scan_iter() if node.client.type(key) == "string"]) for node in nodes]


def our_locks(nodes: list[Node]) -> list[int]:
    return [node.client.exists("lease:{job}") for node in nodes]


# -- redis-py ---------------------------------------------------------------------------------------------------------


def test_redis_py_is_locked_out_by_itself_after_a_lost_reply(node: Node) -> None:
    """The client retries by itself, finds its own token, and acquire() says False: nobody works for a whole TTL."""
    node.proxy.drop_reply(matching="SET job", close=True)
    assert heard_from("locks", "redis_py_lost_reply", node.proxy.url) is False
    assert node.client.get("job") == "mine"
    assert node.client.pttl("job") > 30_000


def test_ours_knows_its_own_token_after_a_lost_reply(node: Node) -> None:
    async def work(client: Redis) -> None:
        node.proxy.drop_reply(matching="lease:{job}", close=True)
        lease = await Lock(client, "job", ttl=60).acquire()
        assert lease is not None
        assert node.proxy.swallowed == swallowed + 1
        assert await lease.release()

    swallowed = node.proxy.swallowed
    on([node], work, retries=3)
    assert our_locks([node]) == [0]


def test_redis_py_by_default_locks_for_ever(node: Node) -> None:
    """Without `timeout` the lock outlives its holder's crash. Ours cannot be made without a ttl."""
    assert redis.lock.Lock(node.client, "job").acquire()
    assert node.client.pttl("job") == -1
    with pytest.raises(TypeError, match="ttl"):
        Lock(Redis(decode_responses=True), "job")  # type: ignore[call-arg]


def test_redis_py_lets_a_late_task_free_another_tasks_lock(node: Node) -> None:
    """asyncio: the token is in threading.local, and all tasks share a thread."""
    said = heard_from("locks", "redis_py_shared_by_tasks", node.server.url)
    assert said == {"second held it": 1, "after the late release": 0}


def test_ours_leaves_another_tasks_lock(node: Node) -> None:
    async def work(client: Redis) -> None:
        first = await Lock(client, "job", ttl=0.5).acquire()
        second = await Lock(client, "job", ttl=60).acquire(wait=30)
        assert first is not None
        assert second is not None
        assert not await first.release()
        assert our_locks([node]) == [1]

    on([node], work)


# -- pottery ----------------------------------------------------------------------------------------------------------


def test_pottery_leaves_an_orphan_on_a_slow_node(nodes: list[Node]) -> None:
    """3.0.1: acquire() returns with the majority; the third node's SET arrives after the release, and stays."""
    slow = nodes[2]
    with Script("locks", "pottery_orphan", *(node.proxy.url for node in nodes)) as script:
        assert script.hear() == "connected"
        slow.proxy.delay(8)  # longer than the script lives, also where the machine is busy
        slow.proxy.forget()
        assert script.ask("acquire") is True
        wait_until(lambda: slow.proxy.requests == 1, "the slow node's SET is on its way")
        slow.proxy.delay(0)
        assert script.ask("go on") == "released"
        assert slow.client.exists("redlock:job") == 0
        wait_until(lambda: slow.client.exists("redlock:job") == 1, "the slow node has the lock")
    assert held(nodes[:2]) == [0, 0]
    assert slow.client.pttl("redlock:job") > 30_000


def test_ours_leaves_no_orphan_on_a_slow_node(nodes: list[Node]) -> None:
    """A node that is too slow is not waited for; but its release is sent after its request."""
    slow = nodes[2]

    async def work(*clients: Redis) -> None:
        slow.proxy.delay(2)
        lease = await Redlock(clients, "job", ttl=60, timeout=1).acquire()
        assert lease is not None
        await lease.release()

    on(nodes, work)
    assert our_locks(nodes[:2]) == [0, 0]
    wait_until(lambda: slow.proxy.connections == 0, "what was on its way has arrived")
    assert our_locks(nodes) == [0, 0, 0]


def test_pottery_extends_a_lock_that_is_over_when_it_hears_so(nodes: list[Node]) -> None:
    """3.0.1: extend() counts a majority and looks at no clock."""
    with Script("locks", "pottery_extension", *(node.proxy.url for node in nodes)) as script:
        assert script.hear() is True
        for node in nodes:
            node.proxy.delay(2, replies=True)
        assert script.ask("go on") == "extended"
    assert held(nodes) == [0, 0, 0]


def test_ours_does_not_believe_an_extension_that_took_too_long(nodes: list[Node]) -> None:
    async def work(*clients: Redis) -> None:
        lease = await Redlock(clients, "job", ttl=1, timeout=5).acquire()
        assert lease is not None
        for node in nodes:
            node.proxy.delay(2, replies=True)
        with pytest.raises((LockLost, TimeoutError)):
            await lease.extend()
        assert not lease.valid

    on(nodes, work)


# -- redlock-py, redlock-ng -------------------------------------------------------------------------------------------


def test_redlock_py_fails_when_one_node_of_three_is_down_and_keeps_two_locked(nodes: list[Node]) -> None:
    """1.0.8: it has its majority, raises the third node's error, and frees nothing."""
    nodes[2].proxy.refuse()
    said = heard_from("locks", "redlock_py_dead_node", *(node.proxy.url for node in nodes))
    assert "refused" in said
    assert held(nodes) == [1, 1, 0]
    assert nodes[0].client.pttl("job") > 30_000


def test_ours_holds_with_two_nodes_of_three(nodes: list[Node]) -> None:
    async def work(*clients: Redis) -> None:
        lease = await Redlock(clients, "job", ttl=60, timeout=5).acquire()
        assert lease is not None
        assert our_locks(nodes) == [1, 1, 0]
        assert await lease.release()
        assert our_locks(nodes) == [0, 0, 0]

    nodes[2].proxy.refuse()
    on(nodes, work)


def test_redlock_ng_runs_the_block_without_the_lock(node: Node) -> None:
    """2.0.4: another holds it, and the body of `with` runs all the same."""
    node.client.set("job", "another's")
    said = heard_from("redlock_ng", node.server.url, group="peers-redlock-ng")
    assert said == {"the block": "runs", "valid": False}
    assert node.client.get("job") == "another's"


def test_ours_does_not_enter_the_block_without_the_lock(node: Node) -> None:
    async def work(client: Redis) -> None:
        assert await Lock(client, "job", ttl=60).acquire()
        with pytest.raises(LockTimeout):
            async with Lock(client, "job", ttl=60).hold(wait=0.01):
                pytest.fail("the block runs")

    on([node], work)


# -- python-redis-lock ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[Server]:
    """A cluster of one node, which has every slot: enough to refuse two keys of different slots."""
    with Server(config={"cluster-enabled": "yes"}) as server, redis.Redis.from_url(server.url) as client:
        client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: client.execute_command("CLUSTER INFO")["cluster_state"] == "ok", "the cluster is up")
        yield server


def test_python_redis_lock_cannot_release_in_a_cluster(cluster: Server) -> None:
    """4.0.1: the lock and its signal lie in different slots, so it is acquired, and release() raises."""
    said = heard_from("locks", "python_redis_lock_cluster", cluster.url)
    assert said == {"acquired": True, "release": "Keys in request don't hash to the same slot"}


def test_ours_keeps_its_keys_in_one_slot(cluster: Server) -> None:
    async def main() -> list[Any]:
        async with Redis.from_url(cluster.url, decode_responses=True) as client:
            lease = await Lock(client, "job", ttl=60).acquire()
            assert lease is not None
            await lease.extend()
            return [await lease.release(), await client.exists("lease:{job}")]

    assert asyncio.run(main()) == [True, 0]


def test_python_redis_lock_does_not_say_that_its_renewal_failed(node: Node) -> None:
    """4.0.1: the lock is gone and another's, the renewing thread is dead, and the holder's block runs on."""
    said = heard_from("locks", "python_redis_lock_renewal", node.server.url)
    assert said == {"second holder": True, "renewal": False, "the first one's block": "still runs"}


def test_ours_says_that_an_extension_failed(node: Node) -> None:
    async def work(client: Redis) -> None:
        lease = await Lock(client, "job", ttl=60).acquire()
        assert lease is not None
        node.client.delete("lease:{job}")
        assert await Lock(client, "job", ttl=60).acquire()
        with pytest.raises(LockLost):
            await lease.extend()
        assert lease.lost.is_set()
        assert not lease.valid

    on([node], work)
