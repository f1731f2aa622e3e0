"""Lesson 02: how each of its exercises is judged, in the order of words.toml."""

from __future__ import annotations

from course_lib.lessons.keys.exercises import e1_names, e2_rollout, e3_flush, e4_clean_up, e5_order, e6_immortal

RULES = [e.RULES for e in (e1_names, e2_rollout, e3_flush, e4_clean_up, e5_order, e6_immortal)]
