"""The four-line checklist as an audit of a keyspace, and of what clients were seen to send to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.crc import key_slot

from course_lib.patterns.audit import Report, audit
from course_lib.trace import Event, Trace
from course_lib.words import counted, listed

MANY_KEYS = (b"MGET", b"DEL", b"UNLINK", b"EXISTS", b"SUNION", b"SINTER", b"RENAME")
"""Commands whose arguments are all keys. (Redis has more; these are the ones that the toys of this lesson send.)"""
WRITES = (b"SET", b"HSET")


async def checklist(redis: Redis, trace: Trace, *, namespace: str = "app:") -> list[dict[str, object]]:
    """Look through a keyspace and a trace for what the checklist asks; a line for each of its four rules.

    It writes nothing. `namespace` is what each key should begin with.
    """
    names = [str(key) async for key in redis.scan_iter(count=500)]
    report = await audit(redis, [])  # whether a version is the right one is a question for lesson 02
    foreign = [key for key in names if not key.startswith(namespace)]
    split = [event for event in trace if _slots(event) > 1]
    several = [event for event in trace if _slots(event) > 0]
    raced = sorted(set(_read_then_written(trace)))
    aware = "yes" if isinstance(redis, RedisCluster) else "no"
    return [
        _line("keys have a namespace", len(foreign), len(names), "key has none", "keys have none", foreign),
        _line("all keys have a TTL", report.counts["no ttl"], report.keys, "key has none", "keys have none",
              without_ttl(report)),
        {"rule": "a cluster-aware client", "found": f"{aware}; a cluster would refuse {len(split)} of "
         f"{counted(len(several), 'command')} with several keys", "which": listed([_text(e) for e in split])},
        {"rule": "Lua for what must be atomic", "found": f"{counted(len(raced), 'key was', 'keys were')} read and "
         "written back in two commands", "which": listed(raced)},
    ]  # fmt: skip


def without_ttl(report: Report) -> list[str]:
    """The keys of an audit's report that live forever."""
    return [finding.key for finding in report.findings if finding.fault == "no ttl"]


def _line(rule: str, bad: int, of: int, one: str, more: str, which: Sequence[str]) -> dict[str, object]:
    return {"rule": rule, "found": f"{counted(bad, one, more)}, of {of}", "which": listed(list(which))}


def _slots(event: Event) -> int:
    """In how many slots of a cluster the keys of a command with several keys lie; 0 for any other command."""
    keys = event.command[1:]
    return len({key_slot(key) for key in keys}) if event.command[0].upper() in MANY_KEYS and len(keys) > 1 else 0


def _text(event: Event) -> str:
    return " ".join(part.decode(errors="replace") for part in event.command)


def _read_then_written(trace: Trace) -> Iterator[str]:
    """Keys that a client read, and then wrote by another command: anybody's command may run between the two."""
    read: dict[str, set[bytes]] = defaultdict(set)
    for event in trace:
        name, key = event.command[0].upper(), event.command[1] if event.command[1:] else b""
        if name in (b"GET", b"HGET"):
            read[event.client].add(key)
        elif name in WRITES and key in read[event.client]:
            yield key.decode(errors="replace")
