"""The wire and redis-py's end of it: latency, order, time-outs, retries, cancelled commands, and the shorter way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import redis.asyncio as aioredis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.client import NEVER_DECODE
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import DataError, ResponseError, WatchError
from redis.exceptions import TimeoutError as RedisTimeoutError

from course_lib.sim import OneFault, Simulation
from course_lib.sim.network import SimEvent

from .running import MS, alone, last, world
from .scenarios import ALL, FAULTS, play

# -- one way ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", ALL)
@pytest.mark.parametrize("faults", ["none", "all"])
def test_the_shorter_way_to_the_wire_is_redis_pys_own(scenario: str, faults: str) -> None:
    """SimRedis skips redis-py's retries and telemetry; commands, replies, errors and times must be the same."""
    for seed in range(4):
        short = play(scenario, seed, faults)
        long = play(scenario, seed, faults, client_class=aioredis.Redis)
        assert short.trace.text() == long.trace.text()
        assert short.trace.digest() == long.trace.digest()
        assert {k: repr(v) for k, v in short.results.items()} == {k: repr(v) for k, v in long.results.items()}


@pytest.mark.parametrize("client_class", [None, aioredis.Redis])
def test_arguments_are_refused_and_encoded_as_redis_py_does(client_class: Any) -> None:
    sim = world(**({"client_class": client_class} if client_class else {}))

    async def body(redis: Redis) -> list[Any]:
        for wrong in (None, True, [1]):
            with pytest.raises(DataError):
                await redis.set("k", wrong)  # type: ignore[arg-type]
        await redis.set("k", "x")
        with pytest.raises(ResponseError, match="not an integer"):
            await redis.incr("k")
        await redis.set("b", b"\xff\x00")
        with pytest.raises(UnicodeDecodeError):
            await redis.get("b")
        return [
            await redis.incr("n"),
            await redis.incrbyfloat("f", 0.1),
            await redis.hgetall("none"),
            await redis.ping(),
        ]

    assert alone(body, sim) == [1, 0.1, {}, True]
    assert last(sim, "INCRBYFLOAT").command == (b"INCRBYFLOAT", b"f", b"0.1")


def test_replies_stay_bytes_where_decoding_is_off() -> None:
    async def body(redis: Redis) -> list[Any]:
        await redis.rpush("l", "a")
        return [await redis.lrange("l", 0, -1), await redis.get("none")]

    assert alone(body, world(decode_responses=False)) == [[b"a"], None]


def test_an_error_in_a_pipeline_is_raised_or_handed_out_and_what_is_no_text_stays_as_it_is() -> None:
    async def body(redis: Redis) -> tuple[bytes, Any]:
        pipe = redis.pipeline(transaction=False)
        with pytest.raises(ResponseError, match="Command # 2"):
            await pipe.set("k", "x").incr("k").execute()
        value, wrong = (
            await pipe.execute_command("GET", "k", **{NEVER_DECODE: True}).incr("k").execute(raise_on_error=False)
        )
        return value, wrong

    value, wrong = alone(body)
    assert value == b"x"
    assert isinstance(wrong, ResponseError)


# -- latency and order ------------------------------------------------------------------------------------------------


def test_a_command_takes_one_latency_each_way() -> None:
    sim = world()
    alone(lambda redis: redis.set("k", "v"), sim)
    (event,) = sim.trace
    assert (event.t_start, event.t_server, event.t_end) == (0, MS, 2 * MS)


def test_a_pipeline_is_one_message() -> None:
    """Its commands run at one moment, with nobody's in between, and its replies come back in order."""
    sim = world()

    async def body(redis: Redis) -> Any:
        return await redis.pipeline(transaction=False).set("a", 1).incr("a").get("a").execute()

    for number in range(5):
        sim.client(f"c{number}", body, sim.redis(), start=number * 1e-5)
    assert all(result == [True, 2, "2"] for result in sim.run().values())
    for client in sim.trace.clients:
        own = [event for event in sim.trace if event.client == client]
        assert len({event.t_start for event in own}) == 1
        assert len({event.t_server for event in own}) == 1
        ends = [event.t_end or 0 for event in own]
        assert ends == sorted(ends)


def test_each_connection_draws_latencies_of_its_own() -> None:
    """To each node, and a second one to the same."""
    sim = Simulation(1, nodes=2)

    async def body() -> None:
        await asyncio.gather(sim.redis(0).get("a"), sim.redis(1).get("b"), sim.redis(0).get("c"))

    sim.client("alone", body)
    sim.run()
    assert len({event.t_server for event in sim.trace}) == 3


