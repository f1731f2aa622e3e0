"""Sessions: what a site knows of a visitor from one request to the next. The cookie holds only an id."""

from __future__ import annotations

import re
from hashlib import sha256

from redis.asyncio import Redis

from course_lib.patterns.basics import Token, milliseconds, new_token, require, require_storable, require_text

# KEYS: session. ARGV: idle, touch_every in ms, then fields and values to set. Returns all fields; '' holds its end.
# Atomic, because a session that ended between the look and the write would come back, and never end.
USE = """
local time = redis.call('TIME')
local left = (redis.call('HGET', KEYS[1], '') or 0) - time[1] * 1000 - math.floor(time[2] / 1000)
if left <= 0 then return {} end
if ARGV[3] then redis.call('HSET', KEYS[1], unpack(ARGV, 3)) end
local until_idle = redis.call('PTTL', KEYS[1])
left = math.min(left, ARGV[1])
if until_idle < left and until_idle <= ARGV[1] - ARGV[2] then redis.call('PEXPIRE', KEYS[1], left) end
return redis.call('HGETALL', KEYS[1])"""
# KEYS: new session; old one, or the new again. ARGV: idle, lifetime in ms, then fields and values to set.
# Atomic, because a crash halfway would leave two ids with the data, or no id.
BEGIN = """
local time = redis.call('TIME')
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('RENAME', KEYS[2], KEYS[1]) end
redis.call('HSET', KEYS[1], '', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2], unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[1])"""


class Sessions:
    """Server-side sessions: a new id at each log-in; an end `idle` after the last request, and after `lifetime`.

    Log-in moves the data to a new id, and the old id is dead, even for an attacker who planted it (session fixation). A
    request renews `idle`, and writes that down only if the last write was `touch_every` ago. Redis holds only an id's
    SHA-256. The first four characters of an id are its hash tag, which log-in keeps; the rest is a token. Two sites
    that share a server need different names, or the sessions of one are valid at the other.

        >>> sessions = Sessions(redis, "shop", idle=1800, lifetime=43200, touch_every=60)
        >>> visitor = await sessions.log_in(cart="duck")
        >>> member = await sessions.log_in(visitor, user="ann")
        >>> await sessions.use(member), await sessions.use(visitor)
        ({'cart': 'duck', 'user': 'ann'}, None)

    Units: idle, lifetime in seconds, by the server's clock; touch_every in seconds, from 0 to below idle. An unused
        session ends between idle - touch_every and idle after its last use.
    Cost: 1 round trip each.
    Raises: if log_in raises an error of redis-py, the old id is perhaps dead and the new one unknown.
    Does not: check passwords; end all sessions of a user; give the data to two log-ins with one id: the first gets it.
    Source: OWASP, Session Management Cheat Sheet.
    """

    def __init__(
        self, redis: Redis, name: str, *, idle: float, lifetime: float, touch_every: float = 0.0,
        token: Token = new_token,
    ) -> None:  # fmt: skip
        require_text(redis)
        self.redis, self.name, self.token = redis, name, token
        self.idle_ms, self.lifetime_ms = milliseconds("idle", idle), milliseconds("lifetime", lifetime)
        require("{" not in name, "name", name, "a name without {")
        require(idle <= lifetime, "idle", idle, "at most lifetime")
        require(0 <= touch_every < idle, "touch_every", touch_every, "seconds, from 0 to below idle")
        self.touch_ms = round(touch_every * 1000)

    async def log_in(self, old: str = "", /, **fields: str) -> str:
        """Begin a session and return its id. It takes over the data of the old session, if any, and ends that."""
        tag = old[:4] if re.match("[0-9a-f]{4}", old) else sha256(self.token().encode()).hexdigest()[:4]
        new = tag + self.token()
        keys = [self.key(new), self.key(old if old.startswith(tag) else new)]
        await self.redis.register_script(BEGIN)(keys=keys, args=[self.idle_ms, self.lifetime_ms, *flat(fields)])
        return new

    async def use(self, session_id: str, /, **fields: str) -> dict[str, str] | None:
        """Set fields, if any, and return all fields; None if there is no such session, or no longer."""
        args: list[str | int] = [self.idle_ms, self.touch_ms, *flat(fields)]
        held = await self.redis.register_script(USE)(keys=[self.key(session_id)], args=args)
        return {name: text for name, text in zip(held[::2], held[1::2], strict=True) if name} if held else None

    async def log_out(self, session_id: str) -> None:
        """End a session now."""
        await self.redis.unlink(self.key(session_id))

    def key(self, session_id: str) -> str:
        """The key of a session. It does not reveal the id."""
        plain = session_id.encode("ascii", "replace")
        return f"{self.name}:{{{plain[:4].decode()}}}:{sha256(plain).hexdigest()}"


def flat(fields: dict[str, str]) -> list[str]:
    """Names and values in turn."""
    require("" not in fields, "fields", fields, "fields with names")
    for name, value in fields.items():
        require_storable(name, value)
    return [text for pair in fields.items() for text in pair]
