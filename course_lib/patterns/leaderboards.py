"""Leaderboards: a sorted set, and what it leaves open: who leads among equals, and how large a score stays exact."""

from __future__ import annotations

from typing import Literal, NamedTuple

from redis.asyncio import Redis

from course_lib.errors import OutOfRange
from course_lib.patterns.basics import (
    Token,
    beside,
    milliseconds,
    new_token,
    require,
    require_storable,
    require_text,
)

# KEYS: board, number of changes, mark of the event. ARGV: member, points, ties, 2^tie_bits, TTLs of board and mark, ms.
# Returns the member's points; or nil if a score would not be exact, and then changes nothing.
# Atomic, because what it writes follows from what it read, and changes are numbered in the order of the writes.
ADD = """
local score, most = redis.call('ZSCORE', KEYS[1], ARGV[1]), tonumber(ARGV[4])
local unit, change = ARGV[3] == 'shared' and 1 or most, (redis.call('GET', KEYS[2]) or 0) + 1
local had = score and math.floor(score / unit)
local points = (had or 0) + ARGV[2]
if points == had or redis.call('EXISTS', KEYS[3]) == 1 then return had or 0 end
if math.abs(points) >= 2 ^ 53 / most or change >= most then return false end
local tie = ({first = most - change, last = change, shared = 0})[ARGV[3]]
redis.call('ZADD', KEYS[1], string.format('%.0f', points * unit + tie), ARGV[1])
redis.call('SET', KEYS[2], change, 'KEEPTTL')
redis.call('SET', KEYS[3], '', 'PX', ARGV[6])
for at = 1, 2 do redis.call('PEXPIRE', KEYS[at], ARGV[5], 'NX') end
return points"""
# KEYS: board. ARGV: first row, last row, and perhaps a member, from whose row they are then counted. Returns the first
# row, the number of members above it, and the rows.
# Atomic, because members may move between the question for a rank and the one for the rows around it.
ROWS = """
local at = ARGV[3] and redis.call('ZREVRANK', KEYS[1], ARGV[3])
if ARGV[3] and not at then return {0, 0, {}} end
local first = math.max(0, (at or 0) + ARGV[1])
local rows = redis.call('ZREVRANGE', KEYS[1], first, (at or 0) + ARGV[2], 'WITHSCORES')
return {first, redis.call('ZCOUNT', KEYS[1], '(' .. (rows[2] or 0), '+inf'), rows}"""

# KEYS: the sum, the boards. ARGV: the sum's ttl in ms. Atomic, because after a crash in between it would never end.
SUM = """
redis.call('ZUNIONSTORE', KEYS[1], #KEYS - 1, unpack(KEYS, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])"""


class Place(NamedTuple):
    """A row of a leaderboard; rank 1 leads."""

    rank: int
    member: str
    points: int


class Leaderboard:
    """Leaderboard with a tie policy: among equals the "first" to get there leads, or the "last"; "shared": 1, 2, 2, 4.

    A score is a double, exact for whole numbers below 2^53. Its upper bits hold the points, and its lower tie_bits the
    number of the change that led to them: unlike times, two such numbers are never equal, and no clock can step back.
    An `event` counts once within `remember`. Without a name each call is an event of its own, so redis-py's retry after
    a lost reply does not count twice. Make a board for each period: it ends `ttl` after its first score.

        >>> board = Leaderboard(redis, "points:{arcade}:2026-11-23", ttl=8 * 86400)
        >>> await board.add("ann", 7), await board.add("bob", 9), await board.around("ann")
        (7, 9, [Place(rank=2, member='ann', points=7)])

    Units: ttl, remember in seconds; |points| < 2^(53 - tie_bits), fewer than 2^tie_bits changes.
    Cost: 1 round trip each; add O(log size), top and around O(log size + rows), sum_of O(all rows).
    Raises: OutOfRange if a score would not be exact, and then nothing is changed.
    Does not: restart the numbers of changes, so a board that never ends needs more tie_bits; know when a sum was
        reached.
    Source: redis.io, "Redis sorted sets" (ties are bytewise, by member); IEEE 754 (53 bits).
    """

    def __init__(
        self, redis: Redis, key: str, *, ties: Literal["first", "last", "shared"] = "first", tie_bits: int = 24,
        ttl: float = 1e9, remember: float = 60.0, token: Token = new_token,
    ) -> None:  # fmt: skip
        require_text(redis)
        require(ties in ("first", "last", "shared"), "ties", ties, '"first", "last" or "shared"')
        require(tie_bits in range(1, 53), "tie_bits", tie_bits, "a whole number from 1 to 52")
        self.redis, self.key, self.ties, self.unit, self.token = redis, key, ties, 2**tie_bits, token
        self.ttl_ms, self.remember_ms = milliseconds("ttl", ttl), milliseconds("remember", remember)

    async def add(self, member: str, points: int, *, event: str | None = None) -> int:
        """Add points, or take some away if they are below 0; return the member's points."""
        require(type(points) is int, "points", points, "a whole number")
        require_storable("member", member)
        mark = beside("scored", self.key, self.token() if event is None else event)
        keys = [self.key, beside("changes", self.key), mark]
        args = [member, points, self.ties, self.unit, self.ttl_ms, self.remember_ms]
        if (now := await self.redis.register_script(ADD)(keys=keys, args=args)) is None:
            most = 2**53 // self.unit
            raise OutOfRange(f"{member!r} {points:+}: points must stay below {most}, changes below {self.unit}")
        return int(now)

    async def top(self, rows: int = 10) -> list[Place]:
        """The first rows, best first."""
        require(rows >= 0, "rows", rows, "a whole number, at least 0")
        return await self._places(0, rows - 1) if rows else []

    async def around(self, member: str, rows: int = 0) -> list[Place]:
        """A member's place, and up to `rows` rows before and after it; an empty list if it has no points."""
        require(rows >= 0, "rows", rows, "a whole number, at least 0")
        return await self._places(-rows, rows, member)

    async def sum_of(self, *boards: str) -> None:
        """Become the sum of other boards with the same hash tag, such as the days of a week. All need shared ties."""
        require(self.ties == "shared", "ties", self.ties, '"shared": a sum is not reached in one moment')
        require(0 < len(boards) < self.unit, "boards", boards, "1 to 2^tie_bits keys")
        await self.redis.register_script(SUM)(keys=[self.key, *boards], args=[self.ttl_ms])

    async def _places(self, *ask: int | str) -> list[Place]:
        first, leaders, rows = await self.redis.register_script(ROWS)(keys=[self.key], args=ask)
        places, rank, last = [], leaders + 1, rows[1:2]
        for at, (member, score) in enumerate(zip(rows[::2], rows[1::2], strict=True), start=first + 1):
            rank, last = rank if [score] == last else at, [score]
            places.append(Place(rank, member, int(float(score)) // (1 if self.ties == "shared" else self.unit)))
        return places
