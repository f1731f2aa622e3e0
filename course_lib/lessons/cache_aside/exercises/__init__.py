"""Lesson 00: how each of its exercises is judged, in the order of words.toml."""

from __future__ import annotations

from course_lib.lessons.cache_aside.exercises import e1_keep, e2_read, e3_many, e4_write, e5_break_it

RULES = [e.RULES for e in (e1_keep, e2_read, e3_many, e4_write, e5_break_it)]
