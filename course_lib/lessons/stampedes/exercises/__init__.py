"""Lesson 05: how each of its exercises is judged, in the order of words.toml.

- `e1_e3_locks`       05.1 and 05.3, a cache-aside with a lock: filled in, then written
- `e2_early_refresh`  05.2, early refresh by chance
- `e4_fault`          05.4, break it: one fault
- `e5_overlap`        05.5, write the property

What they are made of:
- `crowd`             the clients of 05.1 and 05.3
- `e1_e3_judges`      what must be true of their loads, results and times
- `e1_e3_lives`       what must be true of their locks, values and errors
- `e1_e3_mistakes`       which mistake a failing run of them points to
- `lifetimes`         how long locks and values live, read from the server
- `e1_e3_runs`        more runs of them: long and short times, many keys, a refused command
- `e2_readers`        the readers of 05.2
"""

from __future__ import annotations

from course_lib.lessons.stampedes.exercises import e1_e3_locks, e2_early_refresh, e4_fault, e5_overlap

RULES = [e1_e3_locks.FILL, e2_early_refresh.RULES, e1_e3_locks.WRITE, e4_fault.RULES, e5_overlap.RULES]
