"""Rate limiters, ours beside others': what a hit costs, and how many too many are admitted."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime

import pytest

from course_lib.servers import Server

from .contenders import Comparison, Contender, limit_of, medians, peers_are_built, times_by_hand, times_minimal

pytestmark = pytest.mark.skipif(not peers_are_built(), reason="the peers are not installed (make peers)")
KINDS = ["FixedWindow", "SlidingLog", "SlidingCounter", "TokenBucket", "GCRA"]
OURS = [f"ours, {kind}" for kind in KINDS]
PEERS = [
    *(f"limits, {kind}" for kind in ("FixedWindow", "MovingWindow", "SlidingWindowCounter")),
    *(f"throttled-py, {kind}" for kind in ("fixed_window", "sliding_window", "token_bucket", "leaking_bucket", "gcra")),
    "pyrate-limiter",
]
EXACT = ["ours, SlidingLog", "ours, TokenBucket", "ours, GCRA"]
LIMIT, BURST = 20, 10  # as in speed_limiters.py: a second
# One request opens the window of those who count from the first; then a burst ends a second, and one begins the next.
TIMETABLE = [
    *(0.02, *(0.9 + 0.002 * number for number in range(25))),
    *(*(1.05 + 0.002 * number for number in range(25)), *(1.6 + 0.01 * number for number in range(60))),
]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def too_many(name: str, admitted: list[tuple[float, float]]) -> int:
    """Over what is allowed in any interval: `LIMIT` in a second, or a bucket's burst and rate × t.

    When the server decided is known to lie between request and reply, so an interval is taken as long as it may be.
    """
    bucket = name.endswith(("TokenBucket", "GCRA", "token_bucket", "leaking_bucket", "gcra"))
    worst = 0
    for first, (sent, _) in enumerate(admitted):
        for last in range(first, len(admitted)):
            longest, count = admitted[last][1] - sent, last - first + 1
            if bucket:
                worst = max(worst, count - int(BURST + LIMIT * longest))
            elif longest < 1:
                worst = max(worst, count - LIMIT)
    return worst


def test_limiters(stack: ExitStack) -> None:
    server = stack.enter_context(Server())
    names = ["minimal, sync", "minimal, asyncio", *OURS, *PEERS]
    contenders = [Contender("speed_limiters", name, [server], stack) for name in names]
    found = medians(contenders, "hit", rounds=11, calls=100)
    storms = {}
    for at in range(0, len(contenders), 4):  # at most four at once, so that each keeps its timetable
        asked = contenders[at : at + 4]
        start = time.monotonic() + 2 - datetime.now().timestamp() % 1  # a second of the calendar begins
        for contender in asked:
            contender.speaks.tell(["call", "storm", [start + moment for moment in TIMETABLE]])
        storms |= {contender.name: contender.speaks.hear() for contender in asked}
    table = Comparison(
        "Rate limiters: a hit; 20 a second (a bucket: 10 at once), asked in bursts around the turn of a second",
        ("p50 µs", "× minimal", "round trips", "admitted", "too many"),
    )
    trips, errors = {}, {}
    for contender in contenders:
        name = contender.name
        minimal = "minimal, asyncio" if name.startswith(("ours", "minimal, asyncio")) else "minimal, sync"
        trips[name], errors[name] = contender.round_trips("hit"), too_many(name, storms[name])
        ratio = times_minimal(found, name, minimal)
        p50 = round(statistics.median(found[name]))
        table.add(name, p50, ratio, f"{trips[name]:g}", len(storms[name]), errors[name])
    if limit := limit_of(server, "EVAL return(1) 0"):
        table.notes.append(f"redis-benchmark: one EVAL takes {limit:.0f} µs")
    table.bar(all(trips[name] == 1 for name in OURS), "round trips are the proven minimum, 1, for each of ours")
    table.bar(all(errors[name] == 0 for name in EXACT), f"none too many: {', '.join(EXACT)}")
    for contender in contenders:
        if contender.name in OURS:
            ratio = times_by_hand(contender, "hit")
            table.bar(
                ratio <= 1.1, f"p50 within 10 % of the same script called by hand: {contender.name} {ratio:.2f} ×"
            )
    table.close()
