"""Runs for 01.6 that are made up for each sentence of its contract, and runs that are drawn by lot."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.exceptions import ReadOnlyError

from course_lib.explore import Simulation
from course_lib.trace import Event, Trace

REPORTED = "reported"
"""The kind of note with which a writer reports an event; its text is the event."""


@dataclass(frozen=True)
class Run:
    """What happened, one thing after another. `c2 n1 SADD a 1 @3-9` is a command of c2 to node 1, sent at 3 ms and
    answered with 1 at 9 ms; `WAIT 2 1` asks for 2 and is told 1; `lost` is a reply that is lost, and `err` an error.
    `REPORT a` is a report.

    Where nothing else is said, it is c1's, on node 0, and the number n in the list takes from 10·n to 10·n + 2 ms.
    """

    promise: str
    text: str
    mistake: str = ""

    def trace(self) -> Trace:
        """As it is recorded; anew each time."""
        trace = Trace()
        for number, item in enumerate(filter(None, map(str.strip, self.text.split(";")))):
            words, client, node = item.split(), "c1", 0
            start, end = 0.01 * number, 0.01 * number + 0.002
            if words[-1].startswith("@"):
                first, _, last = words.pop()[1:].partition("-")
                start, end = int(first) / 1000, int(last or first) / 1000
            while words[0][0] in "cn":
                word = words.pop(0)
                client, node = (word, node) if word[0] == "c" else (client, int(word[1:]))
            if words[0] in ("REPORT", "NOTE"):
                trace.note(client, REPORTED if words[0] == "REPORT" else words[1], start, text=words[-1])
                continue
            reply = words.pop()
            command = ("SADD", "visits", words[1]) if words[0] == "SADD" else ("WAIT", *(words[1:] or ["1"]), "50")
            trace.events.append(event(client, node, command, start, end, reply))
        return trace


def event(client: str, node: int, command: tuple[str, ...], start: float, end: float, reply: str) -> Event:
    """A command's life. Of a reply that is lost the server says what it would have said."""
    value: Any = ReadOnlyError("You can't write against a read only replica.") if reply == "err" else 1
    value, lost = int(reply) if reply.isdigit() else value, reply == "lost"
    words = tuple(map(str.encode, command))
    fault = "reply lost" if lost else None
    return Event(client, f"redis{node}", words, start, (start + end) / 2, None if lost else end, value, fault)


TABLE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
NAMED = [
    Run(promise, text, name) for promise, names in TABLE["named"].items() for name in names for text in names[name]
]
OTHERS = [Run(promise, text) for promise, texts in TABLE["others"].items() for text in texts]


def drawn(world: Simulation, promise: str) -> None:
    """Put a run into the trace in which the client confirms an event or two, with a few things changed by lot, in any
    order: for "replies" what was answered, for "order" who asked whom, and when."""
    draw = world.draws(promise)

    def one(*of: Any) -> Any:
        return of[int(draw() * len(of))]

    made: list[list[Any]] = []
    for number, name in enumerate(one(("a",), ("a", "a-1"), ("50", "a"))):
        client, node, begin = one("c1", "c2"), one(0, 1), 20 + 50 * number
        made.append([client, node, ("SADD", "visits", name), begin, begin + one(5, 10), one("0", "1")])
        made.append(
            [client, node, ("WAIT", one("1", "1", "2"), "50"), begin + one(10, 15), begin + 20, one("1", "1", "2")]
        )
        world.trace.note(client, REPORTED, (begin + one(20, 25, 90)) / 1000, text=name)
    made += [[*one(*made[1::2])] for _ in range(one(0, 1, 2))]
    for _ in range(one(0, 1, 1, 2)):
        changed = one(*made)
        if promise == "replies":
            changed[5] = one("0", "1", "lost", "err")
            changed[2] = one(changed[2], changed[2], ("SADD", "visits", one("b", "5")), ("WAIT", "1", "50"))
        else:
            changed[0], changed[1] = one(changed[0], "c1", "c2"), one(changed[1], changed[1], 0, 1)
            shift = one(0, 0, -10, -5, 5, 10, 30)
            changed[3], changed[4] = changed[3] + shift, changed[4] + shift + one(0, 0, 5, 10)
    for client, node, command, start, end, reply in sorted(made, key=lambda _: draw()):
        world.trace.events.append(event(client, node, command, start / 1000, end / 1000, reply))
