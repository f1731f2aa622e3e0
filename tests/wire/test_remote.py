"""Code in a child and the same code here leave the same trace, whatever strikes it."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Awaitable, Callable
from functools import partial
from math import nan
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from course_lib.errors import OutOfBudget
from course_lib.sim import OneFault, Simulation, Turns
from course_lib.sim.process import Process
from course_lib.wire.pipe import Broken, Pipe, Silent
from course_lib.wire.remote import TOGETHER, Remote, each

from .children import forked, remote, serving

Load = Callable[[str], Awaitable[str]]


async def reads_through(redis: Any, key: str, load: Load) -> Any:
    page = await redis.get(key)
    if page is None:
        page = await load(key)
        await redis.set(key, page, px=50)
    return page


async def does_two_things(redis: Any, key: str, load: Load) -> Any:
    first, second = await asyncio.gather(redis.incr(key), load(key))
    async with redis.pipeline() as pipe:
        return first, second, await pipe.incr(key).pexpire(key, 70).execute()


async def tries_again(redis: Any, key: str, load: Load) -> Any:
    for number in range(3):
        try:
            return await redis.incr(key), number
        except RedisError as error:
            await asyncio.sleep(0.01 * (number + 1))
            failed = error
    raise failed


async def gives_up_soon(redis: Any, key: str, load: Load) -> Any:
    try:
        async with asyncio.timeout(0.015):
            return await load(key)
    except TimeoutError:
        return await redis.append(key, "late")


async def waits_for_a_lock(redis: Any, key: str, load: Load) -> Any:
    lock = asyncio.Lock()

    async def one(number: int) -> Any:
        async with lock:
            return await redis.rpush(key, number)

    tasks = [asyncio.create_task(one(number)) for number in range(3)]
    await asyncio.wait(tasks, timeout=0.004)
    return [await task for task in tasks], await redis.eval("return redis.call('LLEN', KEYS[1])", 1, key)


async def asks_much(redis: Any, key: str, load: Load) -> Any:
    """A pipeline, whose replies come one after another, until one of them does not; then a transaction, for which one
    client does not wait long."""
    told, loop = [], asyncio.get_running_loop()
    for transaction in (False, True):
        pipe = redis.pipeline(transaction=transaction)
        for number in range(4):
            pipe.rpush(key, number)
        try:
            async with asyncio.timeout(0.004 if transaction and key == "other" else None):
                told.append(await pipe.execute())
        except (RedisError, TimeoutError) as error:
            told.append(f"{type(error).__name__} at {loop.time()}")
    return told, await load(key)


BODIES = [reads_through, does_two_things, tries_again, gives_up_soon, waits_for_a_lock, asks_much]
FAULTS: list[OneFault | None] = [
    None, *(OneFault(kind, at, 0.03) for kind in ("crash", "pause", "lose request", "lose reply", "node down")
            for at in (1, 2, 4, 15)),
]  # fmt: skip


def played(code: Any, fault: OneFault | None, *, by_order: bool = False, shared: bool = False) -> Any:
    """Three clients, who load what takes 20 ms. What they came to, and all that was sent."""
    world = Simulation(socket_timeout=0.2, faults=fault)
    if by_order:
        world.turns = Turns(lambda turns: len(turns) - 1)
        world.rewind(0)

    async def load(key: str) -> str:
        note = world.note("database", "load")
        await asyncio.sleep(0.02)
        note.t_end = world.now()
        return f"page of {key}"

    async def body(name: str) -> Any:
        return await code(world.redis(), "page" if name < "c3" else "other", load)

    process = Process("one") if shared else None
    for number in (1, 2, 3):
        world.client(f"c{number}", body, f"c{number}", start=0.001 * number, process=process)
    results = world.run()
    return {name: repr(result) for name, result in results.items()}, world.trace.text(), world.trace.digest()


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_the_same_trace(body: Any) -> None:
    with remote(body) as there:
        code = there.coroutine_function()
        for fault in FAULTS:
            assert played(code, fault) == played(body, fault), fault
        assert played(code, None, by_order=True) == played(body, None, by_order=True)
        assert played(code, None, shared=True) == played(body, None, shared=True)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_a_stream_of_draws_goes_on_wherever_it_is_drawn_from(processes: int) -> None:
    """From two clients and from here in turn; the control is that they differ."""

    async def draws(redis: Any, draw: Callable[[], float], times: int) -> list[float]:
        found = []
        for _ in range(times):
            found += [draw(), draw()]
            await redis.incr("looks")
        return found

    def drawn(code: Any) -> Any:
        world = Simulation()
        draw, own = world.draws("both"), []
        shared = [Process(f"p{number}") for number in range(processes)]
        for number in range(4):
            world.client(f"c{number}", code, world.redis(), draw, 1 + number, process=shared[number % processes])
        for number in range(9):
            world.at(0.0011 * number, lambda: own.append(draw()))
        return world.run(), own, draw(), world.trace.digest()

    with remote(draws) as there:
        mine = drawn(draws)
        assert drawn(there.coroutine_function()) == mine
        assert len({one for found in mine[0].values() for one in found} | set(mine[1])) == 2 * 10 + len(mine[1])


def test_a_stream_that_code_has_kept_is_drawn_from_in_another_process() -> None:
    kept: list[Callable[[], float]] = []

    async def draws(redis: Any, draw: Callable[[], float]) -> float:
        kept.append(draw)
        await redis.incr("looks")
        return kept[0]() + draw()

    def drawn(code: Any) -> Any:
        world = Simulation()
        streams = [world.draws(name) for name in ("c1", "c2")]
        for number, draw in enumerate(streams, 1):
            world.client(f"c{number}", code, world.redis(), draw, start=0.01 * number, process=Process(f"p{number}"))
        return world.run(), [draw() for draw in streams]

    with remote(draws, count=1) as there:
        found = drawn(there.coroutine_function())
    assert found == drawn(draws)


async def listens(redis: Any) -> Any:
    """Looks at times of its own for what was published, and asks something in between."""
    heard = []
    async with redis.pubsub() as channel:
        for _ in range(12):
            try:
                await channel.subscribe("news")
                message = await channel.get_message(timeout=0)
                heard.append(message and (message["type"], message["data"]))
                heard.append(await redis.incr("looks"))
            except RedisError as error:
                heard.append(str(error))
            await asyncio.sleep(0.01)
    return heard


@pytest.mark.parametrize("severed", [None, "reset", "deaf"])
def test_what_comes_while_nobody_waits_and_connections_that_are_reset(severed: str | None) -> None:
    def heard(code: Any) -> Any:
        world = Simulation(socket_timeout=0.05)

        async def tells() -> None:
            for number in range(8):
                await world.redis().publish("news", number)
                await asyncio.sleep(0.013)

        if severed is not None:
            world.at(0.045, partial(world.sever, "c1", silently=severed == "deaf"))
        world.client("c1", lambda: code(world.redis()))
        world.client("c2", tells)
        return world.run(), world.trace.text()

    with remote(listens) as there:
        assert heard(there.coroutine_function()) == heard(listens)


def test_an_error_of_what_it_was_handed_comes_back_as_itself() -> None:
    failed = ValueError("no such row")

    async def asks(redis: Any, key: str, load: Load) -> Any:
        try:
            return await load(key)
        except ValueError as error:
            await redis.set("told", str(error))
            raise

    async def load(key: str) -> str:
        raise failed

    with remote(asks) as there:
        world, code = Simulation(), there.coroutine_function()
        world.client("c1", lambda: code(world.redis(), "page", load))
        assert world.run()["c1"] is failed
        assert [event.text for event in world.trace] == ["SET told no such row"]


def test_an_object_lives_in_the_process_that_made_it() -> None:
    class Counter:
        def __init__(self, redis: Any) -> None:
            self.redis, self.asked = redis, 0

        async def ask(self, key: str) -> Any:
            self.asked += 1
            return self.asked, await self.redis.incr(key)

    with remote(Counter) as there:
        world, make = Simulation(), there.maker(awaited=True)

        async def body() -> Any:
            counter = make(world.redis())
            return [await counter.ask("n"), await counter.ask("n")]

        world.client("c1", body)
        world.client("c2", body, start=1.0)
        assert world.run() == {"c1": [(1, 1), (2, 2)], "c2": [(1, 3), (2, 4)]}


class Names:
    """Names keys, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def key(self, kind: str, *, number: int = 0) -> str:
        self.asked += 1
        if kind == "bad":
            raise LookupError(f"no kind {kind}, asked {self.asked} times")
        if kind == "end":
            raise SystemExit
        return f"{kind}:{number}"

    def times(self) -> int:
        return self.asked


