"""Your own coroutine under every order of its commands: what `explore` in a notebook runs.

The notebook's call, with a bar and a picture, is `course_lib.widgets.explore.explore`; it takes the same arguments.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from time import monotonic
from typing import Any

from course_lib.explore.findings import Findings
from course_lib.explore.loop import Progress
from course_lib.explore.replay_code import decode, name_of
from course_lib.explore.search import ONE_STAGE, by_order, stages
from course_lib.explore.shrink import shrink, spread
from course_lib.explore.trial import Play, Schedule, Trial, Violation, play
from course_lib.sim import KINDS, Simulation

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy")
SETUP = "setup"
FAULTS = {"crash": 0.0, "pause": 1.0, "lose request": 0.0, "lose reply": 0.0, "node down": 1.0, "clock step": 1.0}
"""Kinds of fault, and the seconds that one takes if nobody says otherwise."""

Body = Callable[..., Awaitable[Any]]
"""`async def body(redis, me)`; with several nodes, `redis` is a list: a client of each."""
Invariant = Callable[[Play], Iterable[Violation]]


class Me(str):
    """A client's name, which may serve as its token, and what a client can tell the judge."""

    world: Simulation

    @contextmanager
    def holding(self, seconds: float | None = None) -> Iterator[None]:
        """While the block runs, and at most so long, this client believes that it holds something: a note "hold"."""
        note = self.world.note(self, "hold")
        ends = None if seconds is None else note.t_start + seconds
        note.t_end = ends
        yield
        note.t_end = self.world.now() if ends is None else min(self.world.now(), ends)

    def note(self, kind: str, text: str = "") -> None:
        """Mark this moment."""
        self.world.note(self, kind, text)


def explore(
    body: Body | Sequence[Body] | Trial,
    invariant: Invariant | Sequence[Invariant] | None = None,
    *,
    clients: int | Sequence[int] = 2,
    faults: Mapping[str, float] | Sequence[str] = (),
    pairs: bool = False,
    setup: Body | None = None,
    nodes: int = 1,
    code: str | None = None,
    schedules: int = 5_000,
    seconds: float = inf,
    socket_timeout: float | None = 0.5,
    name: str = "yours",
    progress: Progress | None = None,
) -> Findings:
    """Run `body(redis, me)` in several clients under every order of their commands, and judge each run.

        async def count(redis, me):
            seen = int(await redis.get("visits") or 0)
            await redis.set("visits", seen + 1)
            return seen

        def no_visit_is_lost(run):
            if len(set(run.results.values())) < len(run.results):
                return f"they counted {run.results}"

        explore(count, no_visit_is_lost, clients=2)

    `me` is the client's name; `with me.holding(seconds):` marks what it believes. Several bodies are one client each.
    The invariant yields violations, or returns a sentence; without one, every client must end without an error.
    `clients` may be several numbers. `faults` names kinds of fault, or maps them to seconds: each strikes at every
    send of every order; with `pairs`, also each two of them. `setup(redis)` runs first, alone. Where more than
    `schedules` orders are expected, one of each class that commuting commands make is played, or they are drawn. A
    Trial is taken as it is, with its sizes. `code` plays that one schedule only.

    Interrupt it, and what was found until then is returned.

    Units: `schedules` for each number of clients and of faults; `seconds` of real time in all; `socket_timeout` in
    seconds of virtual time, until a client gives up on a reply. Cost: some 2,000 schedules a second.
    Raises: ValueError for arguments that do not fit; BadReplayCode; what the body's first run raises, if that is an
    error of Python's.
    """
    if isinstance(body, Trial):
        trial = body if body.orders else replace(body, orders=body.sizes)
    else:
        sizes = _sizes(body, clients)
        trial = Trial(
            name, (), clients_running(body, setup, nodes), _judge(invariant), sizes, faults=_faults(faults),
            least=min(2, *sizes), world=lambda: Simulation(nodes=nodes, socket_timeout=socket_timeout), horizon=60.0,
            orders=sizes, pairs=sizes if pairs else (),
        )  # fmt: skip
    _sound(trial)
    found = Findings(trial)
    if code is not None:
        run = play(trial, decode(code, name_of(trial)))
        found.shown = spread(trial, run.violations[0].promise, run) if run.violations else run
        return found
    try:
        _play(found, schedules, monotonic() + seconds, progress)
        found.shown = _simplest(found, shrunk=True)
    except KeyboardInterrupt:
        found.interrupted = True
        found.shown = _simplest(found, shrunk=False)
    return found


