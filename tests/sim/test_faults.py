"""What can go wrong: crashes, pauses, lost messages, dead nodes, wrong clocks; one at a chosen send, or by chance."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from course_lib.sim import CRASHED, KINDS, Faults, Ground, OneFault, RandomFaults, Send, Simulation, steady

from .running import MS, alone, world
from .scenarios import play

# -- crashes ----------------------------------------------------------------------------------------------------------


def test_a_crash_runs_no_finally_while_the_run_lasts() -> None:
    """The lock stays held: that is what a crash is. Leftovers are unwound after the run, and leave no mark."""
    sim, order = world(), list[str]()

    async def holder(redis: Redis) -> None:
        await redis.set("lock", "holder")
        try:
            await asyncio.sleep(10)
        finally:
            order.append("finally")
            await redis.delete("lock")
            order.append("never reached: every send is refused by then")

    async def other(redis: Redis) -> Any:
        order.append("other")
        return await redis.get("lock")

    process = sim.client("holder", holder, sim.redis())
    sim.at(1, sim.crash, process)
    sim.client("other", other, sim.redis(), start=20)
    results = sim.run()
    assert results == {"holder": CRASHED, "other": "holder"}
    assert order == ["other", "finally"]
    assert [event.name for event in sim.trace] == ["SET", "GET"]
    assert process.dead, "the world looks as the run left it"
    assert [(note.who, note.kind, note.t_start) for note in sim.trace.notes] == [("holder", "crash", 1)]


def test_what_was_sent_before_a_crash_still_arrives() -> None:
    sim = Simulation(1, latency=steady(0.1))
    process = sim.client("writer", lambda: sim.redis().set("k", "written"))
    sim.at(0.05, sim.crash, process)
    sim.client("reader", lambda: sim.redis().get("k"), start=0.2)
    assert sim.run() == {"writer": CRASHED, "reader": "written"}
    assert sim.trace.events[0].fault == "nobody reads"


def test_it_arrives_even_when_nobody_else_is_left() -> None:
    """The run does not end with a command on the wire, of which nobody could say whether it ran."""
    sim = Simulation(1, latency=steady(0.1))
    process = sim.client("writer", lambda: sim.redis().set("k", "written"))
    sim.at(0.05, sim.crash, process)
    sim.run()
    assert sim.trace.events[0].t_server == 0.1
    assert sim.trace.events[0].reply == b"OK"


def test_a_crash_closes_the_connections_and_forgets_the_blocked_command() -> None:
    sim = world()

    async def look(redis: Redis) -> list[int]:
        return [len(await redis.client_list()), await redis.rpush("jobs", "x"), await redis.llen("jobs")]

    process = sim.client("worker", lambda: sim.redis().blpop(["jobs"], timeout=0))
    sim.at(1, sim.crash, process)
    sim.client("looker", look, sim.redis(), start=2)
    assert sim.run()["looker"] == [1, 1, 1]


def test_a_watch_dies_with_its_connection() -> None:
    sim = world()

    async def watcher(redis: Redis) -> None:
        async with redis.pipeline() as pipe:
            await pipe.watch("k")
            await asyncio.sleep(10)

    process = sim.client("watcher", watcher, sim.redis())
    sim.at(1, sim.crash, process)
    sim.client("writer", lambda: sim.redis().set("k", 1), start=2)
    sim.run()
    assert not sim.nodes[0].dbs[0].has_watch(b"k")


def test_a_crash_while_sending_takes_not_one_step_more() -> None:
    """Not even where redis-py does not wait for an answer, as in SUBSCRIBE."""
    for at in (1, 2):
        sim, steps = world(faults=OneFault("crash", at)), list[int]()

        async def body(redis: Redis, steps: list[int] = steps) -> None:
            channel = redis.pubsub()
            for number in range(3):
                await channel.subscribe(f"c{number}")
                steps.append(number)

        sim.client("a", body, sim.redis())
        assert sim.run() == {"a": CRASHED}
        assert steps == list(range(at - 1))
        assert [event.fault for event in sim.trace][-1] == "never left"


def test_all_clients_of_a_process_crash_with_it() -> None:
    sim = world()

    async def forever() -> None:
        await asyncio.sleep(1000)

    process = sim.client("a", forever)
    sim.client("b", forever, process=process)
    sim.client("not yet", forever, start=5, process=process)
    sim.at(1, sim.crash, process)
    sim.at(2, sim.crash, process)
    assert sim.run() == {"a": CRASHED, "b": CRASHED, "not yet": CRASHED}
    assert sim.now() == 1
    assert len(sim.trace.notes) == 1


# -- pauses -----------------------------------------------------------------------------------------------------------


def test_a_pause_past_the_ttl_loses_the_lock_behind_the_holders_back() -> None:
    """And without the pause it does not: the control."""

    def outcome(pause: float) -> dict[str, Any]:
        sim = world()

        async def holder(redis: Redis) -> Any:
            await redis.set("lock", "holder", px=1000)
            await asyncio.sleep(0.5)
            return [await redis.get("lock"), round(sim.now(), 3)]

        process = sim.client("holder", holder, sim.redis())
        if pause:
            sim.at(0.1, sim.pause, process, pause)
        sim.client("other", lambda: sim.redis().set("lock", "other", nx=True, px=9000), start=1.5)
        return sim.run()

    assert outcome(pause=0) == {"holder": ["holder", 0.504], "other": True}
    assert outcome(pause=5) == {"holder": ["other", 5.102], "other": True}


@pytest.mark.parametrize("second", [0.1, 3.0])
def test_a_second_pause_ends_nothing_early(second: float) -> None:
    """Of two pauses the one that ends last counts; and so of two outages of a node."""
    sim = Simulation(latency=steady(0.001), socket_timeout=None)

    async def body() -> float:
        await asyncio.sleep(0.5)
        return sim.now()

    process = sim.client("c", body)
    sim.at(0.1, sim.pause, process, 1.0)
    sim.at(0.2, sim.pause, process, second)
    sim.at(0.1, sim.down, 0, 1.0)
    sim.at(0.2, sim.down, 0, second)
    assert sim.run() == {"c": pytest.approx(max(1.1, 0.2 + second))}
    assert sim.nodes[0].down_until == pytest.approx(max(1.1, 0.2 + second))


def test_a_fault_that_is_meant_for_one_client_strikes_no_other() -> None:
    """Nor is another client's command counted; without a name, each is."""

    def struck(client: str | None) -> list[str]:
        sim = Simulation(faults=OneFault("lose request", at=2, client=client), socket_timeout=0.1)

        async def body(name: str) -> None:
            for number in range(3):
                try:
                    await sim.redis().set(name, number)
                except RedisError:
                    pass

        for name in ("judge", "c1"):
            sim.client(name, body, name, start=0.01 if name == "c1" else 0.0)
        sim.run()
        return [f"{event.client} {event.command[2].decode()}" for event in sim.trace if event.fault == "request lost"]

    assert struck("c1") == ["c1 1"]
    assert struck("judge") == ["judge 1"]
    assert struck(None) == ["judge 1"]


