"""A contest for a lock and what became of it: the questions and the numbers of lesson 04's lab."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

from course_lib.errors import BadArgument
from course_lib.lessons.locks.experiment_contest_keys import KeySpan, key_spans
from course_lib.trace import Note, Trace

NODES = 5
END = 12.0
"""Seconds that a contest lasts."""

LOCKS: dict[str, str] = {
    "del": "one node, freed by DEL",
    "one": "one node, token",
    "unchecked": "Redlock, no validity",
    "redlock": "Redlock",
    "extended": "Redlock, extended",
    "any": "Redlock, extends on any",
}
"""The locks of the lab, and what they are called."""

FAULTS: dict[str, str] = {
    "nothing": "nothing",
    "holder crashes": "the holder crashes",
    "holder pauses": "the holder pauses at work",
    "write pauses": "the holder pauses as it writes",
    "asking pauses": "a worker pauses as it asks",
    "holder cut off": "the holder is cut off from nodes",
    "nodes down": "nodes are down for a while",
    "nodes forget": "nodes restart without keys",
    "clocks jump": "clocks of nodes jump ahead",
}
"""What can go wrong, and what the lab calls it."""


@dataclass(frozen=True)
class Contest:
    """Who wants the lock, which lock it is, and what goes wrong when.

    Each worker acquires the lock, works for about `work` seconds, writes if its lease is still valid, and releases.
    The fault strikes at `at`; if it needs a holder and there is none, as soon as there is. It strikes the holder, or
    the first `hit` nodes. Until then the last `dead` nodes are down. `fenced` is whether the resource checks fences.

    Units: `ttl`, `work`, `at`, `lasts` in seconds; `lasts` is how long a pause or outage lasts, or how far clocks jump.
    """

    lock: str = "redlock"
    fault: str = "nothing"
    clients: int = 3
    ttl: float = 2.0
    work: float = 0.6
    at: float = 3.0
    lasts: float = 2.4
    hit: int = 2
    dead: int = 0
    fenced: bool = True
    seed: int = 1

    def __post_init__(self) -> None:
        for name, accepted in (("lock", LOCKS), ("fault", FAULTS)):
            if getattr(self, name) not in accepted:
                raise BadArgument(f"{name} is {getattr(self, name)!r}; accepted: {', '.join(accepted)}")
        if not (0 <= self.hit <= NODES and 0 <= self.dead <= NODES):
            raise BadArgument(f"hit is {self.hit} and dead is {self.dead}; accepted: 0 to {NODES} nodes")

    @property
    def nodes(self) -> int:
        """How many nodes the lock is kept on."""
        return 1 if self.lock in ("del", "one") else NODES

    def name(self, client: int) -> str:
        """A for the first, B for the second."""
        return chr(ord("A") + client)


@dataclass
class Tenure:
    """One lease: whose it was, when it was granted, and when its holder could no longer rely on it. Units: seconds.

    `done` is when its holder had finished, which is later than `end` if it worked on. `written` is what became of its
    write: "taken", "older" (taken, though a newer holder had written), "refused" by the fence, "lost", "not tried"
    because the lease was over, or "" if its holder never came so far. `wrote` is when the resource was asked.
    """

    who: str
    start: float
    end: float
    done: float
    written: str = ""
    wrote: float | None = None

    @property
    def works_on(self) -> bool:
        """Did its holder go on when the lease was over?"""
        return self.done > self.end + 0.005


class Together(NamedTuple):
    """Two workers whose leases were valid at once, and when. Units: seconds."""

    first: str
    second: str
    start: float
    end: float


@dataclass(repr=False)
class ContestResult:
    """What happened in a contest. `waits` are the seconds from asking for the lock to holding it, for each lease."""

    contest: Contest
    trace: Trace
    tenures: list[Tenure] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name} {value}" for name, value in self.summary().items())
        return f"{LOCKS[self.contest.lock]}, {FAULTS[self.contest.fault]}: {numbers}"

    @cached_property
    def keys(self) -> list[KeySpan]:
        """Which node held whose key from when to when."""
        return key_spans(self.trace, self.contest.nodes, END)

    @cached_property
    def together(self) -> list[Together]:
        """Every time that two leases were valid at once."""
        held = [t for t in sorted(self.tenures, key=lambda tenure: tenure.start) if t.end > t.start]
        return [
            Together(a.who, b.who, b.start, min(a.end, b.end))
            for a, b in combinations(held, 2)
            if b.start < a.end and a.who != b.who
        ]

    @property
    def troubles(self) -> list[Note]:
        """What struck workers and nodes, by their names in the trace: "forget" is a node that lost its keys."""
        flushes = [event for event in self.trace if event.name == "FLUSHALL" and event.t_server is not None]
        return [*self.trace.notes, *(Note(event.node, "forget", event.t_server or 0.0) for event in flushes)]

    def written(self, what: str) -> int:
        """How many writes ended so."""
        return sum(tenure.written == what for tenure in self.tenures)

    def summary(self) -> dict[str, float]:
        """The numbers that the lesson compares; `wait (s)` is the longest from asking to holding."""
        return {
            "leases": len(self.tenures),
            "two hold": len(self.together),
            "for (ms)": round(sum(t.end - t.start for t in self.together) * 1000),
            "done": self.written("taken") + self.written("older"),
            "old over new": self.written("older"),
            "refused": self.written("refused"),
            "wait (s)": round(max(self.waits, default=END), 1),
        }
