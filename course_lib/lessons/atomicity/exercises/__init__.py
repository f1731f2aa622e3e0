"""Lesson 03: how each of its exercises is judged, in the order of words.toml.

- `e1_window`      03.1, count and start the window
- `e2_take`        03.2, take from a stock
- `e3_limiter`     03.3, write a limiter
- `e4_order`       03.4, break it: an order of commands
- `e5_fault`       03.5, break it: one fault
- `e6_invariant`   03.6, write the invariant

What they are made of:
- `e2_mistakes`       which mistake a failing run of 03.2 points to
- `e3_requests`    the requests that a limiter of 03.3 decides
- `e3_judges`      which of them it must admit, and when
- `e3_mistakes`       which mistake a failing run of 03.3 points to
- `server_errors`  a server that answers with errors for a while
- `server_access`  what judges do to a server, and see of it, without a client
"""

from __future__ import annotations

from course_lib.lessons.atomicity.exercises import e1_window, e2_take, e3_limiter, e4_order, e5_fault, e6_invariant

RULES = [e.RULES for e in (e1_window, e2_take, e3_limiter, e4_order, e5_fault, e6_invariant)]
