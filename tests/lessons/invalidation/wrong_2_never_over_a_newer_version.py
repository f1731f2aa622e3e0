"""Wrong programs for 06.2, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError, WatchError

SCRIPT = """
local held = redis.call('HGET', KEYS[1], 'version')
{look}
{write}
return {stored}"""
LOOK = "if {newer} then return {refused} end"
NEWER = "held and tonumber(held) > tonumber(ARGV[1])"
CLEAR, FIELDS = "redis.call('DEL', KEYS[1])", "redis.call('HSET', KEYS[1], unpack(ARGV, 3))"
LIFE = "redis.call('PEXPIRE', KEYS[1], ARGV[2])"
HASH = "\n".join([CLEAR, FIELDS, LIFE])


def fields_of(version: int, page: Any) -> list[Any]:
    return ["version", version] if page is None else ["version", version, "page", page]


def with_the_blanks(
    newer: str = NEWER, write: str = HASH, fields: Any = fields_of, *, refused: str = "0", stored: str = "1",
    life: Any = lambda ttl: round(ttl * 1000), told: Any = lambda reply: reply == 1, place: str = "{}",
) -> Any:  # fmt: skip
    """The answer with these in its blanks, and with what was given done otherwise; by default as it should be."""
    script = SCRIPT.format(look=LOOK.format(newer=newer, refused=refused), write=write, stored=stored)

    async def store(redis: Any, key: str, version: int, page: Any, *, ttl: float) -> Any:
        arguments = [version, life(ttl), *fields(version, page)]
        return told(await redis.eval(script, 1, place.format(key), *arguments))

    return store


async def looks_then_writes(redis: Any, key: str, version: int, page: Any, *, ttl: float) -> bool:
    held = await redis.hget(key, "version")
    if held is not None and int(held) > version:
        return False
    async with redis.pipeline() as pipe:
        pipe.delete(key)
        pipe.hset(key, mapping={"version": version} | ({} if page is None else {"page": page}))
        pipe.pexpire(key, round(ttl * 1000))
        await pipe.execute()
    return True


WRONG = [
    ("stores-none", with_the_blanks(fields=lambda version, page: ["version", version, "page", str(page)])),
    ("empty-is-a-mark", with_the_blanks(fields=lambda version, page: fields_of(version, page or None))),
    ("compares-texts", with_the_blanks("held and held > ARGV[1]")),
    ("refuses-its-equal", with_the_blanks("held and tonumber(held) >= tonumber(ARGV[1])")),
    ("only-if-missing", with_the_blanks("held")),
    ("takes-everything", with_the_blanks("false")),
    ("keeps-the-old-page", with_the_blanks(write=f"{FIELDS}\n{LIFE}")),
    ("wrong-unit", with_the_blanks(write=f"{CLEAR}\n{FIELDS}\nredis.call('EXPIRE', KEYS[1], ARGV[2])")),
    ("never-expires", with_the_blanks(write=f"{CLEAR}\n{FIELDS}")),
    ("looks-then-writes", looks_then_writes),
]

# -- subtly wrong ------------------------------------------------------------------------------------------------------


async def watches_too_late(redis: Any, key: str, version: int, page: Any, *, ttl: float) -> bool:
    held = await redis.hget(key, "version")
    if held is not None and int(held) > version:
        return False
    async with redis.pipeline() as pipe:
        await pipe.watch(key)
        pipe.multi()
        pipe.delete(key)
        pipe.hset(key, mapping={"version": version} | ({} if page is None else {"page": page}))
        pipe.pexpire(key, round(ttl * 1000))
        await pipe.execute()
    return True


async def gives_up_on_watch(redis: Any, key: str, version: int, page: Any, *, ttl: float) -> bool:
    async with redis.pipeline() as pipe:
        await pipe.watch(key)
        held = await pipe.hget(key, "version")
        if held is not None and int(held) > version:
            return False
        pipe.multi()
        pipe.delete(key)
        pipe.hset(key, mapping={"version": version} | ({} if page is None else {"page": page}))
        pipe.pexpire(key, round(ttl * 1000))
        await pipe.execute()
    return True


async def watches_ten_times(redis: Any, key: str, version: int, page: Any, *, ttl: float) -> bool:
    for _ in range(10):
        with suppress(WatchError):
            return await gives_up_on_watch(redis, key, version, page, ttl=ttl)
    raise TimeoutError("too many others")


HELD = asyncio.Lock


async def one_at_a_time_here(redis: Any, key: str, version: int, page: Any, *, ttl: float) -> bool:
    """A lock of one process keeps nobody out who is in another."""
    lock = vars(one_at_a_time_here).setdefault("lock", HELD())
    async with lock:
        return await looks_then_writes(redis, key, version, page, ttl=ttl)


async def in_two_scripts(redis: Any, key: str, version: int, page: Any, *, ttl: float) -> bool:
    """The TTL comes a round trip later."""
    if not await with_the_blanks(write=f"{CLEAR}\n{FIELDS}")(redis, key, version, page, ttl=ttl):
        return False
    await redis.pexpire(key, round(ttl * 1000))
    return True


async def clears_first(redis: Any, key: str, version: int, page: Any, *, ttl: float) -> bool:
    held = await redis.hget(key, "version")
    if held is None or int(held) <= version:
        await redis.delete(key)
    return bool(await with_the_blanks()(redis, key, version, page, ttl=ttl))


async def swallows_errors(redis: Any, key: str, version: int, page: Any, *, ttl: float) -> Any:
    with suppress(RedisError):
        return await with_the_blanks()(redis, key, version, page, ttl=ttl)
    return False


async def twice_and_silent(redis: Any, key: str, version: int, page: Any, *, ttl: float) -> bool:
    for _ in range(2):
        with suppress(RedisError):
            return bool(await with_the_blanks()(redis, key, version, page, ttl=ttl))
    return False


UNTIL: dict[str, tuple[int, float]] = {}


async def remembers_what_is_held(redis: Any, key: str, version: int, page: Any, *, ttl: float) -> bool:
    """The process knows what it has stored, and not what has become of it."""
    now = asyncio.get_running_loop().time()
    held, until = UNTIL.get(key, (0, 0.0))
    if now < until and held > version:
        return False
    stored = bool(await with_the_blanks()(redis, key, version, page, ttl=ttl))
    if stored:
        UNTIL[key] = version, now + ttl
    return stored


LONGEST = f"""
local left = math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[2]))
{CLEAR}
{FIELDS}
redis.call('PEXPIRE', KEYS[1], left)"""
SAME = "held == ARGV[1] and redis.call('HGET', KEYS[1], 'page') == (ARGV[6] or false)"
MARK = "redis.call('SET', KEYS[1] .. ':version', ARGV[1], 'PX', ARGV[2])"
SUBTLE: list[tuple[Any, ...]] = [
    ("watches too late", "race", watches_too_late),
    ("gives up on WATCH", "race", gives_up_on_watch),
    ("gives up on WATCH at the tenth", "race", watches_ten_times),
    ("one at a time here", "race", one_at_a_time_here, "looks-then-writes"),
    ("its TTL in a second step", "life", in_two_scripts),
    ("clears first", "race", clears_first),
    ("swallows errors", "errors", swallows_errors),
    ("tries again, and swallows them", "errors", twice_and_silent),
    ("whole seconds", "life", with_the_blanks(life=lambda ttl: max(1, int(ttl)) * 1000)),
    ("a second more", "life", with_the_blanks(life=lambda ttl: round(ttl * 1000) + 1000)),
    ("a refused one lengthens", "newer", with_the_blanks(
        f"{NEWER} and redis.call('PEXPIRE', KEYS[1], ARGV[2])")),
    ("a refused one goes up", "newer",
     with_the_blanks(f"{NEWER} and redis.call('HSET', KEYS[1], 'version', held + 1)")),
    ("a mark is never replaced", "newer", with_the_blanks(
        f"{NEWER} or held and redis.call('HEXISTS', KEYS[1], 'page') == 0 and held == ARGV[1]"),
     "refuses-its-equal"),
    ("a mark replaces nothing", "newer", with_the_blanks(f"{NEWER} or held and not ARGV[5]")),
    ("always true", "told", with_the_blanks(told=lambda reply: True)),
    ("the wrong way round", "told", with_the_blanks(told=lambda reply: reply == 0)),
    ("nothing is returned", "told", with_the_blanks(told=lambda reply: None)),
    ("a text is returned", "told", with_the_blanks(told=str)),
    ("an empty page beside a mark", "whole", with_the_blanks(
        fields=lambda version, page: ["version", version, "page", page or ""])),
    ("one field more", "whole", with_the_blanks(
        fields=lambda version, page: [*fields_of(version, page), "mark", int(page is None)])),
    ("a key beside it", "whole", with_the_blanks(write=f"{HASH}\n{MARK}")),
    ("another key", "newer", with_the_blanks(place="page:{}")),
    ("its length first", "newer", with_the_blanks(
        "held and (#held > #ARGV[1] or (#held == #ARGV[1] and held >= ARGV[1]))"), "refuses-its-equal"),
    ("in fifteen digits", "newer", with_the_blanks(
        "held and string.rep('0', 15 - #held)..held > string.rep('0', 15 - #ARGV[1])..ARGV[1]")),
    ("the last digits", "newer", with_the_blanks(
        "held and tonumber(string.sub(held, -3)) > tonumber(string.sub(ARGV[1], -3))")),
    ("in 32 bits", "newer", with_the_blanks(
        "held and math.min(tonumber(held), 2147483647) > math.min(tonumber(ARGV[1]), 2147483647)")),
    ("remembers what is held", "newer", remembers_what_is_held),
    ("the same again lives no longer", "newer", with_the_blanks(write=f"if {SAME} then return 1 end\n{HASH}")),
    ("a longer life is kept", "life", with_the_blanks(write=LONGEST)),
    ("a life of 32 bits", "life", with_the_blanks(life=lambda ttl: min(2**31 - 1, round(ttl * 1000)))),
    ("at least 100 ms", "life", with_the_blanks(life=lambda ttl: max(100, round(ttl * 1000)))),
    ("without blanks at its ends", "whole", with_the_blanks(
        fields=lambda version, page: fields_of(version, page and page.strip()))),
    ("in ASCII", "whole", with_the_blanks(
        fields=lambda version, page: fields_of(version, page and page.encode("ascii", "replace").decode()))),
    ("stripped", "whole", with_the_blanks(
        fields=lambda version, page: fields_of(version, page and page.replace(", ", ",")))),
]  # fmt: skip
