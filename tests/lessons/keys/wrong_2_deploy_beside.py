"""Wrong programs for 02.2, each with one mistake, named as the check must name it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

OLD, NEW = "app:user:profile:v1:{}", "app:user:profile:v2:{}"
Write = Callable[[Any, str, Any], Awaitable[None]]


async def commit_and_forget(service: Any, user: str, profile: Any) -> None:
    await service.save(user, profile)
    await service.redis.delete(OLD.format(user), NEW.format(user))


def filled(
    *,
    key: str = NEW,
    life: Callable[[float], dict[str, int]] = lambda ttl: {"px": round(ttl * 1000)},
    write: Write = commit_and_forget,
) -> type:
    """The exercise's class, with one of its blanks filled otherwise; by default as it should be."""

    class ProfilesV2:
        def __init__(self, redis: Any, load: Any, save: Any, *, ttl: float) -> None:
            self.redis, self.load, self.save, self.ttl = redis, load, save, ttl

        async def read(self, user: str) -> Any:
            stored = await self.redis.get(key.format(user))
            if stored is not None:
                return json.loads(stored)
            profile = await self.load(user)
            await self.redis.set(key.format(user), json.dumps(profile), **life(self.ttl))
            return profile

        async def write(self, user: str, profile: Any) -> None:
            await write(self, user, profile)

    return ProfilesV2


async def forgets_v1(service: Any, user: str, profile: Any) -> None:
    await service.save(user, profile)
    await service.redis.delete(NEW.format(user))


async def forgets_v2(service: Any, user: str, profile: Any) -> None:
    await service.save(user, profile)
    await service.redis.delete(OLD.format(user))


async def deletes_first(service: Any, user: str, profile: Any) -> None:
    await service.redis.delete(OLD.format(user), NEW.format(user))
    await service.save(user, profile)


async def never_saves(service: Any, user: str, profile: Any) -> None:
    await service.redis.delete(OLD.format(user), NEW.format(user))


async def two_trips(service: Any, user: str, profile: Any) -> None:
    await service.save(user, profile)
    await service.redis.delete(OLD.format(user))
    await service.redis.delete(NEW.format(user))


WRONG = [
    ("shares-v1s-key", filled(key=OLD)),
    ("forgets-v1", filled(write=forgets_v1)),
    ("forgets-v2", filled(write=forgets_v2)),
    ("deletes-first", filled(write=deletes_first)),
    ("never-saves", filled(write=never_saves)),
    ("never-expires", filled(life=lambda ttl: {})),
    ("wrong-unit", filled(life=lambda ttl: {"px": max(1, round(ttl))})),
    ("wrong-unit", filled(life=lambda ttl: {"ex": round(ttl * 1000)})),
    ("two-trips", filled(write=two_trips)),
]
