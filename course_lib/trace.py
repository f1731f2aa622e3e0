"""What every world records: one `Event` for each command, one `Note` for everything else that happens.

Views draw traces and checks judge them; neither asks which world a trace came from. This module imports nothing of
the course.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, NamedTuple


@dataclass(slots=True)
class Event:
    """One command's life: it left the client, ran on the server, and its reply reached the client.

    Units: seconds since the run began. `t_server` is exact in a simulation; elsewhere it is the midpoint of `t_start`
    and `t_end`, an estimate. It is None when the command never reached the server, and `t_end` is None when the reply
    never came. `reply` is what the server answered, even when `fault` says that the answer was lost.
    """

    client: str
    node: str
    command: tuple[bytes, ...]
    t_start: float
    t_server: float | None = None
    t_end: float | None = None
    reply: Any = None
    fault: str | None = None

    @property
    def name(self) -> str:
        """The command's name in capitals: `SET`, `EVALSHA`, `PUSH` for a message that nobody asked for."""
        return self.command[0].decode("ascii", "replace").upper() if self.command else ""

    @property
    def recorded(self) -> tuple[Any, ...]:
        """Everything that is recorded of it: equal for the same command of the same run."""
        e = self
        return e.client, e.node, e.command, e.t_start, e.t_server, e.t_end, e.reply, e.fault

    @property
    def text(self) -> str:
        """The command as one would type it, what is long is shortened: `SET page <…> NX PX 5000`."""
        return " ".join([self.name, *_first(list(map(_shown, self.command[1:])))])

    @property
    def reply_text(self) -> str:
        """The reply in the notation of redis-cli: `nil`, `OK`, `(error) …`, a number, a quoted string."""
        return _shown_reply(self.reply)


@dataclass(slots=True)
class Note:
    """Something other than a command that happened to a client or a node: a load, a pause, a crash, a violated promise.

    Units: seconds since the run began. `t_end` is None for a moment and for a span that never ended.
    `kind` is one of: load, compute, pause, crash, down, skew, hold, stale, violation; and, where nodes replicate,
    cut off, promoted and healed.
    """

    who: str
    kind: str
    t_start: float
    t_end: float | None = None
    text: str = ""


class Queues:
    """Told of commands in the order in which servers ran them, it says which took effect with each: those of a
    transaction with its EXEC, and where EXEC returned nil, none of them."""

    def __init__(self) -> None:
        self._queued: dict[tuple[str, str], list[tuple[bytes, ...]]] = {}

    def ran(self, event: Event) -> list[tuple[tuple[bytes, ...], Any]]:
        """The commands that took effect with this one, and their replies."""
        queue = event.client, event.node
        if event.reply == b"QUEUED":
            self._queued.setdefault(queue, []).append(event.command)
            return []
        if event.name in ("EXEC", "DISCARD"):
            replies = event.reply if isinstance(event.reply, list) else ()
            return list(zip(self._queued.pop(queue, []), replies, strict=False))
        return [(event.command, event.reply)]


class Span(NamedTuple):
    """Something that lasted, and whose it was. Units: seconds."""

    who: str
    start: float
    end: float


