"""Programs that lesson 07 and its exercises are about. Each says on its first line what is right or wrong."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

from course_lib.patterns.queues import once

Pack = Callable[[str], Awaitable[object]]

IDLE, LIFETIME = 1800, 43200
"""Seconds until a session ends: after its last request, and after its log-in."""
PARCELS, GROUP = "app:parcels", "packers"
"""A stream with an entry for each parcel, whose field `parcel` has its name; and the group of its workers."""
PACKED = "app:packed"
"""A hash: for each parcel, how often it was packed."""

# -- the basket: a session is app:session:{id} -------------------------------------------------------------------------


async def writes_it_all_back(redis: Redis, session: str, book: str) -> Any:
    """Wrong: it brings back a session that was ended meanwhile, and loses what another request has put in."""
    kept: Any = await redis.get(f"app:session:{session}")
    if kept is None:
        return None
    basket = [*json.loads(kept), book]
    await redis.set(f"app:session:{session}", json.dumps(basket), ex=IDLE)
    return basket


async def writes_back_what_is_there(redis: Redis, session: str, book: str) -> Any:
    """Better: `XX` writes only over a session that is still there. It loses what another request has put in."""
    kept: Any = await redis.get(f"app:session:{session}")
    if kept is None:
        return None
    basket = [*json.loads(kept), book]
    await redis.set(f"app:session:{session}", json.dumps(basket), ex=IDLE, xx=True)
    return basket


async def writes_one_field(redis: Redis, session: str, book: str) -> Any:
    """Loses nothing, as a hash has a field for each book; but HSET makes the session anew if it was ended meanwhile."""
    key = f"app:session:{session}"
    if not await redis.exists(key):
        return None
    added: Any = redis.hset(key, book, 1)
    await added
    await redis.expire(key, IDLE)
    return book


async def logs_out(redis: Redis, session: str) -> None:
    """Right, as far as it alone can be."""
    await redis.delete(f"app:session:{session}")


# -- the parcel: workers of one group ----------------------------------------------------------------------------------


async def next_parcel(redis: Redis, me: str, *, block: float = 1.0) -> tuple[str, str] | None:
    """The next entry that nobody in the group was given, and its parcel; None if none came within `block` seconds."""
    new: Any = {PARCELS: ">"}
    read: Any = await redis.xreadgroup(GROUP, me, new, count=1, block=round(block * 1000))
    if not read:
        return None
    [(entry, fields)] = read[0][1]  # the reply: streams, each with its entries; here one of each
    return entry, fields["parcel"]


async def acknowledges_first(redis: Redis, me: str, pack: Pack) -> None:
    """At most once: a worker that dies while packing has said already that it was done."""
    while True:
        if (given := await next_parcel(redis, me)) is not None:
            entry, parcel = given
            await redis.xack(PARCELS, GROUP, entry)
            await pack(parcel)


async def acknowledges_after(redis: Redis, me: str, pack: Pack) -> None:
    """Forgets nothing, and leaves it lying: an entry whose worker has died stays pending, and nobody asks for it."""
    while True:
        if (given := await next_parcel(redis, me)) is not None:
            entry, parcel = given
            await pack(parcel)
            await redis.xack(PARCELS, GROUP, entry)


async def claims(redis: Redis, me: str, pack: Pack, *, claim_after: float = 2.0) -> None:
    """At least once: it first takes over what another worker has held for `claim_after` seconds."""
    while True:
        idle = round(claim_after * 1000)
        _, taken, *_ = await redis.xautoclaim(PARCELS, GROUP, me, idle, count=1)
        given = (taken[0][0], taken[0][1]["parcel"]) if taken else await next_parcel(redis, me)
        if given is not None:
            entry, parcel = given
            await pack(parcel)
            await redis.xack(PARCELS, GROUP, entry)


async def counts(redis: Redis, parcel: str) -> None:
    """The plain effect: one more label is printed."""
    printed: Any = redis.hincrby(PACKED, parcel, 1)
    await printed


async def counts_once(redis: Redis, parcel: str) -> None:
    """Right, within one Redis: the effect and the mark that it happened, in one transaction."""
    await once(redis, f"app:done:{parcel}", lambda pipe: pipe.hincrby(PACKED, parcel, 1), remember=3600)


# -- the bestseller list: a sorted set ---------------------------------------------------------------------------------


async def asks_twice(redis: Redis, board: str, book: str, rows: int) -> Any:
    """Wrong: between its two questions books may move, and then the book may not be among its own neighbors."""
    place: Any = await redis.zrevrank(board, book)
    if place is None:
        return []
    return await redis.zrevrange(board, max(0, place - rows), place + rows, withscores=True)


# -- for the exercises -------------------------------------------------------------------------------------------------


async def takes_one(redis: Redis, me: str, pack: Pack, *, claim_after: float = 2.0) -> None:
    """One turn of `claims`: it takes over what has been left lying, or takes what is new, if there is any."""
    _, taken, *_ = await redis.xautoclaim(PARCELS, GROUP, me, round(claim_after * 1000), count=1)
    given = (taken[0][0], taken[0][1]["parcel"]) if taken else await next_parcel(redis, me, block=0.05)
    if given is not None:
        entry, parcel = given
        await pack(parcel)
        await redis.xack(PARCELS, GROUP, entry)


async def looks_then_counts(redis: Redis, parcel: str) -> None:
    """A gamble: it marks and counts in one transaction, and does not know how long ago it looked for the mark."""
    if await redis.exists(f"app:done:{parcel}"):
        return
    async with redis.pipeline(transaction=True) as pipe:
        pipe.set(f"app:done:{parcel}", "", ex=3600)
        pipe.hincrby(PACKED, parcel, 1)
        await pipe.execute()


async def sends(redis: Redis, parcel: str) -> None:
    """Right: an order is in the stream until somebody trims it."""
    await redis.xadd(PARCELS, {"parcel": parcel})


async def sends_and_trims(redis: Redis, parcel: str) -> None:
    """Wrong: it keeps the stream short, and does not ask whether what it cuts off has been packed."""
    await redis.xadd(PARCELS, {"parcel": parcel}, maxlen=2, approximate=False)


async def takes_one_and_acknowledges_first(redis: Redis, me: str, pack: Pack, *, claim_after: float = 2.0) -> None:
    """Wrong: one turn of `acknowledges_first`."""
    if (given := await next_parcel(redis, me, block=0.05)) is not None:
        entry, parcel = given
        await redis.xack(PARCELS, GROUP, entry)
        await pack(parcel)
