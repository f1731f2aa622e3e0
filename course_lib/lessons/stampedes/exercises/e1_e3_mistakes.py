"""Clues to well-known mistakes in a locked cache-aside: what was sent in a failing run, and what followed from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from redis.exceptions import DataError

from course_lib.explore import Play
from course_lib.grading.evidence import life_ms, loads, of, overlap
from course_lib.grading.lock_commands import EXPIRES, SETS, exclusive, value
from course_lib.grading.rules import Failing, named
from course_lib.lessons.stampedes.exercises.lifetimes import WRONG_BY
from course_lib.sim.replication import READS
from course_lib.trace import Event

UNSEEN = {"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "EXEC"}
"""In these a lock can be taken without a command that shows it."""


FREES = frozenset(b"DEL UNLINK EVAL EVALSHA FCALL PUBLISH".split())
"""What somebody sends who frees a lock and stores nothing; of a script, what it calls counts."""


def fill_clues(failing: Failing) -> Iterator[str]:
    """What the lock was taken with where a promise was broken."""
    later = not set(EXPIRES).isdisjoint(event.name for event in failing.first.trace)
    return named({
        "no-nx": any(map(_no_nx, _of(failing, "one-load"))),
        "wrong-unit": any(map(_wrong_unit, _of(failing, "one-load", "replaced"))),
        "whole-seconds": any(map(_whole_seconds, _of(failing, "replaced"))),
        "two-steps": later and any(map(_endless, _of(failing, "replaced"))),
        "never-expires": not later and any(map(_endless, _of(failing, "replaced"))),
        "not-our-token": any(_not_our_token(run) and _too_late(run, "freed") for run in _of(failing, "freed")),
    })  # fmt: skip


def _of(failing: Failing, *promises: str) -> list[Play]:
    """The runs that break these."""
    return [failing[promise] for promise in promises if promise in failing]


def _takes(run: Play) -> list[Event]:
    """Commands that may take a lock: they set a key other than the value's."""
    keys = {key.encode() for key in run.witness.databases}
    return [event for event in run.trace if event.name in SETS and event.command[1] not in keys]


def _plainly(run: Play) -> bool:
    """Was every lock taken by commands that say how?"""
    return not any(event.name in UNSEEN and b"GET" not in event.command[1] for event in run.trace)


def _no_nx(run: Play) -> bool:
    won = [event for event in _takes(run) if event.t_server is not None and not isinstance(event.reply, Exception)]
    return _plainly(run) and len({event.client for event in won}) > 1 and not any(map(exclusive, won))


def _lives(run: Play) -> list[tuple[float, float]]:
    """Of the locks that were taken: the life in terms of what was asked for, and that, in seconds."""
    taken = [(life_ms(event), run.witness.told(event.client).lock_ttl) for event in _takes(run)]
    return [(life / asked / 1000, asked) for life, asked in taken if life is not None]


def _wrong_unit(run: Play) -> bool:
    """A number of seconds was given as one of milliseconds, rounded or not, or the other way round."""
    return any(
        abs(life / 1000 - 1) < 0.2 or abs(life * asked * 1000 - max(1, asked)) < 1
        for life, asked in _lives(run)
        if abs(life - 1) * asked > WRONG_BY
    )


def _endless(run: Play) -> bool:
    """Had a lock no end in a run with a fault?"""
    return bool(run.schedule.faults and _takes(run)) and not _lives(run) and _plainly(run)


def _whole_seconds(run: Play) -> bool:
    """Was the lock's life given in seconds, to which lock_ttl was rounded?"""
    given = [event for event in _takes(run) if b"EX" in map(bytes.upper, event.command[3:]) or event.name == "SETEX"]
    fractions = all(run.witness.told(event.client).lock_ttl % 1 > 0 for event in given)
    return bool(given) and fractions and all(0.1 < life < 30 for life, _ in _lives(run))


def _too_late(run: Play, promise: str) -> bool:
    """Is the promise broken by who had to wait?"""
    found = run.violation(promise)
    return found is not None and found.mark == "too late"


def _not_our_token(run: Play) -> bool:
    taken = _takes(run)
    return bool(taken) and not any(value(event).decode(errors="replace") in run.witness.tokens for event in taken)