def test_one_connection_keeps_its_order_whatever_the_latency() -> None:
    """As TCP does: a message that would overtake another arrives just after it."""
    times = iter([5 * MS, *[MS] * 99])
    sim = Simulation(1, latency=lambda draw: next(times))

    async def body(redis: Redis) -> None:
        channel = redis.pubsub()
        for name in ("a", "b", "c"):
            await channel.subscribe(name)  # sent without waiting for the answer
        for _ in range(3):
            await channel.get_message(timeout=5)

    alone(body, sim)
    arrivals = [event.t_server or 0 for event in sim.trace]
    assert arrivals == sorted(arrivals)
    assert arrivals[0] == 5 * MS
    assert arrivals[2] < 5 * MS + 1e-6


def test_tasks_of_one_process_share_its_connections_and_no_other_does() -> None:
    sim = world()

    async def body(redis: Redis) -> None:
        for _ in range(3):
            await asyncio.gather(redis.incr("n"), redis.incr("n"))

    sim.client("a", body, sim.redis())
    sim.client("b", body, sim.redis())
    shared = sim.client("c", body, sim.redis())
    sim.client("d", body, sim.redis(), start=1, process=shared)
    sim.run()
    assert sorted(wire.process.name for wire in sim.network if wire.process) == ["a", "a", "b", "b", "c", "c"]


def test_one_clients_behavior_leaves_anothers_latencies_alone() -> None:
    """Each process draws from streams of its own, so a demonstration can change one client and keep the rest."""

    async def steady_one(redis: Redis) -> None:
        for _ in range(5):
            await redis.incr("n")

    async def busy(redis: Redis, commands: int) -> None:
        await asyncio.gather(*(redis.incr("m") for _ in range(commands)))

    def times(commands: int) -> list[Any]:
        sim = Simulation(3)
        sim.client("busy", busy, sim.redis(), commands)
        sim.client("steady", steady_one, sim.redis(), start=0.001)
        sim.run()
        return [(event.t_start, event.t_end) for event in sim.trace if event.client == "steady"]

    assert times(1) == times(20)


# -- transactions and messages ----------------------------------------------------------------------------------------


def test_watch_notices_anothers_write_and_multi_runs_undivided() -> None:
    sim = world()

    async def slow(redis: Redis) -> str:
        async with redis.pipeline() as pipe:
            await pipe.watch("k")
            await asyncio.sleep(1)
            try:
                await pipe.get("k")
                pipe.multi()
                pipe.set("k", "slow")
                await pipe.execute()
            except WatchError:
                return "noticed"
        return "wrote"

    sim.client("slow", slow, sim.redis())
    sim.client("other", lambda: sim.redis().set("k", "other"), start=0.5)
    assert sim.run()["slow"] == "noticed"
    assert alone(slow) == "wrote", "the control: nobody else writes"


def test_messages_reach_subscribers_without_being_asked_for() -> None:
    sim = world()

    async def listen(redis: Redis) -> list[Any]:
        async with redis.pubsub() as channel:
            await channel.subscribe("news")
            return [(await channel.get_message(timeout=5) or {}).get("data") for _ in range(3)]

    async def publish(redis: Redis) -> None:
        for word in ("a", "b"):
            await redis.publish("news", word)

    sim.client("listener", listen, sim.redis())
    sim.client("publisher", publish, sim.redis(), start=1)
    assert sim.run()["listener"] == [1, "a", "b"]
    assert [(event.client, event.reply[2]) for event in sim.trace if event.name == "PUSH"] == [
        ("listener", b"a"), ("listener", b"b"),
    ]  # fmt: skip


def test_get_message_waits_as_long_as_it_says() -> None:
    sim = world()

    async def listen(redis: Redis) -> list[Any]:
        async with redis.pubsub() as channel:
            await channel.subscribe("news")
            await channel.get_message(timeout=1)
            began = sim.now()
            nothing = await channel.get_message(timeout=2.5)
            at_once = [await channel.get_message(timeout=0), sim.now()]
            return [nothing, sim.now() - began, at_once]

    nothing, waited, at_once = alone(listen, sim)
    assert (nothing, at_once[0]) == (None, None)
    assert waited == pytest.approx(2.5)


# -- time-outs and retries --------------------------------------------------------------------------------------------


