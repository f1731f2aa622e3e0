"""lock_and_wait in simulation when callers give up and messages are lost: nobody finds a lock left over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from course_lib.errors import LoadTimeout
from course_lib.patterns import lock_and_wait
from course_lib.sim import CRASHED, Faults, Ground, OneFault, Send
from course_lib.sim.faults import KINDS, Kind, Loss
from course_lib.worlds import Simulated

from . import broken
from .crowd import LOCKED, Ask, CancelledAt, Database, Down, alone, asker, awaited

SEEDS = range(8)


# -- callers that give up ---------------------------------------------------------------------------------------------


def harm(world: Simulated, victim: Callable[[], Awaitable[Any]], ask: Ask, *, warm: bool = True) -> list[str]:
    """Run `victim` at 1 s beside a rival; say who else did not get the page within a second."""
    if warm:  # another key's loader has taught the server the script, so a release is one message
        world.client("early", lambda: lock_and_wait(world.redis(), "other", Database().load, **LOCKED))
    world.client("victim", victim, start=1)
    world.client("rival", ask, start=1.001)
    world.client("later", ask, start=6)
    results = world.run()
    assert not world.loop.unretrieved
    return [name for name in ("rival", "later") if results[name] != "page"]


def cancelled_everywhere(*also: int, seed: int, warm: bool) -> list[tuple[int, list[str]]]:
    """Cancel at the first await, then in another run at the second …; list the awaits at which it did harm.

    `also` are more cancellations, counted from the first one.
    """
    harmed, at = [], 0
    while True:
        at += 1
        world, database = Simulated(seed=seed), Database()
        ask = asker(world, database, lock_ttl=60, wait=1)
        work = CancelledAt(ask(), at, *(at + more for more in also))
        harmed.append((at, harm(world, partial(awaited, work), ask, warm=warm)))
        if work.awaits < at:
            return [(at, names) for at, names in harmed if names]
        assert isinstance(world.results["victim"], asyncio.CancelledError), f"cancelled at await {at}: {world.results}"


@pytest.mark.parametrize("also", [(), (1,), (2,), (1, 2)], ids=str)
@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_caller_that_is_cancelled_leaves_no_lock(seed: int, warm: bool, also: tuple[int, ...]) -> None:
    """Cancelled once or more, at every await in turn: the cancellation comes out, and nobody waits for lock_ttl."""
    assert cancelled_everywhere(*also, seed=seed, warm=warm) == []


@pytest.mark.parametrize(
    ("twin", "also"),
    [
        (broken.NoReleaseOnDoubt, ()),
        (broken.ReleaseOvertakesSet, ()),
        (broken.NoReleaseOnError, ()),
        (broken.InterruptibleRelease, (1,)),
    ],
)
def test_without_care_a_cancelled_caller_leaves_a_lock(
    monkeypatch: pytest.MonkeyPatch, twin: Any, also: tuple[int, ...]
) -> None:
    """The controls: each twin leaves a lock behind at one await at least, for which the others wait in vain."""
    broken.use(monkeypatch, twin)
    assert any(cancelled_everywhere(*also, seed=seed, warm=warm) for seed in SEEDS for warm in (True, False))


@pytest.mark.parametrize("seed", range(3))
def test_a_caller_that_times_out_leaves_no_lock(seed: int) -> None:
    """After any time from nothing to 100 ms, whatever is on the wire just then."""
    for tenths_of_ms in range(0, 1000, 5):
        world, database = Simulated(seed=seed), Database()
        ask = asker(world, database, lock_ttl=60, wait=1)

        async def hasty(ask: Ask = ask, limit: float = tenths_of_ms / 10_000) -> str | None:
            async with asyncio.timeout(limit):
                return await ask()

        assert harm(world, hasty, ask) == []
        assert world.results["victim"] == "page" or isinstance(world.results["victim"], TimeoutError)


# -- messages that are lost -------------------------------------------------------------------------------------------


def harm_of_a_loss(kind: Kind, seed: int) -> list[tuple[int, list[str]]]:
    """Lose each of the victim's messages in turn; its library does not retry, and gives up after 0.2 s."""
    harmed: list[tuple[int, list[str]]] = []
    for at in range(1, 9):
        world = Simulated(seed=seed, faults=OneFault(kind, at=at, client="victim"), socket_timeout=0.2)
        ask = asker(world, Database(), lock_ttl=60, wait=1)
        harmed.append((at, harm(world, ask, ask)))
    return [(at, names) for at, names in harmed if names]


