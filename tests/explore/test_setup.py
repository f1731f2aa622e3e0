"""A set-up runs first, and is then gone: runs end, and what is judged is what the clients did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from course_lib.explore import Play
from course_lib.explore.exploration import explore
from course_lib.explore.invariants import (
    Invariant,
    all_of,
    at_most,
    at_most_once,
    everybody_ends,
    no_key_without_ttl,
    no_lost_update,
    noted,
    one_holder,
)  # fmt: skip
from explore.visits import naive


async def stocks(redis: Any) -> None:
    await redis.set("used", 5)
    await redis.set("stock", 1, ex=60)


async def counts(redis: Any, me: Any) -> int:
    return int(await redis.incr("used"))


async def reads_and_writes(redis: Any, me: Any) -> None:
    await redis.set("used", int(await redis.get("used")) + 1)


async def takes_one(redis: Any, me: Any) -> bool:
    left = await redis.decr("stock")
    me.note("effect", "the last one")
    return int(left) >= 0


async def looks_and_takes(redis: Any, me: Any) -> bool:
    if int(await redis.get("stock")) < 1:
        return False
    await redis.decr("stock")
    me.note("effect", "the last one")
    return True


async def holds(redis: Any, me: Any) -> None:
    while not await redis.set("lock", me, nx=True, px=5_000):
        await asyncio.sleep(0.1)
    with me.holding():
        await redis.get("stock")
    await redis.delete("lock")


async def holds_without_asking(redis: Any, me: Any) -> None:
    with me.holding():
        await redis.get("stock")
        await redis.get("stock")


async def forgets_the_ttl(redis: Any, me: Any) -> None:
    await redis.set("stock", 0)


async def keeps_the_ttl(redis: Any, me: Any) -> None:
    await redis.set("stock", 0, keepttl=True)


async def waits_for_nobody(redis: Any, me: Any) -> None:
    await redis.blpop("nothing", timeout=0)


async def waits_a_moment(redis: Any, me: Any) -> None:
    await redis.blpop("nothing", timeout=0.1)


PAIRS: dict[str, tuple[Invariant, Any, Any]] = {
    "no_lost_update": (no_lost_update("used", start=5), reads_and_writes, counts),
    "at_most": (at_most(1), looks_and_takes, takes_one),
    "at_most, noted": (at_most(1, admitted=noted("hold")), holds_without_asking, counts),
    "at_most_once": (at_most_once(), looks_and_takes, counts),
    "one_holder": (one_holder(), holds_without_asking, holds),
    "no_key_without_ttl": (no_key_without_ttl("stock"), forgets_the_ttl, keeps_the_ttl),
    "everybody_ends": (everybody_ends(), waits_for_nobody, waits_a_moment),
    "several": (all_of(everybody_ends(), no_lost_update("used", start=5)), reads_and_writes, counts),
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_librarys_invariants_see_what_happens_after_a_setup(name: str) -> None:
    """Each is broken by one body and kept by another, and the runs of the latter come to an end."""
    invariant, wrong, right = PAIRS[name]
    assert explore(wrong, invariant, setup=stocks, socket_timeout=None).failures > 0
    kept = explore(right, all_of(invariant, everybody_ends()), setup=stocks, socket_timeout=None)
    assert (kept.failures, kept.holds) == (0, True)


def test_a_run_with_a_setup_ends_and_shows_nothing_of_it() -> None:
    seen: list[Play] = []
    found = explore(counts, lambda run: seen.append(run), setup=stocks)
    assert found.holds
    assert {run.stopped for run in seen} == {None}
    assert {frozenset(run.results) for run in seen} == {frozenset({"alice", "bob"})}
    assert {event.client for run in seen for event in run.trace} == {"alice", "bob"}
    assert [sorted(run.results.values()) for run in seen] == [[6, 7]] * len(seen)


@pytest.mark.parametrize("setup", [None, stocks])
def test_a_setup_changes_no_count(setup: Any) -> None:
    async def empties(redis: Any) -> None:
        await redis.delete("visits")

    same: Callable[[Play], Any] = no_lost_update("visits")
    assert explore(naive, same, clients=(2, 3), setup=empties).failures == 4 + 84


def test_a_setup_that_never_ends_is_an_error() -> None:
    async def waits(redis: Any) -> None:
        await redis.blpop("nothing", timeout=0)

    with pytest.raises(Exception, match="every client waits"):
        explore(counts, setup=waits, socket_timeout=None)
