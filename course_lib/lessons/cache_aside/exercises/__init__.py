"""Lesson 00: how each of its exercises is judged, in the order of words.toml.

- `e1_keep`      00.1, give a page a TTL
- `e2_read`      00.2, read through the cache
- `e3_many`      00.3, read many products in one round trip
- `e4_write`     00.4, write, then delete
- `e5_break_it`  00.5, break it: an order of steps

What they are made of:
- `shop`         the database and the clients of 00.2 and 00.3
- `e4_writers`   what the writers of 00.4 do
"""

from __future__ import annotations

from course_lib.lessons.cache_aside.exercises import e1_keep, e2_read, e3_many, e4_write, e5_break_it

RULES = [e.RULES for e in (e1_keep, e2_read, e3_many, e4_write, e5_break_it)]
