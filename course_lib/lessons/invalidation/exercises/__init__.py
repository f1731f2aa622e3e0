"""Lesson 06: how each of its exercises is judged, in the order of words.toml.

- `e1_sale`        06.1, commit, then delete
- `e2_versions`    06.2, never over a newer version
- `e3_leases`      06.3, a lease
- `e4_relay`       06.4, the relay of an outbox
- `e5_gamble`      06.5, break it: one pause
- `e6_stale_read`  06.6, write the property

What they are made of:
- `e2_hashes`      the calls of 06.2, and what a hash held around each
- `e3_calls`       the calls of 06.3, each with its right answer
- `e4_outbox`      the outbox of 06.4, and what its relays do
"""

from __future__ import annotations

from course_lib.lessons.invalidation.exercises import (
    e1_sale,
    e2_versions,
    e3_leases,
    e4_relay,
    e5_gamble,
    e6_stale_read,
)

RULES = [e.RULES for e in (e1_sale, e2_versions, e3_leases, e4_relay, e5_gamble, e6_stale_read)]
