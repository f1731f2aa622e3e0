"""Wrong properties for 07.6, each with one mistake, named as the check must name it."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from course_lib.trace import Note, Trace


def by_sends(
    *, done: Container[str] = ("pack", "dead"), sends: Callable[[str], bool] = "send".__eq__,
    ended: Callable[[Note], bool] = lambda one: one.t_end is not None,
    acknowledged: Callable[[Note], bool] = lambda sent: sent.t_end is not None,
    since: Callable[[Note, Note], bool] = lambda one, sent: one.t_start >= sent.t_start,
    same: Callable[[str, str], bool] = str.__eq__, says: Callable[[Note], str] = lambda sent: f"{sent.text} is lost",
    each: Callable[[list[Note]], list[Note]] = list,
) -> Any:  # fmt: skip
    """The answer with one thing done otherwise; by default as it should be."""

    def lost(trace: Trace) -> str | None:
        packed = [note for note in trace.notes if note.kind in done and ended(note)]
        for sent in each([note for note in trace.notes if sends(note.kind) and acknowledged(note)]):
            if not any(same(one.text, sent.text) and since(one, sent) for one in packed):
                return says(sent)
        return None

    return lost


def says_nothing(trace: Trace) -> str | None:
    return None if len(trace.notes) >= 0 else "less than nothing"


def cries_wolf(trace: Trace) -> str | None:
    return f"{len(trace.notes)} notes"


def in_order(trace: Trace) -> str | None:
    """It goes through the notes once."""
    waiting: dict[str, Note] = {}
    for note in trace.notes:
        if note.kind == "send" and note.t_end is not None:
            waiting[note.text] = note
        elif note.kind in ("pack", "dead") and note.t_end is not None:
            waiting.pop(note.text, None)
    return next((f"{text} is lost" for text in waiting), None)


WRONG = [
    ("says-nothing", says_nothing),
    ("cries-wolf", cries_wolf),
    ("never-ended", by_sends(ended=bool)),
    ("not-acknowledged", by_sends(acknowledged=bool)),
    ("forgets-dead-letters", by_sends(done=("pack",))),
    ("an-earlier-one", by_sends(since=lambda one, sent: True)),
    ("waits-for-the-reply", by_sends(since=lambda one, sent: one.t_start >= (sent.t_end or 0.0))),
    ("in-order", in_order),
]


def counts(trace: Trace) -> str | None:
    """As many packings as sends."""
    sent = [note.text for note in trace.notes if note.kind == "send" and note.t_end is not None]
    done = [note.text for note in trace.notes if note.kind in ("pack", "dead") and note.t_end is not None]
    return next((f"{text} is lost" for text in sent if done.count(text) < sent.count(text)), None)


SUBTLE = [
    ("a part of the name", "packed", by_sends(same=lambda one, sent: sent in one)),
    ("in any letters", "packed", by_sends(same=lambda one, sent: one.lower() == sent.lower())),
    ("stripped", "packed", by_sends(same=lambda one, sent: one.strip() == sent.strip())),
    ("as numbers", "packed", by_sends(same=lambda one, sent: one.lstrip("0") == sent.lstrip("0"))),
    ("anything that worked", "packed", by_sends(done=("pack", "dead", "compute"))),
    ("whoever sent it", "packed", by_sends(says=lambda sent: f"{sent.who} has lost something")),
    ("the first send alone", "packed", by_sends(each=lambda sends: sends[:1])),
    ("the last send alone", "packed", by_sends(each=lambda sends: sends[-1:])),
    ("later alone", "again", by_sends(since=lambda one, sent: one.t_start > sent.t_start)),
    ("its end", "again", by_sends(since=lambda one, sent: (one.t_end or 0.0) >= sent.t_start)),
    ("after its end", "again", by_sends(since=lambda one, sent: (one.t_end or 0.0) >= (sent.t_end or 0.0))),
    ("as many as sends", "again", counts),
    ("not at once", "packed", by_sends(acknowledged=lambda sent: bool(sent.t_end))),
    ("kinds within kinds", "packed", by_sends(done="pack dead")),
    ("all kinds of sends", "packed", by_sends(sends=lambda kind: kind.startswith("send"))),
    ("the shop's alone", "packed", by_sends(acknowledged=lambda sent: sent.t_end is not None and sent.who == "shop")),
    ("0.1 ms before", "again", by_sends(since=lambda one, sent: one.t_start >= sent.t_start - 1e-4)),
    ("whole ms", "again", by_sends(since=lambda one, sent: round(one.t_start, 3) >= round(sent.t_start, 3))),
]  # fmt: skip
