"""Lesson 07: how each of its exercises is judged, in the order of words.toml."""

from __future__ import annotations

from course_lib.lessons.beyond_caching.exercises import e1_log_in, e2_use, e3_worker, e4_board, e5_twice, e6_lost

RULES = [e.RULES for e in (e1_log_in, e2_use, e3_worker, e4_board, e5_twice, e6_lost)]
