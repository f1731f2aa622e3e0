"""Every program, right or wrong, is judged: who passes, what is said, what the page shows, what the code plays.

There are some 1,500 of them, and to search every schedule of each takes a quarter of an hour. In every run each
solution is judged, an eighth of the others wholly, and half of those that are wrong until they break a promise, which
is found soon; the shapes of right answers are dealt in turn. `--thorough` does all with all.
"""

from __future__ import annotations

import time
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any, NamedTuple

import pytest
from lessons.right import RIGHT
from thorough import unless

from course_lib.explore import Play, Simulation, Trial, Violation, search
from course_lib.grading import Verdict, check, replay
from course_lib.grading.checker import BUDGET
from course_lib.grading.exercise import find, words
from course_lib.grading.guard import Guard
from course_lib.lessons import LESSONS as FOLDERS

from .programs import ANSWERS, LESSONS, ROOT, answers, subtle, wrong
from .same_meaning import changed, changes

WORDS = {id: its for lesson in LESSONS for id, its in words(lesson).items()}
SOLUTIONS = answers("solutions")
MISTAKES = [(id, name, answer) for id in ANSWERS for name, answer in wrong(id)]
SUBTLE = [(id, *row) for id in ANSWERS for row in subtle(id)]
OTHERS = [(id, name, answer) for id, them in RIGHT.items() for name, answer in them.items()]


class Judged(NamedTuple):
    """A program of an exercise, its name, its verdict, and the check's seconds by the processor's clock, which a busy
    machine does not slow down."""

    id: str
    name: str
    answer: Any
    verdict: Verdict
    took: float


def judged(id: str, name: str, answer: Any) -> Judged:
    begin = time.process_time()
    return Judged(id, name, answer, check(id, answer), time.process_time() - begin)


class Found(Exception):
    """The promise is broken."""


def breaks(id: str, answer: Any, promise: str | None = None) -> bool:
    """Whether the check finds that promise broken, or any: what it does until then, much less than all it does."""
    exercise, guard = find(id), Guard()

    def watched(trial: Trial) -> Trial:
        def judge(run: Play) -> list[Violation]:
            violations = list(trial.judge(run))
            if {promise} & {violation.promise for violation in violations} or (violations and promise is None):
                raise Found
            return violations

        return replace(trial, judge=judge)

    with guard.up():
        try:
            for trial in exercise.rules.trials(exercise.rules.accept(answer)):
                if promise is None or promise in trial.promises:
                    search(watched(trial), BUDGET, lambda *_: guard.begin())
        except Found:
            return True
    return False


def titled(cases: list[tuple[str, str, Any]], one_in: int, first: int = 0) -> list[Any]:
    """As cases of a test: one in so many, from that one on, in every run."""
    names = [f"{id} {name}" for id, name, _ in cases]
    return [pytest.param(case, id=f"{name} {names[:i].count(name) or ''}".strip(), marks=unless(i % one_in == first))
            for i, (case, name) in enumerate(zip(cases, names, strict=True))]  # fmt: skip


@pytest.fixture(scope="module", params=ANSWERS)
def solved(request: pytest.FixtureRequest) -> Judged:
    """The course's own solution."""
    return judged(request.param, "", SOLUTIONS[request.param])


@pytest.fixture(scope="module", params=titled(MISTAKES, one_in=8))
def mistaken(request: pytest.FixtureRequest) -> Judged:
    """A wrong program, of which the course knows what its author believes."""
    return judged(*request.param)


SUBTLY = [pytest.param(row, id=f"{row[0]} {row[1]}", marks=unless(i % 24 == 0)) for i, row in enumerate(SUBTLE)]


@pytest.fixture(scope="module", params=SUBTLY)
def subtly(request: pytest.FixtureRequest) -> tuple[Judged, str, str | None]:
    """A program that breaks one sentence of the contract, that sentence's promise, and the misconception that may be
    named."""
    id, name, promise, answer, allowed = request.param
    return judged(id, name, answer), promise, allowed


# -- right programs ---------------------------------------------------------------------------------------------------


def test_the_solution_earns_every_point(solved: Judged) -> None:
    verdict = solved.verdict
    assert verdict.passed, str(verdict)
    assert verdict.points == verdict.max_points == WORDS[solved.id].points
    assert {one.outcome for one in verdict.properties} == {"holds"}


REFERENCE = 4_000
"""Schedules a second of processor time, played as in `slowness`, on the machine for which the bound below was set."""


