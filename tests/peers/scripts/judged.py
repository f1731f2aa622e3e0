"""Published libraries under the course's search: `judged.py PACKAGES TRIAL…`, in the course's own environment.

PACKAGES is where the libraries are; a TRIAL is `cashews_incr/orders/2`: a function below, a way to search, and what the
function is given. Each trial hands a library a client of the simulation in place of its own, and the
simulation's clock and tokens where it asks the machine for them; the library knows nothing of it. Said: how many
schedules were played, and for each broken promise the smallest schedule, what it broke, and the commands that ran.
"""

import asyncio
import importlib.util
import logging
import sys
from datetime import datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

from redis.asyncio import Redis
from talk import say

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.append(sys.argv[1])

from course_lib.explore import Budget, Schedule, Simulation, Trial, enumerate_all, play, search, shrink
from course_lib.explore.invariants import all_of, at_most, no_key_without_ttl, one_holder
from course_lib.patterns.locks import Lock
from course_lib.patterns.redlock import Redlock

logging.disable()
TTL, OUTAGE = 1.0, 1.5  # seconds
ONE = ("one holder at a time",)


def world(nodes=1, *, bytes_only=True):
    """Servers, and clients that leave it to the library to decode what they answer."""
    return lambda: Simulation(nodes=nodes, decode_responses=not bytes_only, socket_timeout=0.2)


async def works(world, who, seconds, granted=TTL):
    """Do what the lock is for, and note that one believes to hold it: until then, and no longer than it was granted."""
    hold = world.note(who, "hold")
    hold.t_end = world.now() + granted
    await asyncio.sleep(seconds)
    hold.t_end = min(hold.t_end, world.now())


NUMBERS = count(1)
TOKENS = SimpleNamespace(uuid4=lambda: UUID(int=next(NUMBERS)))  # what `uuid` is to a library: no two alike


def crowd(body, *, starts):
    """One process for each start."""

    def build(world, clients):
        for number, start in zip(range(clients), starts, strict=False):
            world.client(f"c{number}", body, world, f"c{number}", start=start)

    return build


def trial(build, *, clients, faults=(), judge=None, promises=ONE, nodes=1, bytes_only=True):
    kinds = dict.fromkeys(faults, OUTAGE)
    judge = judge or one_holder()
    made = world(nodes, bytes_only=bytes_only)
    return Trial("a library", promises, build, judge, sizes=(clients,), faults=kinds, world=made, horizon=30.0)


# -- cashews 7.6 ------------------------------------------------------------------------------------------------------


def cashews_cache(world):
    """What cashews.Cache.setup makes of a URL; its connection pool is the simulated one."""
    import cashews
    from cashews.backends import interface

    interface.uuid = TOKENS
    pool = SimpleNamespace(from_url=lambda url, **options: world.redis().connection_pool)
    cache = cashews.Cache()
    cache.setup("redis://simulated", connection_pool_class=pool)
    return cache


def cashews_incr(value):
    async def body(world, who):
        await cashews_cache(world).incr("hits", int(value), expire=60)

    build = crowd(body, starts=[0, 0])
    return trial(build, clients=2, judge=no_key_without_ttl(), promises=("every key ends",))


def cashews_lock(*faults):
    async def body(world, who):
        async with cashews_cache(world).lock("job", expire=TTL, check_interval=0.05):
            await works(world, who, 0.3)

    return trial(crowd(body, starts=[0, 0.02]), clients=2, faults=faults)


def cashews_early(load):
    """A value is computed again before its end, by one at a time: who does it takes a lock that lives for `early_ttl`.

    c0 fills the cache, and computes again from 6 s on. c1 comes when c0's lock is over, c2 when c0 has computed.
    """
    from cashews.decorators.cache import early

    load = float(load)

    async def body(world, computed, who, *starts):
        early.datetime = SimpleNamespace(now=lambda zone: datetime.fromtimestamp(world.loop.time(), zone))

        @cashews_cache(world).early(ttl=30, early_ttl=TTL, key="page")
        async def page():
            await works(world, who, load, TTL)
            if who == "c0" and world.now() > 6 and not computed.done():
                computed.set_result(None)
            return "page"

        for start in starts:
            await asyncio.sleep(start - world.now())
            await page()
        if who == "c2":
            await computed
            await page()
        await asyncio.sleep(5)

    def build(world, clients):
        computed = world.loop.create_future()
        world.client("c0", body, world, computed, "c0", 0.0, 6.0)
        world.client("c1", body, world, computed, "c1", 6.0 + TTL * 1.1)
        world.client("c2", body, world, computed, "c2")

    return trial(build, clients=3)


# -- aiocache 0.12 ----------------------------------------------------------------------------------------------------


