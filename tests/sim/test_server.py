"""The simulated server: what fakeredis does otherwise is mended, and what a node's clock says holds everywhere."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from course_lib.sim import Process, Simulation, steady
from course_lib.sim.fake_server import EPOCH, Session, SimNode
from course_lib.trace import Event

from .running import MS, alone, last, say, world

ROOT = Path(__file__).parents[2]

# -- who is served first ----------------------------------------------------------------------------------------------


def queue(clients: int, seed: int = 1) -> tuple[Simulation, list[str], list[Process]]:
    """Clients that block on one list, a millisecond apart, and the list of who was served, in order."""
    sim, served = Simulation(seed, latency=steady(MS)), list[str]()

    async def wait(redis: Redis, name: str) -> None:
        await redis.blpop(["jobs"], timeout=0)
        served.append(name)

    processes = [
        sim.client(f"w{number}", wait, sim.redis(), f"w{number}", start=number * MS) for number in range(clients)
    ]
    return sim, served, processes


@pytest.mark.parametrize("push", ["one by one", "at once", "in a transaction"])
def test_who_blocks_first_is_served_first(push: str) -> None:
    sim, served, _ = queue(60)

    async def producer(redis: Redis) -> None:
        if push == "one by one":
            for number in range(60):
                await redis.rpush("jobs", number)
        elif push == "at once":
            await redis.rpush("jobs", *range(60))
        else:
            await redis.pipeline().rpush("jobs", *range(30)).rpush("jobs", *range(30, 60)).execute()

    sim.client("producer", producer, sim.redis(), start=1)
    sim.run()
    assert served == [f"w{number}" for number in range(60)]


def test_when_the_longest_blocked_crashed_the_next_is_served() -> None:
    """Its element is not lost with it, once the server has noticed that the connection is gone."""
    sim, served, processes = queue(3)
    sim.at(0.5, sim.crash, processes[0])
    sim.client("producer", lambda: sim.redis().rpush("jobs", "a", "b"), start=1)
    sim.run()
    assert served == ["w1", "w2"]


def test_who_blocks_is_served_before_a_later_command_can_take_the_element() -> None:
    """One round trip: BLPOP waits, RPUSH and LPOP arrive in one pipeline; a real server serves BLPOP in between."""
    sim, served, _ = queue(1)
    taken: list[Any] = []

    async def thief(redis: Redis) -> None:
        taken.extend(await redis.pipeline(transaction=False).rpush("jobs", "x").lpop("jobs").execute())

    sim.client("thief", thief, sim.redis(), start=1)
    sim.run()
    assert (served, taken) == (["w0"], [1, None])


def test_subscribers_are_told_in_the_order_in_which_they_came() -> None:
    sim = world()

    async def listen(redis: Redis) -> None:
        async with redis.pubsub() as channel:
            await channel.subscribe("news")
            for _ in range(2):
                await channel.get_message(timeout=5)

    for number in range(40):
        sim.client(f"s{number:02}", listen, sim.redis(), start=number * MS)
    sim.client("publisher", lambda: sim.redis().publish("news", "x"), start=1)
    sim.run()
    pushed = [event.client for event in sim.trace if event.name == "PUSH"]
    assert pushed == [f"s{number:02}" for number in range(40)]


def test_a_subscriber_that_crashed_is_told_nothing() -> None:
    sim = world()

    async def listen(redis: Redis) -> None:
        async with redis.pubsub() as channel:
            await channel.subscribe("a")
            await channel.psubscribe("b*")
            await channel.ssubscribe("c")
            await asyncio.sleep(100)

    async def publish(redis: Redis) -> list[int]:
        told = [await redis.publish("a", 1), await redis.publish("bb", 1), await redis.spublish("c", 1)]
        return [*told, len(await redis.pubsub_channels())]

    process = sim.client("listener", listen, sim.redis())
    sim.at(0.5, sim.crash, process)
    sim.client("early", publish, sim.redis(), start=0.2)
    sim.client("late", publish, sim.redis(), start=1)
    results = sim.run()
    assert (results["early"], results["late"]) == ([1, 1, 1, 1], [0, 0, 0, 0])


# -- order and chance -------------------------------------------------------------------------------------------------

ORDERS = """
from tests.sim.running import say, world
members, sim = [f"member{n}" for n in range(40)], world()
say(("SADD", "a", *members), ("SADD", "b", *members[5:]), *[(name, "a", "b") for name in
      ("SINTER", "SUNION", "SDIFF")], ("SMEMBERS", "a"), ("SPOP", "a", 3), ("SRANDMEMBER", "b", 4), ("RANDOMKEY",),
      ("SSCAN", "b", 0), ("KEYS", "*"), ("SUNIONSTORE", "c", "a", "b"), ("SPOP", "c"), sim=sim)
