"""The scoreboard and the lab of lesson 08, from Python."""

from __future__ import annotations

from course_lib.lessons.capstone.lab import Scoreboard, fire_lab


def test_the_scoreboard_keeps_tries_and_takes_parts_away() -> None:
    board = Scoreboard(seeds=1)
    judged = board.judge("naive")
    assert repr(judged).startswith("“naive” breaks level 1, first with seed 0: loads at once 13; wrong answers")
    assert judged.picture().alt.startswith("Level 1, seed 0: fails on loads at once and wrong answers.")
    assert judged.moment().alt.startswith("Space-time diagram: 13 loads at once, seed 0.")
    assert list(board.tries) == ["naive"]
    assert board.frontier().alt.startswith("1 of 1 try is on the frontier. naive.")
    (row,) = board.ablation(keys="versioned").rows
    assert row[:3] == ("keys", "plain", "level 1")
    assert "wrong answers" in row[3]


def test_the_lab_locks_what_plays_no_part_and_lists_runs() -> None:
    lab = fire_lab(duration=2.0, rate=20.0)
    assert lab.values == {
        "keys": "plain", "read": "aside", "change": "nothing", "limiter": "none", "away": "fail", "basket": "set",
        "topology": "standalone", "level": 1, "seed": 0,
    }  # fmt: skip
    assert [name for name in lab.values if lab._controls[name].disabled] == ["away", "topology"]
    assert lab.set(keys="versioned", level=3).wrong > 0
    assert [name for name in lab.values if lab._controls[name].disabled] == []
