"""The lab of lesson 07: each strategy keeps its promise, in numbers and on the picture, and each control counts."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from course_lib.errors import BadArgument
from course_lib.lessons.beyond_caching.experiment_parcels import Hold, Parcels, ParcelsSeen
from course_lib.lessons.beyond_caching.experiment_parcels_run import pack_all
from course_lib.lessons.beyond_caching.lab import parcel_lab
from course_lib.lessons.beyond_caching.picture_parcels import parcels_picture, times_packed

ROOM: dict[str, Any] = {"rate": 2.5, "handle": 0.6, "duration": 16.0}


def seen(strategy: str, **given: Any) -> ParcelsSeen:
    return pack_all(Parcels(strategy, **{**ROOM, **given}))


@pytest.mark.parametrize(
    ("strategy", "never", "twice", "pending"),
    [("first", 1, 0, 0), ("after", 1, 0, 1), ("claim", 0, 1, 0), ("once", 0, 0, 0), ("queue", 0, 0, 0)],
)
def test_one_dies_and_one_stands_still(strategy: str, never: int, twice: int, pending: int) -> None:
    run = seen(strategy, seed=3)
    assert (run.count("never"), run.count("twice"), len(run.pending)) == (never, twice, pending)
    assert run.count("once") == len(run.sent) - never - twice > 20
    moved = [(before.worker, after.worker) for before, after in run.moves()]
    assert [old for old, _ in moved] == ([] if strategy in ("first", "after") else ["w1", "w2"])


def test_without_accidents_nothing_moves() -> None:
    """The control."""
    run = seen("claim", dies=0.0, pauses=0.0)
    assert (run.count("once"), run.moves()) == (len(run.sent), [])


def test_what_cannot_be_packed_becomes_a_dead_letter_or_comes_back_forever() -> None:
    aside, back = seen("queue", poison=2), seen("claim", poison=2)
    assert (aside.count("letter"), aside.pending) == (2, [])
    assert sorted(aside.letters) == [1, 2]
    assert (back.count("never"), sorted(back.pending)) == (2, [1, 2])
    assert len([1 for _, parcel, _ in back.errors if parcel == 1]) > 3


def test_a_claim_that_is_extended_is_not_lost() -> None:
    """Packing takes twice as long as `claim_after`: `claim` robs the living, WorkQueue does not."""
    slow: dict[str, Any] = {"handle": 2.0, "rate": 1.5, "claim_after": 1.0, "dies": 0.0, "pauses": 0.0}
    assert seen("queue", **slow).moves() == []
    assert len(seen("claim", **slow).moves()) > 3


def test_a_picture_says_what_became_of_the_parcels() -> None:
    for strategy, says in (("once", "each packed once"), ("after", "1 never packed"), ("claim", "1 packed twice")):
        run = seen(strategy, seed=3)
        picture = parcels_picture(run)
        ElementTree.fromstring(picture.svg)
        assert says in picture.alt
        assert len(re.findall('M[0-9.]+ [0-9.]+V[0-9.]+" stroke', picture.svg)) == len(run.moves())


def test_who_is_at_it_and_since_when_nobody() -> None:
    run = ParcelsSeen(Parcels(), died=3.0, still=(6.0, 10.0), errors=[(2.0, 7, "w3")])
    cases = {
        Hold(1, "w1", 2.5, 5.0): 3.0, Hold(2, "w2", 5.5, 8.0): 6.0, Hold(3, "w2", 11.0, 12.0): 12.0,
        Hold(7, "w3", 1.0, 4.0): 2.0, Hold(8, "w3", 1.0, 4.0): 4.0,
    }  # fmt: skip
    assert {hold: run.left_alone(hold) for hold in cases} == cases


def test_three_runs_side_by_side_say_what_differs() -> None:
    picture = times_packed({"one": {"1": 1, "2": 0}, "other": {"1": 3, "2": 2}, "third": {"1": 1, "2": 1}})
    ElementTree.fromstring(picture.svg)
    assert picture.alt.endswith(
        "3 runs of one scene. One: parcel 2 never; other: parcel 1 3 times and parcel 2 twice; third: each once."
    )


def test_the_lab_locks_what_does_not_count() -> None:
    lab = parcel_lab(**ROOM, strategy="first")
    assert set(lab._experiment.locked(strategy="first")) == {"claim_after"}
    assert lab._experiment.locked(strategy="claim") == {}
    others = [lab.set(claim_after=after).summary() for after in (0.4, 4.0)]
    assert others[0] == others[1]
    assert lab.set(strategy="claim", claim_after=0.4).summary() != lab.set(claim_after=4.0).summary()
    with pytest.raises(BadArgument, match="strategy"):
        lab.set(rate=1.0) and pack_all(Parcels("unheard of"))
