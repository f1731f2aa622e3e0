"""What leaderboards promise, in every world: simulated, fakeredis, Redis and Valkey."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from course_lib.errors import BadArgument, OutOfRange
from course_lib.patterns import leaderboards as module
from course_lib.patterns.leaderboards import Leaderboard, Place
from course_lib.worlds import Simulated, World

from . import broken_leaderboards as broken
from .crowd import alone, round_trips


async def played(redis: Redis, ties: Any) -> Leaderboard:
    """Zoe, ann and bob get to 7 in this order, max to 9, eve to -3."""
    board = Leaderboard(redis, "points", ties=ties)
    for member, points in (("zoe", 7), ("ann", 3), ("eve", -3), ("max", 9), ("ann", 4), ("bob", 7)):
        await board.add(member, points)
    return board


@pytest.mark.parametrize(
    ("ties", "expected"),
    [
        ("first", ["1 max 9", "2 zoe 7", "3 ann 7", "4 bob 7", "5 eve -3"]),
        ("last", ["1 max 9", "2 bob 7", "3 ann 7", "4 zoe 7", "5 eve -3"]),
        ("shared", ["1 max 9", "2 zoe 7", "2 bob 7", "2 ann 7", "5 eve -3"]),
    ],
)
def test_ties_go_by_the_policy(world: World, ties: str, expected: list[str]) -> None:
    """From the top, and the same ranks wherever a slice begins."""

    async def body(redis: Redis) -> Any:
        board = await played(redis, ties)
        top = await board.top()
        for at, place in enumerate(top):
            assert await board.around(place.member) == [place]
            assert await board.around(place.member, 1) == top[max(0, at - 1) : at + 2]
            assert await board.top(at) == top[:at]
        return [f"{place.rank} {place.member} {place.points}" for place in top]

    assert alone(world, body) == expected


def test_ties_left_to_the_server_are_bytewise(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: who is last in the alphabet leads, whoever was first."""
    monkeypatch.setattr(module, "ADD", broken.TIES_BYTEWISE)

    async def body(redis: Redis) -> Any:
        return [place.member for place in await (await played(redis, "first")).top()]

    assert alone(world, body) == ["max", "zoe", "bob", "ann", "eve"]


def test_who_has_no_points_has_no_place(world: World) -> None:
    """And an empty board has no top."""

    async def body(redis: Redis) -> Any:
        board = Leaderboard(redis, "points")
        return await board.top(), await board.around("ann", 5), await board.add("ann", 0), await board.top()

    assert alone(world, body) == ([], [], 0, [Place(1, "ann", 0)])


def test_points_are_exact_up_to_the_bound_and_refused_beyond(world: World) -> None:
    """With 1 tie bit points may have 52 bits. What is refused changes nothing."""

    async def body(redis: Redis) -> Any:
        seen = list[Any]()
        for tie_bits in (1, 24, 52):
            board = Leaderboard(redis, f"points:{tie_bits}", tie_bits=tie_bits, ties="shared")
            most = 2 ** (53 - tie_bits) - 1
            if tie_bits > 1:
                assert await board.add("ann", most) == most
                with pytest.raises(OutOfRange, match=f"points must stay below {most + 1}"):
                    await board.add("ann", 1)
                assert await board.add("ann", -most) == 0
                with pytest.raises(OutOfRange):
                    await board.add("ann", -most - 1)
            else:
                assert await board.add("ann", -most) == -most
            for far in (2**53, -(2**64), 10**30):
                with pytest.raises(OutOfRange):
                    await board.add("bob", far)
            seen += await board.top()
        return seen

    assert alone(world, body) == [Place(1, "ann", 1 - 2**52), Place(1, "ann", 0), Place(1, "ann", 0)]


