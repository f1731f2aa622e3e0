"""audit finds every planted fault and no other; remove_versions never removes what is live, however it is disturbed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff, NoBackoff
from redis.exceptions import RedisError, ResponseError

from course_lib.errors import BadArgument
from course_lib.patterns.audit import Report, audit, remove_versions
from course_lib.patterns.keys import Generation, KeySchema
from course_lib.patterns.loadlock import lock_name
from course_lib.servers import Proxy, Server
from course_lib.sim import CRASHED, OneFault
from course_lib.sim.fake_server import Extension, Session
from course_lib.sim.faults import KINDS
from course_lib.sim.redis_client import SimRedis
from course_lib.worlds import Real, Simulated, World

from . import broken_keys
from .crowd import CancelledAt, alone, awaited

USERS = KeySchema("app", "user", version=2)
BOARDS = KeySchema("app", "board", version=12, hash_tag=True)
LIVE = [USERS, BOARDS, BOARDS.at(13)]
# Commands that hold the server up, or that delete in its main thread.
FORBIDDEN = {"KEYS", "FLUSHALL", "FLUSHDB", "DEL", "SMEMBERS", "HGETALL", "DUMP", "SORT", "SAVE", "DEBUG"}


async def plant(redis: Redis) -> set[tuple[str, str]]:
    """A keyspace with every fault on every type, and as much that has none; returns which key has which."""
    faults: set[tuple[str, str]] = set()
    big, small, types = "x" * 101, "x" * 100, ["string", "hash", "list", "set", "zset", "stream"]

    async def put(key: str, kind: str, size: int, ttl: int | None) -> None:
        if kind == "string":
            await redis.set(key, "é" * (size // 2) + "x" * (size % 2))
        for number in range(0 if kind == "string" else size):
            commands = {"hash": ("HSET", key, number, 1), "list": ("RPUSH", key, number), "set": ("SADD", key, number),
                        "zset": ("ZADD", key, number, number), "stream": ("XADD", key, "*", "n", number)}  # fmt: skip
            await redis.execute_command(*commands[kind])
        if ttl is not None:
            await redis.expire(key, ttl)

    assert len(big) == len(small) + 1
    for kind in types:
        bound = 100 if kind == "string" else 5
        await put(USERS.key(kind, "fine"), kind, bound, 600)
        await put(USERS.key(kind, "oversized"), kind, bound + 1, 600)
        await put(BOARDS.key(kind, "for ever".replace(" ", "-"), generation=3), kind, 1, None)
        await put(f"app:user:{kind}", kind, 1, 600)
        await put(USERS.at(1).key(kind), kind, 1, 600)
        await put(USERS.at(1).key(kind, "all", generation=2), kind, bound + 1, None)
        faults |= {(USERS.key(kind, "oversized"), "oversized"), (BOARDS.key(kind, "for-ever", generation=3), "no ttl"),
                   (f"app:user:{kind}", "unversioned"), (USERS.at(1).key(kind), "orphan version")}  # fmt: skip
        faults |= {
            (USERS.at(1).key(kind, "all", generation=2), fault) for fault in ("orphan version", "no ttl", "oversized")
        }
    await redis.set(b"bin\xff:v2:\x00", "x")  # type: ignore[arg-type]
    await redis.set(b"\xfe", "x", ex=600)
    faults |= {(r"bin\xff:v2:" + "\x00", "no ttl"), (r"\xfe", "unversioned")}
    await redis.set(BOARDS.at(13).key(7), "x", ex=600)  # both versions are live
    for key in ("shop:cart:v1:7", "v2:7", "shop:{v2}:7", "shop:v12", "shop:v2.13:7"):  # somebody else's, and versioned
        await redis.set(key, "x", ex=600)
    for key in ("shop:v2beta:7", "shop:dev2:7", "shop:v:7", "shop:v2.:7"):  # what only looks like a version
        await redis.set(key, "x", ex=600)
        faults.add((key, "unversioned"))
    await redis.set(lock_name(USERS.key(7)), "x", ex=600)  # bears the version of the key that it locks
    await Generation(redis, USERS).flush()  # the counters, of a live version and of an old one, live for ever
    await Generation(redis, USERS.at(1)).flush()
    return faults


@pytest.mark.parametrize("count", [1, 7, 500])
def test_an_audit_finds_every_planted_fault_and_no_other(world: World, count: int) -> None:
    """Of every type, in old versions and generations, in keys that are no text; counters and locks are fine."""

    async def body(redis: Redis) -> tuple[set[tuple[str, str]], Report, int, list[int]]:
        planted, seen = await plant(redis), list[int]()
        report = await audit(redis, LIVE, oversized=100, elements=5, count=count, progress=seen.append)
        return planted, report, await redis.dbsize(), seen

    planted, report, size, seen = alone(world, body)
    assert {(finding.key, finding.fault) for finding in report.findings} == planted
    assert report.keys == size == seen[-1]
    assert len(report.findings) == len(planted) == report.counts.total()
    assert report.counts == {fault: sum(f == fault for _, f in planted) for fault in {f for _, f in planted}}
    assert len(seen) >= size // count
    commands = [event.name for event in world.trace][-len(seen) * 3 :]
    assert not FORBIDDEN & set(commands)


def test_a_report_reads_as_a_table(world: World) -> None:
    """First the numbers, then a line for each finding; and one line when there is none."""

    async def body(redis: Redis) -> list[str]:
        await redis.set(USERS.key(7), "x", ex=600)
        fine = str(await audit(redis, [USERS]))
        await redis.rpush("queue", *range(3))
        return [fine, str(await audit(redis, [USERS], elements=2))]

    assert alone(world, body) == [
        "1 keys: no fault",
        "2 keys: 1 no ttl, 1 oversized, 1 unversioned\n"
        "no ttl          queue  list, 3 elements\n"
        "oversized       queue  list, 3 elements\n"
        "unversioned     queue  list, 3 elements",
    ]


class Refuses(Extension):
    """A server that does not let us use one command."""

    def __init__(self, command: bytes) -> None:
        self.command = command

    def answers(self, session: Session, command: list[bytes]) -> bool:
        if command[0].upper() == self.command:
            session.refuse("NOPERM this user has no permissions to run it")
        return command[0].upper() == self.command


@pytest.mark.parametrize("command", [b"TYPE", b"PTTL", b"STRLEN", b"UNLINK"])
def test_what_the_server_refuses_is_an_error_and_no_clean_bill(command: bytes) -> None:
    """Only a key that has changed its type meanwhile is passed over."""
    world = Simulated()
    world.nodes[0].extension = Refuses(command)

    async def body(redis: Redis) -> None:
        await redis.set(USERS.at(1).key(7), "x")
        with pytest.raises(ResponseError, match="no permissions to run it"):
            await (remove_versions(redis, USERS) if command == b"UNLINK" else audit(redis, [USERS]))

    alone(world, body)


def test_an_audit_of_nothing_finds_nothing(world: World) -> None:
    assert alone(world, lambda redis: audit(redis, [USERS])) == (0, {}, [])


def test_an_audit_writes_nothing(world: World) -> None:
    """Values, types and TTLs are afterwards what they were before."""

    async def body(redis: Redis) -> None:
        await plant(redis)

    alone(world, body)
    before = len(world.trace)
    world.client("auditor", audit, world.redis(), LIVE)
    world.run()
    reads = {"SCAN", "TYPE", "PTTL", "EXISTS", "STRLEN", "HLEN", "LLEN", "SCARD", "ZCARD", "XLEN"}
    assert {event.name for event in world.trace.events[before:]} <= reads


def test_keys_that_go_or_change_during_an_audit_do_no_harm() -> None:
    """Under 100 seeds: what stays is judged rightly, and what goes or changes its type meanwhile may be missed."""
    world = Simulated()

    async def disturb(redis: Redis) -> None:
        for number in range(40):
            await redis.delete(f"app:user:v1:gone{number}")
            await redis.delete("app:user:v1:turns")
            await (redis.set("app:user:v1:turns", "x") if number % 2 else redis.rpush("app:user:v1:turns", "x"))

    async def body(redis: Redis) -> set[tuple[str, str]]:
        report = await audit(redis, [USERS], count=5)
        return {(finding.key, finding.fault) for finding in report.findings}

    for seed in range(100):
        world.rewind(seed)
        nodes = world.redis()
        alone(
            world,
            lambda redis: redis.mset({f"app:user:v1:{name}{n}": "x" for name in ("gone", "stays") for n in range(40)}),
        )
        world.client("disturber", disturb, nodes)
        world.client("auditor", body, nodes)
        found = world.run()["auditor"]
        both = {"no ttl", "orphan version"}
        assert isinstance(found, set), found
        assert {one for one in found if "stays" in one[0]} == {
            (f"app:user:v1:stays{n}", f) for n in range(40) for f in both
        }
        assert {fault for _, fault in found} == both


class Repeating(SimRedis):
    """A server may name a key twice in one scan, while its table grows or shrinks: here it always does."""

    async def scan_iter(self, *arguments: Any, **named: Any) -> AsyncIterator[Any]:
        kept = []
        async for key in super().scan_iter(*arguments, **named):
            kept.append(key)
            yield key
        for key in kept:
            yield key


def test_what_a_scan_names_twice_is_found_once_and_removed_once() -> None:
    """SCAN promises each key at least once, no more."""

    async def body(redis: Redis) -> tuple[bool, int, int, int]:
        planted = await plant(redis)
        report = await audit(redis, LIVE, oversized=100, elements=5)
        once = sorted((finding.key, finding.fault) for finding in report.findings) == sorted(planted)
        return once, report.keys, await redis.dbsize(), await remove_versions(redis, USERS)

    once, seen, size, removed = alone(Simulated(client_class=Repeating), body)
    assert (once, seen, removed) == (True, 2 * size, 12)


@pytest.mark.parametrize("count", [0, -1, 10_001, float("nan")])
def test_a_count_that_would_hold_the_server_up_is_refused(count: int) -> None:
    for call in (lambda r: audit(r, [USERS], count=count), lambda r: remove_versions(r, USERS, count=count)):
        with pytest.raises(BadArgument, match="count is .*; accepted: 1 to 10,000"):
            alone(Simulated(), call)


def test_a_client_that_answers_in_bytes_is_refused() -> None:
    for call in (lambda r: audit(r, [USERS]), lambda r: remove_versions(r, USERS)):
        with pytest.raises(BadArgument, match="decode_responses=True"):
            alone(Simulated(decode_responses=False), call)


def test_no_error_but_a_changed_type_is_passed_over(server: Server) -> None:
    """A user that may not measure hashes must not be told that all is well."""

    async def body(redis: Redis) -> Report:
        await redis.hset("app:user:v2:7", "name", "Ann")
        await redis.execute_command("ACL", "SETUSER", "default", "-hlen")
        try:
            return await audit(redis, [USERS])
        finally:
            await redis.execute_command("ACL", "SETUSER", "default", "+@all")

    with pytest.raises(RedisError, match="(?i)permission"):
        alone(Real(server.url), body)


# -- remove_versions --------------------------------------------------------------------------------------------------

VERSIONS = (1, 2, 3, 11, 12, 13, 22)


def stock(each: int = 5) -> dict[str, int]:
    """Keys of seven versions, with and without generation, each with its version; and keys that are nobody's."""
    schema = KeySchema("app", "user")
    made = {schema.at(v).key(n, generation=g): v for v in VERSIONS for n in range(each) for g in (None, 4)}
    return made | dict.fromkeys(
        ("app:user:v1", "app:user:v12", "app:users:v1:7", "app:user:v1x:7", "app:user:v1:", "v1"), 0
    )


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        ({}, {1, 2, 3, 11}),
        ({"older_than": 12}, {1, 2, 3, 11}),
        ({"older_than": 3}, {1, 2}),
        ({"versions": [1]}, {1}),
        ({"versions": [1, 22]}, {1, 22}),
        ({"versions": [13], "older_than": 2}, {1, 13}),
        ({"versions": [99]}, set()),
        ({"versions": []}, set()),
        ({"older_than": 0}, set()),
        ({"older_than": 1}, set()),
    ],
)
def test_only_the_versions_that_were_named_go(world: World, options: dict[str, Any], gone: set[int]) -> None:
    """v1 is not v12; counters, other schemas' keys and keys nearly alike stay. A dry run says the same number."""
    keys, live = stock(), KeySchema("app", "user", version=12)

    async def body(redis: Redis) -> tuple[int, int, int, set[str], list[int]]:
        told: list[int] = []
        await redis.mset(dict.fromkeys(keys, "x"))
        dry = await remove_versions(redis, live, **options, dry_run=True)
        kept = await redis.dbsize()
        removed = await remove_versions(redis, live, **options, count=7, progress=told.append)
        return dry, kept, removed, {key async for key in redis.scan_iter()}, told

    dry, kept, removed, left, told = alone(world, body)
    assert left == {key for key, version in keys.items() if version not in gone}
    assert dry == removed == len(keys) - len(left) == told[-1]
    assert kept == len(keys)
    assert told == sorted(told)
    assert not FORBIDDEN & {event.name for event in world.trace}