def aiocache_redlock(load):
    """Each process has its own copy of the module, and with it of the events by which its tasks wait."""
    import aiocache.lock

    async def body(world, who):
        found = importlib.util.find_spec("aiocache.lock")
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        module.uuid = TOKENS
        cache = aiocache.RedisCache()
        cache.client = Redis(connection_pool=world.redis().connection_pool)
        async with module.RedLock(cache, "job", lease=TTL):
            await works(world, who, float(load))

    return trial(crowd(body, starts=[0, 0]), clients=2)


# -- pyrate-limiter 4.5 -----------------------------------------------------------------------------------------------


def pyrate_bucket(behind):
    """One a second, asked for by two clients at once; the second one's clock is so many seconds behind."""
    from pyrate_limiter import Rate, RateItem, RedisBucket

    async def body(world, who):
        bucket = await RedisBucket.init([Rate(1, 1000)], world.redis(), "ann")
        clock = 1_700_000_000 + world.loop.time() - (float(behind) if who == "c1" else 0.0)
        return await bucket.put(RateItem("ann", round(clock * 1000)))

    judge = all_of(at_most(1, 1.0), no_key_without_ttl())
    promises = ("limit", "every key ends")
    return trial(crowd(body, starts=[0, 0]), clients=2, judge=judge, promises=promises, bytes_only=False)


# -- pottery 3.0 ------------------------------------------------------------------------------------------------------


def pottery_lock(extends, *faults):
    """Acquire, work, extend, work, release: with three masters."""
    import pottery.aioredlock
    import pottery.timer

    pottery.aioredlock.uuid = TOKENS

    async def body(world, who):
        pottery.timer.timeit = SimpleNamespace(default_timer=lambda: 1 + world.loop.time())
        lock = pottery.AIORedlock(key="job", masters={world.redis(node) for node in range(3)}, auto_release_time=TTL)
        lock.masters = tuple(
            world.redis(node) for node in range(3)
        )  # a set of them has an order of its own in each run
        if await lock.acquire(timeout=3 * TTL):
            await works(world, who, 0.3 * TTL)
            if extends == "extends":
                await lock.extend()  # raises, if it cannot
                await works(world, who, 0.6 * TTL)
            await lock.release()

    return trial(crowd(body, starts=[0, 0.1]), clients=2, faults=faults, nodes=3)


# -- ours, in the same trials -----------------------------------------------------------------------------------------


def ours_lock(*faults):
    def build(world, clients):
        lock = Lock(world.redis(), "job", ttl=TTL, token=lambda: str(TOKENS.uuid4()))
        for number in range(clients):
            world.client(f"c{number}", our_body, world, lock, f"c{number}", start=0.02 * number)

    return trial(build, clients=2, faults=faults, bytes_only=False)


def ours_redlock(*faults):
    def build(world, clients):
        lock = Redlock([world.redis(node) for node in range(3)], "job", ttl=TTL, token=lambda: str(TOKENS.uuid4()))
        for number in range(clients):
            world.client(f"c{number}", our_body, world, lock, f"c{number}", start=0.1 * number)

    return trial(build, clients=2, faults=faults, nodes=3, bytes_only=False)


async def our_body(world, lock, who):
    lease = await lock.acquire(wait=3 * TTL)
    if lease is not None:
        await works(world, who, 0.3 * TTL, lease.left())
        await lease.extend()
        await works(world, who, 0.6 * TTL, lease.left())
        await lease.release()


TRIALS = {
    name: made
    for name, made in globals().items()
    if name.startswith(("cashews_", "aiocache_", "pyrate_", "pottery_", "ours_"))
}


def report(found, played):
    """In words; `calm` is how everybody ended without a fault, so that a trial in which nobody got anywhere shows."""
    calm = play(found.trial, Schedule(found.trial.sizes[0]))
    failing = {
        promise: {
            "schedule": run.schedule.text,
            "fault": run.schedule.kind,
            "said": run.violation(promise).text,
            "who": run.violation(promise).who,
            "commands": [f"{event.client}: {event.name}" for event in ran(run)],
        }
        for promise, run in found.failing.items()
    }
    return {"played": played, "failing": failing, "calm": [repr(result) for result in calm.results.values()]}


def ran(run):
    return sorted((event for event in run.trace if event.t_server is not None), key=lambda event: event.t_server)


def judged(how, made):
    """Under every order of the commands; or under some seeds, with each fault at every send in turn."""
    if how == "faults":
        found = search(made)
        return report(found, found.schedules)
    orders = enumerate_all(made, made.sizes[0], budget=Budget(5_000))
    by_promise = dict(orders.broken)
    orders.failing = {promise: shrink(made, promise, run, most=200) for promise, run in orders.failing.items()}
    return report(orders, orders.schedules) | {"broken": orders.failures, "of each promise": by_promise}


def each(specifications):
    for name, how, *given in (specification.split("/") for specification in specifications):
        yield judged(how, TRIALS[name](*given))


say(list(each(sys.argv[2:])))
