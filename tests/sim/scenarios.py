"""Small programs that between them use every part of the simulation; TTLs are wide, so a real server agrees on them.

Each adds clients to a world. `ALL` holds them by name, `FAULTS` what may go wrong meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError, WatchError

from course_lib.sim import Faults, OneFault, RandomFaults, Simulation
from course_lib.worlds import World

Scenario = Callable[[World], None]

LIMIT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if count > tonumber(ARGV[1]) then return {0, redis.call('PTTL', KEYS[1]) > 0 and 1 or 0} end
return {1, count}
"""
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
PAIRS = "local t = {} for k in pairs({a = 1, b = 2, c = 3, d = 4, e = 5}) do t[#t + 1] = k end return t"
MIXED = """
local seen = {}
for name, value in pairs({a = 1, b = 2, c = 3, d = 4, e = 5}) do seen[#seen + 1] = name .. value end
local json = cjson.encode({list = {1, 2, {}}, text = ARGV[1]})
table.sort(seen)
return {seen, json, cjson.decode(json).list[2], tostring(math.random()), math.random(100), redis.sha1hex('a')}
"""


def counter(world: World) -> None:
    """GET, then SET: updates are lost."""

    async def body(redis: Redis) -> None:
        for _ in range(3):
            value = int(await redis.get("count") or 0)
            await redis.set("count", value + 1)

    for number in range(5):
        world.client(f"c{number}", body, world.redis(), start=world.draws("start")() * 0.01)


def lock(world: World) -> None:
    """SET NX PX with a token, a Lua release, and retries after random pauses."""

    async def body(redis: Redis, name: str) -> int:
        draw, won = world.draws(name), 0
        for _ in range(20):
            if await redis.set("lock", name, nx=True, px=10_000):
                await asyncio.sleep(0.005 + 0.01 * draw())
                won += await redis.eval(RELEASE, 1, "lock", name)
            await asyncio.sleep(0.02 * draw())
        return won

    for number in range(4):
        world.client(f"c{number}", body, world.redis(), f"c{number}")


def fencing(world: World) -> None:
    """A lock whose token only grows, and a resource that refuses an old one."""

    async def body(redis: Redis, name: str) -> list[int]:
        draw, accepted = world.draws(name), []
        for _ in range(8):
            if await redis.set("lock", name, nx=True, px=20_000):
                token = await redis.incr("token")
                await asyncio.sleep(0.01 * draw())
                if int(await redis.get("newest") or 0) < token:
                    await redis.set("newest", token)
                    accepted.append(token)
                await redis.eval(RELEASE, 1, "lock", name)
            await asyncio.sleep(0.02 * draw())
        return accepted

    for number in range(3):
        world.client(f"c{number}", body, world.redis(), f"c{number}")


def limiter(world: World) -> None:
    """A fixed window in Lua, by EVALSHA with its fallback to EVAL."""

    async def body(redis: Redis, name: str) -> int:
        draw, script = world.draws(name), redis.register_script(LIMIT)
        admitted = 0
        for _ in range(6):
            admitted += (await script(keys=["window"], args=[10, 60_000]))[0]
            await asyncio.sleep(0.005 * draw())
        return admitted

    for number in range(4):
        world.client(f"c{number}", body, world.redis(), f"c{number}")


def blocking(world: World) -> None:
    """BLPOP, BRPOPLPUSH and BZPOPMIN by several, and one that waits in vain."""

    async def worker(redis: Redis, name: str) -> int:
        done = 0
        while (job := await redis.blpop(["jobs", "more"], timeout=2)) is not None:
            await redis.rpush("done", f"{name}:{job[1]}")
            done += 1
        return done

    async def producer(redis: Redis) -> Any:
        await asyncio.sleep(0.05)
        for number in range(9):
            await redis.rpush("jobs" if number % 2 else "more", number)
        await redis.lpush("from", "x")
        await redis.zadd("scores", {"a": 2, "b": 1})
        return await redis.bzpopmin("scores", timeout=1)

    for number in range(4):
        world.client(f"w{number}", worker, world.redis(), f"w{number}", start=0.001 * number)
    world.client("mover", lambda: world.redis().brpoplpush("from", "to", timeout=3))
    world.client("producer", producer, world.redis())


