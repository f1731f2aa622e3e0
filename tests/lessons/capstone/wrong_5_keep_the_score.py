"""Wrong programs for 08.5, each with one mistake, named as the check must name it."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from math import ceil, inf
from typing import Any

from course_lib.trace import Note, Trace


def rank(times: list[float]) -> float:
    return times[ceil(len(times) * 99 / 100) - 1] if times else 0.0


def interpolated(times: list[float]) -> float:
    if len(times) < 2:
        return times[0] if times else 0.0
    place = (len(times) - 1) * 0.99
    low, high = times[int(place)], times[min(int(place) + 1, len(times) - 1)]
    return low if place == int(place) or low == high else low + (high - low) * (place - int(place))


def failed(read: Note) -> bool:
    return read.t_end is None or read.text == "failed"


def scores(
    *, loads: Callable[[Note], bool] = lambda note: True, percentile: Callable[[list[float]], float] = rank,
    counts: Callable[[Note], bool] = lambda read: True, took: Callable[[Note], float] | None = None,
    moment: Callable[[Note], Any] = lambda read: read.t_start, number: Callable[[str], Any] = int,
    write: Callable[[Note], bool] = lambda note: note.t_end is not None, whole: str = "served",
    same: Callable[[str, str], bool] = str.__eq__,
    keep: Callable[[Note], bool] = lambda note: note.t_end is not None, items: Any = set,
    at: Callable[[Any, Any], bool] = lambda end, when: end <= when,
    none: Callable[[Note], bool] = failed, kind: Callable[[str, str], bool] = str.__eq__,
    there_is: Callable[[Note], bool] = lambda note: True,
) -> Any:  # fmt: skip
    """The answer with one thing done otherwise; by default as it should be."""

    def score(trace: Trace) -> dict[str, Any]:
        reads = [note for note in trace.notes if kind(note.kind, "read")]
        duration = took or (lambda read: inf if none(read) else (read.t_end or 0.0) - read.t_start)
        served = [read for read in reads if not none(read)]
        writes = [note for note in trace.notes if kind(note.kind, "write") and write(note)]

        def old(read: Note) -> bool:
            key, _, version = read.text.rpartition(" ")
            for note in writes:
                its, _, newer = note.text.rpartition(" ")
                end = inf if note.t_end is None else note.t_end
                if same(its, key) and number(newer) > number(version) and at(end, moment(read)):
                    return True
            return False

        among = {"served": served, "reads": reads}[whole]
        kept = items([note.text for note in trace.notes if note.kind == "keep" and keep(note)])
        there = {note.text for note in trace.notes if note.kind == "kept" and there_is(note)}
        return {
            "loads": sum(kind(note.kind, "load") and loads(note) for note in trace.notes),
            "p99": percentile(sorted(duration(read) for read in reads if counts(read))),
            "stale": sum(map(old, served)) / len(among) if among else 0.0,
            "lost": sum(item not in there for item in kept),
        }

    return score


WRONG = [
    ("loads-that-ended", scores(loads=lambda note: note.t_end is not None)),
    ("leaves-out-failures", scores(counts=lambda read: not failed(read))),
    ("interpolates", scores(percentile=interpolated)),
    (
        "one-too-far",
        scores(percentile=lambda times: times[min(ceil(len(times) * 99 / 100), len(times) - 1)] if times else 0.0),
    ),
    ("share-of-all", scores(whole="reads")),
    ("acknowledged-later", scores(moment=lambda read: read.t_end)),
    ("compares-texts", scores(number=str)),
    ("never-promised", scores(keep=lambda note: True)),
    ("counts-retries", scores(items=list)),
]


def mean(times: list[float]) -> float:
    return statistics.fmean(times) if times else 0.0


def all_stale(trace: Trace) -> dict[str, Any]:
    found: dict[str, Any] = scores()(trace)
    reads = [note for note in trace.notes if note.kind == "read"]
    return found | ({"stale": 1.0} if reads and all(map(failed, reads)) else {})


def per_visitor(trace: Trace) -> dict[str, Any]:
    """An item that two visitors put in counts twice."""
    there = {note.text for note in trace.notes if note.kind == "kept"}
    promised = {(note.who, note.text) for note in trace.notes if note.kind == "keep" and note.t_end is not None}
    found: dict[str, Any] = scores()(trace)
    return found | {"lost": sum(text not in there for _, text in promised)}


SUBTLE = [
    ("the 95th", "p99", scores(percentile=lambda times: times[ceil(len(times) * 0.95) - 1] if times else 0.0)),
    ("the slowest", "p99", scores(percentile=lambda times: times[-1] if times else 0.0)),
    ("cut off", "p99", scores(percentile=lambda times: times[max(0, int(len(times) * 0.99) - 1)] if times else 0.0)),
    ("the mean", "p99", scores(percentile=mean)),
    ("an error page is an answer", "p99", scores(
        took=lambda read: inf if read.t_end is None else read.t_end - read.t_start)),
    ("what never came took no time", "p99", scores(
        took=lambda read: 0.0 if failed(read) else (read.t_end or 0.0) - read.t_start)),
    ("in milliseconds", "p99", scores(percentile=lambda times: rank(times) * 1000)),
    ("products mixed", "stale", scores(same=lambda its, key: True)),
    ("before, not at", "stale", scores(at=lambda end, when: end < when)),
    ("writes count from their begin", "stale", scores(write=lambda note: True, at=lambda end, when: True)),
    ("as percent", "stale", scores(number=lambda text: int(text) // 2)),
    ("no load counted twice", "loads", scores(loads=lambda note: int(note.who[1:]) % 2 == 0)),
    ("keys that begin so", "stale", scores(same=str.startswith)),
    ("keys with that word", "p99", scores(none=lambda read: read.t_end is None or "failed" in read.text)),
    ("an end at 0", "stale", scores(write=lambda note: bool(note.t_end))),
    ("a promise at 0", "lost", scores(keep=lambda note: bool(note.t_end))),
    ("kinds that begin so", "loads", scores(kind=str.startswith)),
    ("loads that did not fail", "loads", scores(loads=lambda note: note.text != "failed")),
    ("one place on, at whole hundreds", "p99", scores(
        percentile=lambda times: times[min(len(times) * 99 // 100, len(times) - 1)] if times else 0.0)),
    ("what is there has an end", "lost", scores(there_is=lambda note: note.t_end is not None)),
    ("without a page all are stale", "stale", all_stale),
    ("keys in any case", "stale", scores(same=lambda its, key: its.casefold() == key.casefold())),
    ("the last word of a key", "stale", scores(same=lambda its, key: its.split()[-1:] == key.split()[-1:])),
    ("a basket for each visitor", "lost", per_visitor),
    ("items of one visitor", "lost", scores(items=lambda kept: {item.partition(" of ")[0] for item in kept})),
]  # fmt: skip