def test_points_of_many_bits_come_back(world: World) -> None:
    """Whatever the policy: neighbors at the bound do not merge, as 2^53 and 2^53 + 1 would."""

    async def body(redis: Redis) -> Any:
        seen = list[Any]()
        for ties in ("first", "last", "shared"):
            board = Leaderboard(redis, f"points:{ties}", tie_bits=4, ties=ties)  # type: ignore[arg-type]
            most = 2**49 - 1
            for member, points in (("a", most), ("b", most - 1), ("c", -most), ("d", 1 - most)):
                await board.add(member, points)
            seen.append([(place.member, place.points) for place in await board.top()])
        return seen

    most = 2**49 - 1
    assert alone(world, body) == [[("a", most), ("b", most - 1), ("d", 1 - most), ("c", -most)]] * 3


def test_without_a_bound_neighbors_merge(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: it says one thing and stores another."""
    monkeypatch.setattr(module, "ADD", broken.NO_BOUND)

    async def body(redis: Redis) -> Any:
        board = Leaderboard(redis, "points", ties="shared")
        await board.add("ann", 2**53)
        return await board.add("ann", 1), (await board.top())[0].points

    said, stored = alone(world, body)
    assert stored == 2**53
    assert said == 2**53


def test_changes_that_have_no_number_left_are_refused(world: World) -> None:
    """2 tie bits number three changes; the fourth would change who is first."""

    async def body(redis: Redis) -> Any:
        board = Leaderboard(redis, "points", tie_bits=2)
        for member in "abc":
            await board.add(member, 7)
        with pytest.raises(OutOfRange, match="changes below 4"):
            await board.add("d", 7)
        return [place.member for place in await board.top()]

    assert alone(world, body) == ["a", "b", "c"]


def test_an_event_counts_once(world: World) -> None:
    """For `remember`; a call without a name is an event of its own."""

    async def body(redis: Redis) -> Any:
        board = Leaderboard(redis, "points", remember=60)
        named = [await board.add("ann", 5, event="goal 1") for _ in range(3)]
        more = [await board.add("ann", 5, event="goal 2"), await board.add("ann", 5), await board.add("ann", 5)]
        lives = [await redis.pttl(key) for key in await redis.keys("scored:{points}:*")]
        return named, more, len(lives), all(0 < life <= 60_000 for life in lives)

    assert alone(world, body) == ([5, 5, 5], [10, 15, 20], 4, True)


def test_who_changes_nothing_keeps_the_place(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adding nothing is no change, and does not make the first the last. The control is overtaken."""

    async def body(redis: Redis) -> Any:
        for key in await redis.keys("*"):
            await redis.delete(key)
        board = Leaderboard(redis, "points")
        for member, points in (("a", 7), ("b", 7), ("a", 0)):
            await board.add(member, points)
        return [place.member for place in await board.top()]

    assert alone(world, body) == ["a", "b"]
    monkeypatch.setattr(module, "ADD", broken.MOVES_FOR_NOTHING)
    world.client("again", body, world.redis())
    assert world.run()["again"] == ["b", "a"]


def test_a_window_ends_after_its_first_score(world: World) -> None:
    """With all that belongs to it; later scores do not prolong it."""

    async def body(redis: Redis) -> Any:
        board = Leaderboard(redis, "points:{arcade}:2026-11-23", ttl=30)
        await board.add("ann", 1)
        await redis.pexpire(board.key, 20_000)  # as if ten seconds had passed
        await board.add("ann", 1)
        lives = {key.removesuffix(board.key): await redis.pttl(key) for key in await redis.keys(f"*{board.key}")}
        return 0 < lives[""] <= 20_000, 0 < lives["changes:"] <= 30_000

    assert alone(world, body) == (True, True)


def test_windows_add_up(world: World) -> None:
    """A week from its days, ranks shared, exact at the bound; asked again it replaces the last answer."""

    async def body(redis: Redis) -> Any:
        days = [Leaderboard(redis, f"points:{{arcade}}:{day}", ties="shared") for day in range(7)]
        week = Leaderboard(redis, "points:{arcade}:week", ties="shared", ttl=60)
        for day in days:
            await day.add("ann", 2**29 - 1)
            await day.add("bob", -(2**29) + 1)
        await days[0].add("cy", 7)
        await week.sum_of(*(day.key for day in days[:1]))
        await week.sum_of(*(day.key for day in days), "points:{arcade}:none")
        return await week.top(), 0 < await redis.pttl(week.key) <= 60_000

    most = 7 * (2**29 - 1)
    places = [Place(1, "ann", most), Place(2, "cy", 7), Place(3, "bob", -most)]
    assert alone(world, body) == (places, True)


def test_every_method_is_one_round_trip(world: World) -> None:
    """Counted on the wire, once the server has the scripts."""

    async def body(redis: Redis) -> list[int]:
        board, marks = await played(redis, "shared"), [0]
        await board.top()
        await board.sum_of("points")
        for act in (board.add("ann", 1), board.top(3), board.around("ann", 2), board.sum_of("points")):
            marks.append(len(world.trace))
            await act
        marks.append(len(world.trace))
        return [round_trips(world.trace.events[marks[at] : marks[at + 1]]) for at in range(1, len(marks) - 1)]

    assert alone(world, body) == [1, 1, 1, 1]


def test_a_crowd_that_scores_at_once_loses_nothing(world: World) -> None:
    """Fifty tasks, two points each, and each has a place of its own."""

    async def body(redis: Redis) -> Any:
        board = Leaderboard(redis, "points")
        await asyncio.gather(*(board.add(f"m{at % 10}", 2) for at in range(50)))
        top = await board.top()
        return {place.points for place in top}, [place.rank for place in top]

    assert alone(world, body) == ({10}, list(range(1, 11)))


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"ties": "best"}, 'ties is \'best\'; accepted: "first", "last" or "shared"'),
        ({"tie_bits": 0}, "tie_bits is 0; accepted: a whole number from 1 to 52"),
        ({"tie_bits": 53}, "tie_bits is 53"),
        ({"ttl": 0}, "ttl is 0"),
        ({"remember": float("nan")}, "remember is nan"),
    ],
)
def test_refuses_what_the_docstring_does_not_accept(policy: dict[str, Any], said: str) -> None:
    """The error names the argument, its value and what is accepted."""
    with pytest.raises(BadArgument, match=said):
        Leaderboard(Simulated().redis(), "points", **policy)


