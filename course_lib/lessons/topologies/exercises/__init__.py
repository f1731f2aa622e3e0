"""Lesson 01: how each of its exercises is judged, in the order of words.toml.

- `e1_slot`       01.1, predict the slot
- `e2_hash_tags`  01.2, choose hash tags
- `e3_failover`   01.3, count through a failover
- `e4_outage`     01.4, find what a Sentinel setup does not survive
- `e5_cut`        01.5, break it: the primary is cut off
- `e6_reports`    01.6, write the property

What they are made of:
- `e2_shop`       the keys of a shop, for 01.2
- `e3_plans`      which process of 01.3 is handed which event, and when
- `e3_mistakes`      which mistake a failing run of 01.3 points to
- `failover`      the servers and the Sentinels of 01.3, 01.5 and 01.6
- `e4_setups`     Sentinel setups for 01.4, and which of them survive
- `e6_runs`       runs for 01.6
"""

from __future__ import annotations

from course_lib.lessons.topologies.exercises import e1_slot, e2_hash_tags, e3_failover, e4_outage, e5_cut, e6_reports

RULES = [e.RULES for e in (e1_slot, e2_hash_tags, e3_failover, e4_outage, e5_cut, e6_reports)]
