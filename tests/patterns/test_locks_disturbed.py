"""Locks in simulation under crashes, pauses, losses, dead nodes and skewed clocks; each claim with its control."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from thorough import runs

from course_lib.errors import LockLost
from course_lib.explore import Budget, search
from course_lib.patterns.locks import Lease, Lock
from course_lib.patterns.redlock import FencedStore, Redlock
from course_lib.sim import Faults, OneFault
from course_lib.sim.faults import Loss, Send
from course_lib.worlds import Simulated

from . import broken_locks as broken
from .crowd import CancelledAt, alone, awaited
from .locks_crowd import FAULTS, OUTAGE, TROUBLES, TTL, Make, redlock, sampled, single, trial

pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")  # of simulated processes that crashed

CHANCES = {"crash": 0.01, "pause": 0.06, "lose_request": 0.03, "lose_reply": 0.03, "node_down": 0.01}
ENOUGH = Budget(schedules=100_000, steps=10**9)
LOCKS = pytest.mark.parametrize(
    ("make", "nodes", "clients"), [(single, 1, 3), (redlock(3), 3, 2)], ids=["Lock", "Redlock"]
)


def one(kind: type[Lock]) -> Make:
    return lambda world, **policy: kind(world.redis(), "job", **policy)


# -- at random, and one fault at every place --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "nodes", "clients"), [(single, 1, 3), (redlock(5), 5, 2)], ids=["Lock", "Redlock of five"]
)
def test_a_thousand_runs_with_troubles(make: Make, nodes: int, clients: int) -> None:
    """One holder within its validity, no older fence after a newer, nothing left for ever, and no unexpected error."""
    assert sampled(trial(make, nodes=nodes, clients=clients, faults={}), range(runs(1000)), **CHANCES) == {}


@LOCKS
def test_one_fault_at_every_send(make: Make, nodes: int, clients: int) -> None:
    """The same promises, whichever command meets a crash, a pause beyond the TTL, a loss or a dead node."""
    faults = {kind: FAULTS[kind] for kind in (FAULTS if nodes == 1 else ("pause", "lose reply"))}
    found = search(trial(make, nodes=nodes, clients=clients, faults=faults), ENOUGH)
    assert found.complete
    assert found.schedules > 150
    assert {promise: run.schedule.text for promise, run in found.failing.items()} == {}


@pytest.mark.parametrize(
    ("make", "nodes", "store", "promise"),
    [
        (one(broken.UnlocksByDel), 1, FencedStore, "one holder"),
        (redlock(3, broken.CountsFromTheReply), 3, FencedStore, "one holder"),
        (single, 1, broken.UnfencedStore, "no older fence"),
    ],
    ids=["UnlocksByDel", "CountsFromTheReply", "UnfencedStore"],
)
def test_a_twin_breaks_its_promise(make: Make, nodes: int, store: type[FencedStore], promise: str) -> None:
    """The controls, under the same troubles."""
    for seeds in (range(start, start + 50) for start in range(0, 600, 50)):
        if promise in sampled(trial(make, nodes=nodes, store=store, faults={}), seeds, **CHANCES):
            return
    pytest.fail("600 seeds did not show it")


class Silent(Faults):
    """Once it is `on`, no request arrives."""

    on = False

    def on_send(self, world: Any, send: Send) -> Loss | None:
        return "request lost" if self.on else None


@pytest.mark.parametrize("nodes", [1, 3], ids=["Lock", "Redlock"])
def test_silent_nodes_are_waited_for_no_longer_than_timeout(nodes: int) -> None:
    """A request fails after timeout, and what frees the lock afterwards takes no longer."""
    faults = Silent()
    world = Simulated(seed=1, nodes=nodes, faults=faults)

    async def body(redis: Redis) -> list[float]:
        lock = (redlock(nodes) if nodes > 1 else single)(world, ttl=60, timeout=0.25)
        lease, took = await lock.acquire(), list[float]()
        assert lease is not None
        faults.on = True
        for request in (lock.acquire, lease.extend, lease.release):
            begun = world.now()
            try:
                assert await request() is False  # only a release has an answer
            except TimeoutError:
                pass
            took.append(world.now() - begun)
        return took

    acquire, extend, release = alone(world, body)
    assert 0.25 <= acquire <= 0.501
    assert 0.25 <= extend <= 0.251
    assert 0.25 <= release <= 0.251


# -- callers that give up ---------------------------------------------------------------------------------------------


def left_by_cancellation(make: Make, nodes: int, seed: int, *also: int, warm: bool) -> list[int]:
    """Cancel acquire, extend and release at every await in turn; list the awaits after which the lock was held."""
    harmed = []
    for at in count(1):
        world, numbers = Simulated(seed=seed, nodes=nodes), count()
        lock = make(world, ttl=60, timeout=0.5, token=lambda numbers=numbers: f"token{next(numbers)}")

        async def whole(lock: Lock = lock) -> None:
            async with lock.hold(wait=1) as lease:
                await lease.extend()

        async def teach(lock: Lock = lock) -> None:
            async with lock.hold(wait=1) as lease:
                await lease.extend()

        work = CancelledAt(whole(), at, *(at + more for more in also))
        if warm:
            world.client("early", teach)
        world.client("victim", partial(awaited, work), start=1)
        world.run()
        world.client("later", lambda lock=lock: lock.acquire(wait=0.5), start=0.5)
        if world.run()["later"] is None:
            harmed.append(at)
        if work.awaits < at:
            return harmed
    return harmed


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize(("make", "nodes"), [(single, 1), (redlock(3), 3)], ids=["Lock", "Redlock"])
def test_who_is_cancelled_anywhere_leaves_nothing(make: Make, nodes: int, warm: bool) -> None:
    """Once or twice in a row, with the scripts known to the server or not, half a second later all is free."""
    for seed in range(4):
        assert left_by_cancellation(make, nodes, seed, warm=warm) == []
        assert left_by_cancellation(make, nodes, seed, 1, warm=warm) == []
        assert left_by_cancellation(make, nodes, seed, 2, warm=warm) == []


@pytest.mark.parametrize("twin", [broken.NoReleaseInDoubt, broken.NoMark])
def test_without_a_release_in_doubt_or_its_mark_a_lock_is_left(twin: type[Lock]) -> None:
    """The controls: nothing undoes what was on its way, or the undoing comes first and finds nothing to undo."""
    assert any(left_by_cancellation(one(twin), 1, seed, warm=True) for seed in range(40))


def kept_by_failures(kind: type[Redlock]) -> int:
    """Three rivals at once, 100 times, with no patience: after all have released, how many nodes are still locked?"""
    world, left = Simulated(nodes=3), 0
    for seed in range(100):
        world.rewind(seed)
        lock, numbers = redlock(3, kind)(world, ttl=60, token=map("token{}".format, count()).__next__), count()

        async def body(lock: Lock = lock) -> None:
            if (lease := await lock.acquire()) is not None:
                await lease.release()

        async def look(world: Simulated = world) -> int:
            return sum([await world.redis(node).exists("lease:{job}") for node in range(3)])

        for _ in range(3):
            world.client(f"c{next(numbers)}", body)
        world.client("late", look, start=1)
        left += world.run()["late"]
    return left


def test_a_failed_attempt_leaves_no_node_locked() -> None:
    """The control is pottery's early return."""
    assert kept_by_failures(Redlock) == 0
    assert kept_by_failures(broken.LeavesAFailedAttempt) > 0


