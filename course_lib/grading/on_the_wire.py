"""Two answers as what they send: the same run of both, without a fault, and how the two differ."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isclose
from typing import Any, NamedTuple

from course_lib.explore import Schedule, Simulation, Trial, play
from course_lib.grading.evidence import loads, ms, of, of_clients, round_trips
from course_lib.grading.exercise import Exercise
from course_lib.trace import Event

RUNS = 4
"""Seeds that are looked at: the first in which the two differ is shown."""
SCRIPTS = ("EVAL", "EVALSHA", "FCALL")
FEW = 3
OTHERS = "others"
"""How the names of clients begin that do not run the answer, and are shown nevertheless."""
Lives = dict[str, frozenset[float]]
"""For each key, the lives that it was given, in seconds, each with the time at which that happened; −1 without an
end."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the clients of a run sent, by client and in order; how often they waited for the network, and for a load;
    and which keys they gave which lives."""

    commands: tuple[tuple[str, ...], ...]
    trips: int
    loads: int
    lives: Lives

    @property
    def names(self) -> Counter[str]:
        """How often each command."""
        return Counter(name for of_one in self.commands for name in of_one)

    @property
    def what(self) -> str:
        """`3 commands`, or `1 script` where it sends nothing else."""
        scripts = self.names and all(name in SCRIPTS for name in self.names)
        return _counted(self.names.total(), "script" if scripts else "command")

    def same(self, other: Sent) -> bool:
        """Is there no difference that matters?"""
        mine, others = (self.commands, self.trips, self.loads), (other.commands, other.trips, other.loads)
        return mine == others and same_lives(self.lives, other.lives)


def same_lives(one: Lives, other: Lives) -> bool:
    """The same keys, for the same time, give or take what a clock rounds off and a message takes?"""

    def among(life: float, lives: frozenset[float]) -> bool:
        return any(isclose(life, each, rel_tol=0.005, abs_tol=0.004) for each in lives)

    pairs = [(one[key], other[key]) for key in one if key in other]
    return one.keys() == other.keys() and all(
        all(among(life, those) for life in these) and all(among(life, these) for life in those)
        for these, those in pairs
    )


class Difference(NamedTuple):
    """One run of both. `says` is what differs, in sentences; `rows` are a table: what, yours, the worked one."""

    run: str
    says: str
    rows: list[tuple[str, str, str]]


def sends(exercise: Exercise, answer: Any) -> bool:
    """Is it code of the learner's that talks to a server?"""
    methods = vars(answer).values() if isinstance(answer, type) else (answer,)
    return exercise.rules.learners_code and any(map(inspect.iscoroutinefunction, methods))


def difference(exercise: Exercise, yours: Any, worked: Any) -> Difference | None:
    """How two answers that pass differ on the wire; None where the clients of the plain run sent nothing."""
    mine, its = _plain(exercise, yours), _plain(exercise, worked)
    runs = [Schedule(its.sizes[0], seed) for seed in range(min(its.seeds, RUNS))]
    found = [(run, _sent(mine, run), _sent(its, run)) for run in runs]
    schedule, one, other = next((each for each in found if not each[1].same(each[2])), found[0])
    if not one.commands and not other.commands:
        return None
    name = f"{its.name}, {schedule.text}, no fault"
    return Difference(name, " ".join(_says(one, other)), _rows(one, other))


def _plain(exercise: Exercise, answer: Any) -> Trial:
    trial: Trial = exercise.rules.trials(exercise.rules.accept(answer))[0]
    return trial


def _sent(trial: Trial, schedule: Schedule) -> Sent:
    """The run, with an eye on the lives of keys."""
    given: dict[str, set[float]] = {}

    def build(world: Simulation, clients: int) -> Any:
        for node in world.nodes:
            node.observer = _Watch(given)
        return trial.build(world, clients)

    run = play(replace(trial, build=build), schedule)
    trace = of_clients(run.trace)
    by_client = [list(of(trace, client)) for client in sorted(trace.clients) if not client.startswith(OTHERS)]
    return Sent(
        tuple(tuple(map(_label, events)) for events in by_client), sum(map(round_trips, by_client)),
        len(loads(run.trace)), {key: frozenset(lives) for key, lives in sorted(given.items())},
    )  # fmt: skip