def in_a_run(there: Remote, ask: Callable[[Any], Any]) -> Any:
    """What `ask` comes to, which is handed an object that the answer made."""
    world, make = Simulation(), there.maker(awaited=False)

    async def body() -> Any:
        return ask(make())

    world.client("c1", body)
    return world.run()["c1"]


@pytest.mark.parametrize("count", [0, 1, TOGETHER, 2 * TOGETHER + 1])
def test_many_plain_calls_give_what_they_give_one_by_one(count: int) -> None:
    calls = [("key", f"k{number}") for number in range(count)]
    with remote(Names) as there:
        together = in_a_run(there, lambda names: each(names, calls))
        assert together == in_a_run(there, lambda names: [names.key(kind) for _, kind in calls])
        assert together == [f"k{number}:0" for number in range(count)]


def test_the_first_of_many_plain_calls_that_raises_is_the_last_that_is_made() -> None:
    def ask(names: Any) -> Any:
        with pytest.raises(LookupError, match="no kind bad, asked 2 times"):
            each(names, [("key", "a"), ("key", "bad"), ("key", "a")])
        with pytest.raises(AttributeError):
            each(names, [("nothing",)])
        return names.times()

    with remote(Names) as there:
        assert in_a_run(there, ask) == 2
        with pytest.raises(SystemExit):
            in_a_run(there, lambda names: each(names, [("key", "end"), ("key", "a")]))


