"""Small runs for 02.6, made up, in e6_runs.toml: one or more for each sentence of its contract, two for each mistake.

    Run("SET a 1 | c2: PEXPIRE a 5 = 1 @35")

Commands are sent 10 ms apart, by c1 or by whom the line names, and run 1 ms later, or as many ms after the beginning as
stand behind the `@`. Behind the `=` stands the reply: OK, if nothing is there. It takes 1 ms, or with `late` 1 s. A
command that was `lost` never reached the server; one that is `unheard` did, and its reply was lost.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from course_lib.trace import Event, Trace

KEYS = ("app:user:visits:v1:1", "app:user:visits:v1:2", "KEEPTTL", "PX")
"""What `a`, `b`, `k` and `p` stand for: two keys are called like options."""
MORE_KEYS = ("app:user:visits:v1:12", "a b", "app:user:zoë")
"""What `l`, `s` and `z` stand for: one begins like another, one has a blank in it."""
_NAMES = dict(zip("abkplsz", KEYS + MORE_KEYS, strict=True))
_VALUES = {"''": "", "'EX'": "1 EX 5 NX", "'DEL'": "DEL app:user:visits:v1:1"}
"""Values that are written so."""
_REPLIES: dict[str, Any] = {"nil": None, "0": 0, "1": 1, "2": 2, "3": 3}


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
    full = [_NAMES.get(word, word) if 1 <= n < keys else _VALUES.get(word, word) for n, word in enumerate(words)]
    command = tuple(word.encode() for word in full)
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


_TABLES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
RUNS = [Run(*row) for row in _TABLES["runs"]]
MISTAKES = {mistake: [Run(*row) for row in rows] for mistake, rows in _TABLES["mistakes"].items()}
"""By mistake, the plain ones first: runs that all show it."""
