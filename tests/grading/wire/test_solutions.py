"""The course's own solutions are judged as a class's: from their notebooks, and under seeds that nobody has seen."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from thorough import unless

from course_lib.grading.batch.judge_interface import Cell, Limits
from course_lib.grading.checker import searched
from course_lib.grading.exercise import find
from course_lib.grading.guard import Guard
from course_lib.grading.sandbox.child import Sandbox
from course_lib.grading.verdict import Verdict
from course_lib.grading.wire.check import HIDDEN, LARGEST, _stands, _with_seeds
from course_lib.grading.wire.children import ForkServer, NotStarted
from course_lib.grading.wire.submission import hidden, judge_one, judge_submission

from ..programs import ANSWERS, LESSONS, ROOT, answers
from .test_hostile import ISOLATED

SOLUTIONS = answers("solutions")
SEEN = [id for id in ANSWERS if _stands(find(id)) is not None]
"""Of these the answer is code, and so is judged under seeds of the student's own."""


@pytest.mark.parametrize("lesson", ["00", *(pytest.param(one, marks=pytest.mark.thorough) for one in LESSONS[1:])])
def test_a_notebook_with_all_solutions_gets_all_points(lesson: str) -> None:
    (path,) = (ROOT / "solutions").glob(f"{lesson}_*.ipynb")
    cells = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            its = cell["metadata"].get("nbgrader", {})
            cells.append(
                Cell("".join(cell["source"]), its["grade_id"].replace("-", ".") if its.get("solution") else None)
            )
    wanted = {id: name for id, name in ANSWERS.items() if id.startswith(lesson)}
    made = judge_submission(cells, wanted, secret=b"", student="ann", limits=Limits(), unsafe=not ISOLATED)
    assert {id: judgment.status for id, judgment in made.items()} == dict.fromkeys(wanted, "passed")


def rows() -> list[Any]:
    few = [pytest.param(id, 1, id=id, marks=unless(place % 3 == 0)) for place, id in enumerate(SEEN)]
    return few + [pytest.param(id, 15, id=f"{id} and more", marks=pytest.mark.thorough) for id in SEEN]


@pytest.mark.parametrize(("id", "sets"), rows())
def test_a_solution_passes_under_any_seeds(id: str, sets: int) -> None:
    exercise, guard, draw = find(id), Guard(), random.Random(7)
    trials = exercise.rules.trials
    for _ in range(sets):
        also = partial(_with_seeds, trials, draw.randrange(LARGEST))
        here = replace(exercise, rules=replace(exercise.rules, trials=also))
        with guard.up():
            verdict = searched(here, SOLUTIONS[id], guard, lambda *_: guard.begin())
        assert verdict.passed, str(verdict)


def test_each_student_and_exercise_has_seeds_that_only_the_secret_tells() -> None:
    def seeds(secret: bytes, student: str, id: str) -> tuple[int, ...]:
        number = hidden(secret, student, id)
        (own,) = {trial.more_seeds for trial in _with_seeds(find("00.1").rules.trials, number, SOLUTIONS["00.1"])}
        return own

    asked = [(b"one", "ann", "00.1"), (b"two", "ann", "00.1"), (b"one", "bob", "00.1"), (b"one", "ann", "00.2")]
    drawn = [seed for each in asked for seed in seeds(*each)]
    assert len(set(drawn)) == HIDDEN * len(asked)
    assert max(drawn) > LARGEST / 10
    assert seeds(*asked[0]) == seeds(*asked[0])


def test_a_fork_server_that_does_not_start_is_nobodys_answer() -> None:
    class Nowhere(Sandbox):
        def command(self, argv: Any, readable: Any, hidden: Any) -> list[str]:
            return ["/bin/false"]

    with ForkServer(Nowhere(), []) as server, pytest.raises(NotStarted, match="did not start"):
        judge_one(server, find("00.1"), "keep", Limits(), 0)


@pytest.mark.parametrize(
    ("id", "seed"), [("00.2", 1_088_967_513_895), ("04.3", 60_289_694_655), ("06.3", 923_853_525_008)]
)
def test_a_solution_passes_under_a_seed_that_once_refused_it(id: str, seed: int) -> None:
    """A page in its last millisecond; slow nodes and an impatient client; steps that overtook each other."""
    assert under(id, seed, SOLUTIONS[id]).passed


def test_a_page_that_ends_in_the_millisecond_of_its_predecessor_was_stored() -> None:
    """A hidden run of 00.1: stored for 4 ms, 4 ms after it was for 8, and expired when the reply comes."""
    seed, answer = 678_623_123_086, SOLUTIONS["00.1"]

    async def asks_first(redis: Any, key: str, page: str, *, ttl: float) -> None:
        if not await redis.exists(key) or await redis.type(key) != "string" or await redis.get(key) != page:
            await answer(redis, key, page, ttl=ttl)

    good, bad = (under("00.1", seed, tried) for tried in (answer, asks_first))
    assert good.passed, str(good)
    assert not bad.passed


def under(id: str, seed: int, answer: Any) -> Verdict:
    """The verdict, where this seed is tried besides."""
    exercise, guard = find(id), Guard()
    trials = exercise.rules.trials
    rules = replace(exercise.rules, trials=lambda given: [replace(one, more_seeds=(seed,)) for one in trials(given)])
    with guard.up():
        return searched(replace(exercise, rules=rules), answer, guard, lambda *_: guard.begin())
