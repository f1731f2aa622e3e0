"""The two facts by which a run breaks a promise, where its judge names none: the last that it took, and what that met.

The last is what happened at the moment that the judge names, in the lane that it names: a reply, an error, the result
of a call. The other happened before, and the judge's sentence speaks of it: of its moment, its client, a key or a
value. If it speaks of nothing that did, the other is a fault that struck, what another client last wrote under the same
key, or the beginning of the call.
All of them are read from the run: each command, fault and call in it is as it was recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from course_lib.explore import Fact, Play, Trial, Violation
from course_lib.explore.commutativity import footprint
from course_lib.grading.evidence import JUDGE, ms, shown
from course_lib.trace import Event
from course_lib.words import shorten

TICK = 1e-6
"""Seconds: what happened so close to a moment happened at it."""
LETTERS = 70
"""The longest a fact's words get, in letters."""
ENDED, RAN, BEGAN = 2, 1, 0
NOTED = {
    "load": "begins to load", "crash": "crashes", "pause": "is paused", "down": "goes down", "hold": "holds it",
    "skew": "has another time", "cut off": "is cut off", "promoted": "is promoted", "healed": "is healed",
    "compute": "begins to compute",
}  # fmt: skip
ONLY_IF = ("SET", "SETNX", "DEL", "UNLINK", "EXPIRE", "PEXPIRE", "PERSIST")
"""Commands that change nothing where they answer nil or 0."""
FAULTS = ("crash", "pause", "down", "skew", "cut off", "promoted")


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened in a run. `about` are the words that say of what: keys, values, names. `wrote` are the
    keys that it may have changed. `rank`: of several at one moment, the highest is what came of the others. `left` is
    when a command left its client, and `ends` when a call that begins will have ended.
    """

    fact: Fact
    rank: int = RAN
    about: frozenset[str] = frozenset()
    wrote: frozenset[str] = frozenset()
    fault: bool = False
    ends: float = 0.0
    left: float = inf


def witnessed(trial: Trial) -> Trial:
    """The same trial, in whose runs each broken promise has its facts."""

    def judge(run: Play) -> Iterator[Violation]:
        for found in trial.judge(run):
            yield found if len(found.facts) > 1 else replace(found, facts=facts_of(run, found))

    return replace(trial, judge=judge)


def facts_of(run: Play, found: Violation) -> tuple[Fact, ...]:
    """What broke a promise: two facts, the last of which came at the moment when it was broken."""
    all_of_it = sorted(happenings(run), key=lambda one: (one.fact.t, one.rank))
    moment = found.t_start if found.who or found.t_start else max((one.fact.t for one in all_of_it), default=run.now)
    last = _last(all_of_it, found, moment)
    before = [one for one in all_of_it if one is not last and one.fact.t <= last.fact.t and one.fact != last.fact]
    other = max(before, key=lambda one: _weight(one, last, found, run), default=None)
    if other is None:  # nothing came before: then what came next, or that nothing did
        other = next((one for one in all_of_it if one is not last and one.fact != last.fact), None)
    second = (
        Fact(max(run.now, last.fact.t), last.fact.who, "does nothing more until the end")
        if other is None
        else other.fact
    )
    return tuple(sorted([last.fact, second], key=lambda fact: fact.t))


def _last(all_of_it: list[Happened], found: Violation, moment: float) -> Happened:
    """What happened at that moment. If the judge names the beginning of a call, this is the call's end."""
    own = [one for one in all_of_it if not found.who or one.fact.who == found.who]
    at = [one for one in own if abs(one.fact.t - moment) <= TICK]
    at = at or [one for one in own if abs(one.left - moment) <= TICK]
    begun = next((one for one in at if one.rank == BEGAN and one.ends > moment + TICK), None)
    if begun is not None and all(one.rank == BEGAN for one in at):
        within = [one for one in own if moment < one.fact.t <= begun.ends + TICK]
        at = [one for one in within if one.rank == ENDED] or within
    if at:
        return at[-1]
    words = found.mark or "it is over"
    if not moment and own:  # of no known moment: after all that it did
        moment = own[-1].fact.t
    sent = next((one for one in reversed(own) if one.fact.t <= moment and one.rank == RAN), None)
    about = _words(found.text) | (sent.about if sent is not None else frozenset())
    return Happened(Fact(moment, found.who or "the run", shorten(words, LETTERS)), ENDED, about)


