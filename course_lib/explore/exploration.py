"""Your own coroutine under every order of its commands: what `explore` in a notebook runs.

The notebook's call, with a bar and a picture, is `course_lib.widgets.explore.explore`; it takes the same arguments.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from math import inf
from time import monotonic
from typing import Any

from course_lib.explore.activity import Clocks
from course_lib.explore.bodies import MISTAKES, Body, Invariant, clients_running, judge_of, parts_of
from course_lib.explore.captured_output import Printed, held_back, let_out
from course_lib.explore.findings import Findings
from course_lib.explore.loop import Progress
from course_lib.explore.parallel import Make, importable, sample_elsewhere
from course_lib.explore.proof import prove
from course_lib.explore.replay_code import decode, name_of
from course_lib.explore.search import ONE_STAGE, by_order, stages
from course_lib.explore.shrink import shrink, spread
from course_lib.explore.strategies.delays import delayed
from course_lib.explore.tally import Tally
from course_lib.explore.trial import Play, Schedule, Trial, play
from course_lib.sim import KINDS, Simulation
from course_lib.sim.stand_ins import virtual_clocks

FAULTS = {"crash": 0.0, "pause": 1.0, "lose request": 0.0, "lose reply": 0.0, "node down": 1.0, "clock step": 1.0}
"""Kinds of fault, and the seconds that one takes if nobody says otherwise."""

Elsewhere = Callable[..., Tally]


@virtual_clocks()
def explore(
    body: Body | Sequence[Body] | Trial,
    invariant: Invariant | Sequence[Invariant] | None = None,
    *,
    clients: int | Sequence[int] = 2,
    faults: Mapping[str, float] | Sequence[str] = (),
    pairs: bool = False,
    delays: bool = False,
    setup: Body | None = None,
    nodes: int = 1,
    code: str | None = None,
    schedules: int = 5_000,
    seconds: float = inf,
    socket_timeout: float | None = 0.5,
    name: str = "yours",
    executor: Executor | None = None,
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
    What a body keeps in its module, a closure or a cache is each client's own, and begins anew in each run.
    The invariant yields violations, or returns a sentence. That no error ends a client, or a task that nobody awaits,
    is a promise of its own, where no fault struck; without an invariant, nobody may end with an error, or wait forever,
    under faults either.
    `clients` can be several numbers. `faults` names kinds of fault, or maps them to seconds: each strikes at every send
    of every order; with `pairs`, also each two of them. `setup(redis)` runs first, alone. Where more than `schedules`
    orders are expected, one of each class that commuting commands make is played, or they are drawn. A Trial is taken
    as it is, with its sizes. `code` plays that one schedule only. Runs in which a client was told what none had been
    told before are played twice more: they must be the same, and show which branches of your code ran.

    Time passes only while no command waits. With `delays`, where your code sleeps or a key has a TTL, every order is
    also played with one delay. It holds a client back before a command, until a timer of your code has run out or a key
    has expired: each of those that run when it begins, in turn. Beyond the last of them it goes on, up to four times,
    to what has come up meanwhile. No delay begins while several clients have commands waiting, as letting the others go
    first comes to the same. It excuses errors as a fault does, but nobody may wait forever. Of times that are less than
    0.1 ms apart only the last counts. Where time does not matter, nothing more is played.

    Interrupt it, and what was found until then is returned. A long sample, of faults too, is drawn by an `executor`,
    any of concurrent.futures, if one is given; in a notebook, by processes, if the code stands in a module that they
    can import. What is found is the same.

    Units: `schedules` for each number of clients and of faults; `seconds` of real time in all; `socket_timeout` in
    seconds of virtual time, until a client gives up on a reply. A run counts as endless after 60 s of virtual time,
    delays not counted.
    Cost: some 2,000 schedules a second; playing runs again takes from 5 to 30 % of that time, and at most about 1.5 s.
    Raises: ValueError for arguments that do not fit, or for what an invariant returns; BadReplayCode; what the body's
    first run raises, if that is an error of Python's.
    """
    elsewhere = None
    if isinstance(body, Trial):
        trial = body if body.orders else replace(body, orders=body.sizes)
        if executor is not None:
            raise ValueError("an executor makes the trial itself, from coroutines; here it is given a trial")
    else:
        make = partial(
            trial_of, body, invariant, sizes=_sizes(body, clients), faults=_faults(faults), pairs=pairs, setup=setup,
            nodes=nodes, socket_timeout=socket_timeout, name=name,
        )  # fmt: skip
        trial, elsewhere = make(), _elsewhere(make, executor)
    clocks = Clocks()
    found = Findings(clocks.watching(trial), clocks=clocks, delays=delays)
    progress = None if progress is None else let_out(progress)
    with held_back() as printed:
        _sound(trial)
        if code is not None:
            run = play(found.trial, decode(code, name_of(trial)))
            found.shown = spread(trial, run.violations[0].promise, run) if run.violations else run
        else:
            _search(found, schedules, monotonic() + seconds, progress, elsewhere)
        found.printed = _printed(found, printed)
    return found


