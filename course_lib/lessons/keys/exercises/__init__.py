"""Lesson 02: how each of its exercises is judged, in the order of words.toml.

- `e1_names`        02.1, names that never collide
- `e2_rollout`      02.2, a rolling deploy
- `e3_flush`        02.3, a flush at run time
- `e4_clean_up`     02.4, clean up old versions
- `e5_order`        02.5, break it: an order of commands
- `e6_immortal`     02.6, write the property

What they are made of:
- `e2_plans`        the database and the processes of 02.2
- `e3_plans`        the database and the processes of 02.3
- `unheard_errors`  whether an error reaches the caller, for 02.2 and 02.3; a server that refuses a command
- `e4_keyspace`     the keys that 02.4 finds, and what it does to them
- `e4_says`         what it says that it removed, and of errors
- `e6_runs`         runs for 02.6
"""

from __future__ import annotations

from course_lib.lessons.keys.exercises import e1_names, e2_rollout, e3_flush, e4_clean_up, e5_order, e6_immortal

RULES = [e.RULES for e in (e1_names, e2_rollout, e3_flush, e4_clean_up, e5_order, e6_immortal)]
