"""What sessions promise, in every world: simulated, fakeredis, Redis and Valkey."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from course_lib.errors import BadArgument
from course_lib.patterns.sessions import Sessions
from course_lib.worlds import Simulated, World

from .crowd import alone, round_trips, wait_until_gone


def of(redis: Redis, **policy: Any) -> Sessions:
    return Sessions(redis, **{"name": "shop", "idle": 60.0, "lifetime": 600.0, **policy})


def test_a_session_keeps_what_is_set(world: World) -> None:
    """Later values replace earlier ones; any text comes back; an id that nobody was given is nobody's."""

    async def body(redis: Redis) -> Any:
        sessions = of(redis)
        session = await sessions.log_in(cart="duck", note="")
        await sessions.use(session, cart="naïve\n🦆", seen="1")
        strangers = ["", "x", "{", "}{", "\ud800", session[:-1], session + "0", "0" * 36]
        return await sessions.use(session), [await sessions.use(stranger) for stranger in strangers]

    assert alone(world, body) == ({"cart": "naïve\n🦆", "note": "", "seen": "1"}, [None] * 8)


def test_log_in_gives_a_new_id_and_the_old_one_is_nobodys(world: World) -> None:
    """The data moves, and is set besides; what was planted before the log-in opens nothing after it."""

    async def body(redis: Redis) -> Any:
        sessions = of(redis)
        visitor = await sessions.log_in(cart="duck", user="")
        member = await sessions.log_in(visitor, user="ann")
        assert member != visitor
        found = await sessions.use(visitor), await sessions.use(visitor, user="mallory"), await sessions.use(member)
        return found, len(await redis.keys("*"))

    assert alone(world, body) == ((None, None, {"cart": "duck", "user": "ann"}), 1)


def test_log_in_works_with_an_id_that_is_nobodys(world: World) -> None:
    """Expired, forged or none: a session begins, under an id that is ours, without a word of what was sent."""

    async def body(redis: Redis) -> Any:
        sessions = of(redis)
        given = ["", "forged; Path=/", "{x}", "\ud800", "abcd" + "0" * 32]
        begun = [await sessions.log_in(old, user="ann") for old in given]
        assert all(len(session) == 36 and set(session) <= set("0123456789abcdef") for session in begun)
        return [await sessions.use(session) for session in begun], len(set(begun))

    assert alone(world, body) == ([{"user": "ann"}] * 5, 5)


def test_log_out_ends_a_session(world: World) -> None:
    """At once, for reading and for writing; twice is as good as once."""

    async def body(redis: Redis) -> Any:
        sessions = of(redis)
        session = await sessions.log_in(user="ann")
        await sessions.log_out(session)
        await sessions.log_out(session)
        return await sessions.use(session, user="ann"), await redis.keys("*")

    assert alone(world, body) == (None, [])


def test_no_key_tells_an_id(world: World) -> None:
    """Who sees the whole database can enter no session: of the id it holds the tag and a digest."""

    async def body(redis: Redis) -> Any:
        sessions = of(redis)
        session = await sessions.log_in(user="ann")
        [key] = await redis.keys("*")
        seen = [key, *(await redis.hgetall(key)).values()]
        return [session[4:] in text or text in session for text in seen], await sessions.use(key)

    leaks, entered = alone(world, body)
    assert not any(leaks)
    assert entered is None


def test_an_unused_session_ends_after_idle(world: World) -> None:
    async def body(redis: Redis) -> Any:
        sessions = of(redis, idle=0.1)
        session = await sessions.log_in(user="ann")
        left_ms = await redis.pttl(sessions.key(session))
        await wait_until_gone(redis, sessions.key(session))
        return await sessions.use(session), 0 < left_ms <= 100

    assert alone(world, body) == (None, True)


def test_a_session_that_is_always_in_use_ends_with_its_lifetime(world: World) -> None:
    """However often it is used, and its key never lives on beyond that moment."""

    async def body(redis: Redis) -> Any:
        sessions = of(redis, idle=0.2, lifetime=0.2)
        session = await sessions.log_in(user="ann")
        async with asyncio.timeout(20):
            while await sessions.use(session):
                await asyncio.sleep(0.01)
        await wait_until_gone(redis, sessions.key(session))  # a key may be seen in the millisecond of its end
        return await redis.keys("*")

    assert alone(world, body) == []