# -- replies that are lost --------------------------------------------------------------------------------------------


def lost_reply(make: Make, at: int, retries: int) -> tuple[Any, Any, float]:
    """The reply to the client's `at`-th command is lost: what acquire gives, what a second try gives, the time."""
    world = Simulated(faults=OneFault("lose reply", at=at), socket_timeout=0.1, retry=Retry(NoBackoff(), retries))
    lock = make(world, ttl=60, timeout=1, token=map("token{}".format, count()).__next__)

    async def body(redis: Redis) -> tuple[Any, Any]:
        try:
            first: Any = await lock.acquire()
        except TROUBLES as error:
            first = error
        return first, None if isinstance(first, Lease) else await lock.acquire()

    return *alone(world, body), world.now()


@pytest.mark.parametrize("at", range(1, 4))
def test_a_lost_reply_locks_nobody_out(at: int) -> None:
    """A client that retries has the lock, as it sees its own token; one that does not hears of it, and tries again."""
    first, _, seconds = lost_reply(single, at, retries=3)
    assert isinstance(first, Lease)
    assert seconds < 0.3
    first, second, seconds = lost_reply(single, at, retries=0)
    assert isinstance(first, TROUBLES)
    assert isinstance(second, Lease)
    assert seconds < 0.3


def test_who_trusts_the_reply_locks_itself_out() -> None:
    """The control: its token holds the lock, and acquire says no."""
    assert any(lost_reply(one(broken.TrustsTheReply), at, retries=3)[0] is None for at in range(1, 4))


# -- extension --------------------------------------------------------------------------------------------------------


