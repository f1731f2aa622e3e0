"""One contract for every world: simulated, fakeredis in real time, and each server of this machine."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
import redis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from course_lib.servers import Server, find_all
from course_lib.trace import Trace
from course_lib.worlds import Embedded, Live, Real, Simulated, World
from course_lib.worlds.threads import until

SERVERS = {f"{found.flavor} {found.version}": found for found in find_all()}
MakeWorld = Callable[..., World]


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    started = {name: Server(found).start() for name, found in SERVERS.items()}
    yield started
    for server in started.values():
        server.stop()


def emptied(server: Server) -> str:
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        client.script_flush()
    return server.url


@pytest.fixture(params=["simulated", "embedded", *SERVERS])
def make(request: pytest.FixtureRequest, servers: dict[str, Server]) -> MakeWorld:
    """Makes an empty world of one kind."""
    if request.param == "simulated":
        return Simulated
    if request.param == "embedded":
        return Embedded
    return lambda seed=0, **options: Real(emptied(servers[request.param]), seed=seed, **options)


@pytest.fixture(params=["embedded", *SERVERS])
def make_live(request: pytest.FixtureRequest, servers: dict[str, Server]) -> Callable[..., Live]:
    """The same for the worlds in real time."""
    if request.param == "embedded":
        return Embedded
    return lambda seed=0, **options: Real(emptied(servers[request.param]), seed=seed, **options)


def wire(trace: Trace) -> dict[str, list[Any]]:
    """What each client sent and was answered, in its own order; of an error the first sentence, for dialects differ."""
    said = defaultdict(list)
    for event in trace:
        reply = f"error {event.reply}".split(".")[0] if isinstance(event.reply, Exception) else event.reply
        said[event.client].append((event.name, event.command[1:], reply))
    return dict(said)


# -- the same everywhere ----------------------------------------------------------------------------------------------


async def everything(redis: Redis, world: World, name: str) -> list[Any]:
    """One client that touches each kind of command, error and reply."""
    note = world.note(name, "compute", "adds up")
    await redis.set(f"{name}:k", 1, px=60_000)
    out: list[Any] = [await redis.incr(f"{name}:k"), await redis.get("none"), await redis.mget(f"{name}:k", "none")]
    try:
        await redis.lpush(f"{name}:k", "x")
    except redis_errors as error:
        out.append(str(error))
    note.t_end = world.now()
    async with redis.pipeline() as pipe:
        out.append(await pipe.rpush(f"{name}:l", "a", 2, 1.5, b"\xc3\xa9").lrange(f"{name}:l", 0, -1).execute())
    out.append(await redis.eval("return {KEYS[1], ARGV[1], 3.9}", 1, "key", "arg"))
    script = redis.register_script(f"return '{name}'")
    out += [await script(), await script()]
    out.append(await redis.hgetall("none"))
    out.append(await redis.zadd(f"{name}:z", {"m": 1.5}))
    out.append(await redis.zrange(f"{name}:z", 0, -1, withscores=True))
    return out


redis_errors = redis.ResponseError


def run_everything(world: World) -> World:
    for name in ("a", "b"):
        world.client(name, everything, world.redis(), world, name)
    world.run()
    return world


def test_results_and_commands_are_the_same_in_every_world(make: MakeWorld) -> None:
    expected, world = run_everything(Simulated()), run_everything(make())
    assert world.results == expected.results
    assert not [result for result in world.results.values() if isinstance(result, BaseException)]
    assert wire(world.trace) == wire(expected.trace)


def test_a_trace_has_times_in_order_and_every_client(make: MakeWorld) -> None:
    world = run_everything(make())
    assert sorted(world.trace.clients) == ["a", "b"]
    assert world.trace.nodes == ["redis"]
    for event in world.trace:
        assert event.t_server is not None
        assert event.t_end is not None
        assert 0 <= event.t_start <= event.t_server <= event.t_end
        assert event.fault is None
    assert "LPUSH a:k x  ⇒  (error) WRONGTYPE" in world.trace.text()


def test_notes_are_kept_with_their_times(make: MakeWorld) -> None:
    notes = run_everything(make()).trace.notes
    assert [(note.who, note.kind, note.text) for note in sorted(notes, key=lambda note: note.who)] == [
        ("a", "compute", "adds up"), ("b", "compute", "adds up"),
    ]  # fmt: skip
    assert all(note.t_end is not None and note.t_end >= note.t_start >= 0 for note in notes)


def test_draws_depend_on_seed_and_name_only(make: MakeWorld) -> None:
    def first(seed: int, name: str) -> list[float]:
        draw = make(seed=seed).draws(name)
        return [draw() for _ in range(3)]

    reference = Simulated(seed=7).draws("x")
    assert first(7, "x") == first(7, "x") == [reference() for _ in range(3)]
    assert len({tuple(first(seed, name)) for seed in (7, 8) for name in "xy"}) == 4


def test_an_exception_is_a_result(make: MakeWorld) -> None:
    world = make()

    async def fails() -> None:
        raise LookupError("no")

    async def gives_up() -> None:
        raise asyncio.CancelledError

    async def works(redis: Redis) -> int:
        await asyncio.sleep(0.02)
        return int(await redis.incr("n"))

    world.client("fails", fails)
    world.client("gives up", gives_up)
    world.client("works", works, world.redis())
    results = world.run()
    assert isinstance(results["fails"], LookupError)
    assert isinstance(results["gives up"], asyncio.CancelledError)
    assert results["works"] == 1


def test_a_name_is_given_once(make: MakeWorld) -> None:
    world = make()

    async def body() -> None: ...

    world.client("a", body)
    with pytest.raises(ValueError, match="client named 'a' already"):
        world.client("a", body)
    world.run()
    with pytest.raises(ValueError, match="client named 'a' already"):
        world.client("a", body)


def test_a_second_run_goes_on_where_the_first_ended(make: MakeWorld) -> None:
    world = make()
    client = world.redis()
    world.client("first", lambda: client.incr("n"))
    assert world.run() == {"first": 1}
    between = world.now()
    world.client("second", lambda: client.incr("n"), start=0.02)
    assert world.run() == {"first": 1, "second": 2}
    first, second = world.trace.events
    assert first.t_end is not None
    assert 0 < first.t_end <= between <= second.t_start - 0.02


def test_clients_start_when_they_are_told(make: MakeWorld) -> None:
    world = make()
    for name, start in (("late", 0.1), ("early", 0.0), ("middle", 0.05)):
        world.client(name, lambda: world.redis().ping(), start=start)
    world.run()
    assert world.trace.clients == ["early", "middle", "late"]
    assert 0.1 <= world.trace.events[-1].t_start < 0.3


def test_messages_that_nobody_asked_for_are_in_the_trace(make: MakeWorld) -> None:
    world = make()

    async def listen(redis: Redis) -> list[Any]:
        async with redis.pubsub() as channel:
            await channel.subscribe("news", "other")
            kinds = [(await channel.get_message(timeout=2) or {}).get("type") for _ in range(3)]
            return [*kinds, await channel.get_message(timeout=0.05)]

    world.client("listener", listen, world.redis())
    world.client("publisher", lambda: world.redis().publish("news", "x"), start=0.1)
    assert world.run() == {"listener": ["subscribe", "subscribe", "message", None], "publisher": 1}
    assert [(event.name, event.reply) for event in world.trace if event.client == "listener"] == [
        ("SUBSCRIBE", [b"subscribe", b"news", 1]),
        ("PUSH", [b"subscribe", b"other", 2]),
        ("PUSH", [b"message", b"news", b"x"]),
    ]


def test_a_list_that_looks_like_a_message_is_a_reply(make: MakeWorld) -> None:
    world = make()

    async def body(redis: Redis) -> Any:
        await redis.rpush("message", "x")
        return await redis.blpop(["message"], timeout=1)

    world.client("a", body, world.redis())
    assert world.run() == {"a": ("message", "x")}
    assert [event.name for event in world.trace] == ["RPUSH", "BLPOP"]


def test_commands_of_one_client_may_overlap(make: MakeWorld) -> None:
    world = make()

    async def body(redis: Redis) -> list[int]:
        return sorted(await asyncio.gather(*(redis.incr("n") for _ in range(20))))

    world.client("a", body, world.redis())
    assert world.run() == {"a": list(range(1, 21))}
    assert all(event.reply == int(event.reply) for event in world.trace)


def test_nothing_happens_without_clients(make: MakeWorld) -> None:
    world = make()
    assert world.run() == {}
    assert len(world.trace) == 0


# -- real time --------------------------------------------------------------------------------------------------------


def leftovers() -> tuple[set[str], int]:
    """Threads, and sockets to other ports than those of the event loops' own pairs."""
    sockets = [c for c in psutil.Process().net_connections(kind="tcp") if c.status == psutil.CONN_ESTABLISHED]
    return {thread.name for thread in threading.enumerate()}, len(sockets)


