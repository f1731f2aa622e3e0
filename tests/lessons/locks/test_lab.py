"""The lab of lesson 04 without a browser, its picture, and the puzzles in the scheduler."""

from __future__ import annotations

import pytest

from course_lib.lessons.locks.experiment_contest import FAULTS, LOCKS, Contest
from course_lib.lessons.locks.experiment_contest_run import play
from course_lib.lessons.locks.experiment_puzzles import PUZZLES
from course_lib.lessons.locks.lab import redlock_lab
from course_lib.lessons.locks.picture_contest import contest_picture
from course_lib.widgets.scheduler import Scheduler


def test_the_lab_shows_the_numbers_of_its_run() -> None:
    lab = redlock_lab(lock="one", fault="nodes forget")
    assert lab.result is not None
    assert lab.result.together
    first = lab.result.together[0]
    assert f"{first.first} and {first.second} hold at {first.start:.2f} s" in lab._picture.value
    assert f"<td>{len(lab.result.together)}</td>" in lab._table.value
    assert not lab.set(lock="redlock", hit=2).together
    assert "never two at once" in lab._picture.value


def test_every_control_changes_the_run() -> None:
    changes = {
        "lock": "one", "clients": 3, "ttl": 1.0, "work": 1.5, "at": 5.0, "lasts": 1.0, "hit": 3, "dead": 2,
        "fenced": False, "seed": 2, "fault": "holder crashes",
    }  # fmt: skip
    lab = redlock_lab(fault="clocks jump", clients=2)
    base, before = lab.values, lab.result
    assert set(changes) == set(base)
    assert before is not None
    for control, value in changes.items():
        assert lab.set(**base | {control: value}).trace.digest() != before.trace.digest(), control


@pytest.mark.parametrize("fault", FAULTS)
def test_the_picture_says_in_words_what_it_shows(fault: str) -> None:
    outcome = play(Contest("redlock", fault, clients=2))
    picture = contest_picture(outcome)
    assert picture.alt.startswith("Redlock: ")
    assert f"{len(outcome.keys)} keys on 5 nodes" in picture.alt
    struck = {
        "holder crashes": "crashed", "holder pauses": "paused", "write pauses": "paused", "asking pauses": "paused",
        "holder cut off": "cut off", "nodes down": "down", "nodes forget": "restarts without its keys",
        "clocks jump": "clock jumps ahead",
    }  # fmt: skip
    assert struck.get(fault, "Trouble: none") in picture.alt


def test_titles_fit_the_picture() -> None:
    """Eighty letters of the title's size are as wide as the picture; all locks under the fault that hurts most."""
    for lock in LOCKS:
        title = contest_picture(play(Contest(lock, "nodes forget", hit=3))).alt.partition(" keys on")[0]
        assert len(title.rpartition(". ")[0]) <= 80


@pytest.mark.parametrize("name", PUZZLES)
def test_each_puzzle_opens_in_the_scheduler(name: str) -> None:
    panel = Scheduler(PUZZLES[name])
    assert panel.game.able
    labels = [button.description for button in panel.turns if button.layout.display is None]
    assert len(set(labels)) == len(labels)  # also where one client asks several nodes at once
