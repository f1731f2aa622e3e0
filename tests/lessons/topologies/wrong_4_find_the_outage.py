"""Wrong programs for 01.4, each with one mistake, named as the check must name it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any


def outage(
    *, majority: bool = True, quorum: bool = True, removed: bool = True, more_than_half: bool = True,
    zero: bool = False, replicas: bool = True, by_host: bool = False, primary: bool = True,
) -> Callable[[Any], Any]:  # fmt: skip
    """The search with one rule left out, or wrong; by default as it should be."""

    def smallest_outage(setup: Any) -> Any:
        sentinels = sorted(set(setup.sentinels)) if by_host else setup.sentinels
        known = len(sentinels) + (setup.removed if removed else 0)
        most = known // 2 + 1 if more_than_half else (known + 1) // 2
        needed = max(most if majority else 1, setup.quorum if quorum else 1)
        for size in range(1, len(setup.hosts) + 1):
            for dead in combinations(setup.hosts, size):
                votes = sum(host not in dead for host in sentinels)
                able = any(host not in dead and (zero or priority > 0) for host, priority in setup.replicas)
                if (setup.primary in dead or not primary) and (votes < needed or (replicas and not able)):
                    return set(dead)
        return set(setup.hosts)

    return smallest_outage


def votes_only_of_the_living(setup: Any) -> Any:
    """Its majority is one of those that are left, so it is always there."""
    for size in range(1, len(setup.hosts) + 1):
        for dead in combinations(setup.hosts, size):
            alive = [host for host in setup.sentinels if host not in dead]
            elected = len(alive) >= setup.quorum and len(alive) >= len(alive) // 2 + 1
            able = any(host not in dead and priority > 0 for host, priority in setup.replicas)
            if setup.primary in dead and not (elected and able):
                return set(dead)
    return None


WRONG = [
    ("quorum-elects", outage(majority=False)),
    ("quorum-elects", votes_only_of_the_living),
    ("majority-only", outage(quorum=False)),
    ("forgets-the-removed", outage(removed=False)),
    ("half-is-enough", outage(more_than_half=False)),
    ("promotes-priority-0", outage(zero=True)),
    ("nobody-to-promote", outage(replicas=False)),
    ("counts-hosts", outage(by_host=True)),
    ("spares-the-primary", outage(primary=False)),
    ("everything", lambda setup: set(setup.hosts)),
]