def test_a_run_leaves_no_socket_and_no_thread(make_live: Callable[..., Live]) -> None:
    before = leftovers()
    run_everything(make_live())
    assert leftovers() == before


def test_it_runs_inside_a_running_loop(make_live: Callable[..., Live]) -> None:
    """As in a notebook: in a thread of its own, with the same results, and the outer loop goes on."""
    expected = run_everything(Simulated()).results
    before = leftovers()

    async def cell() -> dict[str, Any]:
        results = run_everything(make_live()).results
        await asyncio.sleep(0)
        return results

    assert asyncio.run(cell()) == expected
    assert leftovers() == before


def endless(world: Live, ended: list[str]) -> None:
    async def body(redis: Redis, name: str) -> None:
        try:
            while True:
                await redis.incr("n")
                await asyncio.sleep(0.001)
        finally:
            ended.append(name)

    for name in ("a", "b", "c"):
        world.client(name, body, world.redis(), name)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer signal on this system")
@pytest.mark.parametrize("inside", [False, True])
def test_an_interrupt_stops_every_client(make_live: Callable[..., Live], inside: bool) -> None:
    """Ctrl-C in a script, and the kernel's interrupt in a notebook; their `finally` blocks run, sockets close."""
    world, ended, before = make_live(), list[str](), leftovers()
    endless(world, ended)

    async def cell() -> None:
        world.run()

    def run() -> None:
        if not inside:
            world.run()
            return
        outer = asyncio.new_event_loop()  # asyncio.run would turn the interrupt into a cancellation
        try:
            outer.run_until_complete(cell())
        finally:
            outer.close()

    def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert sorted(ended) == ["a", "b", "c"]
    assert leftovers() == before
    assert len(world.trace) > 3


