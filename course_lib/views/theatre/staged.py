"""From a trace to what a theatre shows, each thing with its seconds of the play. The browser computes nothing of it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

from course_lib.trace import Event, Note, Trace, under_way
from course_lib.views.spacetime.text import alternative, brief, finding, lost, moments, note_name
from course_lib.views.theatre.clock import clock
from course_lib.views.theatre.keyspace import UNKNOWN, Held, keyspace
from course_lib.words import counted, ms, shorten

CROWD = 40  # clients: more of them are shown as a stream
DENSE = 12  # commands in a second of the play: more of them are dots without words
SLICE = 0.1  # seconds of the play for which a stream has one width
DATABASE = "database"
OPEN = ("hold", "pause", "down", "cut off", "crash")  # notes that last, also where nothing says until when
GIVES_BACK = ("DEL", "UNLINK", "EVAL", "EVALSHA")


@dataclass(frozen=True)
class Staged:
    """A trace, staged. `data` is what the browser gets, `text` the whole play in words."""

    trace: Trace
    title: str
    ends: str

    @cached_property
    def clients(self) -> list[str]:
        """Who acts: by name, w2 before w10."""
        others = {*self.nodes, DATABASE}
        noted = [note.who for note in self.trace.notes if note.who not in others]
        return sorted({*self.trace.clients, *noted}, key=_by_name)

    @cached_property
    def nodes(self) -> list[str]:
        """The servers; one that plays the database comes last."""
        return sorted(self.trace.nodes, key=lambda name: (name == DATABASE, name))

    @cached_property
    def data(self) -> dict[str, Any]:
        """Everything, in lists that are short to send. Times are seconds of the play; `clock` leads back to the run."""
        end = self.clock.end
        crowd = len(self.clients) > CROWD
        return {
            "title": self.title, "ends": self.ends, "text": self.text, "end": round(end, 3), "clients": self.clients,
            "nodes": self.nodes, "crowd": crowd, "dense": crowd or len(self.trace) / end > DENSE,
            "clock": [_rounded(self.clock.places), [round(t * 1000, 4) for t in self.clock.times]],
            "messages": self._messages(), "keys": self._keys(), "spans": list(self._spans()), "signs": self._signs(),
            "loads": self._loads(), "flow": self._flow(), "cues": self.cues,
        }  # fmt: skip

    @cached_property
    def text(self) -> str:
        """The play in words and numbers."""
        told = alternative(self.trace, self.ends).removeprefix("Space-time diagram: ")
        keys = [self._told(node, key, states) for (node, key), states in list(self._held.items())[:6]]
        return " ".join([told, *filter(None, keys)])

    # -- when ---------------------------------------------------------------------------------------------------------

    @cached_property
    def clock(self) -> Any:
        """From seconds of the run to seconds of the play."""
        told = [t for e in self.trace for t in (e.t_start, e.t_server, e.t_end) if t is not None]
        told += [t for n in self.trace.notes for t in (n.t_start, n.t_end) if t is not None]
        return clock([*told, *(state.t for states in self._held.values() for state in states)])

    def _at(self, t: float | None) -> float | None:
        return None if t is None else self.clock.end if t == inf else round(self.clock(t), 3)

    # -- who and what -------------------------------------------------------------------------------------------------

    def _messages(self) -> list[list[Any]]:
        """[client, node, leaves, runs, arrives, command, reply, what became of it], a command each."""
        who, where = ({name: i for i, name in enumerate(names)} for names in (self.clients, self.nodes))
        stale = {(note.who, note.t_start) for note in self.trace.notes if note.kind == "stale"}
        return [
            [
                who[e.client], where[e.node], self._at(e.t_start), self._at(e.t_server), self._at(e.t_end),
                shorten(brief(e), 30), shorten(e.reply_text, 20) if e.t_server is not None else "",
                "stale" if (e.client, e.t_end) in stale else lost(e) or ("push" if e.name == "PUSH" else ""),
            ]
            for e in self.trace
        ]  # fmt: skip

    @cached_property
    def _held(self) -> dict[tuple[str, str], list[Held]]:
        """The keys with what they held, those first that were a lock, then those that were named most often."""
        found = keyspace(self.trace)
        rank = {
            at: (not any(s.owner for s in states), -found.touched.get(at, 0), at) for at, states in found.states.items()
        }
        return {at: found.states[at] for at in sorted(rank, key=lambda at: rank[at])}

    def _keys(self) -> list[list[Any]]:
        """[node, key, [[from, text, when it expires in ms of the run, client that took it as a lock], …]]."""
        most = 6 if len([node for node in self.nodes if node != DATABASE]) == 1 else 2
        shown: list[list[Any]] = []
        for (node, key), states in self._held.items():
            place = self.nodes.index(node)
            if sum(one[0] == place for one in shown) < most:
                shown.append([place, shorten(key, 26), [self._state(state) for state in states]])
        return shown

    def _state(self, state: Held) -> list[Any]:
        ends = None if state.expires is None else round(state.expires * 1000, 3)
        owner = self.clients.index(state.owner) if state.owner in self.clients else -1
        return [self._at(state.t), state.text, ends, owner]

    def _spans(self) -> Iterator[list[Any]]:
        """[who, kind, from, until, words]: what lasts. A crash lasts to the end."""
        died = {note.who: note.t_start for note in self.trace.notes if note.kind == "crash"}
        for note in self.trace.notes:
            if note.kind == "load" or (note.t_end is None and note.kind not in OPEN):
                continue
            until = note.t_end if note.t_end is not None else inf if note.kind == "crash" else died.get(note.who, inf)
            yield [self._who(note), note.kind, self._at(note.t_start), self._at(until), note.text or note_name(note)]
        if not any(note.kind == "hold" for note in self.trace.notes):
            yield from self._taken()

    def _taken(self) -> Iterator[list[Any]]:
        """Who holds a lock, for traces whose notes do not say so: from the reply that grants it until the client gives
        it back."""
        for (node, key), states in self._held.items():
            for state in states:
                if state.owner not in self.clients:
                    continue
                own = [e for e in self.trace if e.client == state.owner and e.node == node and e.t_start >= state.t]
                back = (e.t_start for e in own if e.name in GIVES_BACK and key.encode() in e.command)
                until = min(next(back, inf), inf if state.expires is None else state.expires)
                words = f"took {shorten(key, 20)}"
                yield [self.clients.index(state.owner), "hold", self._at(state.t), self._at(until), words]

    def _signs(self) -> list[list[Any]]:
        """[who, kind, when, words]: what takes no time, with the violations."""
        noted = [n for n in self.trace.notes if n.t_end is None and n.kind not in (*OPEN, "load")]
        return [[self._who(n), n.kind, self._at(n.t_start), n.text or note_name(n)] for n in noted]

    def _who(self, note: Note) -> int:
        """The place of a client; of a node, counted from -1 down."""
        if note.who in self.clients:
            return self.clients.index(note.who)
        return -1 - self.nodes.index(note.who) if note.who in self.nodes else -100

    def _loads(self) -> list[list[Any]]:
        """[client, from, until]: what the database does, in order."""
        who = {name: i for i, name in enumerate(self.clients)}
        loads = self.trace.spans("load")
        return [[who.get(span.who, -1), self._at(span.start), self._at(span.end)] for span in loads]

    def _flow(self) -> list[list[list[float]]]:
        """For each node how many requests, and how many replies, a second of the run, in each slice of the play."""
        moments = [self.clock.back(i * SLICE) for i in range(int(self.clock.end / SLICE) + 1)]
        first, last = self.trace.span
        wide = max((last - first) / 40, 1e-4)  # seconds of the run over which a rate is taken
        flow = []
        for node in self.nodes:
            these = [e for e in self.trace if e.node == node]
            asked = sorted(e.t_start for e in these)
            told = sorted(e.t_server for e in these if e.t_end is not None and e.t_server is not None)
            flow.append([[round(_within(times, t, wide) / wide, 1) for t in moments] for times in (asked, told)])
        return flow

    # -- in words -----------------------------------------------------------------------------------------------------

    @cached_property
    def cues(self) -> list[list[Any]]:
        """[when, line, is it of interest?, message], by time: what one steps through and reads along."""
        taken = {(node, state.t) for (node, _), states in self._held.items() for state in states if state.owner}
        cues: list[tuple[float, str, bool, int]] = []
        for moment in moments(self.trace):
            what = moment.what
            if isinstance(what, Event):
                of_interest = moment.trouble or (what.node, moment.t) in taken
                cues.append((moment.t, moment.text, of_interest, moment.index))
            else:
                cues.append((moment.t, moment.text, moment.trouble or what.kind == "stale", -1))
        for (node, key), states in self._held.items():
            expired = (state for state in states if state.why == "expired")
            cues += [(state.t, f"{node}  {shorten(key, 40)} expires", True, -1) for state in expired]
        steps = under_way((span.start, span.end) for span in self.trace.spans("load"))
        most = max(steps, key=lambda step: step[1], default=(0.0, 0))
        if most[1] > 1:
            cues.append((most[0], f"{DATABASE}  {counted(most[1], 'load')} at once, the most in this run", True, -1))
        told = sorted(cues, key=lambda cue: cue[0])
        return [[self._at(t), f"{ms(t)} · {text}", int(interesting), index] for t, text, interesting, index in told]

    def _told(self, node: str, key: str, states: list[Held]) -> str:
        took = [state for state in states if state.owner]
        gone = [state for state in states if state.why == "expired"]
        parts = [f"taken by {state.owner} at {ms(state.t)}" for state in took[:4]]
        parts += [f"expires at {ms(state.t)}" for state in gone[:4]]
        last = states[-1].text
        parts.append("not there at the end" if last is None else "" if last == UNKNOWN else f"{last} at the end")
        said = ", ".join(filter(None, parts))
        return f"{key} on {node}: {said}." if said else ""


def staged(trace: Trace, title: str | None = None, ends: str | None = None) -> Staged:
    """Stage a run. `title` is told before and during the play, `ends` after it; without them, what the run shows."""
    shows = finding(trace)
    return Staged(trace, title or ends or shows, ends or shows)


def _within(times: list[float], t: float, wide: float) -> int:
    """How many of the sorted times lie within half of `wide` of `t`."""
    return bisect_right(times, t + wide / 2) - bisect_right(times, t - wide / 2)


def _by_name(name: str) -> list[tuple[bool, int, str]]:
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name) if part]


def _rounded(values: tuple[float, ...]) -> list[float]:
    return [round(value, 3) for value in values]
