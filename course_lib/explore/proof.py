"""A search checks itself: is a run that is played twice the same run, and which of the learner's lines has no run
reached?

What a client does depends on what it is told. So one run is kept for each history that a client has had, of the
commands that it sent and the replies that it got; those are played again, once as they were and once watched.
"""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.explore.activity import Activity, Clocks
from course_lib.explore.code_coverage import Reached, told_of
from course_lib.explore.moment import difference
from course_lib.explore.trial import Trial, play
from course_lib.explore.unawaited import Unsent, unawaited
from course_lib.sim import kept_random
from course_lib.words import counted

STEPS = 10_000
"""How many callbacks are played again, about, however many runs there are."""


@dataclass
class Proof:
    """`twice` counts the runs that were played twice; `differs` says where the first that was not the same differs;
    `reached` has the lines. `all_seen`: they have all that clients were ever told. `unawaited` has a sentence for each
    call that nobody awaited, in runs that no fault struck, and for each command that nobody sent."""

    twice: int
    differs: str
    reached: Reached
    all_seen: bool
    unawaited: tuple[str, ...] = ()

    @property
    def text(self) -> list[str]:
        """What was reached, and that all were the same; in sentences without their ends."""
        said = told_of(self.reached, all_seen=self.all_seen) if self.reached.functions else ""
        same = (
            f"{counted(self.twice, 'schedule')} played twice {'was' if self.twice == 1 else 'were'} the same each time"
        )
        return [*([said] if said else []), *([same] if self.twice and not self.differs else [])]


def prove(trial: Trial, seen: Activity, clocks: Clocks) -> Proof:
    """Play again what a search has kept. Cost: as many runs again, and five times as many."""
    reached, world, steps, twice, differs = Reached(), trial.world(), 0, 0, ""
    never, of_faults, unsent = dict[str, None](), dict[str, None](), Unsent()
    with kept_random():
        for run in seen.kept:
            steps += run.steps
            if steps > STEPS and twice:
                break
            unsent.struck = run.schedule.faults > 0
            with unawaited(of_faults if unsent.struck else never), unsent.watching():
                again = play(trial, run.schedule, world)
            differs = differs or difference(run.trace.events, again.trace.events)
            twice += 1
            with reached.watching():
                play(trial, run.schedule, world)
    timed = clocks.sleeps or reached.reads_time
    every = twice == len(seen.kept) and not seen.dropped  # another run could have sent it
    forgotten = (*never, *(unsent.told if every else ()))
    return Proof(twice, differs, reached, not timed and every, forgotten)
