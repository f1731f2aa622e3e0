"""Lesson 04: how each of its exercises is judged, in the order of words.toml.

`lock_calls` is what the judges of 04.1 to 04.3 share, and 04.5 in part: calls of the answer, and what a node holds.
`e2_waits` has the runs of 04.2.
"""

from __future__ import annotations

from course_lib.lessons.locks.exercises import (
    e1_release,
    e2_take,
    e3_redlock,
    e4_break_it,
    e5_fenced_store,
    e6_property,
)

RULES = [e.RULES for e in (e1_release, e2_take, e3_redlock, e4_break_it, e5_fenced_store, e6_property)]
