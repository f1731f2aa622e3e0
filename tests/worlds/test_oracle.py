"""The simulation tells the truth: what it answered is what real servers answer, on each server of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import redis
from redis.asyncio import Redis
from sim.scenarios import ALL, play
from thorough import unless

from course_lib.errors import ServerNotEmpty
from course_lib.servers import Server, find_all
from course_lib.sim import Simulation
from course_lib.trace import Event, Trace
from course_lib.worlds.oracle import Comparison, replay

SERVERS = {f"{found.flavor} {found.version}": found for found in find_all()}


@pytest.fixture(scope="module", params=SERVERS or [pytest.param("", marks=pytest.mark.skip(reason="no server here"))])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each real server of this machine in turn, fresh, so that its scripts draw the numbers of a fresh one."""
    with Server(SERVERS[request.param]) as running:
        yield running


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=unless(False)) for seed in (1, 2))])
@pytest.mark.parametrize("scenario", [name for name in ALL if name not in ("scripts", "sets")])
def test_every_reply_is_what_a_real_server_says(scenario: str, seed: int, server: Server) -> None:
    replayed = replay(play(scenario, seed).trace, server.url)
    assert [str(difference) for difference in replayed.differences] == []
    assert replayed.same == replayed.commands > 5


def test_scripts_answer_and_fail_as_on_a_fresh_server(server: Server) -> None:
    """Values, tables, JSON, errors and random numbers, which a server draws in one sequence from its start."""
    with Server(server.found) as fresh:
        replayed = replay(play("scripts", 1).trace, fresh.url)
    assert [str(difference) for difference in replayed.differences] == []


@pytest.mark.parametrize("faults", ["crash", "pause", "lose request", "lose reply", "node down"])
def test_faults_change_what_is_sent_and_not_what_is_true(faults: str, server: Server) -> None:
    for scenario in ("counter", "fencing", "limiter", "transactions"):
        replayed = replay(play(scenario, 2, faults).trace, server.url, speed=10)
        assert [str(difference) for difference in replayed.differences] == [], scenario


async def everyday(redis: Redis) -> None:
    """Commands of the lessons that no scenario uses."""
    await redis.mset({"a": 1, "b": 2})
    await redis.mget("a", "none", "b")
    await redis.set("a", 3, get=True)
    await redis.getdel("a")
    await redis.set("c", "x", ex=100)
    await redis.set("c", "y", xx=True, get=True, keepttl=True)
    await redis.ttl("c")
    await redis.persist("c")
    await redis.pttl("c")
    await redis.append("c", "z")
    await redis.setrange("c", 1, "__")
    await redis.getrange("c", 0, -1)
    await redis.incrbyfloat("f", 1.5)
    await redis.type("f")
    await redis.expire("f", 100, gt=True)
    await redis.expire("f", 100, nx=True)
    await redis.rename("f", "g")
    await redis.copy("g", "h")
    await redis.unlink("g", "h", "none")
    await redis.rpush("l", *range(6))
    await redis.lrange("l", 1, -2)
    await redis.lmove("l", "m", "LEFT", "RIGHT")
    await redis.ltrim("l", 0, 2)
    await redis.lrem("l", 1, "2")
    await redis.lpos("l", "3")
    await redis.hset("h", mapping={"x": 1, "y": 2})
    await redis.hsetnx("h", "x", 3)
    await redis.hmget("h", ["x", "z"])
    await redis.hincrbyfloat("h", "x", 0.5)
    await redis.hdel("h", "y")
    await redis.zadd("z", {"alice": 10, "bob": 10, "carol": 10, "dan": 2.5})
    await redis.zrevrange("z", 0, -1, withscores=True)
    await redis.zadd("z", {"dan": 30}, gt=True, ch=True)
    await redis.zrevrank("z", "bob")
    await redis.zscore("z", "nobody")
    await redis.zrangebylex("z", "[a", "(c")
    await redis.zremrangebyscore("z", "-inf", "(10")
    await redis.zpopmin("z", 2)
    await redis.sadd("s", "a", "b", "c")
    await redis.smismember("s", ["a", "z"])
    await redis.smembers("s")
    await redis.sinterstore("t", "s", "s")
    await redis.xadd("x", {"a": 1}, maxlen=2, approximate=False)
    await redis.xadd("x", {"a": 2})
    await redis.xrange("x")
    await redis.xlen("x")
    await redis.xgroup_create("x", "g", id="0")
    (((_, entries),)) = await redis.xreadgroup("g", "one", {"x": ">"}, count=1)
    await redis.xautoclaim("x", "g", "two", 0)
    await redis.xack("x", "g", entries[0][0])
    await redis.xpending("x", "g")
    await redis.setbit("bits", 7, 1)
    await redis.bitcount("bits")
    await redis.pfadd("p", "a", "b")
    await redis.pfcount("p")
    await redis.exists("a", "c", "c")
    await redis.publish("nobody", "listens")
    for wrong in (redis.incr("c"), redis.lpush("c", 1), redis.execute_command("GET"), redis.hincrby("h", "x", 1)):
        try:
            await wrong
        except redis_error:
            pass


