"""Lock and Redlock against a plain Python model: any order of acquiring, extending, releasing and waiting."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from course_lib.errors import LockLost
from course_lib.patterns.locks import Lease, Lock
from course_lib.patterns.redlock import Redlock
from course_lib.sim import steady
from course_lib.worlds import Simulated

TTL = 1.0
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([0.1, 0.35, 0.7, 1.2])),
        st.tuples(st.sampled_from(["acquire", "extend", "release", "ask"]), st.integers(0, 2)),
    ),
    max_size=25,
)


class Model:
    """Who holds the lock, until when; by what each client may still believe. No Redis."""

    def __init__(self) -> None:
        self.holder: int | None = None
        self.ends = 0.0
        self.last_fence = 0

    def holds(self, client: int, now: float) -> bool:
        return self.holder == client and now < self.ends

    def free(self, now: float) -> bool:
        return self.holder is None or now >= self.ends


def made(kind: str, world: Simulated) -> Lock:
    nodes: list[Redis] = [world.redis(node) for node in range(3)]
    return Lock(nodes[0], "job", ttl=TTL) if kind == "Lock" else Redlock(nodes, "job", ttl=TTL)


async def follow(world: Simulated, lock: Lock, steps: list[tuple[str, Any]]) -> None:
    """Each step does what the model says it does. No step is near an end: they are 0.05 s apart at least."""
    model, leases = Model(), dict[int, Lease]()
    for verb, what in steps:
        now = world.now()
        if verb == "wait":
            await asyncio.sleep(what)
        elif verb == "acquire" and what not in leases:
            lease = await lock.acquire()
            assert (lease is not None) is model.free(now)
            if lease is not None:
                assert max(lease.fence) > model.last_fence, "a fence grows"
                leases[what], model.last_fence = lease, max(lease.fence)
                model.holder, model.ends = what, now + TTL
        elif verb == "extend" and what in leases:
            if model.holds(what, now):
                await leases[what].extend()
                model.ends = now + TTL
            else:
                with pytest.raises(LockLost):
                    await leases[what].extend()
                assert leases.pop(what).lost.is_set()
        elif verb == "release" and what in leases:
            assert await leases.pop(what).release() is model.holds(what, now)
            if model.holds(what, now):
                model.holder = None
        for client, lease in leases.items():
            assert lease.valid is model.holds(client, world.now()), (verb, what)


@pytest.mark.parametrize("kind", ["Lock", "Redlock"])
@settings(max_examples=120, deadline=None, derandomize=True)
@given(steps=STEPS)
def test_a_lock_does_what_the_model_does(kind: str, steps: list[tuple[str, Any]]) -> None:
    world = Simulated(nodes=3, latency=steady(0.0001))
    world.client("all", follow, world, made(kind, world), steps)
    result = world.run()["all"]
    if isinstance(result, BaseException):
        raise result


class ForgetsTheToken(Lock):
    """Wrong: it frees whatever lock there is."""

    async def _free(self, token: str, *, in_doubt: bool = False) -> bool:
        return bool(await self.redis.delete(self.key))


def test_the_model_notices_a_release_of_anybodys_lock() -> None:
    """The control."""
    steps: list[tuple[str, Any]] = [("acquire", 0), ("wait", 1.2), ("acquire", 1), ("release", 0), ("acquire", 2)]
    world = Simulated(nodes=3, latency=steady(0.0001))
    world.client("all", follow, world, ForgetsTheToken(world.redis(), "job", ttl=TTL), steps)
    assert isinstance(world.run()["all"], AssertionError)
