"""What a report says, and what it must not: another's name, a formula, a script, a column that nobody asked for."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from course_lib.grading.batch.class_page import class_page
from course_lib.grading.batch.class_record import ClassRecord, Pupil, Score
from course_lib.grading.batch.filled_gradebook import CANVAS, MOODLE, NotAGradebook, fill
from course_lib.grading.batch.gradescope import results
from course_lib.grading.batch.handout import lesson
from course_lib.grading.batch.overrides import Override
from course_lib.grading.batch.results import Result, unjudged
from course_lib.grading.batch.student_page import index_page, student_page
from course_lib.grading.batch.tables import gradebook, remarks, safe, scores
from course_lib.grading.exercise import words
from course_lib.views.picture import prose

FOUR = lesson("04")
NAMES = ("=SUM(A1)", 'Ann, "A" O’Neil', "<script>alert(1)</script>", "ann@example.org", "bea", "李雷")


def result(exercise: str, number: int) -> Result:
    """Passed or failed or else, by the number."""
    asked = FOUR.exercise(exercise)
    assert asked is not None
    made = unjudged(asked, ("passed", "failed", "timeout", "missing")[number % 4], "`<b>` took *too* long.", ("a box",))
    passed, failed = made.status == "passed", made.status == "failed"
    lines = tuple(
        type(line)(line.name, line.kind, line.says, line.points, line.points * passed, "holds" if passed else "broken")
        for line in made.lines
    )
    more: dict[str, Any] = {"lines": lines, "html": "<p>the verdict</p>", "text": "the verdict"}
    if failed:
        mistake = {"04.1": "deletes-any"}.get(exercise, "")
        more |= {"misconception": mistake, "code": f"R2-{exercise}.1-0000", "broken": lines[0].name}
    return Result(
        **{**{name: getattr(made, name) for name in Result.__dataclass_fields__}, **(more if passed or failed else {})}
    )


def a_class(*names: str, by_hand: Override | None = None) -> ClassRecord:
    pupils = []
    for place, name in enumerate(names or NAMES):
        made = {one.exercise: Score(result(one.exercise, place + n)) for n, one in enumerate(FOUR.asked)}
        if by_hand is not None and by_hand.student == name:
            made[by_hand.exercise] = Score(made[by_hand.exercise].result, by_hand)
        pupils.append(Pupil(name, made, ("Cell 3 is <odd>.",)))
    return ClassRecord((FOUR,), tuple(pupils), ("notes.txt is a file.",), ())


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# -- tables ------------------------------------------------------------------------------------------------------------


def test_scores_have_a_row_for_each_property() -> None:
    rows = read(scores(a_class()))
    assert list(rows[0]) == ["student", "exercise", "property", "points", "max_points", "status"]
    assert len(rows) == len(NAMES) * sum(len(result(one.exercise, 0).lines) for one in FOUR.asked)
    assert sum(int(row["max_points"]) for row in rows) == len(NAMES) * FOUR.points
    assert {row["points"] for row in rows if row["status"] == "timeout"} == {"0"}


def test_a_gradebook_has_a_row_for_each_student_and_its_sums_are_those_of_the_scores() -> None:
    made = a_class()
    books = {row["student"]: row for row in read(gradebook(made))}
    assert list(books) == [safe(name) for name in NAMES]
    for name, row in books.items():
        earned = sum(float(line["points"]) for line in read(scores(made)) if line["student"] == name)
        assert float(row["total"]) == float(row["04_redlock"]) == earned
        assert row["max_points"] == str(FOUR.points)


@pytest.mark.parametrize("text", ["=1+1", "+1", "@x", "\t=1", "-x", "|calc", "-1+2"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe(text).startswith("'")
    assert text in safe(text)


@pytest.mark.parametrize("text", ["ann", "-2.5", "", "3", "Zoë = x"])
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert safe(text) == text


def test_remarks_are_for_the_instructor_with_the_names_they_are_about() -> None:
    rows = read(remarks(a_class("ann")))
    assert [row["student"] for row in rows] == ["ann", ""]


# -- gradebooks of others ----------------------------------------------------------------------------------------------

EXPORTED = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Homework 4 (99),04 Lock with care (4711),Final Score\r\n"
    "    Points Possible,,,,,10,38,(read only)\r\n"
    '"Lee, Ann",101,S1,ANN@example.org,One,3,,7.9\r\n'
    '"Other, Bob",102,S2,bob,One,,5,\r\n'
)


def test_canvas_gets_its_own_file_back_with_one_column_filled(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(b"\xef\xbb\xbf" + EXPORTED.encode())
    made = a_class("ann@example.org", "bea")
    found = fill(path, CANVAS, made, {})
    points = f"{made.pupils[0].points(FOUR):g}"
    assert found.text == "\ufeff" + EXPORTED.replace("One,3,,7.9", f"One,3,{points},7.9")
    assert found.remarks == ("No row is for bea.", "There is no folder of bob, so its row is as before.")


def test_moodle_is_matched_by_id_number_email_or_participant(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(
        "Identifier;Full name;ID number;Email address;Grade;Maximum grade\n"
        "Participant 7;Ann Lee;;ann@example.org;;38\nParticipant 8;Bea;bea;b@example.org;;38\n"
        "Participant 9;Cy;;c@example.org;;38\n"
    )
    made = a_class("Cy Ng_9_assignsubmission_file_", "ann@example.org", "bea")
    found = fill(path, MOODLE, made, {})
    by_row = [line.split(";")[4] for line in found.text.splitlines()[1:]]
    assert by_row == [f"{made.pupils[place].points(FOUR):g}" for place in (1, 2, 0)]
    assert found.remarks == ()


def test_a_column_that_cannot_be_told_is_asked_for_and_none_is_invented(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(EXPORTED.replace("04 Lock with care", "Project"))
    with pytest.raises(NotAGradebook, match=r'--column "04=NAME".*Homework 4 \(99\), Project \(4711\)'):
        fill(path, CANVAS, a_class(), {})
    filled = fill(path, CANVAS, a_class("bob"), {"04": "Project (4711)"})
    assert filled.text.splitlines()[0] == EXPORTED.replace("04 Lock with care", "Project").splitlines()[0]
    path.write_text(EXPORTED.replace("Homework 4", "Lesson 04"))
    with pytest.raises(NotAGradebook, match="more than one"):
        fill(path, CANVAS, a_class(), {})


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "\xff"])
def test_what_is_no_gradebook_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(NotAGradebook):
        fill(tmp_path / "x.csv", CANVAS, a_class(), {})


# -- Gradescope --------------------------------------------------------------------------------------------------------


def test_gradescope_gets_a_test_for_each_exercise_and_scores_that_add_up() -> None:
    made = a_class(by_hand=Override("bea", "04.2", 2.5, "A good idea."))
    for pupil in made.pupils:
        found = json.loads(results(pupil, made))
        assert found["score"] == sum(test["score"] for test in found["tests"])
        assert [test["number"] for test in found["tests"]] == [one.exercise for one in FOUR.asked]
        assert {test["status"] for test in found["tests"]} <= {"passed", "failed"}
        assert all(0 <= test["score"] <= test["max_score"] for test in found["tests"])
    assert "Set by hand: 2.5 of 7 points. A good idea." in results(made.pupils[4], made)
    assert "Set by hand" not in results(made.pupils[3], made)


# -- pages -------------------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """The tags of a page, each closed where it should be, and its addresses."""

    EMPTY = ("meta", "br", "img", "line", "path", "circle", "rect")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_students_page_is_whole_safe_and_names_nobody_else() -> None:
    made = a_class(by_hand=Override("bea", "04.2", 2.5, "<i>Good</i>"))
    for pupil in made.pupils:
        page = student_page(pupil, made)
        found = Tags(page)
        assert "script" not in found.names
        assert "i" not in found.names
        assert all(address.startswith("#") for address in found.addresses)
        assert len(found.ids) == len(set(found.ids)) == 6
        others = [other.name for other in made.pupils if other is not pupil]
        assert not [name for name in others if name in page or name.replace("<", "&lt;") in page]
        assert "Cell 3 is &lt;odd&gt;." in page
        assert "a box" in page
    assert "Set by hand: 2.5 of 7 points" in student_page(made.pupils[4], made)


def test_the_list_of_all_links_to_every_page_and_nothing_else() -> None:
    found = Tags(index_page(a_class()))
    assert len([address for address in found.addresses if address.startswith("pages/")]) == len(NAMES)
    assert not [address for address in found.addresses if ":" in address or "//" in address]


def test_statistics_count_and_name_nobody() -> None:
    made = a_class("ann", "bob", "cat", "dan", "eve", "fay", "guy", "hal")
    page = class_page(made)
    assert "script" not in Tags(page).names
    assert not re.search(r"\b(ann|bob|cat|dan|eve|fay|guy|hal)\b", page)
    row = re.search(r"04\.1</a>.*?</tr>", page)
    assert row is not None
    assert "2 of 8 · 25 %" in row[0]
    assert f"{2 * 4 / 8:.1f} of 4" in row[0]
    assert "R2-04.1.1-0000" in page
    assert prose(words("04")["04.1"].misconceptions["deletes-any"]) in page


def test_a_text_of_a_learners_own_is_not_in_the_statistics() -> None:
    """A name can hide in a sentence, in a misconception that is none, in a schedule's property."""
    made = a_class("ann")
    odd = result("04.1", 1)
    table = {**odd.as_table(), "sentence": "ann", "misconception": "ann", "broken": "ann", "text": "ann", "html": "ann"}
    pupil = Pupil("ann", {**made.pupils[0].scores, "04.1": Score(Result.from_table(table))}, ("ann",))
    assert not re.search(r"\bann\b", class_page(ClassRecord((FOUR,), (pupil,), ("ann",), ("ann",))))
