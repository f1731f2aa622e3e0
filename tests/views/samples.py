"""Small traces made by hand, for the tests of pictures and widgets."""

from __future__ import annotations

import random
from typing import Any

from course_lib.trace import Event, Trace


def event(
    client: str,
    node: str,
    command: str,
    left: float,
    ran: float | None,
    back: float | None,
    reply: Any = None,
    fault: str | None = None,
) -> Event:
    """An event with its times in milliseconds and its command as one would type it."""
    seconds = [None if t is None else t / 1000 for t in (ran, back)]
    return Event(client, node, tuple(word.encode() for word in command.split()), left / 1000, *seconds, reply, fault)


def two_holders() -> Trace:
    """A client is paused past its lock's TTL; another gets the lock; both hold it at 41 ms."""
    trace = Trace(seed=7)
    trace.events = [
        event("a", "redis", "SET lock tok-a NX PX 30", 0, 0.5, 1, b"OK"),
        event("b", "redis", "SET lock tok-b NX PX 30", 2, 2.6, 3.1, None),
        event("b", "redis", "SET lock tok-b NX PX 30", 33, 33.5, 34, b"OK"),
        event("a", "redis", "SET page new", 41, 41.4, 41.9, b"OK"),
        event("a", "redis", "DEL lock", 42, 42.5, 43.1, 1),
    ]
    trace.note("a", "hold", 0.001, 0.043)
    trace.note("a", "pause", 0.004, 0.041)
    trace.note("b", "hold", 0.034, 0.060)
    trace.note("b", "load", 0.034, 0.060)
    trace.note("a", "violation", 0.041, None, "Two clients hold the lock")
    return trace


def five_clients() -> Trace:
    """Five clients miss; one loads; a reply and a request are lost; one client crashes."""
    trace = Trace(seed=3)
    for i, name in enumerate("abcde"):
        t = i * 1.2
        trace.events.append(event(name, "redis", "GET page:42", t, t + 0.5, t + 1))
        lost, reply = name == "c", b"OK" if name == "a" else None
        back, fault = (None, "reply lost") if lost else (t + 2.1, None)
        command = f"SET lock:page:42 {name}7f NX PX 5000"
        trace.events.append(event(name, "redis", command, t + 1.1, t + 1.6, back, reply, fault))
    trace.note("a", "load", 0.0022, 0.1022)
    trace.note("a", "hold", 0.0022, 0.104)
    trace.events.append(event("a", "redis", "SET page:42 <html> EX 60", 102.4, 102.9, 103.3, b"OK"))
    trace.events.append(event("a", "redis", "EVALSHA 3f9 1 lock:page:42 a7f", 103.4, 103.9, 104.4, 1))
    for name, t in (("b", 60), ("d", 77), ("e", 94)):
        trace.events.append(event(name, "redis", "GET page:42", t, t + 0.5, t + 1))
    trace.events.append(event("d", "redis", "GET page:42", 110, None, None, None, "request lost"))
    trace.note("e", "crash", 0.1)
    return trace


def crowd(clients: int, each: int, seed: int = 1) -> Trace:
    """Many clients with `each` commands apiece; a third of them load for 50 ms; one reply in a hundred is lost."""
    draw, trace = random.Random(seed), Trace(seed=seed)
    for i in range(clients):
        t = draw.random() * 20
        for j in range(each):
            ran = t + 0.3 + draw.random() * 0.4
            back = None if draw.random() < 0.01 else ran + 0.3 + draw.random() * 0.4
            fault = "reply lost" if back is None else None
            trace.events.append(event(f"c{i + 1}", "redis", f"GET page:{j}", t, ran, back, b"x", fault))
            t = (back or ran + 50) + draw.random() * 8
            if j == 0 and i % 3 == 0:
                trace.note(f"c{i + 1}", "load", t / 1000, (t + 50) / 1000)
                t += 50
    return trace


def five_nodes() -> Trace:
    """Two clients ask five nodes, one of which is down and one of which has a clock that jumps; a stale read."""
    trace = Trace(seed=4)
    for who, start in (("a", 0.0), ("b", 3.0)):
        for i in range(5):
            t, dead = start + 0.05 * i, i == 2
            ran, back = (None, None) if dead else (t + 0.6 + 0.1 * i, t + 1.3 + 0.15 * i)
            reply = b"OK" if who == "a" and not dead else None
            fault = "refused" if dead else None
            trace.events.append(event(who, f"n{i + 1}", f"SET job {who}91 NX PX 200", t, ran, back, reply, fault))
    trace.note("n3", "down", 0.0)
    trace.note("a", "hold", 0.0021, 0.020)
    trace.note("n5", "skew", 0.004, None, "+80 ms")
    trace.note("b", "stale", 0.012, None, "old price")
    return trace
