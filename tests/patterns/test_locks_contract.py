"""What every lock promises, on one node and on a majority of 3 and of 5, in every world."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from course_lib.errors import BadArgument, LockLost, LockTimeout, StaleFence
from course_lib.patterns.locks import Lease, Lock
from course_lib.patterns.redlock import FencedStore, Redlock
from course_lib.servers import Server
from course_lib.worlds import Embedded, Real, Simulated, World

from .conftest import SERVERS, empty_server
from .crowd import alone, round_trips

NODES = 5


@pytest.fixture(params=["simulated", "embedded", *SERVERS])
def world(request: pytest.FixtureRequest, servers: dict[str, Server]) -> World:
    """As in conftest, with five nodes. Of a real server each node is one database: as independent as its keys are."""
    if request.param == "simulated":
        return Simulated(seed=1, nodes=NODES)
    if request.param == "embedded":
        return Embedded(nodes=NODES)
    url = empty_server(request.param, servers).url
    return Real(*(f"{url.removesuffix('0')}{number}" for number in range(NODES)))


@pytest.fixture(params=[1, 3, 5], ids=["Lock", "Redlock of 3", "Redlock of 5"])
def make(request: pytest.FixtureRequest, world: World) -> Callable[..., Lock]:
    """Makes a lock, patient with a loaded machine."""
    policy: dict[str, Any] = {"ttl": 60.0, "timeout": 10.0}
    if request.param == 1:
        return lambda name="job", **more: Lock(world.redis(), name, **(policy | more))
    nodes = [world.redis(node) for node in range(request.param)]
    return lambda name="job", **more: Redlock(nodes, name, **(policy | more))


async def keys_of(world: World, pattern: str = "*") -> list[tuple[str, int]]:
    """Every key of every node, with its remaining life in ms."""
    found: list[tuple[Any, int]] = []
    for node in range(NODES):
        redis = world.redis(node)
        found += [(key, await redis.pttl(key)) for key in await redis.keys(pattern)]
    return found


async def granted(lock: Lock, wait: float = 0.0) -> Lease:
    lease = await lock.acquire(wait=wait)
    assert lease is not None
    return lease


def later(new: Lease, old: Lease) -> bool:
    """Does the fence of `new` exceed that of `old` at every node that both got?"""
    shared = [(n, o) for n, o in zip(new.fence, old.fence, strict=True) if n and o]
    return bool(shared) and all(n > o for n, o in shared)


def test_one_at_a_time(world: World, make: Callable[..., Lock]) -> None:
    """While one holds it nobody else gets it; once it is released the next does, with a higher fence."""

    async def body(redis: Redis) -> None:
        lock, other = make(), make()
        lease = await granted(lock)
        assert lease.valid
        assert 59 < lease.left() < 59.5
        assert not lease.lost.is_set()
        assert await other.acquire() is None
        assert await lock.acquire() is None
        assert await lease.release() is True
        assert not lease.valid
        assert lease.left() <= 0
        assert not lease.lost.is_set()
        second = await granted(other)
        assert later(second, lease)
        assert second.token != lease.token
        assert await lease.release() is False
        assert await lock.acquire() is None
        assert all(life > 0 for _, life in await keys_of(world))
        await second.release()
        assert await keys_of(world, "lease*") == []

    alone(world, body)


def test_it_ends_with_its_ttl(world: World, make: Callable[..., Lock]) -> None:
    """The next one gets it by waiting; the old holder is told, and its late release leaves the new one's lock."""

    async def body(redis: Redis) -> None:
        old = await granted(make(ttl=0.3), wait=20)  # a busy machine may need a second try
        new = await granted(make(), wait=20)
        assert old.lost.is_set() or not old.valid
        await asyncio.wait_for(old.lost.wait(), 10)
        with pytest.raises(LockLost, match="no longer held"):
            await old.extend()
        assert await old.release() is False
        assert new.valid
        assert later(new, old)
        assert await make().acquire() is None

    alone(world, body)


def test_a_crowd_holds_it_in_turn(world: World, make: Callable[..., Lock]) -> None:
    """Twelve tasks read, pause and write one number: none is lost, as no two are in at once."""
    inside: list[int] = []

    async def body(redis: Redis) -> Any:
        lock = make(poll=0.05)

        async def add() -> None:
            async with lock.hold(wait=60):
                inside.append(1)
                assert len(inside) == 1
                value = int(await redis.get("sum") or 0)
                await asyncio.sleep(0.001)
                await redis.set("sum", value + 1)
                inside.pop()

        await asyncio.gather(*(add() for _ in range(12)))
        return await redis.get("sum")

    assert alone(world, body) == "12"