def _play(found: Findings, schedules: int, deadline: float, progress: Progress | None) -> None:
    trial = found.trial
    for size in (size for size in trial.sizes if size in trial.orders):
        for faults in stages(trial, size):
            budget = replace(ONE_STAGE, schedules=schedules, seconds=deadline - monotonic())
            by_order(trial, size, faults, budget, progress=progress, keep=found.begin)


def _simplest(found: Findings, *, shrunk: bool) -> Play | None:
    if found.simplest is None:
        return None
    promise, run = found.simplest
    return spread(found.trial, promise, shrink(found.trial, promise, run) if shrunk else run)


# -- from what a learner writes to a trial -----------------------------------------------------------------------------


def _sizes(body: Body | Sequence[Body], clients: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(body, Sequence):
        return (len(body),)
    sizes = (clients,) if isinstance(clients, int) else tuple(clients)
    if not sizes or min(sizes) < 1:
        raise ValueError(f"clients is {clients!r}; give a number from 1 on, or several")
    return sizes


def _faults(faults: Mapping[str, float] | Sequence[str]) -> dict[Any, float]:
    given = dict(faults) if isinstance(faults, Mapping) else {kind: FAULTS.get(kind, 0.0) for kind in faults}
    for kind in given:
        if kind not in KINDS:
            raise ValueError(f"there is no fault {kind!r}; there are {', '.join(KINDS)}")
    return given


def clients_running(
    body: Body | Sequence[Body], setup: Body | None = None, nodes: int = 1
) -> Callable[[Simulation, int], Simulation]:
    """A trial's `build`: clients that each run the body, or the next of several, after a setup."""
    bodies = list(body) if isinstance(body, Sequence) else [body]

    def build(world: Simulation, clients: int) -> Simulation:
        redis: Any = world.redis() if nodes == 1 else [world.redis(node) for node in range(nodes)]
        if setup is not None:
            _run_alone(world, setup, redis)
        for number in range(clients):
            me = Me(NAMES[number] if number < len(NAMES) else f"client {number + 1}")
            me.world = world
            world.client(str(me), bodies[number % len(bodies)], redis, me)
        return world

    return build


def _run_alone(world: Simulation, setup: Body, redis: Any) -> None:
    """Before the others, in time that passes by itself; the trace begins after it."""
    turns, world.turns = world.turns, None
    world.client(SETUP, setup, redis)
    world.run()
    result = world.forget(SETUP)
    world.turns = turns
    world.trace.events.clear()
    world.trace.notes.clear()
    if isinstance(result, BaseException):
        raise result


def _judge(invariant: Invariant | Sequence[Invariant] | None) -> Invariant:
    invariants = [_all_end] if invariant is None else [invariant] if callable(invariant) else list(invariant)

    def judge(run: Play) -> Iterator[Violation]:
        for one in invariants:
            said = one(run)
            for each in [said] if said and isinstance(said, str) else said or ():
                yield Violation(_name(one), each) if isinstance(each, str) else each

    return judge


def _name(invariant: Invariant) -> str:
    return getattr(invariant, "__name__", "the promise").replace("_", " ").strip()


def _all_end(run: Play) -> Iterator[Violation]:
    for who, result in run.results.items():
        if isinstance(result, BaseException):
            yield Violation("all end", f"{who} ended with {type(result).__name__}: {result}", who, run.now)
    if run.stopped is not None:
        yield Violation("all end", f"they never came to an end: {run.stopped}")


def _sound(trial: Trial) -> None:
    """Raise an error of Python's at once, where it arose, rather than under every schedule."""
    first = play(trial, Schedule(trial.sizes[0], turns=()))
    for result in first.results.values():
        if isinstance(result, (NameError, TypeError, AttributeError, NotImplementedError, IndexError)):
            raise result
