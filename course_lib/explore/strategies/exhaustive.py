"""Every order in which the commands of a few clients can run, each exactly once.

Plain enumeration counts all of them. Reduced, it plays one order of each class that differs only in the order of
commands that commute: sleep sets, as in Patrice Godefroid, "Partial-Order Methods for the Verification of Concurrent
Systems", Springer LNCS 1032, 1996, chapter 5. Tests hold the two to the same verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from course_lib.errors import Unrepeatable
from course_lib.explore.commutativity import Footprint, commute, footprint, struck, undeclared
from course_lib.explore.loop import UNLIMITED, Budget, Progress, Strategy, play_all
from course_lib.explore.strategies.delays import Delays
from course_lib.explore.strategies.twins import Following, Order, Step, other_way_round
from course_lib.explore.tally import Tally
from course_lib.explore.trial import Irreducible, Play, Redundant, Schedule, Trial, play
from course_lib.sim import Choose, Draws, Move, Simulation, Turn
from course_lib.sim.random_streams import touched


def enumerate_all(
    trial: Trial, clients: int, *, reduce: bool = False, faults: int = 0, seed: int = 0, budget: Budget = UNLIMITED,
    progress: Progress | None = None, into: Tally | None = None,
) -> Tally:  # fmt: skip
    """Play every order of the commands that `clients` clients send, or, reduced, one of each class.

    A command is a step, and so is a transaction from MULTI to EXEC. Time passes only when nobody has a command waiting.
    With `faults`, every order with that number of the trial's faults, each kind at each send, is played and counted;
    those with fewer are played on the way. The budget's schedules include those that a reduction gave up.

    The reduction is sound for judges that look at results, keys and the trace's notes; not for one that compares the
    times of two clients' commands, nor where timers of different lengths run out at the same moment. So of some classes
    a second order is played, in which the commands that commute run the other way round. Where that is judged in
    another way, clients draw random numbers from one stream, or a script touches a key that it does not declare, the
    reduction is given up: the tally is not complete, and `irreducible`.
    """
    found = into or Tally(trial, clients, "classes of schedules" if reduce else "schedules", faults)
    world = trial.world()
    strategy = reduced(found, world, faults, seed) if reduce else every_order(trial, clients, world, faults, seed)
    try:
        return play_all(strategy, found, world, budget, progress)
    except Irreducible as error:
        found.irreducible, found.why = True, str(error)
        if error.run is not None:
            for promise in sorted({one.promise for one in error.run.violations}):
                found.keep(promise, error.run)
        return found


def every_order(trial: Trial, clients: int, world: Simulation, faults: int = 0, seed: int = 0) -> Strategy:
    """Depth first: each schedule is like the one before it up to the last moment at which another client can be
    chosen."""
    path, schedule = Path(trial, world, reduce=False, faults=faults), Schedule(clients, seed)
    while path.open:
        path.begin()
        yield schedule, path.choose
        path.turn_back()


def reduced(found: Tally, world: Simulation, faults: int, seed: int) -> Strategy:
    """One order of each class, and of some classes a second one, which is not counted. Raises: Irreducible."""
    trial, classes = found.trial, 0
    path, schedule = Path(trial, world, reduce=True, faults=faults), Schedule(found.clients, seed)
    while path.open:
        path.begin()
        run = yield schedule, path.choose
        classes += run is not None
        order = path.order() if run is not None and (classes <= AT_FIRST or classes % THEN_EACH == 0) else []
        path.turn_back()
        other = other_way_round(order)
        if run is not None and other is not order:
            found.twins += 1
            same_verdict(run, play(trial, schedule, world, choose=Following(other)))


def same_verdict(run: Play, twin: Play) -> None:
    """Raises: Irreducible if two orders of one class break different promises."""
    one, other = ({violation.promise for violation in each.violations} for each in (run, twin))
    if one != other:
        raise Irreducible("what is promised depends on the order of commands that do not touch the same keys", twin)


def waited_orders(found: Tally, world: Simulation, seconds: float) -> Strategy:
    """Every order, with time that passes once, before each of its turns."""
    before = 0
    while before <= found.turns:
        for schedule, choose in every_order(found.trial, found.clients, world):
            yield schedule, _waiting(choose, before, seconds)
        before += 1


def _waiting(choose: Choose | None, before: int, seconds: float) -> Choose:
    assert choose is not None
    turn = count()
    return lambda turns: Move("wait", seconds=seconds) if next(turn) == before else choose(turns)


REPEATABLE = (
    "What a run does may depend on its seed and its schedule alone; so its clients must keep nothing from one run to "
    "the next (in a global variable, or in the default of an argument), and draw and tell the time as the world does."
)

A_TURN = 1e-5
"""Seconds: more than a turn takes."""

AT_FIRST, THEN_EACH = 20, 10
"""A second order is played of each of this many classes at first, and then of every tenth class."""


@dataclass(slots=True)
class Fork:
    """A moment of a run at which a turn is chosen, and the choice. `asleep` is its sleep set: turns that need not be
    tried here, because orders that begin with them have been covered. `may_wait`: those that a delay leaves as they
    were. `late`: those of `asleep` that have been there since a delay began, and can begin after it as well. `passed`:
    how often time had passed before."""

    steps: list[Step]
    moves: list[int | Move]
    footprints: list[Footprint]
    asleep: dict[Step, Footprint]
    may_wait: frozenset[Step] = frozenset()
    late: frozenset[Step] = frozenset()
    chosen: int = 0
    passed: int = 0

    def awake(self, start: int) -> int | None:
        """The first step from `start` on that is still to be tried."""
        asleep = self.asleep
        return next((at for at in range(start, len(self.steps)) if self.steps[at] not in asleep), None)


class Path:
    """The order that is being played, fork by fork. `open` until every other one has been played too."""

    def __init__(self, trial: Trial, world: Simulation, *, reduce: bool, faults: int) -> None:
        self._trial, self._world, self._reduce, self._faults = trial, world, reduce, faults
        self._delays = Delays(trial, world)
        self._forks: list[Fork] = []
        self.open = True

    def begin(self) -> None:
        """Play this order from its beginning."""
        self._depth = self._struck = self._passed = 0
        self._now = 0.0
        self._delays.begin()
        self._marks: tuple[list[float | None], int, int] = [], 0, 0

    def order(self) -> Order:
        """The order that was played, with what each step touched. Before it turns back."""
        self._look_back()
        return [(at.steps[at.chosen], at.footprints[at.chosen], at.passed) for at in self._forks[: self._depth]]

    def turn_back(self) -> None:
        """Go back to the last fork with a step to try, and take it next time. Raises: Irreducible."""
        if self._reduce:
            self._look_back()
        if self._reduce and touched():
            raise Irreducible("random numbers were drawn from a stream that all clients share")
        if self._reduce and undeclared(self._world.trace.events):
            raise Irreducible("a script touched a key that it had not declared")
        while self._forks:
            fork = self._forks[-1]
            if self._reduce:
                fork.asleep[fork.steps[fork.chosen]] = fork.footprints[fork.chosen]
            if (other := fork.awake(fork.chosen + 1)) is not None:
                fork.chosen = other
                return
            self._forks.pop()
        self.open = False

    def choose(self, turns: Sequence[Turn]) -> int | Move:
        """What this order has next; first come first where nothing is settled. Raises: Redundant."""
        if self._reduce:
            self._look_back()
        if self._depth == len(self._forks):
            self._forks.append(self._fork(turns))
        fork = self._forks[self._depth]
        self._depth += 1
        self._passed, self._now = fork.passed, self._world.now()
        move = fork.moves[fork.chosen]
        at, who = (move.at if isinstance(move, Move) else move), fork.steps[fork.chosen][0]
        if at >= len(turns) or turns[at][:3] != who:
            raise Unrepeatable(f"{who[0]} did something else than before, in the same order of commands. {REPEATABLE}")
        self._struck += isinstance(move, Move)
        if self._trial.delays:
            self._delays.went(move, turns)
        return move

    def _look_back(self) -> None:
        """After the step before this one, did its client do something that others can observe, or wait for a time?
        Where there are delays, also: or ask for it?"""
        loop = self._world.loop
        ends = [note.t_end for note in self._world.trace.notes]  # a note is made, or what it tells of has ended
        marks = ends, loop.timed, loop.asked if self._trial.delays else 0
        if self._depth and marks != self._marks:
            last = self._forks[self._depth - 1]
            last.footprints[last.chosen] = last.footprints[last.chosen]._replace(seen=True)
        self._marks = marks

    def _fork(self, turns: Sequence[Turn]) -> Fork:
        fork = Fork([(turn[:3], None) for turn in turns], list(range(len(turns))), [], {})
        fork.passed = self._passed + (self._world.now() - self._now > A_TURN)
        able = self._delays.able(turns) if self._trial.delays and self._faults else []
        if self._trial.delays:
            for delay in able:
                self._add(fork, turns[delay.at], delay)
        elif self._struck < self._faults:
            self._add_faults(fork, turns)
        if not self._reduce:
            return fork
        fork.footprints[:0] = [footprint(turn.node, turn.commands) for turn in turns]
        if self._forks:
            fork.asleep = _still_asleep(self._forks[-1])
            fork.late = _still_late(self._forks[-1]) & fork.asleep.keys()
        if able:
            may_wait = frozenset((turn[:3], None) for turn in turns if self._delays.may_wait(turn))
            fork.may_wait = may_wait if able[0].kind == "delay" else may_wait & fork.late
        if (first := fork.awake(0)) is None:
            raise Redundant
        fork.chosen = first
        return fork

    def _add_faults(self, fork: Fork, turns: Sequence[Turn]) -> None:
        for at, turn in enumerate(turns):
            if turn.client.startswith(self._trial.spared):
                continue
            for kind in self._trial.kinds:
                self._add(fork, turn, Move(kind, at, self._trial.faults[kind]))

    def _add(self, fork: Fork, turn: Turn, move: Move) -> None:
        assert move.kind != "wait"
        fork.steps.append((turn[:3], move._replace(at=0)))
        fork.moves.append(move)
        if self._reduce:
            fork.footprints.append(struck(move.kind, turn.node, turn.commands))


def _still_asleep(last: Fork) -> dict[Step, Footprint]:
    """The sleep set after the step that was chosen."""
    went, (turn, fate) = last.footprints[last.chosen], last.steps[last.chosen]
    asleep = {step: its for step, its in last.asleep.items() if step[0][0] != turn[0] and commute(its, went)}
    if fate is not None and fate.kind in ("delay", "longer") and (turn, None) in last.may_wait:
        its = last.asleep.get((turn, None))  # it has been tried here: the delay can as well begin after it
        if its is not None and not its.seen:
            asleep[turn, None] = its
    return asleep


def _still_late(last: Fork) -> frozenset[Step]:
    """Those that were asleep when the delay began, if they are still."""
    turn, fate = last.steps[last.chosen]
    return frozenset({(turn, None)}) if fate is not None and fate.kind == "delay" else last.late


class Probe(Path):
    """One order that is drawn among those that a reduction would play. `ways` is about how many these are: the product
    of how many it would try at each turn."""

    def __init__(self, trial: Trial, world: Simulation, draw: Draws, *, faults: int) -> None:
        super().__init__(trial, world, reduce=True, faults=faults)
        self._draw, self.ways = draw, 1
        self.begin()

    def _fork(self, turns: Sequence[Turn]) -> Fork:
        fork = super()._fork(turns)
        awake = [at for at, step in enumerate(fork.steps) if step not in fork.asleep]
        self.ways *= len(awake)
        fork.chosen = awake[int(self._draw() * len(awake))]
        fork.asleep |= {fork.steps[at]: fork.footprints[at] for at in awake if at < fork.chosen}
        return fork
