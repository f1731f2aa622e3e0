"""What the servers held at a moment, and what had changed since the one before."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from course_lib.explore.moment.states import Change, KeyState
from course_lib.sim import Simulation
from course_lib.sim.fake_server_reads import Held, held
from course_lib.words import shorten

MEMBERS, LISTED, LETTERS = 8, 24, 60
"""How many members of a key are read, how many keys are listed, and how long a value is shown."""

Name = tuple[str, int, bytes]
"""A node, a database, a key."""


class Snapshot(NamedTuple):
    """Every key of every node, and what each node's clock says, in seconds since 1970."""

    keys: dict[Name, Held]
    clocks: dict[str, float]


def snapshot(world: Simulation) -> Snapshot:
    """What the servers hold now. No command is run for it."""
    keys = {(node.name, one.db, one.key): one for node in world.nodes for one in held(node, MEMBERS)}
    return Snapshot(keys, _clocks(world))


def later(before: Snapshot, world: Simulation, *, ran: bool) -> Snapshot:
    """What the servers hold now. They are read again only if that can have changed: at the beginning, when a trial puts
    its data there; if a command has run (`ran`); if one of them copies another; or if a key has expired.
    """
    clocks = _clocks(world)
    if ran or world.now() == 0 or any(node.extension is not None for node in world.nodes):
        return snapshot(world)
    if any(one.ends is not None and one.ends < clocks[name[0]] for name, one in before.keys.items()):
        return snapshot(world)
    return Snapshot(before.keys, clocks)


def _clocks(world: Simulation) -> dict[str, float]:
    return {node.name: node.now() for node in world.nodes}


def key_states(now: Snapshot, before: Snapshot | None) -> tuple[tuple[KeyState, ...], int]:
    """The keys to list, those that changed first of all, and how many there are more."""
    earlier = now.keys if before is None else before.keys
    gone = [name for name in earlier if name not in now.keys]
    changes: dict[Name, Change] = {name: _change(one, earlier.get(name)) for name, one in now.keys.items()}
    changes |= {name: _end(earlier[name], now.clocks[name[0]]) for name in gone}
    names = list(changes)
    if len(names) > LISTED:
        first = set(sorted(names, key=lambda name: not changes[name])[:LISTED])
        names = [name for name in names if name in first]
    states = [_state(name, now.keys.get(name) or earlier[name], now.clocks[name[0]], changes[name]) for name in names]
    return tuple(sorted(states, key=lambda state: state.node)), len(changes) - len(states)


def _change(one: Held, before: Held | None) -> Change:
    if before is None:
        return "new"
    return "" if one == before else "new TTL" if one._replace(ends=before.ends) == before else "changed"


def _end(one: Held, clock: float) -> Change:
    return "expired" if one.ends is not None and one.ends < clock else "gone"


def _state(name: Name, one: Held, clock: float, change: Change) -> KeyState:
    node, db, key = name
    left = None if one.ends is None else max(one.ends - clock, 0.0)
    where = node if not db else f"{node}, database {db}"
    return KeyState(where, _name(key), one.kind, _value(one.kind, one.content, one.size), left, change, one.ends)


# -- as redis-cli writes it --------------------------------------------------------------------------------------------


@lru_cache(5_000)
def _name(key: bytes) -> str:
    return shorten(_plain(key), LETTERS)


def _plain(text: bytes) -> str:
    said = text[: 4 * LETTERS + 4].decode("utf-8", "backslashreplace").replace("\n", "⏎")
    if said == "" or said[0] == " " or said[-1] == " ":  # nobody would see it
        said = f'"{said}"'
    return said if said.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in said)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


@lru_cache(5_000)
def _value(kind: str, content: Any, size: int) -> str:
    if kind == "string":
        return shorten(_plain(content), LETTERS)
    if content is None:
        return f"a {kind}"
    members = list(map(_MEMBER.get(kind, _plain), content))
    if size > len(members):
        members.append(f"… {size - len(members):,} more")
    opens, closes = "[]" if kind in ("list", "stream") else "{}"
    return shorten(f"{opens}{', '.join(members)}{closes}", 2 * LETTERS)


def _field(pair: tuple[bytes, bytes]) -> str:
    return f"{_plain(pair[0])}: {_plain(pair[1])}"


def _scored(pair: tuple[bytes, float]) -> str:
    return f"{_plain(pair[0])}: {pair[1]:.17g}"


def _entry(pair: tuple[bytes, Iterable[bytes]]) -> str:
    words = list(map(_plain, pair[1]))
    fields = ", ".join(f"{name}: {value}" for name, value in zip(words[::2], words[1::2], strict=False))
    return f"{_plain(pair[0])} {{{fields}}}"


_MEMBER: dict[str, Any] = {"hash": _field, "zset": _scored, "stream": _entry}