def slowness() -> float:
    """How much slower this machine is at this moment than that one: machines differ by more than two, and so does one
    machine when others use it."""

    async def count(redis: Any) -> None:
        await redis.set("n", int(await redis.get("n") or 0) + 1)

    def build(world: Simulation, clients: int) -> None:
        for number in range(clients):
            world.client(f"c{number}", count, world.redis())

    counting = Trial("count", (), build, lambda run: (), sizes=(2,), seeds=300)
    begin = time.process_time()
    search(counting)
    return max(1.0, REFERENCE * (time.process_time() - begin) / counting.seeds)


def test_a_check_is_quick(solved: Judged) -> None:
    """Measured 0.01 to 0.5 s on a machine that has nothing else to do, and 1.2 s for 03.2."""
    assert solved.took < 2.0 or solved.took < 2.0 * slowness()


def test_the_page_of_a_solution_is_well_formed(solved: Judged) -> None:
    assert unbalanced(solved.verdict) == []


def dealt(*, plain: bool) -> list[Any]:
    """An eighth of the other right answers as they are, a twenty-fourth in another shape; else all of both."""
    chosen = [(place, *case) for place, case in enumerate(OTHERS) if plain or changes(case[2])]
    names = [f"{id} {name}" for _, id, name, _ in chosen]
    return [pytest.param(*row, id=f"{name} {names[:i].count(name) or ''}".strip(),
                         marks=unless(row[0] % 8 == 0 if plain else row[0] % 24 == 1))
            for i, (row, name) in enumerate(zip(chosen, names, strict=True))]  # fmt: skip


@pytest.mark.parametrize(("place", "id", "name", "answer"), dealt(plain=True))
def test_another_right_answer_passes(place: int, id: str, name: str, answer: Any) -> None:
    """The check knows no code, only what happens: the contract may be kept in many ways."""
    verdict = judged(id, name, answer).verdict
    assert verdict.passed, str(verdict)


SHAPES = [(id, name) for id in ANSWERS for name in changes(SOLUTIONS[id])]


@pytest.mark.parametrize(
    ("id", "change"), [pytest.param(*shape, marks=unless(i % 12 == 0)) for i, shape in enumerate(SHAPES)]
)
def test_a_solution_passes_in_every_shape(id: str, change: str) -> None:
    """What changes how the answer is written, and nothing that it does, changes nothing in the verdict."""
    verdict = check(id, changed(SOLUTIONS[id], change))
    assert verdict.passed, str(verdict)


@pytest.mark.parametrize(("place", "id", "name", "answer"), dealt(plain=False))
def test_another_right_answer_passes_in_another_shape(place: int, id: str, name: str, answer: Any) -> None:
    """One change each, in turn."""
    names = changes(answer)
    verdict = check(id, changed(answer, names[place % len(names)]))
    assert verdict.passed, str(verdict)


# -- wrong programs ---------------------------------------------------------------------------------------------------


def test_a_misconception_fails_with_its_own_message(mistaken: Judged) -> None:
    verdict = mistaken.verdict
    assert verdict.status == "failed"
    assert verdict.points < verdict.max_points
    assert verdict.misconception == mistaken.name, str(verdict)
    assert WORDS[mistaken.id].misconceptions[mistaken.name] in str(verdict)
    assert verdict.shown is not None


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=f"{row[0]} {row[1]}", marks=unless(i % 2 == 0)) for i, row in enumerate(SUBTLE)]
)
def test_a_subtly_wrong_program_breaks_its_promise(row: tuple[str, str, str, Any, str | None]) -> None:
    id, _, promise, answer, _ = row
    assert promise in {one.name for one in WORDS[id].promises}
    assert breaks(id, answer, promise)


@pytest.mark.parametrize("case", titled(MISTAKES, one_in=2, first=1))
def test_a_misconception_breaks_a_promise(case: tuple[str, str, Any]) -> None:
    """Those of which more is asked above are the others."""
    id, _, answer = case
    assert breaks(id, answer)


def test_a_solution_breaks_no_promise() -> None:
    """The control."""
    assert not any(breaks("04.1", SOLUTIONS["04.1"], one.name) for one in WORDS["04.1"].promises)
    assert not breaks("04.1", SOLUTIONS["04.1"])


def test_what_is_said_of_a_subtly_wrong_program(subtly: tuple[Judged, str, str | None]) -> None:
    """Others may be broken too. A misconception is named only where the table says that its author has it."""
    (id, _, _, verdict, _), promise, allowed = subtly
    assert allowed is None or allowed in WORDS[id].misconceptions
    assert verdict.status == "failed", str(verdict)
    assert promise in {one.name for one in verdict.properties if one.outcome == "broken"}, str(verdict)
    assert verdict.misconception in (None, allowed), str(verdict)
    assert verdict.points < verdict.max_points


