"""Lesson 07: how each of its exercises is judged, in the order of words.toml.

- `e1_log_in`   07.1, a new id at log-in
- `e2_use`      07.2, use a session
- `e3_worker`   07.3, a worker
- `e4_board`    07.4, a high-score list
- `e5_twice`    07.5, break it: one pause
- `e6_lost`     07.6, write the property

What they are made of:
- `sessions`    the sessions of 07.1 and 07.2
- `e2_calls`    the calls of 07.2
- `e3_parcels`  the parcels of 07.3: who was given which, and what became of it
- `e4_games`    the calls of 07.4, each with its right answer
"""

from __future__ import annotations

from course_lib.lessons.beyond_caching.exercises import e1_log_in, e2_use, e3_worker, e4_board, e5_twice, e6_lost

RULES = [e.RULES for e in (e1_log_in, e2_use, e3_worker, e4_board, e5_twice, e6_lost)]
