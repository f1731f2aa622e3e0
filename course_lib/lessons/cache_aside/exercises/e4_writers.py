"""What writers of 00.4 do: one change of a product each, and the deletes that they sent for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from course_lib.explore import Play
from course_lib.grading.acts import Act, Acts, sent
from course_lib.grading.evidence import LOST
from course_lib.grading.readers import Readers
from course_lib.trace import Event


@dataclass(eq=False)
class Written(Act):
    """One change of a product. `saves`: when each of its commits began and ended; `saved`: what the last of them was
    given, and `error`: what it raised; `left`: what the key holds when the call is over. `page` is the new one."""

    key: str = ""
    page: str = ""
    saves: list[tuple[float, float]] = field(default_factory=list)
    saved: str | None = None
    error: Exception | None = None
    left: str | None = None


@dataclass
class Writing(Acts):
    """What writers did. `rows` is the database."""

    log: Readers = field(kw_only=True)
    rows: dict[str, str] = field(kw_only=True)


class Attempt(NamedTuple):
    """A message with a command that names the key; `failed` if the client was not told what it came to."""

    event: Event
    failed: bool


def attempts(run: Play, act: Written, since: float = 0.0) -> list[Attempt]:
    """What was sent with the key in it, from a moment on; a transaction is one message."""
    messages: dict[float, list[Event]] = {}
    for event in sent(run, act):
        messages.setdefault(event.t_start, []).append(event)
    named_in = {when: [e for e in events if _names(e, act.key.encode())] for when, events in messages.items()}
    return [Attempt(named_in[when][0], any(map(failed, events))) for when, events in messages.items()
            if named_in[when] and when >= since]  # fmt: skip


def _names(event: Event, key: bytes) -> bool:
    """Does it name the key? A script's text may hold it, too."""
    return key in event.command or (event.name == "EVAL" and key in event.command[1])


def deletes(run: Play, act: Written) -> list[Attempt]:
    """The attempts to delete: those that were sent when a save was over."""
    return attempts(run, act, act.saves[-1][1] if act.saves else 0.0)


def failed(event: Event) -> bool:
    """Was it lost, or answered with an error?"""
    return event.fault in LOST or isinstance(event.reply, Exception)


def down(run: Play, act: Written) -> bool:
    """Was the server down? Then a client can be refused even a connection, and has sent nothing."""
    return any(note.kind == "down" and note.t_start <= act.ended for note in run.trace.notes)
