"""Who handed in what. SUBMISSIONS/<student>/<NN_topic>.ipynb, and also what nbgrader and browsers make of that.

A student's folder is hostile ground: nothing outside of it is read, whatever it links to, and no name in it becomes a
path of ours.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.batch.handout import Lesson
from course_lib.grading.batch.notebook_file import LARGEST, Unreadable, few

DEEPEST, MOST = 3, 2_000
"""How many folders below a student's are searched, and how many entries."""
NAMED = 5
"""Of several notebooks of one lesson, this many are named."""
RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))}
"""Names that no file can have on Windows."""
BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
"""Characters that change the direction of the text after them, so that one name looks like another."""


@dataclass(frozen=True, slots=True)
class Student:
    """`name` is the folder's, as it is shown and matched; `folder` is where it is."""

    name: str
    folder: Path


@dataclass(frozen=True)
class HandedIn:
    """A student's notebook of one lesson; `path` is None where there is none."""

    student: Student
    lesson: str
    path: Path | None
    remarks: tuple[str, ...] = ()


def students(submissions: Path) -> tuple[list[Student], list[str]]:
    """All students in the order of their names, and remarks for the instructor. Raises: OSError."""
    found: dict[str, Student] = {}
    remarks: list[str] = []
    for entry in sorted(os.scandir(submissions), key=lambda entry: os.fsencode(entry.name)):
        name = shown(entry.name)
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            remarks.append(f"{name} is a link, which is not followed.")
        elif not entry.is_dir():
            remarks.append(f"{name} is a file beside the students' folders; it was passed over.")
        else:
            unique, number = name, 1
            while unique in found:
                number += 1
                unique = f"{name} ({number})"
            if unique != name:
                remarks.append(f"Two folders have names that look the same, {name}; one is reported as {unique}.")
            found[unique] = Student(unique, Path(entry.path))
    return sorted(found.values(), key=lambda student: student.name), remarks


def handed_in(student: Student, lessons: Iterable[Lesson]) -> tuple[list[HandedIn], tuple[str, ...]]:
    """The student's notebook of each lesson, and remarks on what else lies in the folder."""
    remarks: list[str] = []
    paths = list(_notebooks(student.folder, remarks))
    known: set[Path] = set()
    made = []
    for lesson in lessons:
        its = [path for path in paths if _number(path) == lesson.number]
        exact = [path for path in its if path.name == lesson.file]
        chosen = next(reversed(exact or its), None)
        known.update(its)
        own: list[str] = []
        if chosen is not None and len(its) > 1:
            names = ", ".join(_in(path, student) for path in its[:NAMED]) + ", …" * (len(its) > NAMED)
            own.append(
                f"There are {len(its)} notebooks of lesson {lesson.number} ({names}); {_in(chosen, student)} counts."
            )
        elif chosen is not None and not exact:
            own.append(f"{_in(chosen, student)} was taken for {lesson.file}, as its name begins with the same number.")
        made.append(HandedIn(student, lesson.number, chosen, tuple(own)))
    remarks += [
        f"{_in(path, student)} is a notebook of none of the lessons graded here." for path in paths if path not in known
    ]
    return made, few(remarks)


def lessons_in(everybody: Iterable[Student]) -> set[str]:
    """The numbers with which the names of notebooks begin."""
    return {_number(path) for student in everybody for path in _notebooks(student.folder, [])} - {""}


def too_high(everybody: Iterable[Student]) -> tuple[list[Student], bool]:
    """Students whose folder seems to be that of a class: it has three folders or more with a notebook of the same
    lesson. And is there no other folder with a notebook?"""
    classes, only = [], True
    for student in everybody:
        notebooks = [path.relative_to(student.folder) for path in _notebooks(student.folder, [])]
        inner = Counter(
            number for _, number in {(path.parts[0], _number(path)) for path in notebooks if path.parts[1:]}
        )
        if any(number and folders > 2 for number, folders in inner.items()):
            classes.append(student)
        elif notebooks:
            only = False
    return classes, bool(classes) and only


def content(path: Path, folder: Path) -> bytes:
    """The bytes of a file in a student's folder. Raises: Unreadable."""
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(folder.resolve(strict=True)):
            raise Unreadable("The file is a link that leads out of the folder; it was not followed.")
        handle = os.open(real, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
                         | getattr(os, "O_BINARY", 0))  # fmt: skip
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a link to itself
        why = getattr(error, "strerror", None) or "it links to itself"
        raise Unreadable(f"The file cannot be opened ({str(why).lower()}).") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Unreadable("What has the notebook's name is not a file.")
    with open(handle, "rb") as file:
        try:
            data = file.read(LARGEST + 1)
        except OSError as error:
            raise Unreadable(f"The file cannot be read ({str(error.strerror).lower()}).") from None
    if len(data) > LARGEST:
        raise Unreadable(f"The file is larger than {LARGEST >> 20} MB.")
    return data


def shown(name: str) -> str:
    """A name as a text that can be printed: composed, and without what hides or turns characters."""
    text = unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))
    return "".join("\N{REPLACEMENT CHARACTER}" if _hides(character) else character for character in text)


def slug(name: str) -> str:
    """A name of a file for this student, on every system; no two students have the same."""
    plain = re.sub(
        r"[^a-z0-9._@+-]", "_", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    )
    plain = re.sub(r"^[.-]", "_", plain)[:60]
    if plain == name and plain.partition(".")[0] not in RESERVED and not plain.endswith("."):
        return plain
    return f"{plain.strip('_.') or 'student'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _notebooks(folder: Path, remarks: list[str]) -> Iterator[Path]:
    """Whatever is called .ipynb, in the order of the names; folders that are links are not entered."""
    ahead, seen = [(folder, 0)], 0
    while ahead:
        where, depth = ahead.pop(0)
        try:
            entries = sorted(os.scandir(where), key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            remarks.append(f"The folder {shown(where.name)} cannot be read ({str(error.strerror).lower()}).")
            continue
        for entry in entries:
            seen += 1
            if seen > MOST:
                remarks.append(f"The folder has more than {MOST:,} entries; the others were not looked at.")
                return
            if entry.name.lower().endswith(".ipynb"):
                yield Path(entry.path)
            elif entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".") and depth < DEEPEST:
                ahead.append((Path(entry.path), depth + 1))


def _number(path: Path) -> str:
    """The number in a notebook's name, or in that of a copy: `04_redlock (1).ipynb`, `Copy of 04_redlock.ipynb`."""
    match = re.match(r"(?:copy of )?(\d\d)[_ .-]", path.name, re.IGNORECASE)
    return match[1] if match else ""


def _in(path: Path, student: Student) -> str:
    return shown(str(path.relative_to(student.folder)))


def _hides(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn") or ord(character) in BIDI
