"""The commonest commands run without fakeredis, and nobody can tell: by a reply, a key, a TTL, a watch or a script."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, RedisError
from worlds.random_commands import PARTS, sequence

from course_lib.sim import Simulation, fake_server_direct
from course_lib.sim.fake_server_direct import DIRECT, PASS
from course_lib.trace import Trace

from .running import say

OTHERS = (
    "LPUSH",
    "HSET",
    "ZADD",
    "SADD",
    "XADD",
    "LPOP",
    "XGROUP",
    "XDEL",
    "HDEL",
    "APPEND",
    "MULTI",
    "WATCH",
    "PERSIST",
)
CHOSEN = [part for part in PARTS if part.split()[0].lower() in DIRECT or part.split()[0] in OTHERS]
CHOSEN += [
    "UNLINK key",
    "SET key val NX PX 40|5000",
    "GET key",
    "EXPIRE key 2",
    "PEXPIRE key 40",
    "INCR s",
    "INCRBY n 2|70",
    "set s 5 px 60",
    "EXEC",
]
SCRIPT = "return {redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', 40), redis.pcall(ARGV[2], KEYS[1])}"
CALLED = ("GET", "INCR", "DEL", "EXISTS", "PTTL", "PEXPIRETIME")


async def talk(redis: Redis, chance: random.Random) -> None:
    """Eighty commands, of which every fourth is sent after a while, by which keys may have expired."""
    for command in sequence(chance, 80, CHOSEN):
        if chance.random() < 0.25:
            await asyncio.sleep(chance.choice((0.001, 0.05, 2.0)))
        if chance.random() < 0.1:
            command = ("EVAL", SCRIPT, "1", chance.choice(("s1", "n1", "h1")), "5", chance.choice(CALLED))
        try:
            await redis.execute_command(*command)
        except RedisError:
            pass  # it stands in the trace as the reply


def traced(seed: int, *, listens: bool = False) -> Trace:
    """Two clients who talk to one server; perhaps somebody listens to what becomes of its keys."""
    sim = Simulation(seed)
    for name in "ab":
        sim.client(name, talk, sim.redis(), random.Random(f"{name}{seed}"))
    if listens:
        sim.client("c", subscribed, sim.redis())
    sim.run()
    return sim.trace


@cache
def right(seed: int) -> str:
    return traced(seed).text()


async def subscribed(redis: Redis) -> None:
    async with redis.pubsub() as events:
        await events.psubscribe("__key*__:*")
        await asyncio.sleep(3.0)


@pytest.mark.parametrize("way", ["subscribe", "psubscribe"])
def test_who_listens_hears_of_what_runs(way: str) -> None:
    """By a name or by a pattern: then no command runs the short way, which tells nobody."""
    sim, heard = Simulation(0), list[Any]()

    async def listens(redis: Redis) -> None:
        async with redis.pubsub() as events:
            await getattr(events, way)("__keyspace@0__:k")
            async for message in events.listen():
                heard.append(message["data"])
                if len(heard) == 2:
                    return

    sim.client("a", listens, sim.redis())
    sim.client("b", sim.redis().set, "k", "1", start=0.1)
    sim.run()
    assert heard == [1, "set"]


@pytest.mark.parametrize("listens", [False, True])
def test_the_short_way_leaves_no_trace(monkeypatch: pytest.MonkeyPatch, listens: bool) -> None:
    short = [traced(seed, listens=listens).text() for seed in range(12)]
    monkeypatch.setattr(fake_server_direct, "DIRECT", {})
    assert [traced(seed, listens=listens).text() for seed in range(12)] == short


def test_all_of_them_were_asked_and_most_did_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above would say little."""
    answered = dict.fromkeys(DIRECT, 0)
    passed = dict.fromkeys(DIRECT, 0)

    def watched(name: str) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            reply = DIRECT[name](*args)
            (passed if reply is PASS else answered)[name] += 1
            return reply

        return run

    monkeypatch.setattr(fake_server_direct, "DIRECT", {name: watched(name) for name in DIRECT})
    for seed in range(12):
        traced(seed)
    assert min(answered.values()) >= 5, answered
    assert min(passed[name] for name in ("get", "set", "incr", "expire", "pexpire")) >= 1, passed


