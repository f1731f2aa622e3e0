"""Set-ups with Sentinel, and what becomes of them when hosts die: by rule, and played by Sentinels that vote.

Source: Redis documentation, "High availability with Redis Sentinel",
https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from math import inf

from redis.exceptions import RedisError

from course_lib.explore import Extension, Session, Simulation
from course_lib.grading.database import until


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
        replicas = " and ".join(f"{host} (priority {priority})" for host, priority in self.replicas)
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
    Setup("set-up 1", "h1", (("h2", 100), ("h3", 100)), ("h1", "h2", "h3"), 2),
    Setup("set-up 2", "h1", (("h2", 100),), ("h1", "h2"), 1),
    Setup("set-up 3", "h1", (("h2", 100), ("h3", 100)), ("h1", "h2", "h3", "h4", "h5"), 2),
    Setup("set-up 4", "h1", (("h2", 100), ("h3", 100)), ("h1", "h2", "h3"), 3),
    Setup("set-up 5", "h1", (("h2", 100), ("h3", 100)), ("h1", "h1", "h2"), 1),
    Setup("set-up 6", "h1", (("h2", 100),), ("h1", "h1", "h2", "h2"), 2),
    Setup("set-up 7", "h1", (("h2", 0), ("h3", 0)), ("h3", "h4", "h5"), 2),
    Setup("set-up 8", "h1", (("h1", 100),), ("h2", "h3", "h4"), 2),
    Setup("set-up 9", "h1", (("h2", 100), ("h3", 100)), ("h1", "h2", "h3"), 2, removed=2),
    Setup("set-up 10", "h1", (("h2", 100), ("h3", 100)), ("h1", "h2", "h3", "h4", "h5"), 4),
    Setup("set-up 11", "h1", (("h2", 100), ("h3", 100)), ("h2", "h3", "h4"), 1),
    Setup("set-up 12", "h1", (("h2", 50), ("h3", 0)), ("s1", "s2", "s3"), 2),
    Setup("set-up 13", "h1", (("h2", 100), ("h3", 100)), ("s1", "s2"), 2),
    Setup("set-up 14", "h1", (("h2", 100), ("h3", 100)), ("h2", "h3", "h4"), 2, removed=1),
    Setup("set-up 15", "h1", (("h3", 100), ("h4", 100)), ("h1", "h2", "h2", "h2"), 2),
]


def drawn(world: Simulation) -> Setup:
    """A set-up that nobody has seen."""
    draw = world.draws("setup")
    hosts = [f"h{number + 1}" for number in range(3 + int(draw() * 3))]

    def any_host() -> str:
        return hosts[int(draw() * len(hosts))]

    replicas = tuple((any_host(), (0, 100, 100, 50)[int(draw() * 4)]) for _ in range(1 + int(draw() * 3)))
    sentinels = tuple(sorted(any_host() for _ in range(2 + int(draw() * 4))))
    quorum = 1 + int(draw() * len(sentinels))
    return Setup(f"set-up {world.seed + 1}", hosts[0], replicas, sentinels, quorum, removed=int(draw() * 1.5))


# -- by rule -----------------------------------------------------------------------------------------------------------


def needed(setup: Setup) -> int:
    """The votes that a Sentinel needs to lead a failover: a majority of all that are known, and at least the quorum."""
    return max((len(setup.sentinels) + setup.removed) // 2 + 1, setup.quorum)


def has_primary(setup: Setup, dead: Collection[str]) -> bool:
    """Is there a primary, once these hosts have died at once and Sentinel has done what it can?"""
    if setup.primary not in dead:
        return True
    voters = sum(host not in dead for host in setup.sentinels)
    able = any(host not in dead and priority > 0 for host, priority in setup.replicas)
    return able and voters >= needed(setup)


def outages(setup: Setup) -> Iterator[frozenset[str]]:
    """Every set of hosts whose death leaves no primary, smallest first."""
    for size in range(1, len(setup.hosts) + 1):
        for dead in combinations(setup.hosts, size):
            if not has_primary(setup, dead):
                yield frozenset(dead)


# -- played ------------------------------------------------------------------------------------------------------------

DIE, LOOK, AGREE, GIVE_UP = 0.5, 1.0, 1.3, 2.5
"""Seconds: when the hosts die, when Sentinels look, when they ask each other, and when they have stopped trying."""


class Role(Extension):
    """A node that is the primary, or a replica until it is told REPLICAOF NO ONE."""

    def __init__(self, *, primary: bool) -> None:
        self.primary = primary

    def answers(self, session: Session, command: list[bytes]) -> bool:
        name = command[0].upper()
        if name == b"REPLICAOF":
            self.primary = True
            session.put_response(b"OK")
        elif name == b"SET" and not self.primary:
            session.refuse("READONLY You can't write against a read only replica.")
        else:
            return False
        return True


@dataclass
class Council:
    """The Sentinels of one set-up at work. Each is a client, named by its host; what they tell each other is noted."""

    world: Simulation
    setup: Setup
    dead: set[str] = field(default_factory=set)
    sees_it_down: set[int] = field(default_factory=set)
    votes: dict[tuple[int, int], int] = field(default_factory=dict)  # (epoch, Sentinel) → for whom

    def __post_init__(self) -> None:
        places = [("primary", self.setup.primary), *(("replica", host) for host, _ in self.setup.replicas)]
        for number, (role, host) in enumerate(places):
            node = self.world.nodes[number]
            node.name, node.extension = f"{role} {number} on {host}", Role(primary=number == 0)
            self.world.at(DIE, self._die, number, host)
        for number in range(len(self.setup.sentinels)):
            self.world.client(self._name(number), partial(self._watch, number), start=LOOK + 0.01 * number)

    def _name(self, number: int) -> str:
        return f"s{number + 1} on {self.setup.sentinels[number]}"

    def _die(self, number: int, host: str) -> None:
        if host in self.dead:
            self.world.down(number, inf)

    def _alive(self) -> list[int]:
        return [number for number, host in enumerate(self.setup.sentinels) if host not in self.dead]

    async def _watch(self, me: int) -> None:
        if me not in self._alive():
            return
        try:
            await self.world.redis(0).ping()
            return
        except RedisError:
            self.sees_it_down.add(me)
        await until(self.world, AGREE + 0.03 * me)
        if len(self.sees_it_down) < self.setup.quorum:
            self.world.note(self._name(me), f"{len(self.sees_it_down)} see it down, quorum {self.setup.quorum}")
            return
        await self._campaign(me)

    async def _campaign(self, me: int) -> None:
        """Ask for votes, epoch after epoch; each Sentinel votes once in an epoch, for whoever asks first."""
        for epoch in range(1, 4):
            if any(isinstance(n.extension, Role) and n.extension.primary for n in self.world.nodes[1:]):
                return
            mine = 0
            for voter in [me, *(number for number in self._alive() if number != me)]:
                mine += self.votes.setdefault((epoch, voter), me) == me
                await until(self.world, self.world.now() + 0.002)
            if mine >= needed(self.setup):
                self.world.note(self._name(me), f"elected: {mine} of {needed(self.setup)} votes")
                await self._promote()
                return
            if mine:
                self.world.note(self._name(me), f"{mine} of {needed(self.setup)} votes")
            await until(self.world, AGREE + 0.3 * epoch + 0.1 * self.world.draws(f"again{me}/{epoch}")())

    async def _promote(self) -> None:
        """Of the replicas that are there, the one with the lowest priority, unless that is 0."""
        ranked = sorted(enumerate(self.setup.replicas, 1), key=lambda one: one[1][1])
        for number, (host, priority) in ranked:
            if priority > 0 and host not in self.dead:
                await self.world.redis(number).replicaof("NO", "ONE")
                return