def streams(world: World) -> None:
    """A consumer group with XREADGROUP BLOCK, acknowledgements, and one consumer that forgets its own."""

    async def producer(redis: Redis) -> None:
        await redis.xgroup_create("stream", "group", mkstream=True)
        for number in range(6):
            await redis.xadd("stream", {"n": number})
            await asyncio.sleep(0.01)

    async def consumer(redis: Redis, name: str, acknowledges: bool) -> list[Any]:
        await asyncio.sleep(0.015)
        seen: list[Any] = []
        for _ in range(4):
            for _, entries in await redis.xreadgroup("group", name, {"stream": ">"}, count=1, block=200) or []:
                seen += [fields for _, fields in entries]
                if acknowledges:
                    await redis.xack("stream", "group", *(entry for entry, _ in entries))
        pending = await redis.xpending("stream", "group")
        return [seen, pending["pending"]]

    world.client("producer", producer, world.redis())
    for name, acknowledges in (("careful", True), ("hasty", False), ("third", True)):
        world.client(name, consumer, world.redis(), name, acknowledges)


def pubsub(world: World) -> None:
    """Two channels, a pattern, and a subscriber that leaves."""

    async def subscriber(redis: Redis, name: str) -> list[Any]:
        heard: list[Any] = []
        async with redis.pubsub() as channel:
            await channel.subscribe("news", "other")
            if name == "s1":
                await channel.psubscribe("n*")
            while len(heard) < 7:
                message = await channel.get_message(timeout=1)
                if message is None:
                    break
                heard.append((message["type"], message["channel"], message["data"]))
            await channel.unsubscribe("other")
            heard.append((await channel.get_message(timeout=1) or {}).get("type"))
        return heard

    async def publisher(redis: Redis) -> list[int]:
        await asyncio.sleep(0.1)
        return [
            await redis.publish(channel, number) for number, channel in enumerate(["news", "other", "none", "news"])
        ]

    for number in range(3):
        world.client(f"s{number}", subscriber, world.redis(), f"s{number}")
    world.client("publisher", publisher, world.redis())


def transactions(world: World) -> None:
    """WATCH, MULTI and EXEC until it succeeds; a pipeline without a transaction; a command that fails inside."""

    async def add(redis: Redis) -> int:
        for attempt in range(20):
            async with redis.pipeline() as pipe:
                try:
                    await pipe.watch("sum")
                    value = int(await pipe.get("sum") or 0)
                    pipe.multi()
                    pipe.set("sum", value + 1).rpush("log", value)
                    await pipe.execute()
                    return attempt
                except WatchError:
                    continue
        return -1

    async def fails(redis: Redis) -> list[Any]:
        await redis.set("text", "x")
        pipe = redis.pipeline(transaction=False).incr("text").get("text").lpush("text", 1)
        loose = await pipe.execute(raise_on_error=False)
        tight = await redis.pipeline().incr("text").get("text").execute(raise_on_error=False)
        return [*map(str, loose), *map(str, tight)]

    for number in range(4):
        world.client(f"c{number}", add, world.redis())
    world.client("fails", fails, world.redis())


def sets(world: World) -> None:
    """Sets, random members, sorted sets, hashes, a scan."""

    async def body(redis: Redis) -> list[Any]:
        await redis.sadd("s", *(f"m{number}" for number in range(20)))
        await redis.sadd("t", *(f"m{number}" for number in range(0, 40, 3)))
        out: list[Any] = [await redis.spop("s"), await redis.srandmember("s", 3), await redis.randomkey()]
        out += [sorted(await redis.sinter("s", "t")), sorted(await redis.sunion("s", "t")), await redis.scard("s")]
        out += [sorted(await redis.smembers("s")), sorted(await redis.sdiff("s", "t"))]  # redis-py makes sets of them
        out += [[key async for key in redis.scan_iter()], await redis.eval(PAIRS, 0)]
        return out

    world.client("a", body, world.redis())


def tables(world: World) -> None:
    """Hashes and sorted sets, whose order a real server keeps as well."""

    async def body(redis: Redis, name: str) -> list[Any]:
        draw = world.draws(name)
        for number in range(5):
            await redis.hset("h", mapping={f"{name}{number}": round(draw() * 100), "last": name})
            await redis.zincrby("board", round(draw() * 8) / 4, f"player{round(draw() * 3)}")
        await redis.hincrby("h", "n", 2)
        out: list[Any] = [await redis.hlen("h"), await redis.hget("h", "last"), await redis.hgetall("h")]
        out += [await redis.zrange("board", 0, -1, withscores=True, desc=True), await redis.zrank("board", "player1")]
        out += [await redis.zrangebyscore("board", 1, 3), await redis.zcount("board", "-inf", "+inf")]
        return out

    for name in ("a", "b"):
        world.client(name, body, world.redis(), name)


