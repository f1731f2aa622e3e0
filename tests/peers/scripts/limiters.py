"""Faults of rate limiters: `limiters.py FAULT URL`."""

import time

import limits
import pyrate_limiter
import redis
import throttled
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from talk import listen


def throttled_bucket(url):
    """100 a second, 10 at once: as fast as it goes, 500 times."""
    limiter = throttled.Throttled(
        using="token_bucket",
        quota=throttled.rate_limiter.per_sec(100, burst=10),
        store=throttled.store.RedisStore(server=url),
    )
    began = time.monotonic()
    admitted = sum(not limiter.limit("ann").limited for _ in range(500))
    return {"admitted": admitted, "seconds": time.monotonic() - began}


def pyrate_noscript(url):
    """The script is loaded once; the server forgets it, as at a restart or a failover."""
    client = redis.Redis.from_url(url)
    bucket = pyrate_limiter.RedisBucket.init([pyrate_limiter.Rate(5, 1000)], client, "ann")
    limiter = pyrate_limiter.Limiter(bucket)
    limiter.try_acquire("ann", blocking=False)
    said = {"ttl": client.pttl("ann")}
    client.script_flush()
    try:
        limiter.try_acquire("ann", blocking=False)
    except redis.exceptions.NoScriptError as error:
        said["error"] = type(error).__name__
    return said


def limits_clock(url, ahead):
    """5 in 10 s, asked for 8 times; this machine's clock is so many seconds ahead."""
    real = time.time
    time.time = lambda: real() + float(ahead)
    limiter = MovingWindowRateLimiter(RedisStorage(url))
    item = limits.RateLimitItemPerSecond(5, 10)
    admitted = sum(limiter.hit(item, "ann") for _ in range(8))
    client = redis.Redis.from_url(url)
    (key,) = client.scan_iter("*ann*")
    return {"admitted": admitted, "entries": client.llen(key)}


listen({"throttled_bucket": throttled_bucket, "pyrate_noscript": pyrate_noscript, "limits_clock": limits_clock})
