"""The pattern book: what the course teaches, one pattern to a screen, in reading order.

- `keys`          names by schema, versions, generations
- `audit`         find the keys that break the rules, and remove old versions
- `cache`         cache-aside, negative caching, TTL jitter, and how a value is stored
- `typed`         values that carry the version of their shape
- `through`       read-through, write-through, write-behind; what to do while Redis is away
- `loadlock`      the right to load one key: the lock under the two chapters that follow
- `stampede`      one load at a time: lock and wait, single-flight
- `refresh`       reload before anybody must wait: lock and placeholder, stale-while-revalidate, XFetch
- `invalidation`  delete on write, the stale-set race and its guards, near caches
- `ratelimit`     fixed window, sliding log, sliding counter, token bucket, GCRA
- `locks`         a lock on one node, its lease, its fence
- `redlock`       a lock on a majority of nodes, and a resource that checks fences
- `sessions`      a new id at each log-in, two ends
- `queues`        Pub/Sub and its loss, work queues on streams, idempotent handlers
- `leaderboards`  ranks, ties, places around a member
- `basics`        what every chapter needs: checked arguments, tokens, hash tags, work that is not cut

Patterns use redis.asyncio and the standard library only, and no clock but the event loop's; so the same code runs in
virtual time, on fakeredis and on real servers.
"""

from __future__ import annotations

from course_lib.patterns.cache import Load, cache_aside, jittered
from course_lib.patterns.refresh import StaleWhileRevalidate, lock_or_stale, xfetch
from course_lib.patterns.stampede import SingleFlight, lock_and_wait

__all__ = [
    "Load",
    "SingleFlight",
    "StaleWhileRevalidate",
    "cache_aside",
    "jittered",
    "lock_and_wait",
    "lock_or_stale",
    "xfetch",
]
