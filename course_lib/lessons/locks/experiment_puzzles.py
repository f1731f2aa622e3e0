"""Locks to be broken by hand, each with the one change that mends it: what forces each step of lesson 04.

`PUZZLES["fence"]` goes into `Scheduler(...)`. Tokens are names here, so that a picture shows whose lock it is.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeout

from course_lib.explore import Fact, Play, Simulation, Trial, Violation
from course_lib.explore.puzzle import Puzzle
from course_lib.lessons.locks.experiment_one_job import IN_ORDER, old_over_new

TTL = 0.8
"""Seconds, of every lock here."""

LATER = 0.9
"""Seconds after Alice that Bob comes, where the puzzle is about time."""

Body = Callable[[list[Redis], Simulation, str], Awaitable[Any]]

# KEYS: the lock. ARGV: our token, TTL in ms. Returns 1 if it is ours now, or was. Atomic, because it may become
# another's after the look.
TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1"""
# KEYS: the lock, a counter. ARGV: our token, TTL in ms. Returns a number that grows with each holder; 0 if another has
# the lock. Atomic, so that numbers come in the order of holders.
TAKE_FENCED = """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
return redis.call('INCR', KEYS[2])"""
# KEYS: the report. ARGV: value, fence. Returns 1, or 0 if it has seen a higher fence. Atomic, because between the look
# and the write a newer holder may write.
WRITE_FENCED = """
if tonumber(ARGV[2]) < tonumber(redis.call('HGET', KEYS[1], 'fence') or 0) then return 0 end
redis.call('HSET', KEYS[1], 'value', ARGV[1], 'fence', ARGV[2])
return 1"""


# -- the bodies -------------------------------------------------------------------------------------------------------


async def _on_majority(nodes: list[Redis], world: Simulation, who: str, *, checked: bool = True) -> str:
    """Redlock, as short as can be: nobody gives it back. Without `checked` nobody looks how long the answers took."""
    start = world.now()
    asked = (node.set("job", who, nx=True, px=round(TTL * 1000)) for node in nodes)
    got = await asyncio.gather(*asked, return_exceptions=True)
    since = start if checked else world.now()
    if sum(reply is True for reply in got) <= len(nodes) // 2 or world.now() >= since + TTL:
        return "no"
    world.note(who, "hold").t_end = since + TTL
    return "holds it"


async def _forgets(nodes: list[Redis], *, out: float) -> None:
    """The first node loses its keys; and for `out` seconds after that it grants nothing."""
    if out:
        await nodes[0].set("job", "restarting", px=round(out * 1000))
    else:
        await nodes[0].flushall()


async def _repeats_set(nodes: list[Redis], world: Simulation, who: str) -> str:
    for _ in range(2):
        try:
            return "has it" if await nodes[0].set("job", who, nx=True, px=round(TTL * 1000)) else "locked out"
        except RedisTimeout:
            pass  # as a client does that repeats a command
    return "no answer"


async def _knows_its_token(nodes: list[Redis], world: Simulation, who: str) -> str:
    for _ in range(2):
        try:
            return "has it" if await nodes[0].eval(TAKE, 1, "job", who, round(TTL * 1000)) else "locked out"
        except RedisTimeout:
            pass
    return "no answer"


async def _writes(nodes: list[Redis], world: Simulation, who: str, *, fenced: bool) -> str:
    """Take the lock, check that it is still valid, write. The lock and the report are on one node, for brevity."""
    start, redis = world.now(), nodes[0]
    fence = await redis.eval(TAKE_FENCED, 2, "job", "fence", who, round(TTL * 1000))
    if not fence or world.now() >= start + TTL:
        return "no"
    world.note(who, "hold", f"fence {fence}").t_end = start + TTL
    if fenced:
        return "wrote" if await redis.eval(WRITE_FENCED, 1, "report", who, fence) else "refused"
    await redis.hset("report", "value", who)
    return "wrote"


# -- the judges -------------------------------------------------------------------------------------------------------


def _one_holder(run: Play) -> Iterable[Violation]:
    for one, other in itertools.pairwise(run.trace.spans("hold")):
        if other.start < one.end - 1e-6:  # the lock may change hands in the moment in which it ends
            said = f"{other.who} got the lock at {other.start * 1000:.0f} ms, while {one.who} held it"
            facts = Fact(one.start, one.who, "gets the lock"), Fact(other.start, other.who, "gets the lock too")
            yield Violation("one holder at a time", said, other.who, other.start, "two holders", facts)
            return


