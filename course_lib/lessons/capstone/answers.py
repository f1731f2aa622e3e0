"""What learners hand in for 08.1 and 08.3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.explore import OneFault


@dataclass(frozen=True)
class Scene:
    """When readers ask, how long each load takes, and when the price changes. Units: seconds."""

    reads: Sequence[float]
    load: float
    write: float


@dataclass(frozen=True)
class Case:
    """A case in which a promise is broken: how long c1 works, in seconds, and one fault, if there is one."""

    work: float = 0.2
    fault: OneFault | None = None