def overlaps(kind: type[Lock]) -> Iterator[int]:
    """Pause a holder for more than a TTL at each half ms of its extension: when do two believe that they hold it?"""
    for at in range(60):
        world = Simulated()
        lock = one(kind)(world, ttl=TTL, token=map("token{}".format, count()).__next__)
        spans: dict[str, tuple[float, float]] = {}

        async def holder(lock: Lock = lock, world: Simulated = world, spans: Any = spans) -> None:
            lease = await lock.acquire(wait=5)
            assert lease is not None
            await asyncio.sleep(0.4)
            await lease.extend()
            spans["holder"] = world.now(), world.now() + lease.left()

        async def rival(lock: Lock = lock, world: Simulated = world, spans: Any = spans) -> None:
            lease = await lock.acquire(wait=10)
            assert lease is not None
            spans["rival"] = world.now(), world.now() + lease.left()

        world.at(0.4 + at / 2000, world.pause, world.client("holder", holder), OUTAGE)
        world.client("rival", rival, start=0.2)
        world.run()
        if len(spans) == 2 and max(spans.values())[0] < min(spans.values())[1]:
            yield at


def test_an_extension_counts_from_before_it_was_sent() -> None:
    """The control counts from its reply, which a pause delays beyond the TTL."""
    assert list(overlaps(Lock)) == []
    assert list(overlaps(broken.ExtendsUnchecked)) != []


@pytest.mark.parametrize(("kind", "extended"), [(Redlock, False), (broken.ExtendsOnAnyNode, True)])
def test_an_extension_needs_a_majority(kind: type[Redlock], extended: bool) -> None:
    """Two of three nodes have lost the lock; the control takes the third for enough."""
    world = Simulated(nodes=3)

    async def body(redis: Redis) -> bool:
        lease = await redlock(3, kind)(world, ttl=60).acquire()
        assert lease is not None
        for node in (1, 2):
            await world.redis(node).flushdb()
        try:
            await lease.extend()
        except LockLost:
            return lease.valid
        return lease.valid

    assert alone(world, body) is extended


def test_an_extension_that_nobody_answered_changes_nothing() -> None:
    """The lease goes on until its own end, and once the nodes are back the next extension succeeds."""
    world = Simulated(nodes=3)

    async def body(redis: Redis) -> None:
        lease = await redlock(3)(world, ttl=60).acquire()
        assert lease is not None
        for node in (0, 1):
            world.down(node, 1.0)
        with pytest.raises(TROUBLES):
            await lease.extend()
        assert lease.valid
        assert not lease.lost.is_set()
        assert lease.extensions == 0
        await asyncio.sleep(1)
        await lease.extend()
        assert lease.valid
        assert lease.extensions == 1

    alone(world, body)


# -- nodes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dead", [0, 1, 2, 3])
def test_redlock_lives_while_a_majority_does(dead: int) -> None:
    """Of five nodes two may be dead; with three, the caller hears an error and nothing is held."""
    world = Simulated(nodes=5)
    for node in range(dead):
        world.down(node, 10.0)

    async def body(redis: Redis) -> list[int]:
        if dead < 3:
            lease = await redlock(5)(world, ttl=60).acquire()
            assert lease is not None
            assert list(map(bool, lease.fence)) == [False] * dead + [True] * (5 - dead)
            await lease.extend()
            assert await lease.release()
        else:
            with pytest.raises(TROUBLES):
                await redlock(5)(world, ttl=60).acquire()
        return [await world.redis(node).exists("lease:{job}") for node in range(dead, 5)]

    assert not any(alone(world, body))


def test_one_clock_that_jumps_frees_no_majority() -> None:
    """Held on all of five nodes, one that jumps ahead is one vote; the control is a lock on that node alone."""
    world = Simulated(nodes=5)

    async def body(redis: Redis) -> tuple[Any, Any]:
        locks: list[Lock] = [redlock(5)(world, ttl=60), single(world, ttl=60)]
        for lock in locks:
            assert await lock.acquire() is not None
            world.step_clock(0, 100)
            if lock is locks[0]:
                second = await lock.acquire()
        return second, await locks[1].acquire()

    majority, alone_ = alone(world, body)
    assert majority is None
    assert alone_ is not None


def test_the_highest_number_alone_is_no_fence_of_a_majority() -> None:
    """The control of the comparison node by node: it refuses the newer holder, whose nodes count behind."""
    world = Simulated()

    async def body(store: FencedStore) -> str:
        await store.put("old", (900, 800, 5, 0, 0))
        try:
            await store.put("new", (0, 0, 6, 7, 8))
        except Exception as error:
            return type(error).__name__
        return "accepted"

    opened: Callable[[Any], Any] = lambda store: store(world.redis(), store.__name__)  # noqa: E731
    world.client("right", body, opened(FencedStore))
    world.client("wrong", body, opened(broken.HighestOnly))
    assert world.run() == {"right": "accepted", "wrong": "StaleFence"}
