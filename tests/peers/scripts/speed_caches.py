"""Contenders of the benchmark of caches: `speed_caches.py CONTENDER URL`.

`crowd(key, callers, at)` lets so many ask for a cold page at one instant, and says how many loads there were and how
long the last one waited; `hit` asks for one that is there. A load takes 0.15 s.
"""

import asyncio
import secrets
import threading
import time
from urllib.parse import urlsplit

import redis
import redis.asyncio
from speed import serve

LOAD = 0.15  # s
SOON = {"poll": 0.005, "growth": 1.0}  # for a short wait: pauses that do not grow


class Async:
    def __init__(self, url):
        self.url, self.loads = url, 0

    async def load(self):
        self.loads += 1
        await asyncio.sleep(LOAD)
        return "page"

    async def open(self):
        self.redis = redis.asyncio.Redis.from_url(self.url, decode_responses=True)

    async def warm(self):
        await self.page("warm")
        await asyncio.gather(*(self.redis.ping() for _ in range(16)))  # so many connections

    async def hit(self):
        await self.page("warm")

    async def by_hand(self):
        await self.redis.get("warm")

    async def crowd(self, key, callers, at):
        self.loads = 0
        await asyncio.sleep(max(0.0, at - time.monotonic()))

        async def ask():
            assert await self.page(key) == "page"
            return time.monotonic() - at

        waits = await asyncio.gather(*(ask() for _ in range(callers)))
        return {"loads": self.loads, "worst": max(waits)}


class Minimal(Async):
    """Naive, by hand: GET, and on a miss a load and a SET."""

    async def page(self, key):
        value = await self.redis.get(key)
        if value is None:
            value = await self.load()
            await self.redis.set(key, value, px=60_000)
        return value


class CacheAside(Async):
    async def page(self, key):
        from course_lib.patterns import cache_aside

        return await cache_aside(self.redis, key, self.load, ttl=60)


class LockAndWait(Async):
    async def page(self, key):
        from course_lib.patterns import lock_and_wait

        return await lock_and_wait(self.redis, key, self.load, ttl=60, lock_ttl=10, wait=30, **SOON)

    async def by_hand(self):
        """It must also see, in the same round trip, whether somebody loads."""
        await self.redis.mget("warm", "lock:{warm}")


class LockOrStale(Async):
    async def page(self, key):
        from course_lib.patterns import lock_or_stale

        return await lock_or_stale(self.redis, key, self.load, ttl=60, stale=60, lock_ttl=10, wait=30)

    async def by_hand(self):
        """It must also see how fresh the value is, and whether somebody reloads it."""
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.mget("warm", "lock:{warm}")
            pipe.pttl("warm")
            await pipe.execute()


class SingleFlight(Async):
    async def open(self):
        from course_lib.patterns import SingleFlight, lock_and_wait

        await super().open()
        self.flight = SingleFlight()
        self.locked = lambda key: lock_and_wait(self.redis, key, self.load, ttl=60, lock_ttl=10, wait=30, **SOON)

    async def page(self, key):
        return await self.flight.do(key, lambda: self.locked(key))


class Described(Async):
    """Lock and wait as redis.io's "Redis cache-aside with redis-py" describes it, in our words and with asyncio."""

    async def page(self, key):
        value = await self.redis.get(key)
        if value is not None:
            return value
        token = secrets.token_hex(8)
        if await self.redis.set(f"lock:{key}", token, nx=True, px=2000):
            value = await self.load()
            await self.redis.set(key, value, px=60_000)
            if await self.redis.get(f"lock:{key}") == token:
                await self.redis.delete(f"lock:{key}")
            return value
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            await asyncio.sleep(0.025)
            value = await self.redis.get(key)
            if value is not None:
                return value
        return await self.load()


class Cashews(Async):
    async def open(self):
        import cashews

        await super().open()
        cache = cashews.Cache()
        cache.setup(self.url)

        @cache(ttl="60s", key="cashews:{key}", lock=True)
        async def page(key):
            return await self.load()

        self.page = page


class Aiocache(Async):
    async def open(self):
        import aiocache

        await super().open()
        place = urlsplit(self.url)
        self.decorate = aiocache.cached_stampede(
            lease=10,
            ttl=60,
            key_builder=lambda _, key: f"aiocache:{key}",
            cache=aiocache.Cache.REDIS,
            endpoint=place.hostname,
            port=place.port,
        )

        async def page(key):
            return await self.load()

        self.page = self.decorate(page)


class Dogpile:
    """Threads, and a lock in Redis, which is not its default."""

    def __init__(self, url):
        import dogpile.cache

        self.loads = 0
        more = {"distributed_lock": True, "thread_local_lock": False, "lock_timeout": 10}
        self.region = dogpile.cache.make_region().configure(
            "dogpile.cache.redis", expiration_time=60, arguments={"url": url, **more}
        )

    def load(self):
        self.loads += 1
        time.sleep(LOAD)
        return "page"

    def page(self, key):
        return self.region.get_or_create(f"dogpile:{key}", self.load)

    def warm(self):
        self.crowd("warm", 16, 0)

    def hit(self):
        self.page("warm")

    def crowd(self, key, callers, at):
        self.loads, waits = 0, []

        def ask():
            time.sleep(max(0.0, at - time.monotonic()))
            assert self.page(key) == "page"
            waits.append(time.monotonic() - at)

        threads = [threading.Thread(target=ask) for _ in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {"loads": self.loads, "worst": max(waits)}


serve(
    {
        "minimal, naive": Minimal,
        "ours, cache_aside": CacheAside,
        "ours, lock_and_wait": LockAndWait,
        "ours, lock_or_stale": LockOrStale,
        "ours, single-flight + lock": SingleFlight,
        "redis.io's description": Described,
        "cashews, lock": Cashews,
        "aiocache, cached_stampede": Aiocache,
        "dogpile, distributed lock": Dogpile,
    }
)
