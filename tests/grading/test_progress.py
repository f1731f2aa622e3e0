"""The learner's record: what it keeps, what it never loses, and that a check is worth the same without it."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from course_lib.errors import BadRecord, UnknownExercise
from course_lib.grading import check, progress, record, reset_progress, solution
from course_lib.grading.progress_page import place
from course_lib.grading.record import Entry, add, forget, read
from course_lib.grading.solution import PASSED

from .programs import answers

RIGHT = answers("solutions")["05.1"]
FIRST = Entry("05.1", True, 4, "2026-01-31 09:05")
OTHER = Entry("04.2", False, 3, "2026-02-01 10:00")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this kernel's record is."""
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.txt"))
    PASSED.clear()
    return tmp_path / "progress.txt"


async def wrong(redis: Any, key: str, load: Any, **policy: Any) -> Any:
    return "not the row"


# -- the file ---------------------------------------------------------------------------------------------------------


def test_the_file_is_read_as_it_was_written_and_by_people(path: Path) -> None:
    """A line for each exercise, in order, below a sentence on what the file is."""
    add(path, FIRST)
    assert read(add_and_path(path, OTHER)).entries == {"04.2": OTHER, "05.1": FIRST}
    opening, *lines = path.read_text(encoding="utf-8").splitlines()
    assert opening.startswith("# Progress in “Caching with Redis”")
    assert lines == ["04.2  tried   3 points   2026-02-01 10:00", "05.1  passed  4 points   2026-01-31 09:05"]


def add_and_path(path: Path, entry: Entry) -> Path:
    add(path, entry)
    return path


def test_a_later_try_takes_nothing_away_and_a_better_one_counts(path: Path) -> None:
    add(path, FIRST)
    add(path, Entry("05.1", False, 2, "2026-03-01 08:00"))
    assert read(path).entries["05.1"] == FIRST
    add(path, Entry("05.1", True, 4, "2026-03-02 08:00"))
    assert read(path).entries["05.1"] == FIRST, "it says when it was passed first"
    better = Entry("04.2", True, 5, "2026-03-01 08:00")
    assert add(add_and_path(path, OTHER), better).entries["04.2"] == better


def test_two_copies_that_were_merged_count_once_and_the_better_counts(path: Path) -> None:
    """As a sync leaves them, marks of the conflict and all, which are nobody's business to remove."""
    marks = ("<<<<<<< mine", "=======", ">>>>>>> theirs")
    lines = [record.HEAD.strip(), marks[0], str(FIRST), marks[1], str(Entry("05.1", False, 1, FIRST.when)), marks[2]]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert read(path).entries == {"05.1": FIRST}
    assert add(path, OTHER).strange == 3
    assert [line for line in path.read_text(encoding="utf-8").splitlines() if line in marks] == list(marks)


@pytest.mark.parametrize("content", [b"my own notes\n", b"\x89PNG\r\n\x00\xff", b"05.1 passed, I think\n"])
def test_a_foreign_file_is_refused_and_stays_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(BadRecord, match=r"progress\.txt is not"):
        add(path, FIRST)
    with pytest.raises(BadRecord):
        forget(path, None)
    assert path.read_bytes() == content


