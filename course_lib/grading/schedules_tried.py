"""How many schedules a check has tried, in words."""

from __future__ import annotations

from collections import Counter

from course_lib import explore
from course_lib.explore import NAMED, Findings, Tally
from course_lib.words import either


def tried_in(found: list[Findings]) -> str:
    """`all 16 schedules of 2 clients, of which 12 break a promise; …` for schedules that were played by order. For
    those that were played in time, `412 schedules: 80 sampled, and one crash, lost request or lost reply at each of 31
    sends`."""
    played = [one for each in found for one in each.played if one.schedules and not one.kinds]
    ordered = list(dict.fromkeys(map(_by_order, played)))
    timed = [one for one in found if one.kinds]
    return "; ".join([*ordered, *([_timed(timed)] if timed else [])])


def _by_order(orders: Tally) -> str:
    breaks = f", of which {orders.failures:,} break{'s' * (orders.failures == 1)} a promise" if orders.failures else ""
    return explore.counted(orders) + breaks


def _timed(found: list[Findings]) -> str:
    kinds = sum((one.kinds for one in found), Counter[str]())
    sampled, faults = kinds.pop("no fault", 0), list(kinds)
    total = sampled + kinds.total()
    if not faults:
        return f"{total:,} schedules"
    sends = max(one.sends for one in found)
    fault = f"{kinds.total():,} with one {either([NAMED.get(kind, kind) for kind in faults])}"
    return f"{total:,} schedules: {sampled:,} sampled without a fault, and {fault}, at each of up to {sends} sends"
