"""Broken twins of invalidation.py: each is the pattern with one thing wrong. Tests show that each one fails."""

from __future__ import annotations

import re
from typing import Any

from redis.asyncio import Redis

from course_lib.patterns.cache import Load, pack
from course_lib.patterns.invalidation import LoadVersion, NearCache


async def delete_only(redis: Redis, key: str) -> None:
    """Wrong: it deletes the value and leaves the lease, so a load from before the commit may still store."""
    await redis.delete(key)


async def compare_then_set(redis: Redis, key: str, load: LoadVersion, *, ttl: float) -> str | None:
    """Wrong: it looks at the version and then writes, in two steps."""
    if kept := re.fullmatch(r"\d+;=(.*)", str(await redis.get(key) or "")):
        return kept[1]
    version, value = await load()
    held = re.match(r"(\d+);", str(await redis.get(key) or ""))
    if held is None or int(held[1]) <= version:
        await redis.set(key, f"{version};={pack(value)}", px=round(ttl * 1000))
    return value


async def forgetful(redis: Redis, key: str, version: int, *, ttl: float) -> None:
    """Wrong: it deletes, and leaves no mark of the version."""
    await redis.delete(key)


class Trusting(NearCache):
    """Wrong: it serves for the whole ttl, whether or not it still hears anything."""

    async def get(self, key: str, fetch: Load) -> str | None:
        self._heard = self._now()
        return await super().get(key, fetch)


class Unflushed(NearCache):
    """Wrong: it keeps what it has when it connects again."""

    def _forget(self, keys: list[str] | None) -> None:
        if keys is not None:
            super()._forget(keys)


class KeepsWhatCrossed(NearCache):
    """Wrong: it keeps a reply that was on its way while the key was invalidated."""

    async def get(self, key: str, fetch: Load) -> str | None:
        async def fetched() -> str | None:
            value = await fetch()
            self._fetching[key] = ticket[0]
            return value

        ticket: list[Any] = []

        async def first() -> str | None:
            ticket.append(self._fetching[key])
            return await fetched()

        return await super().get(key, first)
