"""Small runs for 02.6, made up: at least one for each sentence of its contract, and two for each known mistake.

    Run("SET a 1 | c2: PEXPIRE a 5 = 1 @35")

Commands are sent 10 ms apart, by c1 or by whom the line names, and run 1 ms later, or as many ms after the beginning as
stand behind the `@`. Behind the `=` stands the reply: OK, if nothing is there. It takes 1 ms, or with `late` 1 s. `lost`
never reached the server; `unheard` did, and its reply was lost.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from course_lib.trace import Event, Trace

KEYS = ("app:user:visits:v1:1", "app:user:visits:v1:2", "KEEPTTL", "PX")
"""What `a`, `b`, `k` and `p` stand for: two keys are called like options."""
_NAMES = dict(zip("abkp", KEYS, strict=True))
_REPLIES: dict[str, Any] = {"nil": None, "0": 0, "1": 1, "2": 2}


class Run(NamedTuple):
    """Commands, and the keys that they leave without a TTL."""

    text: str
    left: str = ""

    @property
    def immortal(self) -> set[str]:
        """Those keys, by their full names."""
        return {_NAMES[key] for key in self.left.split()}

    def trace(self) -> Trace:
        """The run as a property is given it."""
        return Trace("simulated", 0, [_event(0.01 * n, line) for n, line in enumerate(self.text.split(" | "))])


def _event(at: float, line: str) -> Event:
    said, _, known = line.partition(" = ")
    client, named, rest = said.rpartition(": ")
    words, marks = rest.split(), known.split()
    keys = len(words) if words[0] == "DEL" else 2
    command = tuple((_NAMES.get(word, word) if 1 <= n < keys else word).encode() for n, word in enumerate(words))
    event = Event(client if named else "c1", "redis", command, at)
    if "lost" in marks:
        event.fault = "request lost"
        return event
    event.t_server = next((float(mark[1:]) / 1000 for mark in marks if mark[0] == "@"), at + 0.001)
    event.reply = next((_REPLIES[mark] for mark in marks if mark in _REPLIES), b"OK")
    if "unheard" in marks:
        event.fault = "reply lost"
    else:
        event.t_end = event.t_server + (1 if "late" in marks else 0.001)
    return event


RUNS = [
    Run("SET a 1", "a"),
    Run("SET a 1 PX 1000"),
    Run("SET a 1 EX 5"),
    Run("SET a 1 NX EX 5"),
    Run("SET a 1 EX 5 | SET a 2", "a"),
    Run("SET a 1 | PEXPIRE a 1000 = 1"),
    Run("SET a 1 PX 1000 NX | SET b 1 | PEXPIRE a 1000 = 1", "b"),
    Run("SET b 1 PX 1000 | SET a 1", "a"),
    # KEEPTTL keeps what is there, and that may be none
    Run("SET a 1 PX 1000 | SET a 2 XX KEEPTTL"),
    Run("SET a 1 | SET a 2 KEEPTTL", "a"),
    Run("SET a 1 KEEPTTL", "a"),
    Run("SET a 1 PX 1000 | DEL a = 1 | SET a 2 KEEPTTL", "a"),
    Run("SET a 1 PX 1000 | SET a 2 | SET a 3 KEEPTTL", "a"),
    # NX and XX: what did nothing changed nothing
    Run("SET a 1 NX PX 1000 | SET a 2 NX = nil"),
    Run("SET a 1 | SET a 2 NX PX 1000 = nil", "a"),
    Run("SET a 1 | SET a 2 NX EX 5 = nil", "a"),
    Run("SET a 1 XX = nil"),
    Run("SET a 1 KEEPTTL XX = nil | SET b 1 PX 1000"),
    Run("SET a 1 PX 1000 | SET a 2 XX", "a"),
    Run("SET a 1 | SET a 2 PX 1000 XX"),
    Run("SET a 1 PX 1000 | DEL a = 1 | SET a 2 NX", "a"),
    Run("SET a 1 | DEL a = 1 | SET a 2 XX = nil"),
    # PEXPIRE of what is not there, or no longer
    Run("PEXPIRE a 1000 = 0"),
    Run("PEXPIRE a 1000 = 0 | SET a 1", "a"),
    Run("PEXPIRE a 1000 = 0 | SET a 1 KEEPTTL", "a"),
    Run("SET a 1 | DEL a = 1 | PEXPIRE a 1000 = 0 | SET a 1 KEEPTTL", "a"),
    # DEL, also of several keys, and of what is not there
    Run("DEL a = 0"),
    Run("SET a 1 | DEL a = 1"),
    Run("SET a 1 | SET b 1 | DEL a b = 2"),
    Run("SET a 1 | SET b 1 | DEL b a = 2"),
    Run("SET a 1 | SET b 1 | DEL b k = 1", "a"),
    Run("SET a 1 | DEL b a = 1 | SET b 1 PX 1000"),
    Run("SET a 1 PX 1000 | DEL a b = 1 | SET a 1", "a"),
    # in which order the server ran them, and what it never ran
    Run("c1: PEXPIRE a 1000 = 1 @35 | c2: SET a 1 = @15"),
    Run("c1: SET a 1 = @35 | c2: PEXPIRE a 1000 = 0 @15", "a"),
    Run("c1: SET a 1 PX 1000 = @35 | c2: SET a 2 = @15"),
    Run("c1: SET a 1 = @35 | c2: SET a 2 PX 1000 = @15", "a"),
    Run("c1: DEL a = 1 @35 | c2: SET a 1 = @15"),
    Run("c1: SET a 1 = @35 | c2: DEL a = 0 @15 | c2: PEXPIRE a 1000 = 0 @25", "a"),
    Run("c1: SET a 1 = late | c2: PEXPIRE a 1000 = 1"),
    Run("c1: SET a 1 PX 1000 = late | c2: SET a 2", "a"),
    Run("SET a 1 | PEXPIRE a 1000 = lost", "a"),
    Run("SET a 1 PX 1000 | SET a 2 = lost"),
    Run("SET a 1 | DEL a = lost", "a"),
    Run("SET a 1 | SET a 1 PX 1000 = lost", "a"),
    Run("SET a 1 | c2: PEXPIRE a 1000 = 1 unheard"),
    Run("SET a 1 PX 1000 | c2: SET a 2 = unheard | SET b 1 PX 1000", "a"),
    # what is no option, although it is called like one
    Run("SET a PX", "a"),
    Run("SET a KEEPTTL | SET b 1 PX 1000", "a"),
    Run("SET p 1", "p"),
    Run("SET k 1", "k"),
    Run("SET a 1 PX 1000 | SET a EX", "a"),
    Run("SET p 1 PX 1000 | SET k 1 EX 5 | DEL a = 0"),
    Run("SET a DEL PX 1000 | SET b PEXPIRE", "b"),
]

MISTAKES = {
    "cries-wolf": (Run("SET a 1 PX 1000"), Run("SET b 2 PX 5 NX")),
    "says-nothing": (Run("SET a 1", "a"), Run("SET b 2 NX", "b")),
    "one-command-at-a-time": (Run("SET a 1 | PEXPIRE a 1000 = 1"), Run("SET b 2 NX | PEXPIRE b 5 = 1")),
    "forgets-del": (Run("SET a 1 | DEL a = 1"), Run("SET b 1 | PEXPIRE a 5 = 0 | DEL b = 1")),
    "del-of-one": (Run("SET a 1 | SET b 1 | DEL a b = 2"), Run("SET b 1 | SET a 1 | DEL b a = 2")),
    "blames-keepttl": (Run("SET a 1 PX 1000 | SET a 2 XX KEEPTTL"), Run("SET b 1 PX 5 | SET b 2 KEEPTTL")),
    "keepttl-gives-one": (Run("SET a 1 KEEPTTL", "a"), Run("SET b 1 | SET b 2 KEEPTTL", "b")),
    "once-is-for-ever": (Run("SET a 1 PX 1000 | SET a 2", "a"), Run("SET b 1 | PEXPIRE b 5 = 1 | SET b 2", "b")),
    "forgets-ex": (Run("SET a 1 EX 5"), Run("SET b 2 NX EX 9")),
    "counts-what-was-lost": (Run("SET a 1 | PEXPIRE a 1000 = lost", "a"), Run("SET b 1 | SET b 2 PX 5 = lost", "b")),
    "mixes-keys": (Run("SET a 1 | SET b 1 | PEXPIRE b 1000 = 1", "a"), Run("SET b 1 | SET a 1 | DEL a = 1", "b")),
    "in-the-order-sent": (
        Run("c1: PEXPIRE a 1000 = 1 @35 | c2: SET a 1 = @15"),
        Run("c1: SET a 1 = @35 | c2: PEXPIRE a 1000 = 0 @15", "a"),
    ),
    "blames-what-never-ran": (Run("SET a 1 NX PX 1000 | SET a 2 NX = nil"), Run("SET a 1 XX = nil")),
    "takes-a-value-for-an-option": (Run("SET a PX", "a"), Run("SET a EX", "a")),
}
"""By mistake: runs that all show it. The first that is shown counts: the plain mistakes come first."""
