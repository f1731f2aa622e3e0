"""Wrong programs for 02.4, each with one mistake, named as the check must name it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

NAME = "app:user:profile"
Old = Callable[[str, int], object]


def older(key: str, live: int) -> bool:
    found = re.fullmatch(rf"{NAME}:v(\d+):.*", key)
    return found is not None and int(found[1]) < live


def cleaning(
    *, old: Old = older, match: str = f"{NAME}:v*", remove: str = "unlink", step: int = 50, rest: bool = True
) -> Callable[..., Awaitable[int]]:
    """The clean-up, with one part of it replaced; by default as it should be."""

    async def clean_up(redis: Any, *, live: int) -> int:
        removed, batch = 0, list[str]()
        send = getattr(redis, remove)
        async for key in redis.scan_iter(match=match, count=500):
            if old(key, live):
                batch.append(key)
            if len(batch) == step:
                removed += await send(*batch)
                batch.clear()
        if batch and rest:
            removed += await send(*batch)
        return removed

    return clean_up


async def keys(redis: Any, *, live: int) -> int:
    removed, old = 0, [key for key in await redis.keys(f"{NAME}:v*") if older(key, live)]
    for start in range(0, len(old), 50):
        removed += await redis.unlink(*old[start : start + 50])
    return removed


async def one_scan(redis: Any, *, live: int) -> int:
    _, found = await redis.scan(match=f"{NAME}:v*", count=20)
    old = [key for key in found if older(key, live)]
    return int(await redis.unlink(*old)) if old else 0


async def by_globs(redis: Any, *, live: int) -> int:
    """One glob for each version, and none of them ends where the version does."""
    removed = 0
    for version in range(1, live):
        found = [key async for key in redis.scan_iter(match=f"{NAME}:v{version}*", count=500)]
        for start in range(0, len(found), 50):
            removed += await redis.unlink(*found[start : start + 50])
    return removed


def text_of(key: str) -> str:
    return key.split(":")[3].removeprefix("v") if key.startswith(f"{NAME}:v") else "~"


WRONG = [
    ("keys", keys),
    ("v1-is-v10", by_globs),
    ("all-but-live", cleaning(old=lambda key, live: re.match(rf"{NAME}:v\d+:", key) and f":v{live}:" not in key)),
    ("matches-anywhere", cleaning(old=lambda key, live: re.search(r":v[1-9]:", key), match="*")),
    ("matches-anywhere", cleaning(match="*", old=lambda key, live: older(key[key.find(NAME) :], live))),
    ("ignores-live", cleaning(old=lambda key, live: older(key, 10))),
    ("compares-texts", cleaning(old=lambda key, live: text_of(key) < str(live))),
    ("first-step-only", one_scan),
    ("first-step-only", cleaning(step=49, rest=False)),
    ("del", cleaning(remove="delete")),
    ("one-by-one", cleaning(step=1)),
    ("one-giant-step", cleaning(step=10_000)),
]
