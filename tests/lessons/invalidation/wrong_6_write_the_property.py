"""Wrong properties for 06.6, each with one mistake, named as the check must name it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_lib.trace import Note, Trace

Property = Callable[[Trace], str | None]


def by_rows(
    *, version: Callable[[str], Any] = int, counts: Callable[[Note], bool] = lambda write: write.t_end is not None,
    read_counts: Callable[[Note], bool] = lambda read: read.t_end is not None,
    before: Callable[[Note, Note], bool] = lambda write, read: (write.t_end or 0.0) <= read.t_start,
    same: Callable[[str, str], bool] = str.__eq__, split: Callable[[str], list[str]] = lambda text: text.rsplit(" ", 1),
    older: Callable[[Any, Any], bool] = lambda served, written: served < written,
    of: Callable[[list[Note]], list[Note]] = list, kinds: tuple[str, ...] = ("read",),
    says: Callable[[Note], str] = lambda read: f"{read.who} was served {read.text}",
) -> Property:  # fmt: skip
    """A property that compares each read with each write, with one thing done otherwise; by default as it should be."""

    def stale_read(trace: Trace) -> str | None:
        writes = [note for note in trace.notes if note.kind == "write" and counts(note)]
        for read in trace.notes:
            if read.kind not in kinds or not read_counts(read):
                continue
            key, served = split(read.text)
            for write in of([write for write in writes if same(split(write.text)[0], key)]):
                if before(write, read) and older(version(served), version(split(write.text)[1])):
                    return says(read)
        return None

    return stale_read


def says_nothing(trace: Trace) -> str | None:
    return None if len(trace.notes) >= 0 else "less than nothing"


def cries_wolf(trace: Trace) -> str | None:
    return f"{len(trace.notes)} notes"


def last_acknowledged(writes: list[Note]) -> list[Note]:
    return sorted(writes, key=lambda write: write.t_end or 0.0)[-1:]


def since_its_begin(write: Note, read: Note) -> bool:
    return (write.t_end or 0.0) <= (read.t_end or 0.0)


def never_acknowledged(write: Note, read: Note) -> bool:
    return (write.t_start if write.t_end is None else write.t_end) <= read.t_start


WRONG = [
    ("says-nothing", says_nothing),
    ("says-nothing", by_rows(older=lambda served, written: served > written + 10)),
    ("cries-wolf", cries_wolf),
    ("compares-texts", by_rows(version=str)),
    ("forgets-the-begin", by_rows(before=since_its_begin)),
    ("not-acknowledged", by_rows(counts=lambda write: True, before=never_acknowledged)),
    ("mixes-products", by_rows(same=lambda one, other: True)),
    ("the-last-write", by_rows(of=last_acknowledged)),
]

# -- subtly wrong ------------------------------------------------------------------------------------------------------


def in_the_order_of_the_notes(trace: Trace) -> str | None:
    newest: dict[str, int] = {}
    for note in trace.notes:
        if note.kind in ("read", "write") and note.t_end is not None:
            key, version = note.text.rsplit(" ", 1)
            if note.kind == "read" and int(version) < newest.get(key, 0):
                return f"{note.who} was served {note.text}"
            if note.kind == "write":
                newest[key] = max(newest.get(key, 0), int(version))
    return None


def by_start(trace: Trace) -> str | None:
    ordered = sorted(trace.notes, key=lambda note: note.t_start)
    return in_the_order_of_the_notes(Trace("simulated", 0, [], ordered))


SUBTLE = [
    ("equal is old too", "versions", by_rows(older=lambda served, written: served <= written), "cries-wolf"),
    ("not at that moment", "when", by_rows(before=lambda write, read: (write.t_end or 0.0) < read.t_start)),
    ("in the order of the notes", "versions", in_the_order_of_the_notes, "forgets-the-begin"),
    ("by its start", "when", by_start, "forgets-the-begin"),
    ("a write counts from its start", "when", by_rows(before=lambda write, read: write.t_start <= read.t_start),
     "forgets-the-begin"),
    ("only its neighbor", "versions", by_rows(older=lambda served, written: served == written - 2), "says-nothing"),
    ("the last digit", "versions", by_rows(version=lambda text: int(text[-1]))),
    ("in a lower case", "keys", by_rows(same=lambda one, other: one.lower() == other.lower())),
    ("a key that begins so", "keys", by_rows(same=lambda one, other: one.startswith(other))),
    ("a key that contains it", "keys", by_rows(same=lambda one, other: other in one)),
    ("the first word", "keys", by_rows(same=lambda one, other: one.split()[0] == other.split()[0])),
    ("names nobody", "versions", by_rows(says=lambda read: "an old version was served")),
    ("names the version alone", "versions", by_rows(says=lambda read: read.text)),
    ("the first write alone", "versions", by_rows(of=lambda writes: writes[:1])),
    ("the newest alone, acknowledged or not", "when",
     by_rows(counts=lambda write: True, of=lambda writes: sorted(writes, key=lambda w: int(w.text.split()[-1]))[-1:],
             before=lambda write, read: write.t_end is not None and write.t_end <= read.t_start)),
    ("loads are reads", "versions", by_rows(kinds=("read", "load"))),
    ("its own writes alone", "versions", by_rows(before=lambda write, read: write.who == read.who), "says-nothing"),
    ("ends before it ends", "when", by_rows(before=lambda write, read: write.t_end == read.t_start), "says-nothing"),
    ("with some patience", "when", by_rows(before=lambda write, read: (write.t_end or 0.0) + 0.15 <= read.t_start),
     "says-nothing"),
    ("the writes of others", "versions", by_rows(before=lambda write, read: (
        write.t_end is not None and write.t_end <= read.t_start and write.who != read.who))),
    ("all that begins so is a read", "versions", by_rows(kinds=("read", "reads", "read ahead"))),
]  # fmt: skip
