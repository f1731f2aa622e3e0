"""Wrong programs for 02.2, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis.exceptions import RedisError, ResponseError

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


async def keeps_errors(service: Any, user: str, profile: Any) -> None:
    await service.save(user, profile)
    try:
        await service.redis.delete(OLD.format(user), NEW.format(user))
    except RedisError:
        pass  # it will expire


WRONG = [
    ("shares-v1s-key", filled(key=OLD)),
    ("forgets-v1", filled(write=forgets_v1)),
    ("forgets-v2", filled(write=forgets_v2)),
    ("deletes-first", filled(write=deletes_first)),
    ("never-saves", filled(write=never_saves)),
    ("never-expires", filled(life=lambda ttl: {})),
    ("wrong-unit", filled(life=lambda ttl: {"px": max(1, round(ttl))})),
    ("wrong-unit", filled(life=lambda ttl: {"ex": round(ttl * 1000)})),
    ("whole-seconds", filled(life=lambda ttl: {"ex": int(ttl)})),
    ("whole-seconds", filled(life=lambda ttl: {"ex": max(1, round(ttl))})),
    ("two-trips", filled(write=two_trips)),
    ("one-key-for-all", filled(key="app:user:profile:v2")),
    ("keeps-errors", filled(write=keeps_errors)),
]


# -- one sentence of the contract broken, in a class that looks right --------------------------------------------------

Right: Any = filled()


class NoErrorOnRead(Right):  # type: ignore[misc]
    async def read(self, user: str) -> Any:
        try:
            stored = await self.redis.get(NEW.format(user))
        except Exception:
            stored = None
        if stored is not None:
            return json.loads(stored)
        profile = await self.load(user)
        try:
            await self.redis.set(NEW.format(user), json.dumps(profile), px=round(self.ttl * 1000))
        except Exception:
            return profile
        return profile


class NoErrorOfLoad(Right):  # type: ignore[misc]
    async def read(self, user: str) -> Any:
        try:
            return await super().read(user)
        except RedisError:
            raise
        except Exception:
            return {"first": "", "last": ""}


class NoErrorOfSave(Right):  # type: ignore[misc]
    async def write(self, user: str, profile: Any) -> None:
        try:
            await self.save(user, profile)
        finally:
            await self.redis.delete(OLD.format(user), NEW.format(user))
            return  # noqa: B012


class Slides(Right):  # type: ignore[misc]
    """Each hit renews the life."""

    async def read(self, user: str) -> Any:
        stored = await self.redis.getex(NEW.format(user), px=round(self.ttl * 1000))
        return json.loads(stored) if stored is not None else await super().read(user)


class OneAtATime(Right):  # type: ignore[misc]
    """The user is kept in the object: two reads at once mix them up."""

    async def read(self, user: str) -> Any:
        self.user = user
        stored = await self.redis.get(NEW.format(self.user))
        if stored is not None:
            return json.loads(stored)
        profile = await self.load(self.user)
        await self.redis.set(NEW.format(self.user), json.dumps(profile), px=round(self.ttl * 1000))
        return profile


class InItsMemory(Right):  # type: ignore[misc]
    """A process remembers what it has read, and hears of no write of another."""

    async def read(self, user: str) -> Any:
        memory = vars(self).setdefault("memory", {})
        if user not in memory:
            memory[user] = await super().read(user)
        return memory[user]

    async def write(self, user: str, profile: Any) -> None:
        await super().write(user, profile)
        vars(self).setdefault("memory", {})[user] = profile


class AskedForLast(Right):  # type: ignore[misc]
    """The key is kept in the object, while the database is slow."""

    async def read(self, user: str) -> Any:
        self.key = NEW.format(user)
        stored = await self.redis.get(self.key)
        if stored is not None:
            return json.loads(stored)
        profile = await self.load(user)
        await self.redis.set(self.key, json.dumps(profile), px=round(self.ttl * 1000))
        return profile


async def saves_again(service: Any, user: str, profile: Any) -> None:
    try:
        await service.save(user, profile)
    except Exception:
        await service.save(user, profile)
    await service.redis.delete(OLD.format(user), NEW.format(user))


async def no_value_error(service: Any, user: str, profile: Any) -> None:
    try:
        await commit_and_forget(service, user, profile)
    except ValueError:
        return


async def at_the_same_time(service: Any, user: str, profile: Any) -> None:
    await asyncio.gather(service.redis.delete(OLD.format(user), NEW.format(user)), service.save(user, profile))


async def in_the_background(service: Any, user: str, profile: Any) -> None:
    await service.save(user, profile)
    service.task = asyncio.create_task(service.redis.delete(OLD.format(user), NEW.format(user)))


async def writes_through(service: Any, user: str, profile: Any) -> None:
    """Version 2's copy is new, and version 1's is forgotten."""
    await service.save(user, profile)
    await service.redis.set(NEW.format(user), json.dumps(profile), px=round(service.ttl * 1000))


async def writes_v1s_wrongly(service: Any, user: str, profile: Any) -> None:
    await service.save(user, profile)
    life = round(service.ttl * 1000)
    async with service.redis.pipeline() as pipe:
        pipe.set(OLD.format(user), json.dumps(profile), px=life).set(NEW.format(user), json.dumps(profile), px=life)
        await pipe.execute()


class Keyed(Right):  # type: ignore[misc]
    """Keys that two users share."""

    def key(self, user: str) -> str:
        raise NotImplementedError

    async def read(self, user: str) -> Any:
        stored = await self.redis.get(self.key(user))
        if stored is not None:
            return json.loads(stored)
        profile = await self.load(user)
        await self.redis.set(self.key(user), json.dumps(profile), px=round(self.ttl * 1000))
        return profile

    async def write(self, user: str, profile: Any) -> None:
        await self.save(user, profile)
        await self.redis.delete(OLD.format(user), self.key(user))


class NoBraces(Keyed):
    def key(self, user: str) -> str:
        return NEW.format(user.strip("{}"))


class Summed(Keyed):
    def key(self, user: str) -> str:
        return NEW.format(sum(user.encode()))


class FromWhenItWasAsked(Right):  # type: ignore[misc]
    """The life of a value begins before its load."""

    async def read(self, user: str) -> Any:
        until = time.time() + self.ttl  # noqa: TID251
        stored = await self.redis.get(NEW.format(user))
        if stored is not None:
            return json.loads(stored)
        profile = await self.load(user)
        await self.redis.set(NEW.format(user), json.dumps(profile), pxat=round(until * 1000))
        return profile


async def keeps_the_life(service: Any, user: str, profile: Any) -> None:
    """Of a key that is not there, there is none to keep."""
    await service.save(user, profile)
    async with service.redis.pipeline() as pipe:
        await pipe.delete(OLD.format(user)).set(NEW.format(user), json.dumps(profile), keepttl=True).execute()


async def writes_v1s_for_an_hour(service: Any, user: str, profile: Any) -> None:
    await service.save(user, profile)
    name = json.dumps({"name": f"{profile['first']} {profile['last']}"})
    async with service.redis.pipeline() as pipe:
        await pipe.set(OLD.format(user), name, ex=3_600).delete(NEW.format(user)).execute()


async def no_refusals(service: Any, user: str, profile: Any) -> None:
    try:
        await commit_and_forget(service, user, profile)
    except ResponseError:
        return


SUBTLE = [
    ("the f is missing", "shape", filled(key="app:user:profile:v2:{{user}}"), "one-key-for-all"),
    ("no error of Redis comes out of a read", "errors", NoErrorOnRead, "keeps-errors"),
    ("no error of load", "errors", NoErrorOfLoad, "keeps-errors"),
    ("no error of save", "errors", NoErrorOfSave, "keeps-errors"),
    ("each hit renews the life", "expires", Slides),
    ("ten seconds, whatever ttl says", "expires", filled(life=lambda ttl: {"px": 10_000})),
    ("one second more", "expires", filled(life=lambda ttl: {"px": round(ttl * 1000) + 1000})),
    ("a tenth less", "expires", filled(life=lambda ttl: {"px": round(ttl * 900)})),
    ("the user is kept in the object", "shape", OneAtATime),
    ("the key is kept in the object", "shape", AskedForLast),
    ("behind a user of version 1", "shape", filled(key=OLD + ":v2"), "shares-v1s-key"),
    ("before a user of version 1", "shape", filled(key="app:user:profile:v1:v2:{}"), "shares-v1s-key"),
    ("a day at most", "cost", filled(life=lambda ttl: {"px": min(86_400_000, round(ttl * 1000))})),
    ("saves again", "errors", filled(write=saves_again), "keeps-errors"),
    ("an error of save that is a ValueError", "errors", filled(write=no_value_error), "keeps-errors"),
    ("in its memory", "fresh", InItsMemory, "forgets-v2"),
    ("commits and deletes at the same time", "fresh", filled(write=at_the_same_time), "deletes-first"),
    ("deletes in the background", "errors", filled(write=in_the_background), "keeps-errors"),
    ("writes through, and forgets version 1", "fresh", filled(write=writes_through), "forgets-v1"),
    ("braces are left out", "shape", NoBraces, "one-key-for-all"),
    ("the sum of a name", "shape", Summed, "one-key-for-all"),
    ("from when it was asked", "expires", FromWhenItWasAsked),
    ("keeps the life of what is not there", "expires", filled(write=keeps_the_life)),
    ("version 1's shape for an hour", "expires", filled(write=writes_v1s_for_an_hour)),
    ("no refusal comes out of a write", "errors", filled(write=no_refusals), "keeps-errors"),
    (
        "whole seconds, where there are many",
        "expires",
        filled(life=lambda ttl: {"px": round(ttl) * 1000 if ttl > 10 else round(ttl * 1000)}),
        "whole-seconds",
    ),
    ("version 1's key in version 2's shape", "shape", filled(write=writes_v1s_wrongly)),
]
