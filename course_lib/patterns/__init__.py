"""The pattern book: what the course teaches, one pattern to a screen, in reading order.

- `keys`          names by schema, versions, generations
- `audit`         find the keys that break the rules, and remove old versions
- `cache`         cache-aside, negative caching, TTL jitter, and how a value is stored
- `typed`         values that carry the version of their shape
- `through`       read-through, write-through, write-behind; what to do while Redis is away
- `loadlock`      the right to load one key: the lock under the next two chapters
- `stampede`      one load at a time: lock and wait, single-flight
- `refresh`       reload before anybody has to wait: lock and placeholder, stale-while-revalidate, XFetch
- `invalidation`  delete on write, the stale-set race and its guards, near caches
- `outbox`        deletes that no crash can lose: written down with the row, done by a relay
- `ratelimit`     fixed window, sliding log, sliding counter, token bucket, GCRA
- `locks`         a lock on one node, its lease, its fence
- `redlock`       a lock on a majority of nodes, and a resource that checks fences
- `sessions`      a new id at each log-in, an idle end and an absolute end
- `queues`        work queues on streams, idempotent handlers, Pub/Sub and what it loses
- `leaderboards`  ranks, ties, places around a member
- `basics`        what every chapter needs: checked arguments, tokens, hash tags, work that is not cut

Patterns use redis.asyncio and the standard library only, and read no clock but the event loop's. So the same code runs
in virtual time, on fakeredis and on real servers.

What holds everywhere is said here and not repeated. Times are float seconds, from 0.001 to 1e9 where a docstring gives
no other range. Every pattern raises BadArgument for an argument outside its range, and lets redis-py's errors through.
A round trip is one message to one Redis server and its reply. Clients are made with decode_responses=True.
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
