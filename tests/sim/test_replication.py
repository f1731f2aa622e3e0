"""The model of replication: what it promises, what is lost in it, and that real servers answer the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError, ResponseError

from course_lib.servers import Found, Server, find_all
from course_lib.sim import CRASHED, Simulation, steady
from course_lib.sim.replicated import groups_of
from course_lib.sim.replication import NOREPLICAS, Replication

Act = Callable[[], Awaitable[Any]]
SERVERS = find_all()
MALFORMED = (("FUNCTION",), ("FUNCTION", "NOPE"), ("FUNCTION", "LOAD"), ("SET", "k"), ("WAIT", 1), ("NOPE",))
"""What a server refuses before it asks whether it is a replica."""


def world(nodes: int = 2, **options: Any) -> tuple[Simulation, Replication]:
    made = Simulation(nodes=nodes, latency=steady(0.001), socket_timeout=0.2)
    return made, Replication(made, **options)


def run(made: Simulation, body: Callable[[], Awaitable[Any]]) -> Any:
    made.client("c", body)
    result = made.run()["c"]
    if isinstance(result, BaseException):
        raise result
    return result


# -- the same story, told by the model and by two real servers --------------------------------------------------------


async def story(
    first: Any, second: Any, *, promote: Act, min_replicas: Callable[[int], Awaitable[Any]], rejoin: Act
) -> list[Any]:  # fmt: skip
    """Write, ask a replica, promote it behind the primary's back, write to both, and bring the old primary back."""
    said: list[Any] = []

    async def tell(answer: Awaitable[Any]) -> None:
        try:
            said.append(await answer)
        except RedisError as error:
            said.append(f"{type(error).__name__}: {str(error)[:40]}")

    await tell(first.incr("x"))
    await tell(first.wait(1, 10_000))
    for asked in (second.get("x"), second.set("x", "7"), second.wait(1, 10), second.eval(SET, 1, "x")):
        await tell(asked)
    for malformed in MALFORMED:
        await tell(second.execute_command(*malformed))
    async with first.pipeline(transaction=True) as pipe:
        pipe.set("y", "old")
        pipe.incr("x")
        await tell(pipe.execute())
    await tell(first.wait(1, 10_000))
    await promote()
    for asked in (first.incr("x"), first.wait(1, 20), second.get("x"), second.set("y", "new"), first.get("y")):
        await tell(asked)
    await min_replicas(1)
    await tell(first.incr("x"))
    await min_replicas(0)
    await rejoin()
    for asked in (second.incr("z"), second.wait(1, 10_000), first.get("x"), first.get("y"), first.incr("x")):
        await tell(asked)
    return said


SET = "return redis.call('SET', KEYS[1], '1')"
TOLD = [
    1, 1, "1", "ReadOnlyError: You can't write against a read only repl",
    "ResponseError: WAIT cannot be used with replica instanc",
    "ReadOnlyError: You can't write against a read only repl",
    "ResponseError: wrong number of arguments for 'function'",
    "ResponseError: unknown subcommand 'NOPE'. Try FUNCTION ",
    "ResponseError: wrong number of arguments for 'function|",
    "ResponseError: wrong number of arguments for 'set' comm",
    "ResponseError: wrong number of arguments for 'wait' com",
    "ResponseError: unknown command 'NOPE', with args beginn", [True, 2], 1,
    3, 0, "2", True, "old", "ResponseError: NOREPLICAS Not enough good replicas to w",
    1, 1, "2", "new", "ReadOnlyError: You can't write against a read only repl",
]  # fmt: skip
"""The third INCR was answered with 3, and in the end x is 2: an acknowledged write is lost."""


def test_the_model_tells_the_story() -> None:
    made, group = world(max_lag=0.0)

    async def promote() -> None:
        group.cut(0)
        group.promote(1)

    async def min_replicas(number: int) -> None:
        group.min_replicas = number

    async def rejoin() -> None:
        group.heal(0)
        await asyncio.sleep(0.1)

    async def told() -> list[Any]:
        return await story(
            made.redis(0), made.redis(1), promote=promote, min_replicas=min_replicas, rejoin=rejoin
        )  # fmt: skip

    assert run(made, told) == TOLD
    assert group.diverged == []