print([event.reply for event in sim.trace])  # as sent: redis-py makes Python sets of some
"""


def test_no_order_follows_pythonhashseed() -> None:
    """Compared between processes, for a process has one hash seed."""
    said = set()
    for seed in ("0", "1", "4711"):
        command = [sys.executable, "-c", ORDERS]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
        said.add(done.stdout)
    assert len(said) == 1
    assert b"member" in said.pop()


def test_the_programs_own_random_numbers_are_left_alone() -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)

    async def body(redis: Redis) -> Any:
        await redis.sadd("s", *range(100))
        return [await redis.spop("s"), random.random()]

    first, second = alone(body), alone(body)
    assert first == second, "the same seed, the same draws, from the module `random` too"
    assert random.random() == expected


def test_different_seeds_draw_differently() -> None:
    """The control."""

    async def body(redis: Redis) -> Any:
        await redis.sadd("s", *range(1000))
        return await redis.spop("s"), random.random()

    assert len({alone(body, Simulation(seed)) for seed in range(10)}) == 10


# -- the node's clock -------------------------------------------------------------------------------------------------


def test_time_ttl_streams_and_lua_follow_the_nodes_clock() -> None:
    sim = world(nodes=2)

    async def body(redis: Redis) -> dict[str, Any]:
        await asyncio.sleep(10 - 2 * MS)
        await redis.set("k", "v", px=100_000)
        await asyncio.sleep(50)
        return {
            "time": (await redis.time())[0],
            "lua": int((await redis.eval("return redis.call('TIME')", 0))[0]),
            "stream": int((await redis.xadd("s", {"a": 1})).split("-")[0]) // 1000,
            "left": await redis.ttl("k"),
        }

    sim.client("true", body, sim.redis(0))
    sim.client("fast", body, sim.redis(1))
    sim.at(30, sim.step_clock, 1, 20.0)
    results = sim.run()
    assert results["true"] == {"time": EPOCH + 60, "lua": EPOCH + 60, "stream": EPOCH + 60, "left": 50}
    assert results["fast"] == {"time": EPOCH + 80, "lua": EPOCH + 80, "stream": EPOCH + 80, "left": 30}


def test_a_clock_that_jumps_back_prolongs_a_ttl() -> None:
    sim = world()

    async def body(redis: Redis) -> list[Any]:
        await redis.set("k", "v", px=1000)
        await asyncio.sleep(0.5)
        sim.step_clock(0, -10)
        await asyncio.sleep(5)
        return [await redis.get("k"), round(await redis.pttl("k"), -2)]

    assert alone(body, sim) == ["v", 5500]


def test_the_expiry_of_a_hash_field_follows_the_clock() -> None:
    sim = world(version=(7, 4))

    async def body(redis: Redis) -> list[Any]:
        await redis.hset("h", mapping={"short": 1, "long": 2})
        await redis.execute_command("HPEXPIRE", "h", 1000, "FIELDS", 1, "short")
        await asyncio.sleep(2)
        return list(await redis.hkeys("h"))

    assert alone(body, sim) == ["long"]


def test_an_entry_that_was_waited_for_is_delivered_at_the_nodes_time() -> None:
    """XREADGROUP BLOCK is answered while another client's command runs; its books must not show the machine's time."""
    sim = world()

    async def reader(redis: Redis) -> Any:
        await redis.xgroup_create("s", "g", mkstream=True)
        await redis.xreadgroup("g", "me", {"s": ">"}, block=0)
        await asyncio.sleep(3)
        return (await redis.xpending_range("s", "g", "-", "+", 1))[0]["time_since_delivered"]

    sim.client("reader", reader, sim.redis())
    sim.client("writer", lambda: sim.redis().xadd("s", {"a": 1}), start=1)
    assert sim.run()["reader"] == 3002


# -- blocking commands ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [None, 1, 5])
def test_xreadgroup_waits_loses_nothing_and_gives_up(count: int | None) -> None:
    sim = world(socket_timeout=None)

    async def reader(redis: Redis) -> list[Any]:
        await redis.xgroup_create("s", "g", mkstream=True)
        got: list[Any] = []
        while reply := await redis.xreadgroup("g", "me", {"s": ">"}, count=count, block=500):
            got += [(fields["n"], round(sim.now(), 3)) for _, fields in reply[0][1]]
        return [*got, round(sim.now(), 3)]

    async def writer(redis: Redis) -> None:
        for number in range(3):
            await redis.xadd("s", {"n": number})
            await asyncio.sleep(0.1 - 2 * MS)

    sim.client("reader", reader, sim.redis())
    sim.client("writer", writer, sim.redis(), start=1)
    results = sim.run()
    assert results["reader"][:-1] == [], "nothing came within the first half second"
    sim.rewind(1)
    sim.client("reader", reader, sim.redis())
    sim.client("writer", writer, sim.redis(), start=0.2)
    assert sim.run()["reader"] == [("0", 0.202), ("1", 0.302), ("2", 0.402), 0.904]


def test_a_blocked_client_does_not_hold_up_its_pipeline() -> None:
    """What follows a blocking command on one connection waits for it, and then runs."""
    sim = world(socket_timeout=None)

    async def body(redis: Redis) -> list[Any]:
        return list(await redis.pipeline(transaction=False).blpop(["none"], timeout=1).incr("n").execute())

    assert alone(body, sim) == [None, 1]


def test_blocking_inside_a_transaction_or_a_script_does_not_block() -> None:
    sim = world()

    async def body(redis: Redis) -> list[Any]:
        inside = await redis.pipeline().blpop(["none"], timeout=0).execute()
        return [inside, await redis.eval("return redis.call('XREAD', 'BLOCK', 0, 'STREAMS', 's', '$')", 0), sim.now()]

    assert alone(body, sim) == [[None], None, pytest.approx(4 * MS)]


def test_client_unblock_wakes_one_with_or_without_an_error() -> None:
    sim = world(socket_timeout=None)

    async def wait(redis: Redis) -> Any:
        return await redis.blpop(["none"], timeout=0)

    async def wake(redis: Redis) -> None:
        first, second = [int(line["id"]) for line in await redis.client_list()][:2]
        await redis.client_unblock(first)
        await redis.client_unblock(second, error=True)

    sim.client("first", wait, sim.redis())
    sim.client("second", wait, sim.redis(), start=MS)
    sim.client("waker", wake, sim.redis(), start=1)
    results = sim.run()
    assert results["first"] is None
    assert "UNBLOCKED" in str(results["second"])


def test_client_kill_closes_the_connection_and_redis_py_opens_another() -> None:
    sim = world()

    async def listen(redis: Redis) -> str:
        channel = redis.pubsub()
        await channel.subscribe("news")
        try:
            while await channel.get_message(timeout=5):
                pass
        except RedisConnectionError as error:
            return str(error)
        return "heard nothing"

    async def idle(redis: Redis) -> Any:
        await redis.set("k", "v")
        await asyncio.sleep(2)
        return await redis.get("k")

    async def kill(redis: Redis) -> int:
        return int(await redis.execute_command("CLIENT KILL", "SKIPME", "yes"))

    sim.client("listener", listen, sim.redis())
    sim.client("idle", idle, sim.redis())
    sim.client("killer", kill, sim.redis(), start=1)
    assert sim.run() == {"listener": "Connection closed by server.", "idle": "v", "killer": 2}


# -- what fakeredis cannot do -----------------------------------------------------------------------------------------


def test_an_error_inside_fakeredis_comes_back_as_a_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client must not wait for ever, and the message must not look like one of Redis's."""
    monkeypatch.setattr(Session, "strlen", lambda self, key: 1 / 0)
    sim = world(socket_timeout=None)

    async def body(redis: Redis) -> list[Any]:
        with pytest.raises(ResponseError, match="SIMULATOR ZeroDivisionError") as caught:
            await redis.strlen("k")
        return [str(caught.value), await redis.incr("n")]

    assert alone(body, sim)[1] == 1