def write_clues(failing: Failing) -> Iterator[str]:
    """Of each broken promise, what led to it in the run that breaks it."""
    marks = {promise: (found.mark if (found := run.violation(promise)) else "") for promise, run in failing.items()}

    def in_run(promise: str, mark: str = "") -> list[Play]:
        return [failing[promise]] if promise in failing and mark in marks[promise] else []

    return named({
        "no-lock": any(map(_no_lock, in_run("one-load"))),
        "takes-in-two-steps": any(map(_two_steps, in_run("one-load"))),
        "one-load": any(any(map(exclusive, run.trace)) for run in in_run("one-load")),
        "never-expires": any(map(_endless, in_run("replaced"))),
        "frees-anothers-lock": any(map(_deleted, in_run("own-lock"))),
        "one-lock-for-all": any(map(_one_lock, in_run("prompt", "too late"))),
        "sleeps-too-long": in_run("prompt", "looks too seldom"),
        "no-second-look": any(map(_no_second_look, in_run("once"))),
        "tries-again": any(map(_loads_twice, in_run("freed"))),
        "keeps-lock-on-error": any(map(_keeps, in_run("freed", "too late"))),
        "cannot-store-none": any(_ended_with_data_error(run) for run in in_run("absent")),
        "forgets-absence": any(_stored_nothing(run) for run in in_run("absent", "a second load")),
        "truth-of-text": any(map(_text_taken_for_none, in_run("any-text"))),
        "no-ttl": any(life.lasts == -1 for run in in_run("expires") for life in run.witness.values),
    })  # fmt: skip


def _no_lock(run: Play) -> bool:
    """The client that loaded had only read before."""
    begins = {load.who: load.start for load in loads(run.trace)}
    before = [event for event in run.trace if event.t_start <= begins.get(event.client, -1.0)]
    return all(event.name.encode() in READS for event in before)


def _two_steps(run: Play) -> bool:
    """Two clients looked at a key, found nothing, and then set it."""
    taken = [event for event in _takes(run) if not exclusive(event)]
    looked = {(event.client, event.command[1]) for event in run.trace if event.name in ("GET", "EXISTS")
              and not event.reply}  # fmt: skip
    both = {event.client for event in taken if (event.client, event.command[1]) in looked}
    return _plainly(run) and len(both) > 1 and len(taken) == len(_takes(run))


def _deleted(run: Play) -> bool:
    """While one client held the lock, another deleted it."""
    return any(
        event.name in ("DEL", "UNLINK") and event.client != lock.who and lock.life is not None
        and lock.life.key in event.command[1:] and event.reply and lock.start < (event.t_server or 0.0) < lock.until
        for lock in run.witness.locks for event in run.trace
    )  # fmt: skip


def _one_lock(run: Play) -> bool:
    """Locks for different keys have one name."""
    taken = [event for event in _takes(run) if exclusive(event)]
    return len({event.client[-1] for event in taken}) > 1 and len({event.command[1] for event in taken}) == 1


def _no_second_look(run: Play) -> bool:
    """The second client to load took its lock after the value had been stored, and did not look again."""
    if len(loads(run.trace)) < 2:
        return False
    second = loads(run.trace)[1]
    sent = [event for event in of(run.trace, second.who) if event.t_start < second.start]
    return overlap(run.trace) is None and bool(sent) and exclusive(sent[-1]) and bool(sent[-1].reply)


def _loads_twice(run: Play) -> bool:
    """The same call loaded again when its load had failed."""
    who = [load.who for load in loads(run.trace)]
    return any(run.witness.failed(act) and who.count(act.who) > 1 for act in run.witness.acts)


def _keeps(run: Play) -> bool:
    """Whose load failed sent nothing after that."""
    ends = {load.who: load.end for load in loads(run.trace)}
    failed = [act.who for act in run.witness.acts if run.witness.failed(act)]
    return any(not any(event.t_start >= ends[who] for event in of(run.trace, who)) for who in failed)


def _ended_with_data_error(run: Play) -> bool:
    return any(isinstance(act.result, DataError) for act in run.witness.acts)


def _absent(run: Play) -> Iterable[bytes]:
    return [key.encode() for key, database in run.witness.databases.items() if database.absent]


def _stored_nothing(run: Play) -> bool:
    """The client that loaded None left nothing under the key, nor anywhere else."""
    ends = {load.who: load.end for load in loads(run.trace)}
    lives = [life for life in run.witness.values if life.key in _absent(run) and life.lasts == -2]
    return any(
        all(_names(event) <= READS | FREES for event in of(run.trace, life.who) if event.t_start >= ends[life.who])
        for life in lives
    )


def _names(event: Event) -> set[bytes]:
    """The command, and what a script calls."""
    return {event.name.encode(), *(call[0].upper() for call in getattr(event, "calls", ()))}


def _text_taken_for_none(run: Play) -> bool:
    """A text came back as None, or an empty one was loaded again."""
    rows = {act.who: run.witness.databases[act.what].row for act in run.witness.acts}
    who = [rows[load.who] for load in loads(run.trace)]
    none = any(
        act.done and act.result is None and rows[act.who] is not None and any(of(run.trace, act.who))
        for act in run.witness.acts
    )
    return none or who.count("") > 1