def _nobody_shuts_itself_out(run: Play) -> Iterable[Violation]:
    for event in run.trace:
        mine = event.name in ("SET", "EVAL") and event.reply in (b"OK", 1)
        if mine and run.results.get(event.client) == "locked out" and event.t_server is not None:
            said = f"{event.client} is told that the lock is taken: by its own token"
            when = max((e.t_end or 0.0 for e in run.trace if e.client == event.client), default=0.0)
            yield Violation("who has the lock knows it", said, event.client, when, "taken by itself")
            return


def _in_order(run: Play) -> Iterable[Violation]:
    if (found := old_over_new(run.trace)) is not None:
        newer, write = found
        said = f"{write.client}, whose lock is long over, overwrites the report of {newer}"
        yield Violation(IN_ORDER, said, write.client, write.t_server or 0.0, "old over new")


# -- the puzzles ------------------------------------------------------------------------------------------------------


def _trial(
    name: str, promise: str, body: Body, judge: Callable[[Play], Iterable[Violation]], nodes: int,
    out: float | None, later: float,
) -> Trial:  # fmt: skip
    def build(world: Simulation, clients: int) -> None:
        given = [world.redis(node) for node in range(nodes)]
        for number, who in enumerate(("alice", "bob", "carol")[:clients]):
            world.client(who, body, given, world, who, start=number * later)
        if out is not None:
            world.client("failover", partial(_forgets, given, out=out))

    def world() -> Simulation:
        return Simulation(nodes=nodes, socket_timeout=None if later else 0.3)

    return Trial(name, (promise,), build, judge, sizes=(2,), least=2, world=world)


def _puzzle(
    name: str, promise: str, told: str, won: str, bodies: tuple[Body, Body],
    judge: Callable[[Play], Iterable[Violation]], *, nodes: Sequence[int] = (1, 1),
    out: Sequence[float | None] = (None, None), pause: float = 1.0, later: float = 0.0,
) -> Puzzle:  # fmt: skip
    naive, mended = (
        _trial(f"{name}.{version}", promise, body, judge, count, seconds, later)
        for version, body, count, seconds in zip(("naive", "mended"), bodies, nodes, out, strict=True)
    )
    same = "# the same code; what the nodes do is said above"
    sources = _source(bodies[0]), same if bodies[0] is bodies[1] else _source(bodies[1])
    return Puzzle(name, told, won, naive, mended, clients=2, pause=pause, sources=sources)


def _source(body: Any) -> str:
    """A program as text, with the arguments that it is given if it is a partial."""
    given = ", ".join(f"{name}={value}" for name, value in getattr(body, "keywords", {}).items())
    text = inspect.getsource(getattr(body, "func", body)).strip()
    return f"# called with {given}\n{text}" if given else text


PUZZLES: dict[str, Puzzle] = {
    puzzle.name: puzzle
    for puzzle in (
        _puzzle(
            "reply", "who has the lock knows it",
            "Whoever's token is in the lock is told so, even if it must ask twice.",
            "a client is told that the lock is taken, and it was taken by the client itself",
            (_repeats_set, _knows_its_token), _nobody_shuts_itself_out, pause=0.4,
        ),
        _puzzle(
            "failover", "one holder at a time",
            f"At most one client holds the lock, for {TTL:g} s, even if its node is replaced by "
            "a replica that has not heard of the lock: that is the client “failover”. In the mended code there are "
            f"three nodes, and the one that forgot grants nothing for {TTL:g} s.",
            "a client gets the lock while another one holds it and its time is not up",
            (_on_majority, _on_majority), _one_holder, nodes=(1, 3), out=(0.0, TTL),
        ),
        _puzzle(
            "restart", "one holder at a time",
            f"At most one client holds the lock, kept on three nodes, for {TTL:g} s, even if "
            "the first node restarts without its keys: that is the client “failover”. In the mended code the node "
            f"grants nothing then for {TTL:g} s.",
            "a client gets the lock while another one holds it and its time is not up",
            (_on_majority, _on_majority), _one_holder, nodes=(3, 3), out=(0.0, TTL),
        ),
        _puzzle(
            "validity", "one holder at a time",
            f"At most one client holds the lock, kept on three nodes, for {TTL:g} s after it asked. "
            f"Bob comes {LATER:g} s after Alice.",
            "a client has two nodes of three and goes to work, while another one does too",
            (partial(_on_majority, checked=False), _on_majority), _one_holder, nodes=(3, 3), later=LATER,
        ),
        _puzzle(
            "fence", IN_ORDER,
            "The report is never overwritten by an earlier holder of the lock. Each client checks, just before it "
            "writes, that its lock is still valid. "
            f"Bob comes {LATER:g} s after Alice.",
            "a client that got the lock earlier writes after one that got it later",
            (partial(_writes, fenced=False), partial(_writes, fenced=True)), _in_order, later=LATER,
        ),
    )
}  # fmt: skip
"""The puzzles by name, in the order of the lesson."""
