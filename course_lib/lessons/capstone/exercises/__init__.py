"""Lesson 08: how each of its exercises is judged, in the order of words.toml."""

from __future__ import annotations

from course_lib.lessons.capstone.exercises import e1_scene, e2_mended, e3_review, e4_fenced_lock, e5_score

RULES = [e.RULES for e in (e1_scene, e2_mended, e3_review, e4_fenced_lock, e5_score)]
