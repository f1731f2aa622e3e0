"""A run, played again and opened: at every step what the servers held, where each client stood, what was still true."""

from __future__ import annotations

import linecache
from collections.abc import Iterator, Sequence
from typing import overload

from course_lib.explore.moment.await_chains import Place
from course_lib.explore.moment.code_owner import function_of, is_source_of, lines_of, source_of
from course_lib.explore.moment.keys import key_states
from course_lib.explore.moment.recorder import ClientSeen, Look, Recorder
from course_lib.explore.moment.states import ClientState, Frame, Local, PromiseState, State
from course_lib.explore.moment.words import told
from course_lib.explore.trial import Play, Trial, Violation
from course_lib.trace import Event, Note, Trace

TICK = 1e-9
"""Seconds: two moments that are this close are the same."""


class Opened:
    """One run. `states` are all that could be seen in it, in order; each is made when it is asked for.

    `same` is empty if this run is the one that was found, and else says where they differ first. `limit` says which
    clients are shown, where there are more. `run` is the run as it was played now.

    Cost: about 0.1 ms a state when it is asked for.
    """

    def __init__(self, trial: Trial, run: Play, recorder: Recorder, same: str, limit: str) -> None:
        self.run, self.trace, self.same, self.limit = run, run.trace, same, limit
        self.states: Sequence[State] = _States(recorder.looks, _promises(trial, run))
        self._recorder = recorder
        self._index: dict[int, tuple[bool, int]] = {}
        self.knows(run.trace)
        self._sent: dict[tuple[str, int], list[int]] = {}
        for index, lines in enumerate(recorder.heard.sent_in):
            for place in {line[:2] for line in lines}:
                self._sent.setdefault(place, []).append(index)

    def knows(self, trace: Trace) -> None:
        """Let `at` accept the events and notes of this trace as well. It must be of the same run, but can lack some
        clients."""
        own = iter(enumerate(self.trace.events))
        for event in trace.events:  # each is the next of this run that is the same command
            for n, one in own:
                if len(trace.events) == len(self.trace.events) or _command(one) == _command(event):
                    self._index[id(event)] = True, n
                    break
        self._index |= {id(note): (False, n) for n, note in enumerate(trace.notes[: len(self.trace.notes)])}
        self._kept = [*getattr(self, "_kept", []), trace]  # so that no other object gets the identity of one of these

    def at(self, what: Event | Note | None) -> State:
        """The state just after a command ran on its server, or was sent, if it never ran; after a note was made; at
        the end of the run. Raises: ValueError for what does not belong to this run."""
        return self.states[self.index_of(what)]

    def index_of(self, what: Event | Note | None) -> int:
        """Where that state stands in `states`."""
        if what is None:
            return len(self.states) - 1
        found = self._index.get(id(what))
        if found is None:
            raise ValueError(f"{what!r} does not belong to this run")
        is_event, index = found
        after = self._recorder.after_event if is_event else self._recorder.after_note
        return min(after[index] if index < len(after) else len(self.states), len(self.states) - 1)

    def file_lines(self, file: str) -> tuple[int, list[str]]:
        """The number of the first line, and the lines, of those functions of a file that ran; no lines if the file has
        been changed since they were made from it."""
        codes = self._recorder.heard.codes.get(file, set())
        spans = [lines_of(code) for code in codes if is_source_of(code)]
        if not spans or len(spans) < len(codes):
            return 1, []
        first, last = min(first for first, _ in spans), max(last for _, last in spans)
        return first, [line.rstrip("\n") for line in linecache.getlines(file)[first - 1 : last]]

    @property
    def files(self) -> list[str]:
        """The files of which functions ran, the learner's first."""
        codes, chains = self._recorder.heard.codes, self._recorder.chains
        return sorted(codes, key=lambda file: all(chains.standing(code) != "own" for code in codes[file]))

    def sent_by(self, file: str, line: int) -> list[int]:
        """The commands, by their place in the trace, that left while that line ran or waited."""
        return self._sent.get((file, line), [])

    def line_of(self, index: int) -> tuple[str, int] | None:
        """The file and the line of the learner's code that sent a command; else the innermost that is shown."""
        lines = self._recorder.heard.sent_in[index]
        found = next((line for line in lines if line[2]), lines[0] if lines else None)
        return None if found is None else found[:2]


