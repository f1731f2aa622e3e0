"""A trial: clients set up in a world, and a judge who says what was violated. It is played one schedule at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from course_lib.errors import CourseError, Deadlock, OutOfBudget
from course_lib.sim import KINDS, Choose, Fate, Move, OneFault, Simulation, Turn, Turns
from course_lib.sim.faults import Kind
from course_lib.trace import Trace


@dataclass(frozen=True, slots=True)
class Schedule:
    """One run, exactly: how many clients, which seed, and at most one fault, at the `at`-th send (from 1).

    With `turns`, messages take no time of their own: whenever a client has a command waiting, the next of these says
    which goes, as a position from 0, or what else happens; the first goes once they are used up.

    Units: `seconds` is how long a pause or an outage lasts, or by how much a clock jumps.
    """

    clients: int
    seed: int = 0
    kind: Kind | None = None
    at: int = 0
    seconds: float = 0.0
    turns: tuple[int | Move, ...] | None = None

    @property
    def text(self) -> str:
        """`2 clients, seed 7, pause of 300 ms at send 12`; without a fault it ends after the seed, or the turns."""
        who = f"{self.clients} client{'s' * (self.clients != 1)}, seed {self.seed}"
        if self.turns is not None:
            who += f", turns {' '.join(map(_told, self.turns)) or 'in order'}"
        if self.kind is None:
            return who
        lasting = f" of {self.seconds * 1000:g} ms" if self.kind in ("pause", "node down", "clock step") else ""
        return f"{who}, {self.kind}{lasting} at send {self.at}"

    @property
    def struck(self) -> list[Fate]:
        """The kinds of the faults that strike, one after another; a delay counts as one."""
        moves = [turn for turn in self.turns or () if isinstance(turn, Move)]
        struck: list[Fate] = [move.kind for move in moves if move.kind != "wait" and move.kind != "longer"]
        return struck if self.kind is None else [self.kind, *struck]

    @property
    def faults(self) -> int:
        """How many faults strike."""
        return len(self.struck)

    @property
    def waits(self) -> int:
        """How often time passes."""
        return [turn.kind for turn in self.turns or () if isinstance(turn, Move)].count("wait")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that was true from a moment on, in seconds: who, and what, in a few words. Two facts can break a
    promise."""

    t: float
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that a run broke: which one, a sentence with numbers, and where in the picture: who, when, in seconds.

    `mark` is what the picture says at that place, in a few words. `facts` are those that break it together, as two
    holds of one lock do, where the judge knows them. `circle` are orders that cannot all be kept, as (who, before whom,
    why): each begins where the one before ended, and the last ends where the first began.
    """

    promise: str
    text: str
    who: str = ""
    t_start: float = 0.0
    mark: str = ""
    facts: tuple[Fact, ...] = ()
    circle: tuple[tuple[str, str, str], ...] = ()


class HeldBack(CourseError):
    """Nobody has chosen yet which of `turns` goes next."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        super().__init__(f"{len(turns)} commands wait for somebody to choose")
        self.turns = turns


class Irreducible(CourseError):
    """Any two commands must be taken not to commute. If this was found by an order that was judged in another way than
    the rest of its class, `run` is the run of that order."""

    def __init__(self, why: str, run: Play | None = None) -> None:
        super().__init__(why)
        self.run = run


class Redundant(CourseError):
    """An order of the same class has been played before: it differs only in the order of commands that commute."""


@dataclass(slots=True)
class Play:
    """What one schedule led to. `witness` is what the trial's `build` returned; `stopped` is why it never ended;
    `unheard` is what tasks raised that nobody awaited."""

    schedule: Schedule
    trace: Trace
    results: dict[str, Any]
    witness: Any
    now: float
    steps: int
    stopped: CourseError | None = None
    violations: list[Violation] = field(default_factory=list)
    world: Simulation | None = None  # while it is judged; then the world plays others
    step: float = 1e-6  # what a turn took, in seconds
    unheard: Sequence[BaseException] = ()

    def violation(self, promise: str) -> Violation | None:
        """The first violation of that promise."""
        return next((found for found in self.violations if found.promise == promise), None)


