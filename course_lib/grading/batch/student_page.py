"""The page of one student, which names no other; and the list of all pages, which is for the instructor."""

from __future__ import annotations

from collections import Counter

from course_lib.grading.batch.class_record import ClassRecord, Pupil, Score
from course_lib.grading.batch.folders import slug
from course_lib.grading.batch.pages import LABELS, document, label, listing, rows
from course_lib.grading.batch.results import Result
from course_lib.grading.batch.tables import lesson_points, number
from course_lib.grading.page import framed
from course_lib.views.picture import escape, prose
from course_lib.words import capital, counted


def student_page(pupil: Pupil, standing: ClassRecord) -> str:
    """Totals, remarks on what was handed in, and the verdict on each exercise as the notebook shows it."""
    parts = [f"<h1>{escape(pupil.name)}</h1>", _sum(pupil, standing)]
    if pupil.remarks:
        parts += ["<h2>What was noticed in your notebooks</h2>", listing([prose(remark) for remark in pupil.remarks])]
    for lesson in standing.lessons:
        scores = [pupil.scores[one.exercise] for one in lesson.asked]
        parts.append(f"<h2>Lesson {lesson.number}: {escape(lesson.title)}</h2>")
        parts.append(rows(("Exercise", "", "Result", "Points#"), [_row(score) for score in scores]))
        parts += [_section(score) for score in scores]
    layers = sorted({layer for score in pupil.scores.values() for layer in score.result.layers})
    if layers:
        parts.append(
            f'<div class="faint"><p>What isolated your code while it ran:</p>{listing(list(map(escape, layers)))}</div>'
        )
    return document(f"{pupil.name}: exercises", *parts)


def index_page(standing: ClassRecord) -> str:
    """All students, for the instructor."""
    whole = sum(lesson.points for lesson in standing.lessons)
    body = []
    for pupil in standing.pupils:
        states = [pupil.scores[one.exercise] for lesson in standing.lessons for one in lesson.asked]
        points = [lesson_points(pupil, lesson) or "…" for lesson in standing.lessons]
        total = "…" if "…" in points else number(sum(map(pupil.points, standing.lessons)))
        link = f'<a href="pages/{escape(slug(pupil.name))}.html">{escape(pupil.name)}</a>'
        body.append((link, _counted(states), str(len(pupil.remarks) or ""), *points, total))
    numbers = tuple(f"{lesson.number}#" for lesson in standing.lessons)
    files = ("class.html", "scores.csv", "gradebook.csv", "remarks.csv")
    links = ", ".join(f'<a href="{name}">{name}</a>' for name in files)
    waiting = f"{counted(standing.waiting, 'exercise is', 'exercises are')} not judged yet: run the same command again."
    return document(
        "The class",
        f"<h1>The class: {counted(len(standing.pupils), 'student')}</h1>",
        f'<p class="faint">For you alone: it has names. Also here: {links}.</p>',
        f'<p class="bad">{waiting}</p>' if standing.waiting else "",
        rows(("Student", "Passed", "Remarks#", *numbers, f"Total, of {whole}#"), body),
        "<h2>Remarks on the folder</h2>" if standing.remarks else "",
        listing([escape(remark) for remark in standing.remarks]),
        "<h2>Where the grader itself failed</h2>" if standing.troubles else "",
        listing([f"<pre>{escape(trouble)}</pre>" for trouble in standing.troubles]),
    )


def _counted(scores: list[Score]) -> str:
    """`4 of 6`; then the exercises that an instructor wants to look at: unanswered, not judged, or set by hand."""
    states = Counter(score.result.status for score in scores)
    others = [f"{states[status]} {LABELS[status].partition(' ')[2]}" for status in LABELS if states[status]
              and status not in ("passed", "failed")]  # fmt: skip
    by_hand = sum(score.override is not None for score in scores)
    others += [f"{by_hand} set by hand"] if by_hand else []
    return escape(", ".join([f"{states['passed']} of {len(scores)}", *others]))


def _sum(pupil: Pupil, standing: ClassRecord) -> str:
    settled = all(pupil.settled(lesson) for lesson in standing.lessons)
    whole = sum(lesson.points for lesson in standing.lessons)
    passed = sum(score.result.status == "passed" for score in pupil.scores.values())
    total = f"<b>{number(sum(map(pupil.points, standing.lessons)))} of {counted(whole, 'point')}</b>"
    so_far = "" if settled else " so far"
    return f'<p class="sum">{total}{so_far} · {passed} of {counted(len(pupil.scores), "exercise")} passed</p>'


def _row(score: Score) -> tuple[str, ...]:
    its = score.result
    hand = " (set by hand)" if score.override is not None else ""
    link = f'<a href="#{its.exercise}">{its.exercise}</a>'
    return link, escape(its.title), label(its.status), f"{number(score.points)} of {its.max_points}{hand}"


def _section(score: Score) -> str:
    its, hand = score.result, ""
    if score.override is not None:
        given = f"{number(score.points)} of {counted(its.max_points, 'point')}"
        hand = f'<p class="hand"><b>Set by hand: {given}.</b> {escape(score.override.reason)}</p>'
    return f'<section id="{its.exercise}">{hand}{its.html or _without_verdict(its)}</section>'


def _without_verdict(its: Result) -> str:
    mark, _, said = LABELS.get(its.status, its.status).partition(" ")
    tone = "bad" if mark == "✗" else "calm"
    head = f"<b>{mark} {capital(said)}</b> · {escape(its.exercise)} {escape(its.title)}"
    earned = f'<span class="earned">0 of {counted(its.max_points, "point")}</span>'
    return framed(f'<p class="head {tone}">{head}{earned}</p><p class="message">{prose(its.sentence)}</p>')
