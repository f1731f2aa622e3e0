"""Wrong properties for 01.6, each with one mistake, and the promises that subtle ones break."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from course_lib.trace import Trace

Property = Callable[[Trace], str | None]


def unconfirmed(
    *, least: int = 1, after: bool = True, node: bool = True, event: bool = True, received: bool = True,
    client: bool = True, first: bool = False, last: bool = False, reported: bool = True, late: bool = False,
    more: Callable[[Trace, Any, Any, Any], bool] = lambda trace, note, write, wait: True,
    says: str = "{0} was reported",
    names: Callable[[Any, Any], bool] = lambda write, note: bool(write.command[2] == note.text.encode()),
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
            writes = [e for e in mine if e.name == "SADD" and (names(e, note) or not event)]
            writes = [e for e in writes if e.t_end is not None and (e.reply == 1 or not first)]
            waits = [e for e in (mine if client else before) if e.name == "WAIT" and (e.reply or 0) >= least]
            if not any(covers(trace, e, wait) and more(trace, note, e, wait) for e in writes for wait in waits):
                return says.format(note.text)
        written = [e.command[2].decode() for e in there if e.name == "SADD"]
        told = {note.text for note in trace.notes}
        return None if reported else next((f"{name} was not reported" for name in written if name not in told), None)

    return property


def says_nothing(trace: Trace) -> str | None:
    return None if trace.events else "no command"


def cries_wolf(trace: Trace) -> str | None:
    return f"{[note.text for note in trace.notes]} were reported"


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


def errors_confirm(trace: Trace) -> str | None:
    """An exception is true, and so is a number above 0."""
    for note in [note for note in trace.notes if note.kind == "reported"]:
        got = [e for e in trace if e.client == note.who and e.t_end is not None and e.t_end <= note.t_start]
        writes = [e for e in got if e.name == "SADD" and e.command[2] == note.text.encode()]
        waits = [e for e in got if e.name == "WAIT" and e.reply]
        if not any(w.node == e.node and w.t_start >= e.t_end for e in writes for w in waits):
            return f"{note.who} reported {note.text}"
    return None


def in_the_order_of_the_trace(trace: Trace) -> str | None:
    """It takes commands as they stand, and all reports at the end."""
    sure, answered = set(), set()
    for e in trace:
        if e.t_end is not None and not isinstance(e.reply, Exception):
            if e.name == "SADD":
                answered.add((e.client, e.node, e.command[2]))
            elif e.reply >= 1:
                sure |= {(c, text) for c, node, text in answered if (c, node) == (e.client, e.node)}
    told = [note for note in trace.notes if note.kind == "reported"]
    return next((f"{note.text} was reported" for note in told if (note.who, note.text.encode()) not in sure), None)


def only_the_first(trace: Trace) -> str | None:
    notes = [note for note in trace.notes if note.kind == "reported"][:1]
    return unconfirmed()(Trace(trace.world, 0, trace.events, notes))


def every_note(trace: Trace) -> str | None:
    notes = [replace(note, kind="reported") for note in trace.notes if note.text]
    return unconfirmed()(Trace(trace.world, 0, trace.events, notes))


def sadds(trace: Trace, write: Any) -> list[Any]:
    """All that this client sent for this event."""
    return [e for e in trace if (e.client, e.command) == (write.client, write.command)]


def in_time(wait: Any, note: Any) -> bool:
    return bool(wait.t_end is not None and wait.t_end < note.t_start)


def names_all(trace: Trace) -> str | None:
    return unconfirmed()(trace) and f"one of {', '.join(note.text for note in trace.notes)} was not confirmed"


SUBTLE: list[tuple[Any, ...]] = [
    ("sent after it was sent", "order", unconfirmed(after=False, more=lambda t, n, e, w: w.t_start >= e.t_start)),
    ("sent after it ran", "order", unconfirmed(after=False, more=lambda t, n, e, w: w.t_start >= e.t_server)),
    ("answered after it was answered", "order", unconfirmed(after=False, more=lambda t, n, e, w: w.t_end >= e.t_end)),
    ("strictly after the reply", "accepts", unconfirmed(more=lambda t, n, e, w: w.t_start > e.t_end)),
    ("strictly before the report", "accepts", unconfirmed(more=lambda t, n, e, w: in_time(w, n))),
    ("sent before the report", "order", unconfirmed(late=True, more=lambda t, n, e, w: w.t_start <= n.t_start)),
    ("a part of a name", "replies", unconfirmed(names=lambda e, note: note.text in str(e.command))),
    ("how a name begins", "replies", unconfirmed(names=lambda e, note: e.command[2].startswith(note.text.encode()))),
    ("a name in small letters", "replies", unconfirmed(
        names=lambda e, note: e.command[2].lower() == note.text.lower().encode())),
    ("any word of the command", "replies", unconfirmed(names=lambda e, note: note.text.encode() in e.command)),
    ("errors confirm", "replies", errors_confirm),
    ("the order of the trace", "order", in_the_order_of_the_trace, "too-late"),
    ("only the first report", "replies", only_the_first),
    ("every kind of note", "accepts", every_note),
    ("exactly one replica", "accepts", unconfirmed(more=lambda t, n, e, w: w.reply == 1)),
    ("the last write counts", "accepts", unconfirmed(more=lambda t, n, e, w: e is sadds(t, e)[-1])),
    ("the first write counts", "accepts", unconfirmed(more=lambda t, n, e, w: e is sadds(t, e)[0])),
    ("the last WAIT counts", "accepts", unconfirmed(more=lambda t, n, e, w: not any(
        x.name == "WAIT" and x.client == w.client and w.t_start < x.t_start for x in t))),
    ("within 100 ms", "accepts", unconfirmed(more=lambda t, n, e, w: n.t_start - e.t_end < 0.1)),
    ("at most one client", "accepts", unconfirmed(more=lambda t, n, e, w: len(t.clients) == 1)),
    ("another client wrote it", "order", unconfirmed(client=False, names=lambda e, note: True), "any-event"),
    ("names every event", "replies", names_all),
    ("names no event", "replies", unconfirmed(says="something was reported too early")),
    ("names the client", "replies", unconfirmed(says="c1 or c2 reported it")),
]  # fmt: skip
