"""03.5, break it: the answer is one fault, and it is judged by whether a key without a TTL is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from course_lib.explore import OneFault, Play, Simulation, Trial
from course_lib.explore.server_state import left
from course_lib.grading.break_it import a_fault, twins
from course_lib.grading.evidence import ms
from course_lib.grading.rules import Failing, Found, Rules, named
from course_lib.lessons.atomicity import programs

CLIENTS, KEY = {"alice": 0.0, "bob": 0.02}, "hits:ann"
"""Who asks, and when, in seconds."""
Limiter = Callable[..., Awaitable[bool]]


def one_fault(answer: Any) -> OneFault:
    """The answer, if it is a fault."""
    return a_fault(answer, CLIENTS, 'a fault, such as OneFault("pause", at=1, client="bob")')


def trials(fault: OneFault) -> list[Trial]:
    """The same fault strikes the two commands, and the one script."""
    return twins(
        partial(_build, fault),
        ("the fault strikes INCR, then EXPIRE", programs.counts_then_expires, {"breaks": _breaks}),
        ("the same fault strikes the script", programs.counts_and_expires, {"mended": _survives}),
        "That the script survives says nothing, as your fault breaks neither of the two.",
        sizes=(2,), least=2, horizon=5.0 + abs(fault.seconds), unfaulted="your fault",
    )  # fmt: skip


def _build(fault: OneFault, limiter: Limiter, world: Simulation, clients: int) -> None:
    world.faults = replace(fault)
    for name, when in CLIENTS.items():
        world.client(name, limiter, world.redis(), KEY, name, start=when)


def _breaks(run: Play) -> Iterator[Found]:
    lives = {key: life for _, key, life in left(run)}
    last = max(run.trace, key=lambda event: event.t_server or 0.0)
    when = last.t_server or last.t_start
    if lives.get(KEY, 0) < 0:
        run.trace.note(last.client, "violation", when, text="left without a TTL")
    else:
        how = f"ends in {ms(lives[KEY] / 1000)}" if KEY in lives else "is not there"
        yield f"Nothing lasting came of it: in the end {KEY} {how}.", last.client, when, "it will end"


def _survives(run: Play) -> Iterator[Found]:
    if any(life < 0 for _, _, life in left(run)):
        yield f"After the same fault the script leaves {KEY} without a TTL too.", "alice", 0.0, "no TTL"


def clues(failing: Failing) -> Iterator[str]:
    """Why the EXPIRE came all the same, or there was none to come."""
    if "breaks" not in failing:
        return iter(())
    trace, kind = failing["breaks"].trace, failing.answer.kind
    hit = [event.client for event in trace if event.fault is not None]
    hit += [note.who for note in trace.notes if note.kind in ("crash", "pause", "down", "skew")]
    first = [
        event.client for event in trace if event.name.startswith("INCR") and event.reply == 1 and event.fault is None
    ]
    late = [event.client for event in trace if event.name == "EXPIRE" and event.fault == "reply lost"]
    return named({
        "never-struck": not hit, "only-late": kind in ("pause", "clock step"), "not-the-first": hit[:1] == ["bob"],
        "reply-too-late": late, "before-the-count": first == ["bob"],
    })  # fmt: skip


RULES = Rules(one_fault, trials, clues, learners_code=False, exhibit=True)
