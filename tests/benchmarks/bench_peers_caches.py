"""Caches, ours beside others': a hit, and a stampede of 4 processes × 16 callers at a cold key."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from course_lib.servers import Server

from .contenders import Comparison, Contender, limit_of, medians, peers_are_built, times_by_hand, times_minimal

pytestmark = pytest.mark.skipif(not peers_are_built(), reason="the peers are not installed (make peers)")
OURS = ["ours, lock_and_wait", "ours, lock_or_stale", "ours, single-flight + lock"]
NAMES = [
    *("minimal, naive", "ours, cache_aside", *OURS),
    *("redis.io's description", "cashews, lock", "aiocache, cached_stampede", "dogpile, distributed lock"),
]
PROCESSES, CALLERS, LOAD_MS = 4, 16, 150


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_caches(stack: ExitStack) -> None:
    server = stack.enter_context(Server())
    contenders = [Contender("speed_caches", name, [server], stack) for name in NAMES]
    crowds = {one.name: [one.speaks, *(one.another() for _ in range(PROCESSES - 1))] for one in contenders}
    for processes in crowds.values():
        for process in processes:
            process.ask(["call", "warm"])
    found = medians(contenders, "hit", rounds=11, calls=100)
    loads: dict[str, list[int]] = {name: [] for name in NAMES}
    worst: dict[str, list[float]] = {name: [] for name in NAMES}
    for number in range(9):
        for name, processes in crowds.items():
            at = time.monotonic() + 0.1
            for process in processes:
                process.tell(["call", "crowd", f"{name}:{number}", CALLERS, at])
            said = [process.hear() for process in processes]
            loads[name].append(sum(one["loads"] for one in said))
            worst[name].append(max(one["worst"] for one in said) * 1000)
    table = Comparison(
        f"Caches: a hit; {PROCESSES} × {CALLERS} callers at a cold key, a load takes {LOAD_MS} ms",
        ("hit p50 µs", "× minimal", "round trips", "loads", "worst wait ms"),
    )
    trips = {}
    for contender in contenders:
        name = contender.name
        trips[name] = contender.round_trips("hit")
        p50, ratio = round(statistics.median(found[name])), times_minimal(found, name, "minimal, naive")
        waited = round(statistics.median(worst[name]))
        table.add(name, p50, ratio, f"{trips[name]:g}", f"{statistics.median(loads[name]):g}", waited)
    if limit := limit_of(server, "GET warm"):
        table.notes.append(f"redis-benchmark: one GET takes {limit:.0f} µs")
    for contender in contenders:
        if (name := contender.name) in ["ours, cache_aside", *OURS]:
            ratio = times_by_hand(contender, "hit")
            table.bar(trips[name] == 1, f"a hit is the proven minimum, 1 round trip: {name} {trips[name]:g}")
            if name == "ours, single-flight + lock":  # a hit of many callers is one GET: that is what a task pays for
                table.notes.append(f"        a hit of one caller, against a GET by hand: {name} {ratio:.2f} ×")
            else:
                said = f"a hit within 10 % of the same question by hand: {name} {ratio:.2f} ×"
                table.bar(ratio <= 1.1, said)
    rivals = [name for name in NAMES if not name.startswith(("ours", "minimal")) and max(loads[name]) == 1]
    best = min(statistics.median(worst[name]) for name in rivals)
    for name in OURS:
        table.bar(set(loads[name]) == {1}, f"one load: {name} {sorted(set(loads[name]))}")
    waited, name = min((statistics.median(worst[name]), name) for name in OURS)
    table.bar(waited <= best, f"the lowest worst wait of all: {name} {waited:.0f} ms; best peer {best:.0f} ms")
    table.close()
