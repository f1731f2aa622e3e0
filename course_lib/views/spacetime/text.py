"""A trace in words: the moments one can step through, the one finding, and the text alternative of its picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from course_lib.trace import Event, Note, Trace, most_at_once
from course_lib.views.palette import NOTES
from course_lib.views.picture import escape
from course_lib.words import capital, counted, ms

TROUBLE = ("violation", "crash", "down", "pause", "skew")


@dataclass(frozen=True, slots=True)
class Moment:
    """A line of the text trace: `what` happened at `t` seconds; `index` is its place among the events or the notes."""

    t: float
    what: Event | Note
    index: int

    @property
    def trouble(self) -> bool:
        """True for a fault, and for a note of something that went wrong."""
        return lost(self.what) is not None if isinstance(self.what, Event) else self.what.kind in TROUBLE

    @property
    def text(self) -> str:
        """The moment without its time: who, where to, command and reply."""
        return event_text(self.what) if isinstance(self.what, Event) else note_text(self.what)


def moments(trace: Trace) -> list[Moment]:
    """Every event when the server ran it (if it never arrived, when it left) and every note when it began, by time."""
    seen = [Moment(e.t_start if e.t_server is None else e.t_server, e, i) for i, e in enumerate(trace.events)]
    noted = [Moment(n.t_start, n, i) for i, n in enumerate(trace.notes)]
    return sorted(seen + noted, key=lambda moment: moment.t)


def lost(event: Event) -> str | None:
    """What went wrong with the command, in words; None when its reply arrived and no fault was recorded."""
    if event.fault:
        return event.fault
    if event.t_server is None:
        return "request lost"
    return "no reply" if event.t_end is None else None


def event_text(event: Event) -> str:
    """`a → redis  GET page  ⇒  nil`, with the fault in brackets."""
    answer = event.reply_text if event.t_server is not None else "no reply"
    fault = lost(event)
    return f"{event.client} → {event.node}  {event.text}  ⇒  {answer}" + (f"  [{fault}]" if fault else "")


def brief(event: Event) -> str:
    """A command as a label says it: a script is told by the comment at its head and its keys, not by its code or
    digest."""
    words = event.command
    if event.name not in ("EVAL", "EVALSHA") or len(words) < 3:
        return event.text
    comment = words[1].partition(b"\n")[0].removeprefix(b"-- ") if words[1].startswith(b"-- ") else "…".encode()
    return replace(event, command=(words[0], comment, *words[3:])).text


def note_text(note: Note) -> str:
    """`a  load 100 ms: page`."""
    return f"{note.who}  {note_label(note)}" + (f": {note.text}" if note.text else "")


def note_label(note: Note) -> str:
    """`load 100 ms`."""
    lasting = f" {ms(note.t_end - note.t_start)}" if note.t_end is not None and note.t_end > note.t_start else ""
    return note_name(note) + lasting


def note_name(note: Note) -> str:
    """The kind of a note as a legend says it."""
    return NOTES[note.kind].name if note.kind in NOTES else note.kind


def finding(trace: Trace) -> str:
    """The one thing that a picture of this trace shows: a violation, else faults, else loads, else commands."""
    broken = [n for n in trace.notes if n.kind == "violation"]
    loads = [n for n in trace.notes if n.kind == "load"]
    if broken:
        words, when = as_title(broken[0].text or "Violation", trace), ms(broken[0].t_start)
        return words if when in words else f"{words} at {when}"
    faults = _faults(trace)
    commands = counted(len(trace.events), "command")
    if faults:
        return f"{commands}, " + ", ".join(faults[:3])
    if loads:
        return f"{counted(len(loads), 'load')} by {counted(len({n.who for n in loads}), 'client')}"
    return f"{commands} by {counted(len(trace.clients), 'client')}" if trace.events else "Nothing happened"


def as_title(words: str, trace: Trace) -> str:
    """The words with a capital letter, unless the first is an argument of a command: `hits has no TTL`."""
    first = words.partition(" ")[0].encode(errors="replace")
    return words if any(first in event.command[1:] for event in trace.events) else capital(words)


def alternative(trace: Trace, title: str) -> str:
    """The picture in words and numbers, all of them counted from the trace."""
    if not trace.events and not trace.notes:
        return f"Space-time diagram: {title}. No command was sent."
    start, end = trace.span
    when = f"from {ms(start)} to {ms(end)}"
    parts = [f"Space-time diagram: {title}", f"No command was sent {when}"]
    if trace.events:
        sent = f"{counted(len(trace.clients), 'client')} sent {counted(len(trace.events), 'command')}"
        faults = _faults(trace)
        became = f"Faults: {', '.join(faults)}" if faults else "No message was lost"
        parts[1:] = [f"{sent} to {counted(len(trace.nodes), 'node')} {when}", became]
    parts += [_kind(trace.notes, kind) for kind in dict.fromkeys(n.kind for n in trace.notes) if kind != "violation"]
    parts += [f"Violation at {ms(n.t_start)}, {n.who}: {n.text}" for n in trace.notes if n.kind == "violation"][:20]
    return ". ".join(parts) + "."


def list_rows(found: Sequence[Moment], start: int = 0) -> str:
    """Moments as the rows of an HTML list; row `start` + i has the class `r<i>`, so that a style can mark it."""
    rows = (
        f'<li class="r{start + i}{" bad" if moment.trouble else ""}"><b>{ms(moment.t)}</b> {escape(moment.text)}</li>'
        for i, moment in enumerate(found)
    )
    return "".join(rows)


def _faults(trace: Trace) -> list[str]:
    """How often each kind of fault occurred, the most frequent first: `3 replies lost`."""
    found = Counter(fault for e in trace.events if (fault := lost(e)))
    plural = {"reply lost": "replies lost", "request lost": "requests lost"}
    return [f"{n:,} {plural.get(fault, fault) if n > 1 else fault}" for fault, n in found.most_common()]


def _kind(notes: Sequence[Note], kind: str) -> str:
    these = [n for n in notes if n.kind == kind]
    ends = [n.t_end if n.t_end is not None else n.t_start for n in these]
    first, last = min(n.t_start for n in these), max(ends)
    when = f"from {ms(first)} to {ms(last)}" if last > first else f"at {ms(first)}"
    spans = [(n.t_start, end) for n, end in zip(these, ends, strict=True) if end > n.t_start]
    if len(these) == 1:
        return f"{capital(note_name(these[0]))} ({these[0].who}) {when}"
    crowd = f", at most {most_at_once(spans):,} at once" if len(spans) > 1 else ""
    return f"{len(these):,} × {note_name(these[0])} {when}{crowd}"