@dataclass(slots=True)
class Trace:
    """Everything that happened in one run: commands in the order in which clients sent them, and notes.

    `world` is "simulated", "embedded" or "real"; `seed` is None outside a simulation.
    """

    world: str = "simulated"
    seed: int | None = None
    events: list[Event] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def note(self, who: str, kind: str, t_start: float, t_end: float | None = None, text: str = "") -> Note:
        """Record a note and return it, so that its end can be filled in later."""
        added = Note(who, kind, t_start, t_end, text)
        self.notes.append(added)
        return added

    def where(self, keep: Callable[[Event], bool]) -> Trace:
        """The same run with only the events that `keep` accepts; the notes stay."""
        return Trace(self.world, self.seed, [event for event in self.events if keep(event)], list(self.notes))

    def spans(self, kind: str) -> list[Span]:
        """The notes of a kind by their starts. One without an end ends with its client's crash, or else at infinity."""
        crashed = {note.who: note.t_start for note in self.notes if note.kind == "crash"}
        found = [note for note in self.notes if note.kind == kind]
        spans = [Span(n.who, n.t_start, crashed.get(n.who, inf) if n.t_end is None else n.t_end) for n in found]
        return sorted(spans, key=lambda span: span.start)

    @property
    def clients(self) -> list[str]:
        """Every client that sent a command, in order of its first one."""
        return list(dict.fromkeys(event.client for event in sorted(self.events, key=lambda e: e.t_start)))

    @property
    def nodes(self) -> list[str]:
        """Every node that a command was sent to, by name."""
        return sorted({event.node for event in self.events})

    @property
    def span(self) -> tuple[float, float]:
        """The first and the last moment of everything in here, in seconds."""
        moments = [t for e in self.events for t in (e.t_start, e.t_server, e.t_end) if t is not None]
        moments += [t for n in self.notes for t in (n.t_start, n.t_end) if t is not None]
        return (min(moments), max(moments)) if moments else (0.0, 0.0)

    def text(self) -> str:
        """The run as lines of text, for readers who cannot or do not want to look at a picture."""
        return "\n".join(line for _, line in sorted(self._lines(), key=lambda pair: pair[0]))

    def digest(self) -> str:
        """Twelve hexadecimal digits that are equal for equal runs, on every machine."""
        return hashlib.sha256(repr([event.recorded for event in self.events]).encode()).hexdigest()[:12]

    def _lines(self) -> Iterable[tuple[float, str]]:
        for e in self.events:
            lost = f"  [{e.fault}]" if e.fault else ""
            yield (
                e.t_start,
                f"{e.t_start * 1000:9.2f} ms  {e.client:<12} → {e.node:<8} {e.text}  ⇒  {e.reply_text}{lost}",
            )
        for n in self.notes:
            until = f" until {n.t_end * 1000:.2f} ms" if n.t_end is not None else ""
            yield n.t_start, f"{n.t_start * 1000:9.2f} ms  {n.who:<12} {n.kind}{until}{': ' + n.text if n.text else ''}"


def under_way(spans: Iterable[tuple[float, float]]) -> list[tuple[float, int]]:
    """(moment, how many spans are under way from then on), a step at each beginning and each end.

    A span that ends where another begins does not overlap it.
    """
    level, steps = 0, []
    for moment, change in sorted(step for start, end in spans for step in ((start, 1), (end, -1))):
        level += change
        steps.append((moment, level))
    return steps


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """The largest number of spans that overlap."""
    return max((level for _, level in under_way(spans)), default=0)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The number that `percent` of these, smallest first, do not exceed; 0.0 if there are none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


_PUSHES = (b"message", b"pmessage", b"smessage")


def is_pushed(reply: Any) -> bool:
    """Is it what a subscriber hears unasked, rather than the reply to a command, which can be a list too?"""
    return isinstance(reply, list) and bool(reply) and reply[0] in _PUSHES


def _shown(argument: bytes, most: int = 32) -> str:
    text = argument.decode("utf-8", "backslashreplace").strip("\n").replace("\n", "⏎")
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _first(words: list[str], most: int = 24) -> list[str]:
    """All of them, or the first few and how many there are more."""
    return words if len(words) <= most else [*words[: most // 2], f"… {len(words) - most // 2} more"]


def _shown_reply(reply: Any) -> str:
    if reply is None:
        return "nil"
    if isinstance(reply, bytes):
        return "OK" if reply == b"OK" else f'"{_shown(reply)}"'
    if isinstance(reply, Exception):
        code = getattr(reply, "status_code", None)  # redis-py takes the first word off: MOVED, READONLY, ERR
        return f"(error) {code} {reply}" if code else f"(error) {reply}"
    if isinstance(reply, (list, tuple)):
        return "[" + ", ".join(_first([_shown_reply(item) for item in reply])) + "]"
    return str(reply)