@pytest.mark.parametrize("found", SERVERS, ids=str)
def test_real_servers_tell_the_same_story(found: Found) -> None:
    """What the model says of WAIT, READONLY, NOREPLICAS and of what is lost is what a primary and a replica do."""

    async def linked(replica: Any) -> None:
        async with asyncio.timeout(30):
            while (await replica.info("replication")).get("master_link_status") != "up":
                await asyncio.sleep(0.02)

    async def told(first: Server, second: Server) -> list[Any]:
        one, two = (Redis(port=server.port, decode_responses=True, protocol=2) for server in (first, second))

        async def promote() -> None:
            await two.replicaof("NO", "ONE")
            async with asyncio.timeout(30):  # until the primary has noticed, or a WAIT might count the one that left
                while (await one.info("replication"))["connected_slaves"]:
                    await asyncio.sleep(0.02)

        async def min_replicas(number: int) -> None:
            await one.config_set("min-replicas-to-write", number)

        async def rejoin() -> None:
            await one.replicaof("127.0.0.1", second.port)
            await linked(one)

        async with one, two:
            await linked(two)
            return await story(one, two, promote=promote, min_replicas=min_replicas, rejoin=rejoin)

    quick = {"repl-diskless-sync-delay": "0"}
    with Server(found, config=quick) as first:
        follows = {**quick, "replicaof": f"127.0.0.1 {first.port}"}
        with Server(found, config=follows) as second:
            assert asyncio.run(told(first, second)) == TOLD


# -- what the model promises ------------------------------------------------------------------------------------------


def test_a_replica_has_a_prefix_of_what_the_primary_has() -> None:
    """At every moment, whatever the lags are; after a failover the new primary, whatever the dead one had."""
    made, group = world(3, lag=(0.004, 0.05))
    looked: list[tuple[int, ...]] = []

    def look() -> None:
        histories = [member.history for member in group.members if member.node.up]
        longest = max(histories, key=len)
        assert all(history == longest[: len(history)] for history in histories)
        looked.append(tuple(len(member.history) for member in group.members))

    async def write() -> None:
        for number in range(20):
            await made.redis(group.named.number).rpush("list", number)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)

    for tick in range(1, 400):
        made.at(tick * 0.001, look)
    made.at(0.1, group.kill, 0)
    made.at(0.1, group.promote)
    run(made, write)
    assert len(set(looked)) > 20
    assert all(first >= second >= third for first, second, third in looked[:90])
    assert group.members[1].history == group.members[2].history
    assert group.diverged == []


def test_wait_inside_a_transaction_answers_at_once() -> None:
    """With what is confirmed by then, as a real primary does; outside, WAIT 1 0 would wait for the replica."""
    made, _ = world(2, lag=(0.1,))

    async def ask() -> list[Any]:
        first, replies = made.redis(0), list[Any]()
        for _ in range(2):
            await first.incr("x")
            async with first.pipeline(transaction=True) as pipe:
                pipe.incr("x")
                pipe.execute_command("WAIT", 1, 0)
                replies.append([await pipe.execute(), made.now() < 0.05])
            await first.wait(1, 0)
        await first.incr("y")
        await first.wait(1, 0)
        replies.append(await first.pipeline(transaction=True).execute_command("WAIT", 1, 0).execute())  # type: ignore
        return replies

    assert run(made, ask) == [[[2, 0], True], [[4, 0], False], [1]]


LIBRARY = "#!lua name=l\nredis.register_function('f', function(keys) return redis.call('INCR', keys[1]) end)"


def test_functions_are_replicated_and_so_is_what_they_write() -> None:
    """A replica runs none that may write; promoted, it has them, and a resynchronized one has only its primary's."""
    made, group = world(2)

    async def load() -> list[Any]:
        first, second = made.redis(0), made.redis(1)
        await first.function_load(LIBRARY)
        said: list[Any] = [await first.fcall("f", 1, "x"), await first.wait(1, 100), await second.get("x")]
        with pytest.raises(ReadOnlyError):
            await second.fcall("f", 1, "x")
        with pytest.raises(ReadOnlyError):
            await second.function_load(LIBRARY, replace=True)
        group.cut(0)
        group.promote(1)
        await first.function_load(LIBRARY.replace("=l", "=m").replace("'f'", "'g'"))  # which is lost
        said += [await second.fcall("f", 1, "x"), len(await first.function_list())]
        group.heal(0)
        await asyncio.sleep(0.1)
        return [*said, len(await first.function_list()), await first.get("x")]

    assert run(made, load) == [1, 1, "1", 2, 2, 1, "2"]
    assert group.diverged == []


