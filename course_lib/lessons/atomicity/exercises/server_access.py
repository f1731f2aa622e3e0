"""What the judges of lesson 03 do to a simulated server, and see of it, past every client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis.crc import key_slot
from redis.exceptions import NoScriptError

from course_lib.explore import CRASHED, Extension, Play, Session, Simulation, steady
from course_lib.explore.server_state import ask
from course_lib.grading.acts import PATIENCE, Act, sent
from course_lib.grading.evidence import round_trips
from course_lib.trace import Event

HALF_WAY = 0.0014
"""Seconds to the server: what is sent at a whole millisecond arrives near the middle of another, so that code which
cuts off milliseconds gets the right one."""


def exact(latency: float = HALF_WAY) -> Simulation:
    """A world in which every message takes the same time."""
    return Simulation(latency=steady(latency), socket_timeout=PATIENCE)


def plant(world: Simulation, *command: str) -> None:
    """Run a command at the beginning, before any client's. No trace has it."""
    world.at(0.0, send, world, *command)


def send(world: Simulation, *command: str) -> None:
    """Run a command as somebody else, at this moment."""
    session = Session.accept(world.nodes[0], 0, lambda reply: None)
    session.execute([part.encode() for part in command])
    session.hang_up()


class Watched(Extension):
    """Remembers what a key holds after each command: (when, value), from the beginning on. Units: seconds.

    A transaction or a script counts as one command, as it does to everybody else. `lives` has beside each of `values`
    what PTTL says, in ms.
    """

    def __init__(self, world: Simulation, key: str) -> None:
        self._world, self._key, self._asking = world, key.encode(), False
        self.values: list[tuple[float, int]] = []
        self.lives: list[int] = []

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        if changed and not self._asking:
            self._asking = True
            value = ask(self._world.nodes[0], b"GET", self._key)
            life = ask(self._world.nodes[0], b"PTTL", self._key)
            self._asking = False
            if (held := whole_number(value)) is not None:
                self.values.append((self._world.now(), held))
                self.lives.append(life)

    def during(self, start: float, end: float) -> list[int]:
        """What it held at some moment from start to end."""
        before = [value for when, value in self.values if when < start]
        return before[-1:] + [value for when, value in self.values if start <= when <= end]


def whole_number(value: Any) -> int | None:
    """What a GET was answered, as a number: 0 for a key that is missing, None for what is not a whole number."""
    text = b"0" if value is None else value if isinstance(value, bytes) else b""
    try:
        return int(text)
    except ValueError:
        return None


def unknown(result: Any) -> bool:
    """Does a client that ended so not know what the server did?"""
    return result is CRASHED or isinstance(result, BaseException)


def declared(event: Event) -> list[bytes]:
    """The keys that a script declares; of any other command all arguments, among which its keys are."""
    if event.name in ("EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL"):
        return list(event.command[3 : 3 + (whole_number(event.command[2]) or 0)]) if len(event.command) > 2 else []
    return list(event.command[1:])


def slots(event: Event) -> set[int]:
    """The slots of the keys that a script declares."""
    return {int(key_slot(key)) for key in declared(event)} if event.name.startswith("EVAL") else set()


KEYLESS = frozenset(b"TIME PING ECHO PUBLISH SCAN KEYS RANDOMKEY DBSIZE SCRIPT XREAD ZUNION ZINTER OBJECT EVAL".split())
"""Commands whose first argument is not a key."""


def hidden(run: Play) -> Iterator[tuple[Event, bytes]]:
    """What scripts used as a key and did not declare: the first argument of a command in them."""
    for event in scripts(run):
        for name, *words in getattr(event, "calls", ()):
            if words and name.upper() not in KEYLESS and words[0] not in declared(event):
                yield event, words[0]


def scripts(run: Play) -> Iterator[Event]:
    """The calls of scripts."""
    return (event for event in run.trace if event.name.startswith("EVAL"))


def commands(run: Play, act: Act) -> list[Event]:
    """What its process sent for an act, and nothing of the next one, which may begin in the moment when it ends; unless
    it failed then, as with a pause in which all times run out."""
    return [event for event in sent(run, act) if act.failed or event.t_start < act.ended]


def trips(run: Play, act: Act) -> int:
    """An act's round trips, but for those that tell the server a script: when a process begins, or after NOSCRIPT."""
    events = commands(run, act)
    unknown_there = [event for event in events if isinstance(event.reply, NoScriptError)]
    if unknown_there or next(one for one in run.witness.acts if one.who == act.who) is act:
        events = [e for e in events if e not in unknown_there and e.name not in ("SCRIPT", "FUNCTION")]
    return round_trips(events)
