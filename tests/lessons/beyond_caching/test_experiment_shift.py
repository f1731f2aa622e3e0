"""The shift of lesson 07: which parcels are packed never, once and twice, whoever dies and wherever."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from course_lib.lessons.beyond_caching.experiment_shift import die_everywhere, shift
from course_lib.lessons.beyond_caching.programs import (
    acknowledges_after,
    acknowledges_first,
    claims,
    counts,
    counts_once,
)


@pytest.mark.parametrize(
    ("work", "effect", "never", "twice", "pending"),
    [
        (acknowledges_first, counts, ["4"], [], []),
        (acknowledges_after, counts, ["4"], [], ["4", "8"]),
        (claims, counts, [], ["8"], []),
        (claims, counts_once, [], [], []),
    ],
)
def test_what_two_deaths_leave_of_twelve_parcels(
    work: Any, effect: Any, never: list[str], twice: list[str], pending: list[str]
) -> None:
    found = shift(work, effect)
    assert (found.parcels(0), found.parcels(2), [parcel for parcel, _ in found.pending]) == (never, twice, pending)
    assert [parcel for _, _, parcel in found.deaths] == ["4", "8"]
    assert sum(found.packed.values()) == 12 - len(never) + len(twice)


def test_without_deaths_every_way_packs_each_once() -> None:
    """The control: it is the deaths that make the difference."""
    for work in (acknowledges_first, acknowledges_after, claims):
        assert shift(work, dies_in="", dies_after="").parcels(1) == [str(number) for number in range(1, 13)]


@pytest.mark.parametrize(
    ("work", "effect", "never", "twice"),
    [
        (acknowledges_first, counts, True, False),
        (acknowledges_after, counts, True, False),
        (claims, counts, False, True),
        (claims, counts_once, False, False),
    ],
)
def test_a_death_at_each_command_never_breaks_the_promise_and_breaks_the_others(
    work: Any, effect: Any, never: bool, twice: bool
) -> None:
    found = die_everywhere(work, effect)
    assert found.tried >= 10
    assert (found.times[0] > 0, found.times[2] > 0) == (never, twice)
    assert sum(found.times.values()) == 4 * found.tried


def test_who_claims_too_early_robs_the_living() -> None:
    robbed = shift(partial(claims, claim_after=0.05), dies_in="", dies_after="")
    assert len(robbed.parcels(2)) > 6
    assert robbed.parcels(0) == []


def test_what_cannot_be_packed_is_tried_again_and_again() -> None:
    found = shift(claims, poison={"4"}, dies_in="", dies_after="", until=20.0)
    assert found.begun["4"] == 10
    assert found.parcels(0) == ["4"]
