"""Lesson 02 on real servers: only what always holds is asserted, for times on a busy machine mean little."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psutil
import pytest
import redis

from course_lib.lessons.keys.experiment_eviction import eviction, hits
from course_lib.lessons.keys.experiment_real import blocked, bump, in_real_time, measure, stampede
from course_lib.lessons.keys.experiment_rollout import Rollout
from course_lib.servers import Found, Server, find_all


@pytest.fixture(scope="module", params=find_all(), ids=str)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    found: Found = request.param
    with Server(found) as started:
        yield started


def number(row: dict[str, object], column: str) -> float:
    value: Any = row[column]
    return float(value)


def test_a_bump_adds_a_copy_and_only_ttl_or_unlink_take_one_away(server: Server) -> None:
    keys = 2000
    warm, bumped, over, again, unlinked = bump(server, keys=keys)
    assert [row["keys"] for row in (warm, bumped, again, unlinked)] == [keys, 2 * keys, 2 * keys, keys]
    assert keys <= number(over, "keys") <= 1.25 * keys
    copy = keys * 150  # bytes: a value alone has 147, and its key comes on top
    assert number(bumped, "bytes") - number(warm, "bytes") > copy
    assert number(again, "bytes") - number(unlinked, "bytes") > copy


def test_scan_takes_many_short_commands_where_keys_takes_one(server: Server) -> None:
    rows = {str(row["command"]).partition(",")[0]: row for row in blocked(server, members=3000, keys=10_000)}
    assert {name: row["calls"] for name, row in rows.items() if name != "SCAN"} == {"DEL": 1, "UNLINK": 1, "KEYS": 1}
    assert number(rows["SCAN"], "calls") >= 15
    assert all(number(row, "longest wait of another client (ms)") >= 0 for row in rows.values())


def test_a_full_server_refuses_or_evicts_as_its_policy_says(server: Server) -> None:
    refusing, without_ttl, with_ttl, lru = eviction(server)
    assert (refusing["the lock is"], refusing["evicted"]) == ("there", 0)
    assert number(refusing, "refused") > 0
    assert (without_ttl["the lock is"], without_ttl["evicted"]) == ("gone", 1)
    assert number(without_ttl, "refused") > 0
    assert (with_ttl["the lock is"], with_ttl["refused"]) == ("there", 0)
    assert (lru["refused"], number(lru, "evicted") > 1000) == (0, True)


def test_counting_uses_finds_more_in_memory_than_chance(server: Server) -> None:
    rows = {row["policy"]: row for row in hits(server, pause=0.0)}
    assert number(rows["allkeys-lfu"], "hits (%)") > number(rows["allkeys-random"], "hits (%)")
    for row in rows.values():
        assert 60 < number(row, "hits (%)") < 81 + 20 * number(row, "pages that fit") / 6000


def test_the_stampede_follows_the_bump(server: Server) -> None:
    """Before it few reads load, after it many. On a busy machine there are fewer reads, some under way as it comes."""
    rows = stampede(server)
    for world, most in (("simulated", 0.0), ("real", 0.2)):
        reads, loads = ([number(row, f"{what}, {world}") for row in rows] for what in ("reads", "loads"))
        assert sum(reads[2:]) >= 10
        assert sum(loads[2:]) >= 0.4 * sum(reads[2:])
        assert sum(loads[:2]) <= most * sum(loads[2:])


def test_a_rollout_in_real_time_crashes_under_one_key_alone(server: Server) -> None:
    given = {"begins": 0.2, "ramp": 0.2, "duration": 1.2, "profiles": 10, "prices": 5}
    shared, both = in_real_time(server, [Rollout(name, **given) for name in ("shared", "both")])  # type: ignore[arg-type]
    assert shared.count("error") > 0
    assert both.count("error") == 0
    assert both.trace.world == "real"


def test_nothing_stays_behind(server: Server) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    measure(server, "stampede")
    with redis.Redis.from_url(server.url) as client:
        assert client.dbsize() == 0
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before
