"""Statistics to teach with: what passed, which mistakes were made, which schedules to show. Without names.

What stands here is counted from ids and words of the course alone; nothing that a learner wrote is shown.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from course_lib.grading.batch.class_record import WAITING, ClassRecord
from course_lib.grading.batch.handout import Asked, Lesson
from course_lib.grading.batch.pages import LABELS, document, rows
from course_lib.grading.batch.results import Result
from course_lib.grading.exercise import words
from course_lib.views.picture import escape, prose
from course_lib.words import counted

MOST = 3
"""Schedules that are listed for an exercise."""


def class_page(standing: ClassRecord) -> str:
    """One page for the whole class."""
    parts = ["<h1>The class in numbers</h1>", f'<p class="sum">{counted(len(standing.pupils), "student")}</p>']
    for lesson in standing.lessons:
        results = {one.exercise: _settled(standing, one.exercise) for one in lesson.asked}
        parts += [f"<h2>Lesson {lesson.number}: {escape(lesson.title)}</h2>", _overview(lesson, results)]
        parts += [_exercise(one, results[one.exercise]) for one in lesson.asked]
    return document("The class in numbers", *parts)


def _settled(standing: ClassRecord, id: str) -> list[Result]:
    found = [pupil.scores[id].result for pupil in standing.pupils]
    return [result for result in found if result.status != WAITING]


def _overview(lesson: Lesson, results: dict[str, list[Result]]) -> str:
    body = []
    for asked in lesson.asked:
        its = results[asked.exercise]
        states = Counter(result.status for result in its)
        others = [f'<span class="one">{states[s]} {_said(s)}</span>' for s in LABELS if states[s] and s != "passed"]
        mean = sum(result.points for result in its) / len(its) if its else 0.0
        body.append((
            f'<a href="#{asked.exercise}">{asked.exercise}</a> {escape(asked.title)}',
            _share(states["passed"], len(its)), ", ".join(others), f"{mean:.1f} of {asked.points}",
        ))  # fmt: skip
    return rows(("Exercise", "Passed", "Others", "Mean points#"), body)


def _said(status: str) -> str:
    return LABELS[status].partition(" ")[2]


def _exercise(asked: Asked, results: list[Result]) -> str:
    its = words(asked.exercise.partition(".")[0])[asked.exercise]
    parts = [f'<section id="{asked.exercise}"><h3>{asked.exercise} {escape(asked.title)}</h3>']
    judged = [result for result in results if result.status in ("passed", "failed")]
    if judged:
        kept = Counter(line.name for result in judged for line in result.lines if line.outcome == "holds")
        body = [(prose(one.says), _share(kept[one.name], len(judged))) for one in its.promises]
        parts.append(rows(("Property", "Kept by"), body))
    mistakes = Counter(result.misconception for result in results if result.misconception in its.misconceptions)
    if mistakes:
        body = [(prose(its.misconceptions[name]), str(number)) for name, number in ranked(mistakes)]
        parts.append(rows(("A mistake that many make", "Met#"), body))
    says = {one.name: one.says for one in its.promises}
    codes = Counter((result.code, result.broken) for result in results if result.code and result.broken in says)
    if codes:
        shown = [
            (f'<code class="one">{escape(code)}</code>', prose(says[broken]), str(number))
            for (code, broken), number in ranked(codes)[:MOST]
        ]
        call = f'<code>replay("{asked.exercise}", "…", {escape(asked.answer)})</code>'
        parts.append(rows(("Schedule to show", "What breaks in it", "Met#"), shown))
        parts.append(f'<p class="faint">{call} in the exercise’s notebook plays one of them with any answer.</p>')
    return "".join([*parts, "</section>"])


def ranked(counts: Counter[Any]) -> list[tuple[Any, int]]:
    """The most frequent first; of equals in the order of their names."""
    return sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))


def _share(number: int, of: int) -> str:
    if not of:
        return "–"
    percent = round(100 * number / of)
    bar = f'<span class="share" aria-hidden="true"><span style="width:{percent}%"></span></span>'
    return f'<span class="one">{bar}{number} of {of} · {percent} %</span>'
