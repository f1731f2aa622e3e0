"""A stream of draws: what `skip` goes past, and that streams of other names are others."""

from __future__ import annotations

import pytest

from course_lib.sim import Draws


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 64, 1_000])
def test_to_skip_is_to_draw_as_often(count: int) -> None:
    called, skipped = Draws("a", 1), Draws("a", 1)
    for _ in range(count):
        called()
    skipped.skip(count)
    assert [skipped() for _ in range(3)] == [called() for _ in range(3)]


def test_draws_are_spread_evenly_and_each_name_has_its_own() -> None:
    one, other = [[draws() for _ in range(4_000)] for draws in (Draws("a", 1), Draws("a", 2))]
    assert one != other
    for drawn in (one, other):
        assert all(0 <= draw < 1 for draw in drawn)
        counts = [sum(int(draw * 10) == tenth for draw in drawn) for tenth in range(10)]
        assert all(330 < count < 470 for count in counts)


def test_a_range_and_a_mean_are_kept() -> None:
    draws = Draws("a")
    between = [draws.between(2.0, 6.0) for _ in range(4_000)]
    assert all(2 <= draw < 6 for draw in between)
    assert sum(between) / 4_000 == pytest.approx(4.0, abs=0.1)
    waited = [draws.exponential(3.0) for _ in range(4_000)]
    assert min(waited) >= 0
    assert sum(waited) / 4_000 == pytest.approx(3.0, rel=0.1)
    assert sum(wait > 3.0 for wait in waited) / 4_000 == pytest.approx(0.368, abs=0.03)


def test_a_stream_begins_anew_under_another_name() -> None:
    draws = Draws("a")
    first = draws()
    draws.reseed("b")
    assert draws() == Draws("b")() != first
    draws.reseed("a")
    assert draws() == first
