"""Reload before anybody has to wait: serve a stale value while one client reloads it, or reload early, by chance.

`lock_or_stale` and `StaleWhileRevalidate` keep a value `stale` seconds beyond its ttl. `xfetch` needs no lock and no
second life. Use one strategy for a key, because they store values in different forms.
"""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections import deque
from functools import partial

from redis.asyncio import Redis

from course_lib.patterns.basics import (
    Draw,
    Token,
    milliseconds,
    new_token,
    require,
    require_text,
    uncancelled,
    uninterrupted,
)
from course_lib.patterns.cache import Load, pack, unpack
from course_lib.patterns.loadlock import LoadLock
from course_lib.patterns.stampede import lock_and_wait


async def lock_or_stale(
    redis: Redis, key: str, load: Load, *,
    ttl: float, stale: float, lock_ttl: float, wait: float, placeholder: str | None = None,
    poll: float = 0.02, absent_ttl: float = 1.0, token: Token = new_token, draw: Draw = random.random,
) -> str | None:  # fmt: skip
    """Lock and placeholder: one client reloads a stale value, and the others are served it at once.

    A value is at most `ttl + stale` old when it is served, plus the time its load took. While a cold key is loaded, the
    other clients get the placeholder; without one they wait, as in lock_and_wait.

    Units: ttl, lock_ttl, absent_ttl in seconds; stale in seconds, 0 to 1e9; wait and poll as in lock_and_wait.
    Cost: fresh, or stale while another client reloads, 1 round trip; loser of the race to reload, 2; loader, 3 and one
        load.
    Raises: what load raises, only to the client that loads; LoadTimeout, on a cold key.
    Does not: spare the client that reloads; keep a value fresh that nobody asks for: after a lull, the first answers
        are stale.
    Source: RFC 5861, §3, stale-while-revalidate (the second life of a value).

    >>> async def load(): return await asyncio.sleep(0.1, "Ann")
    >>> ask = lambda: lock_or_stale(redis, "user:42", load, ttl=60, stale=60, lock_ttl=5, wait=5, placeholder="…")
    >>> await asyncio.gather(ask(), ask(), ask())
    ['Ann', '…', '…']
    """
    lock = LoadLock(redis, key, token(), ttl=ttl, lock_ttl=lock_ttl, absent_ttl=absent_ttl, stale=stale)
    stored, holder, fresh = await lock.look()
    if not fresh and holder is None:
        stored, holder, fresh = await lock.take()  # it looks again: another may have reloaded since
        if holder == lock.token and not fresh:
            return await lock.load(load)
        if holder == lock.token:
            await lock.release()
    if stored is not None:
        return unpack(stored)
    if placeholder is not None:
        return placeholder
    return await lock_and_wait(
        redis, key, load, ttl=ttl + stale, lock_ttl=lock_ttl, wait=wait, poll=poll, absent_ttl=absent_ttl + stale,
        token=token, draw=draw,
    )  # fmt: skip


