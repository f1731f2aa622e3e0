"""A trial by order of commands: every order, or one of each class, or drawn ones; and words that claim no more."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from math import comb
from typing import Any

import pytest
from redis.asyncio import Redis

from course_lib.explore import (
    Budget,
    Findings,
    Move,
    Play,
    Schedule,
    Simulation,
    Tally,
    Trial,
    Violation,
    by_order,
    counted,
    estimated,
    play,
    sample,
    search,
    shrink,
    smaller,
    spread,
    verdict,
)  # fmt: skip
from course_lib.explore.exploration import explore
from course_lib.explore.search import PROBED, TRIED, probed, probed_classes
from course_lib.explore.shrink import following, simpler, steps_of
from course_lib.explore.strategies.exhaustive import enumerate_all
from course_lib.explore.strategies.pct import PROBES
from course_lib.explore.tally import simplicity
from course_lib.sim.network import SimEvent
from course_lib.trace import Trace


async def look_then_set(redis: Redis) -> int:
    value = int(await redis.get("n") or 0)
    await redis.set("n", value + 1)
    return value


async def incr(redis: Redis) -> int:
    return int(await redis.incr("n"))


def lost(run: Play) -> Iterable[Violation]:
    values = [value for value in run.results.values() if isinstance(value, int)]
    if len(set(values)) < len(values):
        yield Violation("kept", "two counted alike")


def trial(body: Any = look_then_set, **options: Any) -> Trial:
    def build(world: Simulation, clients: int) -> None:
        for number in range(clients):
            world.client(f"c{number}", body, world.redis())

    made = {"sizes": (2, 3), "orders": (2, 3), "world": lambda: Simulation(socket_timeout=0.1)}
    return Trial("a counter", ("kept",), build, lost, **{**made, **options})  # type: ignore[arg-type]


def ran(clients: int, events: int = 1, order: str = "", **options: Any) -> Play:
    """A run of so many commands, or of those of these clients in turn, as if it had been played."""
    events = [SimEvent(who, "redis", (b"GET", b"n"), at, at) for at, who in enumerate(order or "a" * events)]
    return Play(Schedule(clients, **options), Trace(events=list(events)), {}, None, 0.0, 0)


def test_what_makes_a_run_simpler_than_another() -> None:
    """Each is simpler than the next by one thing, and less simple by all that counts less."""
    in_time = [
        ran(1, 2, kind="pause", at=2, seed=2), ran(2, 1, kind="pause", at=2, seed=2), ran(2, 2, seed=2),
        ran(2, 2, kind="pause", at=2, seed=1), ran(2, 2, kind="crash", at=2, seed=2),
        ran(2, 2, kind="pause", at=1, seed=2), ran(2, 2, kind="pause", at=2, seed=2),
    ]  # fmt: skip
    crash = Move("crash")
    by_order = [
        ran(1, order="aba", turns=(1, crash)), ran(2, order="ababa", turns=(1,)), ran(2, order="aba", turns=(1, crash)),
        ran(2, order="aabb", turns=(1, crash)), ran(2, order="abab", turns=(0, crash)),
        ran(2, order="abab", turns=(1, crash)),
    ]  # fmt: skip
    assert [simplicity(run) for run in in_time] == sorted(map(simplicity, in_time))
    assert [simplicity(run) for run in by_order] == sorted(map(simplicity, by_order))
    for runs in (in_time, by_order):
        assert len(set(map(simplicity, runs))) == len(runs)


# -- how much is played -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clients", [1, 2, 3, 5])
def test_orders_are_estimated_exactly_where_no_client_decides(clients: int) -> None:
    made = trial(faults={"crash": 0.0, "lose reply": 0.0})
    orders = 1
    for left in range(2, 2 * clients + 1, 2):
        orders *= comb(left, 2)
    assert estimated(made, clients) == orders
    assert estimated(made, clients, 2) == orders * comb(2 * clients, 2) * 4


@pytest.mark.parametrize(
    ("allowed", "what", "schedules"),
    [(100, "schedules", 90), (60, "classes of schedules", 36), (30, "sampled schedules", 30)],
)
def test_too_many_orders_are_reduced_and_then_drawn(allowed: int, what: str, schedules: int) -> None:
    """Three clients, two commands each: 90 orders in all. Reads commute, so 3! orders of the writes, and the reader who
    writes as the k-th may have read before any of the k writes: 3! · 1 · 2 · 3 = 36 classes."""
    found = by_order(trial(), 3, budget=Budget(allowed))
    assert (found.what, found.schedules, found.complete) == (what, schedules, True)
    assert found.failing["kept"].violations


def test_what_an_attempt_found_is_kept_when_it_is_given_up() -> None:
    """The first order that fails is among the first few; of a single drawn one nothing could be said."""
    found = by_order(trial(), 3, budget=Budget(20, seconds=60.0))
    assert found.what == "sampled schedules"
    again = by_order(trial(), 3, budget=Budget(20, seconds=60.0))
    assert found.failing["kept"].schedule == again.failing["kept"].schedule
    assert found.outcomes == again.outcomes


def test_time_that_has_run_out_leaves_it_incomplete() -> None:
    found = by_order(trial(), 3, budget=Budget(seconds=0.0))
    assert (found.schedules, found.complete) == (0, False)


def test_an_interrupt_leaves_what_was_found() -> None:
    kept: list[Tally] = []

    def enough(tally: Tally) -> None:
        if tally.schedules == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        by_order(trial(), 3, progress=enough, keep=kept.append)
    assert kept[-1].schedules == 40
    assert kept[-1].failing["kept"].violations


# -- the search -------------------------------------------------------------------------------------------------------


def test_a_search_plays_every_order_of_a_trial_that_asks_for_it() -> None:
    """The control keeps its promise in all orders, and with a crash or a lost reply at each send of them."""
    mended = search(trial(incr, faults={"crash": 0.0, "lose reply": 0.0}, fault_sizes=(2,), pairs=(2,)))
    played = [(one.clients, one.faults, one.schedules, one.complete) for one in mended.played]
    assert played == [(2, 0, 2, True), (2, 1, 8, True), (2, 2, 8, True), (3, 0, 6, True)]
    assert (mended.failing, mended.complete, mended.schedules) == ({}, True, 24)
    assert not mended.kinds


def test_a_search_stops_at_the_size_that_breaks_all() -> None:
    broken = search(trial(faults={"crash": 0.0}))
    assert [(one.clients, one.faults, one.failures, one.schedules) for one in broken.played] == [(2, 0, 4, 6)]
    assert broken.failing["kept"].schedule.turns == (0, 1, 1, 0)


def test_sizes_that_are_not_in_orders_run_in_time() -> None:
    found = search(trial(incr, sizes=(2, 4), orders=(2,), seeds=5, faults={"pause": 0.1}, fault_sizes=(4,)))
    assert [one.clients for one in found.played if not one.kinds] == [2]
    assert dict(found.kinds) == {"no fault": 5, "pause": 4}


def test_a_search_by_order_tells_how_far_it_is_and_stops_in_time() -> None:
    told: list[tuple[int, int]] = []
    search(trial(incr), progress=lambda done, of: told.append((done, of)))
    assert [done for done, _ in told] == list(range(8))
    assert all(done < of for done, of in told)
    assert not search(trial(incr), Budget(seconds=0.0)).complete


@pytest.mark.parametrize("options", [{"orders": (4,)}, {"orders": (2,), "pairs": (3,)}, {"fault_sizes": (9,)}])
def test_a_trial_with_strays_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"of the trial 'a counter' has \d"):
        trial(**options)


# -- words ------------------------------------------------------------------------------------------------------------


def test_words_claim_what_was_done() -> None:
    made = trial(faults={"crash": 0.0, "lose reply": 0.0, "node down": 1.0})
    every, drawn = by_order(made, 2), by_order(made, 3, budget=Budget(20))
    assert verdict(every) == "4 of all 6 schedules of 2 clients break a promise"
    assert counted(by_order(trial(), 3, budget=Budget(60))) == "all 36 classes of schedules of 3 clients"
    assert counted(drawn) == "20 sampled schedules of 3 clients, out of about 90"  # too few to promise anything
    least = 1 - (1 - 1 / (3 * 6**2)) ** (100 - PROBES)  # three clients, six turns, depth 3
    assert 0.478 <= least < 0.479
    assert counted(sample(made, 3, 100)) == (
        "100 sampled schedules of 3 clients (a bug of depth 3 is met with a probability of at least 47.8 %)"
    )
    struck = sample(made, 3, 30, faults=1)
    kinds = "one crash, lost reply or dead node"
    assert counted(struck) == (f"36 sampled schedules of 3 clients with {kinds} (one at each send of 2 sampled orders)")
    assert counted(by_order(replace(made, faults={"crash": 0.0}), 1, 1)) == "all 2 schedules of 1 client with one crash"
    assert "out of more" in counted(by_order(made, 2, budget=Budget(seconds=0.0)))
    assert verdict(by_order(trial(incr), 2)) == "none of all 2 schedules of 2 clients breaks a promise"


# -- shrinking --------------------------------------------------------------------------------------------------------


def drawn_failures(made: Trial, clients: int, faults: int) -> Play:
    """The first of the failing runs that were drawn, as far from the simplest as it comes."""
    worst: list[Play] = []
    found = Tally(made, clients, faults=faults)
    add = found.add
    found.add = lambda run: (worst.append(run) if run.violations else None, add(run))[1]  # type: ignore[method-assign]
    sample(made, clients, 60, faults=faults, into=found)
    return max(worst, key=simplicity)


def test_a_fault_that_is_not_needed_is_removed() -> None:
    made = trial(faults={"pause": 0.05, "lose reply": 0.0, "clock step": 1.0})
    run = drawn_failures(made, 3, 2)
    assert (run.schedule.clients, run.schedule.faults) == (3, 2)
    small = shrink(made, "kept", run)
    assert (small.schedule.clients, small.schedule.faults) == (1 + 1, 0)
    assert small.schedule.turns == (0, 1, 1, 0)


def test_a_fault_that_is_not_needed_goes_where_no_client_can() -> None:
    """With no fewer clients to try, only taking the faults out one by one can do it."""
    made = trial(faults={"pause": 0.05, "lose reply": 0.0}, sizes=(3,), orders=(3,), least=3)
    run = drawn_failures(made, 3, 2)
    small = shrink(made, "kept", run)
    assert (run.schedule.faults, small.schedule.faults) == (2, 0)


async def twice(redis: Redis) -> bool:
    for _ in range(2):
        try:
            await redis.set("job", "done")
        except Exception:
            continue
        return True
    return False


def test_a_shrunk_run_has_no_simpler_neighbor() -> None:
    """Minimal under its own moves: nothing that `simpler` proposes breaks the promise more simply."""

    def gave_up(run: Play) -> Iterable[Violation]:
        if False in run.results.values():
            yield Violation("kept", "somebody gave up")

    faults: dict[Any, float] = {"lose request": 0.0, "lose reply": 0.0, "pause": 0.05}
    for made in (
        trial(faults=faults, sizes=(3,), orders=(3,), least=3),
        replace(trial(twice, faults=faults, least=2), judge=gave_up),
    ):
        small = shrink(made, "kept", drawn_failures(made, 3, 2))
        assert small.violation("kept")
        for steps in simpler(steps_of(made, small.schedule)):
            other = play(made, Schedule(small.schedule.clients), choose=following(steps))
            assert not other.violation("kept") or simplicity(other) >= simplicity(small)
        assert play(made, small.schedule).trace.digest() == small.trace.digest()
    assert small.schedule.faults == 2  # of these none can be spared
    assert small.schedule.clients == 2


def test_steps_by_name_play_the_same_run_again() -> None:
    made = trial(faults={"lose reply": 0.0})
    schedule = Schedule(3, turns=(2, Move("lose reply", 1), 0, Move("wait", seconds=0.3), 0, 1))
    run = play(made, schedule)
    again = play(made, Schedule(3), choose=following(steps_of(made, schedule)))
    assert again.trace.digest() == run.trace.digest()


def test_a_picture_has_time_between_turns_unless_a_key_would_expire() -> None:
    made = trial()
    failing = search(made).failing["kept"]
    drawn = spread(made, "kept", failing)
    assert drawn.now == pytest.approx(1000 * failing.now)
    assert drawn.violation("kept")

    async def brief(redis: Redis) -> bool:
        taken = await redis.set("lock", "me", nx=True, px=2)
        await redis.get("lock")
        await redis.get("lock")
        return bool(taken)

    def second_waits(run: Play) -> Iterable[Violation]:
        if list(run.results.values()).count(True) == 1:
            yield Violation("kept", "one was refused")

    expiring = replace(trial(brief), judge=second_waits)
    run = play(expiring, Schedule(2, turns=(0, 0, 0, 0)))
    assert run.violations
    assert spread(expiring, "kept", run).violations


def test_findings_count_both_ways() -> None:
    found = Findings(trial())
    by_order(trial(), 2, keep=found.begin)
    found.begin(Tally(trial(), 3)).add(play(trial(), Schedule(3, 3)))
    assert found.schedules == 7


def test_shrinking_says_when_a_run_begins() -> None:
    """So that a guard can give each run its own time."""
    made = trial(faults={"pause": 0.05}, sizes=(3,), orders=(3,), least=3)
    begun: list[Tally] = []
    shrink(made, "kept", drawn_failures(made, 3, 1), progress=begun.append)
    assert begun
    calls: list[None] = []
    smaller(made, "kept", drawn_failures(made, 3, 1), lambda: calls.append(None))
    assert len(calls) == len(begun)


# -- how soon a search knows that all orders are too many -------------------------------------------------------------


SWAP = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('SET', KEYS[1], ARGV[2]) end return 0"


async def tries_again(redis: Redis) -> None:
    """Until nobody has come between; so the first order has far fewer commands than most."""
    while True:
        value = int(await redis.get("n") or 0)
        if value == 0 and await redis.set("n", 1, nx=True):
            return
        if value and await redis.eval(SWAP, 1, "n", value, value + 1):
            return


def test_orders_that_turn_out_to_be_too_many_are_given_up_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """90 orders are expected, as without a retry, and there are far more. The control plays twice what is allowed."""
    module = sys.modules["course_lib.explore.search"]
    monkeypatch.setattr(module, "TRIED", 60)
    many = probed(Tally(trial(tries_again), 3))
    played: dict[bool, int] = {}
    for looks_ahead in (True, False):
        told: list[str] = []
        by_order(trial(tries_again), 3, budget=Budget(100), progress=lambda tally, told=told: told.append(tally.what))
        played[looks_ahead] = told.count("schedules")
        monkeypatch.setattr(module, "probed", lambda tally, progress=None: 2.0)
    assert many > 400
    assert played == {True: 60 + 1 + PROBED, False: 200}


@pytest.mark.parametrize("clients", [2, 3])
def test_probes_know_the_number_where_no_client_decides(clients: int) -> None:
    """Right on average: within a third of 6 and of 90, with and without faults."""
    made = trial(faults={"crash": 0.0})
    for faults in (0, 1):
        known = estimated(made, clients, faults)
        assert 2 / 3 < probed(Tally(made, clients, faults=faults)) / known < 4 / 3


def test_orders_that_can_all_be_played_are_all_played() -> None:
    """More than are tried before the look ahead, and not too many."""
    found = by_order(trial(incr_thrice), 3, budget=Budget(1_700))
    assert (found.what, found.schedules, found.complete) == ("schedules", 1_680, True)


async def one_on_a_key_of_all(redis: Redis, me: str) -> None:
    """Six commands."""
    for number in range(5):
        await redis.set(f"{me}:{number}", number)
    await redis.incr("n")


async def six_on_one_key(redis: Redis, me: str) -> None:
    for _ in range(6):
        await redis.incr("n")


def test_three_clients_with_six_commands_each_are_settled_or_it_is_said_how_many_were() -> None:
    """18! / 6!³ orders. Where only one command of each is on the key of all, the order of these three alone matters."""
    settled = explore(one_on_a_key_of_all, lambda run: None, clients=3)
    assert settled.complete
    assert settled.text.startswith(
        "None of all 6 classes of schedules of 3 clients breaks a promise. The classes stand for about 17,153,136 "
    )
    told: list[str] = []
    drawn = explore(
        six_on_one_key, lambda run: None, clients=3, schedules=TRIED + 1, progress=lambda tally: told.append(tally.what)
    )
    assert told.count("classes of schedules") == TRIED + 1 + PROBED  # then they were given up
    assert drawn.text.startswith("None of 501 sampled schedules of 3 clients, out of about 17,153,136 (a bug of depth")


@pytest.mark.parametrize("faults", [0, 1])
def test_probes_know_about_how_many_a_reduction_plays(faults: int) -> None:
    made, clients = trial(faults={"crash": 0.0}), 3 - faults
    stages = [enumerate_all(made, clients, reduce=True, faults=struck) for struck in range(faults + 1)]
    played = sum(one.schedules for one in stages) + stages[-1].redundant  # those without a fault on the way to one
    assert 2 / 3 < probed_classes(Tally(made, clients, faults=faults)) / played < 4 / 3


def test_how_many_there_are_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though orders without a fault, on the way to those with one, are not counted."""
    module, asked = sys.modules["course_lib.explore.search"], list[Tally]()
    monkeypatch.setattr(module, "probed", lambda tally, progress: asked.append(tally) or 0.0)
    for tried in range(1, 12):
        monkeypatch.setattr(module, "TRIED", tried)
        by_order(trial(faults={"crash": 0.0}), 2, 1)
    assert len(asked) == 11


async def incr_thrice(redis: Redis) -> None:
    for _ in range(3):
        await redis.incr("n")