def test_hold_says_when_it_cannot_and_when_it_could_not(world: World, make: Callable[..., Lock]) -> None:
    """LockTimeout if it is taken, LockLost if the block outlasts it; the block's own error comes first."""

    async def body(redis: Redis) -> None:
        async with make().hold(wait=0):
            with pytest.raises(LockTimeout, match="'job' was not free within 0.05 s"):
                await make().hold(wait=0.05).__aenter__()

        async def outlast(error: type[Exception] | None) -> None:
            async with make(ttl=0.1).hold(wait=0) as lease:
                await lease.lost.wait()
                if error is not None:
                    raise error

        with pytest.raises(LockLost, match="lost before its block had ended"):
            await outlast(None)
        with pytest.raises(KeyError):
            await outlast(KeyError)
        assert await keys_of(world, "lease*") == []

    alone(world, body)


def test_an_extension_prolongs_it_within_its_bound(world: World, make: Callable[..., Lock]) -> None:
    """Past its first end it is still held; one more than max_extensions is refused, and the lease goes on."""

    async def body(redis: Redis) -> None:
        lease = await granted(make(ttl=5, max_extensions=2))
        await asyncio.sleep(0.5)  # longer than two extensions take on a busy machine
        before = lease.left()
        await lease.extend()
        await lease.extend()
        assert lease.left() > before
        assert lease.valid
        with pytest.raises(LockLost, match="extended 2 times"):
            await lease.extend()
        assert lease.valid
        assert not lease.lost.is_set()
        assert await lease.release() is True

    alone(world, body)


def test_who_has_lost_it_cannot_extend_it(world: World, make: Callable[..., Lock]) -> None:
    """Somebody deleted the lock: the extension fails, `lost` is set, and nothing is taken back."""

    async def body(redis: Redis) -> None:
        lease = await granted(make())
        for node in range(NODES):
            await world.redis(node).flushdb()
        with pytest.raises(LockLost):
            await lease.extend()
        assert lease.lost.is_set()
        assert not lease.valid
        assert lease.left() <= 0
        assert await keys_of(world, "lease*") == []

    alone(world, body)


def test_round_trips_are_what_the_docstring_claims(world: World, make: Callable[..., Lock]) -> None:
    """Counted on the wire: acquire, extend and release are one each, on all nodes in parallel."""

    async def body(redis: Redis) -> list[int]:
        lock, counts = make(), []
        await (await granted(lock)).release()  # the servers learn the scripts
        lease = None
        for step in ("acquire", "extend", "release"):
            before = len(world.trace)
            lease = await getattr(lock if step == "acquire" else lease, step)() or lease
            counts.append(len(world.trace) - before)
        return counts

    nodes = len(getattr(make(), "_keeps", [0]))
    assert alone(world, body) == [nodes] * 3
    if nodes == 1:
        assert round_trips(world.trace.events[-3:]) == 3


def test_a_waiter_that_is_cancelled_leaves_nothing(world: World, make: Callable[..., Lock]) -> None:
    """The holder keeps the lock, and after it the way is free."""

    async def body(redis: Redis) -> None:
        lease = await granted(make())
        waiter = asyncio.create_task(make().acquire(wait=60))
        await asyncio.sleep(0.05)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert lease.valid
        assert await lease.release() is True
        assert await keys_of(world, "lease*") == []

    alone(world, body)


def test_all_its_keys_lie_in_one_slot(world: World, make: Callable[..., Lock]) -> None:
    """A cluster may run its scripts; a name with a hash tag keeps it; no key is a load lock's."""

    async def body(redis: Redis) -> None:
        for name, tag in (("job", "{job}"), ("{user:7}:mail", "{user:7}:mail")):
            await (await granted(make(name))).release()
            assert {key.partition(":")[2] for key, _ in await keys_of(world, f"*{name}*")} == {tag}
        assert not await keys_of(world, "lock:*")

    alone(world, body)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"ttl": 0}, "ttl is 0; accepted: seconds"),
        ({"ttl": 0.002}, "ttl is 0.002; accepted: more than what drift takes away"),
        ({"timeout": float("nan")}, "timeout is nan"),
        ({"poll": -1}, "poll is -1"),
        ({"drift": 1}, "drift is 1; accepted: at least 0 and below 1"),
        ({"max_extensions": 1.5}, "max_extensions is 1.5"),
        ({"name": ""}, "key is ''"),
    ],
)
def test_refuses_a_policy_that_is_none(make: Callable[..., Lock], policy: dict[str, Any], said: str) -> None:
    """The error names the argument, its value and what is accepted."""
    with pytest.raises(BadArgument, match=said):
        make(**policy)


