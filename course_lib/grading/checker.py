"""Check an answer, and replay a schedule: what a notebook calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from course_lib import explore
from course_lib.errors import BadReplayCode, Unrepeatable
from course_lib.explore import REPEATABLE, Budget, Findings, Play, Schedule, Trial, play
from course_lib.explore.moment import Opened, reopened
from course_lib.grading.answer import Refused, refuse_error, seen_at, sound
from course_lib.grading.bar import CheckBar
from course_lib.grading.calls import Misused
from course_lib.grading.evidence import JUDGE
from course_lib.grading.exercise import Exercise, find
from course_lib.grading.facts import witnessed
from course_lib.grading.guard import LIMIT, Guard, Stuck, Watch
from course_lib.grading.progress_page import note
from course_lib.grading.proof import Saw
from course_lib.grading.rules import Failing
from course_lib.grading.schedules_tried import tried_in
from course_lib.grading.solution import PASSED
from course_lib.grading.verdict import Outcome, Property, Shown, Status, Verdict

BUDGET = Budget(steps=250_000)
"""Of each trial. A right answer takes a fifth of it at most; a wrong one that asks without end is stopped after 2 s."""


def check(id: str, answer: Any) -> Verdict:
    """Judge an answer under many schedules, and show what was found. The same answer gets the same verdict.

    Cost: usually under a second; a bar shows how far it is if it takes longer. Interrupt it like any other cell.
    Raises: UnknownExercise. Whatever is wrong with the answer is said in the verdict.
    """
    exercise = find(id)
    verdict = _judged(exercise, answer, partial(_checked, exercise, answer))
    if verdict.passed:
        PASSED[id] = answer
    return replace(verdict, noted=note(verdict))


def replay(id: str, code: str, answer: Any) -> Verdict:
    """Show one schedule again, with this answer: the one that a check found, here or on another machine.

    Raises: UnknownExercise; BadReplayCode, which says what is wrong with the code.
    """
    exercise = find(id)
    number, schedule = explore.schedule_of(code, id, exercise.words.revision)

    def again(guard: Guard) -> Verdict:
        trials = exercise.rules.trials(exercise.rules.accept(answer))
        guard.begin()
        trial, located = located_in(trials, number, schedule, code)
        trial = witnessed(trial)
        code_again = explore.code_of(id, exercise.words.revision, number, located)
        return _replayed(exercise, play(trial, located), trial, code_again, guard)

    return _judged(exercise, answer, again)


def _judged(exercise: Exercise, answer: Any, judge: Callable[[Guard], Verdict]) -> Verdict:
    """What the judge says with the guard up; in words if the answer cannot be judged."""
    guard = Guard()
    try:
        with guard.up():
            try:
                verdict = replace(judge(guard), answer=_name(answer))
            except KeyboardInterrupt:
                raise
            except Exception as error:
                if seen_at(error, answer).line is None:
                    raise
                refuse_error(error, answer)  # it came out of a callback of the answer's
            except BaseException as error:  # such as SystemExit, which no `except Exception` of the answer catches
                refuse_error(error, answer)
    except Refused as refusal:
        verdict = refused(exercise, refusal.status, str(refusal))
    except Unrepeatable as error:
        verdict = refused(exercise, "error", str(error))
    except Stuck:
        verdict = refused(exercise, "error", STUCK.format(LIMIT))
    except Exception:  # of the judge's own, which met what had been replaced
        if not guard.replaced:
            raise
    if guard.replaced and not guard.stuck:
        return refused(exercise, "error", REPLACED.format(" and ".join(guard.replaced)))
    return verdict


def _name(answer: Any) -> str:
    """What the learner calls it, where that can be known."""
    name = getattr(answer, "__name__", "")
    return name if isinstance(name, str) and name.isidentifier() else "answer"


def _checked(exercise: Exercise, answer: Any, guard: Guard) -> Verdict:
    with CheckBar(guard.begin) as bar:
        return searched(exercise, answer, guard, bar, Saw())


def searched(
    exercise: Exercise, answer: Any, guard: Watch, progress: Callable[[int, int], object], saw: Saw | None = None
) -> Verdict:
    """The verdict on an answer that this exercise accepts; with what the search `saw`, if that is asked for.

    Raises: Refused, and what else a Guard is up for.
    """
    prepared = exercise.rules.accept(answer)
    trials = exercise.rules.trials(prepared)
    guard.begin()
    first = play(trials[0], Schedule(1)) if exercise.rules.learners_code else None
    _refuse_blocked(guard, answer)
    if first is not None:
        sound(first, answer)
    seen = trials if saw is None else [saw.watching(number, trial) for number, trial in enumerate(trials)]
    found = [replace(explore.search(watched, BUDGET, progress), trial=trial)
             for watched, trial in zip(seen, trials, strict=True)]  # fmt: skip
    _refuse_blocked(guard, answer)
    for result in [result for one in found for run in one.failing.values() for result in run.results.values()]:
        if isinstance(result, Misused):
            refuse_error(result, answer)
    failing = {promise: run for one in reversed(found) for promise, run in one.failing.items()}  # the first, as shown
    verdict = _verdict(exercise, found, Failing(failing, prepared, first), guard)
    if saw is None or not exercise.rules.learners_code:
        return verdict
    saw.prove(guard.begin)
    return replace(verdict, proof=saw.text(verdict.passed))


def _refuse_blocked(guard: Watch, answer: Any) -> None:
    """A forbidden call counts even if the answer, or a library that it calls, caught the error."""
    if guard.stuck:
        raise Stuck
    if guard.blocked is not None:
        refuse_error(guard.blocked, answer)


REPLACED = (
    "Your code replaced {}. All code of this kernel uses that, the other clients and every later check too, so it has "
    "been put back. Write a function of your own under another name, and call that."
)


STUCK = (
    "Your code held on for {:g} s and let nobody else run. Does a loop go round without an await? Does something in it "
    "wait in real time?"
)


def located_in(trials: Any, number: int, schedule: Schedule, code: str) -> tuple[Trial, Schedule]:
    """The trial that a code names, and the schedule in full. Raises: BadReplayCode if the exercise has none such."""
    trial = trials[number] if number < len(trials) else None
    unknown = trial is None or (schedule.kind and schedule.kind not in trial.faults)
    if trial is None or unknown or not 1 <= schedule.clients <= 1_000 or (schedule.turns and not trial.orders):
        raise BadReplayCode(f"{code!r} names a schedule that this exercise does not have.")
    return trial, replace(schedule, seconds=trial.faults[schedule.kind] if schedule.kind else 0.0)


# -- from findings to a verdict ----------------------------------------------------------------------------------------


def _verdict(exercise: Exercise, found: list[Findings], failing: Failing, guard: Watch) -> Verdict:
    words, properties, tried = exercise.words, _settled(exercise, found), tried_in(found)
    if all(one.outcome == "holds" for one in properties):
        after, shown = (words.why, words.still_open), _exhibit(exercise, found[0])
        message = f"Every property holds under {tried}."
        return Verdict(exercise.id, words.title, "passed", properties, message, shown=shown, tried=tried, after=after)
    broken = next((one.name for one in properties if one.name in failing), None)
    if broken is None:
        message = "Nothing was found broken, but your code took so many steps that not every schedule could be tried."
        return Verdict(exercise.id, words.title, "failed", properties, message, tried=tried)
    clue = next(exercise.rules.clues(failing), None)
    shown, message = _smallest(exercise, found, broken, guard)
    return Verdict(
        exercise.id, words.title, "failed", properties, message, clue, words.misconceptions.get(clue or "", ""), shown,
        tried,
    )  # fmt: skip


def _settled(exercise: Exercise, found: list[Findings]) -> tuple[Property, ...]:
    outcomes = {promise.name: _found(promise.name, found) for promise in exercise.words.promises}
    baseless = any(promise.basis and outcomes[promise.name] == "broken" for promise in exercise.words.promises)
    for name, outcome in outcomes.items():
        if baseless and outcome == "holds":
            outcomes[name] = "not counted"
    return _properties(exercise, outcomes.__getitem__)


def _properties(exercise: Exercise, outcome: Callable[[str], Outcome]) -> tuple[Property, ...]:
    return tuple(Property(p.name, p.kind, p.says, p.points, outcome(p.name)) for p in exercise.words.promises)


def _found(promise: str, found: list[Findings]) -> Outcome:
    concerned = [one for one in found if promise in one.trial.promises]
    if any(promise in one.failing for one in concerned):
        return "broken"
    return "holds" if concerned and all(one.complete for one in concerned) else "not settled"


def _smallest(exercise: Exercise, found: list[Findings], promise: str, guard: Watch) -> tuple[Shown, str]:
    """The failing run in as few clients as possible, played once more for what it prints."""
    number, one = next((n, one) for n, one in enumerate(found) if promise in one.failing)
    guard.begin()
    run, trial = explore.smaller(one.trial, promise, one.failing[promise], guard.begin), witnessed(one.trial)
    guard.begin()
    run = _drawn(trial, play(trial, run.schedule), promise)
    violation = run.violation(promise)
    if violation is None:
        raise Unrepeatable(f"One schedule broke a promise, and kept it when it was played again. {REPEATABLE}")
    code = explore.code_of(exercise.id, exercise.words.revision, number, run.schedule)
    again = partial(_again, trial, run)
    return Shown(run, violation, code, _told(trial, run), guard.printed.getvalue(), again), violation.text


def _again(trial: Trial, run: Play) -> Opened:
    """Open a run: play it once more, as it was judged."""
    guard = Guard()
    with guard.up():
        guard.begin()
        return reopened(trial, run, hide=JUDGE)


def _drawn(trial: Trial, run: Play, promise: str) -> Play:
    """The run as it is shown: turns have no duration of their own, and a picture needs one."""
    return run if run.schedule.turns is None else explore.spread(trial, promise, run)


def _told(trial: Trial, run: Play) -> str:
    return explore.described(trial, run.schedule) if run.schedule.turns is None else explore.in_turn(run)


def _exhibit(exercise: Exercise, found: Findings) -> Shown | None:
    """The first run of the first trial, for exercises that show a right answer at work."""
    if not exercise.rules.exhibit:
        return None
    run = play(found.trial, Schedule(found.trial.sizes[0]))
    code = explore.code_of(exercise.id, exercise.words.revision, 0, run.schedule)
    return Shown(run, None, code, explore.described(found.trial, run.schedule))


def _replayed(exercise: Exercise, run: Play, trial: Trial, code: str, guard: Guard) -> Verdict:
    broken = {violation.promise for violation in run.violations}
    properties = _properties(exercise, lambda name: _outcome(name, trial, broken))
    order = [p.name for p in exercise.words.promises]
    violation = min(run.violations, key=lambda found: order.index(found.promise), default=None)
    if violation is not None:
        run = _drawn(trial, run, violation.promise)
        violation = run.violation(violation.promise)
    shown = Shown(run, violation, code, _told(trial, run), guard.printed.getvalue(), partial(_again, trial, run))
    message = violation.text if violation else "Nothing is violated in this schedule. Run the check for all the others."
    status: Status = "failed" if violation else "passed"
    return Verdict(exercise.id, exercise.words.title, status, properties, message, shown=shown, tried="this schedule")


def _outcome(name: str, trial: Trial, broken: set[str]) -> Outcome:
    return "broken" if name in broken else "holds" if name in trial.promises else "not checked"


def refused(exercise: Exercise, status: Status, text: str) -> Verdict:
    """The verdict on what cannot be judged."""
    properties = _properties(exercise, lambda _: "not checked")
    return Verdict(exercise.id, exercise.words.title, status, properties, text)
