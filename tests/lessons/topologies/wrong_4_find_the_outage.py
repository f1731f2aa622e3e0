"""Wrong programs for 01.4, each with one mistake, and the promises that subtle ones break."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any


def outage(
    *, majority: bool = True, quorum: bool = True, removed: bool = True, more_than_half: bool = True,
    zero: bool = False, replicas: bool = True, by_host: bool = False, primary: bool = True,
    fewest: int = 1, most_hosts: int = 8, least_priority: int = 1,
    seen: Callable[[Any], Any] = lambda setup: setup,
) -> Callable[[Any], Any]:  # fmt: skip
    """The search with one rule left out, or wrong; by default as it should be."""

    def smallest_outage(setup: Any) -> Any:
        setup = seen(setup)
        sentinels = sorted(set(setup.sentinels)) if by_host else setup.sentinels
        known = len(sentinels) + (setup.removed if removed else 0)
        most = known // 2 + 1 if more_than_half else (known + 1) // 2
        needed = max(most if majority else 1, setup.quorum if quorum else 1)
        for size in range(fewest, min(most_hosts, len(setup.hosts)) + 1):
            for dead in combinations(setup.hosts, size):
                votes = sum(host not in dead for host in sentinels)
                able = any(
                    host not in dead and (zero or priority >= least_priority) for host, priority in setup.replicas
                )
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


def never_all(setup: Any) -> Any:
    return outage(most_hosts=len(setup.hosts) - 1)(setup) if len(setup.hosts) > 1 else {setup.primary}


def gives_up_at_the_end(setup: Any) -> Any:
    """It tries all sizes but the last, and returns None then."""
    found = outage()(setup)
    return found if len(found) < len(setup.hosts) else None


def one_by_one(setup: Any) -> Any:
    """Greedy: it never takes back a host that did harm; the replicas first."""
    replicas = {host for host, priority in setup.replicas if priority}
    return {setup.primary, *replicas} if len(replicas) < 3 else outage()(setup)


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

SUBTLE: list[tuple[Any, ...]] = [
    ("at most three, else all", "smallest", outage(most_hosts=3)),
    ("at most four, else all", "smallest", outage(most_hosts=4)),
    ("all hosts are never tried", "proves", gives_up_at_the_end),
    ("two hosts at least", "smallest", outage(fewest=2)),
    ("the replicas first", "smallest", one_by_one),
    ("priority 1 is never promoted", "proves", outage(least_priority=2)),
    ("priority 50 is never promoted", "proves", outage(least_priority=51)),
    ("the first host is the primary's", "proves", outage(seen=lambda setup: replace(setup, primary=setup.hosts[0])),
     "spares-the-primary"),
    ("one Sentinel is removed at most", "smallest", outage(seen=lambda s: replace(s, removed=min(1, s.removed)))),
    ("the removed still vote", "smallest", outage(seen=lambda s: replace(s, removed=0, quorum=s.quorum - s.removed))),
    ("the quorum is at most a majority", "smallest", outage(seen=lambda s: replace(s, quorum=min(s.quorum, 2))),
     "majority-only"),
    ("the first replica is promoted, or none", "proves", outage(seen=lambda s: replace(s, replicas=s.replicas[:1]))),
    ("the last of the Sentinels counts once", "proves", outage(seen=lambda s: replace(s, sentinels=s.sentinels[:-1]))),
    ("the quorum is at most all that are known", "smallest",
     outage(seen=lambda s: replace(s, quorum=min(s.quorum, len(s.sentinels) + s.removed)))),
    ("its text", "proves", lambda setup: " ".join(sorted(outage()(setup)))),
    ("two sets", "proves", lambda setup: [outage()(setup)]),
    ("how many", "proves", lambda setup: len(outage()(setup))),
]  # fmt: skip
