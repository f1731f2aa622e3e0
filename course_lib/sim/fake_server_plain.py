"""The commonest commands of a simulated server without fakeredis.

`DIRECT` has only what is plain: the key's type fits, the options are few and right. Whatever else is asked, and each
error, is fakeredis's, so there is one place where each is worded. tests/sim/test_direct.py holds both to the same
replies, keys and TTLs; the oracle holds them to real servers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fakeredis._core._database import Item
from fakeredis._helpers import OK, SimpleError
from fakeredis.commands_mixins.sortedset_mixin import ScoreTest
from fakeredis.model import ZSet

from course_lib.sim.fake_server_fixes import NodeDatabase

PASS: Any = object()
"""Not plain: ask fakeredis."""

Direct = Callable[[NodeDatabase, list[bytes]], Any]
"""Runs a command's arguments on a database; returns the reply, or `PASS`, and then it has changed nothing."""

_MOST = 15  # digits of a number that needs no check against 64 bits


def _get(db: NodeDatabase, args: list[bytes]) -> Any:
    item = db.live(args[0])
    return None if item is None else item.value if type(item.value) is bytes else PASS


def _set(db: NodeDatabase, args: list[bytes]) -> Any:
    expireat, only_new, at, count = None, False, 2, len(args)
    while at < count:
        option = args[at].upper()
        if option == b"NX" and not only_new:
            only_new = True
        elif (option == b"PX" or option == b"EX") and expireat is None and at + 1 < count:
            at += 1
            if (amount := _positive(args[at])) is None:
                return PASS
            expireat = db.time + (amount / 1000.0 if option == b"PX" else amount)
        else:
            return PASS
        at += 1
    if only_new and (item := db.live(args[0])) is not None:
        return None if _there(item) else PASS
    db.put(args[0], args[1], expireat)
    return OK


def _del(db: NodeDatabase, args: list[bytes]) -> Any:
    if len(args) != 1:
        return PASS
    item = db.live(args[0])
    if item is None:
        return 0
    if not _there(item):
        return PASS
    db.take(args[0])
    return 1


def _exists(db: NodeDatabase, args: list[bytes]) -> Any:
    items = [db.live(key) for key in args]
    there = [item for item in items if item is not None]
    return len(there) if all(map(_there, there)) else PASS


def _incr(db: NodeDatabase, args: list[bytes]) -> Any:
    return _added(db, args[0], 1)


def _incrby(db: NodeDatabase, args: list[bytes]) -> Any:
    amount = _positive(args[1])
    return PASS if amount is None else _added(db, args[0], amount)


def _added(db: NodeDatabase, key: bytes, amount: int) -> Any:
    item, number, expireat = db.live(key), amount, None
    if item is not None:
        before = _positive(item.value) if type(item.value) is bytes else None
        if before is None:
            return PASS
        number, expireat = before + amount, item.expireat
    db.put(key, b"%d" % number, expireat)
    return number


def _pttl(db: NodeDatabase, args: list[bytes]) -> Any:
    return _ends(db, args, db.time)


def _pexpiretime(db: NodeDatabase, args: list[bytes]) -> Any:
    return _ends(db, args, 0.0)


def _ends(db: NodeDatabase, args: list[bytes], since: float) -> Any:
    item = db.live(args[0])
    if item is None:
        return -2
    if not _there(item):
        return PASS
    return -1 if item.expireat is None else round((item.expireat - since) * 1000)


def _expire(db: NodeDatabase, args: list[bytes]) -> Any:
    return _live_for(db, args, 1.0)


def _pexpire(db: NodeDatabase, args: list[bytes]) -> Any:
    return _live_for(db, args, 1000.0)


def _live_for(db: NodeDatabase, args: list[bytes], parts: float) -> Any:
    if len(args) != 2 or (amount := _positive(args[1])) is None:
        return PASS
    item = db.live(args[0])
    if item is None:
        return 0
    if not _there(item):
        return PASS
    db.put(args[0], item.value, db.time + amount / parts)
    return 1


def _zadd(db: NodeDatabase, args: list[bytes]) -> Any:
    scores = [score for text in args[1::2] if (score := _score(text)) is not None]
    if len(scores) * 2 + 1 != len(args):  # options, or a pair that is cut short
        return PASS
    item = db.live(args[0])
    zset, expireat = (ZSet(), None) if item is None else (item.value, item.expireat)
    if type(zset) is not ZSet:
        return PASS
    before = len(zset)
    changed = [zset.add(member, score) for member, score in zip(args[2::2], scores, strict=True)]
    if any(changed):
        db.put(args[0], zset, expireat)
    return len(zset) - before


def _zcard(db: NodeDatabase, args: list[bytes]) -> Any:
    item = db.live(args[0])
    if item is None:
        return 0
    return len(item.value) if type(item.value) is ZSet else PASS


def _zremrangebyscore(db: NodeDatabase, args: list[bytes]) -> Any:
    first, last = _bound(args[1]), _bound(args[2])
    if first is None or last is None:
        return PASS
    item = db.live(args[0])
    if item is None:
        return 0
    zset = item.value
    if type(zset) is not ZSet:
        return PASS
    out = [member for _, member in zset.irange_score(first.lower_bound, last.upper_bound, reverse=False)]
    for member in out:
        zset.discard(member)
    if out and zset:
        db.put(args[0], zset, item.expireat)
    elif out:
        db.take(args[0])
    return len(out)


def _score(text: bytes) -> float | None:
    """The number that a text plainly says, from 0 on."""
    return float(text) if len(text) <= _MOST and text.replace(b".", b"", 1).isdigit() else None


@lru_cache(1_000)
def _bound(text: bytes) -> Any:
    """The end of a range of scores; None if the text is not one."""
    try:
        return ScoreTest.decode(text)
    except SimpleError:
        return None


def _positive(text: bytes) -> int | None:
    """The number that a text plainly says, above 0."""
    plain = len(text) <= _MOST and text.isdigit() and text[0] != 48  # no number begins with a zero
    return int(text) if plain else None


def _there(item: Item) -> bool:
    """A value that every command takes for one: fakeredis asks whether it is empty, as a stream can be."""
    return type(item.value) is bytes or bool(item.value)


DIRECT: dict[str, Direct] = {
    "get": _get, "set": _set, "del": _del, "unlink": _del, "exists": _exists, "incr": _incr, "incrby": _incrby,
    "pttl": _pttl, "pexpiretime": _pexpiretime, "expire": _expire, "pexpire": _pexpire, "zadd": _zadd,
    "zcard": _zcard, "zremrangebyscore": _zremrangebyscore,
}  # fmt: skip