class StaleWhileRevalidate:
    """Stale-while-revalidate: like lock_or_stale, but reloads run in the background, and nobody waits for a warm key.

    It owns its reloads, at most one for each key, and cancels them when it closes: `async with StaleWhileRevalidate(
    redis, …) as cache: await cache.get(key, load)`. `failed` counts the reloads that failed; `errors` keeps the last
    16 of their errors.

    Units: as in lock_or_stale.
    Cost: warm, fresh or stale, 1 round trip; its reload, 2 and one load; cold, 1 more than lock_and_wait.
    Raises: on a cold key, what lock_and_wait raises; RuntimeError once closed.
    Does not: say which values are stale; pause after a failed reload: the next reader of a stale value tries again.
    Source: RFC 5861, §3.

    >>> async def load(): return "Ann"
    >>> async with StaleWhileRevalidate(redis, ttl=60, stale=60, lock_ttl=5, wait=5) as cache:
    ...     await cache.get("user:42", load)
    'Ann'
    """

    def __init__(
        self, redis: Redis, *, ttl: float, stale: float, lock_ttl: float, wait: float,
        poll: float = 0.02, absent_ttl: float = 1.0, token: Token = new_token, draw: Draw = random.random,
    ) -> None:  # fmt: skip
        self._lock = partial(LoadLock, redis, ttl=ttl, lock_ttl=lock_ttl, absent_ttl=absent_ttl, stale=stale)
        self._cold = partial(
            lock_and_wait, redis, ttl=ttl + stale, lock_ttl=lock_ttl, wait=wait, poll=poll,
            absent_ttl=absent_ttl + stale, token=token, draw=draw,
        )  # fmt: skip
        self._token = token
        self._reloads: dict[str, asyncio.Task[None]] = {}
        self._closed, self.failed, self.errors = False, 0, deque[Exception](maxlen=16)

    async def get(self, key: str, load: Load) -> str | None:
        """The value, fresh or stale; if it is stale, a reload is under way when this returns."""
        lock = self._lock(key, self._token())
        stored, holder, fresh = await lock.look()
        if self._closed:
            raise RuntimeError("this StaleWhileRevalidate is closed; nobody would own its reloads")
        if stored is None:
            return await self._cold(key, load)
        if not fresh and holder is None and key not in self._reloads:
            self._reloads[key] = asyncio.create_task(self._reload(lock, load))
            self._reloads[key].add_done_callback(lambda _: self._reloads.pop(key))
        return unpack(stored)

    async def _reload(self, lock: LoadLock, load: Load) -> None:
        try:
            _, holder, fresh = await lock.take()
            if holder == lock.token:
                await (lock.release() if fresh else lock.load(lambda: uncancelled(load())))
        except Exception as error:
            error.add_note(f"{lock.key!r} was being reloaded in the background")
            self.failed += 1
            self.errors.append(error)

    async def aclose(self) -> None:
        """Cancel the reloads that are under way, and wait until each has freed its lock."""
        self._closed = True
        for reload in self._reloads.values():
            reload.cancel()
        await uninterrupted(asyncio.gather(*self._reloads.values(), return_exceptions=True))

    async def __aenter__(self) -> StaleWhileRevalidate:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def xfetch(
    redis: Redis, key: str, load: Load, *,
    ttl: float, beta: float = 1.0, absent_ttl: float = 1.0, draw: Draw = random.random,
) -> str | None:  # fmt: skip
    """Probabilistic early expiration (XFetch): a reader reloads early, by chance, before everybody has to.

    With τ seconds left and a load that takes δ, a reader reloads with probability e^(−τ/δβ): rarely long before the
    expiry, certainly at it. With Poisson arrivals e^(1/β) readers reload per expiry on average, however many ask.

    Units: ttl, absent_ttl in seconds; beta at least 0: a higher one reloads earlier, 0 never early; draw() in [0, 1).
    Cost: hit, 1 round trip; miss or early reload, 2 and one load. The value is stored with δ in front.
    Raises: what load raises, and then caches nothing.
    Does not: protect a cold key: there is nothing to reload early; limit reloads to one; help a rarely read key.
    Source: Vattani, Chierichetti, Lowenstein, PVLDB 8(8), 2015, doi:10.14778/2757807.2757813.

    >>> async def load(): return await asyncio.sleep(0.1, "Ann")
    >>> await xfetch(redis, "user:42", load, ttl=60), await redis.get("user:42")
    ('Ann', 'δ=0.100000;Ann')
    """
    require_text(redis)
    require(0 <= beta < math.inf, "beta", beta, "a number, at least 0")
    ttl_ms, absent_ms = milliseconds("ttl", ttl), milliseconds("absent_ttl", absent_ttl)
    async with redis.pipeline(transaction=False) as pipe:
        pipe.get(key)
        pipe.pttl(key)
        text, left_ms = await pipe.execute()
    if timed := TIMED.fullmatch(text or ""):  # anything else was stored by another strategy, and is a miss
        early = -float(timed["load_time"]) * beta * math.log(1 - draw())  # 1 - draw() is uniform too, and never 0
        if left_ms / 1000 >= early:
            return unpack(timed["stored"])
    now = asyncio.get_running_loop().time
    start = now()
    value = await load()
    await redis.set(key, f"δ={now() - start:.6f};{pack(value)}", px=absent_ms if value is None else ttl_ms)
    return value


TIMED = re.compile(r"δ=(?P<load_time>\d+\.\d{6});(?P<stored>.*)", re.DOTALL)
