"""What an answer keeps is its process's own: as a lock it excludes nobody else, as a cache it is right."""

from __future__ import annotations

import asyncio
import time
from functools import cache
from typing import Any

import pytest

from course_lib.grading import check

from .programs import answers

SOLUTIONS = answers("solutions")
LOCK = asyncio.Lock()
FREE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
SCRIPT: Any = None


async def looks_then_deletes(redis: Any, key: str, token: str) -> bool:
    return await redis.get(key) == token and bool(await redis.delete(key))


async def under_a_lock_of_the_module(redis: Any, key: str, token: str) -> bool:
    async with LOCK:
        return await looks_then_deletes(redis, key, token)


@cache
def lock_of(key: str) -> asyncio.Lock:
    return asyncio.Lock()


async def under_a_lock_of_a_cache(redis: Any, key: str, token: str) -> bool:
    async with lock_of(key):
        return await looks_then_deletes(redis, key, token)


class Locked:
    lock = asyncio.Lock()

    async def __call__(self, redis: Any, key: str, token: str) -> bool:
        async with self.lock:
            return await looks_then_deletes(redis, key, token)


async def by_a_script_that_is_kept(redis: Any, key: str, token: str) -> bool:
    global SCRIPT
    if SCRIPT is None:
        SCRIPT = redis.register_script(FREE)
    return bool(await SCRIPT(keys=[key], args=[token]))


async def in_a_time_limit(redis: Any, key: str, token: str, clock: Any = time.monotonic) -> bool:
    """Its clock is a default, and moves with virtual time."""
    began = clock()
    await asyncio.sleep(0)
    assert clock() - began < 1
    return bool(await redis.eval(FREE, 1, key, token))


@pytest.mark.parametrize("answer", [under_a_lock_of_the_module, under_a_lock_of_a_cache, Locked()])
def test_a_lock_of_one_process_does_not_pass(answer: Any) -> None:
    verdict = check("04.1", answer)
    assert verdict.status == "failed", str(verdict)
    assert not LOCK.locked()


@pytest.mark.parametrize("answer", [by_a_script_that_is_kept, in_a_time_limit])
def test_what_each_process_may_keep_passes(answer: Any) -> None:
    """The control."""
    assert check("04.1", answer).passed
    assert SCRIPT is None