@pytest.mark.parametrize("said", [0, 1, 3])
def test_a_child_that_tells_of_more_or_fewer_calls_than_it_was_to_make_is_broken(said: int) -> None:
    outcome = ["outcome", "returned", "key"]

    def serve(pipe: Pipe) -> None:
        pipe.receive()  # a run begins
        for actions in ([["outcome", "made", 0], IDLE], [*[outcome] * said, IDLE]):
            pipe.receive()
            pipe.send(json.dumps(actions).encode())
        pipe.receive()

    with forked(serve, 1) as pipes, pytest.raises(Broken, match=f"make 2 calls, and told of {said}"):
        in_a_run(Remote(pipes), lambda names: each(names, [("key", "a"), ("key", "b")]))


def test_what_goes_by_number_is_the_same_thing_wherever_it_stands_in_a_call() -> None:
    """By its place, by its name, and in a list; and beside what is written as it is."""

    async def looks(redis: Any, loads: list[Load], *, again: Any, load: Load, draw: Any, note: Any) -> Any:
        same = redis is again, loads[0] is load, 0 <= draw() < 1, note
        return same, await load("page"), await redis.incr("looks")

    async def load(key: str) -> str:
        return f"page of {key}"

    def looked(code: Any) -> Any:
        world = Simulation()
        redis = world.redis()
        for note in ({"n": 2**70, "b": b"\xff"}, (1.5, None), "\ud800"):
            world.client(f"c{note!r}", partial(code, redis, [load], again=redis, load=load, draw=world.draws("own"),
                                               note=note))  # fmt: skip
        return world.run()

    with remote(looks) as there:
        there_looked = looked(there.coroutine_function())
        assert there_looked == looked(looks)
        assert all(found[0][:3] == (True, True, True) for found in there_looked.values()), there_looked


def test_a_plain_function_is_called_out_of_any_run() -> None:
    with remote(lambda text, times: [text * times, {"bytes": b"\xff\n"}, 2**70, 0.5, None]) as there:
        assert there.function()("ab", 2) == ["abab", {"bytes": b"\xff\n"}, 2**70, 0.5, None]


