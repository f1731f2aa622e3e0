"""04.2, its runs: clients that want a lock at once, one alone, one that has not heard of its own, two in vain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from course_lib.explore import Process, Simulation
from course_lib.grading.lock_commands import SETS
from course_lib.grading.lock_watch import Locks
from course_lib.lessons.locks.exercises.lock_calls import Answer, Call, hold, yes
from course_lib.lessons.locks.programs import FREE_OUR_OWN
from course_lib.sim.faults import Faults, Loss, Send
from course_lib.sim.ground import Ground

TTLS, WORK = (1.0, 1.5, 0.57, 2.25), 0.15
"""Seconds: a lock lives, a holder works. A run's seed says which."""
LONG = 6.0
"""Seconds that a client waits for a lock that is soon free."""
ALONE = ((1.0, 0.9), (1.5, 1.3), (10.0, 2.0), (1.2, 1.0), (2.25, 1.5), (1.0, 0.9), (1.5, 1.2), (1.0, 0.9))
"""ttl and wait, in seconds, of a client that is alone: if it takes its own lock for another's, it is told False before
that lock is over."""
WAITS = (1.0, 0.37, 13.0, 0.0)
"""Seconds that clients wait in vain. In the longest only one does, and all that is drawn is small: more than a thousand
tries, which nobody counts."""
HOLDER = "by-c9-a17b03"
ALIKE = (("by-c9-a17b", "9-a17b03"), ("by-c9-a17b03-1", "BY-C9-A17B03"))
"""The token of the client that keeps the lock, and those of two that want it, in turn, much like it."""
IN_TIME = 0.3
"""Seconds before the end of `wait`: nobody can learn of a reply that is lost later."""


@dataclass
class Take(Call):
    """One call of the answer; `wait` is in seconds."""

    wait: float = 0.0


async def _take(
    run: Locks, answer: Answer, who: str, ttl: float, wait: float, draw: Callable[[], float], work: float = WORK,
    token: str = "",
) -> Any:  # fmt: skip
    """Call the answer; with the lock, work, and free it."""
    world, redis = run.world, run.world.redis()
    token = token or f"by-{who}-{int(world.draws(f'token of {who} {world.now()}')() * 16**6):06x}"
    call = Take(who, token, key=run.key, ttl=ttl, wait=wait)
    result = await run.do(call, lambda _: answer(redis, run.key, token, ttl=ttl, wait=wait, draw=draw))
    if yes(result):
        await hold(world, who, world.now() + work)
        await redis.eval(FREE_OUR_OWN, 1, run.key, token)
    return result


def all_at_once(answer: Answer, world: Simulation, clients: int) -> Locks:
    """Each takes it once, in later runs twice; in every other run all are tasks of one process."""
    run, start, ttl = Locks(world), world.draws("start"), TTLS[world.seed % len(TTLS)]
    process = Process("c") if world.seed % 2 else None

    async def body(who: str) -> Any:
        for _ in range(1 + world.seed // 4 % 2):
            result = await _take(run, answer, who, ttl, LONG, world.draws(who))
        return result

    for who in [f"c{number}" for number in range(1, clients + 1)]:
        world.client(who, body, who, start=start() * 0.005, process=process)
    return run


def alone(answer: Answer, world: Simulation, clients: int) -> Locks:
    """A message is lost; and in all runs but the first the server refuses a command."""
    run, (ttl, wait) = Locks(world), ALONE[world.seed % len(ALONE)]
    run.watched[0].refuses = world.seed - 1 if world.seed else None
    world.client("c1", _take, run, answer, "c1", ttl, wait, world.draws("c1"))
    return run


class FirstReply(Faults):
    """c1 does not hear the reply to the first command that may take the lock, if it can still learn of it in time."""

    def __init__(self, more: Faults | None) -> None:
        self.more, self.waits = more, True

    def on_send(self, world: Ground, send: Send) -> Loss | None:
        lost = self.more.on_send(world, send) if self.more is not None else None
        waits = send.process is None or send.process.paused_until <= world.now() < IN_TIME
        if lost or send.client != "c1" or not (self.waits and waits) or send.command[0].decode() not in TAKES:
            return lost
        self.waits = False
        return "reply lost"


TAKES = (*SETS, "EVAL", "EVALSHA", "EXEC")


def and_more(answer: Answer, world: Simulation, clients: int) -> Locks:
    """c1 has the lock and has not heard of it, in the second run until it gives up; c2 gets it when that is over, and
    works for long."""
    run, world.faults = Locks(world), FirstReply(world.faults)
    world.client("c1", _take, run, answer, "c1", 1.0, (0.9, 0.2)[world.seed % 2], world.draws("c1"))
    world.client("c2", _take, run, answer, "c2", 2.25, LONG, world.draws("c2"), 1.5, start=0.01)
    return run


def in_vain(answer: Answer, world: Simulation, clients: int) -> Locks:
    """What is drawn begins with the smallest and the largest number that there is. In every other run both are tasks of
    one process."""
    run, wait, process = Locks(world), WAITS[world.seed % len(WAITS)], Process("c") if world.seed % 2 == 0 else None
    many = wait == max(WAITS)
    world.client("judge", partial(world.redis().set, run.key, HOLDER, px=60_000))
    for who, token in list(zip(["c1", "c2"], ALIKE[world.seed // 2 % 2], strict=True))[: 1 if many else 2]:
        first, draw = [1 - 2**-53, 0.0], world.draws(who)
        drawn = partial(_drawn, first, draw, 0.01 if many else 1.0)
        world.client(who, _take, run, answer, who, TTLS[0], wait, drawn, WORK, token, start=0.05, process=process)
    return run


def _drawn(first: list[float], draw: Callable[[], float], most: float) -> float:
    return first.pop() if first else most * draw()
