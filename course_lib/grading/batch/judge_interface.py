"""What is handed to a judge of submissions, and what it hands back. Plain data, which any process can be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from course_lib.grading.verdict import Verdict

Status = Literal["passed", "failed", "error", "timeout", "out-of-memory", "missing", "unanswered"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell of a submission, as plain Python; `exercise` is the id of the exercise whose answer it is."""

    source: str
    exercise: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer may use. Units: `seconds` of computing for an exercise; `memory` and `output` in bytes."""

    seconds: float = 60.0
    memory: int = 1 << 30
    output: int = 1 << 20


@dataclass(frozen=True)
class Judgment:
    """What became of one exercise: its status and a sentence, the verdict where there is one, and what isolated it."""

    exercise: str
    status: Status
    sentence: str
    verdict: Verdict | None = None
    layers: tuple[str, ...] = ()


class Judge(Protocol):
    """Runs the cells of one submission and judges its answers: exercise id → name that the answer is bound to.

    A worker of an executor calls it, so it must be picklable: a function at the top of a module.
    """

    def __call__(
        self, cells: Sequence[Cell], answers: Mapping[str, str], *, secret: bytes, student: str, limits: Limits,
        unsafe: bool,
    ) -> dict[str, Judgment]: ...  # fmt: skip
