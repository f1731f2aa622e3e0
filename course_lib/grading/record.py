"""The learner's own record: what was passed, and when, in a text file beside the notebooks, a line for each exercise.

The file belongs to the learner, who may read, edit, copy, sync or delete it. So a line that is not understood stays
where it is, a file that is not ours is not touched, and nothing is sent anywhere. A write replaces the whole file in
one step, and notebooks that write at once wait for each other.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import BadRecord

NAME = "progress.txt"
OPENING = "# Progress in “Caching with Redis”"
HEAD = f"{OPENING}: a line for each exercise. You may copy, sync, edit or delete this file.\n"
LINE = re.compile(r"(\d\d\.\d+) +(passed|tried) +(\d+) points? +(\d{4}-\d\d-\d\d \d\d:\d\d)\s*")
LARGEST = 1_000_000
"""Bytes; a file beyond that is not ours."""


@dataclass(frozen=True, slots=True)
class Entry:
    """How far somebody came with one exercise. `when` is local time: of the first pass, or of the best try."""

    id: str
    passed: bool
    points: int
    when: str

    def __str__(self) -> str:
        amount = f"{self.points} point{'s' * (self.points != 1)}"
        return f"{self.id}  {'passed' if self.passed else 'tried '}  {amount:<9}  {self.when}"

    @property
    def merit(self) -> tuple[bool, int]:
        """Of two entries for one exercise, the one with more of it counts."""
        return self.passed, self.points


@dataclass(frozen=True, slots=True)
class Record:
    """The file's entries by exercise, and how many of its lines are not understood."""

    entries: Mapping[str, Entry]
    strange: int = 0


def read(path: Path) -> Record:
    """What the file says; a file that is not there says nothing. Raises: BadRecord, and OSError."""
    entries: dict[str, Entry] = {}
    strange = 0
    for line in _lines(path):
        found = parsed(line)
        if found is None:
            strange += bool(line.strip()) and not line.startswith("#")
        elif found.id not in entries or found.merit > entries[found.id].merit:
            entries[found.id] = found
    return Record(entries, strange)


def add(path: Path, entry: Entry) -> Record:
    """Note this, unless something as good is there already. Raises: BadRecord or OSError, and has changed nothing."""
    with _alone(path.parent):
        record = read(path)
        known = record.entries.get(entry.id)
        if known is None or entry.merit > known.merit:
            _rewrite(path, lambda found: found.id != entry.id, entry)
        return read(path)


def forget(path: Path, id: str | None) -> Path | None:
    """Take out an exercise's entries, or with None all; returns where the file as it was is kept, None if it said
    nothing of them. Raises: BadRecord or OSError, and has changed nothing."""
    with _alone(path.parent):
        record = read(path)
        if not record.entries or (id is not None and id not in record.entries):
            return None
        kept = path.with_name("progress.old.txt")
        shutil.copy2(path, kept)
        _rewrite(path, lambda found: id not in (None, found.id))
        return kept


def parsed(line: str) -> Entry | None:
    """The entry that a line holds, if it holds one."""
    match = LINE.fullmatch(line)
    return Entry(match[1], match[2] == "passed", int(match[3]), match[4]) if match else None


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    if not path.is_file() or path.stat().st_size > LARGEST:
        raise BadRecord(f"{path} is not a progress file.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise BadRecord(f"{path} is not a text file.") from None
    if any(lines) and not lines[0].startswith(OPENING) and not any(map(parsed, lines)):
        raise BadRecord(f"{path} is not the course's: its first line would begin with “{OPENING}”.")
    return lines


def _rewrite(path: Path, keep: Callable[[Entry], bool], new: Entry | None = None) -> None:
    """Put a changed copy in the file's place, in one step."""
    lines = [line for line in _lines(path) if (found := parsed(line)) is None or keep(found)]
    if new is not None:
        ids = [found.id if (found := parsed(line)) else "" for line in lines]
        lines.insert(next((at for at, id in enumerate(ids) if id > new.id), len(lines)), str(new))
    text = ("" if lines and lines[0].startswith(OPENING) else HEAD) + "".join(f"{line}\n" for line in lines)
    path = path.resolve()  # of a link, what it leads to
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(13, "it may not be written", str(path))
    handle, made = tempfile.mkstemp(dir=path.parent, prefix=f".{NAME}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(handle)
        os.chmod(made, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(made, path)
    except BaseException:
        os.unlink(made)
        raise


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One writer at a time, by a lock on the folder, which ends with the process and leaves no file."""
    try:
        from fcntl import LOCK_EX, flock
    except ImportError:  # not on Windows and in a browser: two writers at the same instant are left to chance
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems cannot lock
            flock(handle, LOCK_EX)
        yield
    finally:
        os.close(handle)