class _Watch:
    """After each change, notes which life the key was given. What a server holds from the start does not count."""

    def __init__(self, given: dict[str, set[float]]) -> None:
        self.given = given
        self.known: dict[bytes, float | None] = {}

    def __call__(self, node: Any) -> None:
        now = {key: end for database in node.dbs.values() for key, end in database.ends.items()}
        for key, end in now.items() if node.loop.now > 0 else ():
            if key not in self.known or self.known[key] != end:
                life = -1.0 if end is None else float(f"{end - node.now():.3g}")
                self.given.setdefault(key.decode(errors="replace"), set()).add(life)
        self.known = now


def _label(event: Event) -> str:
    """The command's name, with an option that changes what it means: `SET NX`."""
    options = {word.upper() for word in event.command[3:]} & {b"NX", b"XX"} if event.name == "SET" else set()
    return " ".join([event.name, *(option.decode() for option in sorted(options))])


# -- in words ----------------------------------------------------------------------------------------------------------


def _says(one: Sent, other: Sent) -> list[str]:
    both = f"{one.what} in {_counted(one.trips, 'round trip')}"
    if one.same(other):
        lives = " and keep the same keys for the same time" if one.lives else ""
        return [f"No difference that matters on the wire: both send {both}{lives}."]
    said = []
    if (one.what, one.trips) != (other.what, other.trips):
        said.append(_counts(one, other))
    elif one.names != other.names:
        said.append(f"Both send {both}, but not the same ones.")
    elif one.commands != other.commands:
        said.append(f"Both send {both}, but in another order.")
    if one.loads != other.loads:
        said.append(f"Yours loads {_times(one.loads)}, and this one {_times(other.loads)}.")
    if not same_lives(one.lives, other.lives):
        said.append("They do not keep the same keys for the same time.")
    return said


def _counts(one: Sent, other: Sent) -> str:
    if one.trips == other.trips:
        return (
            f"Yours sends {one.what}, where this one sends {other.what}: each in {_counted(one.trips, 'round trip')}."
        )
    mine, its = (_counted(each.trips, "round trip") for each in (one, other))
    if one.what == other.what:
        return f"Both send {one.what}: yours in {mine}, this one in {its}."
    return f"Yours sends {one.what} in {mine}, where this one sends {other.what} in {its}."


def _rows(one: Sent, other: Sent) -> list[tuple[str, str, str]]:
    """What differs."""
    rows = [("Commands", _commands(one), _commands(other)), ("Round trips", str(one.trips), str(other.trips))]
    rows += [("Loads", str(one.loads), str(other.loads))]
    if not same_lives(one.lives, other.lives):
        rows.append(("Kept", _kept(one.lives), _kept(other.lives)))
    return [row for row in rows if row[1] != row[2]]


def _commands(sent: Sent) -> str:
    return ", ".join(f"{number} {name}" for name, number in sent.names.items()) or "none"


def _kept(lives: Lives) -> str:
    """`page for 60 s; lock:page for 500 ms`, keys with the same lives together."""
    alike: dict[frozenset[float], list[str]] = {}
    for key, given in lives.items():
        alike.setdefault(given, []).append(key)
    return "; ".join(f"{_some(keys)} {_lasting(sorted(given))}" for given, keys in alike.items()) or "nothing"


def _lasting(given: Sequence[float]) -> str:
    told = ["forever" if life < 0 else f"for {ms(life)}" for life in given[:FEW]]
    more = f", and {len(given) - FEW} other times" * (len(given) > FEW)
    return ", ".join(told) + more


def _some(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - FEW} more" * (len(keys) > FEW)
    return ", ".join(f"`{key}`" for key in keys[:FEW]) + more


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")
