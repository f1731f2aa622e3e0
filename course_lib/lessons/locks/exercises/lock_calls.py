"""What judges of locks share: calls of the answer, who changed a lock and who held it when, and errors that come out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

from redis.exceptions import RedisError, ResponseError

from course_lib.explore import Extension, Play, Session, Simulation, until
from course_lib.explore.invariants import one_holder
from course_lib.explore.server_state import ask
from course_lib.grading.acts import Act, Acts, sent
from course_lib.grading.evidence import ms, of_clients, raised, shown
from course_lib.grading.lock_commands import SETS, value, wrongly_taken
from course_lib.grading.rules import Found
from course_lib.trace import Event

Answer = Callable[..., Awaitable[Any]]
KEYS = ("job", "lock:{eu}:Joe's")
"""Locks; a run's seed says which is wanted in it."""
ROUNDED = 0.0015
"""Seconds by which a life may differ from `ttl`: Redis counts whole milliseconds."""


@dataclass
class Call(Act):
    """One call of the answer; `what` is its token, `after` the token that the lock held as it ended."""

    key: str = KEYS[0]
    ttl: float = 1.0
    after: str | None = None

    def end(self, world: Simulation) -> None:
        super().end(world)
        lock = held(world, self.key)
        self.after = lock and lock.token


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
        for number, node in enumerate(world.nodes):
            node.extension = Watched(world, number, self)

    def now(self, node: int) -> Held | None:
        """The lock on a node as commands left it, if it has not expired since: as `held`, and quicker."""
        last = self.last.get(node)
        return last if last is not None and last.over > self.world.now() else None


ERRORS = ("LOADING Redis is loading the dataset in memory", "OOM command not allowed")
"""What a server may refuse any command with. To redis-py the first is a ConnectionError, the second a ResponseError."""


class Watched(Extension):
    """Sees what commands change at a lock on a node; that it expires is no command's doing. `refuses`, if not None,
    says which command from now on is refused, and how: 0 and 1 the first, with either error; 2 and 3 the second; …"""

    def __init__(self, world: Simulation, node: int, locks: Locks) -> None:
        self._world, self._node, self._locks = world, node, locks
        self.refuses: int | None = None

    def answers(self, session: Session, command: list[bytes]) -> bool:
        if self.refuses is None:
            return False
        if (refused := self.refuses in (0, 1)):
            session.refuse(ERRORS[self.refuses])
        self.refuses = None if refused else self.refuses - 2
        return refused

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


async def hold(world: Simulation, who: str, end: float) -> None:
    """Hold the lock until `end`, in seconds, noted in the trace."""
    note = world.note(who, "hold")
    await until(world, end)
    note.t_end = world.now()


def yes(result: object) -> bool | None:
    """True or False as an answer says it, also as 1 or 0; None for everything else, however equal it seems."""
    return bool(result) if type(result) in (bool, int) else None


def held(world: Simulation, key: str, node: int = 0) -> Held | None:
    """The lock on a node now, asked at the server itself: no client's message, no time, no trace."""
    token = asked(world, b"GET", key.encode(), node=node)
    if not isinstance(token, bytes):
        return None
    left = asked(world, b"PTTL", key.encode(), node=node)
    return Held(token.decode(errors="replace"), inf if left < 0 else world.now() + left / 1000)


def asked(world: Simulation, *command: bytes, node: int = 0) -> Any:
    """What a node answers, also one that hangs, or refuses commands."""
    server = world.nodes[node]
    extension, server.extension = server.extension, None
    try:
        return ask(server, *command)
    finally:
        server.extension = extension


# -- judges ------------------------------------------------------------------------------------------------------------


def one_at_a_time(run: Play) -> Iterator[Found]:
    """No two clients hold the lock at once; a client that dies no longer holds it."""
    for found in one_holder()(run):
        yield f"{found.text}.", found.who, found.t_start, found.mark


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


def lives(run: Play) -> Iterator[tuple[float, Found]]:
    """The life of each lock that a call set for another time than its `ttl`, in seconds, and how to say it."""
    for change in run.witness.seen:
        call, after = call_of(run, change), change.after
        if call is not None and after is not None and after.token == call.what:
            life = after.over - change.when
            if abs(life - call.ttl) > ROUNDED:
                said = "for ever" if life == inf else ms(life)
                text = f"{call.who}'s {change.event.name} set the lock to live {said}; ttl is {call.ttl:g} s."
                yield life, (text, call.who, change.when, "wrong life")


def keeps_errors(run: Play) -> Iterator[Found]:
    """Whoever is not told what a command came to, or is refused it, ends with an error of redis-py; but for what is
    lost while a key is watched, of which redis-py makes a WatchError."""
    for call in run.witness.acts:
        watching = False
        for event in sent(run, call) if call.over and not of_redis(call.result) else ():
            error = event.reply if _refused(event) else None
            what = f"answered with an error, {error}" if error is not None else LOSSES.get(event.fault or "")
            watching = watching or event.name == "WATCH"
            excused = watching and not isinstance(error, ResponseError)
            if what and not excused and event.name not in ("UNWATCH", "DISCARD"):
                said = f"raised {raised(call.result)}" if call.failed else f"returned {shown(call.result)}"
                text = f"{event.name} was {what}, and the call {said}; errors of redis-py go to the caller."
                yield text, call.who, call.ended, "no error"


def of_redis(result: object) -> bool:
    """Is it an error of redis-py, or a group of such?"""
    if isinstance(result, BaseExceptionGroup):
        return all(map(of_redis, result.exceptions))
    return isinstance(result, RedisError)


LOSSES = {"request lost": "lost on its way", "reply lost": "run, and its reply lost", "refused": "refused a connection"}


def _refused(event: Event) -> bool:
    return isinstance(event.reply, Exception) and any(text.endswith(str(event.reply)) for text in ERRORS)


# -- clues -------------------------------------------------------------------------------------------------------------


def ways_to_take(run: Play, ttl: float, replaced: bool) -> Iterator[str]:
    """What is wrong with the commands that set the lock: where what was sent and what became of the lock both show it.
    `replaced`: was another's token replaced in whichever run?"""
    trace, witness = of_clients(run.trace), run.witness
    taken = [event for event in trace if event.name in SETS and event.command[1] == witness.key.encode()]
    wrong = [life / ttl for life, _ in lives(run)]
    tokens = [call.what for call in witness.acts]
    shows = {
        "no-nx": replaced,
        "never-expires": inf in wrong,
        "two-steps": inf in wrong,
        "wrong-unit": any(life < 1 / 500 or 500 < life < inf for life in wrong),
        "not-our-token": any(change.after and change.after.token not in tokens for change in witness.seen),
    }
    named = wrongly_taken(taken, trace, ttl, lambda event: value(event).decode(errors="replace") in tokens)
    return (name for name in named if shows[name])
