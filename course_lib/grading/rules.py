"""The shape of a judged exercise: trials that state a judge for each promise, and clues to well-known mistakes.

    def trials(answer):
        return [trial("two clients at once", partial(_build, answer), {"exact": _exact, "ends": _ends}, sizes=(2, 3))]

    def _exact(run):                                       # a judge yields what breaks its promise
        for act in run.witness.acts:
            if act.result != 1:
                yield f"{act.who} was told {shown(act.result)}.", act.who, act.ended, "wrong count"

    def clues(failing):                                    # clues name mistakes: by what shows each of them
        sent = [event.name for event in failing.get("exact", failing.first).trace]
        return named({"looks-first": "exact" in failing and "GET" in sent, "never-ends": "ends" in failing})

    RULES = Rules(coroutine_function("redis, key, *, window"), trials, clues)

Of what a judge or the clues yield, the first counts, and they are not asked for more: so a loop over clients needs no
end of its own, and the order of what is yielded says what matters more. A judge sees only the run: the commands and
replies of its trace, what became of its processes, what its servers hold in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from course_lib.explore import Play, Simulation, Trial, Violation
from course_lib.grading.acts import world

Found = tuple[Any, ...]
"""What is wrong, in a sentence with numbers; and, where the picture can show it, in whose lane, when (in seconds), and
with which few words."""
Judge = Callable[[Play], Iterator[Found]]


def undisturbed(judge: Judge) -> Judge:
    """A judge that says nothing of a run in which a fault struck."""
    return wraps(judge)(lambda run: judge(run) if run.schedule.faults == 0 else iter(()))


LOSSES = {"crash": 0.0, "lose request": 0.0, "lose reply": 0.0}
"""For a trial's `faults`: a process dies, or a message is lost."""


def trial(
    name: str, build: Callable[[Simulation, int], Any], judges: Mapping[str, Judge], *,
    world: Callable[[], Simulation] = world, **options: Any,
) -> Trial:  # fmt: skip
    """A trial of explore that judges these promises. `options` are its own."""

    def judge(run: Play) -> Iterator[Violation]:
        for promise, finds in judges.items():
            for found in finds(run):
                yield Violation(promise, *found)
                break

    return Trial(name, tuple(judges), build, judge, world=world, **options)


class Failing(dict[str, Play]):
    """The smallest failing run of each broken promise, and with them the answer."""

    def __init__(self, runs: Mapping[str, Play], answer: Any, first: Play | None = None) -> None:
        super().__init__(runs)
        self.answer, self._first = answer, first

    @property
    def first(self) -> Play:
        """The first run of a learner's code: the first trial, one client, no fault."""
        assert self._first is not None, "here the clients run the course's own code"
        return self._first


def named(mistakes: Mapping[str, object]) -> Iterator[str]:
    """The mistakes that are shown by something true."""
    return (name for name, shows in mistakes.items() if shows)


@dataclass(frozen=True)
class Rules:
    """How an exercise is judged.

    `accept(answer)` returns what `trials` is given, or raises Refused. `clues(failing)` names the misconceptions that a
    failure points to, if any. `learners_code` is False where the clients run the course's own code, so that an error of
    theirs says nothing of the learner's. `exhibit` asks for a picture of the first trial's run when the answer is
    right.
    """

    accept: Callable[[Any], Any]
    trials: Callable[[Any], Sequence[Trial]]
    clues: Callable[[Failing], Iterator[str]]
    learners_code: bool = True
    exhibit: bool = False