PLAIN = """GET k; SET k v; SET k v NX; SET k v PX 40; SET k v EX 5 NX; DEL k; UNLINK k; EXISTS k; EXISTS k n k; INCR k
INCRBY k 5; PTTL k; PEXPIRETIME k; EXPIRE k 5; PEXPIRE k 50; ZADD k 1 m; ZADD k 1 m 2 n 3 m; ZADD k .5 m; ZCARD k
ZREMRANGEBYSCORE k 1 2; ZREMRANGEBYSCORE k (1 2; ZREMRANGEBYSCORE k -inf +inf"""
OTHERWISE = """SET k v NX NX; SET k v EX 5 PX 5; SET k v PX 0; SET k v EX; SET k v KEEPTTL; DEL k k; INCRBY k -5
INCRBY k 05; EXPIRE k -1; EXPIRE k 5 NX; ZADD k 1 m 2; ZADD k x m; ZADD k NX 1 m; ZADD k -1 m; ZREMRANGEBYSCORE k x 2
ZREMRANGEBYSCORE k 1 x; EVAL return{redis.pcall('ZADD',KEYS[1])} 1 k"""
HELD = """DEL k; SET k text; SET k 7 PX 4000; SET k 0; SET k 999999999999999; SET k 9223372036854775807; LPUSH k m
HSET k m 1; SADD k m; ZADD k 1 m 2 n 3 o; ZADD k 2 m; XADD k 1-1 m 1
XADD k 1-1 m 1, XDEL k 1-1; ZADD k 1 m 2 n 3 o, PEXPIRE k 4000"""


def listed(text: str) -> list[str]:
    return text.replace("\n", "; ").split("; ")


def each_on_each() -> list[str]:
    """What every form replies on a key of every kind, whether who watches the key is told, and what the key is then."""
    lines = [
        line
        for held in listed(HELD)
        for one in listed(PLAIN) + listed(OTHERWISE)
        for line in ("DEL k", *held.split(", "), "WATCH k", one, "MULTI", "EXEC", "TYPE k", "PTTL k", "DUMP k")
    ]
    return list(map(repr, say(*(tuple(line.split()) for line in lines))))


def test_each_form_replies_the_same_on_each_kind_of_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it leaves the same. The plain forms run the short way on some key, and no others do."""
    short = set[str]()

    def watched(name: str) -> Callable[..., Any]:
        def run(db: Any, args: list[bytes]) -> Any:
            reply = DIRECT[name](db, args)
            if reply is not PASS:
                short.add(b" ".join([name.encode().upper(), *args]).decode())
            return reply

        return run

    monkeypatch.setattr(fake_server_direct, "DIRECT", {name: watched(name) for name in DIRECT})
    replies = each_on_each()
    assert set(listed(PLAIN)) - short == set()
    assert set(listed(OTHERWISE)) & short == set()
    monkeypatch.setattr(fake_server_direct, "DIRECT", {})
    assert each_on_each() == replies


def test_of_a_list_that_is_missing_nothing_is_moved_or_read() -> None:
    assert say(("LINDEX", "none", 0), ("RPOPLPUSH", "none", "to"), ("EXISTS", "to")) == [None, None, 0]


def test_the_short_way_is_not_open_to_a_user_who_may_not() -> None:
    _, allowed, refused = say(("ACL", "SETUSER", "default", "-@all", "+exists"), ("EXISTS", "k"), ("GET", "k"))
    assert allowed == 0
    assert isinstance(refused, NoPermissionError)


WRONG: dict[str, Callable[..., Any]] = {
    "get": lambda db, args: b"5" if args[0] in db._dict else None,
    "set": lambda db, args: db.put(args[0], args[1], None) or b"OK",
    "del": lambda db, args: int(db._dict.pop(args[0], None) is not None),  # tells nobody
    "exists": lambda db, args: len({key for key in args if db.live(key)}),
    "incr": lambda db, args: db.put(args[0], b"1", None) or 1,
    "incrby": lambda db, args: db.put(args[0], args[1], None) or int(args[1]),
    "pttl": lambda db, args: -1 if db.live(args[0]) else -2,
    "expire": lambda db, args: int(db.live(args[0]) is not None),
    "zadd": lambda db, args: DIRECT["zadd"](db, args) and 1,
    "zcard": lambda db, args: int(db.live(args[0]) is not None),
    "zremrangebyscore": lambda db, args: 0,
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_short_way_is_seen(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The control."""
    expected = [right(seed) for seed in range(12)]  # before the wrong one is there
    monkeypatch.setattr(fake_server_direct, "DIRECT", {**DIRECT, name: WRONG[name]})
    assert any(traced(seed).text() != text for seed, text in enumerate(expected))
