"""Wrong programs for 07.4, each with one mistake, named as the check must name it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError, WatchError

AROUND = """
local place = redis.call('ZREVRANK', KEYS[1], ARGV[1])
if not place then return {0, {}} end
local first = {first}
return {first, redis.call('ZREVRANGE', KEYS[1], first, {last}, 'WITHSCORES')}"""
FIRST, LAST = "math.max(0, place - ARGV[2])", "place + ARGV[2]"


async def by_number(board: Any) -> int:
    """The later the game, the less."""
    return 511 - int(await board.redis.incr(f"{board.key}:games"))


async def too_few(board: Any) -> int:
    return int(await by_number(board)) - 256


async def nothing(board: Any) -> int:
    return 0


def a_board(
    order: Callable[[Any], Any] = by_number, *, factor: int = 512, gt: bool = True, first: str = FIRST,
    last: str = LAST,
    row: Callable[[int, str, int], Any] = lambda *row: row, rank_from: int = 1,
    counts: Callable[[int], bool] = lambda n: True,
    key: Callable[[str], str] = str, empty: Callable[[int], bool] = lambda rows: rows == 0, ttl: int | None = None,
    points_of: Callable[[float, int], Any] = lambda score, factor: int(score) // factor,
) -> Any:  # fmt: skip
    """The answer with one thing done otherwise; by default as it should be."""

    class Board:
        def __init__(self, redis: Any, key: str) -> None:
            self.redis, self.key = redis, key

        async def played(self, name: str, points: int) -> None:
            score = points * factor + await order(self)
            await self.redis.zadd(key(self.key), {name: score}, gt=gt)
            if ttl is not None:
                await self.redis.expire(self.key, ttl)

        async def top(self, rows: int) -> Any:
            found = [] if empty(rows) else await self.redis.zrevrange(key(self.key), 0, rows - 1, withscores=True)
            return self.rows(found, rank_from)

        async def around(self, name: str, rows: int) -> Any:
            script = AROUND.replace("{first}", first).replace("{last}", last)
            begin, flat = await self.redis.eval(script, 1, key(self.key), name, rows)
            return self.rows([*zip(flat[::2], map(float, flat[1::2]), strict=True)], begin + rank_from)

        def rows(self, found: list[tuple[str, float]], begin: int) -> list[Any]:
            rows = [(rank, name, points_of(score, factor)) for rank, (name, score) in enumerate(found, begin)]
            return [row(*one) for one in rows if counts(one[2])]

    return Board


Right: Any = a_board()


class InMemory:
    def __init__(self, redis: Any, key: str) -> None:
        self.best: dict[str, int] = {}

    async def played(self, name: str, points: int) -> None:
        if points > self.best.get(name, -1):
            self.best.pop(name, None)
            self.best[name] = points

    async def top(self, rows: int) -> Any:
        found = sorted(self.best.items(), key=lambda pair: -pair[1])
        return [(rank, name, points) for rank, (name, points) in enumerate(found[:rows], 1)]

    async def around(self, name: str, rows: int) -> Any:
        found = await self.top(len(self.best))
        place = next((rank for rank, one, _ in found if one == name), None)
        return [] if place is None else found[max(0, place - 1 - rows) : place + rows]


class AddsUp(Right):
    async def played(self, name: str, points: int) -> None:
        score = points * 512 + (0 if await self.redis.zscore(self.key, name) else await by_number(self))
        await self.redis.zincrby(self.key, score, name)


class RenewsItsTime(Right):
    async def played(self, name: str, points: int) -> None:
        score = points * 512 + await by_number(self)
        had = await self.redis.zscore(self.key, name)
        if had is None or int(had) // 512 <= points:
            await self.redis.zadd(self.key, {name: score})


class TwoQuestions(Right):
    async def around(self, name: str, rows: int) -> Any:
        place = await self.redis.zrevrank(self.key, name)
        if place is None:
            return []
        first = max(0, place - rows)
        return self.rows(await self.redis.zrevrange(self.key, first, place + rows, withscores=True), first + 1)


async def in_a_fraction(board: Any) -> float:
    """The points are in the whole, and when is in the fraction."""
    seconds, micros = await board.redis.time()
    return 1 - (seconds + micros / 1e6) / 2e9


async def when(board: Any) -> int:
    seconds, micros = await board.redis.time()
    return 2**41 - int(seconds) * 1000 - int(micros) // 1000


WRONG = [
    ("in-memory", InMemory),
    ("the-last-game", a_board(gt=False)),
    ("adds-up", AddsUp),
    ("zero-is-nothing", a_board(counts=bool)),
    ("ties-by-name", a_board(nothing, factor=1)),
    ("renews-its-time", RenewsItsTime),
    ("not-exact", a_board(in_a_fraction, factor=1)),
    ("not-exact", a_board(factor=1_000)),
    ("not-exact", a_board(too_few, factor=256)),
    ("before-the-first", a_board(first="place - ARGV[2]")),
    ("two-questions", TwoQuestions),
]

# -- subtly wrong ------------------------------------------------------------------------------------------------------


async def the_later_the_more(board: Any) -> int:
    return int(await board.redis.incr(f"{board.key}:games"))


class CountsByItself(Right):
    """Each machine has a number of its own."""

    games = 0

    async def played(self, name: str, points: int) -> None:
        self.games += 1
        await self.redis.zadd(self.key, {name: points * 512 + 511 - self.games}, gt=True)


class LooksFirst(Right):
    """Between its look and its ZADD somebody else plays under that name."""

    async def played(self, name: str, points: int) -> None:
        had = await self.redis.zscore(self.key, name)
        if had is None or int(had) // 512 < points:
            await self.redis.zadd(self.key, {name: points * 512 + await by_number(self)})


class Remembers(Right):
    """It asks only if something was played here."""

    kept: Any = None

    async def played(self, name: str, points: int) -> None:
        self.kept = None
        await super().played(name, points)

    async def top(self, rows: int) -> Any:
        if self.kept is None or len(self.kept) < rows:
            self.kept = await super().top(rows)
        return self.kept[:rows]


class SaysNothing(Right):
    async def played(self, name: str, points: int) -> None:
        with suppress(RedisError):
            await super().played(name, points)


class TriesAgainAndSaysNothing(Right):
    async def played(self, name: str, points: int) -> None:
        for _ in range(2):
            with suppress(RedisError):
                await super().played(name, points)
                break


class ClearsFirst(Right):
    """A client that dies in between takes the player off the list."""

    async def played(self, name: str, points: int) -> None:
        had = await self.redis.zscore(self.key, name)
        if had is None or int(had) // 512 < points:
            await self.redis.zrem(self.key, name)
            await self.redis.zadd(self.key, {name: points * 512 + await by_number(self)}, gt=True)


class SharesRanks(Right):
    def rows(self, found: Any, begin: int) -> Any:
        rows = super().rows(found, begin)
        return [(min(rank for rank, _, points in rows if points == row[2]), *row[1:]) for row in rows]


class RemembersTheBest(Right):
    """It remembers a game before it is kept: if that fails, the same game is not kept later either."""

    def __init__(self, redis: Any, key: str) -> None:
        super().__init__(redis, key)
        self.best: dict[str, int] = {}

    async def played(self, name: str, points: int) -> None:
        if points > self.best.get(name, -1):
            self.best[name] = points
            await super().played(name, points)


class TriesThreeTimes(Right):
    async def played(self, name: str, points: int) -> None:
        score = points * 512 + await by_number(self)
        for _ in range(3):
            async with self.redis.pipeline() as pipe:
                with suppress(WatchError):
                    await pipe.watch(self.key)
                    had = await pipe.zscore(self.key, name)
                    if had is None or int(had) // 512 < points:
                        pipe.multi()
                        pipe.zadd(self.key, {name: score})
                        await pipe.execute()
                    return


class Strips(Right):
    async def played(self, name: str, points: int) -> None:
        await super().played(name.strip(), points)

    async def around(self, name: str, rows: int) -> Any:
        return await super().around(name.strip(), rows)


class AHundred(Right):
    async def top(self, rows: int) -> Any:
        return await super().top(min(rows, 100))


SUBTLE = [
    ("the last leads", "ties", a_board(the_later_the_more)),
    ("small letters", "best", a_board(row=lambda rank, name, points: (rank, name.lower(), points))),
    ("without spaces", "best", a_board(row=lambda rank, name, points: (rank, name.strip("7"), points))),
    ("from zero", "best", a_board(rank_from=0)),
    ("floats", "best", a_board(points_of=lambda score, factor: score // factor)),
    ("pairs", "best", a_board(row=lambda rank, name, points: (name, points))),
    ("shared ranks", "best", SharesRanks),
    ("everybody for none", "best", a_board(empty=lambda rows: False)),
    ("one row less after", "around", a_board(last="place + ARGV[2] - 1")),
    ("one row more before", "around", a_board(first="math.max(0, place - ARGV[2] - 1)")),
    ("never the first", "around", a_board(first="math.max(1, place - ARGV[2])")),
    ("ten rows at most", "around", a_board(last="place + math.min(10, tonumber(ARGV[2]))")),
    ("a key of its own", "best", a_board(key=lambda key: f"board-{key}")),
    ("a day", "exact", a_board(ttl=86_400)),
    ("two months", "best", a_board(ttl=60 * 86_400)),
    ("around the first hundred", "around", a_board(last="math.min(99, place + ARGV[2])")),
    ("in ms", "exact", a_board(when, factor=2**41), "not-exact"),
    ("1,024", "exact", a_board(factor=1_024), "not-exact"),
    ("100", "exact", a_board(factor=100), "not-exact"),
    ("counts by itself", "ties", CountsByItself, "ties-by-name"),
    ("looks first", "race", LooksFirst),
    ("tries three times", "race", TriesThreeTimes),
    ("remembers the best", "race", RemembersTheBest),
    ("no spaces around", "best", Strips),
    ("a hundred at most", "best", AHundred),
    ("clears first", "race", ClearsFirst),
    ("remembers", "best", Remembers),
    ("says nothing", "errors", SaysNothing),
    ("tries again, and says nothing", "errors", TriesAgainAndSaysNothing),
]  # fmt: skip
