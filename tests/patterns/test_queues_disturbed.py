"""The work queue in simulation: workers and producers crash and pause, messages are lost, the server goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice, product
from typing import Any

import pytest
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from thorough import runs

from course_lib.patterns import queues
from course_lib.patterns.queues import WorkQueue, once
from course_lib.sim import Ground, OneFault, Send
from course_lib.sim.faults import KINDS, Kind, Loss, RandomFaults
from course_lib.worlds import Simulated

from . import broken_queues as broken

UNTIL = 1.0  # seconds: no fault strikes later, so that what is left over can be brought to an end
MOST = 6  # deliveries: more than the faults can use up, as each costs claim_after
MESSAGES = ("m0", "m1", "poison")
Once = Callable[..., Any]


class Early(RandomFaults):
    """Random faults in the first seconds, in everybody who is not the auditor."""

    def on_send(self, world: Ground, send: Send) -> Loss | None:
        return super().on_send(world, send) if world.now() < UNTIL and send.client != "auditor" else None


@dataclass
class Factory:
    """Producers and workers on one queue, a janitor, and an auditor who waits for the end and closes the works."""

    world: Simulated
    kind: type[WorkQueue] = WorkQueue
    apply: Once = once
    most: int = MOST
    accepted: list[str] = field(default_factory=list)
    handled: list[str] = field(default_factory=list)

    def build(self) -> Factory:
        redis = self.world.redis()
        self.queue = self.kind(redis, "jobs", claim_after=0.3, block=0.4, max_deliveries=self.most)
        for name, messages in (("p0", MESSAGES[:2]), ("p1", MESSAGES[2:])):
            self.world.client(name, self.produce, messages)
        workers = [self.world.client(f"w{at}", self.work, f"w{at}", start=at * 0.01) for at in range(2)]
        workers.append(self.world.client("fresh", self.work, "fresh", start=UNTIL + 0.1))
        janitor = self.world.client("janitor", self.clean, start=0.05)
        self.world.client("auditor", self.audit, [*workers, janitor])
        return self

    async def produce(self, messages: tuple[str, ...]) -> None:
        for message in messages:
            await insist(partial(self.queue.send, f"text of {message}", message_id=message))
            self.accepted.append(message)

    async def work(self, name: str) -> None:
        await insist(partial(self.queue.run, name, self.handle))

    async def handle(self, message: str, text: str) -> None:
        self.handled.append(message)
        if message == "poison":
            raise ValueError(message)
        assert text == f"text of {message}"
        redis = self.world.redis()
        await self.apply(redis, f"done:{message}", lambda pipe: pipe.incr(f"effect:{message}"), remember=3600)

    async def clean(self) -> None:
        while True:
            await asyncio.sleep(0.6)
            await insist(self.queue.tidy)

    async def audit(self, staff: list[Any]) -> list[str]:
        """What is wrong at the end: when all is handled, or much later."""
        redis, wrong = self.world.redis(), ["never looked"]
        while wrong and self.world.now() < 6:
            await asyncio.sleep(0.5 if self.world.now() > UNTIL else UNTIL + 2)
            wrong = await insist(partial(self.faults, redis))
        for process in staff:
            self.world.crash(process)
        return wrong

    async def faults(self, redis: Any) -> list[str]:
        """Each promise that does not hold (yet)."""
        dead = [entry["id"] for _, entry in await redis.xrange(self.queue.dead)]
        wrong = [f"dead letter {message}" for message in dead if message != "poison"]
        for message in MESSAGES[:-1]:
            count = int(await redis.get(f"effect:{message}") or 0)
            if count > 1 or (count == 0 and message in self.accepted):
                wrong.append(f"{message} took effect {count} times")
        if dead.count("poison") > 1 or (not dead and "poison" in self.accepted):
            wrong.append(f"{dead.count('poison')} dead letters of poison")
        if self.handled.count("poison") > self.most:
            wrong.append("poison was handled too often")
        if await redis.exists("jobs") and (await redis.xpending("jobs", "workers"))["pending"]:
            wrong.append("pending at the end")
        return wrong


async def insist(act: Callable[[], Any]) -> None:
    """Try until it goes through, as a supervisor of a process does."""
    while True:
        try:
            return await act()
        except RedisError:
            await asyncio.sleep(0.05)


def disturbed(**options: Any) -> Iterator[list[str]]:
    """What was wrong at the end of each run, from seed 0 on, with random faults; the library retries once."""
    faults = Early(seconds=0.9, crash=0.01, pause=0.03, lose_request=0.02, lose_reply=0.05, node_down=0.005)
    world = Simulated(faults=faults, socket_timeout=0.5, retry=Retry(NoBackoff(), 1))
    world.loop.max_time = 60.0
    for seed in count():
        Factory(world.rewind(seed), **options).build()
        yield world.run()["auditor"]


def test_a_thousand_disturbed_runs_lose_and_repeat_nothing() -> None:
    """Each message whose sending was acknowledged takes effect once; poison ends as one dead letter, all else never."""
    assert [(seed, wrong) for seed, wrong in enumerate(islice(disturbed(), runs(1000))) if wrong] == []


@pytest.mark.parametrize(("client", "kind"), list(product(("p1", "w0", "janitor"), KINDS)))
def test_one_fault_at_any_send_loses_and_repeats_nothing(client: str, kind: Kind) -> None:
    """Whatever strikes any one command of a producer, a worker or the janitor before all is handled."""
    at, struck = 0, True
    faults = OneFault(kind, at=1, client=client, seconds=0.9)
    world = Simulated(faults=faults, socket_timeout=0.5)
    while struck and at < 12:
        at += 1
        faults.at = at
        Factory(world.rewind(at)).build()
        assert world.run()["auditor"] == [], at
        struck = faults.sends >= at
    assert at > 1


# -- the controls: each twin breaks its promise within the first seeds ------------------------------------------------


def harm(**options: Any) -> set[str]:
    """What is wrong in the first of 60 disturbed runs that go wrong."""
    return set(next(filter(None, islice(disturbed(**options), 60)), []))


def test_who_acknowledges_first_loses_messages() -> None:
    assert harm(kind=broken.AcksFirst) & {
        "m0 took effect 0 times",
        "m1 took effect 0 times",
        "0 dead letters of poison",
    }


def test_who_sends_without_an_id_sends_twice() -> None:
    """The handler is idempotent, so it shows in the dead letters."""
    assert "2 dead letters of poison" in harm(kind=broken.SendsAgain)


@pytest.mark.parametrize(("kind", "repeats"), [(WorkQueue, False), (broken.BuriesInTwoSteps, True)])
def test_who_buries_in_two_steps_buries_twice(kind: type[WorkQueue], repeats: bool) -> None:
    """With one delivery allowed, burials fall among the faults; the course's own script repeats none of them."""
    found = {wrong for run in islice(disturbed(kind=kind, most=1), 20) for wrong in run}
    assert ("2 dead letters of poison" in found) == repeats


@pytest.mark.parametrize("apply", [broken.not_once, broken.marked_apart])
def test_who_does_not_mark_with_the_effect_repeats_or_loses_it(apply: Once) -> None:
    assert any("took effect" in wrong for wrong in harm(apply=apply))


@pytest.mark.parametrize(
    ("script", "twin", "expected"),
    [
        ("TURN", broken.NEVER_CLAIMS, "pending at the end"),
        ("TURN", broken.NEVER_BURIES, "poison was handled too often"),
        ("TIDY", broken.TRIMS_BY_LENGTH, "took effect 0 times"),
        ("TIDY", broken.TRIMS_WHAT_WAS_DELIVERED, "took effect 0 times"),
        ("TIDY", broken.REMOVES_WHO_HOLDS, "took effect 0 times"),
    ],
    ids=["never claims", "never buries", "trims by length", "trims what was delivered", "removes who holds"],
)
def test_a_script_that_leaves_something_out(
    script: str, twin: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, script, twin)
    assert any(expected in wrong for run in islice(disturbed(), 60) for wrong in run)
