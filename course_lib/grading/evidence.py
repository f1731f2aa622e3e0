"""What a trace says about loads, faults and round trips: facts for judges and for clues, whatever the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf

from redis.exceptions import RedisError

from course_lib.explore import CRASHED, Play
from course_lib.trace import Event, Span, Trace

JUDGE = "judge"
"""How the names of clients begin whose commands are the judge's own; they are not shown."""


def loads(trace: Trace) -> list[Span]:
    """Every load of the run, by its start. One that a crash cut off ends there."""
    return trace.spans("load")


def overlap(trace: Trace, *, excused: Iterable[str] = ()) -> tuple[Span, Span] | None:
    """The first two loads that ran at once, neither by a client that is excused."""
    left_out, running = set(excused), list[Span]()
    for load in loads(trace):
        if load.who not in left_out:
            running = [earlier for earlier in running if earlier.end > load.start]
            if running:
                return running[0], load
            running.append(load)
    return None


def paused(trace: Trace) -> set[str]:
    """The clients that stood still for a while."""
    return {note.who for note in trace.notes if note.kind == "pause"}


def struck(run: Play) -> set[str]:
    """The clients that the fault hit: they crashed, were paused, or lost a message."""
    lost = {event.client for event in run.trace if event.fault in LOST}
    return lost | paused(run.trace) | {name for name, result in run.results.items() if result is CRASHED}


LOST = ("request lost", "reply lost", "refused")
"""What becomes of a command whose client is told that it failed."""


def unheard(events: Iterable[Event]) -> Event | None:
    """The first of a client's commands that failed for it, unless the same command was answered later."""
    failed: dict[tuple[bytes, ...], Event] = {}
    for event in events:
        if event.fault in LOST:
            failed.setdefault(event.command, event)
        elif event.t_end is not None:
            failed.pop(event.command, None)
    return next(iter(failed.values()), None)


def excused_error(run: Play, client: str, error: object) -> bool:
    """May the client end with this error? Only with one of redis-py's or a group of such, and only if the fault hit
    it."""
    if isinstance(error, BaseExceptionGroup):
        return all(excused_error(run, client, one) for one in error.exceptions)
    return isinstance(error, (RedisError, TimeoutError, ConnectionError)) and client in struck(run)


def round_trips(events: Iterable[Event]) -> int:
    """How often a client that does one thing at a time waited for the network. A pipeline counts once."""
    trips, answered = 0, -inf
    for event in events:
        if event.t_start >= answered:
            trips += 1
            answered = inf if event.t_end is None else event.t_end
    return trips


def seen(run: Play, client: str) -> list[Event]:
    """The judge's own commands that were answered: what the server said, whatever became of the client's library."""
    return [event for event in of(run.trace, client) if event.t_server is not None and event.fault is None]


def of_clients(trace: Trace) -> Trace:
    """The run without the judge's own commands."""
    return trace.where(lambda event: not event.client.startswith(JUDGE))


def of(trace: Trace, client: str) -> Iterator[Event]:
    """One client's commands."""
    return (event for event in trace if event.client == client)


def as_they_ran(trace: Trace) -> list[Event]:
    """What the server ran, in its order: a trace has the order in which commands were sent."""
    return sorted((event for event in trace if event.t_server is not None), key=lambda event: event.t_server or 0.0)


def ms(seconds: float) -> str:
    """`41.3 ms`, `1,250 ms`, and from ten seconds on `21.781 s`: for sentences."""
    if seconds >= 10:
        return f"{seconds:,.3f}".rstrip("0").rstrip(".") + " s"
    value = round(seconds * 1000, 1) + 0.0
    return f"{value:,.0f} ms" if value >= 200 or value == int(value) else f"{value:.1f} ms"


def raised(error: BaseException) -> str:
    """`ValueError: not a number`, for the end of a sentence."""
    return f"{type(error).__name__}: {str(error).rstrip('.')}"


def shown(result: object, most: int = 60) -> str:
    """A result as it is written, shortened; an error as its type and words; an object whose repr fails, or has an
    address in it, is named by its type."""
    try:
        said = f"{result:.6g}" if type(result) is float else repr(result)
        text = f"{type(result).__name__}: {result}".rstrip(": ") if isinstance(result, BaseException) else said
    except Exception:
        text = " at 0x"
    if " at 0x" in text:
        return f"an object of type {type(result).__name__}"
    return text if len(text) <= most else f"{text[: most - 1]}…"


def life_ms(event: Event) -> int | None:
    """The life that a command gives its key, in ms; None if it gives none, or none that is a whole number."""
    words = [word.upper() for word in event.command]
    if event.name in ("SETEX", "PSETEX"):
        return _times(words[2], 1000 if event.name == "SETEX" else 1)
    for option, unit in ((b"PX", 1), (b"EX", 1000)):
        if option in words[3:-1]:
            return _times(words[words.index(option, 3) + 1], unit)
    return None


def endless(event: Event) -> bool:
    """Does the command give its key no life at all? A moment at which it ends is a life, too."""
    until = {b"PXAT", b"EXAT", b"KEEPTTL"}.isdisjoint(word.upper() for word in event.command[3:])
    return event.name == "SET" and life_ms(event) is None and until


def _times(number: bytes, unit: int) -> int | None:
    return int(number) * unit if number.isdigit() else None
