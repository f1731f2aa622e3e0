"""Ready-made invariants, and how to write your own: a function that is told a run and yields what it broke.

An invariant of your own takes five lines:

    def nobody_waits_long(run):
        for event in run.trace:
            took = (event.t_end or run.now) - event.t_start
            if took > 0.05:
                yield Violation("no long wait", f"{event.client} waited {took:.2f} s", event.client, event.t_start)

A violation names the promise, says in a sentence with numbers how it was broken, and, where there is such a place, by
whom and when, so that the picture can show it. Ready-made ones are made by the functions below and joined by
`all_of`. Each judges what has happened so far, also in a run that is not over.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from math import inf

from course_lib.errors import BadArgument, Deadlock
from course_lib.explore.linearizability import (
    UNKNOWN,
    Call,
    Calls,
    Model,
    State,
    counter,
    cut,
    linearization,
    recorded,
)  # fmt: skip
from course_lib.explore.server_state import ask, left, world_of
from course_lib.explore.trial import Fact, HeldBack, Play, Violation
from course_lib.sim import CRASHED
from course_lib.trace import Note
from course_lib.words import counted

Invariant = Callable[[Play], Iterable[Violation]]
"""What a Trial takes as its judge."""

Moments = Callable[[Play], Iterable[tuple[float, str]]]
"""(when, who) of something that happened in a run."""

_CUT_OFF = CancelledError()  # what becomes of a client that the end of a run cut off
_TICK = 1e-6  # seconds: what ends and what begins in the same moment do not overlap


def all_of(*invariants: Invariant) -> Invariant:
    """Every one of them must hold."""

    def judge(run: Play) -> Iterator[Violation]:
        for invariant in invariants:
            yield from invariant(run)

    return judge


# -- who holds it -----------------------------------------------------------------------------------------------------


def one_holder(validity: float = inf, *, promise: str = "one holder at a time") -> Invariant:
    """No two clients hold the lock at once. A client notes "hold" when it gets it, and sets `t_end` when it lets go.

    Units: `validity` in seconds after which a hold is over by itself: a holder that goes on regardless is not counted.
    """

    def judge(run: Play) -> Iterator[Violation]:
        holder, got, until = "", 0.0, -inf
        for since, end, who in sorted((span.start, span.end, span.who) for span in run.trace.spans("hold")):
            if since < until - _TICK and who != holder:
                said = f"{who} got the lock at {_ms(since)}, while {holder} held it{_up_to(until, run)}"
                facts = Fact(got, holder, "gets the lock"), Fact(since, who, f"gets it too, and {holder} has it still")
                yield Violation(promise, said, who, since, "two holders", facts)
                return
            end = min(end, since + validity)
            holder, got, until = (who, since, end) if end > until else (holder, got, until)

    return judge


def at_most(limit: int, window: float = inf, *, admitted: Moments | None = None, promise: str = "limit") -> Invariant:
    """At most `limit` are admitted in any `window`. By default those whose result is True, when their last command ran.

    Units: `window` in seconds; two that lie exactly a window apart are not in the same one.
    """
    if limit < 0 or not window > 0:
        raise BadArgument(f"limit is {limit} and window is {window}; accepted: 0 or more, and seconds above 0")

    def judge(run: Play) -> Iterator[Violation]:
        moments = sorted((admitted or granted)(run))
        for (first, earliest), (last, who) in zip(moments, moments[limit:], strict=False):
            if last - first < window - _TICK:
                number = sum(first <= when < first + window - _TICK for when, _ in moments)
                within = "" if window == inf else f" within {_ms(window)} from {_ms(first)} on"
                said = f"{number} were admitted{within}; the limit is {limit}"
                facts = Fact(first, earliest, "is admitted, the first"), Fact(last, who, f"is number {limit + 1}")
                yield Violation(promise, said, who, last, f"number {limit + 1}", facts)
                return

    return judge


def granted(run: Play) -> Iterator[tuple[float, str]]:
    """Those whose result is True, at the moment when the last of their commands ran on a server."""
    for who, result in run.results.items():
        ran = [event.t_server for event in run.trace if event.client == who and event.t_server is not None]
        if result is True and ran:
            yield max(ran), who


def noted(kind: str) -> Moments:
    """The beginnings of the notes of a kind."""
    return lambda run: [(note.t_start, note.who) for note in run.trace.notes if note.kind == kind]


# -- what is counted and kept -----------------------------------------------------------------------------------------


def no_lost_update(key: str, *, start: int = 0, node: int = 0, promise: str = "no update is lost") -> Invariant:
    """The counter holds at least one for each client that ended well, beyond `start`. Asks the server."""

    def judge(run: Play) -> Iterator[Violation]:
        told = [who for who, result in run.results.items() if _went_well(result)]
        value = int(ask(world_of(run).nodes[node], b"GET", key.encode()) or 0)
        if (lost := start + len(told) - value) > 0:
            since = f", from {start} on" if start else ""
            updates = counted(lost, "update is", "updates are")
            said = f"{len(told)} clients were told that they had counted{since}, and {key} is {value}: {updates} lost"
            facts = same_written(run, key, run.world.nodes[node].name if run.world else "")
            yield Violation(promise, said, told[-1], _last(run, told[-1]), f"{key} is {value}", facts)

    return judge


def same_written(run: Play, key: str, node: str) -> tuple[Fact, ...]:
    """The first two clients of whom one wrote over a key what the other had written: neither knew of the other."""
    written = [e for e in run.trace if e.t_server is not None and e.node == node and e.name in ("SET", "GETSET")]
    writes = sorted((e for e in written if e.command[1:2] == (key.encode(),)), key=lambda e: e.t_server or 0.0)
    for one, other in pairwise(writes):
        if one.client != other.client and one.command[2] == other.command[2]:
            return tuple(Fact(e.t_server or 0.0, e.client, f"writes {key}: {e.text}") for e in (one, other))
    return ()


def no_key_without_ttl(match: str = "*", *, promise: str = "every key ends") -> Invariant:
    """Once everyone has ended, each key that matches has a TTL. Asks the servers. `match` is a pattern of KEYS."""

    def judge(run: Play) -> Iterator[Violation]:
        if isinstance(run.stopped, HeldBack):
            return
        for node, key, ms in left(run, match):
            if ms < 0:
                wrote = [e for e in run.trace if e.node == node.name and key.encode() in e.command and e.t_server]
                who, when = (wrote[-1].client, wrote[-1].t_server or 0.0) if wrote else ("", 0.0)
                where = f" on {node.name}" if node.name != "redis" else ""
                said = f"{key}{where} has no TTL and stays for ever; {who or 'somebody'} touched it last"
                yield Violation(promise, said, who, when, "no TTL")

    return judge


def linearizable(
    model: Model = counter, initial: State = 0, *, calls: Calls = recorded, promise: str = "linearizable"
) -> Invariant:
    """All calls could have taken effect one at a time, each between its start and its end. Cost: as `linearization`.

    `calls` says where they come from: a recorded History, or `by_client("increment")`. Does not: hold for a reduced
    enumeration with `by_client`, whose starts and ends no note marks.
    """

    def judge(run: Play) -> Iterator[Violation]:
        known = list(calls(run))
        if linearization(known, model, initial) is not None:
            return
        returned = sorted((call for call in known if call.result is not UNKNOWN), key=lambda call: call.end)
        last = next(call for call in returned if linearization(cut(known, call.end), model, initial) is None)
        told = [call for call in cut(known, last.end) if call.result is not UNKNOWN]
        facts = tuple(Fact(call.end, call.client, call.text) for call in sorted(told, key=lambda call: call.end))
        said = f"no order explains {'; '.join(call.text for call in told)}"
        yield Violation(promise, said, last.client, last.end, f"→ {last.result!r}", facts)

    return judge


def bounded_staleness(bound: float, *, calls: Calls = recorded, promise: str = "not too old") -> Invariant:
    """No `read` that begins more than `bound` after a `write` has ended returns what was written before that write.

    Every write must have a value of its own. Units: `bound` in seconds.
    """

    def judge(run: Play) -> Iterator[Violation]:
        known = list(calls(run))
        writes = {call.argument: call for call in known if call.name == "write"}
        for read in known:
            if read.name != "read" or read.result is UNKNOWN:
                continue
            newer = [write for write in writes.values() if _before(writes.get(read.result), write)]
            first = min(newer, key=lambda write: write.end, default=read)
            age = read.start - first.end
            if age > bound:
                said = (
                    f"{read.client} read {read.result!r} {_ms(age)} after it had been replaced; {_ms(bound)} is allowed"
                )
                facts = Fact(first.end, first.client, first.text), Fact(read.end, read.client, read.text)
                yield Violation(promise, said, read.client, read.end, f"{_ms(age)} old", facts)

    return judge


# -- how often, and whether at all ------------------------------------------------------------------------------------


def one_load_per_expiry(ttl: float, *, promise: str = "one load per expiry") -> Invariant:
    """While a load runs or its value lives, nobody loads again. A client notes "load" and sets `t_end` at its end.

    Loads that failed, and those of clients that met a fault, are not held against anybody: no lock can promise more.
    Units: `ttl` in seconds.
    """

    def judge(run: Play) -> Iterator[Violation]:
        excused = disturbed(run)
        notes = [n for n in run.trace.notes if n.kind == "load" and n.text != "failed" and n.who not in excused]
        before: Note | None = None
        for note in sorted(notes, key=lambda note: note.t_start):
            end = inf if before is None or before.t_end is None else before.t_end
            if before is not None and note.t_start < end + ttl - _TICK:
                ago = "had not finished" if note.t_start < end else f"had finished {_ms(note.t_start - end)} before"
                said = f"{note.who} loaded at {_ms(note.t_start)}, when the load of {before.who} {ago}"
                facts = Fact(before.t_start, before.who, "loads"), Fact(note.t_start, note.who, "loads again")
                yield Violation(promise, said, note.who, note.t_start, "loads again", facts)
                return
            before = note

    return judge


def disturbed(run: Play) -> set[str]:
    """Who met a fault: crashed, paused, or with a message lost or refused."""
    struck = {note.who for note in run.trace.notes if note.kind in ("crash", "pause")}
    return struck | {event.client for event in run.trace if event.fault not in (None, "nobody reads")}


def at_least_once(jobs: Iterable[str], *, kind: str = "effect", promise: str = "at least once") -> Invariant:
    """Each job was done once everyone has ended. Who does one notes `kind`, with the job's name as its text."""
    wanted = list(jobs)

    def judge(run: Play) -> Iterator[Violation]:
        done = _done(run, kind)
        missing = [job for job in wanted if job not in done]
        if missing and not isinstance(run.stopped, HeldBack):
            said = f"{len(missing)} of {counted(len(wanted), 'job was', 'jobs were')} never done: {', '.join(missing)}"
            yield Violation(promise, said)

    return judge


