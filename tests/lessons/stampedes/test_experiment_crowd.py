"""The crowd of lesson 05: its numbers are what they say, in every world."""

from __future__ import annotations

import math

import psutil
import pytest

from course_lib.errors import BadArgument
from course_lib.lessons.stampedes.experiment_crowd import Crowd, CrowdResult, Request
from course_lib.lessons.stampedes.experiment_crowd_run import in_slices, play, set_up
from course_lib.lessons.stampedes.experiment_real import RealCrowd
from course_lib.lessons.stampedes.experiment_remedies import STRATEGIES
from course_lib.servers import Found, Server, find_all
from course_lib.worlds import Embedded, Real

SMALL = Crowd(clients=60, rate=2.0, load_time=0.05, ttl=0.4, stale=0.4)


# -- the numbers -------------------------------------------------------------------------------------------------------


def made(*requests: Request, loads: tuple[tuple[float, float], ...] = ()) -> CrowdResult:
    return CrowdResult(Crowd(ttl=1.0, load_time=0.1), "simulated", list(requests), list(loads))


def test_an_answer_is_stale_once_it_is_older_than_the_ttl_and_the_wire() -> None:
    outcome = made(Request(0, 0.001, "hit", 1.0), Request(0, 0.001, "hit", 1.5), Request(0, 0.1, "error", None))
    assert [outcome.is_stale(request) for request in outcome.requests] == [False, True, False]
    assert outcome.stale_share == pytest.approx(1 / 3)
    assert outcome.errors == 1


def test_the_worst_wait_and_the_percentiles_come_from_the_latencies() -> None:
    outcome = made(*(Request(0, i / 1000, "hit", 0.1) for i in range(1, 101)))
    assert outcome.worst == pytest.approx(0.1)
    assert outcome.percentile(50) == pytest.approx(0.051)
    assert outcome.percentile(99) == pytest.approx(0.1)
    assert made().percentile(99) == 0.0


def test_loads_that_overlap_are_counted_together() -> None:
    outcome = made(loads=((1.0, 1.1), (1.05, 1.15), (3.0, 3.1)))
    assert outcome.most_at_once == 2
    assert outcome.loads_under_way() == [(1.0, 1), (1.05, 2), (1.1, 1), (1.15, 0), (3.0, 1), (3.1, 0)]
    assert outcome.loads_per_expiry() == [2, 1]


@pytest.mark.parametrize("wrong", [{"clients": 0}, {"rate": -1.0}, {"ttl": 0.0}, {"load_time": 0.0}, {"processes": 0}])
def test_an_impossible_crowd_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(BadArgument, match=next(iter(wrong))):
        Crowd(**wrong)  # type: ignore[arg-type]


def test_an_unknown_strategy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadArgument, match="lokc.*accepted: naive"):
        play(Crowd("lokc"))


# -- simulated ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_same_seed_gives_the_same_outcome(strategy: str) -> None:
    one, other = play(Crowd(strategy, clients=80)), play(Crowd(strategy, clients=80))
    assert (one.requests, one.loads) == (other.requests, other.loads)
    assert one.requests != play(Crowd(strategy, clients=80, seed=2)).requests


@pytest.mark.parametrize("load_time", [0.05, 0.1, 0.2])
def test_naive_loads_with_the_crowd(load_time: float) -> None:
    """1 + λδ on average over eight seeds, within four standard errors of a Poisson count."""
    counts = [len(play(Crowd("naive", load_time=load_time, seed=seed)).loads) for seed in range(8)]
    herd = 300 * load_time
    assert abs(sum(counts) / 8 - (1 + herd)) < 4 * math.sqrt(herd / 8) + 0.05 * herd


@pytest.mark.parametrize("seed", range(8))
def test_each_remedy_keeps_its_promise_and_naive_does_not(seed: int) -> None:
    """naive is the control: the same crowd, the same seed, without a remedy."""
    seen = {name: play(Crowd(name, seed=seed)) for name in STRATEGIES}
    assert len(seen["naive"].loads) > 15
    assert len(seen["single-flight"].loads) <= 4  # one for each process
    for name in ("lock", "flight+lock", "placeholder", "revalidate"):
        assert len(seen[name].loads) == 1, name
    assert seen["lock"].stale_share == seen["xfetch"].stale_share == seen["naive"].stale_share == 0
    assert seen["placeholder"].stale_share > 0
    assert seen["revalidate"].worst < 0.06 < seen["lock"].worst


def test_a_database_with_few_connections_makes_the_crowd_queue() -> None:
    free, narrow = play(Crowd("naive")), play(Crowd("naive", slots=5))
    assert narrow.worst > 3 * free.worst


def test_an_absent_row_is_loaded_by_everyone_unless_its_absence_is_remembered() -> None:
    forgotten, remembered = (len(play(Crowd("naive", absent=True, absent_ttl=ttl)).loads) for ttl in (None, 1.0))
    assert forgotten > 5 * remembered


def test_a_run_in_slices_is_the_same_run() -> None:
    *_, (share, outcome) = in_slices(Crowd(clients=50), steps=50)
    assert share > 0.9
    assert outcome.requests == play(Crowd(clients=50)).requests


def test_closing_a_run_early_leaves_no_task_behind(recwarn: pytest.WarningsRecorder) -> None:
    slices = in_slices(Crowd("revalidate", clients=50), steps=200)
    next(slices)
    slices.close()  # type: ignore[attr-defined]  # a generator
    del slices
    assert [str(warning.message) for warning in recwarn] == []


# -- in the other worlds -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_runs_on_fakeredis(strategy: str) -> None:
    world = Embedded(seed=1)
    outcome = set_up(world, Crowd(**{**vars(SMALL), "strategy": strategy}))
    results = world.run()
    assert [result for result in results.values() if result is not None] == []
    assert outcome.errors == 0
    assert outcome.loads


@pytest.mark.parametrize("found", find_all(), ids=str)
def test_every_strategy_runs_on_a_real_server(found: Found) -> None:
    with Server(found) as server:
        for number, strategy in enumerate(STRATEGIES):
            world = Real(server.url.removesuffix("0") + str(number), seed=1)
            outcome = set_up(world, Crowd(**{**vars(SMALL), "strategy": strategy}))
            results = world.run()
            assert [result for result in results.values() if result is not None] == [], strategy
            assert outcome.loads, strategy


@pytest.mark.parametrize("found", find_all(), ids=str)
def test_real_processes_share_one_load_under_the_lock(found: Found) -> None:
    """naive is the control; no process of the crowd is left afterwards."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    crowd = Crowd(clients=200, rate=2.0, load_time=0.1, ttl=0.5, processes=2)
    with Server(found) as server, RealCrowd(server.url, processes=2) as real:
        naive = real.play(crowd)
        locked = real.play(Crowd(**{**vars(crowd), "strategy": "lock"}))
    assert len(naive.loads) > 10
    assert locked.most_at_once == 1
    assert naive.world == "real"
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before
