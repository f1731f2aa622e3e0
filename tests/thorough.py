"""How much the tests do: everything with `--thorough`, before a release; else a sample, the same in every run.

Nothing is drawn by chance, so that whoever changes a line meets the same tests before and after.
"""

from __future__ import annotations

import os

import pytest

THOROUGH = "COURSE_THOROUGH" in os.environ
"""Set by conftest.py, before any test is imported."""


def runs(many: int) -> int:
    """So many runs of a simulation, each with its seed; else the first fifth of them."""
    return many if THOROUGH else many // 5


def unless(often: bool) -> list[pytest.MarkDecorator]:
    """Marks of a case that is a test of every run, if `often`."""
    return [] if often else [pytest.mark.thorough]