def test_a_glob_alone_removes_a_live_version_and_keys_blocks() -> None:
    """The controls: without `parse`, v1* is v12 too; with KEYS and DEL the trace says so."""
    keys, live = stock(), KeySchema("app", "user", version=12)

    async def body(redis: Redis) -> set[str]:
        await redis.mset(dict.fromkeys(keys, "x"))
        await broken_keys.remove_at_once(redis, live, versions=[22])
        await broken_keys.remove_by_glob(redis, live, versions=[1])
        return {key async for key in redis.scan_iter()}

    world = Simulated()
    left = alone(world, body)
    assert [key for key, version in keys.items() if version == 12 and key not in left]
    assert FORBIDDEN & {event.name for event in world.trace} == {"KEYS", "DEL"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"older_than": 13}, "older_than is 13; accepted: at most 12, which is live"),
        ({"versions": [1, 12]}, r"versions is \[1, 12\]; accepted: others than 12, which is live"),
    ],
)
def test_the_live_version_cannot_be_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(BadArgument, match=said):
        alone(Simulated(), lambda redis: remove_versions(redis, KeySchema("app", "user", version=12), **options))


LIVE_USERS = KeySchema("app", "user", version=12)


def disturbed(world: Simulated, cancel_at: int = 0) -> Any:
    """A clean-up beside a writer; then, whatever became of it, another. Judge what is left; tell what became of it."""
    redis, draw, keys, written = world.redis(), world.draws("writer"), stock(3), set[str]()
    work = CancelledAt(remove_versions(redis, LIVE_USERS, count=5), cancel_at)

    async def write() -> None:
        for number in range(10):
            for version in (12, 13, 1):
                key = LIVE_USERS.at(version).key("new", number)
                written.add(key)
                await redis.set(key, "x")
            await asyncio.sleep(draw() * 0.002)

    async def left() -> set[str]:
        await remove_versions(redis, LIVE_USERS, count=5)
        return {key async for key in redis.scan_iter()}

    world.client("stock", redis.mset, dict.fromkeys(keys, "x"))
    world.run()
    world.client("writer", write)
    world.client("cleaner", awaited, work)
    first = world.run()["cleaner"]
    world.client("repeated", left)
    stay = {key for key, version in keys.items() if version not in {1, 2, 3, 11}}
    assert world.run()["repeated"] == stay | {key for key in written if ":v1:" not in key}
    return first