@dataclass(frozen=True)
class Trial:
    """Clients in a world, and a judge. `build(world, clients)` sets them up and returns what `judge(play)` must see.

    `promises` are the properties that this trial can break. It is run with each number of clients in `sizes` under
    `seeds` seeds from 0 on, and under `more_seeds`. Under the first `fault_seeds` of them, each kind of fault in
    `faults` (mapped to its seconds) strikes as well, at every send in turn, up to `most_sends`. `fault_sizes` limits
    the latter to some sizes. `least` is the smallest number of clients with which the trial makes sense. `unfaulted` is
    what a schedule without a fault of the search is called.

    With each number of clients in `orders`, which are part of `sizes`, it is run under every order of their commands
    instead. Then each kind of fault strikes at every send of every order; with the numbers in `pairs`, so do each two
    faults. Where that is too much, orders are drawn. Clients whose names begin with `spared` are the judge's own: in
    orders, no fault strikes them. With `delays`, what strikes in place of a fault is a delay, see `Delays`.

    Units: `horizon` in seconds of virtual time, after which a run counts as endless; `most_steps` callbacks, likewise.
    """

    name: str
    promises: tuple[str, ...]
    build: Callable[[Simulation, int], Any]
    judge: Callable[[Play], Iterable[Violation]]
    sizes: tuple[int, ...] = (2,)
    seeds: int = 1
    more_seeds: tuple[int, ...] = ()
    faults: Mapping[Kind, float] = field(default_factory=dict)
    fault_sizes: tuple[int, ...] = ()
    fault_seeds: int = 1
    most_sends: int = 1_000
    least: int = 1
    unfaulted: str = "no fault"
    world: Callable[[], Simulation] = Simulation
    horizon: float = 10.0
    most_steps: int = 50_000
    orders: tuple[int, ...] = ()
    pairs: tuple[int, ...] = ()
    spared: str = "judge"
    delays: bool = False

    def __post_init__(self) -> None:
        for name in ("orders", "pairs", "fault_sizes"):
            if strays := set(getattr(self, name)) - set(self.sizes):
                raise ValueError(f"{name} of the trial {self.name!r} has {min(strays)}, which is none of its sizes")
        if strays := set(self.pairs) - set(self.orders):
            raise ValueError(f"pairs of the trial {self.name!r} has {min(strays)}, which is not in its orders")

    @cached_property
    def kinds(self) -> list[Kind]:
        """The kinds of its faults, in the order in which they are tried."""
        return [kind for kind in KINDS if kind in self.faults]


def _told(turn: int | Move) -> str:
    if isinstance(turn, int):
        return str(turn)
    if turn.kind == "wait":
        return f"({turn.seconds:g} s pass)"
    if turn.kind in ("delay", "longer"):
        return f"({turn.kind} past time {turn.past} at {turn.at})"
    lasting = f" of {turn.seconds * 1000:g} ms" if turn.seconds else ""
    return f"({turn.kind}{lasting} at {turn.at})"


def described(trial: Trial, schedule: Schedule) -> str:
    """A schedule of the trial in words."""
    return schedule.text if schedule.faults else f"{schedule.text}, {trial.unfaulted}"


def play(
    trial: Trial, schedule: Schedule, world: Simulation | None = None, *,
    choose: Choose | None = None, step: float = 1e-6, drive: Callable[[Simulation], object] = Simulation.run,
) -> Play:  # fmt: skip
    """Run one schedule, in a world of its own or in one that is used again, and judge it.

    `choose` picks the turns in place of the schedule, and the schedule of the result has them written down, so that it
    replays. `drive` runs the clients to their end, as `Simulation.run` does. Units: `step` in seconds, what a turn
    takes; more for a picture.
    """
    world = trial.world() if world is None else world
    chosen: list[int | Move] = []
    if choose is not None:
        world.turns = Turns(_written_down(choose, chosen), step=step)
    else:
        world.turns = None if schedule.turns is None else Turns(_as_written(schedule.turns), step=step)
    fault = OneFault(schedule.kind, schedule.at, schedule.seconds) if schedule.kind else None
    world.faults = fault
    world.loop.max_time, world.loop.max_steps = trial.horizon, trial.most_steps
    world.rewind(schedule.seed)
    stopped: CourseError | None = None
    witness = trial.build(world, schedule.clients)
    try:
        drive(world)
    except (Deadlock, OutOfBudget, HeldBack) as error:
        stopped = error
    if choose is not None:
        schedule = replace(schedule, turns=tuple(chosen))
    now = min(world.now(), world.loop.max_time)
    done = Play(
        schedule, world.trace, dict(world.results), witness, now, world.loop.steps, stopped, world=world, step=step,
        unheard=world.unheard,
    )  # fmt: skip
    done.violations = list(trial.judge(done))
    done.world = None
    return done


def _written_down(choose: Choose, chosen: list[int | Move]) -> Choose:
    def writes(able: Sequence[Turn]) -> int | Move:
        chosen.append(choose(able))
        return chosen[-1]

    return writes


def no_further(left: Iterator[int | Move]) -> Choose:
    """A chooser that takes the next of these each time, and stops the run with HeldBack once they are used up."""

    def choose(able: Sequence[Turn]) -> int | Move:
        move = next(left, None)
        if move is None:
            raise HeldBack(list(able))
        return move

    return choose


def _as_written(turns: tuple[int | Move, ...]) -> Choose:
    left = iter(turns)

    def choose(able: Sequence[Turn]) -> int | Move:
        turn, last = next(left, 0), len(able) - 1
        return turn._replace(at=min(turn.at, last)) if isinstance(turn, Move) else min(turn, last)

    return choose