def test_every_session_has_an_end(world: World) -> None:
    """Whatever was done last, its key has a TTL, of idle at most."""

    async def body(redis: Redis) -> Any:
        sessions, lives = of(redis), list[int]()
        session = await sessions.log_in(cart="duck")
        lives.append(await redis.pttl(sessions.key(session)))
        await sessions.use(session, cart="cat")
        lives.append(await redis.pttl(sessions.key(session)))
        session = await sessions.log_in(session, user="ann")
        lives.append(await redis.pttl(sessions.key(session)))
        await redis.persist(sessions.key(session))
        await sessions.use(session)
        lives.append(await redis.pttl(sessions.key(session)))
        return [0 < life <= 60_000 for life in lives]

    assert alone(world, body) == [True] * 4


def test_idle_is_written_once_in_touch_every(world: World) -> None:
    """A read soon after the last leaves the TTL as it is; one that comes later renews it."""

    async def body(redis: Redis) -> Any:
        sessions = of(redis, idle=60, touch_every=20)
        session = await sessions.log_in(user="ann")
        key = sessions.key(session)
        after = list[int]()
        for left in (59, 41, 39, 1):
            await redis.pexpire(key, left * 1000)  # as if so long had passed
            await sessions.use(session)
            after.append(await redis.pttl(key))
        return after

    late, later, renewed, also_renewed = alone(world, body)
    assert late <= 59_000
    assert later <= 41_000
    assert min(renewed, also_renewed) > 41_000


def test_each_method_is_one_round_trip(world: World) -> None:
    """Counted on the wire, once the server has the scripts."""

    async def body(redis: Redis) -> list[int]:
        sessions = of(redis)
        session = await sessions.log_in()
        await sessions.use(session)
        marks = [len(world.trace)]
        session = await sessions.log_in(session)
        marks.append(len(world.trace))
        await sessions.use(session, user="ann")
        marks.append(len(world.trace))
        await sessions.log_out(session)
        marks.append(len(world.trace))
        return [round_trips(world.trace.events[a:b]) for a, b in pairwise(marks)]

    assert alone(world, body) == [1, 1, 1]


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"idle": 0}, "idle is 0; accepted: seconds"),
        ({"lifetime": float("inf")}, "lifetime is inf"),
        ({"idle": 601}, "idle is 601; accepted: at most lifetime"),
        ({"touch_every": -1}, "touch_every is -1; accepted: seconds, from 0 to below idle"),
        ({"touch_every": 60}, "touch_every is 60"),
        ({"touch_every": float("nan")}, "touch_every is nan"),
        ({"name": "a{b"}, "name is 'a{b'"),
    ],
)
def test_refuses_what_the_docstring_does_not_accept(policy: dict[str, Any], said: str) -> None:
    """The error names the argument, its value and what is accepted."""
    with pytest.raises(BadArgument, match=said):
        of(Simulated().redis(), **policy)


def test_refuses_a_field_without_a_name_and_a_client_in_bytes() -> None:
    """The nameless field holds the end of the session."""
    with pytest.raises(BadArgument, match="fields is .*; accepted: fields with names"):
        alone(Simulated(), lambda redis: of(redis).log_in(**{"": "9" * 15}))
    with pytest.raises(BadArgument, match="decode_responses=True"):
        of(Simulated(decode_responses=False).redis())


def test_in_a_cluster_each_script_finds_its_keys_in_one_slot() -> None:
    """And sessions spread over the slots."""
    world = Simulated()

    async def body(redis: Redis) -> None:
        sessions = of(redis)
        for old in ("", "forged", "}{", *[await sessions.log_in(cart="duck") for _ in range(5)]):
            await sessions.use(await sessions.log_in(old, user="ann"))

    alone(world, body)
    found = slots(world)
    assert all(len(slot) == 1 for slot in found)
    assert len(set().union(*found)) > 3


def slots(world: Simulated) -> list[set[int]]:
    """For each script that was called, the hash slots of its keys."""
    calls = [event.command for event in world.trace if event.name == "EVALSHA"]
    return [{key_slot(key) for key in command[3 : 3 + int(command[2])]} for command in calls]
