"""What every chapter needs: arguments that are checked, tokens, hash tags, and work that a cancellation must not cut.

None of this is a pattern; look here when a chapter calls it.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from redis.asyncio import Redis

from course_lib.errors import BadArgument

T = TypeVar("T")
Draw = Callable[[], float]  # a uniform number in [0, 1), as random.random gives
Token = Callable[[], str]  # a new string at each call, which no other client ever makes


def require(holds: bool, name: str, value: object, accepted: str) -> None:
    """Refuse an argument with a BadArgument that states its name, its value and what is accepted."""
    if not holds:
        raise BadArgument(f"{name} is {value!r}; accepted: {accepted}")


def require_text(redis: Redis) -> None:
    """Refuse a client that answers in bytes: no token and no text ever equals bytes."""
    in_text: bool = redis.get_encoder().decode_responses  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
    require(in_text, "redis", redis, "a client made with decode_responses=True")


def milliseconds(name: str, seconds: float) -> int:
    """A time as Redis wants it. Refuses one that is too short to be a millisecond, or longer than 1e9 s."""
    require(0.001 <= seconds <= 1e9, name, seconds, "seconds, from 0.001 to 1e9")
    return round(seconds * 1000)


def require_storable(name: str, value: object) -> None:
    """Refuse a value that is not text: Redis would give back something else."""
    require(isinstance(value, str), name, value, "text; `Typed` turns other values into text, and back")


def new_token() -> str:
    """128 random bits, so that nobody makes the same token twice."""
    return secrets.token_hex(16)


def hash_tagged(key: str) -> str:
    """The key in a hash tag; a key that has one stays as it is, but for `{user:7}`, which is `user:7` in a hash tag.

    A key that is named after the result shares its slot, so in a Redis Cluster one script may touch both.

    >>> hash_tagged("user:7"), hash_tagged("{user:7}:page"), hash_tagged("{user:7}")
    ('{user:7}', '{user:7}:page', '{user:7}~')
    """
    require(isinstance(key, str), "key", key, "a text")
    tag, end, _ = key.partition("{")[2].partition("}")
    if tag and end:
        return f"{key}~" if re.fullmatch(r"\{[^}]*\}~*", key) else key
    require(key != "" and "}" not in key, "key", key, "a key that is not empty and has a } only to end a {hash tag}")
    return f"{{{key}}}"


def beside(kind: str, key: str, *more: object) -> str:
    """The key of what belongs to `key`. It is in the same slot, and another one for every other `key` or `more`.

    >>> beside("lock", "user:7"), beside("sent", "{jobs}:paid", "mail:7")
    ('lock:{user:7}', 'sent:{jobs}:paid:mail%3A7')
    """
    parts = [str(part).replace("%", "%25").replace(":", "%3A") for part in more]  # so the last colons separate them
    return ":".join([kind, hash_tagged(key), *parts])


async def uninterrupted(work: Awaitable[T]) -> T:
    """Finish `work` even if the caller is cancelled meanwhile; the cancellation is raised afterwards, not lost."""
    task, cancelled = asyncio.ensure_future(work), None
    while not task.done():
        try:
            await asyncio.wait([task])  # unlike `await task`, it leaves the task alone when we are cancelled
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # now it counts as seen; the cancellation matters more
    raise cancelled


async def uncancelled(work: Awaitable[T]) -> T:
    """Await work that may cancel itself: then it fails with a RuntimeError. If we are cancelled, it ends first."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task])
    finally:
        await uninterrupted(ended(task))
    if task.cancelled():
        raise RuntimeError("it was cancelled from within")
    return task.result()


def heed_cancellation() -> None:
    """Raise the cancellation that this task was sent, if something has swallowed it, as `ended` says."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def ended(task: asyncio.Future[Any]) -> None:
    """Cancel until it is over: before Python 3.12 asyncio.wait_for, which redis-py uses, may swallow a cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)