def scripts(world: World) -> None:
    """Lua: tables, JSON, random numbers, errors of every sort, and what the next script sees of them."""

    async def body(redis: Redis) -> list[Any]:
        out: list[Any] = []
        for script in (
            MIXED, "x = 1", "return y", "error('no')", "error({err = 'MY own'})", "return {err = 'PLAIN text'}",
            "redis.call('SET', 'k', 'v') return redis.call('LPUSH', 'k', 1)", "return redis.pcall('LPUSH', 'k', 1).err",
            "redis.call('NOSUCH')", "redis.call('GET')", "this is no Lua", "return 3.99", "return {1, nil, 3}",
            "return {true, false, 'x', {}}", "return redis.call('GET', 'none')", "return redis.status_reply('FINE')",
            "string.format = nil", "return string.format('%05.1f', 3.14159)",
            "return cjson.encode({a = {}, b = 'x/y'})",
        ):  # fmt: skip
            try:
                out.append(await redis.eval(script, 1, "key", "argument"))
            except ResponseError as error:
                out.append(str(error))
        return out

    world.client("a", body, world.redis())


def times(world: World) -> None:
    """TTLs that run out, TIME, and blocking commands that do."""

    async def body(redis: Redis) -> list[Any]:
        await redis.set("k", "v", px=300)
        await redis.hset("h", "f", "v")
        out: list[Any] = [await redis.pttl("k"), await redis.ttl("none"), await redis.ttl("h")]
        out += [await redis.set("k", "w", keepttl=True), await redis.expire("h", 100, nx=True)]
        await asyncio.sleep(1)
        out += [await redis.get("k"), await redis.exists("h"), await redis.time()]
        out += [await redis.blpop(["none"], timeout=0.25), await redis.xread({"none": "$"}, block=250)]
        return out

    for number in range(2):
        world.client(f"c{number}", body, world.redis(), start=0.2 * number)


def together(world: World) -> None:
    """Several tasks of one client: a group, a time-out, a wait; cancelled ones among them."""

    async def body(redis: Redis) -> list[Any]:
        async with asyncio.TaskGroup() as group:
            counts = [group.create_task(redis.incr("n")) for _ in range(4)]
        waiting = asyncio.ensure_future(redis.blpop(["never"], timeout=0))
        await asyncio.sleep(0.01)
        waiting.cancel()
        done, _ = await asyncio.wait([asyncio.ensure_future(redis.incr("m")) for _ in range(3)])
        try:
            async with asyncio.timeout(0.5):
                await redis.blpop(["never"], timeout=0)
        except TimeoutError:
            pass
        return [sorted(task.result() for task in counts), sorted(task.result() for task in done), await redis.get("n")]

    for number in range(2):
        world.client(f"c{number}", body, world.redis(), start=0.001 * number)


ALL: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        *(counter, lock, fencing, limiter, blocking, streams, pubsub),
        *(transactions, sets, tables, scripts, times, together),
    )
}  # fmt: skip

FAULTS: dict[str, Callable[[], Faults | None]] = {
    "none": lambda: None,
    "crash": lambda: OneFault("crash", 7),
    "pause": lambda: OneFault("pause", 5, seconds=0.5),
    "lose request": lambda: OneFault("lose request", 6),
    "lose reply": lambda: OneFault("lose reply", 4),
    "node down": lambda: OneFault("node down", 9, seconds=0.2),
    "clock step": lambda: OneFault("clock step", 8, seconds=5.0),
    "all": lambda: RandomFaults(
        pause=0.03, lose_reply=0.03, lose_request=0.03, node_down=0.01, crash=0.01, seconds=0.3
    ),
}


def play(scenario: str, seed: int, faults: str = "none", world: Simulation | None = None, **options: Any) -> Simulation:
    """Run a scenario in a new world, or in one that is rewound."""
    if world is None:
        world = Simulation(seed, faults=FAULTS[faults](), socket_timeout=options.pop("socket_timeout", 5.0), **options)
    else:
        world.rewind(seed)
    ALL[scenario](world)
    world.run()
    return world
