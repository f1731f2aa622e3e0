"""The pictures and the sheet of lesson 08: valid, speaking, and nothing on them that was not measured."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib.lessons.capstone.experiment_real import beside
from course_lib.lessons.capstone.experiment_score import Score
from course_lib.lessons.capstone.experiment_sheet import NOT, sheet
from course_lib.lessons.capstone.experiment_storm import Storm, StormSeen, Strike, Visit
from course_lib.lessons.capstone.picture_frontier import Try, frontier, frontier_picture
from course_lib.lessons.capstone.picture_storm import storm_picture


def seen(loads: int, *, seed: int = 0, level: int = 1, kind: str = "page") -> StormSeen:
    visits = [Visit(1.0 + n / 10, 1.2 + n / 10, f"v{n}", kind, True) for n in range(10)]
    strikes = [Strike("app1 crashes", 2.0, 2.0), Strike("the primary dies", 3.0, 4.0)] if level > 1 else []
    storm = Storm(level=level, seed=seed)
    return StormSeen(storm, visits, [(1.0, 1.5)] * loads, asked=4, told=[("ann", "1")] * 4, strikes=strikes)


def score(name: str, *runs: StormSeen) -> Score:
    return Score(name, runs[0].storm, {run.storm.level: [run] for run in runs})


def test_a_run_is_drawn_with_what_it_fails_on_and_what_went_wrong() -> None:
    picture = storm_picture(seen(12, level=3, kind="broken"))
    ElementTree.fromstring(picture.svg)
    assert picture.alt.startswith("Level 3, seed 0: fails on loads at once and wrong answers.")
    assert "What went wrong: app1 crashes and the primary dies." in picture.alt
    assert "loads at once 12 (at most 10)" in picture.alt
    assert "app1 crashes" in picture.svg
    assert storm_picture(seen(3)).alt.startswith("Level 1, seed 0: passes.")
    assert "at most" not in storm_picture(seen(3), title="Real servers").alt


def test_on_a_slide_it_is_lower_and_says_the_same() -> None:
    run = seen(12, level=3, kind="broken")
    lesson, slide = storm_picture(run), storm_picture(run, slide=True)
    high, low = (
        float(ElementTree.fromstring(picture.svg).get("viewBox", "").split()[3]) for picture in (lesson, slide)
    )
    assert low < 0.8 * high
    assert slide.alt == lesson.alt
    drawn = {mark for mark in re.findall(r"M[\d.]+ ([\d.]+)", slide.svg) if float(mark) > low}
    assert drawn == set()  # nothing hangs out of it


def test_the_frontier_has_those_that_no_other_beats() -> None:
    few, fresh, beaten = Try("few", 1, 4, 300, 20), Try("fresh", 3, 6, 300, 0), Try("beaten", 0, 6, 300, 20)
    assert frontier([few, fresh, beaten]) == [few, fresh]
    assert frontier([few, replace_name(few)]) == [few, replace_name(few)]  # equal ones do not beat each other


def replace_name(one: Try) -> Try:
    return one._replace(name="again")


def test_the_frontier_is_told_with_its_numbers() -> None:
    tries = [score("naive", seen(12, kind="broken")), score("mine", seen(3), seen(3, level=2), seen(3, level=3))]
    picture = frontier_picture(tries)
    ElementTree.fromstring(picture.svg)
    assert picture.alt.startswith(
        "1 of 2 tries is on the frontier. mine. 1 naive: 120.0 loads for 100 pages, p99 200 ms"
    )
    assert "2 mine: 30.0 loads for 100 pages, p99 200 ms, 0.0 % stale, passes level 3" in picture.alt


def test_a_sheet_invents_nothing() -> None:
    assert [line.measured for line in sheet({}).lines] == [NOT] * 10


def test_a_sheet_has_what_was_measured_and_is_written_where_one_says(tmp_path: Path) -> None:
    tries = {"naive": score("naive", seen(12, kind="broken")), "mine": score("mine", seen(3), seen(3, level=3))}
    real = replace(seen(2, level=3), strikes=[Strike("primary is killed", 1.0, 3.5)])
    page = sheet(tries, real, {"guide": {"loads": 64.0}})
    told = {line.question: line.measured for line in page.lines}
    assert told["Who loads a page that is missing?"] == "naive: 12 loads at once"
    assert told["How long is a failover?"] == "2.5 s until a basket was kept again; 0 of 4 lost, 0 error pages"
    assert told["Which example do I copy?"] == "guide: 64 loads"
    assert NOT not in told.values()
    for name, start in (("sheet.html", "<!doctype html>"), ("sheet.md", "# A service with Redis")):
        written = page.write(tmp_path / name).read_text(encoding="utf-8")
        assert written.startswith(start)
        assert "naive: 12 loads at once" in written
    with pytest.raises(ValueError, match="its name ends with"):
        page.write(tmp_path / "sheet.pdf")


def test_numbers_stand_beside_each_other_or_were_not_measured() -> None:
    assert beside(seen(3), seen(4))[1] == {"number": "loads", "simulated": 3, "real": 4}
    assert {row["real"] for row in beside(seen(3), None)} == {"not measured"}
