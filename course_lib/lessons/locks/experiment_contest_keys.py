"""What the nodes of a lock hold, read from a trace: whose key is on which node, from when to when."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from course_lib.trace import Event, Trace


class KeySpan(NamedTuple):
    """A node held somebody's key, from `start` to `end` in seconds; `why` it ended: released, expired, forgotten."""

    node: int
    who: str
    start: float
    end: float
    why: str


def key_spans(trace: Trace, nodes: int, end: float) -> list[KeySpan]:
    """What ACQUIRE, KEEP, FLUSHALL and jumps of its clock did to each node, in the order in which the node ran them.

    A token is `who.number`. Units: seconds; a key that is still held at `end` ends there.
    """
    return [span for node in range(nodes) for span in _of_node(trace, node, end)]


def _of_node(trace: Trace, node: int, end: float) -> Iterator[KeySpan]:
    name, token, start, expiry = f"redis{node}", "", 0.0, inf
    jumps = [(n.t_start, float(n.text.split()[-2])) for n in trace.notes if n.kind == "skew" and n.who == name]
    ran = [(e.t_server, e) for e in trace if e.node == name and e.t_server is not None]
    happened: list[tuple[float, Event | float]] = sorted([*ran, *jumps], key=lambda pair: pair[0])
    for t, what in [*happened, (end, 0.0)]:
        if token and expiry <= t:
            yield KeySpan(node, _who(token), start, expiry, "expired")
            token = ""
        if isinstance(what, float):
            expiry = max(expiry - what, t)
            continue
        acquired, kept = _acquired(what), _kept(what)
        if acquired is not None:
            if not token:
                start = t
            token, expiry = acquired[0], t + acquired[1]
        elif kept is not None and token and kept > 0:
            expiry = t + kept
        elif token and (kept == 0 or what.name == "FLUSHALL"):
            yield KeySpan(node, _who(token), start, t, "released" if kept == 0 else "forgotten")
            token = ""
    if token:
        yield KeySpan(node, _who(token), start, min(expiry, end), "expired" if expiry <= end else "held")


def _acquired(event: Event) -> tuple[str, float] | None:
    """(token, TTL in seconds) of an ACQUIRE that was granted; else None."""
    keys, args = _script(event)
    if len(keys) < 3 or not keys[1].startswith("fence") or not isinstance(event.reply, int) or event.reply <= 0:
        return None
    return args[0], int(args[1]) / 1000


def _kept(event: Event) -> float | None:
    """For how many more seconds a KEEP that found its token keeps the lock, 0 for a release; else None."""
    keys, args = _script(event)
    if not keys or not keys[0].startswith("lease") or (len(keys) > 1 and keys[1].startswith("fence")):
        return None
    return int(args[1]) / 1000 if event.reply == 1 else None


def _script(event: Event) -> tuple[list[str], list[str]]:
    if event.name not in ("EVALSHA", "EVAL"):
        return [], []
    words = [word.decode("utf-8", "replace") for word in event.command]
    number = int(words[2])
    return words[3 : 3 + number], words[3 + number :]


def _who(token: str) -> str:
    return token.partition(".")[0]
