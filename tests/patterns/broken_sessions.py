"""Broken twins of the sessions: each has one thing wrong, named on the first line. Tests show that each one fails."""

from __future__ import annotations

from course_lib.patterns.sessions import Sessions

# Wrong: it renews idle at each use, and knows no other end.
SLIDES_FOR_EVER = """
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
if ARGV[3] then redis.call('HSET', KEYS[1], unpack(ARGV, 3)) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return redis.call('HGETALL', KEYS[1])"""

# Wrong: it writes without a look whether there is such a session.
WRITES_UNCHECKED = """
if ARGV[3] then redis.call('HSET', KEYS[1], unpack(ARGV, 3)) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return redis.call('HGETALL', KEYS[1])"""

# Wrong: the old session keeps its data, and lives on.
COPIES = """
local time, held = redis.call('TIME'), redis.call('HGETALL', KEYS[2])
if held[1] then redis.call('HSET', KEYS[1], unpack(held)) end
redis.call('HSET', KEYS[1], '', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2], unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[1])"""


class KeepsItsId(Sessions):
    """Wrong: who logs in keeps the id that somebody may have planted."""

    async def log_in(self, old: str = "", /, **fields: str) -> str:
        if old and await self.use(old, **fields) is not None:
            return old
        return await super().log_in("", **fields)


class LogsInInTwoSteps(Sessions):
    """Wrong: it begins the new session and then ends the old one; between the two both have the data."""

    async def log_in(self, old: str = "", /, **fields: str) -> str:
        data = await self.use(old) or {}
        new = await super().log_in("", **(data | fields))
        await self.log_out(old)
        return new
