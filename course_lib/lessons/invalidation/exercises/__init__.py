"""Lesson 06: how each of its exercises is judged, in the order of words.toml."""

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
