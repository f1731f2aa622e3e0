"""Lesson 02 on a real server: what a bump costs, who waits for a big command, and the rollout in real time.

Each experiment empties the server that it is given and returns rows for a table. All of them together take some eight
seconds; `EXPERIMENTS` names them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import redis as sync
from redis.asyncio import Redis

from course_lib.lessons.keys.experiment_eviction import eviction, hits
from course_lib.lessons.keys.experiment_rollout import Rollout, RolloutResult
from course_lib.lessons.keys.experiment_rollout_run import STRATEGIES, play, set_up
from course_lib.patterns.audit import remove_versions
from course_lib.patterns.keys import KeySchema
from course_lib.servers import Server
from course_lib.worlds import Real, run_or_raise
from course_lib.worlds.threads import run_anywhere, until

Row = dict[str, object]
PROFILE = KeySchema("app", "user", "profile")
VALUE = '{"first": "Ann", "last": "Lee", "about": "' + "about a hundred characters, " * 4 + '"}'
# KEYS: a set. ARGV: how many members it gets. A script, because 300,000 commands from here would take seconds.
BIG_SET = """
for number = 1, ARGV[1] do redis.call('SADD', KEYS[1], 'member' .. number) end"""


def measure(server: Server, name: str) -> list[Row]:
    """Run an experiment of EXPERIMENTS on a server whose data can go: it is emptied before and after."""
    with sync.Redis.from_url(server.url) as client:
        client.flushall()
        try:
            return EXPERIMENTS[name](server)
        finally:
            client.flushall()


def bump(server: Server, *, keys: int = 5_000) -> list[Row]:
    """Memory as the server counts it: one version, two versions, the old one gone by TTL, and gone by UNLINK."""
    return run_anywhere(lambda: _bump(server.url, keys), name="what a bump costs")


async def _bump(url: str, keys: int) -> list[Row]:
    rows: list[Row] = []
    async with Redis.from_url(url, decode_responses=True) as redis:

        async def note(state: str) -> None:
            used, count = (await redis.info("memory"))["used_memory"], await redis.dbsize()
            rows.append({"state": state, "keys": count, "used_memory (MB)": round(used / 1e6, 2), "bytes": used})

        await _write(redis, PROFILE, keys)
        await note("version 1, warm")
        await _write(redis, PROFILE.at(2), keys)
        await note("bumped to 2, every profile read once")
        await _each(redis, PROFILE, keys, lambda pipe, key: pipe.pexpire(key, 100))
        # Overdue keys are freed bit by bit, the last ones late.
        await until(lambda: _holds_at_most(redis, keys * 1.25), "the overdue keys were to be freed")
        await note("TTL of version 1 over")
        await _each(redis, PROFILE, keys, lambda pipe, key: pipe.exists(key))  # a read of an overdue key frees it
        await _write(redis, PROFILE.at(3), keys)
        await note("bumped to 3, every profile read once")
        await remove_versions(redis, PROFILE.at(3))
        await until(lambda: _freed(redis), "the unlinked keys were to be freed")
        await note("version 2 unlinked")
    return rows


def blocked(server: Server, *, members: int = 300_000, keys: int = 100_000) -> list[Row]:
    """The longest wait of another client while a big set is deleted or the whole keyspace is searched."""
    return run_anywhere(lambda: _blocked(server.url, members, keys), name="who waits")


async def _blocked(url: str, members: int, keys: int) -> list[Row]:
    rows: list[Row] = []
    old = PROFILE.pattern(version=1)  # which matches nothing, so that no client is busy with a long reply
    async with Redis.from_url(url, decode_responses=True) as redis, Redis.from_url(url) as other:

        async def watch(command: str, what: str, act: Callable[[], Awaitable[object]]) -> None:
            await redis.config_resetstat()
            async with _pinging(other) as waits:
                await act()
            stats = (await redis.info("commandstats"))[f"cmdstat_{command.lower()}"]
            row = {"command": f"{command}, {what}", "calls": stats["calls"]}
            row |= {"server busy, each call (ms)": round(stats["usec"] / stats["calls"] / 1000, 2)}
            rows.append({**row, "longest wait of another client (ms)": round(max(waits) * 1000, 1)})

        async def scan() -> None:
            async for _ in redis.scan_iter(match=old, count=500):
                pass

        await redis.config_set("lazyfree-lazy-user-del", "no")  # Valkey's default is yes, and then DEL is an UNLINK
        await redis.eval(BIG_SET, 1, "big", members)
        await watch("DEL", f"a set of {members:,}", lambda: redis.delete("big"))
        await redis.eval(BIG_SET, 1, "big", members)
        await watch("UNLINK", f"a set of {members:,}", lambda: redis.unlink("big"))
        for first in range(0, keys, 10_000):
            await redis.mset({f"{PROFILE.at(2).prefix}:{first + n}": "x" for n in range(10_000)})
        await watch("KEYS", f"among {keys:,}", lambda: redis.keys(old))
        await watch("SCAN", f"among {keys:,}", scan)
    return rows


@asynccontextmanager
async def _pinging(redis: Redis) -> AsyncIterator[list[float]]:
    """Another client asks PING again and again meanwhile: how long each reply took, in seconds."""
    waits: list[float] = []
    over = False

    async def ping() -> None:
        while not over:
            start = time.perf_counter()
            await redis.ping()
            waits.append(time.perf_counter() - start)

    await redis.ping()  # from now on it is connected
    task = asyncio.create_task(ping())
    try:
        await asyncio.sleep(0.01)
        yield waits
    finally:
        over = True  # and no cancel(): before Python 3.12 the client may swallow it
        await task


def rollouts(server: Server, *, duration: float = 3.0) -> list[Row]:
    """Every strategy in real time, all at once, each in a database of its own; beside it what the simulation says."""
    given = Rollout(profiles=20, prices=10, ttl=2.0, write_rate=20.0, begins=0.4, ramp=0.6, duration=duration)
    real = in_real_time(server, [replace(given, strategy=name) for name in STRATEGIES])
    rows = []
    for result in real:
        simulated, ran = play(result.rollout).summary(), result.summary()
        row: Row = {"strategy": STRATEGIES[result.rollout.strategy].label}
        for column in ("crashes", "misses", "stale"):
            row |= {f"{column}, simulated": simulated[column], f"{column}, real": ran[column]}
        rows.append(row)
    return rows


def stampede(server: Server, *, every: float = 0.25) -> list[Row]:
    """All processes bump at once: 200 profiles, each read twice a second, and the loads before and after it."""
    given = Rollout("both", 1.0, 60.0, 0.0, 0.0, profiles=200, prices=0, read_rate=400.0, begins=0.5, duration=1.5)
    results = {"simulated": play(given), "real": in_real_time(server, [given])[0]}
    rows = []
    for number in range(-2, 4):
        start = given.begins + number * every
        row: Row = {"from the bump on (s)": f"{number * every:+.2f}".replace("-", "−")}
        for world, result in results.items():
            within = [read for read in result.reads if start <= read.t < start + every]
            row |= {f"reads, {world}": len(within), f"loads, {world}": sum(read.kind == "load" for read in within)}
        rows.append(row)
    return rows


def in_real_time(server: Server, rollouts: list[Rollout]) -> list[RolloutResult]:
    """Run rollouts side by side, each in a thread and in a database of its own, which is emptied first."""

    def run(place: int) -> RolloutResult:
        url = server.url.removesuffix("0") + str(place)
        with sync.Redis.from_url(url) as client:
            client.flushdb()
        world = Real(url, seed=rollouts[place].seed)
        result = set_up(world, rollouts[place])
        run_or_raise(world)
        return result

    with ThreadPoolExecutor(len(rollouts)) as threads:
        return list(threads.map(run, range(len(rollouts))))


EXPERIMENTS: Mapping[str, Callable[[Server], list[Row]]] = {
    "bump": bump,
    "rollouts": rollouts,
    "stampede": stampede,
    "blocked": blocked,
    "eviction": eviction,
    "hits": hits,
}


async def _write(redis: Redis, schema: KeySchema, keys: int) -> None:
    """What the readers of a version have cached once they have read every profile; it stays for an hour."""
    await _each(redis, schema, keys, lambda pipe, key: pipe.set(key, VALUE, ex=3600))


async def _each(redis: Redis, schema: KeySchema, keys: int, act: Callable[[Any, str], object]) -> None:
    for first in range(0, keys, 1000):
        async with redis.pipeline(transaction=False) as pipe:
            for number in range(first, min(first + 1000, keys)):
                act(pipe, schema.key(number))
            await pipe.execute()


async def _holds_at_most(redis: Redis, keys: float) -> bool:
    return bool(await redis.dbsize() <= keys)


async def _freed(redis: Redis) -> bool:
    return bool((await redis.info("memory"))["lazyfree_pending_objects"] == 0)