def test_a_write_that_fails_leaves_the_old_file_and_no_other(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the disk is full: what was written so far is gone, and the record is whole."""
    add(path, FIRST)
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        add(path, OTHER)
    assert [(one.name, one.read_bytes()) for one in path.parent.iterdir()] == [(path.name, before)]


def both_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Two writers, each of whom is held up for a while after it has read; the entries that are there in the end."""
    met, lines = threading.Barrier(2), record._lines

    def held_up(path: Path) -> list[str]:
        found = lines(path)
        with contextlib.suppress(threading.BrokenBarrierError):
            met.wait(0.5)
        return found

    monkeypatch.setattr(record, "_lines", held_up)
    writers = [threading.Thread(target=add, args=(path, entry)) for entry in (FIRST, OTHER)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    monkeypatch.setattr(record, "_lines", lines)
    return set(read(path).entries)


def test_two_notebooks_at_once_lose_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert both_write(path, monkeypatch) == {"04.2", "05.1"}


def test_without_the_lock_an_entry_is_lost(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(record, "_alone", lambda folder: contextlib.nullcontext())
    assert len(both_write(path, monkeypatch)) == 1


def test_to_forget_keeps_the_file_as_it_was(path: Path) -> None:
    add(add_and_path(path, FIRST), OTHER)
    before = path.read_bytes()
    kept = forget(path, "05.1")
    assert kept is not None
    assert kept.read_bytes() == before
    assert set(read(path).entries) == {"04.2"}
    assert forget(path, "05.1") is None
    forget(path, None)
    assert read(path).entries == {}


# -- what a learner sees ----------------------------------------------------------------------------------------------


def test_a_check_notes_what_it_found_and_says_so(path: Path) -> None:
    tried = check("05.1", wrong)
    assert "Lesson 05: 0 of 5 passed, 0 of 30 points" in tried.noted
    passed = check("05.1", RIGHT)
    assert "Lesson 05: 1 of 5 passed, 4 of 30 points. All lessons: 1 of " in passed.noted
    assert passed.noted in str(passed)
    assert passed.noted in passed._repr_mimebundle_()["text/html"]
    assert read(path).entries["05.1"].passed
    assert "✓ passed" in str(progress())
    html = progress()._repr_mimebundle_()["text/html"]
    assert '<details class="lesson" open>' in html
    assert "Survive the stampede" in html
    assert str(path) in html


def test_a_check_is_worth_the_same_where_nothing_can_be_noted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A foreign file, a folder that is not there, and none wanted: the verdict is the same, with a sentence if any."""
    path.write_text("my own notes\n")
    spoiled = check("05.1", RIGHT)
    assert "was not noted" in spoiled.noted
    assert path.read_text() == "my own notes\n"
    assert "cannot be shown" in str(progress())
    monkeypatch.setenv("COURSE_PROGRESS", str(path.parent / "nowhere" / "progress.txt"))
    assert "nowhere cannot be used (no such file or directory)" in check("05.1", RIGHT).noted
    monkeypatch.setenv("COURSE_PROGRESS", "off")
    plain = check("05.1", RIGHT)
    assert plain.noted == ""
    assert plain.passed
    assert plain.points == spoiled.points == 4


def test_a_stub_is_not_noted(path: Path) -> None:
    check("05.1", answers("exercises")["05.1"])
    assert not path.exists()


def test_reset_is_of_one_or_of_all_and_of_nothing_else(path: Path) -> None:
    check("05.1", RIGHT)
    with pytest.raises(UnknownExercise, match=r'"all"'):
        reset_progress()
    assert "progress.old.txt" in str(reset_progress("05.1"))
    assert "0 of 5 passed" in str(reset_progress("all"))
    assert "nothing to forget" in str(reset_progress("all"))


def test_where_the_record_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the notebooks of the course; a notebook that lies elsewhere has its own; solutions are nobody's answer."""
    monkeypatch.delenv("COURSE_PROGRESS")
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    for folder in ("notebooks", "exercises", "solutions", "elsewhere"):
        (tmp_path / "course" / folder).mkdir(parents=True)
    (tmp_path / "course" / "notebooks" / "README.md").touch()
    places = {}
    for folder in ("course/notebooks", "course/exercises", "course/solutions", "."):
        monkeypatch.chdir(tmp_path / folder)
        places[folder] = place()
    beside = tmp_path / "course" / "notebooks" / "progress.txt"
    assert list(places.values()) == [beside, beside, None, tmp_path / "progress.txt"]
    monkeypatch.delitem(sys.modules, "ipykernel")
    assert place() is None


def test_the_worked_solution_is_shown_after_a_pass(path: Path) -> None:
    """In this kernel or, by the record, in one before; it says what is still open, and is what the notebook holds."""
    assert "once your own answer has passed" in str(solution("05.1"))
    check("05.1", RIGHT)
    shown = str(solution("05.1"))
    assert "nx=True" in shown
    assert "BEGIN SOLUTION" not in shown
    assert "does not protect against: A holder that takes longer" in shown
    PASSED.clear()
    again = str(solution("05.1"))
    assert "nx=True" in again
    assert "Run the check of 05.1 again" in again
    path.unlink()
    assert "once your own answer has passed" in str(solution("05.1"))
