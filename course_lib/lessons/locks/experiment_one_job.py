"""A few workers and one job that only one of them may do at a time: small enough to draw every command.

`shift(job)` plays one run; `find(job)` plays many, with one fault at every command in turn, and keeps the smallest one
in which two worked at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count, pairwise
from typing import Any

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from course_lib.explore import Budget, Fact, Findings, OneFault, Play, Trial, Violation, search
from course_lib.explore.moment import Opened, reopened
from course_lib.sim import Draws, Faults
from course_lib.sim.faults import Kind
from course_lib.trace import Event, Span, Trace
from course_lib.widgets.progress import Bar
from course_lib.words import counted
from course_lib.worlds import Simulated

Job = Callable[[Any, "Worker"], Awaitable[Any]]
"""`await job(redis, worker)`; with several nodes the first argument is the list of their clients."""

ONE_HOLDER = "one at a time"
IN_ORDER = "no old write over a newer"
PAUSE: Mapping[Kind, float] = {"pause": 0.8}
"""Seconds. It is less than the TTL of the lesson's locks, but with 0.6 s of work more: or no fault would show."""


@dataclass
class Worker:
    """One worker. `draw()` is its own randomness; its tokens are w1, w1.2, …, so that a picture shows whose each is."""

    name: str
    draw: Draws
    world: Simulated = field(repr=False)
    _tokens: Iterator[int] = field(default_factory=lambda: count(1), repr=False)

    def token(self) -> str:
        """A new token, which no other worker makes here. In earnest a token must be random."""
        number = next(self._tokens)
        return self.name if number == 1 else f"{self.name}.{number}"

    async def work(self, seconds: float) -> None:
        """Work at the job. Units: seconds."""
        note = self.world.note(self.name, "hold")
        try:
            await asyncio.sleep(seconds)
        finally:
            note.t_end = self.world.now()


@dataclass(repr=False)
class Shift:
    """What happened: the trace, and what became of each worker."""

    trace: Trace
    results: dict[str, Any]
    again: Callable[[], Opened] | None = None
    """Plays it again, for a look at each of its moments, where a search has found it."""

    def __repr__(self) -> str:
        if not self.spans and len(self.trace) <= 4:  # nobody worked: what matters is what was asked and told
            return ", ".join(f"{event.text} ({event.fault or event.reply_text})" for event in self.trace)
        who = f"{counted(len(self.results), 'worker')}: {counted(len(self.spans), 'time')} at work"
        return f"{who}, at most {self.most_at_once} at once"

    @property
    def spans(self) -> list[Span]:
        """Who worked when."""
        return self.trace.spans("hold")

    @property
    def most_at_once(self) -> int:
        """The largest number of workers who worked at the same moment."""
        return max((sum(o.start <= s.start < o.end for o in self.spans) for s in self.spans), default=0)

    @property
    def together(self) -> tuple[Span, Span] | None:
        """The first two who worked at once; None if nobody did."""
        return together(self.spans)


def shift(
    job: Job, *, workers: int = 5, nodes: int = 1, spread: float = 0.01, seed: int = 1, faults: Faults | None = None,
    failover: float | None = None, retries: int = 0,
) -> Shift:  # fmt: skip
    """Simulate workers w1, w2, … that each do the job once, as soon as they get the lock.

    At `failover` the first node is replaced by a replica that has none of its keys. Units: `spread`, within which the
    workers come at random, and `failover`, in seconds; `retries` of a command whose reply does not come.
    """
    world = Simulated(seed, nodes=nodes, faults=faults, socket_timeout=0.25, retry=Retry(NoBackoff(), retries))
    _set_up(world, job, workers, spread, failover)
    results = world.run()
    run = Shift(world.trace, {who: results[who] for who in results if who != "failover"})
    if (pair := run.together) is not None:
        first, second = pair
        run.trace.note(second.who, "violation", second.start, text=f"{first.who} and {second.who} both work")
    return run


def _set_up(world: Simulated, job: Job, workers: int, spread: float, failover: float | None) -> None:
    several = len(world.nodes) > 1
    clients = [world.redis(node) for node in range(len(world.nodes))] if several else world.redis()
    starts = world.draws("starts")
    for number in range(1, workers + 1):
        worker = Worker(f"w{number}", world.draws(f"w{number}"), world)
        world.client(worker.name, job, clients, worker, start=starts.between(0, spread))
    if failover is not None:
        world.client("failover", world.redis().flushall, start=failover)