def at_most_once(*, kind: str = "effect", promise: str = "at most once") -> Invariant:
    """No job was done twice. Who does one notes `kind`, with the job's name as its text."""

    def judge(run: Play) -> Iterator[Violation]:
        for job, notes in _done(run, kind).items():
            if len(notes) > 1:
                times = ", ".join(f"by {note.who} at {_ms(note.t_start)}" for note in notes)
                said = f"{job} was done {len(notes)} times: {times}"
                facts = tuple(Fact(note.t_start, note.who, f"does {job}") for note in notes)
                yield Violation(promise, said, notes[1].who, notes[1].t_start, f"{job} again", facts)

    return judge


def exactly_once(jobs: Iterable[str], *, kind: str = "effect", promise: str = "exactly once") -> Invariant:
    """Each job was done, and none twice."""
    return all_of(at_least_once(jobs, kind=kind, promise=promise), at_most_once(kind=kind, promise=promise))


def everybody_ends(*, promise: str = "everybody ends") -> Invariant:
    """Nobody waits for another forever, and nobody goes round in circles until the trial's horizon."""

    def judge(run: Play) -> Iterator[Violation]:
        if run.stopped is None or isinstance(run.stopped, HeldBack):
            return
        going = [who for who in run.trace.clients if isinstance(run.results.get(who, _CUT_OFF), CancelledError)]
        who = going[-1] if going else ""
        sent = sum(event.client in going for event in run.trace)
        names = " and ".join(going) or "somebody"
        if isinstance(run.stopped, Deadlock):
            said = f"{names} wait{'s' * (len(going) < 2)} for ever: nothing is left that could wake anybody"
        else:
            said = f"{names} had not ended after {_ms(run.now)} and {counted(sent, 'command')}"
        yield Violation(promise, said, who, _last(run, who), "never ends")

    return judge


# -- in words ---------------------------------------------------------------------------------------------------------


def _done(run: Play, kind: str) -> dict[str, list[Note]]:
    done = defaultdict(list)
    for note in run.trace.notes:
        if note.kind == kind:
            done[note.text].append(note)
    return done


def _before(write: Call | None, other: Call) -> bool:
    """Had a write ended, or never been, before the other began?"""
    return write is None or (write is not other and write.end < other.start)


def _went_well(result: object) -> bool:
    return result is not CRASHED and not isinstance(result, BaseException)


def _last(run: Play, who: str) -> float:
    return max((event.t_end or event.t_start for event in run.trace if event.client == who), default=0.0)


def _up_to(until: float, run: Play) -> str:
    return f" up to {_ms(until)}" if until <= run.now else ""


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.{0 if seconds >= 0.02 else 2}f} ms"
