"""Programs that the exercises of lesson 02 are about. Each says on its first line what is right or wrong."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

Profile = dict[str, str]
Load = Callable[[str], Awaitable[Profile]]
Save = Callable[[str, Profile], Awaitable[None]]

OLD_KEY, NEW_KEY = "app:user:profile:v1:{}", "app:user:profile:v2:{}"


class ProfilesV1:
    """Version 1, as it has run for years: a profile has one name. No deploy can change it any more."""

    def __init__(self, redis: Redis, load: Load, save: Save, *, ttl: float) -> None:
        self.redis, self.load, self.save, self.ttl = redis, load, save, ttl

    async def read(self, user: str) -> str:
        """The user's name."""
        key = OLD_KEY.format(user)
        stored = await self.redis.get(key)
        if stored is None:
            profile = await self.load(user)
            stored = json.dumps({"name": f"{profile['first']} {profile['last']}"})
            await self.redis.set(key, stored, px=round(self.ttl * 1000))
        return str(json.loads(stored)["name"])


# -- 02.5: version 2 warms its keys with what version 1 has stored -----------------------------------------------------


def converted(stored: str) -> str:
    """A profile of version 1, in the shape of version 2."""
    first, _, last = json.loads(stored)["name"].partition(" ")
    return json.dumps({"first": first, "last": last})


async def copies_forward(redis: Redis, user: str, load: Load, *, ttl: float) -> Any:
    """Wrong: between its look at version 1's key and its own SET, a writer may have deleted both keys."""
    old, new = OLD_KEY.format(user), NEW_KEY.format(user)
    stored = await redis.get(new)
    if stored is None:
        warm = await redis.get(old)
        stored = json.dumps(await load(user)) if warm is None else converted(str(warm))
        await redis.set(new, stored, px=round(ttl * 1000))
    return json.loads(stored)


# KEYS: version 1's key, version 2's. ARGV: TTL in ms. Returns version 2's value, or nil if neither is there.
# Atomic, because a writer who deletes both keys must find either no copy or the whole of it.
COPY = """
local stored = redis.call('GET', KEYS[2])
if stored then return stored end
local warm = redis.call('GET', KEYS[1])
if not warm then return nil end
local first, last = string.match(cjson.decode(warm).name, '^(%S*) ?(.*)$')
stored = cjson.encode({first = first, last = last})
redis.call('SET', KEYS[2], stored, 'PX', ARGV[1])
return stored
"""


async def copies_in_one_step(redis: Redis, user: str, load: Load, *, ttl: float) -> Any:
    """Right, for a value that only writers delete: it looks and copies in one script."""
    old, new = OLD_KEY.format(user), NEW_KEY.format(user)
    stored = await redis.eval(COPY, 2, old, new, round(ttl * 1000))
    if stored is None:
        stored = json.dumps(await load(user))
        await redis.set(new, stored, px=round(ttl * 1000))
    return json.loads(stored)


async def renames(redis: Redis, user: str, profile: Profile, save: Save) -> None:
    """Right: version 2's writer. It commits, then deletes the keys of both versions in one command."""
    await save(user, profile)
    await redis.delete(OLD_KEY.format(user), NEW_KEY.format(user))


# -- 02.6: four programs that set a key; `ttl` in seconds says how long any key may live ------------------------------


async def sets_again(redis: Redis, key: str, ttl: float) -> None:
    """Wrong: its second SET has no TTL, and takes away the one that the key had."""
    await redis.set(key, "once", px=round(ttl * 1000))
    await redis.set(key, "twice")


async def in_two_steps(redis: Redis, key: str, ttl: float) -> None:
    """Wrong: a client that dies between the two commands, or loses the second one, leaves a key without a TTL."""
    await redis.set(key, "once")
    await redis.pexpire(key, round(ttl * 1000))


async def keeps_the_ttl(redis: Redis, key: str, ttl: float) -> None:
    """Right: it creates the key with a TTL, keeps that in every change, and deletes what it does not need."""
    draft = f"{key}:draft"
    await redis.set(key, "once", px=round(ttl * 1000), nx=True)
    await redis.set(draft, "twice", px=round(ttl * 1000))
    await redis.set(key, "twice", keepttl=True, xx=True)
    await redis.delete(draft)


async def tidies_up(redis: Redis, key: str, ttl: float) -> None:
    """Right while nothing goes wrong: its SET NX finds the key there, and what has no TTL it deletes itself."""
    draft = f"{key}:draft"
    await redis.set(key, "once", px=round(ttl * 1000))
    await redis.set(key, "first", nx=True)
    await redis.set(draft, "twice")
    await redis.delete(draft)
