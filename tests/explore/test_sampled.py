"""Tally drawn by priority: with what chance they meet a bug, and how a failing one is made simple."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from redis.asyncio import Redis

from course_lib.explore import Play, Schedule, Simulation, Tally, Trial, Violation, chance, play, sample, shrink
from course_lib.explore.tally import clients_in_order, simplicity
from course_lib.sim import Choose, Draws


async def rises(redis: Redis, steps: int) -> None:
    for _ in range(steps):
        await redis.incr("steps")


async def looks_and_loses(redis: Redis) -> bool:
    """Sets a flag, works, and looks whether the other has set its flag in just that time: a bug of depth 3."""
    await redis.set("flag", "up")
    await redis.incr("steps")
    seen = await redis.get("other")
    await redis.delete("flag")
    return seen is not None


async def answers(redis: Redis, steps: int) -> None:
    await rises(redis, steps)
    if await redis.get("flag"):
        await redis.set("other", "up")
    await rises(redis, steps)


def rare(steps: int, bystanders: int = 0) -> Trial:
    """It breaks only if the second client's look and write, deep in its run, come between the first's set and look."""

    def build(world: Simulation, clients: int) -> None:
        world.client("a", looks_and_loses, world.redis())
        world.client("b", answers, world.redis(), steps)
        for number in range(clients - 2):
            world.client(f"c{number}", rises, world.redis(), 3)

    def judge(run: Play) -> Iterable[Violation]:
        if run.results["a"]:
            yield Violation("unseen", "a saw what b wrote")

    return Trial("rare", ("unseen",), build, judge, sizes=(2 + bystanders,), least=2)


def uniform(trial: Trial, clients: int, schedules: int) -> Tally:
    """The control: each turn drawn from those that can go, all alike."""
    found, world = Tally(trial, clients), trial.world()
    for number in range(schedules):
        draw = Draws(0, "uniform", number)
        choose: Choose = lambda turns, draw=draw: int(draw() * len(turns))  # noqa: E731  # one for each run
        found.add(play(trial, Schedule(clients), world, choose=choose))
    return found


@pytest.mark.parametrize("steps", [5, 20])
def test_a_rare_bug_is_met_at_least_as_often_as_stated(steps: int) -> None:
    """`least` is what the theorem promises of one run; over 500 runs the share met is above it."""
    trial = rare(steps)
    found = sample(trial, 2, 500, depth=3)
    commands = 2 * steps + 6
    least = chance(2, commands, 3, schedules=1)
    assert found.failures / found.schedules >= least


def test_priorities_find_what_uniform_draws_miss() -> None:
    """Deep in a long run: by priority dozens of 500 orders break the promise, uniformly none or nearly none."""
    trial = rare(60)
    assert sample(trial, 2, 500, depth=3).failures > 5 * uniform(trial, 2, 500).failures


def test_the_same_seed_draws_the_same_orders() -> None:
    one, other = (sample(rare(5), 2, 50, seed=4) for _ in range(2))
    assert one.outcomes == other.outcomes
    assert one.failing["unseen"].schedule == other.failing["unseen"].schedule
    assert one.text.endswith("of 50 sampled schedules of 2 clients break a promise")


def test_a_sampled_failure_replays_from_its_turns() -> None:
    found = sample(rare(5), 2, 50)
    failing = found.failing["unseen"]
    assert play(found.trial, failing.schedule).trace.digest() == failing.trace.digest()


@pytest.mark.parametrize(("depth", "schedules"), [(0, 10), (2, 0)])
def test_a_sample_of_nothing_is_refused(depth: int, schedules: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        sample(rare(1), 2, schedules, depth=depth)


def switches(run: Play) -> int:
    return sum(one != other for one, other in pairwise(clients_in_order(run)))


def test_a_failing_order_shrinks_to_the_fewest_clients_and_switches() -> None:
    """Found with four clients and many changes between them; two clients and two changes are enough."""
    trial = rare(5, bystanders=2)
    found, world = Tally(trial, 4), trial.world()
    for number in range(3_000):
        draw = Draws(0, "uniform", number)
        run = play(trial, Schedule(4), world, choose=lambda turns, draw=draw: int(draw() * len(turns)))
        if run.violations:
            break
    assert run.violations, "no order failed"
    found.add(run)
    small = shrink(trial, "unseen", run)
    assert small.violation("unseen")
    assert simplicity(small) < simplicity(run)
    assert (small.schedule.clients, switches(small)) == (2, 2)
    assert play(trial, small.schedule).trace.digest() == small.trace.digest()