def test_a_watchdog_pauses_with_its_process() -> None:
    """It renews every 0.4 s, and still cannot save a lock of 1 s from a pause of 2 s."""
    sim = world()

    async def holder(redis: Redis) -> list[float]:
        renewed: list[float] = []

        async def watchdog() -> None:
            while True:
                await asyncio.sleep(0.4)
                if await redis.pexpire("lock", 1000):
                    renewed.append(round(sim.now(), 1))

        await redis.set("lock", "holder", px=1000)
        task = asyncio.ensure_future(watchdog())
        await asyncio.sleep(4)
        task.cancel()
        return renewed

    process = sim.client("holder", holder, sim.redis())
    sim.at(1, sim.pause, process, 2.0)
    assert sim.run()["holder"] == [0.4, 0.8]


def test_a_command_that_meets_a_pause_leaves_when_the_process_wakes() -> None:
    sim = world(faults=OneFault("pause", 2, seconds=3))

    async def body(redis: Redis) -> float:
        await redis.get("a")
        await redis.get("b")
        return sim.now()

    assert alone(body, sim) == pytest.approx(3 + 4 * MS)
    assert sim.trace.events[1].t_start == pytest.approx(3 + 2 * MS)


def test_a_reply_that_comes_during_a_pause_is_read_afterwards() -> None:
    """Though the time-out ran out meanwhile: it was there in time."""
    sim = Simulation(1, latency=steady(0.1), socket_timeout=1)
    process = sim.client("a", lambda: sim.redis().incr("n"))
    sim.at(0.15, sim.pause, process, 10.0)
    assert sim.run() == {"a": 1}


# -- nodes ------------------------------------------------------------------------------------------------------------


def test_a_node_that_is_down_refuses_and_comes_back_with_its_data() -> None:
    sim = world(nodes=2)

    async def body(redis: Redis) -> list[Any]:
        await redis.set("k", "v")
        await asyncio.sleep(1)
        with pytest.raises(RedisConnectionError, match="refused by redis0"):
            await redis.get("k")
        await asyncio.sleep(1)
        return [await redis.get("k"), await sim.redis(1).ping()]

    sim.at(0.5, sim.down, 0, 1.0)
    assert alone(body, sim) == ["v", True]
    assert [event.fault for event in sim.trace] == [None, "refused", None, None]