def _search(
    found: Findings, schedules: int, deadline: float, progress: Progress | None, elsewhere: Elsewhere | None
) -> None:
    """Every stage, and then the simplest failure. An interrupt leaves what was found until then."""
    try:
        _play(found, schedules, deadline, progress, elsewhere)
        found.shown = _simplest(found, shrunk=True)
        if found.clocks is not None:
            found.proof = prove(found.trial, found.seen, found.clocks)
    except KeyboardInterrupt:
        found.interrupted = True
        found.shown = _simplest(found, shrunk=False)


def _play(
    found: Findings, schedules: int, deadline: float, progress: Progress | None, elsewhere: Elsewhere | None
) -> None:
    def stage(trial: Trial, faults: int) -> None:
        budget = replace(ONE_STAGE, schedules=schedules, seconds=deadline - monotonic())
        by_order(trial, size, faults, budget, progress=progress, keep=found.begin, elsewhere=elsewhere, persists=True)

    for size in (size for size in found.trial.sizes if size in found.trial.orders):
        for faults in stages(found.trial, size):
            stage(found.trial, faults)
        if found.delays and found.clocks is not None and found.clocks.matter:
            stage(delayed(found.trial), 1)


def _simplest(found: Findings, *, shrunk: bool) -> Play | None:
    if found.simplest is None:
        return None
    promise, run = found.simplest
    trial = delayed(found.trial) if "delay" in run.schedule.struck else found.trial
    return spread(trial, promise, shrink(trial, promise, run) if shrunk else run)


def _printed(found: Findings, printed: Printed) -> str:
    """What the code prints in the run that is shown, which is played once more for it, if it prints at all."""
    if found.shown is None or not printed.text:
        return ""
    printed.forget()
    play(found.trial, found.shown.schedule)
    return printed.text


# -- from what a learner writes to a trial -----------------------------------------------------------------------------


def trial_of(
    body: Body | Sequence[Body], invariant: Invariant | Sequence[Invariant] | None, *, sizes: tuple[int, ...],
    faults: Mapping[Any, float], pairs: bool, setup: Body | None, nodes: int, socket_timeout: float | None, name: str,
) -> Trial:  # fmt: skip
    """The trial that `explore` plays; another process can make it too, if it can import what it is given."""
    return Trial(
        name, (), clients_running(body, setup, nodes), judge_of(invariant), sizes, faults=faults, least=min(2, *sizes),
        world=partial(Simulation, nodes=nodes, socket_timeout=socket_timeout), horizon=60.0, orders=sizes,
        pairs=sizes if pairs else (),
    )  # fmt: skip


def _elsewhere(make: Make, executor: Executor | None) -> Elsewhere | None:
    """A function that draws a sample in other processes, if there are any or some can be started; otherwise None. Only
    a notebook starts processes by itself: each one runs the main program again, which a program need not expect."""
    if isinstance(executor, ProcessPoolExecutor) and not importable(make):
        raise ValueError(
            "another process cannot import this code: put it into a module, or explore it without an executor"
        )
    if executor is None and (hasattr(sys.modules["__main__"], "__file__") or not importable(make)):
        return None
    return partial(sample_elsewhere, make=make, executor=executor)


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


def _sound(trial: Trial) -> None:
    """Raise an error of Python's at once, where it arose, rather than under every schedule."""
    first = play(trial, Schedule(trial.sizes[0], turns=()))
    for result in first.results.values():
        for error in parts_of(result) if isinstance(result, BaseException) else ():
            if isinstance(error, MISTAKES):
                raise error
