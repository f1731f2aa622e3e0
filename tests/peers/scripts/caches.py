"""Faults of caches: `caches.py FAULT URL`. Of a crowd, this is one process; it waits for the word to begin."""

import asyncio
import threading
import time
from urllib.parse import urlsplit

import aiocache
import cashews
import dogpile.cache
import redis
from talk import hear, listen, say

LOAD = 1.0  # s
CALLERS = 8


def cashews_incr(url):
    async def main():
        cache = cashews.Cache()
        cache.setup(url)
        await cache.incr("one", expire=60)
        await cache.incr("two", value=2, expire=60)
        await cache.close()

    asyncio.run(main())
    client = redis.Redis.from_url(url)
    return {"one": client.ttl("one"), "two": client.ttl("two")}


def cashews_lost_ping(url, proxied):
    """One holds the lock; another, whose connection loses a reply to PING, wants it."""

    async def main():
        one, other = cashews.Cache(), cashews.Cache()
        one.setup(url)
        other.setup(proxied)
        await other.set("connected", 1)
        async with one.lock("job", expire=60):
            say("ready")
            await asyncio.to_thread(hear)
            async with other.lock("job", expire=60, wait=False):
                return bool(await one.exists("job"))

    return {"the first still holds it": asyncio.run(main()), "the second": "is in"}


def aiocached(url, load):
    place = urlsplit(url)
    decorate = aiocache.cached_stampede(
        lease=10, ttl=60, key="page", cache=aiocache.Cache.REDIS, endpoint=place.hostname, port=place.port
    )
    return decorate(load)


def aiocache_crowd(url):
    loads = []

    async def load():
        loads.append(1)
        await asyncio.sleep(LOAD)
        return "page"

    async def main():
        page = aiocached(url, load)
        say("ready")
        await asyncio.to_thread(hear)
        await asyncio.gather(*(page() for _ in range(CALLERS)))

    asyncio.run(main())
    return len(loads)


def aiocache_absent(url):
    loads = []

    async def load():
        loads.append(1)

    async def main():
        page = aiocached(url, load)
        for _ in range(3):
            await page()

    asyncio.run(main())
    return len(loads)


def dogpile_crowd(url, distributed):
    loads = []
    more = {"distributed_lock": True, "thread_local_lock": False, "lock_timeout": 10} if distributed == "yes" else {}
    region = dogpile.cache.make_region().configure("dogpile.cache.redis", arguments={"url": url, **more})

    def load():
        loads.append(1)
        time.sleep(LOAD)
        return "page"

    threads = [threading.Thread(target=region.get_or_create, args=("page", load)) for _ in range(CALLERS)]
    say("ready")
    hear()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(loads)


listen(
    {
        "cashews_incr": cashews_incr,
        "cashews_lost_ping": cashews_lost_ping,
        "aiocache_crowd": aiocache_crowd,
        "aiocache_absent": aiocache_absent,
        "dogpile_crowd": dogpile_crowd,
    }
)
