"""What `python -m course_lib.grading` does. Exit codes: 0; 1 where the grader failed on something; 2 for what cannot be
done as it was asked; 130 after Control-C."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.grading.batch import gradescope_zip, one_notebook, options, overrides, sample_class
from course_lib.grading.batch.class_record import ClassRecord, standing
from course_lib.grading.batch.filled_gradebook import CANVAS, MOODLE, fill
from course_lib.grading.batch.judge_interface import Judge, Limits
from course_lib.grading.batch.records import write
from course_lib.grading.batch.report import report
from course_lib.grading.batch.runner import Wanted, grade
from course_lib.grading.batch.shards import merge
from course_lib.grading.batch.tables import number
from course_lib.words import counted, listed


def main(arguments: Sequence[str] | None = None, judge: Judge | None = None) -> int:
    """Do what is asked; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    named = options.others()
    try:
        if given and given[0] in named:
            return COMMANDS[given[0]](named[given[0]].parse_args(given[1:]))
        return _grade(options.grading(), given, judge)
    except (CourseError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\nStopped. What was judged so far is in the report; the same command goes on from there.", file=sys.stderr
        )
        return 130


def _grade(parser: options.Parser, given: list[str], judge: Judge | None) -> int:
    asked = parser.parse_args(given)
    if (asked.submissions is None) == (asked.attempt is None):
        parser.error("name a folder of submissions, or a notebook after --try")
    limits = Limits(seconds=asked.time_limit, memory=asked.memory_limit)
    if asked.attempt is not None:
        its, found = one_notebook.attempt(
            asked.attempt, judge or _wire(unsafe=asked.unsafe), limits, unsafe=asked.unsafe
        )
        print(one_notebook.said(its, found))
        if asked.out is not None:
            one_notebook.save_page(asked.out, its, found)
        return int(bool(found.trouble))
    if asked.out is None:
        parser.error("say where the report goes: --out REPORT")
    wanted = Wanted(asked.secret, limits, asked.unsafe, tuple(asked.lesson), tuple(asked.exercise), asked.shard)
    bar = not asked.quiet
    made = grade(
        asked.submissions, asked.out, judge=judge or _wire(unsafe=asked.unsafe), jobs=asked.jobs, wanted=wanted, bar=bar
    )
    if bar:
        _say(made, asked.out)
        if not asked.secret:
            print("Without --secret-file, every student can compute which runs are judged.")
    _fill(asked, made, asked.out)
    return int(bool(made.troubles))


def _wire(*, unsafe: bool) -> Judge:
    """Runs answers in a sandbox. Raises: NoSandbox, before anything is judged. It is imported only here, because other
    commands do not need it."""
    from course_lib.grading.sandbox.probe import probe
    from course_lib.grading.wire.submission import judge_submission

    probe(unsafe=unsafe)
    return judge_submission


def _say(made: ClassRecord, out: Path) -> None:
    scores = [score for pupil in made.pupils for score in pupil.scores.values()]
    passed = sum(score.result.status == "passed" for score in scores)
    lessons = ", ".join(lesson.number for lesson in made.lessons)
    print(f"{counted(len(made.pupils), 'student')}, lesson {lessons}: {passed:,} of {len(scores):,} exercises passed.")
    if made.troubles:
        print(
            f"The grader itself failed on {counted(len(made.troubles), 'notebook')}: see remarks.csv.", file=sys.stderr
        )
    print(f"Begin with {out / 'index.html'}.")


def _fill(asked: Any, made: ClassRecord, out: Path) -> None:
    """The gradebooks that were named."""
    for path, system in ((asked.canvas, CANVAS), (asked.moodle, MOODLE)):
        if path is not None:
            found = fill(path, system, made, dict(asked.column))
            target = out / f"{system.name.lower()}.csv"
            write(target, found.text)
            print(" ".join([f"{target} is ready to import.", *found.remarks]))


def _override(asked: Any) -> int:
    one = overrides.override(asked.student, asked.exercise, asked.points, asked.reason)
    made = standing(asked.report)
    if one.student not in {pupil.name for pupil in made.pupils}:
        raise overrides.BadOverride(f"There is no student {one.student!r} in {asked.report}.")
    if not any(lesson.exercise(one.exercise) for lesson in made.lessons):
        there = listed([lesson.number for lesson in made.lessons])
        raise overrides.BadOverride(f"{one.exercise} is not graded in {asked.report}, which is about lesson {there}.")
    overrides.add(asked.report, one)
    report(standing(asked.report), asked.report)
    print(f"{one.student} now has {number(one.points)} for {one.exercise}, set by hand: {one.reason}")
    return 0


def _export(asked: Any) -> int:
    if asked.canvas is None and asked.moodle is None:
        raise CourseError("Name a gradebook to fill in: --canvas FILE or --moodle FILE.")
    made = standing(asked.report)
    report(made, asked.report)
    _fill(asked, made, asked.report)
    return 0


def _merge(asked: Any) -> int:
    _say(merge(asked.parts, asked.out), asked.out)
    return 0


def _gradescope(asked: Any) -> int:
    gradescope_zip.save(asked.out, asked.lesson, asked.secret, unsafe=asked.unsafe)
    print(f"{asked.out}: upload it at “Configure Autograder”, with Ubuntu 24.04 as the base image.")
    return 0


def _class(asked: Any) -> int:
    made = sample_class.make(asked.folder)
    report_ = asked.folder / "report"
    print(f"{counted(len(sample_class.everybody()), 'submission')} in {made}. Grade them:")
    print(f"  {options.COMMAND} {made} --out {report_} --canvas {asked.folder / 'canvas.csv'}")
    return 0


COMMANDS: dict[str, Callable[[Any], int]] = {
    "override": _override, "export": _export, "merge": _merge, "gradescope": _gradescope, "class": _class,
}  # fmt: skip