def _command(event: Event) -> tuple[str, str, tuple[bytes, ...]]:
    return event.client, event.node, event.command


class _States(Sequence[State]):
    """A sequence of states, each of which is made when somebody asks for it."""

    def __init__(self, looks: Sequence[Look], promises: Sequence[PromiseState]) -> None:
        self._looks, self._promises = looks, promises
        self._made: dict[int, State] = {}
        self._still: dict[int, ClientState] = {}  # of those who did nothing since the state before

    def __len__(self) -> int:
        return len(self._looks)

    def __iter__(self) -> Iterator[State]:
        return (self[index] for index in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> State: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[State]: ...
    def __getitem__(self, index: int | slice) -> State | Sequence[State]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        if at not in self._made:
            self._made[at] = self._state(self._looks[at], self._looks[at - 1] if at else None)
        return self._made[at]

    def _state(self, look: Look, before: Look | None) -> State:
        keys, more = key_states(look.keys, None if before is None else before.keys)
        clients = tuple(
            self._client(name, seen, None if before is None else before.clients[name])
            for name, seen in look.clients.items()
        )
        promises = tuple(_so_far(promise, look.t) for promise in self._promises)
        return State(
            look.t, keys, more, clients, promises, told(look.t, list(look.keys.clocks), keys, more, clients, promises)
        )

    def _client(self, name: str, seen: ClientSeen, before: ClientSeen | None) -> ClientState:
        if before is not seen:
            return _client(name, seen, before)
        still = self._still.get(id(seen))
        if still is None:
            still = self._still[id(seen)] = _client(name, seen, seen)
        return still


def _client(name: str, seen: ClientSeen, before: ClientSeen | None) -> ClientState:
    earlier = {} if before is None else {place.number: dict(place.knows) for c in before.chains for place in c}
    chains = tuple(tuple(_frame(place, earlier.get(place.number)) for place in chain) for chain in seen.chains)
    return ClientState(name, seen.does, seen.waits_for, chains, seen.task_waits)


def _frame(place: Place, before: dict[str, str] | None) -> Frame:
    held = tuple(Local(name, text, before is not None and before.get(name) != text) for name, text in place.knows)
    file = place.code.co_filename
    return Frame(
        function_of(place.code), file, place.line, source_of(place.code, place.line), place.own, held, place.number
    )


# -- promises ----------------------------------------------------------------------------------------------------------


def _promises(trial: Trial, run: Play) -> list[PromiseState]:
    """What became of each promise in the end. If the moment at which one was broken is not known, it counts as broken
    from the end on."""
    first: dict[str, Violation] = {}
    only = trial.promises[0] if len(trial.promises) == 1 else ""  # whatever its judge calls it
    for found in sorted(run.violations, key=lambda found: _since(found, run)):
        first.setdefault(only or found.promise, found)
    names = dict.fromkeys([*trial.promises, *first])
    return [_promise(name, first.get(name), run) for name in names]


def _promise(name: str, found: Violation | None, run: Play) -> PromiseState:
    if found is None:
        return PromiseState(name, holds=True)
    return PromiseState(name, False, _since(found, run), found.text, found.facts)


def _since(found: Violation, run: Play) -> float:
    """When a promise was broken: not before two of the facts that break it were true, and not before anything has
    happened."""
    both = sorted(fact.t for fact in found.facts)[1:2]
    return max([found.t_start, *both]) or run.now


def _so_far(promise: PromiseState, t: float) -> PromiseState:
    broken = promise.since is not None and t >= promise.since - TICK
    return promise if broken or promise.holds else PromiseState(promise.name, holds=True, since=promise.since)
