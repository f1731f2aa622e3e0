"""Livelock is seen by a state that comes back; waiting for one that does not move is none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from course_lib.explore import Game, Move, Simulation, Trial, enumerate_all
from course_lib.explore.livelock import Watch, no_livelock
from course_lib.explore.server_state import value

Body = Callable[[Redis, str], Awaitable[None]]


def trial(body: Body, *, cut: bool = True) -> Trial:
    def build(world: Simulation, clients: int) -> Watch:
        for number in range(clients):
            world.client(f"c{number}", body, world.redis(), f"c{number}")
        return Watch(world, cut=cut)

    return Trial("circles", ("progress",), build, no_livelock(promise="progress"))


async def polite(redis: Redis, me: str) -> None:
    """Raise a flag; if somebody else's is up, take one's own down and begin again."""
    while True:
        await redis.sadd("flags", me)
        if await redis.scard("flags") == 1:
            await redis.srem("flags", me)
            return
        await redis.srem("flags", me)


async def spins(redis: Redis, me: str) -> None:
    """Whoever has the lock goes on; the others ask again and again."""
    while not await redis.set("lock", me, nx=True):
        pass
    await redis.incr("work")
    await redis.delete("lock")


def test_clients_that_give_way_to_each_other_are_found() -> None:
    """In some orders, not in all; each ends where it comes back, so their number is finite."""
    found = enumerate_all(trial(polite), 2)
    assert found.complete
    assert 0 < found.failures < found.schedules
    text = found.failing["progress"].violations[0].text
    assert (
        text == "after 6 moves all is as it was at the start, though c0 and c1 have both moved: it can go on for ever"
    )


async def counts(redis: Redis, me: str) -> None:
    """The same command each time, but what the server holds is another number."""
    while int(await redis.incr("tries")) < 6:
        pass


def test_who_leaves_something_else_behind_each_time_is_in_no_circle() -> None:
    found = enumerate_all(trial(counts, cut=False), 2)
    assert (found.complete, found.failures) == (True, 0)


@pytest.mark.parametrize("clients", [2, 3])
def test_waiting_for_one_that_does_not_move_is_no_livelock(clients: int) -> None:
    """The control: one that spins while the holder stands still comes back too, but the holder has not moved."""
    found = enumerate_all(trial(spins), clients)
    assert found.complete
    assert found.failures == 0
    assert found.schedules == {2: 6, 3: 30}[clients]


def test_who_waits_alone_for_a_dead_ones_lock_is_in_no_livelock() -> None:
    game = Game(trial(spins, cut=False), 2)
    for move in (0, Move("crash", 0), 0, 0, 0):
        game.move(move)
    assert [turn.client for turn in game.able] == ["c1"]
    assert game.violation is None


def test_a_circle_may_begin_late_and_is_counted_from_there() -> None:
    game = Game(trial(polite, cut=False), 2)
    for move in (0, 1, 0, 1):  # both have raised a flag and looked
        game.move(move)
    late = [0, 1, 0, 1, 0, 1]
    for move in late:
        game.move(move)
    assert game.violation is not None
    assert game.violation.mark == "as it was at the start"
    other = Game(trial(polite, cut=False), 3)
    for move in (2, 2, 2, *[0, 1, 0, 1, 0, 1]):  # the third is done; then the others begin
        other.move(move)
    assert other.violation is not None
    assert other.violation.mark == "as it was after move 3"


def test_all_who_have_moved_in_a_circle_are_named_in_order() -> None:
    game = Game(trial(polite, cut=False), 4)
    for move in [0, 1, 2, 3] * 3:
        game.move(move)
    assert game.violation is not None
    assert "at the start, though c0, c1, c2 and c3 have all moved: it can" in game.violation.text


@pytest.mark.parametrize("move", [Move("wait", seconds=1.0), 0])
def test_time_alone_and_one_client_alone_make_no_circle(move: int | Move) -> None:
    """All is as before after a moment in which nobody moved; that is nobody's fault."""
    game = Game(trial(spins, cut=False), 2)
    game.move(1)
    for _ in range(4):
        game.move(move)
    assert game.violation is None


FILL = {
    "string": ("SET k {}", "SET k one"), "hash": ("HSET k f {}", "HSET k f one"), "list": ("RPUSH k {}", "RPUSH k one"),
    "set": ("SADD k {} more", "SADD k more one"), "zset": ("ZADD k 1 {}", "ZADD k 1 one"),
    "stream": ("XADD k 1-1 f {}", "XADD k 1-1 f one"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILL)
def test_a_state_knows_what_a_key_of_each_type_holds(kind: str) -> None:
    """The same content is the same state, other content another: else no circle would ever close, or any would."""

    def held(command: str) -> Any:
        world = Simulation()
        redis = world.redis()
        world.client("filler", redis.execute_command, *command.split())
        world.run()
        return value(world.nodes[0], b"k")

    template, same = FILL[kind]
    assert held(template.format("one")) == held(same)
    assert held(template.format("one")) != held(template.format("two"))
    assert held(same)[0] == kind.encode()
