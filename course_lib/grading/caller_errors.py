"""Errors of redis-py, and whether they go to the caller: commands that a server refuses, and messages that are lost."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from redis.exceptions import (
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from course_lib.explore import Extension, Play, Session
from course_lib.grading.acts import Act, sent
from course_lib.grading.evidence import raised, shown
from course_lib.grading.rules import Found
from course_lib.trace import Event

ERRORS = ("LOADING Redis is loading the dataset in memory", "OOM command not allowed")
"""What a server may refuse any command with. To redis-py the first is a ConnectionError, the second a ResponseError."""
TO_ANY = (*ERRORS, "NOPERM this user has no permissions to run this command")
TO_WRITES = (*TO_ANY, "READONLY You can't write against a read only replica.")
"""More of them. Any command can be refused with the former; only a write with the others."""


AGAIN = 10
"""How many commands one after another are refused where somebody who tries again is to fail again."""


def refused_ones(number: int, commands: int) -> Collection[int]:
    """Which commands a server refuses, counted from 0: the one with that number; or, from the number `commands`
    on, the first, the second and so on, each with those that follow."""
    return (number,) if number < commands else range(number - commands, number - commands + AGAIN)


class Refuses(Extension):
    """`refuses`, if not None, says which command from now on is refused, and how: 0 to 2 the first, with one error of
    `TO_ANY` each; 3 to 5 the second; and so on. So are those that follow, `times` in all. MULTI and EXEC are none of
    them: a server that refuses one of these refuses what is between, too."""

    def __init__(self, refuses: int | None = None, times: int = 1) -> None:
        self.refuses, self._times = refuses, times

    def answers(self, session: Session, command: list[bytes]) -> bool:
        if self.refuses is None or command[0].upper() in (b"MULTI", b"EXEC"):
            return False
        if refused := self.refuses < len(TO_ANY):
            session.refuse(TO_ANY[self.refuses])
            self._times -= 1
        else:
            self.refuses -= len(TO_ANY)
        if not self._times:
            self.refuses = None
        return refused


def keeps_errors(run: Play) -> Iterator[Found]:
    """A caller whose command is refused, or who never hears what came of it, must end with an error of redis-py. The
    exception is a command that is lost while a key is watched, of which redis-py makes a WatchError."""
    for call in run.witness.acts:
        watching = False
        for event in sent(run, call) if call.over and not of_redis(call.result) else ():
            error = event.reply if refused(event) else None
            what = f"answered with an error, {error}" if error is not None else LOSSES.get(event.fault or "")
            watching = watching or event.name == "WATCH"
            excused = watching and not isinstance(error, ResponseError)
            if what and not excused and event.name not in ("UNWATCH", "DISCARD"):
                said = f"raised {raised(call.result)}" if call.failed else f"returned {shown(call.result)}"
                text = f"{event.name} was {what}, and the call {said}; errors of redis-py go to the caller."
                yield text, call.who, call.ended, "no error"


def hindered(run: Play, act: Act) -> bool:
    """Did it end with an error because a command was lost, or refused by a server that refuses any? A command that no
    server would run does not count."""
    return act.failed and of_redis(act.result) and any(e.fault in LOSSES or refused(e) for e in sent(run, act))


def of_redis(result: object) -> bool:
    """Is it an error of redis-py, or a group of such?"""
    if isinstance(result, BaseExceptionGroup):
        return all(map(of_redis, result.exceptions))
    return isinstance(result, RedisError)


LOSSES = {"request lost": "lost on its way", "reply lost": "run, and its reply lost", "refused": "refused a connection"}


def refused(event: Event) -> bool:
    """Is it an error by which the judge's server refuses any command?"""
    refusals = (BusyLoadingError, OutOfMemoryError, NoPermissionError, ReadOnlyError)
    return isinstance(event.reply, refusals)  # redis-py changes an error's text
