"""Transactions where orders are chosen: by a shorter way than redis-py's, with all replies at once. No trace tells."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import Any

import pytest
import redis.asyncio as aioredis
from redis.asyncio import Redis
from redis.exceptions import ResponseError, WatchError

from course_lib.explore import KINDS, Budget, Play, Schedule, Simulation, Trial, Violation, enumerate_all, play
from course_lib.sim.redis_client import SimRedis


async def adds_one(redis: Redis, me: str) -> Any:
    """Until nobody has come between, three times at most."""
    for _ in range(3):
        async with redis.pipeline() as pipe:
            try:
                await pipe.watch("n")
                before = int(await pipe.get("n") or 0)
                pipe.multi()
                return await pipe.set("n", before + 1).zadd("who", {me: 1.5}).execute()
            except WatchError:
                pass
    return "gave up"


async def goes_wrong(redis: Redis, me: str) -> Any:
    """A command that fails when it runs, one that is not queued, and a caller who does not wait for all replies."""
    done: list[Any] = await redis.pipeline().set("k", me).incr("k").blpop("q", 1).execute(raise_on_error=False)
    with pytest.raises(ResponseError, match="unknown command"):
        await redis.pipeline().set("k", me).execute_command("NOSUCH").execute()
    with pytest.raises(ResponseError, match="Command # 2"):
        await redis.pipeline().set("k", me).incr("k").execute()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1.2e-6):  # the commands have run, and no reply has arrived
            await redis.pipeline().incr("n").get("n").execute()
    return [*map(repr, done), await redis.pipeline().get("n").mget([]).execute()]


def trial(body: Any, client_class: Any, seen: list[Any], faults: int) -> Trial:
    def build(world: Simulation, clients: int) -> None:
        for number in range(clients):
            world.client(f"c{number}", body, world.redis(), f"m{number}")

    def judge(run: Play) -> list[Violation]:
        results = {who: repr(result) for who, result in run.results.items()}
        assert run.world is not None
        seen.append(([event.recorded for event in run.trace], results, run.now, dict(run.world.network._opened)))
        return []

    kinds = dict.fromkeys(KINDS, 0.5) if faults else {}
    return Trial("a transaction", (), build, judge, faults=kinds, world=partial(Simulation, client_class=client_class))


@pytest.mark.parametrize("body", [adds_one, goes_wrong])
@pytest.mark.parametrize("faults", [0, 1])
def test_the_shorter_way_is_redis_pys_own_in_every_order(body: Any, faults: int) -> None:
    """Commands, replies, errors, times and connections, whatever strikes."""
    short, long = list[Any](), list[Any]()
    for client_class, seen in ((SimRedis, short), (aioredis.Redis, long)):
        enumerate_all(trial(body, client_class, seen, faults), 2, faults=faults, budget=Budget(120))
    assert len(short) >= 2
    assert repr(short) == repr(long)


def test_a_transactions_replies_arrive_one_after_another() -> None:
    """They are handed to the client together, when the last one is there."""
    seen = list[Any]()
    play(trial(adds_one, SimRedis, seen, 0), Schedule(1, turns=()))
    events = seen[0][0]
    ended = [round(end * 1e9) for *_, end, _, _ in events]
    assert [command[0] for _, _, command, *_ in events] == [b"WATCH", b"GET", b"MULTI", b"SET", b"ZADD", b"EXEC"]
    assert [end - ended[2] for end in ended[3:]] == [1, 2, 3]  # nanoseconds


def test_of_a_transaction_that_nobody_waits_for_no_reply_is_read() -> None:
    seen = list[Any]()
    play(trial(goes_wrong, SimRedis, seen, 0), Schedule(1, turns=()))
    missed = [command[0] for _, _, command, *_, fault in seen[0][0] if fault == "nobody reads"]
    assert missed == [b"MULTI", b"INCRBY", b"GET", b"EXEC"]


def test_a_longer_transaction_takes_no_more_callbacks() -> None:
    """As all of its replies are handed over at once."""

    def steps(commands: int) -> int:
        async def body(redis: Redis, me: str) -> None:
            pipe = redis.pipeline()
            for _ in range(commands):
                pipe.get("k")
            await pipe.execute()

        return play(trial(body, SimRedis, [], 0), Schedule(1, turns=())).steps

    assert steps(1) == steps(9)


async def pipelined(redis: Redis, me: str) -> list[Any]:
    return await redis.pipeline(transaction=False).incr("n").incr("n").execute()


def test_what_is_no_transaction_runs_command_by_command() -> None:
    """Two commands of two clients in six orders; in each, every one counts once."""
    seen = list[Any]()
    assert enumerate_all(trial(pipelined, SimRedis, seen, 0), 2).schedules == 6
    assert {results["c0"] for _, results, *_ in seen} == {"[1, 2]", "[1, 3]", "[1, 4]", "[2, 3]", "[2, 4]", "[3, 4]"}