def test_wait_speaks_of_its_own_connection() -> None:
    """On a connection that wrote nothing it confirms at once what no replica has; the control is the one that wrote."""
    made, group = world(2)

    async def ask() -> list[int]:
        first = made.redis(0)
        group.cut(0)
        await first.set("x", "1")
        return list(await asyncio.gather(first.wait(1, 20), first.wait(1, 20)))  # the second one needs a new connection

    assert sorted(run(made, ask)) == [0, 1]


def test_the_one_that_has_most_is_promoted() -> None:
    made, group = world(3, lag=(0.5, 0.002))

    async def write() -> Any:
        await made.redis().set("x", "1")
        assert await made.redis().wait(1, 100) == 1
        group.kill(0)
        group.promote()
        return group.named.number, await made.redis(2).get("x")

    assert run(made, write) == (2, "1")


@pytest.mark.parametrize(("lost_after", "survives"), [(0.001, False), (0.0075, True)])
def test_a_write_on_its_way_dies_with_the_primary(lost_after: float, survives: bool) -> None:
    """The control is a primary that dies after the write has arrived."""
    made, group = world(lag=(0.005,))

    async def write() -> Any:
        assert await made.redis().set("x", "1")
        return None

    made.at(0.001 + lost_after, group.kill, 0)  # the write runs at 1 ms and would be on the replica at 6 ms
    made.at(0.1, group.promote)
    made.client("c", write)
    made.client("later", lambda: made.redis(1).get("x"), start=0.2)
    result = made.run()
    assert (result["c"], result["later"]) == (None, "1" if survives else None)


def test_wait_ends_as_soon_as_enough_replicas_have_it() -> None:
    """Or when its time is over. A replica's acknowledgement is there twice its lag after the write ran."""
    made, group = world(3, lag=(0.01, 0.05))

    async def times() -> list[tuple[int, float]]:
        redis, said = made.redis(), []
        for needed, limit in ((1, 1_000), (2, 1_000), (2, 50), (3, 20), (0, 1_000), (2, 0)):  # 0 ms is for ever
            await redis.incr("x")
            began = made.now()
            said.append((await redis.wait(needed, limit), round(made.now() - began, 3)))
        group.cut(0)
        await redis.incr("x")
        return [*said, (await redis.wait(1, 30), 0.0)]

    said = run(made, times)
    assert said == [(1, 0.02), (2, 0.1), (1, 0.052), (1, 0.022), (0, 0.002), (2, 0.1), (0, 0.0)]


def test_a_primary_notices_only_after_max_lag_that_it_is_alone() -> None:
    made, group = world(min_replicas=1, max_lag=2.0)

    async def write() -> list[Any]:
        said: list[Any] = []
        for _ in range(8):
            try:
                said.append(await made.redis().incr("x"))
            except ResponseError as error:
                said.append(str(error))
            await asyncio.sleep(0.5)
        return said

    made.at(0.75, group.cut, 0)
    made.at(3.2, group.heal, 0)
    assert run(made, write) == [1, 2, 3, 4, 5, 6, NOREPLICAS, 7]


def test_a_dead_node_says_nothing_and_takes_nothing() -> None:
    """Neither does it count as a replica, once it has been silent for max_lag."""
    made, group = world(min_replicas=1, max_lag=0.1)

    async def write() -> Any:
        await made.redis().set("x", "1")
        group.kill(1)
        waited = await made.redis().wait(1, 50)
        await asyncio.sleep(0.1)
        with pytest.raises(ResponseError, match="NOREPLICAS"):
            await made.redis().set("x", "2")
        with pytest.raises(RedisConnectionError):
            await made.redis(1).get("x")
        return waited

    assert run(made, write) == 0
    assert group.members[1].history == []


def test_a_blocked_wait_ends_when_its_node_becomes_a_replica() -> None:
    made, group = world()

    async def waits() -> Any:
        group.cut(0)
        await made.redis().set("x", "1")
        return await made.redis().wait(1, 150)

    made.at(0.05, group.promote, 1)
    made.at(0.06, group.heal, 0)
    with pytest.raises(ResponseError, match="UNBLOCKED"):
        run(made, waits)


def test_a_rewound_world_has_no_replication() -> None:
    """And a crash of a client in the middle of a WAIT harms nobody."""
    made, group = world()

    async def waits() -> None:
        group.cut(0)
        await made.redis().set("x", "1")
        await made.redis().wait(1, 100)

    process = made.client("c", waits)
    made.at(0.05, made.crash, process)
    assert made.run()["c"] is CRASHED
    made.rewind(1)
    assert [node.extension for node in made.nodes] == [None, None]
    assert run(made, lambda: made.redis(1).set("x", "1")) is True
    assert len(group.members[0].history) == 1


