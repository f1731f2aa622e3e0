"""A fork server for hostile answers to 00.1, and a judge without patience."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from course_lib.grading.batch.judge_interface import Judgment
from course_lib.grading.exercise import find
from course_lib.grading.sandbox.probe import probe
from course_lib.grading.wire import submission
from course_lib.grading.wire.children import ForkServer

from .judging import ISOLATED, LIMITS


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds on is given up sooner."""
    monkeypatch.setattr(submission, "ONE_STEP", 4.0)


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    """One for all: it is started again when an answer has killed it."""
    with ForkServer(probe(unsafe=not ISOLATED), []) as server:
        yield server


@pytest.fixture
def judged(server: ForkServer) -> Callable[..., Judgment]:
    """What becomes of 00.1 when its cell is the last of these."""

    def judge(*sources: str, name: str = "keep", student: str = "ann") -> Judgment:
        cells: list[tuple[str, str | None]] = [*((source, None) for source in sources[:-1]), (sources[-1], "00.1")]
        server.show(cells)
        number = submission.hidden(b"sixteen bytes or more", student, "00.1")
        return submission.judge_one(server, find("00.1"), name, LIMITS, number)

    return judge
