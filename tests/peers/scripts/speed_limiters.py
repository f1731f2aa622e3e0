"""Contenders of the benchmark of rate limiters: `speed_limiters.py CONTENDER URL`.

`hit` asks with a limit that is never reached; `storm` asks with 20 a second, at the times of a timetable, and says
when each admitted request was sent and answered.
"""

import asyncio
import time

import redis
import redis.asyncio
from speed import Recorder, serve

PLENTY = 10**6
LIMIT, BURST = 20, 10
INCREMENT = """
local used = redis.call('INCR', KEYS[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return used"""


class Plain:
    """`few` and `many` ask for one request: with 20 a second, and with a limit out of reach."""

    def hit(self):
        assert self.many()

    def storm(self, timetable):
        admitted = []
        for at in timetable:
            time.sleep(max(0.0, at - time.monotonic()))
            sent = time.monotonic()
            if self.few():
                admitted.append([sent, time.monotonic()])
        return admitted


class Async:
    async def hit(self):
        assert await self.many()

    async def storm(self, timetable):
        admitted = []
        for at in timetable:
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            sent = time.monotonic()
            if await self.few():
                admitted.append([sent, time.monotonic()])
        return admitted


class MinimalSync(Plain):
    def __init__(self, url):
        self.redis = redis.Redis.from_url(url)
        self.sha = self.redis.script_load(INCREMENT)

    def many(self):
        return self.redis.evalsha(self.sha, 1, "minimal", 1_000_000) <= PLENTY

    def few(self):
        return self.redis.evalsha(self.sha, 1, "minimal few", 1000) <= LIMIT


class MinimalAsync(Async):
    def __init__(self, url):
        self.url = url

    async def open(self):
        self.redis = redis.asyncio.Redis.from_url(self.url)
        self.sha = await self.redis.script_load(INCREMENT)

    async def many(self):
        return await self.redis.evalsha(self.sha, 1, "minimal asyncio", 1_000_000) <= PLENTY

    async def few(self):
        return await self.redis.evalsha(self.sha, 1, "minimal asyncio few", 1000) <= LIMIT


def ours(kind):
    class Ours(Async):
        def __init__(self, url):
            self.url = url

        async def open(self):
            client = redis.asyncio.Redis.from_url(self.url, decode_responses=True)
            self.limiters = our_limiter(client, kind, LIMIT, 1), our_limiter(client, kind, PLENTY, 1000)
            hand = by_hand(kind)(self.url)
            await hand.open()
            self.by_hand = hand.hit

        async def few(self):
            return (await self.limiters[0].hit("few")).allowed

        async def many(self):
            return (await self.limiters[1].hit("many")).allowed

    return Ours


def by_hand(kind):
    """What ours sends, with a new request id each time, and nothing around the call."""

    class ByHand(Async):
        def __init__(self, url):
            self.url, self.number = url, 0

        async def open(self):
            recorder = Recorder.from_url(self.url, decode_responses=True)
            limiter = our_limiter(recorder, kind, PLENTY, 1000, token=lambda: "t0ken")
            await limiter.hit("by hand")
            recorder.sent = []
            await limiter.hit("by hand")
            (self.sent,) = recorder.sent
            self.redis = redis.asyncio.Redis.from_url(self.url, decode_responses=True)

        async def many(self):
            self.number += 1
            name = str(self.number)
            call = [part.replace("t0ken", name) if isinstance(part, str) else part for part in self.sent]
            return (await self.redis.execute_command(*call))[1] == 0

    return ByHand


def our_limiter(client, kind, limit, period, **more):
    from course_lib.patterns import ratelimit

    if kind in ("TokenBucket", "GCRA"):
        more["burst"] = BURST if limit == LIMIT else PLENTY
    return getattr(ratelimit, kind)(client, "hits", limit=limit, period=period, **more)


def limits_(kind):
    class Limits(Plain):
        def __init__(self, url):
            import limits
            from limits.storage import RedisStorage

            self.limiter = getattr(limits.strategies, kind)(RedisStorage(url))
            self.items = limits.RateLimitItemPerSecond(LIMIT, 1), limits.RateLimitItemPerSecond(PLENTY, 1000)

        def few(self):
            return self.limiter.hit(self.items[0], kind)

        def many(self):
            return self.limiter.hit(self.items[1], kind)

    return Limits


def throttled_(kind):
    class Throttled(Plain):
        def __init__(self, url):
            import throttled

            store = throttled.store.RedisStore(server=url)
            bucket = kind in ("token_bucket", "gcra", "leaking_bucket")
            quotas = [
                throttled.rate_limiter.per_sec(LIMIT, **({"burst": BURST} if bucket else {})),
                throttled.rate_limiter.per_sec(PLENTY, **({"burst": PLENTY} if bucket else {})),
            ]
            self.limiters = [throttled.Throttled(using=kind, quota=quota, store=store) for quota in quotas]

        def few(self):
            return not self.limiters[0].limit(f"few {kind}").limited

        def many(self):
            return not self.limiters[1].limit(f"many {kind}").limited

    return Throttled


class Pyrate(Plain):
    def __init__(self, url):
        import pyrate_limiter

        client = redis.Redis.from_url(url)
        rates = pyrate_limiter.Rate(LIMIT, 1000), pyrate_limiter.Rate(PLENTY, 1_000_000)
        self.limiters = [
            pyrate_limiter.Limiter(pyrate_limiter.RedisBucket.init([rate], client, f"pyrate {rate.limit}"))
            for rate in rates
        ]

    def few(self):
        return self.limiters[0].try_acquire("few", blocking=False)

    def many(self):
        return self.limiters[1].try_acquire("many", blocking=False)


OURS = ("FixedWindow", "SlidingLog", "SlidingCounter", "TokenBucket", "GCRA")
LIMITS = ("FixedWindowRateLimiter", "MovingWindowRateLimiter", "SlidingWindowCounterRateLimiter")
THROTTLED = ("fixed_window", "sliding_window", "token_bucket", "leaking_bucket", "gcra")
serve(
    {
        "minimal, sync": MinimalSync,
        "minimal, asyncio": MinimalAsync,
        **{f"ours, {kind}": ours(kind) for kind in OURS},
        **{f"by hand, {kind}": by_hand(kind) for kind in OURS},
        **{f"limits, {kind.removesuffix('RateLimiter')}": limits_(kind) for kind in LIMITS},
        **{f"throttled-py, {kind}": throttled_(kind) for kind in THROTTLED},
        "pyrate-limiter": Pyrate,
    }
)