# -- scripts ----------------------------------------------------------------------------------------------------------

WHEN = "redis.call('GET', 'y') redis.call('SET', KEYS[1], redis.call('TIME')[2]) return redis.call('INCR', 'n')"


def test_a_replica_is_sent_what_a_script_wrote_and_does_not_run_it() -> None:
    """What it read is not sent. Run again a moment later, on the replica, TIME would say something else."""
    made, group = world()

    async def body() -> list[Any]:
        first, second = made.redis(0), made.redis(1)
        await first.eval(WHEN, 1, "x")
        await first.set("y", "1")
        assert await first.wait(1, 1_000) == 1
        return [await first.get("x"), await second.get("x"), await second.get("n")]

    here, there, counted = run(made, body)
    assert here == there
    assert counted == "1"
    assert [[command[0] for command in commands] for commands in group.members[1].history] == [
        [b"SET", b"INCR"],
        [b"SET"],  # by the same connection, and not what its script wrote
    ]


# -- consumer groups --------------------------------------------------------------------------------------------------


CHANGES: list[tuple[str, list[tuple[Any, ...]]]] = [
    ("XREADGROUP", [("XREADGROUP", "GROUP", "g", "a", "COUNT", 2, "STREAMS", "s", ">")]),
    ("XACK", [("XREADGROUP", "GROUP", "g", "a", "STREAMS", "s", ">"), ("XACK", "s", "g", "1-0")]),
    ("XCLAIM", [("XREADGROUP", "GROUP", "g", "a", "STREAMS", "s", ">"), ("XCLAIM", "s", "g", "b", 0, "1-0")]),
    ("XAUTOCLAIM", [("XREADGROUP", "GROUP", "g", "a", "STREAMS", "s", ">"), ("XAUTOCLAIM", "s", "g", "b", 0, "0")]),
    ("SETID", [("XGROUP", "SETID", "s", "g", "2-0")]),
    ("DESTROY", [("XGROUP", "DESTROY", "s", "g")]),
    ("CREATE", [("XGROUP", "CREATE", "s", "h", "$")]),
    ("CREATECONSUMER", [("XGROUP", "CREATECONSUMER", "s", "g", "c")]),
    ("in a script", [("EVAL", "return redis.call('XREADGROUP','GROUP','g','a','STREAMS',KEYS[1],'>')", 1, "s")]),
]  # fmt: skip


@pytest.mark.parametrize("commands", [commands for _, commands in CHANGES], ids=[name for name, _ in CHANGES])
def test_what_changes_a_consumer_group_reaches_the_replica(commands: list[tuple[Any, ...]]) -> None:
    """What was handed out, to whom, is data: whoever is promoted knows it."""
    made, group = world()

    async def body() -> Any:
        first = made.redis(0)
        for number in range(1, 4):
            await first.execute_command("XADD", "s", f"{number}-0", "f", "v")
        await first.execute_command("XGROUP", "CREATE", "s", "g", "0")
        assert await first.wait(1, 1_000) == 1
        before = [groups_of(member.node) for member in group.members]
        for command in commands:
            await first.execute_command(*command)
        assert await first.wait(1, 1_000) == 1
        return before, [groups_of(member.node) for member in group.members]

    before, after = run(made, body)
    assert facts(before[0]) == facts(before[1])
    assert facts(after[0]) == facts(after[1]) != facts(before[0])
    assert group.diverged == []


def facts(groups: Any) -> Any:
    """Without the time of each delivery, which is that of the server."""
    return {
        key[1:]: (last, sorted(consumers), {entry: one._replace(time_read=0) for entry, one in pending.items()})
        for key, (last, consumers, pending) in groups.items()
    }


def test_reading_nothing_new_changes_nothing() -> None:
    """The control: it adds nothing to the history, so nobody waits for it."""
    made, group = world()

    async def body() -> None:
        first = made.redis(0)
        await first.execute_command("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
        for _ in range(2):
            await first.execute_command("XREADGROUP", "GROUP", "g", "a", "STREAMS", "s", ">")
        await first.execute_command("XACK", "s", "g", "1-0")

    run(made, body)
    assert len(group.members[0].history) == 1  # the group
