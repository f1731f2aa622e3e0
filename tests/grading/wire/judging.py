"""What tests of hostile answers share: the answer to 00.1, right and with a deed before it."""

from __future__ import annotations

from collections.abc import Callable

from course_lib.errors import NoSandbox
from course_lib.grading.batch.judge_interface import Judgment, Limits
from course_lib.grading.sandbox.probe import probe

RIGHT = "async def keep(redis, key, page, *, ttl):\n    await redis.set(key, page, px=round(ttl * 1000))"
LIMITS = Limits(seconds=60.0, memory=400 << 20)


def isolated() -> bool:
    try:
        probe()
    except NoSandbox:
        return False
    return True


ISOLATED = isolated()


Judge = Callable[..., Judgment]


def points(judgment: Judgment) -> int:
    return 0 if judgment.verdict is None else judgment.verdict.points


def doing(deed: str, after: str = "") -> str:
    """An answer that first does this, and does nothing of what it should."""
    lines = "\n    ".join(deed.splitlines())
    return (
        f"import asyncio, os, sys\nasync def keep(redis, key, page, *, ttl):\n    {lines}\n    {after or 'return True'}"
    )
