"""What the keys hold, as far as commands and their replies tell. Where they do not tell, it says that nobody knows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from course_lib.trace import Event, Note, Queues, Trace
from course_lib.words import shorten

UNKNOWN = "?"
COUNTS = {"INCR", "INCRBY", "DECR", "DECRBY", "INCRBYFLOAT"}
KINDS = {"H": "hash", "S": "set", "Z": "sorted set", "L": "list", "R": "list", "X": "stream"}
WRITES = {
    *("HSET", "HINCRBY", "HSETNX", "SADD", "ZADD", "ZINCRBY", "LPUSH", "RPUSH", "LPUSHX", "RPUSHX", "XADD"),
}  # after these the key is there, with a kind
READS = {
    *("GET", "MGET", "EXISTS", "TTL", "PTTL", "TYPE", "STRLEN", "HGET", "HMGET", "HGETALL", "HEXISTS", "HLEN", "SCARD"),
    *("SISMEMBER", "SMEMBERS", "ZSCORE", "ZCARD", "ZRANGE", "ZRANK", "ZCOUNT", "LLEN", "LRANGE", "XLEN", "TIME"),
}
_CALL = re.compile(r"redis\.p?call\(\s*['\"](\w+)")


@dataclass(frozen=True, slots=True)
class Held:
    """What a key holds from `t` on: `text`, None if it is not there, UNKNOWN if nobody can say.

    `expires` is when it will be gone, None where there is no TTL, or where it is not known, which `timed` False says.
    `owner` is the client that took the lock. `why` says what made it so: "expired", or "" for a command.

    Units: seconds of the run.
    """

    t: float
    text: str | None
    expires: float | None = None
    owner: str = ""
    why: str = ""
    timed: bool = True


@dataclass
class Keyspace:
    """Every key of every node, and what it held when. `touched` counts how often a command named it."""

    states: dict[tuple[str, str], list[Held]] = field(default_factory=dict)
    touched: dict[tuple[str, str], int] = field(default_factory=dict)
    _queues: Queues = field(default_factory=Queues)
    _scripts: dict[str, str] = field(default_factory=dict)

    def run(self, event: Event) -> None:
        """A command ran on its server."""
        t = event.t_server or 0.0
        self._expire(event.node, t)
        if isinstance(event.reply, Exception):
            return
        for command, answer in self._queues.ran(event):
            self._apply(event, t, command, answer)

    def skew(self, node: str, t: float, seconds: float | None) -> None:
        """The node's clock jumped, and with it the end of each TTL; by None: nobody knows how far."""
        self._expire(node, t)
        for (where, key), states in self.states.items():
            if where == node and (ends := states[-1].expires) is not None:
                self._put(where, key, _ending(states[-1], t, None if seconds is None else ends - seconds))
        self._expire(node, t)

    def end(self, t: float) -> None:
        """The run ended at `t`: what expired until then is gone."""
        for node in {node for node, _ in self.states}:
            self._expire(node, t)

    # -- one command --------------------------------------------------------------------------------------------------

    def _apply(self, event: Event, t: float, command: Sequence[bytes], reply: Any) -> None:
        name, args = command[0].decode("ascii", "replace").upper(), [_text(part) for part in command[1:]]
        node = event.node
        if name in ("FLUSHALL", "FLUSHDB"):
            for where, key in list(self.states):
                if where == node:
                    self._put(node, key, Held(t, None))
        elif name in ("EVAL", "EVALSHA"):
            self._script(node, t, name, args, reply)
        elif name == "SCRIPT":
            if args[:1] in (["LOAD"], ["load"]):
                self._scripts[_digest(args[1])] = args[1]
        elif args:
            for key, state in _effects(name, args, reply, t, event.client, lambda key: self._now(node, key)):
                self._touch(node, key)
                if state is not None:
                    self._put(node, key, state)

    def _script(self, node: str, t: float, name: str, args: list[str], reply: Any) -> None:
        """The commands that a script can call are read from its source, if that is known. Which of its branches ran is
        not known."""
        source = args[0] if name == "EVAL" else self._scripts.get(args[0])
        if name == "EVAL":
            self._scripts[_digest(args[0])] = args[0]
        keys = args[2 : 2 + int(args[1])] if len(args) > 1 and args[1].isdigit() else []
        writes = None if source is None else {call.upper() for call in _CALL.findall(source)} - READS
        for key in keys:
            self._touch(node, key)
            before = self._now(node, key)
            if writes == set() or (writes and writes <= {"DEL", "UNLINK", "EXPIRE", "PEXPIRE"} and reply in (0, None)):
                continue  # it only looked, or it says that it did nothing
            if writes and writes <= {"DEL", "UNLINK"} and len(keys) == 1:
                self._put(node, key, Held(t, None))
            elif writes and writes <= {"EXPIRE", "PEXPIRE"} and before is not None:
                self._put(node, key, replace(before, t=t, expires=None, timed=False))
            else:
                self._put(node, key, Held(t, UNKNOWN, timed=False))

    def _now(self, node: str, key: str) -> Held | None:
        states = self.states.get((node, key))
        return states[-1] if states else None

    def _touch(self, node: str, key: str) -> None:
        self.touched[node, key] = self.touched.get((node, key), 0) + 1

    def _put(self, node: str, key: str, state: Held) -> None:
        states = self.states.setdefault((node, key), [])
        if not states or replace(state, t=states[-1].t) != states[-1]:
            states.append(state)

    def _expire(self, node: str, t: float) -> None:
        for (where, _), states in self.states.items():
            last = states[-1]
            if where == node and last.text is not None and last.expires is not None and last.expires < t:
                states.append(Held(max(last.expires, last.t), None, why="expired"))


