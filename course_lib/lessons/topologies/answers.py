"""What learners hand in for 01.5, and are handed for 01.4: a cut, and set-ups with Sentinel."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Cut:
    """The primary is cut off from its replicas and from the Sentinels, not from the writer. Units: seconds."""

    at: float
    seconds: float = inf


@dataclass(frozen=True)
class Setup:
    """One primary, its replicas, and the Sentinels that watch them: which runs on which host.

    `replicas` are pairs of a host and its replica-priority; `sentinels` has a host as often as Sentinels run on it.
    `removed` Sentinels were switched off for good, but nobody sent SENTINEL RESET: the others still count on them.
    """

    name: str
    primary: str
    replicas: tuple[tuple[str, int], ...]
    sentinels: tuple[str, ...]
    quorum: int
    removed: int = 0

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every host, once, by name."""
        return tuple(sorted({self.primary, *(host for host, _ in self.replicas), *self.sentinels}))

    @property
    def line(self) -> str:
        """The same as `str` in one line, for a sentence."""
        replicas = " and ".join(f"{host} (priority {priority})" for host, priority in self.replicas) or "no host"
        removed = f", {self.removed} more removed without SENTINEL RESET" if self.removed else ""
        return (
            f"{self.name}, with its primary on {self.primary}, replicas on {replicas}, Sentinels on "
            f"{', '.join(self.sentinels)}{removed}, quorum {self.quorum}"
        )

    def __str__(self) -> str:
        runs = [(self.primary, "primary")]
        runs += [(host, f"replica, replica-priority {priority}") for host, priority in self.replicas]
        runs += [(host, "sentinel") for host in self.sentinels]
        lines = [f"{host}: " + "; ".join(what for where, what in runs if where == host) for host in self.hosts]
        forgotten = f", and {self.removed} that were removed without SENTINEL RESET" if self.removed else ""
        return "\n".join([
            f"{self.name}: sentinel monitor course {self.primary} 6379 {self.quorum}",
            *(f"  {line}" for line in lines),
            f"  known to each Sentinel: {len(self.sentinels)} Sentinels{forgotten}",
        ])  # fmt: skip


SETUPS = [
    Setup("setup 1", "h1", (("h2", 100), ("h3", 100)), ("h1", "h2", "h3"), 2),
    Setup("setup 2", "h1", (("h2", 100),), ("h1", "h2"), 1),
    Setup("setup 3", "h1", (("h2", 100), ("h3", 100)), ("h1", "h2", "h3", "h4", "h5"), 2),
    Setup("setup 4", "h1", (("h2", 100), ("h3", 100)), ("h1", "h2", "h3"), 3),
    Setup("setup 5", "h1", (("h2", 100), ("h3", 100)), ("h1", "h1", "h2"), 1),
    Setup("setup 6", "h1", (("h2", 100),), ("h1", "h1", "h2", "h2"), 2),
    Setup("setup 7", "h1", (("h2", 0), ("h3", 0)), ("h3", "h4", "h5"), 2),
    Setup("setup 8", "h1", (("h1", 100),), ("h2", "h3", "h4"), 2),
    Setup("setup 9", "h1", (("h2", 100), ("h3", 100)), ("h1", "h2", "h3"), 2, removed=2),
    Setup("setup 10", "h1", (("h2", 100), ("h3", 100)), ("h1", "h2", "h3", "h4", "h5"), 4),
    Setup("setup 11", "h1", (("h2", 100), ("h3", 100)), ("h2", "h3", "h4"), 1),
    Setup("setup 12", "h1", (("h2", 50), ("h3", 0)), ("s1", "s2", "s3"), 2),
    Setup("setup 13", "h1", (("h2", 100), ("h3", 100)), ("s1", "s2"), 2),
    Setup("setup 14", "h1", (("h2", 100), ("h3", 100)), ("h2", "h3", "h4"), 2, removed=1),
    Setup("setup 15", "h1", (("h3", 100), ("h4", 100)), ("h1", "h2", "h2", "h2"), 2),
    Setup("setup 16", "db", (("eu", 1),), ("eu",), 1),
    Setup("setup 17", "solo", (("solo", 100),), ("solo",), 1),
    Setup("setup 18", "h8", tuple((f"h{n}", n) for n in range(1, 6)), tuple(f"h{n}" for n in range(1, 8)), 2),
    Setup("setup 19", "h2", (("h1", 1), ("h3", 10), ("h4", 0)), ("h9", "h5", "h7", "h6", "h9"), 2),
    Setup("setup 20", "h3", (("h1", 100), ("h1", 100), ("h2", 100)), ("h4", "h5", "h6"), 1),
    Setup("setup 21", "h2", (), ("h1", "h2", "h3"), 2),
    Setup("setup 22", "h2", (("h1", 100), ("h3", 100)), ("h5", "h1", "h4"), 2, removed=3),
    Setup("setup 23", "h2", (("h1", 100), ("h3", 100)), ("h1", "h4"), 3, removed=1),
    Setup("setup 24", "h4", (("h1", 0), ("h2", 200), ("h3", 0)), tuple(f"h{n}" for n in range(1, 8)), 1),
]
