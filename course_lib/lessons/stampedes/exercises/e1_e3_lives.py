"""More judges of 05.1 and 05.3: how long locks and values live, whose a lock is, and who hears of an error."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from redis.exceptions import RedisError

from course_lib.explore import Play
from course_lib.grading.acts import sent
from course_lib.grading.evidence import LOST, loads, ms, shown
from course_lib.grading.rules import Found
from course_lib.lessons.stampedes.exercises.e1_e3_judges import LOOK, freed, lasting, right_value


def held(run: Play) -> Iterator[Found]:
    """As freed; and who loads holds the lock of the contract, with its token."""
    yield from freed(run)
    token_of = {who: token for token, who in run.witness.tokens.items()}
    for lock in run.witness.locks:
        if lock.plain != token_of[lock.who].encode():
            inside = shown(lock.plain.decode(errors="replace")) if isinstance(lock.plain, bytes) else "no text"
            text = f"{lock.who} began to load when `lock` held {inside}, and its token is {token_of[lock.who]!r}."
            yield text, lock.who, lock.start, "another lock"


def told(run: Play) -> Iterator[Found]:
    """Whose command is refused hears of it: the error goes to the caller."""
    name = run.witness.refuses_one.refused.decode()
    for act in run.witness.acts if name else ():
        if not isinstance(act.result, RedisError):
            so = f"ended with {shown(act.result)}" if act.over else "was still at it"
            text = f"Redis refused a {name} of {act.who} with NOPERM, and {act.who} {so}."
            yield text, act.who, min(act.ended, run.now), "no error"


def lock_lives(run: Play) -> Iterator[Found]:
    """Whatever lock_ttl is, a few milliseconds or a day, the lock lives so long."""
    for lock in run.witness.locks:
        if lock.life is not None and not lock.life.right:
            text = f"{lock.who}'s lock lives {lasting(lock.life)}, and lock_ttl is {lock.life.asked:g} s."
            yield text, lock.who, lock.start, "wrong lifetime"


def value_lives(run: Play) -> Iterator[Found]:
    """As expires; a value that lives a few milliseconds can be gone when its loader returns, and a holder whose lock is
    gone need not store one."""
    for life in run.witness.values:
        brief = min(life.asked, run.witness.told(life.who).lock_ttl) < LOOK
        if not life.right and not (life.lasts == -2 and brief):
            text = f"The value that {life.who} stored lives {lasting(life)}, and ttl is {life.asked:g} s."
            yield text, life.who, life.at, "wrong lifetime"


def outlived(run: Play) -> Iterator[Found]:
    """No lock is there when its time is over, however long its holder loads."""
    texts = [lock.before for lock in run.witness.locks]
    for lock in run.witness.locks:
        if lock.outlived < run.now and texts.count(lock.before) == 1:
            over = f"it was still there at {ms(lock.outlived)}"
            text = f"{lock.who} loaded from {ms(lock.start)}, its lock was to live until {ms(lock.until)}, and {over}."
            yield text, lock.who, lock.outlived, "wrong lifetime"


def value(run: Play) -> Iterator[Found]:
    """As right_value; and who does not hear of a command is told so."""
    yield from right_value(run)
    yield from unheard(run)


def unheard(run: Play) -> Iterator[Found]:
    """Who does not hear of a command is told so by an error, but for what only frees a lock, and what is lost while a
    key is watched, of which redis-py makes a WatchError."""
    for act in run.witness.acts if run.schedule.kind in ("lose request", "lose reply") else ():
        loaded = min((load.end for load in loads(run.trace) if load.who == act.who), default=inf)
        events = list(sent(run, act))
        watching = min((event.t_start for event in events if event.name == "WATCH"), default=inf)
        for event in events if act.done else ():
            excused = event.t_start > watching or event.name in LISTENS
            frees = event.t_start >= loaded and act.what.encode() not in event.command
            if event.fault in LOST and not frees and not excused:
                text = f"{act.who} did not hear of its {event.name}: {event.fault}. It was told {shown(act.result)},"
                yield f"{text} and no error.", act.who, act.ended, "no error"


LISTENS = ("SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUBLISH", "PING")
"""Commands by which somebody wakes sooner who looks again in any case."""


def bare(run: Play) -> Iterator[Found]:
    """When a lock is freed, the value that its holder has loaded is there."""
    done = {act.who for act in run.witness.acts if act.done}
    for who, when in run.witness.bare:
        if who in done:
            text = f"At {ms(when)} the lock of {who} was freed, and the value that it had loaded was not there yet:"
            yield f"{text} who looks at that moment loads again.", who, when, "freed too early"