def test_a_cancellation_is_passed_on() -> None:
    async def waits(redis: Any) -> Any:
        try:
            await asyncio.sleep(60)
        finally:
            await redis.set("cleaned", "up")

    with remote(waits) as there:
        world, code = Simulation(), there.coroutine_function()

        async def body() -> Any:
            task = asyncio.ensure_future(code(world.redis()))
            await asyncio.sleep(0.1)
            task.cancel()
            await asyncio.wait([task])
            return task.cancelled(), await world.redis().get("cleaned")

        world.client("c1", body)
        assert world.run() == {"c1": (True, "up")}


def test_neighbors_share_no_interpreter() -> None:
    """The control is one child for both."""
    seen: list[str] = []

    async def leaves_a_mark(redis: Any) -> Any:
        seen.append("somebody")
        return len(seen)

    for count, told in ((2, [1, 1]), (1, [1, 2])):
        with remote(leaves_a_mark, count) as there:
            world, code = Simulation(), there.coroutine_function()
            for name in ("c1", "c2"):
                world.client(name, code, world.redis())
            assert list(world.run().values()) == told


def test_a_node_that_refuses() -> None:
    async def asks(redis: Any) -> Any:
        return await redis.get("page")

    with remote(asks) as there:
        world, code = Simulation(), there.coroutine_function()
        world.down(0, 1.0)
        world.client("c1", lambda: code(world.redis()))
        result = world.run()["c1"]
        assert type(result) is RedisConnectionError
        assert str(result) == "Connection refused by redis"


def speaks(*actions: Any) -> Callable[[Any], None]:
    """A child that says these actions to whatever it hears."""

    def serve(pipe: Any) -> None:
        try:
            while True:
                pipe.receive()
                pipe.send(json.dumps(actions).encode())
        except Broken:
            pass

    return serve


IDLE = ["idle", None, 1]


@pytest.mark.parametrize(
    "actions",
    [
        [], ["idle"], [[]], [{}], [["idle"]], [["idle", None, "x"]], [["idle", "soon", 1]], [["more"]],
        [["nothing", None, 1]],
        [["open", 0, "another node", 0], IDLE], [["open", 0, "redis"], IDLE], [["send", 7, "c1", [["GET", "a"]]], IDLE],
        [["open", 0, "redis", 0], ["send", 0, "somebody else", [["GET", "a"]]], IDLE],
        [["open", 0, "redis", 0], ["send", 0, "c1", [[]]], IDLE], [["open", 0, "redis", 0], ["send", 0, "c1", 5], IDLE],
        [["open", 0, "redis", 0], ["open", 0, "redis", 0], IDLE], [["wait", 3, None, 1], IDLE], [["close", 3], IDLE],
        [["call", 1, "c1", 99, [], []], IDLE], [["call", 1, "c1", 0, ["set", "a", "b"], []], IDLE],
        [["ask", "c1", 0, ["connection_pool"], []]], [["ask", "c1", -1, [], []]],
        [["done", 1, "returned"], IDLE], [["done", 8, "returned", None], IDLE],
        [["done", 1, "raised", "no error"], IDLE],
        [["done", 1, "returned", ["D", "subprocess", "Popen", []]], IDLE], [["outcome", "made", "x"], IDLE],
        [["done", 1, "raised", ["e", "X", True, ["builtins.type"], [], [None, "", False]]], ["x"]],
        [["idle", nan, 1]], [["idle", int("9" * 4_000), 1]], [["more", None, 0], IDLE],
        [["open", 0, "redis", 0], ["wait", 0, nan, 1], IDLE], [["open", 1, "redis", 0], IDLE], [["close", -1], IDLE],
        [["call", 1, "c1", 1, ["page"], []], ["call", 1, "c1", 1, ["page"], []], IDLE],
        [["done", 1, "raised", ["E", 0, [1, "x", False]]], IDLE], [["failed", 5], IDLE],
        [["open", 0, "redis", 0], ["wait", 0, None, "x"], IDLE], [["drew", 0, 1], IDLE], [["drew", 9, 1], IDLE],
        [[["done"], 1, "returned", None], IDLE], [[{}], IDLE], [[None, [[[]]] * 90], IDLE],
    ],
    ids=lambda actions: str(actions)[:80],
)  # fmt: skip
def test_what_makes_no_sense_ends_the_judgment(actions: list[Any]) -> None:
    async def load(key: str) -> str:
        return key

    with forked(speaks(*actions), 1) as pipes:
        there = Remote(pipes)
        world, code = Simulation(), there.coroutine_function()
        world.client("c1", lambda: code(world.redis(), load))
        with pytest.raises(Broken):
            world.run()