def keyspace(trace: Trace) -> Keyspace:
    """What the keys of a run held, in the order in which the servers ran the commands."""
    found = Keyspace()
    ran: list[tuple[float, Event | Note]]
    ran = [(event.t_server, event) for event in trace if event.t_server is not None and event.name != "PUSH"]
    ran += [(note.t_start, note) for note in trace.notes if note.kind == "skew"]
    for t, what in sorted(ran, key=lambda pair: pair[0]):
        if isinstance(what, Event):
            found.run(what)
        else:
            jumped = re.search(r"[-+]\d+(\.\d+)?", what.text)
            found.skew(what.who, t, float(jumped[0]) if jumped else None)
    found.end(trace.span[1])
    return found


def _effects(
    name: str, args: list[str], reply: Any, t: float, client: str, now: Any
) -> Iterator[tuple[str, Held | None]]:
    """Each key that a command names, with what it holds afterwards; None: as before."""
    key, before = args[0], now(args[0])
    options = [word.upper() for word in args[2:]]
    there = before if before is not None and before.text is not None else Held(t, None, timed=before is not None)
    if name == "SET" and (reply == b"OK" or ("GET" in options and "NX" not in options)):
        timed = bool({"PX", "EX"} & set(options))
        owner = client if "NX" in options and (timed or "lock" in key.lower()) else ""
        new = replace(there, t=t, text=_value(args[1]), owner=owner)
        yield key, new if "KEEPTTL" in options else replace(new, expires=_until(options, t), timed=True)
    elif name in ("SET", "SETNX") and reply in (None, 0):
        yield key, Held(t, UNKNOWN, timed=False) if before is None and "XX" not in options else None
    elif name in ("SETEX", "PSETEX") and reply == b"OK":
        yield key, Held(t, _value(args[2]), t + _number(args[1]) / (1 if name == "SETEX" else 1000))
    elif name in ("SETNX", "GETSET"):
        yield key, Held(t, _value(args[1]))
    elif name in ("GET", "GETEX"):
        yield key, _seen(before, reply, t)
    elif name == "MGET" and isinstance(reply, list):
        yield from ((one, _seen(now(one), value, t)) for one, value in zip(args, reply, strict=False))
    elif name == "MSET":
        yield from ((one, Held(t, _value(value))) for one, value in zip(args[::2], args[1::2], strict=False))
    elif name in ("DEL", "UNLINK", "GETDEL"):
        yield from ((one, Held(t, None)) for one in args)
    elif name in ("EXPIRE", "PEXPIRE") and reply == 1:
        ends = t + _number(args[1]) / (1 if name == "EXPIRE" else 1000)
        yield key, _ending(before or Held(t, UNKNOWN), t, ends)
    elif name == "PERSIST" and reply == 1 and before is not None:
        yield key, _ending(before, t, None, timed=True)
    elif name in ("TTL", "PTTL") and isinstance(reply, int):
        yield key, _timed(before, reply if name == "TTL" else reply / 1000, reply, t)
    elif name in COUNTS and isinstance(reply, (int, bytes)):
        yield key, replace(there, t=t, text=_value(reply))
    elif name in WRITES:
        many = f" of {reply:,}" if name[0] in "LR" and isinstance(reply, int) else ""
        yield key, replace(there, t=t, text=f"{KINDS[name[0]]}{many}")
    elif name in READS:
        yield key, None


def _seen(before: Held | None, reply: Any, t: float) -> Held | None:
    """What a reply to a reader tells: a value, or that there is none."""
    if reply is None:
        return Held(t, None)
    text = _value(reply)
    if before is not None and before.text is not None:
        return None if before.text == text else replace(before, t=t, text=text)
    return Held(t, text, timed=False)


def _timed(before: Held | None, left: float, reply: int, t: float) -> Held | None:
    if reply == -2:
        return Held(t, None)
    known = before if before is not None and before.text is not None else Held(t, UNKNOWN)
    told = t + left if reply >= 0 else None
    same = told is not None and known.expires is not None and abs(told - known.expires) < 1.0
    return None if same else _ending(known, t, told, timed=True)


def _ending(state: Held, t: float, ends: float | None, *, timed: bool | None = None) -> Held:
    """The same value, which from now on expires at that moment."""
    return replace(state, t=t, expires=ends, timed=ends is not None if timed is None else timed)


def _until(options: list[str], t: float) -> float | None:
    for word, unit in (("PX", 0.001), ("EX", 1.0)):
        if word in options[:-1]:
            return t + _number(options[options.index(word) + 1]) * unit
    return None


def _number(text: str) -> float:
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else 0.0


def _value(given: Any) -> str:
    return shorten(_text(given) if isinstance(given, bytes) else str(given), 24)


def _text(part: bytes) -> str:
    return part.decode("utf-8", "backslashreplace")


def _digest(source: str) -> str:
    return hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
