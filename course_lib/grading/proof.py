"""What the search behind a verdict saw: how many commands, which faults struck, which lines of the answer ran.

A few of its runs are played again, one for each way in which they ended, and watched line by line: each must be the
same run as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from course_lib.errors import CourseError
from course_lib.explore import KINDS, Play, Trial, Violation, play
from course_lib.explore.activity import Activity, told
from course_lib.explore.code_coverage import NAMED, Reached
from course_lib.explore.moment import difference
from course_lib.grading.evidence import JUDGE
from course_lib.words import capital, counted, either

SHARE = 100
"""One callback in this many is played again: being watched makes it some five times slower."""
Fate = tuple[int, str, frozenset[str]]
"""How a run went: in which trial, with which faults, and what became of its clients."""


@dataclass
class Saw:
    """What a search sees, run by run. `kept` has the first run of each fate; `again` says where the first of those that
    were not the same when they were played again differs."""

    seen: Activity = field(default_factory=Activity)
    steps: int = 0
    kept: dict[Fate, tuple[Trial, Play]] = field(default_factory=dict)
    twice: int = 0
    again: str = ""
    reached: Reached = field(default_factory=Reached)

    def watching(self, number: int, trial: Trial) -> Trial:
        """The same trial, whose runs are seen when they are judged."""

        def judge(run: Play) -> Iterable[Violation]:
            self.seen.count(run)
            self.steps += run.steps
            ends = frozenset(str(one) if one is None or one is True or one is False else type(one).__name__
                             for who, one in run.results.items() if not who.startswith(JUDGE))  # fmt: skip
            fate = number, " ".join(run.schedule.struck), ends
            if fate not in self.kept:
                self.kept[fate] = trial, run
            return trial.judge(run)

        return replace(trial, judge=judge)

    def prove(self, begin: Callable[[], object]) -> None:
        """Play some runs again, those without a fault first, and watch them. `begin` is called when a run begins."""
        left = self.steps // SHARE
        for trial, run in sorted(self.kept.values(), key=lambda pair: (pair[1].schedule.faults, pair[1].steps)):
            left -= run.steps
            if self.twice and left < 0:
                return
            begin()
            with self.reached.watching():
                try:
                    once_more = play(trial, run.schedule).trace.events
                except CourseError as error:  # the schedule does not fit any more
                    self.again = self.again or str(error)
                    return
            self.twice += 1
            self.again = self.again or difference(run.trace.events, once_more)

    def text(self, passed: bool) -> str:
        """All of that, in sentences; nothing if nobody ran a command. What no run reached is told of an answer that has
        passed: elsewhere there is something else to look at first."""
        if not self.seen.commands:
            return ""
        said = f"{capital(told(self.seen, KINDS))}."
        if self.again:
            return f"{said} {self.again}"
        if not self.twice:
            return said
        were = "was played twice, and was" if self.twice == 1 else "were played twice, and were"
        said += f" {counted(self.twice, 'schedule')} {were} the same each time."
        return f"{said} {self._reached()}".rstrip() if passed else said

    def _reached(self) -> str:
        never, (ran, lines) = self.reached.never, self.reached.lines
        those = "it" if self.twice == 1 else "them"
        if never:
            more = [f"{len(never) - NAMED:,} more"] if len(never) > NAMED else []
            what = either([*never[:NAMED], *more])
            return (
                f"{'It did not take' if self.twice == 1 else 'None of them took'} {what}. That is not a mistake: what "
                "is written for a case that did not come up there can be right, but those runs say nothing about it."
            )
        return f"Each of the {counted(lines, 'line')} of your code ran in {those}." if ran == lines > 0 else ""
