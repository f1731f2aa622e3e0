"""Wrong programs for 07.1, each with one mistake, named as the check must name it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, WatchError

MOVE = "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('RENAME', KEYS[1], KEYS[2]) end"
USER, LIFE = "redis.call('HSET', KEYS[2], 'user', ARGV[1])", "redis.call('PEXPIRE', KEYS[2], ARGV[2])"


def key_of(id: str) -> str:
    return f"app:session:{id}"


def with_the_blank(
    move: str = MOVE, *, user: str = USER, life: str = LIFE, ms: Any = lambda idle: round(idle * 1000),
    key: Any = key_of,
    new: Any = lambda old, new_id: new_id(), told: Any = lambda new: new, cookie: Any = lambda old: old,
    who: Any = lambda user: user,
) -> Any:  # fmt: skip
    """The answer with this in its blank, and with one more thing done otherwise; by default as it should be."""
    script = "\n".join([move, user, life])

    async def log_in(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> Any:
        id = new(old, new_id)
        await redis.eval(script, 2, key(cookie(old)), key(id), who(user), ms(idle))
        return told(id)

    return log_in


async def step_by_step(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> str:
    new: str = new_id()
    if await redis.exists(key_of(old)):
        await redis.rename(key_of(old), key_of(new))
    await redis.hset(key_of(new), "user", user)
    await redis.pexpire(key_of(new), round(idle * 1000))
    return new


async def copies_step_by_step(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> str:
    new: str = new_id()
    held = await redis.hgetall(key_of(old))
    async with redis.pipeline() as pipe:
        pipe.hset(key_of(new), mapping=held | {"user": user})
        pipe.pexpire(key_of(new), round(idle * 1000))
        await pipe.execute()
    await redis.delete(key_of(old))
    return new


WRONG = [
    ("same-id", with_the_blank("", new=lambda old, new_id: old or new_id())),
    ("same-id", with_the_blank("", new=lambda old, new_id: new_id() if old in ("", "nobody:{1}") else old)),
    ("no-such-key", with_the_blank("redis.call('RENAME', KEYS[1], KEYS[2])")),
    ("no-such-key", with_the_blank("if redis.call('EXISTS', KEYS[1]) then redis.call('RENAME', KEYS[1], KEYS[2]) end")),
    ("old-lives", with_the_blank("redis.call('COPY', KEYS[1], KEYS[2])")),
    ("loses-the-basket", with_the_blank("redis.call('DEL', KEYS[1])")),
    ("loses-the-basket", with_the_blank("")),
    ("step-by-step", step_by_step),
    ("step-by-step", copies_step_by_step),
]

# -- subtly wrong ------------------------------------------------------------------------------------------------------


async def read_before_the_transaction(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> str:
    """Two with one cookie both read the basket."""
    new: str = new_id()
    held = await redis.hgetall(key_of(old))
    async with redis.pipeline() as pipe:
        pipe.delete(key_of(old))
        pipe.hset(key_of(new), mapping=held | {"user": user})
        pipe.pexpire(key_of(new), round(idle * 1000))
        await pipe.execute()
    return new


async def deletes_afterwards(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> str:
    new: str = await with_the_blank("redis.call('COPY', KEYS[1], KEYS[2])")(redis, old, user, idle=idle, new_id=new_id)
    await redis.delete(key_of(old))
    return new


async def renames_in_a_pipeline(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> str:
    """If another was quicker, RENAME fails, and so does the log-in."""
    new: str = new_id()
    there = await redis.exists(key_of(old))
    async with redis.pipeline() as pipe:
        if there:
            pipe.rename(key_of(old), key_of(new))
        pipe.hset(key_of(new), "user", user)
        pipe.pexpire(key_of(new), round(idle * 1000))
        await pipe.execute()
    return new


async def a_new_id_each_time(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> Any:
    """redis-py makes a WatchError of a reply that is lost: the basket is under the first id then."""
    while True:
        new = new_id()
        async with redis.pipeline() as pipe:
            with suppress(WatchError):
                await pipe.watch(key_of(old))
                held = await pipe.hgetall(key_of(old))
                pipe.multi()
                pipe.delete(key_of(old))
                pipe.hset(key_of(new), mapping=held | {"user": user})
                pipe.pexpire(key_of(new), round(idle * 1000))
                await pipe.execute()
                return new


async def says_nothing(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> str:
    new: str = new_id()
    with suppress(RedisError):
        await with_the_blank()(redis, old, user, idle=idle, new_id=lambda: new)
    return new


async def twice_and_silent(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> str:
    new: str = new_id()
    for _ in range(2):
        with suppress(RedisError):
            return await with_the_blank()(redis, old, user, idle=idle, new_id=lambda: new)  # type: ignore[no-any-return]
    return new


async def without_a_session(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> Any:
    try:
        return await with_the_blank()(redis, old, user, idle=idle, new_id=new_id)
    except RedisConnectionError:
        return None


async def remembers(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> Any:
    """It notes beside the new session which one it was."""
    new = await with_the_blank()(redis, old, user, idle=idle, new_id=new_id)
    await redis.set(f"app:session:{new}:was", old, px=round(idle * 1000))
    return new


async def tries_twice(redis: Any, old: str, user: str, *, idle: float, new_id: Any) -> Any:
    """With WATCH; other requests change the session all the while."""
    new = new_id()
    for _ in range(2):
        async with redis.pipeline() as pipe:
            with suppress(WatchError):
                await pipe.watch(key_of(old))
                held = await pipe.hgetall(key_of(old))
                pipe.multi()
                pipe.delete(key_of(old))
                pipe.hset(key_of(new), mapping={**held, "user": user})
                pipe.pexpire(key_of(new), round(idle * 1000))
                await pipe.execute()
                break
    return new


NIL = "if redis.call('HGET', KEYS[1], 'Moby-Dick') then redis.call('RENAME', KEYS[1], KEYS[2]) end"
RENAME = "redis.call('RENAME', KEYS[1], KEYS[2])"
UNKNOWN = f"if redis.call('EXISTS', KEYS[1]) == 1 and not redis.call('HGET', KEYS[1], 'user') then {RENAME} end"
FIRST = """
local held = redis.call('HGETALL', KEYS[1])
if #held > 0 then redis.call('HSET', KEYS[2], unpack(held, 1, 2)) redis.call('DEL', KEYS[1]) end"""
BACK = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('COPY', KEYS[1], KEYS[2]) redis.call('HDEL', KEYS[1], 'user')
end"""
SUBTLE = [
    ("a new id that nobody is told", "new", with_the_blank(told=lambda new: f"{new}'")),
    ("the old id is returned", "new", with_the_blank(new=lambda old, new_id: new_id(), told=lambda new: None)),
    ("two new ids", "new", with_the_blank(new=lambda old, new_id: (new_id(), new_id())[0], told=lambda new: new[::-1])),
    ("keeps whoever was logged in", "new", with_the_blank(user="redis.call('HSETNX', KEYS[2], 'user', ARGV[1])")),
    ("in small letters", "new", with_the_blank(who=lambda user: user.lower())),
    ("only what has a book", "new", with_the_blank(NIL)),
    ("only what has two fields", "new", with_the_blank(
        "if redis.call('HLEN', KEYS[1]) > 1 then redis.call('RENAME', KEYS[1], KEYS[2]) end")),
    ("only visitors", "new", with_the_blank(UNKNOWN)),
    ("two fields", "new", with_the_blank(FIRST)),
    ("no prefix", "new", with_the_blank(key=lambda id: f"session:{id}")),
    ("a cookie without spaces", "new", with_the_blank(cookie=lambda old: old.replace(" ", ""))),
    ("a cookie up to a colon", "new", with_the_blank(cookie=lambda old: old.partition(":")[0])),
    ("the rest stays", "dead", with_the_blank(BACK), "old-lives"),
    ("deletes afterwards", "whole", deletes_afterwards, "step-by-step"),
    ("reads before", "whole", read_before_the_transaction),
    ("renames in a pipeline", "whole", renames_in_a_pipeline),
    ("a new id each time", "whole", a_new_id_each_time),
    ("a note beside it", "whole", remembers),
    ("whole seconds", "life", with_the_blank(ms=lambda idle: max(1, int(idle)) * 1000)),
    ("in seconds", "life", with_the_blank(life="redis.call('EXPIRE', KEYS[2], ARGV[2])")),
    ("only if it has none", "life", with_the_blank(life="redis.call('PEXPIRE', KEYS[2], ARGV[2], 'NX')")),
    ("only longer", "life", with_the_blank(life="redis.call('PEXPIRE', KEYS[2], ARGV[2], 'GT')")),
    ("forever", "life", with_the_blank(life="redis.call('PERSIST', KEYS[2])")),
    ("tries twice", "new", tries_twice),
    ("says nothing", "errors", says_nothing),
    ("tries again, and says nothing", "errors", twice_and_silent),
    ("no session where it failed", "errors", without_a_session),
]  # fmt: skip