def test_an_error_inside_fakeredis_that_strikes_a_waiting_client_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Session._bpop_pass  # type: ignore[attr-defined]

    def broken(self: Any, keys: Any, op: Any, first_pass: bool) -> Any:
        return original(self, keys, op, first_pass) if first_pass else 1 / 0

    monkeypatch.setattr(Session, "_bpop_pass", broken)
    sim = world(socket_timeout=None)
    sim.client("waits", lambda: sim.redis().blpop(["l"], timeout=0))
    sim.client("pushes", lambda: sim.redis().rpush("l", "x"), start=1)
    results = sim.run()
    assert "SIMULATOR ZeroDivisionError" in str(results["waits"])
    assert results["pushes"] == 1


def test_what_is_not_simulated_is_refused_rather_than_invented() -> None:
    _, *refused = say(
        ("SET", "k", "v"), ("WAIT", 1, 0), ("INFO",), ("OBJECT", "ENCODING", "k"), ("CLUSTER", "INFO"),
        ("MEMORY", "USAGE", "k"), ("GEOADD", "g", 1, 2, "x"), ("DUMP", "k"), ("CONFIG", "SET", "save", ""),
    )  # fmt: skip
    assert [type(reply) for reply in refused] == [ResponseError] * 8
    assert all(" is not simulated: " in str(reply) and str(reply).endswith(".") for reply in refused), refused


