"""A request of a session that meets a log-out, or another request: every command takes its turn.

`explore(log_out_meets(visit))` plays every order, `explore(two_tabs(visit))` those of two requests at once.
`the_log_out` goes into `Scheduler(...)`; `lasts` says for how long a session lasts.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from math import inf
from typing import Any, Literal

from redis.asyncio import Redis

from course_lib.explore import CRASHED, EPOCH, Play, Simulation, Trial, Violation
from course_lib.explore.bodies import MISTAKES
from course_lib.explore.puzzle import Puzzle
from course_lib.explore.server_state import left, value, world_of
from course_lib.explore.trial import HeldBack
from course_lib.lessons.beyond_caching.experiment_virtual_time import in_virtual_time
from course_lib.lessons.beyond_caching.programs import IDLE, LIFETIME, logs_out, writes_it_all_back
from course_lib.patterns.sessions import USE, Sessions

SESSION, BOOKS = "0badc0ffee", ("amber", "birch")
GONE = "A session that was ended stays ended."
BOTH = "Each book that was put into the basket is in it."

Visit = Callable[[Redis, str, str], Awaitable[Any]]
"""A request: the session's id, and a book for its basket."""
Kept = Literal["text", "hash", "script"]
"""How a program keeps a session: as JSON, as a hash, or as `Sessions` does."""


def shop_sessions(redis: Redis) -> Sessions:
    """The sessions of the shop, by the course's pattern."""
    return Sessions(redis, "app:session", idle=IDLE, lifetime=LIFETIME)


async def visits_by_script(redis: Redis, session: str, book: str) -> Any:
    """A request with `Sessions`: it looks, writes and renews in one script."""
    return await shop_sessions(redis).use(session, **{book: "1"})


async def logs_out_by_script(redis: Redis, session: str) -> None:
    """Its log-out."""
    await shop_sessions(redis).log_out(session)


def log_out_meets(visit: Visit, *, kept_as: Kept = "text", name: str = "session") -> Trial:
    """A trial for `explore`: is the session gone once a request and a log-out are over, in every order?

    A log-out that failed is excused, as nobody was told that it had worked.
    """

    def build(world: Simulation, clients: int) -> Simulation:
        redis = _begun(world, kept_as)
        world.client("request", visit, redis, SESSION, BOOKS[0])
        world.client("log-out", logs_out_by_script if kept_as == "script" else logs_out, redis, SESSION)
        return world

    def judge(run: Play) -> Iterator[Violation]:
        yield from _errors(run)
        failed = isinstance(ended := run.results.get("log-out"), BaseException) or ended is CRASHED
        if not failed and not isinstance(run.stopped, HeldBack):
            for _, _, ms in left(run, "app:session:*"):
                text = f"ann has logged out, and her session is there{'' if ms > 0 else ', without a TTL'}"
                yield Violation(GONE, text, "request", _last(run, "request"), "it is back")

    return _trial(name, GONE, build, judge)


def two_tabs(visit: Visit, *, kept_as: Kept = "text", name: str = "tabs") -> Trial:
    """A trial for `explore`: are both books in the basket once two requests are over, in every order?"""
    tabs = {"tab 1": BOOKS[0], "tab 2": BOOKS[1]}

    def build(world: Simulation, clients: int) -> Simulation:
        redis = _begun(world, kept_as)
        for tab, book in tabs.items():
            world.client(tab, visit, redis, SESSION, book)
        return world

    def judge(run: Play) -> Iterator[Violation]:
        yield from _errors(run)
        node = world_of(run).nodes[0]
        kept = str([value(node, key.encode()) for _, key, _ in left(run, "app:session:*")])
        for tab, book in tabs.items():
            if book not in kept and not isinstance(run.stopped, HeldBack):
                text = f"{tab} has put {book} into the basket, and it is not there"
                yield Violation(BOTH, text, tab, _last(run, tab), f"{book} is lost")

    return _trial(name, BOTH, build, judge)


def _begun(world: Simulation, kept_as: Kept) -> Redis:
    """A session with an empty basket."""
    key, now = f"app:session:{SESSION}", EPOCH * 1000
    if kept_as == "script":
        key = shop_sessions(world.redis()).key(SESSION)
    end = ("", round(now + LIFETIME * 1000)) if kept_as == "script" else ()
    begin = ("SET", key, json.dumps([])) if kept_as == "text" else ("HSET", key, "user", "ann", *end)
    world.given(begin, ("EXPIRE", key, IDLE), ("SCRIPT", "LOAD", USE))
    return world.redis()


def _errors(run: Play) -> Iterator[Violation]:
    struck = run.schedule.faults or run.schedule.waits
    for who, result in run.results.items():
        if isinstance(result, MISTAKES) or (isinstance(result, Exception) and not struck):
            yield Violation("no error", f"{who} ended with {result!r}", who, run.now, "an error")


def _last(run: Play, who: str) -> float:
    return max((event.t_server or 0.0 for event in run.trace if event.client == who), default=0.0)


def _trial(name: str, promise: str, build: Any, judge: Any) -> Trial:
    return Trial(name, (promise, "no error"), build, judge, sizes=(2,), least=2, orders=(2,), horizon=60.0,
                 world=lambda: Simulation(socket_timeout=0.5))  # fmt: skip


def _shown(*programs: Any) -> str:
    return "\n\n".join(inspect.getsource(program).strip() for program in programs)


the_log_out = Puzzle(
    "session", GONE, "the session is there after both are done",
    log_out_meets(writes_it_all_back, name="session.naive"),
    log_out_meets(visits_by_script, kept_as="script", name="session.mended"),
    sources=(_shown(writes_it_all_back, logs_out), _shown(visits_by_script, logs_out_by_script, shop_sessions)),
)  # fmt: skip
"""What `Scheduler` shows."""


# -- for how long a session lasts -------------------------------------------------------------------------------------


def lasts(
    *, every: float, leaves: float = inf, idle: float = IDLE, lifetime: float = LIFETIME, days: float = 3
) -> float:
    """Hours after the log-in at which a session is first refused, if somebody asks every `every` seconds until they
    leave; `inf` if that does not happen within `days`. From `leaves` on only a look at the server asks.

    Units: `every`, `leaves`, `idle`, `lifetime` in seconds.
    """
    return float(in_virtual_time(partial(_asks, every, leaves, idle, lifetime, days * 86400)))


async def _asks(every: float, leaves: float, idle: float, lifetime: float, until: float, redis: Redis) -> float:
    sessions = Sessions(redis, "app:session", idle=idle, lifetime=lifetime)
    session, now = await sessions.log_in(user="ann"), asyncio.get_running_loop().time
    while now() < until:
        if round(now() + every) <= leaves:
            await asyncio.sleep(every)
            there: Any = await sessions.use(session)
        else:
            await asyncio.sleep(60)
            there = await redis.exists(sessions.key(session))
        if not there:
            return round(now() / 3600, 1)
    return inf