def test_a_lost_reply_ends_in_redis_pys_timeout_error() -> None:
    sim = world(socket_timeout=0.25, faults=OneFault("lose reply", 1))
    with pytest.raises(RedisTimeoutError, match="Timeout reading from redis"):
        alone(lambda redis: redis.incr("n"), sim)
    assert sim.now() == 0.25


def test_socket_timeout_ends_a_blocking_read_that_is_longer() -> None:
    """redis-py's own trap (issue 2807): BLPOP timeout=8 under socket_timeout=5. `None` waits."""
    with pytest.raises(RedisTimeoutError):
        alone(lambda redis: redis.blpop(["none"], timeout=8), world(socket_timeout=5))
    patient = world(socket_timeout=None)
    assert alone(lambda redis: redis.blpop(["none"], timeout=8), patient) is None
    assert patient.now() == pytest.approx(8 + 2 * MS)


def count_after_a_lost_reply(retries: int, client_class: Any = None) -> tuple[Any, int]:
    options: dict[str, Any] = {"client_class": client_class} if client_class else {}
    retry = Retry(NoBackoff(), retries, supported_errors=(RedisTimeoutError, RedisConnectionError))
    sim = world(socket_timeout=0.25, faults=OneFault("lose reply", 1), retry=retry, **options)
    sim.client("a", lambda: sim.redis().incr("n"))
    result = sim.run()["a"]
    return result, sum(event.name == "INCRBY" and event.t_server is not None for event in sim.trace)


@pytest.mark.parametrize("client_class", [None, aioredis.Redis])
def test_a_retry_counts_twice(client_class: Any) -> None:
    """The reply is lost, not the command: with a retry INCR runs again, without one it fails after having run."""
    assert count_after_a_lost_reply(1, client_class) == (2, 2)
    failed, ran = count_after_a_lost_reply(0, client_class)
    assert isinstance(failed, RedisTimeoutError)
    assert ran == 1


def test_a_lost_request_can_be_retried_without_harm() -> None:
    sim = world(socket_timeout=0.25, faults=OneFault("lose request", 1), retry=Retry(NoBackoff(), 1))
    assert alone(lambda redis: redis.incr("n"), sim) == 1
    assert [event.fault for event in sim.trace] == ["request lost", None]


def test_a_lost_message_takes_the_whole_pipeline_with_it() -> None:
    """Commands in one message arrive together or not at all: MULTI is never cut in two."""
    for at in range(1, 5):
        sim = world(socket_timeout=0.25, faults=OneFault("lose request", at))
        with pytest.raises(RedisTimeoutError):
            alone(lambda redis: redis.pipeline().incr("a").incr("b").execute(), sim)
        assert [event.fault for event in sim.trace] == ["request lost"] * 4
        assert all(event.t_server is None for event in sim.trace)


def test_a_cancelled_commands_reply_goes_to_nobody_else() -> None:
    """redis-py once handed it to the next command on that connection (issues 2624, 2665)."""
    sim = world(nodes=1)

    async def body(redis: Redis) -> list[Any]:
        await redis.set("a", "reply of a")
        await redis.set("b", "reply of b")
        outcomes: list[Any] = []
        for delay in (0, 0.0005, 0.001, 0.0015, 0.002, 0.0025):
            task = asyncio.ensure_future(redis.get("a"))
            await asyncio.sleep(delay)
            task.cancel()
            outcomes.append(await redis.get("b"))
        return outcomes

    assert alone(body, sim) == ["reply of b"] * 6


def test_a_client_that_closes_a_connection_tells_the_task_that_reads_from_it() -> None:
    sim = world()

    async def body(redis: Redis) -> None:
        channel = redis.pubsub()
        await channel.subscribe("news")
        await channel.get_message(timeout=1)
        reader = asyncio.ensure_future(channel.get_message(timeout=None))  # type: ignore[arg-type]
        await asyncio.sleep(1)
        await channel.aclose()
        with pytest.raises(RedisConnectionError, match="closed"):
            await reader

    alone(body, sim)


