"""For what a task waits, in words: a reply, the clock, another task."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import redis

from course_lib.explore.moment.await_chains import awaited
from course_lib.sim.pool import SimConnection
from course_lib.sim.wait_until import until
from course_lib.trace import Event
from course_lib.words import counted, ms, shorten

_READS, _SLEEPS, _UNTIL = SimConnection.arrived.__code__, asyncio.tasks.sleep.__code__, until.__code__
_GATHERS = asyncio.tasks._GatheringFuture  # type: ignore[attr-defined]
_GROUPS = asyncio.TaskGroup.__aexit__.__code__
_REDIS = str(Path(redis.__file__).parent)
_PARTS = ("asyncio/locks.py", "asyncio/queues.py", "asyncio/taskgroups.py", "asyncio/tasks.py", "asyncio/timeouts.py")


def waits_for(task: asyncio.Task[Any], sent: Sequence[Event], now: float) -> str:
    """What it waits for. `sent` are the commands of its last message."""
    future = getattr(task, "_fut_waiter", None)
    if future is None:
        return "its next step, which is due now"
    frames = [frame for _, frame in awaited(task.get_coro())]
    innermost = frames[-1] if frames else None
    if innermost is not None:
        if innermost.f_code is _READS:
            return _reply(sent)
        if innermost.f_code is _SLEEPS or innermost.f_code is _UNTIL:
            return _clock(innermost, now)
    if type(future) is asyncio.Task:
        return "a task of its own"
    if type(future) is _GATHERS:
        return counted(sum(not one.done() for one in future._children), "task of its own", "tasks of its own")
    if innermost is not None and innermost.f_code.co_filename.startswith(_REDIS):
        return "its client of Redis, which is about to go on"
    return _part_of_asyncio([frame.f_code for frame in frames])


def _reply(sent: Sequence[Event]) -> str:
    """Which of the replies is next."""
    left = [event for event in sent if event.t_end is None]
    if not left:
        return "a message"
    first = shorten(left[0].text, 48)
    return f"the reply to {first}" if len(left) == 1 else f"the replies to {first} and {len(left) - 1} more"


def _clock(frame: FrameType, now: float) -> str:
    """When the wait ends: for asyncio.sleep the timer knows, for `until` its argument."""
    held = frame.f_locals
    timer, when = held.get("h"), held.get("when")
    if type(held) is dict:
        held.clear()
    when = timer.when() if type(timer) is asyncio.TimerHandle else None if when is None else max(when, now)
    return "the clock" if when is None else f"the clock: until {ms(when)}"


def _part_of_asyncio(chain: list[CodeType]) -> str:
    """`asyncio's Lock.acquire`, by the outermost function of asyncio's that comes after all others."""
    at = len(chain)
    while at and chain[at - 1].co_filename.replace("\\", "/").endswith(_PARTS):
        at -= 1
    if at == len(chain):
        return "a future"
    return "the tasks of its TaskGroup" if chain[at] is _GROUPS else f"asyncio's {chain[at].co_qualname}"
