"""Lesson 03: how each of its exercises is judged, in the order of words.toml."""

from __future__ import annotations

from course_lib.lessons.atomicity.exercises import e1_window, e2_take, e3_limiter, e4_order, e5_fault, e6_invariant

RULES = [e.RULES for e in (e1_window, e2_take, e3_limiter, e4_order, e5_fault, e6_invariant)]
