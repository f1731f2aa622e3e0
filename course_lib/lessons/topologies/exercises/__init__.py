"""Lesson 01: how each of its exercises is judged, in the order of words.toml."""

from __future__ import annotations

from course_lib.lessons.topologies.exercises import e1_slot, e2_hash_tags, e3_failover, e4_outage, e5_cut, e6_reports

RULES = [e.RULES for e in (e1_slot, e2_hash_tags, e3_failover, e4_outage, e5_cut, e6_reports)]