def test_a_node_that_goes_down_loses_what_is_on_the_way_to_it() -> None:
    """What it sent before is on its way already, and arrives."""
    sim = Simulation(1, latency=steady(0.1), socket_timeout=1)

    async def body(redis: Redis) -> Any:
        try:
            return await redis.incr("n")
        except RedisTimeoutError:
            return "nothing came"

    sim.at(0.15, sim.down, 0, 0.5)
    sim.client("in time", body, sim.redis())
    sim.client("too late", body, sim.redis(), start=0.08)
    assert sim.run() == {"in time": 1, "too late": "nothing came"}
    assert [event.fault for event in sim.trace] == [None, "request lost"]


def test_a_node_that_is_down_loses_what_it_would_have_sent() -> None:
    sim = world(socket_timeout=3)

    async def body(redis: Redis) -> Any:
        with pytest.raises(RedisTimeoutError):
            await redis.blpop(["none"], timeout=1)

    sim.at(0.5, sim.down, 0, 1.0)
    alone(body, sim)
    assert sim.trace.events[0].fault == "reply lost"


def test_a_node_that_is_down_for_good_stays_down() -> None:
    sim = world()
    sim.down(0, math.inf)
    with pytest.raises(RedisConnectionError):
        alone(lambda redis: redis.ping(), sim)
    assert sim.trace.notes[0].t_end is None
    sim.rewind(1)
    assert alone(lambda redis: redis.ping(), sim) is True


# -- faults by plan ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_one_fault_strikes_exactly_once_and_says_where(kind: Any) -> None:
    fault = OneFault(kind, 3, seconds=0.4)
    sim = Simulation(1, faults=fault, latency=steady(MS), socket_timeout=1)

    async def body(redis: Redis) -> None:
        for number in range(5):
            try:
                await redis.set(f"k{number}", number)
            except (RedisTimeoutError, RedisConnectionError):
                pass

    sim.client("a", body, sim.redis())
    sim.run()
    marks = [event.fault for event in sim.trace] + [note.kind for note in sim.trace.notes]
    expected = {
        "crash": [None, None, "never left", "crash"],
        "pause": [None] * 5 + ["pause"],
        "lose request": [None, None, "request lost", None, None],
        "lose reply": [None, None, "reply lost", None, None],
        "node down": [None, None, "refused", "refused", "refused", "down"],
        "clock step": [None] * 5 + ["skew"],
    }
    assert marks == expected[kind]
    assert fault.sends == len(sim.trace.events)


def test_one_fault_can_be_aimed_at_one_client() -> None:
    sim = world(faults=OneFault("crash", 2, client="b"))

    async def body(redis: Redis) -> str:
        for _ in range(3):
            await redis.incr("n")
        return "done"

    for name in "abc":
        sim.client(name, body, sim.redis())
    assert sim.run() == {"a": "done", "b": CRASHED, "c": "done"}


def test_random_faults_come_as_often_as_they_say_and_the_same_with_the_same_seed() -> None:
    def faults(seed: int) -> list[str | None]:
        sim = Simulation(seed, faults=RandomFaults(lose_request=0.2), socket_timeout=0.01)

        async def body(redis: Redis) -> None:
            for _ in range(300):
                try:
                    await redis.incr("n")
                except RedisTimeoutError:
                    pass

        sim.client("a", body, sim.redis())
        sim.run()
        return [event.fault for event in sim.trace]

    first = faults(1)
    assert 40 < first.count("request lost") < 80
    assert faults(1) == first != faults(2)


def test_a_fault_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of crash"):
        OneFault("explode", 1)  # type: ignore[arg-type]
    for at in (0, -2, 1.5, True, float("nan"), float("inf"), "1", [1], None):
        with pytest.raises(ValueError, match="counted from 1, so give a whole number"):
            OneFault("crash", at)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="give a probability"):
        RandomFaults(crash=1.5)
    with pytest.raises(ValueError, match="give a probability"):
        RandomFaults(explode=0.5)


def test_a_fault_sees_every_command_with_who_sends_it() -> None:
    seen: list[tuple[str, str, bytes]] = []

    class Watch(Faults):
        def on_send(self, world: Ground, send: Send) -> None:
            seen.append((send.client, send.node.name, send.command[0]))

    play("transactions", 1, world=None)
    sim = Simulation(1, faults=Watch())

    async def body(redis: Redis) -> None:
        await redis.pipeline().incr("a").execute()

    sim.client("a", body, sim.redis())
    sim.run()
    assert seen == [("a", "redis", b"MULTI"), ("a", "redis", b"INCRBY"), ("a", "redis", b"EXEC")]