def _weight(one: Happened, last: Happened, found: Violation, run: Play) -> tuple[float, ...]:
    """The fact's weight: how much the judge's sentence speaks of it, and how much it shares with the last fact. Of two
    that are equal, the later one counts."""
    said = _words(found.text)
    keys = (last.wrote | last.about) & (said | last.wrote) or last.about
    told = {
        "its moment": 5 * (ms(one.fact.t) != ms(last.fact.t) and _speaks_of(found.text, one.fact.t)),
        "a fault": 4 * (one.fault and run.schedule.faults > 0),
        "another's": 3 * (one.fact.who != last.fact.who and one.fact.who in said),
        "a write": 3 * bool(one.wrote & (keys | said)),
        "the same": 2 * bool(one.about & said) + bool(one.about & keys),
        "its own": one.fact.who == last.fact.who,
        "the same step": -3 * (one.fact.who == last.fact.who and last.fact.t - one.fact.t <= TICK),
        "no effect": -4 * (one.rank == RAN and not one.about),
    }
    return sum(told.values()), one.fact.t, one.rank


def _speaks_of(text: str, t: float) -> bool:
    """Does a sentence name this moment? `1 ms` is not in `1,001 ms`."""
    return re.search(rf"(?<![\d.,]){re.escape(ms(t))}(?!\w)", text) is not None


def _words(text: str) -> frozenset[str]:
    """What a sentence may speak of: its words, and what stands in quotes."""
    quoted = re.findall(r"'([^']*)'", text)
    plain = (word.strip("\"'.,:;()[]") for word in text.split())
    return frozenset(word.removesuffix("'s") for word in (*plain, *quoted) if word)


# -- what happened -----------------------------------------------------------------------------------------------------


def happenings(run: Play) -> Iterator[Happened]:
    """Each command of a client where it ran, or was lost; each note; each call's beginning and end; and whatever else
    the trial's own log says."""
    yield from map(_sent, (event for event in run.trace if not event.client.startswith(JUDGE)))
    for note in run.trace.notes:
        if note.kind != "violation" and not note.who.startswith(JUDGE):
            words = shorten(f"{NOTED.get(note.kind, note.kind)} {note.text}".strip(), LETTERS)
            yield Happened(Fact(note.t_start, note.who, words), BEGAN, _words(note.text), fault=note.kind in FAULTS)
    yield from _calls(run)
    for when, what, subject, who, *_ in getattr(run.witness, "happened", ()):
        yield Happened(Fact(when, who or "the stream", f"{subject!r}: {what}"), RAN, frozenset({str(subject)}))


def _sent(event: Event) -> Happened:
    words = frozenset(part.decode("utf-8", "replace") for part in event.command[1:])
    if event.reply == b"QUEUED":
        words = frozenset()
    if event.t_server is None:
        return Happened(Fact(event.t_start, event.client, f"{_command(event)}: {event.fault or 'not yet there'}"),
                        RAN, words, fault=event.fault is not None, left=event.t_start)  # fmt: skip
    lost = f", {event.fault}" if event.fault else ""
    told = f"{_command(event)} → {shorten(event.reply_text, 30)}{lost}"
    known = footprint(event.node, [event.command]).writes
    keys = frozenset(event.command[1:2]) if known is None else known
    if isinstance(event.reply, Exception):  # a sentence that tells of the error speaks of this command
        words, keys = words | _words(str(event.reply)), frozenset()
    elif event.reply in (None, 0) and event.name in ONLY_IF:
        keys = frozenset()
    wrote = frozenset(key.decode("utf-8", "replace") for key in keys)
    return Happened(Fact(event.t_server, event.client, told), RAN, words, wrote, bool(event.fault), left=event.t_start)


def _command(event: Event) -> str:
    return shorten(" ".join(event.text.split()), LETTERS)


def _calls(run: Play) -> Iterator[Happened]:
    calls: Iterable[Any] = getattr(run.witness, "acts", ())
    for call in calls:
        what, now = str(getattr(call, "what", "")), run.now
        about, began, ended = frozenset({what}), getattr(call, "began", inf), getattr(call, "ended", inf)
        if began <= now:
            said = f"begins: {shorten(what, 30)}" if what else "begins"
            yield Happened(Fact(began, call.who, said), BEGAN, about, ends=min(ended, now))
        if ended <= now:
            how = "ends with" if isinstance(call.result, BaseException) else "is told"
            yield Happened(Fact(ended, call.who, f"{how} {_short(call.result)}"), ENDED, about)


def _short(result: object) -> str:
    return shown(result, LETTERS)