@pytest.mark.parametrize("kind", ["lose request", "lose reply"])
@pytest.mark.parametrize("seed", SEEDS)
def test_one_lost_message_leaves_no_lock(seed: int, kind: Kind) -> None:
    """The victim may hear an error; the others wait for its time-out at most, not for lock_ttl."""
    assert harm_of_a_loss(kind, seed) == []


def test_without_a_release_in_doubt_one_lost_message_leaves_a_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the reply to SET is lost, and the lock stays."""
    broken.use(monkeypatch, broken.NoReleaseOnDoubt)
    assert any(harm_of_a_loss("lose reply", seed) for seed in SEEDS)


def lost_reply(at: int) -> tuple[Any, float, int]:
    """A client whose library retries loses the reply to its `at`-th command."""
    faults = OneFault("lose reply", at=at)
    world = Simulated(seed=1, faults=faults, socket_timeout=0.2, retry=Retry(NoBackoff(), 3))
    database = Database()
    world.client("a", asker(world, database, lock_ttl=60, wait=5))
    return world.run()["a"], world.now(), database.loads


@pytest.mark.parametrize("at", range(1, 9))
def test_a_lost_reply_does_not_lock_a_client_out(at: int) -> None:
    """The library retries; the client finds its own token in the lock, and loads. One load, one time-out long."""
    value, took, loads = lost_reply(at)
    assert (value, loads) == ("page", 1)
    assert took < 0.5


def test_who_trusts_the_reply_to_set_locks_itself_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the retried SET says no, and the client waits for itself."""
    broken.use(monkeypatch, broken.TrustsTheReply)
    value, _, loads = lost_reply(at=2)
    assert isinstance(value, LoadTimeout)
    assert loads == 0


class Unheard(Faults):
    """From its lock's SET on, nothing that `a` is told arrives, and nothing more that it says."""

    def on_send(self, world: Ground, send: Send) -> Loss | None:
        if send.client != "a" or not world.trace.events[0].t_end:
            return None
        return "reply lost" if send.command[0] in (b"SET", b"MGET", b"PTTL") else "request lost"


def test_a_lock_nobody_heard_of_ends_with_its_ttl() -> None:
    """What remains: the replies to SET and to the release are both lost; others wait for lock_ttl, then one loads."""
    world, database = Simulated(seed=1, faults=Unheard(), socket_timeout=0.2), Database()
    world.client("a", asker(world, database))
    world.client("b", asker(world, database), start=0.05)
    results = world.run()
    assert isinstance(results["a"], RedisError)
    assert results["b"] == "page"
    assert database.loads == 1
    assert LOCKED["lock_ttl"] <= database.spans[0][0] < LOCKED["lock_ttl"] + 0.3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_one_fault_at_any_send_costs_one_load_at_most(kind: Kind, seed: int) -> None:
    """Whatever strikes any one command: who is not struck gets the value, and nobody finds a lock left over."""
    at = 0
    while True:
        at += 1
        faults = OneFault(kind, at=at, seconds=5.0 if kind == "pause" else 0.3)
        world, database = Simulated(seed=seed, faults=faults, socket_timeout=0.5), Database()
        start = world.draws("start")
        for number in range(5):
            world.client(f"c{number}", asker(world, database), start=start() * 0.01)
        world.client("later", asker(world, database), start=20)
        results = world.run()
        if world.trace.events[at - 1].client == "later":
            break  # every place before it has been tried
        assert results.pop("later") == "page", at
        unlucky = [result for result in results.values() if result != "page"]
        assert all(result is CRASHED or isinstance(result, RedisError | TimeoutError) for result in unlucky), (
            at,
            unlucky,
        )
        assert len(unlucky) <= (5 if kind == "node down" else 1), at
        assert database.loads <= 2, at


def test_a_load_error_is_not_hidden_by_a_server_that_is_gone() -> None:
    """The load fails and so does the release: the caller hears of the load."""
    world, database = Simulated(seed=1), Database(failing=1)
    world.at(0.02, world.down, 0, 10.0)
    with pytest.raises(Down):
        alone(world, lambda redis: asker(world, database)())
