"""The parts that a service can be made of: of each kind a naive one, which works for one request at a time, and others.

`PARTS["read"]["aside"]` is a part; `assemble(read="lock and wait", …)` makes the parts of a service. What is not named
is naive. A part can also be given as a function, or be an answer of the learner's own (`experiment_own`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from course_lib.errors import BadArgument
from course_lib.lessons.capstone.experiment_service import AWAY, App, Load, Parts, Save
from course_lib.patterns import cache_aside, lock_and_wait, xfetch
from course_lib.patterns.cache import jittered
from course_lib.patterns.invalidation import invalidate
from course_lib.patterns.keys import KeySchema
from course_lib.patterns.ratelimit import FixedWindow, SlidingLog
from course_lib.patterns.refresh import lock_or_stale

PRODUCTS = KeySchema("app", "product")


class Part(NamedTuple):
    """A part: what a learner reads about it, and what the service calls."""

    says: str
    use: Any


# -- keys --------------------------------------------------------------------------------------------------------------


def _plain(product: str, version: int) -> str:
    return f"product:{product}"


def _versioned(product: str, version: int) -> str:
    return PRODUCTS.at(version).key(product)


# -- read --------------------------------------------------------------------------------------------------------------


async def _aside(app: App, key: str, load: Load) -> str | None:
    return await cache_aside(app.redis, key, load, ttl=app.policy.ttl)


async def _locked(app: App, key: str, load: Load) -> str | None:
    ttl = jittered(app.policy.ttl, draw=app.draw)
    return await lock_and_wait(
        app.redis, key, load, ttl=ttl, lock_ttl=app.policy.lock_ttl, wait=2 * app.policy.lock_ttl,
        absent_ttl=app.policy.absent_ttl, token=app.token, draw=app.draw,
    )  # fmt: skip


async def _stale(app: App, key: str, load: Load) -> str | None:
    ttl = app.policy.ttl / 2  # the other half is the second life
    return await lock_or_stale(
        app.redis, key, load, ttl=ttl, stale=ttl, lock_ttl=app.policy.lock_ttl, wait=2 * app.policy.lock_ttl,
        absent_ttl=app.policy.absent_ttl, token=app.token, draw=app.draw,
    )  # fmt: skip


async def _early(app: App, key: str, load: Load) -> str | None:
    return await xfetch(app.redis, key, load, ttl=app.policy.ttl, absent_ttl=app.policy.absent_ttl, draw=app.draw)


# -- change ------------------------------------------------------------------------------------------------------------


async def _nothing(app: App, keys: list[str], save: Save) -> None:
    await save()


async def _delete(app: App, keys: list[str], save: Save) -> None:
    await save()
    for key in keys:
        await app.redis.delete(key)


async def _lease(app: App, keys: list[str], save: Save) -> None:
    await save()
    for key in keys:
        await until_answered(app, lambda key=key: invalidate(app.redis, key))  # type: ignore[misc]


async def until_answered(app: App, work: Callable[[], Any], *, pause: float = 0.02) -> None:
    """Do it again until Redis has answered, wherever the primary is by then. Only for what does no harm twice."""
    while True:
        try:
            await work()
            return
        except AWAY:
            await asyncio.sleep(pause)
            app.redis = app.connect()


# -- limiter -----------------------------------------------------------------------------------------------------------


async def _everybody(app: App, visitor: str, request: str) -> bool:
    return True


def _limited(kind: type[FixedWindow] | type[SlidingLog]) -> Any:
    async def admit(app: App, visitor: str, request: str) -> bool:
        policy = app.policy
        made = kind(app.redis, "pages", limit=policy.limit, period=policy.window, timeout=policy.timeout)
        return (await made.hit(visitor, request_id=request)).allowed

    return admit


# -- away --------------------------------------------------------------------------------------------------------------


async def _fails(app: App, key: str, load: Load) -> str | None:
    raise ConnectionError("Redis is away")


async def _asks(app: App, key: str, load: Load) -> str | None:
    return await load()


async def _bulkhead(app: App, key: str, load: Load) -> str | None:
    async def within() -> str | None:
        async with app.room:
            return await load()

    return await app.flight.do(key, within)


# -- basket ------------------------------------------------------------------------------------------------------------


async def _added(app: App, key: str, item: str) -> None:
    await _answer(app.redis.sadd(key, item))


async def _confirmed(app: App, key: str, item: str) -> None:
    """Both through one connection, because WAIT asks about what its own connection has written."""
    if app.replicas == 0:
        return await _added(app, key, item)
    async with app.redis.pipeline(transaction=False) as pipe:
        pipe.sadd(key, item)
        pipe.execute_command("WAIT", 1, round(app.policy.timeout * 1000))
        _, replicas = await pipe.execute()
    if replicas < 1:
        raise ConnectionError("no replica has confirmed it")


async def _answer(asked: Any) -> Any:
    return await asked


NAIVE = {
    "keys": "plain", "read": "aside", "change": "nothing", "limiter": "none", "away": "fail", "basket": "set",
    "topology": "standalone",
}  # fmt: skip
"""A part of each kind, with which one request after the other is answered well."""
PARTS: dict[str, dict[str, Part]] = {
    "keys": {
        "plain": Part("product:42, for every version of the program", _plain),
        "versioned": Part("app:product:v2:42, a version for each shape", _versioned),
    },
    "read": {
        "aside": Part("cache-aside", _aside),
        "lock and wait": Part("one loads, the others wait; absent rows are remembered", _locked),
        "lock or stale": Part("one loads, the others get the old page", _stale),
        "xfetch": Part("reload early, by chance", _early),
    },
    "change": {
        "nothing": Part("commit, and leave the rest to the TTL", _nothing),
        "delete": Part("commit, then delete", _delete),
        "lease": Part("commit, then take page and lease away, again until Redis answers", _lease),
    },
    "limiter": {
        "none": Part("everybody, as often as they like", _everybody),
        "fixed window": Part("a count for each window", _limited(FixedWindow)),
        "sliding log": Part("the last requests of each visitor", _limited(SlidingLog)),
    },
    "away": {
        "fail": Part("an error page", _fails),
        "database": Part("ask the database", _asks),
        "bulkhead": Part("ask the database, one load for a page and few at once", _bulkhead),
    },
    "basket": {
        "set": Part("SADD", _added),
        "confirmed": Part("SADD, then WAIT for a replica", _confirmed),
    },
    "topology": {
        "standalone": Part("one server, which comes back empty", "standalone"),
        "sentinel": Part("a primary, two replicas, Sentinels", "sentinel"),
    },
}  # fmt: skip
GOOD = {
    "keys": "versioned", "read": "lock and wait", "change": "lease", "limiter": "sliding log", "away": "bulkhead",
    "basket": "confirmed", "topology": "sentinel",
}  # fmt: skip
"""One assembly that passes all levels."""


def assemble(**chosen: Any) -> Parts:
    """The parts of a service: by kind the name of a part in PARTS, or a function; naive where nothing is chosen.

    Raises: BadArgument for a kind or a part that does not exist.
    """
    if strange := [kind for kind in chosen if kind not in PARTS]:
        raise BadArgument(f"there is no part {strange[0]!r}; there are {', '.join(PARTS)}")
    return Parts(**{kind: _found(kind, chosen.get(kind, naive)) for kind, naive in NAIVE.items()})


def _found(kind: str, chosen: Any) -> Any:
    if callable(chosen):
        return chosen
    known: Mapping[str, Part] = PARTS[kind]
    if chosen not in known:
        raise BadArgument(f"{kind} is {chosen!r}; accepted: {', '.join(known)}, or a function")
    return known[chosen].use
