"""The counter of visits that `explore` is tested with: look and then write, which loses some, and its mended twin."""

from __future__ import annotations

from typing import Any


async def naive(redis: Any, me: str) -> int:
    seen = int(await redis.get("visits") or 0)
    await redis.set("visits", seen + 1)
    return seen


async def mended(redis: Any, me: str) -> int:
    return int(await redis.incr("visits"))
