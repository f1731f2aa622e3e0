"""Clues to well-known mistakes with a stock: which commands stand between the look and the change."""

from __future__ import annotations

import re
from collections.abc import Iterator

from redis.exceptions import WatchError

from course_lib.explore import Play
from course_lib.grading.acts import Act
from course_lib.grading.evidence import of
from course_lib.grading.rules import Failing, named
from course_lib.trace import Event

CHANGES = frozenset(("DECR", "DECRBY", "INCR", "INCRBY", "SET", "GETSET"))


def clues(failing: Failing) -> Iterator[str]:
    """What stands in the run that is shown: each client's commands, and what it was told."""
    exact = failing["exact"].violation("exact") if "exact" in failing else None
    lost = exact is not None and exact.mark.endswith("are left")
    below = failing.get("never-negative")
    raced = failing["exact"] if lost else below if below and _overtaken(below) else None
    sent = [_names(raced, who) for who in raced.results if who != "delivery"] if raced else []
    looked = [names[names.index("GET") :] for names in sent if "GET" in names]
    watched = any("WATCH" in names for names in sent)
    refused, ttl = (failing[p].violation(p) if p in failing else None for p in ("refused", "ttl"))
    stopped = [act for act in failing["refused"].witness.acts if act.done] if "refused" in failing else []
    said = b" ".join(b" ".join(event.command) for event in failing["ttl"].trace).upper() if ttl else b""
    return named({
        "gives-back": below and any({"DECRBY", "INCRBY"} <= set(_names(below, who)) for who in below.results),
        "watches-too-late": any("WATCH" in names for names in looked) and not any(_watches_first(n) for n in sent),
        "watched-and-lost": raced and watched and looked,
        "multi-alone": raced and any("EXEC" in names for names in looked),
        "loses-updates": raced and any("SET" in names for names in looked),
        "looks-first": raced and any({"DECRBY", "DECR"} & set(names) for names in looked),
        "lets-it-out": refused and any(isinstance(r, WatchError) for r in failing["refused"].results.values()),
        "drops-the-ttl": ttl and ttl.mark == "TTL -1" and re.search(rb"\bSET\b", said) and b"KEEPTTL" not in said,
        "gives-up": refused and refused.mark == "refused"
        and any(_overtaken_last(failing["refused"], act) for act in stopped),
        "forgets-the-edges": refused and refused.mark == "the edge",
    })  # fmt: skip


def _names(run: Play, who: str) -> list[str]:
    return [event.name for event in of(run.trace, who)]


def _overtaken(run: Play) -> bool:
    """Did a client change the stock after another had changed what it saw?"""
    looked, stale = set[str](), set[str]()
    for event in sorted((one for one in run.trace if one.t_server is not None), key=lambda one: one.t_server or 0.0):
        if event.name == "GET" and event.reply != b"QUEUED":
            looked.add(event.client)
            stale.discard(event.client)
        elif _changes(event):
            if event.client in stale:
                return True
            stale |= looked - {event.client}
            looked.discard(event.client)
    return False


def _changes(event: Event) -> bool:
    """Did it change the stock? Of a transaction that is EXEC."""
    if event.name == "EXEC":
        return bool(event.reply)
    names = {event.name, *(call[0].decode().upper() for call in getattr(event, "calls", ()))}
    return bool(names & CHANGES) and event.reply != b"QUEUED" and not isinstance(event.reply, Exception)


def _watches_first(names: list[str]) -> bool:
    return "WATCH" in names[: names.index("GET")] if "GET" in names else "WATCH" in names


def _overtaken_last(run: Play, act: Act) -> bool:
    """Was its caller told False after its last transaction came to nothing?"""
    last = [event for event in of(run.trace, act.who) if event.name == "EXEC"][-1:]
    return act.result is False and any(event.reply is None for event in last)