def together(spans: Sequence[Span]) -> tuple[Span, Span] | None:
    """The first two that overlap, given in order of their starts."""
    longest: Span | None = None
    for span in spans:
        if longest is not None and span.start < longest.end:
            return longest, span
        longest = span if longest is None or span.end > longest.end else longest
    return None


# -- many runs --------------------------------------------------------------------------------------------------------


@dataclass(repr=False)
class Found:
    """What a search of a job's runs found: `shift` is the smallest in which the promise was broken, None if none."""

    findings: Findings
    shift: Shift | None
    schedule: str

    def __repr__(self) -> str:
        tried = f"{self.findings.schedules:,} runs"
        if self.shift is None:
            stopped = "" if self.findings.complete else " before the budget ended"
            return f"{tried}{stopped}: {self.findings.trial.promises[0]} in every one"
        return f"broken; the smallest failure in {tried}: {self.schedule}"


def find(
    job: Job, *, workers: int = 3, nodes: int = 1, faults: Mapping[Kind, float] = PAUSE, seeds: int = 20,
    promise: str = ONE_HOLDER,
) -> Found:  # fmt: skip
    """Play the job under `seeds` seeds, with each kind of fault at every command in turn; keep the smallest failure.

    The first promise is that no two work at once; `IN_ORDER`, that the key "report" is never set by a worker after one
    who got the lock later. Units: `faults`, seconds that a pause or an outage lasts.
    """
    trial = Trial(
        f"job.{promise}", (promise,), lambda world, clients: _set_up(world, job, clients, 0.01, None), _JUDGES[promise],
        sizes=tuple(range(2, workers + 1)), seeds=seeds, fault_seeds=seeds, faults=faults, horizon=60.0,
        world=lambda: Simulated(nodes=nodes, socket_timeout=0.25),
    )  # fmt: skip
    with Bar("runs") as bar:
        findings = search(trial, Budget(schedules=20_000, steps=10**8), lambda done, _: bar.update(done - bar.n))
        bar.update(findings.schedules - bar.n)
    failing = findings.failing.get(promise)
    if failing is None:
        return Found(findings, None, "")
    violation = failing.violation(promise)
    assert violation is not None
    failing.trace.note(violation.who, "violation", violation.t_start, text=violation.mark)
    return Found(
        findings, Shift(failing.trace, failing.results, partial(reopened, trial, failing)), failing.schedule.text
    )


def _one_at_a_time(play: Play) -> Iterator[Violation]:
    if (pair := together(play.trace.spans("hold"))) is not None:
        first, second = pair
        said = f"{first.who} and {second.who} both work"
        facts = Fact(first.start, first.who, "gets the lock"), Fact(second.start, second.who, "gets the lock too")
        yield Violation(ONE_HOLDER, said, second.who, second.start, said, facts)


def _in_order(play: Play) -> Iterator[Violation]:
    if (found := old_over_new(play.trace)) is not None:
        newer, write = found
        said = f"{write.client} overwrites the newer report of {newer}"
        yield Violation(IN_ORDER, said, write.client, write.t_server or 0.0, said)


def old_over_new(trace: Trace) -> tuple[str, Event] | None:
    """(newer, write): the first write to the key "report" over that of a client, `newer`, that began to hold later."""
    began = {span.who: span.start for span in trace.spans("hold")}
    done = sorted((event for event in trace if _written(event)), key=lambda event: event.t_server or 0.0)
    for before, after in pairwise(done):
        if began.get(after.client, 0.0) < began.get(before.client, 0.0):
            return before.client, after
    return None


def _written(event: Event) -> bool:
    """Did the command write the report, and was it not refused? HSET answers 0 for a field that was there."""
    took = event.reply in (1, b"OK") or (event.name == "HSET" and event.reply == 0)
    return event.name in ("SET", "HSET", "EVALSHA", "EVAL") and b"report" in event.command[1:4] and took


_JUDGES = {ONE_HOLDER: _one_at_a_time, IN_ORDER: _in_order}

__all__ = ["IN_ORDER", "ONE_HOLDER", "PAUSE", "Found", "OneFault", "Shift", "Worker", "find", "shift"]