def names_two_facts(verdict: Verdict) -> None:
    """Since which step a promise is broken, and by which two facts: each a client, a moment of the run, a few words; a
    command among them is one that was sent."""
    assert verdict.shown is not None
    run, found = verdict.shown.run, verdict.shown.violation
    assert found is not None
    assert len(set(found.facts)) >= 2, str(verdict)
    sent = {" ".join(event.text.split())[:30] for event in run.trace}
    for fact in found.facts:
        assert fact.who
        begin, end = run.trace.span  # some runs are made by hand, in no time, or begin before 0
        assert min(0.0, begin) - 1e-9 <= fact.t <= max(run.now, end) + 1e-9
        assert fact.text
        if " → " in fact.text:
            assert any(fact.text.startswith(text) for text in sent), fact.text
    assert "What breaks it: at " in str(verdict)


def test_a_misconception_is_broken_by_two_facts(mistaken: Judged) -> None:
    names_two_facts(mistaken.verdict)


RETRIES = [row for row in SUBTLE if row[:2] in (
    ("00.1", "tries again, and says nothing"), ("08.4", "release tries again, and swallows"),
)]  # fmt: skip


@pytest.mark.parametrize("row", RETRIES, ids=lambda row: f"{row[0]} {row[1]}")
def test_who_tries_again_is_refused_again(row: Any) -> None:
    """In each run: a server that refuses one command only would never see what comes after the last try."""
    id, _, promise, answer, _ = row
    assert breaks(id, answer, promise)


def test_both_who_try_again_are_there() -> None:
    assert len(RETRIES) == 2


def test_a_subtly_wrong_program_is_broken_by_two_facts(subtly: tuple[Judged, str, str | None]) -> None:
    names_two_facts(subtly[0].verdict)


def test_a_subtly_wrong_programs_code_shows_the_same_run_again(subtly: tuple[Judged, str, str | None]) -> None:
    plays_again(subtly[0])


def test_a_code_shows_the_same_run_again(mistaken: Judged) -> None:
    plays_again(mistaken)


def plays_again(mistaken: Judged) -> None:
    """To the last reply: the traces' digests are equal, and so is the sentence."""
    first = mistaken.verdict
    assert first.code is not None
    again = replay(mistaken.id, first.code, mistaken.answer)
    assert first.shown is not None
    assert again.shown is not None
    assert again.shown.trace.digest() == first.shown.trace.digest()
    assert again.message == first.message
    assert again.code == first.code
    assert not again.passed


def test_the_page_of_a_mistake_is_well_formed(mistaken: Judged) -> None:
    assert unbalanced(mistaken.verdict) == []


@pytest.mark.parametrize("id", ANSWERS)
def test_every_message_has_a_wrong_program(id: str) -> None:
    """And there are at least three of them, and three to five hints."""
    assert {name for name, _ in wrong(id)} == set(WORDS[id].misconceptions)
    assert len(WORDS[id].misconceptions) >= 3
    assert 3 <= len(WORDS[id].hints) <= 5


def test_every_exercise_has_its_answer_here() -> None:
    """All that is tested is found by ANSWERS: an exercise that it lacks would be tested by nobody."""
    assert set(ANSWERS) == {id for lesson in FOLDERS for id in words(lesson)}


def test_every_file_of_wrong_programs_belongs_to_an_exercise() -> None:
    number = {folder: lesson for lesson, folder in FOLDERS.items()}
    paths = (ROOT / "tests" / "lessons").glob("*/wrong_*.py")
    found = {f"{number[path.parent.name]}.{path.stem.split('_')[1]}" for path in paths}
    assert found == set(ANSWERS)


# -- the page ---------------------------------------------------------------------------------------------------------


class Balanced(HTMLParser):
    """Collects tags that are closed without having been opened, or never closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("br", "hr", "img", "input", "wbr"):  # which HTML never closes
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.wrong.append(tag)


def unbalanced(page: Verdict | str) -> list[str]:
    """The tags of a verdict's page that are closed in a wrong place, or never."""
    parser = Balanced()
    parser.feed(page if isinstance(page, str) else page._repr_mimebundle_()["text/html"])
    return [*parser.open, *parser.wrong]


@pytest.mark.parametrize("page", ["<p><b>bold</p>", "<p>open", "</p>", "<table></table></td>"])
def test_a_page_that_is_not_well_formed_is_seen(page: str) -> None:
    """The control."""
    assert unbalanced(page)