redis_error = redis.ResponseError


def test_the_commands_of_the_lessons_answer_alike(server: Server) -> None:
    sim = Simulation(1)
    sim.client("a", everyday, sim.redis())
    result = sim.run()["a"]
    assert result is None
    replayed = replay(sim.trace, server.url)
    assert [str(difference) for difference in replayed.differences] == []
    assert replayed.commands > 60


# -- the oracle itself ------------------------------------------------------------------------------------------------


def tampered(trace: Trace, at: int, reply: Any) -> Trace:
    changed = deepcopy(trace)
    changed.events[at].reply = reply
    return changed


@pytest.mark.parametrize("reply", [b"41", None, 7, [b"4"], redis.ResponseError("made up")])
def test_one_changed_reply_is_reported(reply: Any, server: Server) -> None:
    """The control."""
    trace = play("counter", 1).trace
    at = next(at for at, event in enumerate(trace.events) if event.name == "GET" and event.reply == b"4")
    replayed = replay(tampered(trace, at, reply), server.url, speed=10)
    assert len(replayed.differences) == 1
    assert replayed.same == replayed.commands - 1
    assert replayed.differences[0].event.reply == reply
    assert replayed.differences[0].real == b"4"
    assert 'but really "4"' in str(replayed.differences[0])
    assert str(replayed) == f"{replayed.same} of {replayed.commands} replies identical, 0 not compared"


def test_a_changed_order_is_reported(server: Server) -> None:
    """Two SETs change places: the GET between them says so."""
    events = [
        Event("a", "redis", (b"SET", b"k", b"1"), 0.0, 0.001, 0.002, b"OK"),
        Event("a", "redis", (b"GET", b"k"), 0.002, 0.003, 0.004, b"1"),
        Event("a", "redis", (b"SET", b"k", b"2"), 0.004, 0.005, 0.006, b"OK"),
    ]
    assert replay(Trace(events=events), server.url).differences == []
    events[0].t_server, events[2].t_server = events[2].t_server, events[0].t_server
    assert len(replay(Trace(events=events), server.url).differences) == 1


def test_a_wrong_ttl_is_reported_and_a_near_one_is_not(server: Server) -> None:
    def with_ttl(left: int) -> Comparison:
        events = [
            Event("a", "redis", (b"SET", b"k", b"1", b"PX", b"60000"), 0.0, 0.0, 0.0, b"OK"),
            Event("a", "redis", (b"PTTL", b"k"), 0.01, 0.01, 0.01, left),
        ]
        return replay(Trace(events=events), server.url)

    assert with_ttl(59_950).differences == []
    assert len(with_ttl(59_000).differences) == 1
    assert len(with_ttl(-1).differences) == 1


def test_a_server_with_keys_is_refused_unless_told(server: Server) -> None:
    trace = play("counter", 1).trace
    with redis.Redis.from_url(server.url) as client:
        client.set("precious", 1)
        with pytest.raises(ServerNotEmpty, match="holds 1 keys"):
            replay(trace, server.url)
        assert client.get("precious") == b"1"
        assert replay(trace, server.url, flush=True, speed=10).differences == []
        assert client.dbsize() == 0, "and it is left empty"
        assert client.info("clients")["connected_clients"] == 1, "and alone"


def test_a_trace_of_several_nodes_is_refused(server: Server) -> None:
    sim = Simulation(1, nodes=2)

    async def body(*nodes: Redis) -> None:
        await asyncio.gather(*(node.set("k", 1) for node in nodes))

    sim.client("a", body, sim.redis(0), sim.redis(1))
    sim.run()
    with pytest.raises(ValueError, match="redis0, redis1"):
        replay(sim.trace, server.url)
    assert replay(sim.trace.where(lambda event: event.node == "redis1"), server.url).commands == 1


def test_what_never_reached_the_server_is_not_sent(server: Server) -> None:
    event = Event("a", "redis", (b"INCR", b"n"), 0.0, None, None, None, "request lost")
    other = Event("a", "redis", (b"INCR", b"n"), 0.1, 0.1, 0.1, 1)
    replayed = replay(Trace(events=[event, other]), server.url)
    assert (replayed.commands, replayed.same) == (1, 1)
