"""What becomes of a lock in a run: what each command of clients changes at it, on which node, and when."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any, NamedTuple

from course_lib.explore import Extension, Play, Session, Simulation
from course_lib.explore.server_state import ask
from course_lib.grading.acts import Acts
from course_lib.grading.caller_errors import Refuses
from course_lib.grading.evidence import ms
from course_lib.grading.rules import Found
from course_lib.trace import Event

KEYS = ("job", "lock:{eu}:Joe's")
"""Names of locks; a run's seed says which of them is wanted."""
ROUNDED = 0.0015
"""Seconds by which a life may differ from `ttl`: Redis counts whole milliseconds."""


class Held(NamedTuple):
    """A lock at a moment: the token in it, and when it expires, in seconds since the run began."""

    token: str
    over: float


class Change(NamedTuple):
    """What one command did to a lock: to make it, to remove it, to put another token in, or to change its life."""

    event: Event
    when: float
    before: Held | None
    after: Held | None


class Locks(Acts):
    """What was done in a run, and every change of the lock that is wanted in it, on each node."""

    def __init__(self, world: Simulation) -> None:
        super().__init__(world)
        self.key, self.seen = KEYS[world.seed % len(KEYS)], list[Change]()
        self.last: dict[int, Held | None] = {}
        self.watched = [Watched(world, number, self) for number in range(len(world.nodes))]
        for node, watched in zip(world.nodes, self.watched, strict=True):
            node.extension = watched

    def now(self, node: int) -> Held | None:
        """The lock on a node as commands left it, if it has not expired since: as `held`, and quicker."""
        last = self.last.get(node)
        return last if last is not None and last.over > self.world.now() else None


class Watched(Refuses):
    """Sees what commands change at a lock on a node. That it expires is not a change by a command."""

    def __init__(self, world: Simulation, node: int, locks: Locks) -> None:
        super().__init__()
        self._world, self._node, self._locks = world, node, locks

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        if not changed:
            return
        now, node, before = self._world.now(), self._world.nodes[self._node], self._locks.now(self._node)
        after = self._locks.last[self._node] = held(self._world, self._locks.key, self._node)
        if not same(before, after):
            events = reversed(self._world.trace.events)
            event = next(e for e in events if e.t_server == now and e.node == node.name)
            self._locks.seen.append(Change(event, now, before, after))


def same(one: Held | None, other: Held | None) -> bool:
    """Is it the same lock, with the same life?"""
    if one is None or other is None:
        return one is other
    return one.token == other.token and (one.over == other.over or abs(one.over - other.over) < 2 * ROUNDED)


def held(world: Simulation, key: str, node: int = 0) -> Held | None:
    """The lock on a node now, asked at the server itself: no client's message, no time, no trace."""
    token = asked(world, b"GET", key.encode(), node=node)
    if not isinstance(token, bytes):
        return None
    left = asked(world, b"PTTL", key.encode(), node=node)
    return Held(token.decode(errors="replace"), inf if left < 0 else world.now() + left / 1000)


def asked(world: Simulation, *command: bytes, node: int = 0) -> Any:
    """What a node answers to the judge, even if it hangs or refuses commands."""
    server = world.nodes[node]
    extension, server.extension = server.extension, None
    try:
        return ask(server, *command)
    finally:
        server.extension = extension


def call_of(run: Play, change: Change) -> Any:
    """The call whose command it was: the last that its client had begun; None if it was nobody's."""
    who, when = change.event.client, change.event.t_start
    return next((call for call in reversed(run.witness.acts) if call.who == who and call.began <= when), None)


def others_changed(run: Play) -> Iterator[tuple[Any, Change]]:
    """Each change of a lock that held another's token by a command of a call: the call, and the change."""
    for change in run.witness.seen:
        call = call_of(run, change)
        if call is not None and change.before is not None and change.before.token != call.what:
            yield call, change


def spared(run: Play) -> Iterator[Found]:
    """Nobody changes a lock that holds another's token."""
    for call, change in others_changed(run):
        before, after = change.before and change.before.token, change.after and change.after.token
        did = "removed" if after is None else "changed the life of" if after == before else "replaced"
        text = f"At {ms(change.when)} {call.who} {did} the lock that held {before!r}."
        yield text, call.who, change.when, "another's lock"


class Strays(Extension):
    """After each command that changed something, sees which keys are there besides these."""

    def __init__(self, world: Simulation, keys: tuple[str, ...], seen: list[str]) -> None:
        self._world, self._keys, self._seen = world, keys, seen

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        there = asked(self._world, b"KEYS", b"*") if changed else []
        self._seen += [key for key in map(bytes.decode, there or ()) if key not in self._keys]
