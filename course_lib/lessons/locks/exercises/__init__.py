"""Lesson 04: how each of its exercises is judged, in the order of words.toml.

- `e1_release`       04.1, free your own lock
- `e2_take`          04.2, take the lock
- `e3_redlock`       04.3, Redlock: one attempt on five nodes
- `e4_break_it`      04.4, break it: one fault
- `e5_fenced_store`  04.5, the fenced resource
- `e6_property`      04.6, write the property

What they are made of:
- `lock_calls`       calls of the answer, and what a node holds: for 04.1 to 04.3, and in part 04.5
- `e2_waits`         the runs of 04.2
- `e3_attempt`       what an attempt of 04.3 was granted, and what it left
- `e3_mistakes`         which mistake a failing run of 04.3 points to
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
