"""Lesson 08: how each of its exercises is judged, in the order of words.toml.

- `e1_scene`        08.1, break it: who asks when
- `e2_mended`       08.2, the mended cache-aside
- `e3_review`       08.3, review redis-py's Lock
- `e4_fenced_lock`  08.4, a lock with a fence
- `e5_score`        08.5, the scoreboard

What they are made of:
- `e2_calls`        the calls of 08.2, each with what must come of it
- `e2_long_runs`    more of them: short and long lives, many keys, long waits
- `e2_judges`       what must be true of a run of 08.2
- `holders`         who held a key until when, and who waited in vain
- `e4_calls`        the calls of 08.4, each with its right answer
"""

from __future__ import annotations

from course_lib.lessons.capstone.exercises import e1_scene, e2_mended, e3_review, e4_fenced_lock, e5_score

RULES = [e.RULES for e in (e1_scene, e2_mended, e3_review, e4_fenced_lock, e5_score)]
