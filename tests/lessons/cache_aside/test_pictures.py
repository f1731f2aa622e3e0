"""Pictures and lab of lesson 00: they say in words what they show, and what they say is computed."""

from __future__ import annotations

import re

import pytest

from course_lib.lessons.cache_aside.experiment_latency import Timing
from course_lib.lessons.cache_aside.experiment_shop import Shop
from course_lib.lessons.cache_aside.experiment_shop_run import play
from course_lib.lessons.cache_aside.lab import shop_lab
from course_lib.lessons.cache_aside.picture_charts import hit_ratios, latency_chart
from course_lib.lessons.cache_aside.picture_shop import shop_picture

SMALL = {"readers": 60, "books": 100, "duration": 2.0, "ttl": 1.0}


def test_the_picture_of_a_shop_speaks() -> None:
    run = play(Shop(**SMALL))  # type: ignore[arg-type]
    picture = shop_picture(run)
    hits = sum(read.hit for read in run.reads)
    assert picture.alt.startswith(f"Cache-aside: {run.hit_ratio:.0%} hits, median wait")
    assert (
        f"{hits} served from the cache, {len(run.reads) - hits} loaded; {run.derived:.0%} were derived" in picture.alt
    )
    assert "found in the cache, by popularity" in picture.svg
    assert ">served from the cache<" in picture.svg


def test_without_a_cache_no_hit_is_told_or_derived() -> None:
    picture = shop_picture(play(Shop(source="database", **SMALL)))  # type: ignore[arg-type]
    assert picture.alt.startswith("The database every time: median wait")
    assert "hits" not in picture.alt
    assert "derived" not in picture.alt
    assert ">served from the cache<" not in picture.svg


def test_a_shop_where_nobody_comes_can_be_drawn() -> None:
    run = play(Shop(readers=1, rate=0.001, duration=1.0))
    assert run.reads == []
    assert "0 pages in 1 s" in shop_picture(run).alt


def test_the_chart_of_hit_ratios_tells_the_largest_difference() -> None:
    """It is no fixed praise: a point that lies off is told."""
    line = {2.0: [(0.0, 0.3), (1.0, 0.6)]}
    assert "differ by 1.0 points at most" in hit_ratios(line, {2.0: {0.0: 0.31, 1.0: 0.6}}, seed=1).alt
    assert "differ by 20.0 points at most" in hit_ratios(line, {2.0: {0.0: 0.31, 1.0: 0.4}}, seed=1).alt


def test_the_chart_of_latencies_compares_work_and_round_trip() -> None:
    inside = Timing("GET: the server's own work", "server time", (2e-6,))
    outside = Timing("GET: redis-py", "round trip", (50e-6, 60e-6, 900e-6))
    alt = latency_chart([inside, outside]).alt
    assert alt.startswith("Redis works 2.0 µs on a GET; the client waits 30 times as long for it.")
    assert "GET: redis-py (round trip): 60.0 µs" in alt


@pytest.mark.parametrize(
    ("control", "value"),
    [("source", "database"), ("readers", 90), ("skew", 0.0), ("ttl", 0.5), ("size", 10), ("seed", 2)],
)
def test_every_control_changes_the_run(control: str, value: object) -> None:
    lab = shop_lab(**SMALL)
    assert lab.result is not None
    before = lab.result.reads
    assert lab.set(**{control: value}).reads != before


def test_the_lab_shows_the_numbers_of_its_run() -> None:
    lab = shop_lab(**SMALL)
    assert lab.result is not None
    summary = lab.result.summary()
    assert f"<td>{summary['hits (%)']:g}</td>" in lab._table.value
    assert re.search(r"the ten most popular get \d+%", lab._says.value)
