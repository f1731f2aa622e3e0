"""Wrong twins of keys.py and audit.py, each with one mistake that people make; tests must tell them apart."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from course_lib.patterns.keys import Generation, KeySchema


def unchecked_key(names: Sequence[str], version: int, parts: Sequence[str]) -> str:
    """Whatever names and parts say is joined: two meanings can share a key."""
    return ":".join([*names, f"v{version}", *parts])


def unescaped_pattern(schema: KeySchema) -> str:
    """What names hold means something to the glob."""
    return f"{schema.prefix}:*"


class CachedForEver(Generation):
    """Asks for the generation once, and never hears of a flush."""

    asked = False

    async def get(self, *parts: str | int) -> str | None:
        if not self.asked:
            await self.key(*parts)
            self.asked = True
        found: str | None = await self.redis.get(self.schema.key(*parts, generation=self.seen))  # type: ignore[assignment]
        return found


class ReadsWithoutComparing(Generation):
    """Reads under the generation it saw last, and only then learns that there is a new one."""

    async def get(self, *parts: str | int) -> str | None:
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.get(self.schema.prefix)
            pipe.get(self.schema.key(*parts, generation=self.seen))
            counter, stored = await pipe.execute()
        self.seen = int(counter or 0)
        return str(stored) if stored is not None else None


class StoresInTheNewest(Generation):
    """Stores under the generation of the moment, so a loader that a flush overtook brings its old row back."""

    async def set(self, *parts: str | int, value: str, ttl: float, seen: int) -> None:
        await self.key(*parts)
        await super().set(*parts, value=value, ttl=ttl, seen=self.seen)


async def remove_by_glob(redis: Redis, schema: KeySchema, *, versions: Sequence[int]) -> int:
    """`v1*` is version 12 too."""
    removed = 0
    for version in versions:
        async for key in redis.scan_iter(match=f"{schema.at(version).prefix}*"):
            removed += await redis.unlink(key)
    return removed


async def remove_at_once(redis: Redis, schema: KeySchema, *, versions: Sequence[int]) -> int:
    """KEYS and DEL: the server does nothing else meanwhile."""
    removed = 0
    for version in versions:
        if keys := await redis.keys(schema.pattern(version=version)):
            removed += await redis.delete(*keys)
    return removed
