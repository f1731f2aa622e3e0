"""Serializability: could whole transactions, over several keys, have run one after another?

By what ran: two commands of two transactions conflict if they touch one key and one of them writes it, and then the
first comes before the second in every order that explains the run. Where these orders go round in a circle, there is
none. By values: an order, found by trying, in which each read returns what was written last before it.

Source: Papadimitriou, "The Serializability of Concurrent Database Updates", JACM 26(4), 1979,
doi:10.1145/322154.322158; the three kinds of conflict are those of Adya, Liskov and O'Neil, "Generalized Isolation
Level Definitions", ICDE 2000, doi:10.1109/ICDE.2000.839388.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any, NamedTuple

from course_lib.errors import CourseError
from course_lib.explore.commutativity import footprint
from course_lib.explore.invariants import Invariant
from course_lib.explore.linearizability import UNKNOWN, Call, State, linearization
from course_lib.explore.trial import Fact, Play, Violation
from course_lib.trace import Event, Queues, Trace
from course_lib.words import listed, ms

ATTEMPT = "attempt"
"""The kind of a note by which a client says that it begins anew: what it read before no longer counts."""

KEYLESS = {"AUTH", "CLIENT", "CONFIG", "HELLO", "INFO", "PUBLISH", "SCRIPT", "SELECT", "SUBSCRIBE", "TIME",
           "UNSUBSCRIBE", "WAIT"}  # fmt: skip
NONE_CHANGED = {"DEL", "EXPIRE", "EXPIREAT", "HDEL", "HSETNX", "LREM", "PERSIST", "PEXPIRE", "PEXPIREAT", "SADD",
                "SETNX", "SREM", "UNLINK", "XDEL", "ZREM"}  # fmt: skip
NONE_TAKEN = {"GETDEL", "GETEX", "LPOP", "RPOP", "SPOP"}
_UNTOLD: Any = object()  # the reply to what a script has called


class Access(NamedTuple):
    """A transaction, named by its client, read or wrote an item: a key of a node. Units: `t` in seconds."""

    who: str
    item: tuple[str, bytes]
    writes: bool
    t: float

    @property
    def text(self) -> str:
        """`alice read stock (1.5 ms)`."""
        return f"{self.who} {'wrote' if self.writes else 'read'} {self.item[1].decode(errors='replace')} ({ms(self.t)})"


class Conflict(NamedTuple):
    """Who made the first access comes before who made the second, in every order that explains the run."""

    first: Access
    second: Access

    @property
    def text(self) -> str:
        """`alice read stock (1.5 ms) before bob wrote it (2 ms)`."""
        did = "wrote" if self.second.writes else "read"
        return f"{self.first.text} before {self.second.who} {did} it ({ms(self.second.t)})"


# -- by what ran ------------------------------------------------------------------------------------------------------


def accesses(trace: Trace) -> list[Access]:
    """What each client read and wrote, as the servers ran it. A client is one transaction.

    Commands between MULTI and EXEC count when EXEC ran, or not at all where it returned nil; then, and after a note
    ATTEMPT, what the client had read before counts no more, as it throws that away and tries again. Of a script what it
    called counts, in a simulation; elsewhere it is taken to write every key that it declares.
    Raises: CourseError for a command of which it is not known which keys it touches.
    """
    found: list[Access] = []
    queues = Queues()
    for t, what in _in_order(trace):
        if not isinstance(what, Event):
            found = [one for one in found if one.writes or one.who != what]
            continue
        for command, reply in queues.ran(what):
            if not (_is_script(command) and hasattr(what, "calls")):
                found += _touched(what, command, reply, t)
        for called in getattr(what, "calls", ()):  # with the script, or with the EXEC that ran it
            found += _touched(what, called, _UNTOLD, t)
        if what.name in ("EXEC", "DISCARD") and not isinstance(what.reply, list):
            found = [one for one in found if one.writes or one.who != what.client]
    return found


def _in_order(trace: Trace) -> list[tuple[float, Event | str]]:
    ran: list[tuple[float, Event | str]] = [(e.t_server, e) for e in trace if e.t_server is not None]
    began: list[tuple[float, Event | str]] = [(n.t_start, n.who) for n in trace.notes if n.kind == ATTEMPT]
    return sorted(began + ran, key=lambda pair: pair[0])


def _is_script(command: tuple[bytes, ...]) -> bool:
    return _name(command) in ("EVAL", "EVALSHA")


def _name(command: tuple[bytes, ...]) -> str:
    return command[0].decode("ascii", "replace").upper()


def _touched(event: Event, command: tuple[bytes, ...], reply: object, t: float) -> Iterator[Access]:
    if isinstance(reply, Exception) or _name(command) in KEYLESS:
        return
    _, reads, writes, *_ = footprint(event.node, [command])
    if reads is None or writes is None:
        raise CourseError(
            f"{event.client} sent {event.text}, and it is not known which keys {_name(command)} reads and which it "
            f"writes; so whether this run is serializable cannot be said"
        )
    if _changed_nothing(command, reply):
        reads, writes = reads | writes, frozenset()
    for key in sorted(reads | writes):
        yield Access(event.client, (event.node, key), key in writes, t)


def _changed_nothing(command: tuple[bytes, ...], reply: object) -> bool:
    """SET NX that found the key, DEL that found none, and so on: such a command has only read."""
    name = _name(command)
    if name == "SET":
        options = {word.upper() for word in command[3:]}
        if b"GET" in options:  # then the reply is what was there before
            return (b"NX" in options and reply is not None) or (b"XX" in options and reply is None)
        return reply is None
    return (name in NONE_CHANGED and reply == 0) or (name in NONE_TAKEN and reply is None)


def conflicts(found: Sequence[Access]) -> list[Conflict]:
    """Each pair of accesses to one item by two transactions, at least one of which writes, in the order of the second
    access."""
    pairs = []
    for at, second in enumerate(found):
        for first in found[:at]:
            if first.item == second.item and first.who != second.who and (first.writes or second.writes):
                pairs.append(Conflict(first, second))
    return pairs


def circle(found: Iterable[Conflict]) -> list[Conflict]:
    """The conflicts that first went round in a circle, the fewest of them; none if some order explains them all.

    Each begins with the transaction that the one before ended with; the last one closed the circle.
    """
    before: dict[str, dict[str, Conflict]] = {}
    for conflict in found:
        known = before.setdefault(conflict.first.who, {})
        if conflict.second.who not in known:
            known[conflict.second.who] = conflict
            if (way := _way(before, conflict.second.who, conflict.first.who)) is not None:
                return [*way, conflict]
    return []


def _way(before: Mapping[str, Mapping[str, Conflict]], start: str, end: str) -> list[Conflict] | None:
    """The shortest way from one to the other."""
    ways: dict[str, list[Conflict]] = {start: []}
    waiting = deque([start])
    while waiting:
        who = waiting.popleft()
        for other, conflict in before.get(who, {}).items():
            if other not in ways:
                ways[other] = [*ways[who], conflict]
                waiting.append(other)
    return ways.get(end)


# -- by values --------------------------------------------------------------------------------------------------------

Operation = tuple[str, Any, Any]
"""`("read", item, what was read)` or `("write", item, what was written)`; None is an item that is not there."""


def registers(state: State, call: Call) -> tuple[bool, State]:
    """A transaction against what is stored, a frozenset of pairs; its argument is a tuple of Operations."""
    assert isinstance(state, frozenset)
    held = dict(state)
    for kind, item, value in call.argument:
        if kind == "write":
            held[item] = value
        elif held.get(item) != value:
            return False, state
    return True, frozenset(pair for pair in held.items() if pair[1] is not None)


def serialization(
    transactions: Iterable[Call], initial: Mapping[Any, Any] | None = None, *, strict: bool = False
) -> list[Call] | None:
    """An order in which whole transactions could have run one after another; None if there is none.

    A transaction is a Call whose argument is its Operations, and whose result is UNKNOWN if it may never have run. With
    `strict`, one that had ended before another began comes before it: strict serializability. Cost: exponential in the
    number of transactions, so small up to about ten.
    """
    given = list(transactions)
    if not strict:  # as if all had been under way at once
        given = [replace(call, start=0.0, end=inf if call.result is UNKNOWN else 1.0) for call in given]
    return linearization(given, registers, frozenset((initial or {}).items()))


# -- as a promise -----------------------------------------------------------------------------------------------------


def serializable(*, promise: str = "serializable") -> Invariant:
    """Some order of the clients, one after another, explains what each of them read and wrote, by what ran.

    Does not: count keys that expire as written; accept runs that blind writes alone would explain.
    """

    def judge(run: Play) -> Iterator[Violation]:
        around = circle(conflicts(accesses(run.trace)))
        if around:
            last = around[-1].second
            names = listed(sorted({one.first.who for one in around}))
            said = f"No order of {names} explains this: {listed([one.text for one in around])}"
            facts = tuple(Fact(one.second.t, one.second.who, one.text) for one in around)
            before = tuple((one.first.who, one.second.who, one.text) for one in around)
            yield Violation(promise, said, last.who, last.t, "no order explains it", facts, before)

    return judge
