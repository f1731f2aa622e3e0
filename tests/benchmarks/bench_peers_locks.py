"""Locks, ours beside others': an uncontended acquire and release, and how long a lock takes from hand to hand."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from course_lib.servers import Server

from .contenders import Comparison, Contender, limit_of, medians, peers_are_built, times_by_hand, times_minimal

pytestmark = pytest.mark.skipif(not peers_are_built(), reason="the peers are not installed (make peers)")
ASYNC = ["minimal, asyncio", "ours"]
ONE = [
    *("minimal, sync", "redis-py, sync", "python-redis-lock", "pottery", "redlock-py"),
    *(*ASYNC, "redis-py, asyncio"),
]
THREE = [*ASYNC, "pottery", "redlock-py", "redlock-ng, asyncio"]
HAND_TO_HAND = ["ours", "by hand, wake-up", "redis-py, sync", "redis-py, asyncio", "python-redis-lock", "pottery"]
SYNC = {"redis-py, sync", "python-redis-lock", "pottery", "redlock-py", "minimal, sync"}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize(("nodes", "names"), [(1, ONE), (3, THREE)])
def test_uncontended(stack: ExitStack, nodes: int, names: list[str]) -> None:
    servers = [stack.enter_context(Server(name=f"node {number}")) for number in range(nodes)]
    contenders = [Contender("speed_locks", name, servers, stack) for name in names]
    found = medians(contenders, "cycle", rounds=15, calls=100)
    table = Comparison(f"Locks, {nodes} node(s): acquire + release", ("p50 µs", "× minimal", "round trips"))
    trips = {}
    for contender in contenders:
        minimal = "minimal, sync" if contender.name in SYNC and nodes == 1 else "minimal, asyncio"
        trips[contender.name] = contender.round_trips("cycle")
        ratio = times_minimal(found, contender.name, minimal)
        table.add(contender.name, round(statistics.median(found[contender.name])), ratio, f"{trips[contender.name]:g}")
    if limit := limit_of(servers[0], "SET k v NX PX 10000"):
        table.notes.append(f"redis-benchmark: one SET NX PX takes {limit:.0f} µs")
    ratio = times_by_hand(contenders[names.index("ours")], "cycle")
    table.bar(trips["ours"] == 2 * nodes, f"round trips are the proven minimum, {2 * nodes}: {trips['ours']:g}")
    table.bar(
        ratio <= 1.1,
        f"p50 within 10 % of the same scripts with the same time-outs by hand: {ratio:.2f} ×",
        known="a lease with its timer and token, and the way of a cancellation to its release",
    )
    table.close()


def test_from_hand_to_hand(stack: ExitStack) -> None:
    """Two processes; one waits while the other holds. From the call of release() to the return of acquire()."""
    server = stack.enter_context(Server())
    pairs = {}
    for name in HAND_TO_HAND:
        first = Contender("speed_locks", name, [server], stack)
        pairs[name] = [first.speaks, first.another()]
        for process in pairs[name]:
            process.ask(["time", "cycle", 30])
    found: dict[str, list[float]] = {name: [] for name in HAND_TO_HAND}
    for number in range(21):
        for name, (holder, waiter) in pairs.items():
            holder.ask(["call", "acquire"])
            waiter.tell(["stamp", "acquire"])
            time.sleep(0.06 + 0.007 * number)  # by then the waiter waits, wherever it is in its polling
            released, _, _ = holder.ask(["stamp", "release"])
            _, acquired, _ = waiter.hear()
            found[name].append((acquired - released) * 1000)
            waiter.ask(["call", "release"])
            pairs[name].reverse()
    table = Comparison("Locks: from release() to the waiter's acquire()", ("median ms", "worst ms"))
    for name, took in found.items():
        table.add(name, statistics.median(took), max(took))
    ours = statistics.median(found["ours"])
    table.notes.append("python-redis-lock has no fence and is a client without asyncio; it is shown, and is no bar")
    table.notes.append("by hand is a wake-up without lease, fence or time-out: the least that a hand-off can take")
    for name in HAND_TO_HAND[1:]:
        if name not in ("python-redis-lock", "by hand, wake-up"):
            other = statistics.median(found[name])
            table.bar(ours <= other * 1.1, f"no slower than {name}: {ours:.2f} against {other:.2f} ms")
    table.close()
