"""Watches a run while it is played, callback by callback, and keeps what is to be seen whenever something has changed.

It reads and never asks: the run is the same, to the last byte, as one that nobody watches.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from course_lib.explore.moment.await_chains import Chains, Place
from course_lib.explore.moment.code_owner import Own
from course_lib.explore.moment.keys import Snapshot, later, snapshot
from course_lib.explore.moment.short_text import error_text, shortened
from course_lib.explore.moment.states import Does
from course_lib.explore.moment.task_hooks import ClientTask, Listening
from course_lib.explore.moment.waits import waits_for
from course_lib.sim import CRASHED, Process, Simulation
from course_lib.words import counted, ms

LOOKS, SELDOM = 5_000, 100
"""How many looks of one run are kept, which is more than anybody will step through. After them it is looked at only
once in SELDOM callbacks, and the last look is kept."""


class ClientSeen(NamedTuple):
    """What is seen of a client: what it does, for what it waits, and its chains of awaits; of several tasks, for what
    each of them waits."""

    does: Does
    waits_for: str
    chains: tuple[tuple[Place, ...], ...]
    task_waits: tuple[str, ...]


class Look(NamedTuple):
    """What was seen at a moment, in seconds."""

    t: float
    keys: Snapshot
    clients: dict[str, ClientSeen]


class Recorder:
    """`drive` plays a run to its end. Then `looks` are all that was seen, and `after_event` and `after_note` say which
    of them is the first after a command ran (or was sent, if it never ran), and after a note was made.

    `choose` says which of all `names` of clients are shown. `until` is the moment, in seconds, up to which each step of
    a very long run was kept.
    """

    def __init__(self, choose: Callable[[Sequence[str]], Sequence[str]], own: Own | None = None) -> None:
        self._choose, self.chains = choose, Chains(own)
        self.looks: list[Look] = []
        self.until: float | None = None
        self.after_event: list[int] = []
        self.after_note: list[int] = []
        self.names: list[str] = []
        self.heard = Listening((), self.chains)
        self._open: list[int] = []  # the commands of which there is more to come
        self._ran: list[bool] = []
        self._begun = set[str]()

    def drive(self, world: Simulation) -> None:
        """Run the clients to their end, as `Simulation.run` does."""
        self._world, self._clients = world, world.clients
        self.names = list(self._clients)
        self.heard = Listening(self._choose(self.names), self.chains)
        collecting = gc.isenabled()
        gc.disable()  # as in a run in one go, which collects nothing until it is over
        try:
            with self.heard.to(world):
                self._look()
                for number, _ in enumerate(world.slices(1)):
                    if self.until is None or number % SELDOM == 0:
                        self._look()
                    if self.until is None and len(self.looks) >= LOOKS:
                        self.until = world.now()
        finally:
            if collecting:
                gc.enable()

    def _look(self) -> None:
        before = self.looks[-1] if self.looks else None
        told, ran = self._events()
        told = self._notes() or told
        keys = snapshot(self._world) if before is None else later(before.keys, self._world, ran=ran)
        clients = {name: self._client(name, None if before is None else before.clients[name]) for name in self._shown}
        if told or before is None or _others(clients, before.clients) or _others(keys.keys, before.keys.keys):
            del self.looks[LOOKS:]
            self.looks.append(Look(self._world.now(), keys, clients))

    @property
    def _shown(self) -> Sequence[str]:
        return list(self.heard.tasks)

    # -- what happened -------------------------------------------------------------------------------------------------

    def _events(self) -> tuple[bool, bool]:
        """Has the state of any command changed, and has any run on its server?"""
        events, at = self._world.trace.events, len(self.looks)
        at = min(at, LOOKS)
        new = range(len(self._ran), len(events))
        self._open += new
        self._ran += [False] * len(new)
        self.after_event += [at] * len(new)
        told, ran, still = bool(new), False, list[int]()
        for index in self._open:
            event = events[index]
            if event.t_server is not None and not self._ran[index]:
                self._ran[index] = told = ran = True
                self.after_event[index] = at
            if event.t_end is not None:
                told = True
            elif event.fault is None or (event.fault == "reply lost" and not self._ran[index]):
                still.append(index)
        self._open = still
        return told, ran

    def _notes(self) -> bool:
        new = len(self._world.trace.notes) - len(self.after_note)
        self.after_note += [min(len(self.looks), LOOKS)] * new
        return bool(new)

    # -- what a client does --------------------------------------------------------------------------------------------

    def _client(self, name: str, before: ClientSeen | None) -> ClientSeen:
        process, start = self._clients[name]
        if before is not None and before.does == "dead":
            return before
        alive, moved = self._alive(name, before)
        if moved or before is None:
            chains, several = tuple(self._chain(task) for task, _ in alive), self._task_waits(alive)
            chains = chains if several else tuple(filter(None, chains))
        else:
            chains, several = before.chains, before.task_waits
        does, waits = self._status(name, process, start, alive, None if moved else before)
        seen = ClientSeen(does, waits, chains, several)
        return before if before is not None and seen == before else seen

    def _alive(self, name: str, before: ClientSeen | None) -> tuple[list[tuple[asyncio.Task[Any], ClientTask]], bool]:
        """A client's tasks that are not done, and whether any of them has run since the last look."""
        known, moved = self.heard.tasks[name], before is None
        alive = [(task, one) for one in known if (task := one.task()) is not None and not task.done()]
        moved = len(alive) < len(known) or moved
        for task, one in alive:
            moved = one.stepped(task) or moved
        if len(alive) < len(known):
            known[:] = [one for _, one in alive]
        return alive, moved

    def _chain(self, task: asyncio.Task[Any]) -> tuple[Place, ...]:
        chain = self.chains.of(task)
        for place in chain:
            self.heard.codes.setdefault(place.code.co_filename, set()).add(place.code)
        return chain

    def _task_waits(self, alive: list[tuple[asyncio.Task[Any], ClientTask]]) -> tuple[str, ...]:
        now = self._world.now()
        return tuple(waits_for(task, one.sent, now) for task, one in alive) if len(alive) > 1 else ()

    def _status(
        self, name: str, process: Process, start: float, alive: list[tuple[asyncio.Task[Any], ClientTask]],
        before: ClientSeen | None,
    ) -> tuple[Does, str]:  # fmt: skip
        now, results = self._world.now(), self._world.results
        if process.dead:
            return "dead", f"crashed at {ms(now)}"
        if name in results:
            return "ended", _became(results[name], len(alive))
        if process.paused_until > now:
            return "paused", f"paused until {ms(process.paused_until)}"
        if not alive:
            return ("not begun", f"it begins at {ms(start)}") if name not in self._begun else ("waiting", "its end")
        self._begun.add(name)
        if before is not None and before.does == "waiting":
            return "waiting", before.waits_for
        task, known = alive[0]
        return "waiting", waits_for(task, known.sent, now)


def _others(now: dict[Any, Any], before: dict[Any, Any]) -> bool:
    return now is not before and now != before


def _became(result: Any, tasks: int) -> str:
    """What became of a client that has ended, and whether any of its tasks goes on."""
    if result is CRASHED:
        return "crashed"
    said = "ended"  # with None: which says nothing, and can be what came of the call around a learner's function
    if result is not None:
        failed = isinstance(result, BaseException)
        said = f"ended with {error_text(result)}" if failed else f"returned {shortened(result)}"
    return f"{said}; {counted(tasks, 'task')} of its own go{'es' * (tasks == 1)} on" if tasks else said
