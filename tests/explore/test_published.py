"""The search judges code that knows nothing of it: redis-py's own Lock, as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from course_lib.explore import (
    Move,
    Play,
    Schedule,
    Simulation,
    Trial,
    Violation,
    decode,
    encode,
    play,
    search,
)  # fmt: skip

WITH_RETRIES = Retry(NoBackoff(), 3)  # redis-py's default is ten


def world() -> Simulation:
    return Simulation(retry=WITH_RETRIES, socket_timeout=0.5)


async def acquire_once(redis: Redis) -> tuple[bool, bool]:
    """What acquire() says, and whether the lock on the server is our own."""
    lock = Lock(redis, "job", timeout=30, blocking=False, thread_local=False)
    token = b"one-token"
    said = bool(await lock.acquire(token=token))
    return said, await redis.get("job") == token.decode()


def alone(world: Simulation, clients: int) -> None:
    for number in range(clients):
        world.client(f"c{number}", acquire_once, world.redis())


def nobody_is_locked_out_by_itself(run: Play) -> Iterable[Violation]:
    for client, result in run.results.items():
        if isinstance(result, tuple) and result == (False, True):
            yield Violation("self", f"{client} holds the lock, and acquire() told it that it does not")


def test_a_lost_reply_locks_a_client_out_by_itself() -> None:
    """One client, nobody else: one lost reply is enough, and no other fault is. Without retries there is an error."""
    trial = Trial(
        "redis-py Lock", ("self",), alone, nobody_is_locked_out_by_itself, sizes=(1,), world=world,
        faults={"crash": 0.0, "lose request": 0.0, "lose reply": 0.0, "node down": 0.3},
    )  # fmt: skip
    found = search(trial)
    schedule = found.failing["self"].schedule
    assert (schedule.kind, schedule.at) == ("lose reply", 1)
    assert play(trial, schedule).violation("self")
    calm = Trial("no retries", ("self",), alone, nobody_is_locked_out_by_itself, sizes=(1,), faults=trial.faults)
    assert not search(calm).failing


def test_the_same_is_found_turn_by_turn_with_a_code() -> None:
    """Every order of one client's commands, with each fault at each send: the one failure is one move and its code."""
    trial = Trial(
        "redispy.lock", ("self",), alone, nobody_is_locked_out_by_itself, sizes=(1,), orders=(1,), world=world,
        faults={"crash": 0.0, "lose request": 0.0, "lose reply": 0.0, "node down": 0.3},
    )  # fmt: skip
    found = search(trial).failing["self"].schedule
    turns = found.turns or ()
    assert turns[0] == Move("lose reply", 0)
    assert not any(isinstance(turn, Move) for turn in turns[1:])
    code = encode(trial.name, Schedule(1, turns=turns))
    assert code.startswith("R2-redispy.lock-1-R0")
    assert play(trial, decode(code, trial.name)).violation("self")


async def two_tasks(redis: Redis, world: Simulation, thread_local: bool) -> None:
    """Two tasks of one process share a lock object, as one does who keeps it in an attribute."""
    lock = Lock(redis, "job", timeout=0.3, thread_local=thread_local)

    async def late() -> None:
        await lock.acquire()
        await asyncio.sleep(0.5)  # longer than the lock lives
        await lock.release()

    async def next_one() -> None:
        await asyncio.sleep(0.1)
        await lock.acquire()
        hold = world.note("second", "hold", "second's")
        await asyncio.sleep(0.25)
        hold.t_end = world.now()
        if await redis.get("job") is None:
            world.note("second", "violation", "its lock is gone")

    await asyncio.gather(late(), next_one(), return_exceptions=True)


@pytest.mark.parametrize("thread_local", [True, False])
def test_tasks_of_one_thread_share_the_token_and_free_each_others_lock(thread_local: bool) -> None:
    """The token is kept for each thread, and every task of an event loop runs in the same one."""

    def build(world: Simulation, clients: int) -> None:
        world.client("process", two_tasks, world.redis(), world, thread_local)

    def judge(run: Play) -> Iterable[Violation]:
        yield from (Violation("theft", note.text) for note in run.trace.notes if note.kind == "violation")

    trial = Trial("shared Lock", ("theft",), build, judge, sizes=(1,), seeds=20)
    assert "theft" in search(trial).failing
