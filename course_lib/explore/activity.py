"""What there was to judge in the runs of a search: commands, faults that struck, time that was needed. In words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from course_lib.errors import OutOfBudget
from course_lib.explore.server_state import gave_a_ttl, world_of
from course_lib.explore.trial import Play, Trial, Violation
from course_lib.sim import Fate
from course_lib.words import counted, listed

MOST = 100
"""How many runs of a stage are kept."""

_PLAIN = {bytes, int, str, type(None)}

PLURALS: dict[Fate, tuple[str, str]] = {
    "crash": ("crash", "crashes"), "pause": ("pause", "pauses"), "lose request": ("lost request", "lost requests"),
    "lose reply": ("lost reply", "lost replies"), "node down": ("dead node", "dead nodes"),
    "clock step": ("clock step", "clock steps"), "delay": ("delay", "delays"), "longer": ("delay", "delays"),
}  # fmt: skip


@dataclass
class Activity:
    """Of the runs of a stage: how many commands ran on a server, of which clients, and how often each fault struck.

    `cut` counts those that had not ended when their time or their steps were used up. `kept` are the first runs in
    which a client was told what none had been told before; `dropped` counts further ones.
    """

    commands: int = 0
    clients: set[str] = field(default_factory=set)
    active: set[str] = field(default_factory=set)
    struck: Counter[Fate] = field(default_factory=Counter)
    cut: int = 0
    kept: list[Play] = field(default_factory=list)
    dropped: int = 0
    _histories: set[tuple[str, int]] = field(default_factory=set)

    def add(self, run: Play) -> None:
        """One more run: count it, and keep it if it shows something new."""
        self.count(run)
        self.keep(run)

    def count(self, run: Play) -> None:
        """Count one more run. Commands of the judge's own clients count too, because they can change what others
        see."""
        for event in run.trace.events:
            if event.t_server is not None:
                self.commands += 1
                self.active.add(event.client)
        self.clients.update(run.results)
        self.cut += isinstance(run.stopped, OutOfBudget)
        if run.schedule.faults:
            self.struck.update(run.schedule.struck)

    def keep(self, run: Play) -> None:
        """Keep a run in which a client was told what none had been told before; and the first."""
        told = dict[str, int]()
        for event in run.trace.events:
            heard: Any = event.reply if event.t_end is not None else event.fault
            if type(heard) not in _PLAIN:
                heard = repr(heard)
            told[event.client] = hash((told.get(event.client), event.command, heard))
        if not self.kept or not told.items() <= self._histories:
            self._histories |= told.items()
            if len(self.kept) < MOST:
                self.kept.append(run)
            else:
                self.dropped += 1

    def __add__(self, other: Activity) -> Activity:
        return Activity(
            self.commands + other.commands, self.clients | other.clients, self.active | other.active,
            self.struck + other.struck, self.cut + other.cut, [*self.kept, *other.kept], self.dropped + other.dropped,
            self._histories | other._histories,
        )  # fmt: skip


@dataclass
class Clocks:
    """Does time matter to what is explored? `sleeps`: a client set a timer; `expires`: a key was given a TTL; `asks`: a
    client asked a clock."""

    sleeps: bool = False
    expires: bool = False
    asks: bool = False

    @property
    def matter(self) -> bool:
        return self.sleeps or self.expires

    def watching(self, trial: Trial) -> Trial:
        """The same trial, but this object looks at each run when it is judged."""

        def judge(run: Play) -> Iterable[Violation]:
            world = world_of(run)
            self.sleeps = self.sleeps or world.timers > 0
            self.expires = self.expires or gave_a_ttl(world)
            self.asks = self.asks or world.asked > 0
            return trial.judge(run)

        return replace(trial, judge=judge)


def missing(seen: Activity, trial: Trial) -> Iterator[str]:
    """What was not seen at all, so that nothing was learned about it."""
    if not seen.commands:
        yield "no client ran a command, so there was nothing to judge"
        return
    if idle := sorted(seen.clients - seen.active):
        yield f"in no schedule did {listed(idle, 'or')} run a command, so nothing was learned about {_them(idle)}"
    if unstruck := [PLURALS[kind][0] for kind in trial.kinds if not seen.struck[kind]]:
        yield f"no {listed(unstruck, 'or')} struck"


def _them(names: list[str]) -> str:
    return "that client" if len(names) == 1 else "those clients"


def told(seen: Activity, kinds: Iterable[Fate]) -> str:
    """`the clients ran 24 commands in these schedules; 12 crashes and 12 pauses struck`."""
    ran = f"the clients ran {counted(seen.commands, 'command')} in these schedules"
    struck = [counted(seen.struck[kind], *PLURALS[kind]) for kind in kinds if seen.struck[kind] and kind != "delay"]
    tried = [f"{counted(seen.struck['delay'], 'delay')} {'was' if seen.struck['delay'] == 1 else 'were'} tried"]
    return "; ".join([ran, *([f"{listed(struck)} struck"] if struck else []), *(tried if seen.struck["delay"] else [])])


def unended(seen: Activity, trial: Trial) -> str:
    """How many runs were judged only up to where they were cut off. Empty where all came to an end."""
    if not seen.cut:
        return ""
    late = ", delays not counted," if seen.struck["delay"] else ""
    return (
        f"{counted(seen.cut, 'schedule')} had not ended after {trial.horizon:g} s of virtual time{late} or "
        f"{trial.most_steps:,} steps, and {'was' if seen.cut == 1 else 'were'} judged up to there"
    )


def untimed(clocks: Clocks, trial: Trial) -> str:
    """The sentence about time: it passes only where no command waits. Empty where time does not matter."""
    why = [
        *(["your code sleeps or waits with a limit"] if clocks.sleeps else []),
        *(["a key has a TTL"] if clocks.expires else []),
        *([ASKS] if clocks.asks and not clocks.matter else []),
    ]
    if not why or "pause" in trial.faults:
        return ""
    return (
        f"{listed(why, ', and')}; here time passes only while no command is waiting to run, so no schedule has a delay "
        f"between two commands. To try delays as well, add {'delays=True' if clocks.matter else PAUSE}"
    ).replace(" , and", ", and")


ASKS, PAUSE = "your code asks what time it is", """faults={"pause": seconds}"""


def delayed(seen: Activity, clocks: Clocks, trial: Trial) -> str:
    """What a delay was, if any was tried; or why none was. Empty where time does not matter."""
    if not clocks.matter:
        if not clocks.asks or "pause" in trial.faults:
            return ""
        return f"{ASKS}, but no timer and no TTL says how long a delay could be. To try one, add {PAUSE}"
    if not seen.struck["delay"]:
        return "no delay was tried, as no timer and no TTL was running whenever only one client had a command to send"
    return (
        "a delay holds one client back, before a command, until a timer has run out or a key has expired; no schedule "
        f"has two delays{', or a delay and a fault' if trial.kinds else ''}"
    )
