"""Delays: one client is held back before a command, beyond each time at which something happens by itself.

Such times are those at which a timer that code has set runs out, as a sleep does, and at which a key expires. Between
two of them nothing happens unless a command runs, so of the delays that end between them one is tried. They differ only
if the client then sleeps itself or gives a TTL, which ends later by as much.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

from course_lib.explore.commutativity import timeless
from course_lib.explore.trial import Play, Schedule, Trial
from course_lib.sim import Choose, Move, Simulation, Turn

MOST = 5
"""How often the times are looked up anew in one delay."""


def delayed(trial: Trial) -> Trial:
    """The same clients, with one delay where a fault would strike."""
    return replace(trial, delays=True, faults={})


class Delays:
    """Which delay can begin, or go on, at each turn of a run.

    None can where several clients have commands waiting: no time passes before the others have run theirs, and orders
    in which they do are played anyhow. A delay lasts beyond one of the times that are known when it begins. After the
    last of these it can go on beyond others, which what happened meanwhile has brought.
    """

    def __init__(self, trial: Trial, world: Simulation) -> None:
        self._trial, self._world = trial, world
        self.begin()

    def begin(self) -> None:
        """A new run."""
        self._held: tuple[object, ...] | None = None  # whose turn was held back last
        self._lasts, self._looked_up = False, 0

    def able(self, turns: Sequence[Turn]) -> list[Move]:
        """Those that can begin, or if one has begun, in which ways it can go on."""
        client = turns[0].client
        if client.startswith(self._trial.spared) or any(turn.client != client for turn in turns):
            return []
        if self._held is not None and not (self._lasts and self._looked_up < MOST):
            return []
        times = range(1, self._times + 1)
        if self._held is None:
            return [Move("delay", at, past=past) for at in range(len(turns)) for past in times]
        return [
            Move("longer", at, past=past) for at, turn in enumerate(turns) if turn[:3] == self._held for past in times
        ]

    def went(self, move: int | Move, turns: Sequence[Turn]) -> None:
        """This was chosen."""
        if isinstance(move, Move):
            self._held, self._looked_up = turns[move.at][:3], self._looked_up + 1
            self._lasts = move.past == self._times
        elif turns[move][:3] == self._held:
            self._lasts = False

    def may_wait(self, turn: Turn) -> bool:
        """Does the turn come to the same now and after a delay, if no other comes between that touches its keys?

        Its process has no timer running, which a delay would hold back too.
        """
        node = next(node for node in self._world.nodes if node.name == turn.node)
        ends = [database.ends.items() for database in node.dbs.values()]
        expiring = frozenset(key for some in ends for key, at in some if at is not None)
        process, _ = self._world.clients[turn.client]
        return timeless(turn.commands, expiring) and not self._world.loop.timers(process)

    @property
    def _times(self) -> int:
        turns = self._world.turns
        return 0 if turns is None else len(turns.times(self._world))


class Late:
    """Chooses as another does, but at the turn with that number, from 0, the chosen client is late, and it stays so as
    often as `longer` says; `goes_on` says whether it could have been late once more. Without `begins`, `able` has each
    delay that could have begun, with its turn."""

    def __init__(
        self, choose: Choose, trial: Trial, world: Simulation, begins: tuple[int, Move] | None = None, longer: int = 0
    ) -> None:
        self.able: list[tuple[int, Move]] = []
        self.goes_on = False
        self._left = longer
        self._choose, self._begins, self._delays, self._turn = choose, begins, Delays(trial, world), 0

    def __call__(self, turns: Sequence[Turn]) -> int | Move:
        move = self._late(self._choose(turns), turns)
        self._delays.went(move, turns)
        self._turn += 1
        return move

    def _late(self, chosen: int | Move, turns: Sequence[Turn]) -> int | Move:
        able = [delay for delay in self._delays.able(turns) if delay.at == chosen]
        if self._begins is None:
            self.able += [(self._turn, delay) for delay in able]
        elif self._turn == self._begins[0]:
            return self._begins[1]
        elif able and able[0].kind == "longer":
            self.goes_on = not self._left
            self._left -= 1
            return able[-1] if self._left >= 0 else chosen
        return chosen


def late_orders(
    order: Callable[[], Choose], trial: Trial, world: Simulation, schedule: Schedule
) -> Generator[tuple[Schedule, Choose | None], Play, Play]:
    """An order, and, if the trial has delays, the same with each that can begin in it, and with each that goes on.
    Returns the run without a delay."""
    if not trial.delays:
        return (yield schedule, order())
    seen = Late(order(), trial, world)
    run = yield schedule, seen
    for delay in seen.able:
        for longer in range(MOST):
            late = Late(order(), trial, world, delay, longer)
            yield schedule, late
            if not late.goes_on:
                break
    return run
