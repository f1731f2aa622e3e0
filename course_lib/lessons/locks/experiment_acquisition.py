"""One acquisition of Redlock, looked at closely: when each node ran the request, and how much of the TTL is left."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from redis.exceptions import RedisError

from course_lib.lessons.locks.experiment_set_up import load_scripts
from course_lib.patterns.locks import ACQUIRE, KEEP
from course_lib.patterns.redlock import Redlock
from course_lib.sim import Faults, Ground, Send
from course_lib.sim import Simulation as Simulated
from course_lib.sim.faults import Loss
from course_lib.trace import Event
from course_lib.worlds import run_or_raise

NODES = 5


class Answer(NamedTuple):
    """When a node ran the request, and when its reply came in time; None if never. Units: seconds, as below."""

    ran: float | None
    replied: float | None


@dataclass(frozen=True, repr=False)
class Acquisition:
    """The result of one attempt. Units: seconds since its first request left.

    `elapsed` is when each node had answered or had used up `timeout`. `lasts` is when the lease ends, TTL − drift;
    `granted` is whether a majority had said yes before that.
    """

    ttl: float
    timeout: float
    elapsed: float
    lasts: float
    granted: bool
    answers: tuple[Answer, ...]

    def __repr__(self) -> str:
        yes = sum(answer.replied is not None for answer in self.answers)
        spent = f"{1000 * self.elapsed:.0f} ms elapsed, {1000 * self.drift:.0f} ms drift"
        return f"{yes} of {len(self.answers)} nodes said yes in time; {1000 * self.ttl:.0f} ms TTL, {spent}"

    @property
    def drift(self) -> float:
        """What is subtracted because clocks run unevenly: 1 % of the TTL, and 2 ms."""
        return self.ttl - self.lasts

    @property
    def validity(self) -> float:
        """TTL − elapsed − drift; if it is 0 or less, the attempt has failed."""
        return self.lasts - self.elapsed

    @property
    def majority(self) -> bool:
        """Did more than half of the nodes grant it, and say so in time?"""
        return sum(answer.replied is not None for answer in self.answers) > len(self.answers) // 2

    @property
    def first_expiry(self) -> float:
        """When the first of its keys expires."""
        return min((a.ran + self.ttl for a in self.answers if a.ran is not None), default=0.0)


def acquire_once(
    *, ttl: float = 0.4, timeout: float = 0.1, silent: Collection[int] = (3,), slow: float = 0.02, seed: int = 1
) -> Acquisition:
    """Simulate one attempt, on five nodes of which the `silent` ones, from 0, lose every request.

    Units: ttl, timeout, slow in seconds; a message takes `slow` on average, and a tenth of that at least.
    """
    world = Simulated(seed, nodes=NODES, latency=lambda draw: slow / 10 + draw.exponential(slow * 0.9))
    load_scripts(world, ACQUIRE, KEEP)
    world.faults = _Silent({f"redis{node}" for node in silent})
    nodes = [world.redis(node) for node in range(NODES)]
    lock = Redlock(nodes, "job", ttl=ttl, timeout=timeout, token=lambda: "A", draw=world.draws("A"))

    async def once() -> tuple[float, float, bool]:
        start = world.now()
        try:
            lease = await lock.acquire()
        except (RedisError, TimeoutError):  # no majority answered
            lease = None
        return start, world.now(), lease is not None

    world.client("A", once)
    start, end, granted = run_or_raise(world)["A"]
    asked = {event.node: event for event in world.trace if b"fence:{job}" in event.command}
    if not granted:  # what a failed attempt frees takes time of its own
        end = max(min(event.t_end or inf, start + timeout) for event in asked.values())
    answers = tuple(_answer(asked[f"redis{node}"], start, timeout) for node in range(NODES))
    return Acquisition(ttl, timeout, end - start, lock.lasts, granted, answers)


def _answer(event: Event, start: float, timeout: float) -> Answer:
    ran, end = event.t_server, event.t_end
    replied = None if end is None or end - start > timeout else end - start
    return Answer(None if ran is None else ran - start, replied)


class _Silent(Faults):
    """What is sent to these nodes is lost."""

    def __init__(self, nodes: set[str]) -> None:
        self.nodes = nodes

    def on_send(self, world: Ground, send: Send) -> Loss | None:
        return "request lost" if send.node.name in self.nodes else None
