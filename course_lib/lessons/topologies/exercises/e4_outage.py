"""01.4, find what a Sentinel setup does not survive: the answer names hosts, which die; then the Sentinels vote."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from redis.exceptions import RedisError

from course_lib.explore import Play, Simulation, Trial
from course_lib.grading.acts import world
from course_lib.grading.answer import plain_function
from course_lib.grading.evidence import shown
from course_lib.grading.rules import Failing, Found, Rules, named, trial
from course_lib.lessons.topologies.answers import SETUPS, Setup
from course_lib.lessons.topologies.exercises.e4_setups import akin, drawn, needed, outages
from course_lib.sim.sentinels import GIVE_UP, Sentinels
from course_lib.words import counted

Answer = Callable[[Setup], Any]
DRAWN = 30
MOST_NODES = 6


@dataclass
class Outage:
    """The setup of one run, what the answer said of it, which hosts died, and whether a write succeeded then."""

    setup: Setup
    dead: set[str]
    said: Any = None
    writable: bool = False


def trials(answer: Answer) -> list[Trial]:
    """A run's seed is the number of its setup; after those in the table come setups that are drawn."""
    die = partial(trial, sizes=(1,), seeds=len(SETUPS) + DRAWN, horizon=6.0, world=partial(world, MOST_NODES))
    return [
        die("the hosts that you named die", partial(_build, answer, False), {"proves": _proves},
            unfaulted="the hosts that you named die"),
        die("as few hosts as will do", partial(_build, answer, True), {"smallest": _smallest},
            unfaulted="the hosts that were enough die"),
    ]  # fmt: skip


def _build(answer: Answer, fewest: bool, world: Simulation, clients: int) -> Outage:
    setup = SETUPS[world.seed] if world.seed < len(SETUPS) else drawn(world)
    votes = needed(setup)
    group = Sentinels(world, setup.primary, setup.replicas, setup.sentinels, quorum=setup.quorum, votes=votes)
    run = Outage(setup, group.dead)

    async def ask() -> None:
        with suppress(Exception):  # it is judged by what it says of `setup`
            answer(akin(setup))
        run.said = answer(replace(setup))
        if (dead := _hosts(setup, run.said)) is not None:
            run.dead |= min(next(outages(setup)), dead, key=len) if fewest else dead

    async def write() -> None:
        for number in range(1 + len(setup.replicas)):
            try:
                await world.redis(number).set("visits", "1")
                run.writable = True
                return
            except RedisError:
                continue

    world.client("you", ask)
    world.client("app", write, start=GIVE_UP)
    return run


def _hosts(setup: Setup, said: Any) -> frozenset[str] | None:
    """The hosts that were named; None if this is not a set of some of the setup's hosts."""
    if type(said) not in (set, frozenset, list, tuple) or not all(type(host) is str for host in said):
        return None
    return frozenset(said) if said and set(said) <= set(setup.hosts) else None


def _proves(run: Play) -> Iterator[Found]:
    setup, dead, error = run.witness.setup, _hosts(run.witness.setup, run.witness.said), run.results["you"]
    if dead is None:
        gave = (
            f"raised {type(error).__name__}: {error}"
            if isinstance(error, Exception)
            else f"gave {shown(run.witness.said)}"
        )
        yield (f"Asked about {setup.line}, your function {gave}; give a set of its hosts.",)
    elif run.witness.writable:
        text = f"In {setup.line}: without {_listed(dead)} there is still a primary. {_why(setup, dead)}."
        yield text, "app", GIVE_UP, "a write succeeds"


def _smallest(run: Play) -> Iterator[Found]:
    dead, enough = _hosts(run.witness.setup, run.witness.said), run.witness.dead
    if dead is not None and len(dead) > len(enough):
        where, few = run.witness.setup.line, counted(len(enough), "host")
        text = f"In {where}: you named {_listed(dead)}. Here only {_listed(enough)} died: {few} will do."
        yield text, "app", GIVE_UP, "no primary"


def _why(setup: Setup, dead: Collection[str]) -> str:
    if setup.primary not in dead:
        return f"The one on {setup.primary} is not affected"
    left = sum(host not in dead for host in setup.sentinels)
    return f"{left} Sentinels are left, {needed(setup)} votes are needed, and there is a replica to promote"


def _listed(hosts: Collection[str]) -> str:
    return " and ".join(sorted(hosts))


# -- clues: which rule would give these answers? -----------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """The mistaken rule whose smallest outage is as large as the answer's: in the runs that failed, and on every setup
    of the table. A host that is spared is spared in the run that is shown, and in another."""
    setups = [*(run.witness.setup for run in failing.values()), *SETUPS]
    try:
        found = [_hosts(setup, failing.answer(replace(setup))) or frozenset() for setup in setups]
    except Exception:
        return
    spared = [setup.primary not in dead for setup, dead in zip(setups, found, strict=True)]
    sizes = [len(dead) for dead in found]
    yield from named({
        "spares-the-primary": "proves" in failing and all(found) and spared[0] and sum(spared) > 2,
        "everything": sizes == [len(setup.hosts) for setup in setups],
    })  # fmt: skip
    yield from (name for name, seen in MISTAKES.items() if sizes == [least(setup, seen) for setup in setups])


def least(setup: Setup, seen: Callable[[Setup], Setup]) -> int:
    """How many hosts must die where a setup is taken for another."""
    return next((len(dead) for dead in outages(setup, seen(setup))), 0)


MISTAKES: dict[str, Callable[[Setup], Setup]] = {
    "quorum-elects": lambda setup: replace(setup, removed=-len(setup.sentinels)),
    "majority-only": lambda setup: replace(setup, quorum=1),
    "forgets-the-removed": lambda setup: replace(setup, removed=0),
    "half-is-enough": lambda setup: replace(setup, removed=setup.removed - 1),
    "promotes-priority-0": lambda setup: replace(setup, replicas=tuple((host, 1) for host, _ in setup.replicas)),
    "nobody-to-promote": lambda setup: replace(setup, replicas=(("no host", 1),)),
    "counts-hosts": lambda setup: replace(setup, sentinels=tuple(set(setup.sentinels))),
}
"""The setup in which the true rule gives the same result as the mistaken one gives in this setup."""

RULES = Rules(plain_function("setup"), trials, clues)