def test_the_trace_of_a_subscriber_that_reconnects_shows_it_subscribing_again() -> None:
    sim = world(retry=Retry(NoBackoff(), 3))

    async def listen(redis: Redis) -> list[Any]:
        channel = redis.pubsub()
        await channel.subscribe("news")
        kinds = [(await channel.get_message(timeout=3) or {}).get("type") for _ in range(3)]
        await channel.aclose()
        return kinds

    async def disturb(redis: Redis) -> None:
        await redis.execute_command("CLIENT KILL", "TYPE", "pubsub")
        await redis.publish("news", "into the void")
        await asyncio.sleep(0.5)
        await redis.publish("news", "heard")

    sim.client("listener", listen, sim.redis())
    sim.client("disturber", disturb, sim.redis(), start=1)
    assert sim.run()["listener"] == ["subscribe", "subscribe", "message"]
    assert sum(event.name == "SUBSCRIBE" for event in sim.trace) == 2


def test_a_subscriber_that_cannot_reconnect_says_so() -> None:
    sim = world(retry=Retry(NoBackoff(), 2))

    async def listen(redis: Redis) -> Any:
        channel = redis.pubsub()
        await channel.subscribe("news")
        await channel.get_message(timeout=3)
        await asyncio.sleep(1)
        await channel.psubscribe("more*")

    sim.client("listener", listen, sim.redis())
    sim.at(0.5, sim.down, 0, 100)
    assert isinstance(sim.run()["listener"], RedisConnectionError)


@pytest.mark.parametrize("faults", FAULTS)
def test_every_event_of_a_trace_is_possible(faults: str) -> None:
    """It left, it ran, it came back, in this order; what lacks a time has a fault or was under way at the end."""
    for scenario in ALL:
        sim = play(scenario, 5, faults)
        end = max([event.t_end or 0 for event in sim.trace], default=0)
        for event in sim.trace:
            times = [time for time in (event.t_start, event.t_server, event.t_end) if time is not None]
            assert times == sorted(times), event
            assert event.t_end is None or event.t_server is not None, event
            if event.t_end is None and event.fault is None:
                assert event.t_start >= end - 5.1, event
            if isinstance(event, SimEvent) and event.t_server is not None:
                assert event.t_arrived is not None
                assert event.t_start < event.t_arrived <= event.t_server
            if event.fault in ("request lost", "refused", "never left"):
                assert event.t_server is None


# -- a connection that breaks -----------------------------------------------------------------------------------------


def heard(silently: bool, seconds: float = 0.0) -> tuple[Simulation, list[Any]]:
    """A subscriber, whose connection breaks at 1 s; one message is published before that, one at 1.1 s, one at 2 s."""
    sim, got = world(retry=Retry(NoBackoff(), 1)), list[Any]()

    async def listen(redis: Redis) -> None:
        async with asyncio.timeout(5):
            while True:
                try:
                    async with redis.pubsub() as channel:
                        await channel.subscribe("news")
                        async for message in channel.listen():
                            got.append(message["data"] if message["type"] == "message" else message["type"])
                except RedisConnectionError:
                    got.append("reset")
                    await asyncio.sleep(0.05)

    async def publish(redis: Redis) -> list[int]:
        told = []
        for at, text in ((0.5, "one"), (1.1, "two"), (2.0, "three")):
            await asyncio.sleep(at - sim.now())
            told.append(await redis.publish("news", text))
        return told

    sim.client("listens", listen, sim.redis())
    sim.client("publishes", publish, sim.redis())
    sim.at(1.0, lambda: sim.sever("listens", seconds, silently=silently))
    sim.run()
    return sim, got


def test_what_is_published_while_a_subscriber_is_cut_off_is_lost() -> None:
    """redis-py connects again by itself, and says so by a second confirmation; no message is told twice."""
    sim, got = heard(silently=False)
    assert got == ["subscribe", "one", "subscribe", "two", "three"]
    assert sim.results["publishes"] == [1, 1, 1]
    sim, got = heard(silently=False, seconds=0.5)
    assert [text for text in got if text != "reset"] == ["subscribe", "one", "subscribe", "three"]
    assert got.count("reset") > 3
    assert sim.results["publishes"] == [1, 0, 1]


def test_a_deaf_connection_hears_nothing_and_nobody_notices() -> None:
    """The server still counts it as a listener."""
    sim, got = heard(silently=True)
    assert got == ["subscribe", "one"]
    assert sim.results["publishes"] == [1, 1, 1]


def test_an_idle_connection_that_was_reset_is_replaced() -> None:
    sim = world()

    async def body(redis: Redis) -> int:
        await redis.incr("n")
        sim.sever("alone")
        return int(await redis.incr("n"))

    assert alone(body, sim) == 2
    assert len(list(sim.network)) == 1
