"""Clients that ask a judged answer for one key, and what became of each: shared by the trials of locked caches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any

from course_lib.explore import Process, Simulation
from course_lib.grading.acts import Act, Acts
from course_lib.grading.database import Database

Answer = Callable[..., Awaitable[Any]]
KEY = "page"


@dataclass(frozen=True)
class Setting:
    """What every client of a trial is told, and what the database is like. Units: seconds."""

    answer: Answer
    ttl: float = 60.0
    lock_ttl: float = 1.0
    load: float = 0.05
    failing: int = 0


@dataclass
class Crowd(Acts):
    """The clients of one run. `starts` are the times at which each asks, in seconds."""

    setting: Setting = field(kw_only=True)
    database: Database = field(kw_only=True)
    starts: dict[str, float] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)

    def ask(self, name: str, start: float) -> None:
        """One more client, that asks once."""
        load, setting = self.database.load_for(name), self.setting

        def deed(act: Act) -> Awaitable[Any]:
            policy = {"ttl": setting.ttl, "lock_ttl": setting.lock_ttl, "token": f"{name}-token-1"}
            return setting.answer(self.world.redis(), KEY, load, **policy)

        self.starts[name] = start
        self.processes[name] = self.world.client(name, self.do, Act(name, KEY), deed, start=start)

    def ended(self, name: str) -> float:
        """When it had its answer; infinite if it had none."""
        return next((act.ended for act in self.acts if act.who == name), inf)


def all_at_once(setting: Setting, world: Simulation, clients: int) -> Crowd:
    """c1, c2, … ask for a key that is not there, all within 10 ms."""
    crowd = Crowd(world, setting=setting, database=Database(world, setting.load, setting.failing))
    start = world.draws("start")
    for number in range(1, clients + 1):
        crowd.ask(f"c{number}", start() * 0.01)
    return crowd


ODD_ROWS: tuple[str | None, ...] = (None, "", "None")
"""No row at all, and two texts that a careless test takes for none; a run's seed says which."""


def odd_row(setting: Setting, world: Simulation, clients: int) -> Crowd:
    """As all_at_once, and one more client 300 ms later; the row is an odd one."""
    row = ODD_ROWS[world.seed % len(ODD_ROWS)]
    crowd = Crowd(world, setting=setting, database=Database(world, setting.load, absent=row is None, text=row))
    for number in range(1, clients + 1):
        crowd.ask(f"c{number}", number * 0.002)
    crowd.ask("later", 0.3)
    return crowd


def one_by_one(setting: Setting, world: Simulation, clients: int) -> Crowd:
    """The first client loads, the second finds the value, the third comes half a second after its ttl."""
    crowd = Crowd(world, setting=setting, database=Database(world, setting.load))
    for name, start in (("first", 0.0), ("second", 0.3), ("third", setting.load + setting.ttl + 0.5)):
        crowd.ask(name, start)
    return crowd