def test_a_refused_command_leaves_its_transaction_alone() -> None:
    """Redis knows it, and would queue it; so the sentence stands among the replies."""
    *_, replies = say(("MULTI",), ("SET", "k", "v"), ("GEOADD", "g", 1, 2, "x"), ("GET", "k"), ("EXEC",))
    assert [str(reply).split(":")[0] for reply in replies] == ["OK", "GEOADD is not simulated", "v"]


# -- connections ------------------------------------------------------------------------------------------------------


def mutable(value: object) -> bool:
    return isinstance(value, (dict, list, set, deque, bytearray)) or type(value).__name__ == "ClientInfo"


def test_two_connections_share_no_state() -> None:
    """A session is a copy of the first one; every mutable thing in it must be its own, save the server's."""

    async def body(redis: Redis) -> tuple[list[dict[str, Any]], SimNode]:
        await asyncio.gather(redis.incr("a"), redis.incr("b"), redis.incr("c"))
        sessions = [wire._session for wire in sim.network]
        return [vars(session) for session in sessions], sim.nodes[0]

    sim = world()
    sessions, node = alone(body, sim)
    assert len(sessions) == 3
    shared_by_right = {id(node), id(node.dbs[0])}
    unused = {"responses", "response_ready", "_response_available", "_event_loop", "_parser"}  # of sockets, not of ours
    for name in sessions[0]:
        values = [session[name] for session in sessions]
        if mutable(values[0]) and id(values[0]) not in shared_by_right:
            assert len({id(value) for value in values}) == 3, f"{name} is shared by all connections"
        elif name not in unused and id(values[0]) not in shared_by_right:
            known = (int, str, bytes, bool, type(None), type, frozenset, tuple)
            assert isinstance(values[0], known) or callable(values[0]), f"{name}: may it be shared? {values[0]!r}"


