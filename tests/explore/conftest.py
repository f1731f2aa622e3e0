"""What several tests of the explorer share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from course_lib.explore.strategies import exhaustive


@pytest.fixture(scope="module")
def first_orders_only() -> Iterator[None]:
    """Of no class a second order is played: else it would show what a wrong reduction leaves out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exhaustive, "AT_FIRST", 0)
        patch.setattr(exhaustive, "THEN_EACH", 10**9)
        yield
