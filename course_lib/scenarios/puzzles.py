"""Small races to be broken by hand: a promise, code that does not keep it, and code that does.

Source of the limiter: redis-py's documentation, "Rate limiter, sliding window", its asynchronous version.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from course_lib.explore import Game, Move, Play, Simulation, Trial, Violation, decode_turns, encode_turns

__all__ = ["PUZZLES", "Game", "Move", "Puzzle"]

NAMES = ("alice", "bob", "carol", "dave")
Body = Callable[[Redis, Simulation, str], Awaitable[Any]]


@dataclass(frozen=True)
class Puzzle:
    """A promise and two programs: `naive` breaks it under some schedule, `mended` under none.

    `won` says how one sees that it is broken. Units: `pause` in seconds, what "time passes" means here.
    """

    name: str
    promise: str
    won: str
    naive: Trial
    mended: Trial
    clients: int = 2
    pause: float = 1.0

    def game(self, *, mended: bool = False) -> Game:
        """A schedule to be chosen move by move."""
        return Game(self.mended if mended else self.naive, self.clients)

    def code(self, game: Game) -> str:
        """The replay code of what was chosen in a game."""
        return encode_turns(game.trial.name, game.clients, game.moves)

    def open(self, code: str) -> Game:
        """A game with the moves of a code made. Raises: BadReplayCode."""
        mended = f"-{self.mended.name}-" in code
        game = self.game(mended=mended)
        game.follow(decode_turns(code, game.trial.name))
        return game


def _puzzle(
    name: str, promise: str, won: str, bodies: tuple[Body, Body], judge: Callable[[Play], Iterable[Violation]],
    clients: int, pause: float = 1.0,
) -> Puzzle:  # fmt: skip
    def trial(version: str, body: Body) -> Trial:
        def build(world: Simulation, clients: int) -> None:
            for who in NAMES[:clients]:
                world.client(who, body, world.redis(), world, who)

        return Trial(f"{name}.{version}", (promise,), build, judge, sizes=(clients,), least=2)

    return Puzzle(name, promise, won, trial("naive", bodies[0]), trial("mended", bodies[1]), clients, pause)


# -- a counter --------------------------------------------------------------------------------------------------------


async def _get_then_set(redis: Redis, world: Simulation, who: str) -> int:
    value = int(await redis.get("visits") or 0) + 1
    await redis.set("visits", value)
    return value


async def _incr(redis: Redis, world: Simulation, who: str) -> int:
    value: int = await redis.incr("visits")
    return value


def _no_update_is_lost(run: Play) -> Iterable[Violation]:
    counted = {who: value for who, value in run.results.items() if isinstance(value, int)}
    for one, value in counted.items():
        others = [who for who in counted if who != one and counted[who] == value]
        if others:
            said = f"{one} and {others[0]} both counted to {value}: a visit is lost"
            yield Violation("no visit is lost", said, others[0], _last(run, others[0]), f"{value} again")
            return


# -- a rate limiter ---------------------------------------------------------------------------------------------------


async def _look_then_add(redis: Redis, world: Simulation, who: str) -> bool:
    async with redis.pipeline() as pipe:
        pipe.zremrangebyscore("hits", "-inf", 90)
        pipe.zcard("hits")
        _, count = await pipe.execute()
    if count >= 1:
        return False
    await redis.zadd("hits", {who: 100})
    await redis.expire("hits", 20)
    return True


# KEYS: the hits. ARGV: who asks. Returns 1 if admitted. Atomic, because nobody may add between the look and the add.
_ADD_IF_ROOM = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', 90)
if redis.call('ZCARD', KEYS[1]) >= 1 then return 0 end
redis.call('ZADD', KEYS[1], 100, ARGV[1])
return redis.call('EXPIRE', KEYS[1], 20)
"""


async def _look_and_add(redis: Redis, world: Simulation, who: str) -> bool:
    return bool(await redis.eval(_ADD_IF_ROOM, 1, "hits", who))


def _at_most_one(run: Play) -> Iterable[Violation]:
    admitted = [who for who, value in run.results.items() if value is True]
    if len(admitted) > 1:
        said = f"{' and '.join(admitted)} were admitted; the limit is 1"
        yield Violation("at most one is admitted", said, admitted[-1], _last(run, admitted[-1]), "admitted too")


# -- a lock -----------------------------------------------------------------------------------------------------------

LOCK_TTL = 0.8
"""Seconds."""

# KEYS: the lock. ARGV: our token. Returns 1 if it was ours. Atomic, because it may become another's after the look.
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


async def _frees_any_lock(redis: Redis, world: Simulation, who: str) -> bool:
    return await _hold(redis, world, who, lambda: redis.delete("lock"))


async def _frees_its_own_lock(redis: Redis, world: Simulation, who: str) -> bool:
    return await _hold(redis, world, who, lambda: redis.eval(_RELEASE, 1, "lock", who))


async def _hold(redis: Redis, world: Simulation, who: str, release: Callable[[], Any]) -> bool:
    if not await redis.set("lock", who, nx=True, px=round(LOCK_TTL * 1000)):
        return False
    hold = world.note(who, "hold")
    hold.t_end = world.now() + LOCK_TTL
    await redis.incr("work")
    hold.t_end = min(hold.t_end, world.now())
    await release()
    return True


def _one_holder(run: Play) -> Iterable[Violation]:
    holds = sorted((n.t_start, n.t_end or run.now, n.who) for n in run.trace.notes if n.kind == "hold")
    for (_, until, one), (since, _, other) in itertools.pairwise(holds):
        if since < min(until, run.now) - 1e-6:  # the lock may change hands in the moment in which it ends
            said = f"{other} got the lock at {since * 1000:.0f} ms, while {one} held it"
            yield Violation("one holder at a time", said, other, since, "two holders")
            return


def _last(run: Play, who: str) -> float:
    return max((event.t_end or 0.0 for event in run.trace if event.client == who), default=0.0)


PUZZLES: dict[str, Puzzle] = {
    puzzle.name: puzzle
    for puzzle in (
        _puzzle(
            "counter",
            "No visit is lost: each client counts to a number of its own.",
            "two clients count to the same number",
            (_get_then_set, _incr), _no_update_is_lost, 2,
        ),
        _puzzle(
            "limiter",
            "At most one client is admitted.",
            "two clients are admitted",
            (_look_then_add, _look_and_add), _at_most_one, 2,
        ),
        _puzzle(
            "lock",
            f"At most one client holds the lock, which ends after {LOCK_TTL:g} s or when its holder frees it.",
            "a client gets the lock while another one holds it and its time is not up",
            (_frees_any_lock, _frees_its_own_lock), _one_holder, 3,
        ),
    )
}  # fmt: skip
"""The puzzles by name."""
