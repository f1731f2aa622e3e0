"""Wrong properties for 01.6, each with one mistake, named as the check must name it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_lib.trace import Trace

Property = Callable[[Trace], str | None]


def unconfirmed(
    *, least: int = 1, after: bool = True, node: bool = True, event: bool = True, received: bool = True,
    client: bool = True, first: bool = False, last: bool = False, reported: bool = True, late: bool = False,
) -> Property:  # fmt: skip
    """A property with one thing left out, or wrong; by default as it should be."""

    def covers(trace: Trace, write: Any, wait: Any) -> bool:
        between = [e for e in trace if e.client == write.client and write.t_start < e.t_start < wait.t_start]
        return (
            (wait.node == write.node or not node)
            and (wait.t_start >= write.t_end or not after)
            and not (last and any(e.name == "SADD" for e in between))
        )

    def property(trace: Trace) -> str | None:
        there = [e for e in trace if (e.t_end is not None or not received) and not isinstance(e.reply, Exception)]
        for note in [note for note in trace.notes if note.kind == "reported"]:
            before = [e for e in there if late or (e.t_end or 0.0) <= note.t_start]
            mine = [e for e in before if e.client == note.who]
            writes = [e for e in mine if e.name == "SADD" and (e.command[2] == note.text.encode() or not event)]
            writes = [e for e in writes if e.t_end is not None and (e.reply == 1 or not first)]
            waits = [e for e in (mine if client else before) if e.name == "WAIT" and (e.reply or 0) >= least]
            if not any(covers(trace, write, wait) for write in writes for wait in waits):
                return f"{note.text} was reported"
        written = [e.command[2].decode() for e in there if e.name == "SADD"]
        told = {note.text for note in trace.notes}
        return None if reported else next((f"{name} was not reported" for name in written if name not in told), None)

    return property


def says_nothing(trace: Trace) -> str | None:
    return None if trace.events else "no command"


def cries_wolf(trace: Trace) -> str | None:
    return f"{len(trace)} commands"


WRONG = [
    ("says-nothing", says_nothing),
    ("cries-wolf", cries_wolf),
    ("ok-is-enough", unconfirmed(least=0)),
    ("blames-what-was-not-reported", unconfirmed(reported=False)),
    ("wants-a-new-one", unconfirmed(first=True)),
    ("one-wait-each", unconfirmed(last=True)),
    ("waits-before", unconfirmed(after=False)),
    ("too-late", unconfirmed(late=True)),
    ("any-node", unconfirmed(node=False)),
    ("any-event", unconfirmed(event=False)),
    ("believes-the-server", unconfirmed(received=False)),
    ("any-client", unconfirmed(client=False)),
]