def test_a_copied_connection_equals_one_that_was_built() -> None:
    sim = world()

    async def body(redis: Redis) -> tuple[dict[str, Any], dict[str, Any]]:
        await redis.ping()
        node = sim.nodes[0]
        built = Session(node, 0, client_class=Redis)
        copied = Session.accept(node, 0, lambda reply: None)
        return vars(built), vars(copied)

    built, copied = alone(body, sim)
    assert set(copied) - set(built) == {"answer", "_inbox"}
    plain = (int, str, bytes, bool, type(None), list, set, dict)
    own = {"_fileno", "_client_info"}  # a number each
    compared = {name for name in built if isinstance(built[name], plain)} - own
    assert {name: copied[name] for name in compared} == {name: built[name] for name in compared}
    assert set(built["_client_info"]) == set(copied["_client_info"])
    assert len(compared) > 15


def test_connections_to_several_databases_keep_apart() -> None:
    async def body(redis: Redis) -> list[Any]:
        async with redis.pipeline(transaction=False) as pipe:
            await pipe.set("k", "zero").execute_command("SELECT", 3).get("k").set("k", "three").execute()  # type: ignore
        return [await redis.get("k")]

    assert alone(body) == ["three"], "the connection keeps the database that was selected, as a real one does"


def test_rewound_nodes_have_forgotten_everything() -> None:
    sim = world()
    state = (
        ("SET", "k", "v"), ("FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() return 1 end)"),
        ("ACL", "SETUSER", "ann", "on", "nopass", "+@all", "~*"),
        ("SCRIPT", "LOAD", "return 1"), ("EVAL", "math.randomseed(7) return 1", 0), ("CLIENT", "PAUSE", 100_000),
    )  # fmt: skip
    questions = (
        ("DBSIZE",), ("FUNCTION", "LIST"), ("ACL", "USERS"), ("TIME",),
        ("SCRIPT", "EXISTS", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"),
        ("EVAL", "return tostring(math.random())", 0),
    )  # fmt: skip
    fresh = list(map(str, say(*questions, sim=world())))
    asked = say(*state, *questions, sim=sim)
    assert not [reply for reply in asked[: len(state)] if isinstance(reply, Exception)]
    noticed = [new != old for new, old in zip(map(str, asked[len(state) :]), fresh, strict=True)]
    assert all(noticed), "the control: every question can tell"
    sim.rewind(1)
    assert list(map(str, say(*questions, sim=sim))) == fresh


def test_nodes_are_apart() -> None:
    """Each has its data, script cache, functions and random numbers, though they share one Lua."""
    sim = world(nodes=3)

    async def body(*nodes: Redis) -> list[Any]:
        await nodes[0].function_load("#!lua name=l\nredis.register_function('f', function() return 1 end)")
        sha = await nodes[0].script_load("return tostring(math.random())")
        await nodes[0].set("k", 0)
        draws = [await nodes[0].evalsha(sha, 0), await nodes[0].evalsha(sha, 0)]
        others = [await node.eval("return tostring(math.random())", 0) for node in nodes[1:]]
        exists = [(await node.script_exists(sha))[0] for node in nodes]
        return [draws[0] == others[0] == others[1] != draws[1], exists, [await node.exists("k") for node in nodes],
                [len(await node.function_list()) for node in nodes]]  # fmt: skip

    sim.client("a", body, *(sim.redis(number) for number in range(3)))
    assert sim.run()["a"] == [True, [True, True, True], [1, 0, 0], [1, 0, 0]]


def test_a_message_like_list_is_the_reply_that_was_asked_for() -> None:
    """A queue may be called `message`; only a subscriber is sent messages."""
    sim = world()

    async def body(redis: Redis) -> Any:
        await redis.rpush("message", "x", "y")
        await redis.rpush("l", "message", "b", "c")
        return [await redis.lrange("l", 0, -1), await redis.blpop(["message"], timeout=1), await redis.get("none")]

    assert alone(body, sim) == [["message", "b", "c"], ("message", "x"), None]
    assert all(isinstance(event, Event) and event.name != "PUSH" for event in sim.trace)
    assert last(sim, "BLPOP").reply == [b"message", b"x"]