def test_a_clean_up_that_meets_any_fault_keeps_what_is_live_and_can_be_repeated() -> None:
    """Each kind of fault at each of its sends, beside a writer that goes on; what is left is right after the next."""
    became = set[str]()
    for kind in KINDS:
        fault, at = OneFault(kind, 1, 0.01, client="cleaner"), 0
        world = Simulated(faults=fault, socket_timeout=0.05, retry=Retry(ConstantBackoff(0.005), 10))
        while fault.sends >= at:
            at += 1
            fault.at = at
            world.rewind(at)
            first = disturbed(world)
            became.add(str(first) if first is CRASHED else type(first).__name__)
        assert at > 30
    assert became == {str(CRASHED), "int"}, "redis-py sends again what was lost; a crash is the end"


def test_a_clean_up_that_is_cancelled_keeps_what_is_live_and_can_be_repeated() -> None:
    """At each of its awaits."""
    world, at, first = Simulated(), 0, None
    while not isinstance(first, int):
        assert at == 0 or isinstance(first, asyncio.CancelledError)
        at += 1
        first = disturbed(world.rewind(at), cancel_at=at)
    assert at > 15


def test_a_clean_up_of_a_real_server_survives_a_reset_and_lost_messages(server: Server) -> None:
    """10,000 keys, and a writer of old and live versions meanwhile: no live key is lost, and no old one left."""
    keys = stock(700)

    async def body(redis: Redis) -> tuple[set[str], set[str]]:
        names, done, written = list(keys), asyncio.Event(), set[str]()
        for start in range(0, len(names), 2000):
            await redis.mset(dict.fromkeys(names[start : start + 2000], "x"))

        async def write() -> None:
            number = 0
            while not done.is_set():
                number += 1
                written.add(key := LIVE_USERS.key("new", number))
                await redis.mset({key: "x", LIVE_USERS.at(3).key("new", number): "x"})

        with Proxy(server.port) as proxy:
            cleaner = Redis.from_url(proxy.url, decode_responses=True, socket_timeout=0.5, retry=Retry(NoBackoff(), 0))
            faults = [proxy.reset, proxy.drop_request, proxy.drop_reply]

            def harm(removed: int) -> None:
                if removed > 300 and faults:
                    faults.pop()()

            writer, failed = asyncio.create_task(write()), 0
            async with cleaner:
                while True:
                    try:
                        await remove_versions(cleaner, LIVE_USERS, progress=harm)
                        break
                    except RedisError:
                        failed += 1
            done.set()
            await writer
            assert failed == 3
            assert faults == []
        await remove_versions(redis, LIVE_USERS)
        return {key async for key in redis.scan_iter(count=1000)}, written

    left, written = alone(Real(server.url), body)
    assert left == {key for key, version in keys.items() if version not in {1, 2, 3, 11}} | written


class Outdated(SimRedis):
    """A key that SCAN names, and that is gone when its type is asked for."""

    async def scan_iter(self, *arguments: Any, **named: Any) -> AsyncIterator[Any]:
        async for key in super().scan_iter(*arguments, **named):
            yield key
        yield b"app:user:gone"


def test_a_key_that_went_after_the_scan_is_not_reported() -> None:
    """It had no version; there is nothing left to be mended."""
    world = Simulated()

    redis = world.redis()
    redis.__class__ = Outdated

    async def body() -> Report:
        await redis.set("app:user:here", "x")
        return await audit(redis, [USERS])

    world.client("auditor", body)
    report = world.run()["auditor"]
    assert {finding.key for finding in report.findings} == {"app:user:here"}
    assert report.counts == {"no ttl": 1, "unversioned": 1}