def test_refuses_a_wait_and_nodes_that_are_none() -> None:
    """Two nodes have no majority that survives one; one client twice is no second node."""
    world = Simulated(nodes=3)
    one, two, _ = nodes = [world.redis(node) for node in range(3)]
    for few in ([], [one, two], [one, two, one]):
        with pytest.raises(BadArgument, match="accepted: clients of three servers or more"):
            Redlock(few, "job", ttl=1)
    with pytest.raises(BadArgument, match="wait is -1"):
        alone(world, lambda redis: Redlock(nodes, "job", ttl=1).acquire(wait=-1))


def test_the_store_takes_no_older_fence(world: World) -> None:
    """Once a newer holder has written no older one can; the same holder may write again."""

    async def body(redis: Redis) -> None:
        store = FencedStore(redis, "report")
        assert await store.get() is None
        await store.put("a", (33,))
        await store.put("b", (34,))
        await store.put("c", (34,))
        with pytest.raises(StaleFence, match="'report' has seen a newer fence than"):
            await store.put("d", (33,))
        assert await store.get() == "c"
        for none in ((), (0, 0, 0)):
            with pytest.raises(BadArgument):
                await store.put("e", none)

    alone(world, body)


def test_the_store_compares_node_by_node(world: World) -> None:
    """Majorities share a node, and there the later holder has the higher number, whatever the others say."""

    async def body(redis: Redis) -> None:
        store = FencedStore(redis, "report")
        await store.put("old", (900, 800, 5, 0, 0))
        await store.put("new", (0, 0, 6, 7, 8))
        with pytest.raises(StaleFence):
            await store.put("old", (900, 800, 5, 0, 0))
        await store.put("newer", (901, 0, 0, 8, 9))
        assert await store.get() == "newer"

    alone(world, body)


def test_the_fence_grows_through_clock_steps_and_lost_data() -> None:
    """The clock goes back an hour; then the node forgets everything, as an empty replica that was promoted would."""
    world = Simulated()

    async def body(redis: Redis) -> list[int]:
        lock, fences = Lock(redis, "job", ttl=10), []
        for step in (0, -3600, 7200, -3600):
            world.step_clock(0, step)
            async with lock.hold(wait=0) as lease:
                fences.append(lease.fence[0])
        await asyncio.sleep(3600)
        await redis.flushall()
        async with lock.hold(wait=0) as lease:
            return [*fences, lease.fence[0]]

    fences = alone(world, body)
    assert fences == sorted(set(fences))


def test_a_release_wakes_a_waiter_at_once() -> None:
    """Long before it would look again by itself."""
    world = Simulated(seed=1)

    async def body(redis: Redis) -> float:
        lock = Lock(redis, "job", ttl=60, poll=50)
        lease = await granted(lock)
        waiter = asyncio.create_task(granted(Lock(redis, "job", ttl=60, poll=50), wait=30))
        await asyncio.sleep(5)
        assert not waiter.done()
        begun = world.now()
        await lease.release()
        await waiter
        return world.now() - begun

    assert alone(world, body) < 0.1


@pytest.mark.parametrize("number", [1, 3], ids=["Lock", "Redlock"])
def test_a_waiter_gives_up_when_its_wait_is_over(number: int) -> None:
    """Not when its pause is, which may be much longer; and not before."""
    world = Simulated(seed=1, nodes=NODES)

    async def body(redis: Redis) -> float:
        nodes = [world.redis(node) for node in range(number)]
        kind: Any = Lock if number == 1 else Redlock
        one, other = (kind(nodes[0] if number == 1 else nodes, "job", ttl=60, poll=20) for _ in range(2))
        await granted(one)
        begun = world.now()
        assert await other.acquire(wait=0.5) is None
        return world.now() - begun

    assert 0.5 <= alone(world, body) < 0.6
