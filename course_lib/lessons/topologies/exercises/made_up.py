"""Runs for 01.6 that are made up for each sentence of its contract, and runs that are drawn by lot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redis.exceptions import ReadOnlyError

from course_lib.explore import Simulation
from course_lib.trace import Event, Trace

REPORTED = "reported"
"""The kind of note with which a writer reports an event; its text is the event."""


@dataclass(frozen=True)
class Run:
    """What happened, one thing after another: `c2 n1 SADD a 1 @3-9` is a command of c2 to node 1, sent at 3 ms and
    answered with 1 at 9 ms; `lost` and `err` are a reply that is lost, and an error. `REPORT a` is a report.

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
            command = ("SADD", "visits", words[1]) if words[0] == "SADD" else ("WAIT", "1", "50")
            trace.events.append(event(client, node, command, start, end, reply))
        return trace


def event(client: str, node: int, command: tuple[str, ...], start: float, end: float, reply: str) -> Event:
    """A command's life. Of a reply that is lost the server says what it would have said."""
    value: Any = ReadOnlyError("You can't write against a read only replica.") if reply == "err" else 1
    value, lost = int(reply) if reply.isdigit() else value, reply == "lost"
    words = tuple(map(str.encode, command))
    fault = "reply lost" if lost else None
    return Event(client, f"redis{node}", words, start, (start + end) / 2, None if lost else end, value, fault)


MISTAKES: dict[tuple[str, str], tuple[str, ...]] = {
    ("catches-ok", "says-nothing"): ("SADD a 1; REPORT a", "c2 n1 SADD b-7 0; c2 REPORT b-7"),
    ("catches-zero", "ok-is-enough"): ("SADD a 1; WAIT 0; REPORT a", "c2 n1 SADD b 0; c2 n1 WAIT 0; c2 REPORT b"),
    ("catches-zero", "waits-before"): ("WAIT 1; SADD a 1; REPORT a", "WAIT 2; SADD b 0; REPORT b"),
    ("catches-other", "any-node"): ("SADD a 1; n1 WAIT 1; REPORT a", "n2 SADD b 0; WAIT 2; REPORT b"),
    ("replies", "any-event"): ("SADD b 1; WAIT 1; REPORT a", "SADD a-1 1; WAIT 1; REPORT a-10"),
    ("replies", "believes-the-server"): ("SADD a 1; WAIT lost; REPORT a", "SADD b 0; WAIT 0; WAIT lost; REPORT b"),
    ("order", "too-late"): ("SADD a 1; REPORT a; WAIT 1", "SADD b 1; WAIT 1 @10-30; REPORT b @20"),
    ("order", "any-client"): ("SADD a 1; c2 WAIT 1; REPORT a", "c3 SADD b 0; c1 WAIT 2; c3 REPORT b"),
    ("accepts", "cries-wolf"): ("SADD a 1; WAIT 1; REPORT a", "c2 n1 SADD b 1; c2 n1 WAIT 1; c2 REPORT b"),
    ("accepts", "wants-a-new-one"): ("SADD a 0; WAIT 1; REPORT a", "n1 SADD b 0; n1 WAIT 1; REPORT b"),
    ("accepts", "one-wait-each"): ("SADD a 1; SADD b 1; WAIT 1; REPORT a", "SADD b 1; SADD c 1; WAIT 1; REPORT b"),
    ("accepts", "blames-what-was-not-reported"): ("SADD a 1", "SADD b 1; WAIT 1; REPORT b; SADD c 1"),
}
"""For each mistake the promise that it breaks, and runs that an answer with this mistake misreads."""
NAMED = [Run(promise, text, name) for (promise, name), texts in MISTAKES.items() for text in texts]
OTHERS = [Run(promise, text) for promise, texts in {
    "replies": (
        "SADD a err; WAIT 1; REPORT a", "SADD a 1; WAIT err; REPORT a", "SADD a lost; WAIT 1; REPORT a",
        "SADD a err; SADD a lost; WAIT 2; REPORT a", "SADD 5 1; WAIT 1; REPORT 50", "WAIT 1; WAIT 1; REPORT 50",
        "SADD a 1; SADD a 1; REPORT a", "SADD b 1; WAIT 1; REPORT visits", "SADD a-1 1; WAIT 1; REPORT a",
        "SADD a 1; WAIT 1; REPORT a; SADD b 1; REPORT b", "SADD A 1; WAIT 1; REPORT a", "REPORT a", "WAIT 2; REPORT a",
        "SADD a 1; WAIT 1; REPORT a; REPORT b; SADD b 1; WAIT 1",
    ),
    "order": (
        "SADD a 1 @0-20; WAIT 1 @10-30; REPORT a @40", "SADD a 1 @0-30; WAIT 1 @10-20; REPORT a @40",
        "SADD a 1 @0-40; WAIT 1 @41-50; REPORT a @30", "SADD a 1; WAIT 1 @10-40; REPORT a @39", "WAIT 1; REPORT a; SADD a 1",
        "SADD a 1; WAIT 1; c2 REPORT a", "SADD a 1; c2 n1 SADD a 0; c2 n1 WAIT 1; REPORT a", "c2 SADD a 1; WAIT 1; REPORT a",
        "SADD a 1; n1 SADD a err; n1 WAIT 1; REPORT a", "SADD a 1; n1 SADD b 1; n1 WAIT 1; WAIT 0; REPORT a",
        "SADD a 1; n1 SADD a lost; n1 WAIT 1; REPORT a", "c2 SADD a 1; c2 WAIT 1; c2 REPORT a; SADD a 0; REPORT a",
        "WAIT 1 @30-32; SADD a 1 @31-40; REPORT a @50", "c2 SADD b 1; c2 WAIT 1; SADD a 1; c2 REPORT b; REPORT a",
    ),
    "accepts": (
        "", "SADD a 1 @0-2; WAIT 1 @500-503; REPORT a @900", "NOTE promoted a", "c2 NOTE crash a; SADD a 1", "SADD a 1 @0-2; WAIT 1 @2-4; REPORT a @4",
        "REPORT a @50; WAIT 1 @20-30; SADD a 1 @0-10", "SADD a 1; WAIT 10; REPORT a", "SADD é 1; WAIT 1; REPORT é",
        "SADD a 1; WAIT 1; WAIT 0; REPORT a", "SADD a 1; WAIT 0; WAIT 1; REPORT a", "SADD a 1; WAIT err; WAIT 1; REPORT a",
        "SADD a 1; WAIT 1; SADD a 0; REPORT a", "SADD a 1; WAIT 1; SADD a err; n1 WAIT 0; REPORT a",
        "SADD a lost; n1 SADD a 0; n1 WAIT 1; REPORT a", "SADD a 1; WAIT lost; n1 SADD a 1; n1 WAIT 1; REPORT a",
        "SADD a 1; n1 SADD b 1; n1 WAIT 0; WAIT 1; REPORT a", "SADD a 1; WAIT 1; c2 SADD a 0; c2 WAIT 1; REPORT a; c2 REPORT a",
        "SADD a 1; WAIT 1; REPORT a; REPORT a", "SADD 50 1; WAIT 1; REPORT 50", "SADD a 1; REPORT a @90; WAIT 1; SADD a 1 @91-95",
        "SADD a 1; c2 SADD a 0; WAIT 1; REPORT a",
    ),
}.items() for text in texts]  # fmt: skip


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
        made.append([client, node, ("WAIT", "1", "50"), begin + one(10, 15), begin + 20, one("1", "1", "2")])
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
