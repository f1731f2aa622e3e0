"""How long locks and values live, and what becomes of a lock: read from what the server holds, whatever the code."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

from course_lib.explore import Simulation
from course_lib.explore.server_state import ask
from course_lib.grading.evidence import of

WRONG_BY = 0.00155
"""Seconds by which a life can be wrong: a millisecond, as redis-py itself cuts off the rest of a timedelta; and what
PTTL rounds off."""
READS = ("GET", "MGET", "EXISTS", "TTL", "PTTL", "WATCH", "HGET", "HMGET", "HGETALL", "HVALS", "HEXISTS")


class Life(NamedTuple):
    """How long something was to live, and how long it should. Units: seconds; −1 for no end, −2 if it is not there."""

    lasts: float
    asked: float
    key: bytes = b""
    who: str = ""
    at: float = 0.0
    holds: tuple[bytes, ...] = ()

    @property
    def right(self) -> bool:
        """Is it, to the millisecond?"""
        return abs(self.lasts - self.asked) <= WRONG_BY


@dataclass
class LockSeen:
    """What protected one load: `life` is None if no key had one. `before` is what was in it when the load began; `end`
    is infinite while the load has not ended; `plain` is what `lock:` and the key held when it began. Units: seconds."""

    who: str
    start: float
    life: Life | None = None
    until: float = 0.0
    before: Any = None
    end: float = inf
    lost: float = inf
    outlived: float = inf
    plain: Any = None

    def look(self, world: Simulation) -> None:
        """Is it gone, or another's, before it expired and while its holder does nothing but load? Then it was `lost`
        to another client. Is it there when it should have expired? Then it has `outlived` its time."""
        now = world.now()
        if self.outlived == self.end == inf and self.until and now > self.until + 0.002:
            self.outlived = now if isinstance(self.before, bytes) and in_lock(world, self) == self.before else inf
        if self.lost == self.end == inf and now < self.until - 0.001 and in_lock(world, self) != self.before:
            self.lost = now


def lock_of(world: Simulation, who: str, lock_ttl: float) -> LockSeen:
    """The lock under which a client begins to load: the key to which a command of its own gave that life; if there is
    none, the one whose life comes next to it."""
    now, lock = world.now(), LockSeen(who, world.now())
    for key in ask(world.nodes[0], b"KEYS", b"*"):
        life = _life(world, key, {who}, lock_ttl)
        if life.lasts > 0 and (lock.life is None or _wrong(life) < _wrong(lock.life)):
            lock.life = life
    if lock.life is not None and lock.life.right:
        lock.until = now + ask(world.nodes[0], b"PTTL", lock.life.key) / 1000
        lock.before = in_lock(world, lock)
    return lock


def in_lock(world: Simulation, lock: LockSeen) -> Any:
    """What the lock holds now: its text, True for anything else, None if it is gone."""
    if lock.life is None:
        return None
    found = ask(world.nodes[0], b"GET", lock.life.key)
    return True if isinstance(found, Exception) else found


def kept(world: Simulation, key: str, loaders: Collection[str], ttl: float) -> Life:
    """How long a value is to live that one of these clients stored, and in what form it is kept."""
    name = key.encode()
    life = _life(world, name, loaders, ttl)
    text = ask(world.nodes[0], b"GET", name)
    held = ask(world.nodes[0], b"HVALS", name) if isinstance(text, Exception) else [text]
    return life._replace(holds=tuple(one for one in held if isinstance(one, bytes)) if isinstance(held, list) else ())


def _life(world: Simulation, key: bytes, who: Collection[str], asked: float) -> Life:
    """The life that a command of these clients gave, the one nearest to what was asked for. A client may reckon by its
    own clock: from the moment at which it sent the command."""
    left, now = ask(world.nodes[0], b"PTTL", key), world.now()
    if left < 0:
        return Life(left, asked, key, at=now)
    sent = [event for name in who for event in of(world.trace, name) if event.name not in READS]
    named = [event for event in sent if key in event.command or event.name == "EXEC"] or sent
    times = [t for event in named for t in (event.t_server, event.t_start) if t is not None]
    lives = [Life(now - t + left / 1000, asked, key, at=now) for t in times]
    return min(lives, key=lambda life: (not life.right, _wrong(life)), default=Life(left / 1000, asked, key, at=now))


def _wrong(life: Life) -> float:
    return abs(life.lasts - life.asked)