def test_a_child_that_says_nothing_is_silent_and_one_that_has_gone_broken() -> None:
    def waits(pipe: Any) -> None:
        pipe.receive()
        pipe.receive()
        pipe.receive()

    for serve, error in ((waits, Silent), (lambda pipe: None, Broken)):
        with forked(serve, 1, seconds=0.2) as pipes:
            there = Remote(pipes)
            world, code = Simulation(), there.coroutine_function()
            world.client("c1", lambda code=code, world=world: code(world.redis()))
            with pytest.raises(error):
                world.run()


def test_one_that_goes_on_for_ever_runs_out_of_steps() -> None:
    with forked(speaks(["more", None, 1]), 1) as pipes:
        there = Remote(pipes)
        world, code = Simulation(max_steps=2_000), there.coroutine_function()
        world.client("c1", lambda: code(world.redis()))
        with pytest.raises(OutOfBudget):
            world.run()


E = '["e","{}",true,["builtins.{}"],[],[1,"x",false]]'


@pytest.mark.parametrize("name", ["TypeError", "ZeroDivisionError", "KeyboardInterrupt"])
def test_a_failure_that_a_child_tells_of_is_the_codes_own(name: str) -> None:
    error = told(f'[["failed",{E.format(name, name)}],["done",1,"returned",1],["idle",null,1]]')
    assert (type(error).__name__, isinstance(error, KeyboardInterrupt)) == (name, False)


def told(*says: str) -> BaseException:
    """What a call raises whose child says just this."""

    def serve(pipe: Pipe) -> None:
        pipe.receive()  # a run begins
        for said in says:
            pipe.receive()
            pipe.send(said.encode())
        pipe.receive()

    async def load(key: str) -> str:
        return key

    with forked(serve, 1) as pipes:
        world, code = Simulation(), Remote(pipes).coroutine_function()
        world.client("c1", lambda: code(world.redis(), load))
        try:
            (result,) = world.run().values()
        except BaseException as error:
            return error
    assert isinstance(result, BaseException), result
    return result


def test_who_does_not_read_is_given_up() -> None:
    (read, write), (given, its) = os.pipe(), os.pipe()
    pipe = Pipe(read, its, 0.2)
    try:
        with pytest.raises(Silent):
            pipe.send(b"x" * 1_000_000)
    finally:
        pipe.close()
        os.close(write)
        os.close(given)


def test_who_never_falls_silent_is_given_up_when_all_time_is_over() -> None:
    (read, write), (given, its) = os.pipe(), os.pipe()
    pipe = Pipe(read, its, 5.0)
    pipe.deadline = 0.0
    os.write(write, b"\0\0\0\1x")
    try:
        with pytest.raises(Silent) as silent:
            pipe.receive()
        assert silent.value.whole
    finally:
        pipe.close()
        os.close(write)
        os.close(given)


def test_a_salt_keeps_a_child_from_learning_the_seed() -> None:
    """What it draws is the same for each seed and salt, and says nothing of the seed: the control is without a salt."""

    async def draws(redis: Any) -> Any:
        return random.random()

    def drawn(salt: str | None, seed: int) -> Any:
        with forked(serving(draws), 1) as pipes:
            world, code = Simulation(seed), Remote(pipes, salt=salt).coroutine_function()
            world.client("c1", code, world.redis())
            return world.run()["c1"]

    assert drawn(None, 7) == random.Random("7/0").random()
    assert drawn("ann", 7) == drawn("ann", 7) != random.Random("7/0").random()
    assert len({drawn("ann", 7), drawn("ann", 8), drawn("bob", 7), drawn("bob", 8)}) == 4
