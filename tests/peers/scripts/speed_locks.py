"""Contenders of the benchmark of locks: `speed_locks.py CONTENDER URL…`. A cycle is acquire and release.

What each library is given is what its documentation shows; TTLs are 10 s.
"""

import asyncio
import secrets

import redis
import redis.asyncio
from speed import Recorder, serve

RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

WAKE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('RPUSH', KEYS[2], '')
return redis.call('PEXPIRE', KEYS[2], 1000)"""


def retrying(module, url):
    """A client as its constructor makes it."""
    parts = redis.connection.parse_url(url)
    return module.Redis(host=parts["host"], port=parts["port"], decode_responses=True)


class MinimalSync:
    """As few calls as there can be, by hand."""

    def __init__(self, url):
        self.redis = redis.Redis.from_url(url)
        self.sha = self.redis.script_load(RELEASE)

    def acquire(self):
        self.token = secrets.token_hex(16)
        return self.redis.set("minimal", self.token, nx=True, px=10_000)

    def release(self):
        self.redis.evalsha(self.sha, 1, "minimal", self.token)

    def cycle(self):
        self.acquire()
        self.release()


class MinimalAsync:
    """As few rounds as there can be, by hand, at all nodes at once."""

    def __init__(self, *urls):
        self.nodes = [redis.asyncio.Redis.from_url(url) for url in urls]

    async def open(self):
        for node in self.nodes:
            self.sha = await node.script_load(RELEASE)

    async def cycle(self):
        token = secrets.token_hex(16)
        if len(self.nodes) == 1:
            await self.nodes[0].set("minimal", token, nx=True, px=10_000)
            await self.nodes[0].evalsha(self.sha, 1, "minimal", token)
        else:
            await asyncio.gather(*(node.set("minimal", token, nx=True, px=10_000) for node in self.nodes))
            await asyncio.gather(*(node.evalsha(self.sha, 1, "minimal", token) for node in self.nodes))


class WakeByHand:
    """SET NX, BLPOP for a wake-up, and a script that frees and wakes: as few calls as a prompt hand-over takes."""

    def __init__(self, url):
        self.url = url

    async def open(self):
        self.redis = redis.asyncio.Redis.from_url(self.url)
        self.sha = await self.redis.script_load(WAKE)

    async def acquire(self):
        self.token = secrets.token_hex(16)
        while not await self.redis.set("by hand", self.token, nx=True, px=10_000):
            await self.redis.blpop(["by hand:wake"], 10)

    async def release(self):
        await self.redis.evalsha(self.sha, 2, "by hand", "by hand:wake", self.token)

    async def cycle(self):
        await self.acquire()
        await self.release()


async def in_time(call):
    async with asyncio.timeout(5):
        return await call


class ByHand:
    """What ours sends, which also fences and wakes, sent again with nothing around the calls but their time-outs."""

    def __init__(self, *urls):
        self.urls = urls

    async def open(self):
        nodes = [Recorder.from_url(url, decode_responses=True) for url in self.urls]
        lock = our_lock(nodes, "by hand")
        for _ in range(2):  # the second time, the servers know the scripts
            for node in nodes:
                node.sent = []
            await (await lock.acquire()).release()
        self.steps = list(zip(*(node.sent for node in nodes), strict=True))
        assert len(self.steps) == 2, self.steps
        self.nodes = [redis.asyncio.Redis.from_url(url, decode_responses=True) for url in self.urls]

    async def cycle(self):
        for step in self.steps:
            calls = [in_time(node.execute_command(*call)) for node, call in zip(self.nodes, step, strict=True)]
            if len(calls) == 1:
                await calls[0]
            else:
                await asyncio.gather(*calls)


def our_lock(nodes, name):
    from course_lib.patterns.locks import Lock
    from course_lib.patterns.redlock import Redlock

    return Lock(nodes[0], name, ttl=10) if len(nodes) == 1 else Redlock(nodes, name, ttl=10, timeout=5)


class Ours:
    def __init__(self, *urls):
        self.urls = urls

    async def open(self):
        self.lock = our_lock([redis.asyncio.Redis.from_url(url, decode_responses=True) for url in self.urls], "ours")
        hand = ByHand(*self.urls)
        await hand.open()
        self.by_hand = hand.cycle

    async def acquire(self):
        self.lease = await self.lock.acquire(wait=10)

    async def release(self):
        await self.lease.release()

    async def cycle(self):
        lease = await self.lock.acquire(wait=10)
        await lease.release()


class RedisPySync:
    def __init__(self, url):
        self.redis = retrying(redis, url)

    def acquire(self):
        self.lock = self.redis.lock("redis-py", timeout=10)
        self.lock.acquire()

    def release(self):
        self.lock.release()

    def cycle(self):
        self.acquire()
        self.release()


class RedisPyAsync:
    def __init__(self, url):
        self.url = url

    async def open(self):
        self.redis = retrying(redis.asyncio, self.url)

    async def acquire(self):
        self.lock = self.redis.lock("redis-py-asyncio", timeout=10)
        await self.lock.acquire()

    async def release(self):
        await self.lock.release()

    async def cycle(self):
        await self.acquire()
        await self.release()


class Held:
    """A peer whose `lock` makes an object for each acquisition."""

    def acquire(self):
        self.held = self.lock()
        self.held.acquire()

    def release(self):
        self.held.release()

    def cycle(self):
        self.acquire()
        self.release()


class PythonRedisLock(Held):
    def __init__(self, url):
        import redis_lock

        self.lock = lambda: redis_lock.Lock(self.redis, "prl", expire=10)
        self.redis = redis.StrictRedis.from_url(url)


class Pottery(Held):
    def __init__(self, *urls):
        import pottery

        masters = {redis.Redis.from_url(url) for url in urls}
        self.lock = lambda: pottery.Redlock(key="pottery", masters=masters, auto_release_time=10)


class RedlockPy:
    def __init__(self, *urls):
        import redlock

        self.locks = redlock.Redlock([redis.Redis.from_url(url) for url in urls])

    def cycle(self):
        self.locks.unlock(self.locks.lock("redlock-py", 10_000))


class RedlockNg:
    def __init__(self, *urls):
        self.urls = urls

    async def open(self):
        import redlock

        self.locks = redlock.AsyncRedlock(redlock.RedlockConfig(masters=list(self.urls), socket_timeout=5))

    async def cycle(self):
        await self.locks.release(await self.locks.acquire("redlock-ng", 10_000))


serve(
    {
        "minimal, sync": MinimalSync,
        "minimal, asyncio": MinimalAsync,
        "by hand, wake-up": WakeByHand,
        "by hand, our scripts": ByHand,
        "ours": Ours,
        "redis-py, sync": RedisPySync,
        "redis-py, asyncio": RedisPyAsync,
        "python-redis-lock": PythonRedisLock,
        "pottery": Pottery,
        "redlock-py": RedlockPy,
        "redlock-ng, asyncio": RedlockNg,
    }
)