def test_a_second_cancellation_does_not_cut_short_what_tidies_up(make_live: Callable[..., Live]) -> None:
    """As when somebody presses Ctrl-C once more; a client needs a moment for its `finally`."""
    world, ended, before = make_live(), list[str](), leftovers()

    async def body(redis: Any) -> None:
        await redis.ping()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.1)
            ended.append("a")

    world.client("a", body, world.redis())

    async def cancelled_twice() -> None:
        whole = asyncio.ensure_future(world._whole())
        await until(lambda: len(world.trace) == 1 and world.trace.events[0].t_end is not None, "it pinged")
        for _ in range(2):
            whole.cancel()
            await asyncio.sleep(0.02)
        with pytest.raises(asyncio.CancelledError):
            await whole

    asyncio.run(cancelled_twice())
    assert ended == ["a"]
    assert list(world.results) == ["a"]
    assert leftovers() == before


def test_a_real_world_says_when_nothing_listens() -> None:
    world = Real("redis://127.0.0.1:1/0")
    world.client("a", lambda: world.redis().ping())
    assert isinstance(world.run()["a"], redis.ConnectionError)
    with pytest.raises(ValueError, match="URL of at least one server"):
        Real()


def test_a_reply_that_never_comes_is_marked(servers: dict[str, Server]) -> None:
    """A paused server: the command is in the trace, with a fault, and redis-py's own error is the result."""
    for server in servers.values():
        world = Real(emptied(server), socket_timeout=0.2, retry=Retry(NoBackoff(), 0))

        async def body(redis: Redis, server: Server = server) -> None:
            await redis.ping()
            server.pause()
            await redis.incr("n")

        world.client("a", body, world.redis())
        try:
            assert isinstance(world.run()["a"], redis.TimeoutError)
        finally:
            server.resume()
        assert [(event.name, event.fault) for event in world.trace] == [("PING", None), ("INCRBY", "no reply")]
        assert world.trace.events[-1].t_end is None


def test_nodes_are_numbered_and_apart(servers: dict[str, Server]) -> None:
    worlds: list[World] = [Simulated(nodes=2), Embedded(nodes=2)]
    if len(servers) == 2:
        worlds.append(Real(*map(emptied, servers.values())))
    for world in worlds:
        world.client("a", lambda world=world: world.redis(0).set("k", "v"))
        world.client("b", lambda world=world: world.redis(1).get("k"), start=0.05)
        assert world.run() == {"a": True, "b": None}
        assert world.trace.nodes == ["redis0", "redis1"]


def test_more_clients_than_connections_wait_for_one(servers: dict[str, Server]) -> None:
    for server in servers.values():
        world = Real(emptied(server), connections=3)
        for number in range(40):
            world.client(f"c{number}", lambda world=world: world.redis().incr("n"))
        assert sorted(world.run().values()) == list(range(1, 41))
