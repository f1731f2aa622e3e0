"""Set-ups with Sentinel for 01.4 that nobody has seen, and by rule which of them have a primary when hosts have died.

Source: Redis documentation, "High availability with Redis Sentinel",
https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from course_lib.explore import Simulation
from course_lib.lessons.topologies.answers import Setup


def drawn(world: Simulation) -> Setup:
    """A setup that nobody has seen."""
    draw = world.draws("setup")
    hosts = [f"h{number + 1}" for number in range(2 + int(draw() * 7))]

    def any_of(choices: Sequence[Any]) -> Any:
        return choices[int(draw() * len(choices))]

    replicas = tuple((any_of(hosts), any_of((0, 100, 100, 50, 1))) for _ in range(1 + int(draw() * 5)))
    sentinels = tuple(any_of(hosts) for _ in range(1 + int(draw() * 7)))
    removed = any_of((0, 0, 1, 2))
    quorum = 1 + int(draw() * (len(sentinels) + removed + 2))  # also more than there are
    return Setup(f"setup {world.seed + 1}", any_of(hosts), replicas, sentinels, quorum, removed)


def akin(setup: Setup) -> Setup:
    """Another setup of the same hosts, primary and numbers: each Sentinel and replica runs on the next host, and whom
    Sentinel may promote there, it may not here."""
    others = [host for host in setup.hosts if host != setup.primary]
    other = dict(zip(others, others[1:] + others[:1], strict=True))

    def moved(host: str) -> str:
        return other.get(host, host)

    return replace(
        setup,
        replicas=tuple((moved(host), 0 if priority else 100) for host, priority in setup.replicas),
        sentinels=tuple(map(moved, setup.sentinels)),
    )


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


def outages(setup: Setup, taken_for: Setup | None = None) -> Iterator[frozenset[str]]:
    """Every set of hosts whose death leaves no primary, smallest first; by the rule for the setup it is taken for."""
    for size in range(1, len(setup.hosts) + 1):
        for dead in combinations(setup.hosts, size):
            if not has_primary(taken_for or setup, dead):
                yield frozenset(dead)
