"""What lesson 06 says of real servers, on each server of this machine."""

from __future__ import annotations

import pytest
from redis.connection import CacheProxyConnection

from course_lib.lessons.invalidation.experiment_real import OTHER, PAGE, missed, notified, redis_py_cache, tracked
from course_lib.servers import Found, Server, find_all


@pytest.mark.parametrize("found", find_all(), ids=str)
def test_a_message_is_missed_tracking_tells_once_and_an_expiry_is_told_late(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(found) as server:
        rows, gave = missed(server)
        assert [(row["listeners"], row["heard"]) for row in rows] == [(1, "yes"), (0, "no"), (1, "yes")]
        assert gave == ["subscribe", "one", "subscribe", "three"]

        heard = [str(row["hears"]) for row in tracked(server) if not row["says"]]
        assert [PAGE in heard[0], heard[1], OTHER in heard[2]] == [True, "nothing", True]

        told = [row["what is told"] for row in notified(server, wait=0.5)]
        assert told[1:] == ["nothing", "expired", "set", "del"]

        refused = "It refuses this server: "
        assert (refused in redis_py_cache(server)) == (found.flavor != "Redis" or int(found.version[0]) < 8)
        monkeypatch.setattr(CacheProxyConnection, "MIN_ALLOWED_VERSION", "6.0.0")
        if found.flavor == "Redis":
            assert redis_py_cache(server) == "Asked three times, it sent GET 1 time."
