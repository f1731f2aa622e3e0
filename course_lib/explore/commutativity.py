"""Which commands commute: those on different nodes, on different keys, or that only read.

Only commands whose keys are known for certain are ever said to commute. A script counts by the keys that it declares,
as in a cluster, and as a writer (where one touches others, `undeclared`, nothing is said to commute); EVALSHA also
hangs on who sent the script before. Random numbers do not keep steps from commuting: each client has a stream of its
own (`course_lib.sim.random_streams`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from course_lib.sim import Fate

Command = tuple[bytes, ...]


def _named(names: str) -> frozenset[str]:
    return frozenset(names.split())


_READS = _named(
    "EXISTS GET GETBIT GETRANGE HGET HGETALL HLEN HMGET HRANDFIELD LLEN LRANGE MGET PTTL SCARD SISMEMBER SMEMBERS "
    "SRANDMEMBER STRLEN TTL TYPE WATCH XLEN XRANGE ZCARD ZCOUNT ZRANDMEMBER ZRANGE ZRANGEBYSCORE ZRANK ZREVRANK ZSCORE"
)
_WRITES = _named(
    "APPEND DECR DECRBY DEL EXPIRE EXPIREAT GETDEL GETEX GETSET HDEL HINCRBY HSET HSETNX INCR INCRBY INCRBYFLOAT LPOP "
    "LPUSH LREM LTRIM PERSIST PEXPIRE PEXPIREAT PSETEX RPOP RPUSH SADD SET SETEX SETNX SPOP SREM UNLINK XADD XDEL "
    "XTRIM ZADD ZINCRBY ZREM ZREMRANGEBYRANK ZREMRANGEBYSCORE"
)
_OF_MANY_KEYS = _named("DEL EXISTS MGET UNLINK WATCH")
_OF_THE_CONNECTION = _named("DISCARD ECHO MULTI PING UNWATCH")  # not EXEC, which depends on the keys that were watched


_TIMED = _named("EXPIRE EXPIREAT GETEX PEXPIRE PEXPIREAT PSETEX PTTL SETEX TTL XADD")
_UNTIMED_OPTIONS = _named("GET KEEPTTL NX XX")


class Footprint(NamedTuple):
    """What a step touches on a node. `seen` marks one after which the client did what others may observe.

    `node` is None where it may make a difference on every node. `reads` and `writes` are keys; None stands for any key.
    `loads` and `wants` are scripts, by their SHA-1: those that the node knows afterwards, and those that it must know.
    """

    node: str | None
    reads: frozenset[bytes] | None
    writes: frozenset[bytes] | None
    seen: bool = False
    loads: frozenset[bytes] = frozenset()
    wants: frozenset[bytes] = frozenset()


def footprint(node: str, commands: Sequence[Command]) -> Footprint:
    """What a turn's commands read and write."""
    reads: frozenset[bytes] = frozenset()
    writes: frozenset[bytes] = frozenset()
    loads: frozenset[bytes] = frozenset()
    wants: frozenset[bytes] = frozenset()
    for command in commands:
        name = command[0].decode("ascii", "replace").upper()
        keys = _keys(name, command)
        if keys is None:
            return Footprint(node, None, None)
        if name in _READS:
            reads |= keys
        else:
            writes |= keys
        if name == "EVAL":
            loads |= {_sha(command[1])}
        elif name == "EVALSHA":
            wants |= {command[1].lower()}
    return Footprint(node, reads, writes, loads=loads, wants=wants)


@lru_cache(1_000)
def _sha(script: bytes) -> bytes:
    return hashlib.sha1(script).hexdigest().encode()


def struck(kind: Fate, node: str, commands: Sequence[Command]) -> Footprint:
    """What a turn touches when a fault strikes it. Two faults are never said to commute: each starts a time of its own,
    of a pause or an outage.

    A lost request, and a process that dies or stands still, leave the servers alone. A node that is down refuses
    clients that come later, on any connection that is opened meanwhile. A clock decides what has expired. A delay lets
    time pass, for everybody.
    """
    if kind == "lose reply":
        return footprint(node, commands)._replace(seen=True)
    if kind in ("node down", "delay", "longer"):
        return Footprint(None, None, None, seen=True)
    if kind == "clock step":
        return Footprint(node, None, None, seen=True)
    return Footprint(node, frozenset(), frozenset(), seen=True)


def timeless(commands: Sequence[Command], expiring: frozenset[bytes]) -> bool:
    """Do these commands do the same however late they run, if no other command comes between? `expiring` are the keys
    with a TTL."""
    for command in commands:
        name = command[0].decode("ascii", "replace").upper()
        keys = None if name in _TIMED or name.startswith("EVAL") else _keys(name, command)
        options = {option.decode("ascii", "replace").upper() for option in command[3:]} if name == "SET" else set()
        if keys is None or keys & expiring or options - _UNTIMED_OPTIONS:
            return False
    return True


def commute(one: Footprint, other: Footprint) -> bool:
    """Does the order of two turns of different clients make no difference to anybody?"""
    if one.seen and other.seen:
        return False
    if one.node is None or other.node is None:
        return False
    if one.node != other.node:
        return True
    if one.reads is None or one.writes is None or other.reads is None or other.writes is None:
        return False
    if one.loads & other.wants or other.loads & one.wants:
        return False
    return not (one.writes & (other.reads | other.writes) or other.writes & one.reads)


def _keys(name: str, command: Command) -> frozenset[bytes] | None:
    if name in _OF_MANY_KEYS:
        return frozenset(command[1:])
    if name in _READS or name in _WRITES:
        return frozenset(command[1:2])
    if name in _OF_THE_CONNECTION:
        return frozenset()
    if name in ("EVAL", "EVALSHA") and command[2:3] and command[2].isdigit():
        return frozenset(command[3 : 3 + int(command[2])])
    return None


def undeclared(events: Sequence[Any]) -> bool:
    """Did a script touch a key that it had not declared, so that its footprint is too small? A pushed message has no
    `calls`."""
    declared: dict[str, set[bytes]] = {}
    for event in events:
        if event.name in ("EVAL", "EVALSHA"):  # also within a transaction, whose EXEC is what ran it
            declared.setdefault(event.client, set()).update(_keys(event.name, event.command) or ())
        known = declared.get(event.client, set())
        if any(not keys <= known for keys in map(_touched, getattr(event, "calls", ()))):
            return True
    return False


def _touched(call: Command) -> frozenset[bytes]:
    """The keys of a command in a script. If the command is not listed here, its first argument is taken for its key."""
    name = call[0].decode("ascii", "replace").upper()
    if name == "PUBLISH":  # to a channel, which is not a key
        return frozenset()
    keys = _keys(name, call)
    return frozenset(call[1:2]) if keys is None else keys