def test_refuses_points_that_are_no_whole_number_and_sums_that_have_no_moment() -> None:
    """Nothing is sent."""
    with pytest.raises(BadArgument, match="points is 1.5; accepted: a whole number"):
        alone(Simulated(), lambda redis: Leaderboard(redis, "points").add("ann", 1.5))  # type: ignore[arg-type]
    with pytest.raises(BadArgument, match="rows is -1; accepted: a whole number, at least 0"):
        alone(Simulated(), lambda redis: Leaderboard(redis, "points").top(-1))
    with pytest.raises(BadArgument, match="ties is 'first'"):
        alone(Simulated(), lambda redis: Leaderboard(redis, "points").sum_of("a"))
    with pytest.raises(BadArgument, match="boards is \\(\\)"):
        alone(Simulated(), lambda redis: Leaderboard(redis, "points", ties="shared").sum_of())


@pytest.mark.parametrize("key", ["points", "points:{arcade}:today", "a b", "{x}"])
def test_in_a_cluster_each_script_finds_its_keys_in_one_slot(key: str) -> None:
    world = Simulated()

    async def body(redis: Redis) -> None:
        board = Leaderboard(redis, key)
        await board.add("ann", 1, event="{goal}")
        await board.top()

    alone(world, body)
    assert all(len(slot) == 1 for slot in slots(world))


def slots(world: Simulated) -> list[set[int]]:
    """For each script that was called, the hash slots of its keys."""
    calls = [event.command for event in world.trace if event.name == "EVALSHA"]
    return [{key_slot(key) for key in command[3 : 3 + int(command[2])]} for command in calls]
