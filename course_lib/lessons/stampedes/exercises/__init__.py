"""Lesson 05: how each of its exercises is judged, in the order of words.toml."""

from __future__ import annotations

from course_lib.lessons.stampedes.exercises import e1_e3_locks, e2_early_refresh, e4_fault, e5_overlap

RULES = [e1_e3_locks.FILL, e2_early_refresh.RULES, e1_e3_locks.WRITE, e4_fault.RULES, e5_overlap.RULES]
