"""The course's search judges published libraries as they come, in simulation; each with what it does not find.

A library is given a client of the simulated network. What is found is the smallest schedule that breaks a promise.
"""

from __future__ import annotations

from typing import Any

from .conftest import Node
from .environment import Script, heard_from, packages_of


def judged(*trials: str) -> list[dict[str, Any]]:
    """What the search says about each trial of scripts/judged.py. Nobody fails in a run without a fault."""
    found: list[dict[str, Any]] = heard_from("judged", str(packages_of("peers")), *trials, group="")
    for one in found:
        assert set(one["calm"]) <= {"None", "True", "False"}, one
    return found


def test_cashews_counts_for_ever_by_two_in_every_order() -> None:
    """7.6.0: `incr(value=2, expire=60)` by two clients; by one it sets the TTL in every order."""
    by_two, by_one = judged("cashews_incr/orders/2", "cashews_incr/orders/1")
    assert (by_two["played"], by_two["broken"]) == (16, 16)
    assert by_two["failing"]["every key ends"]["said"].startswith("hits has no TTL and stays for ever")
    assert by_two["failing"]["every key ends"]["schedule"].startswith("1 client,")
    assert (by_one["played"], by_one["failing"]) == (16, {})


def test_cashews_deletes_the_lock_of_another_that_computes() -> None:
    """7.6.0, `early`: who computes for longer than `early_ttl` deletes whatever lock there is, and a third computes.

    In one of five orders: c2 has seen the old value, c0 stores the new one and deletes c1's lock, c2 takes it. Where
    a computation is over before its lock is, no order does that.
    """
    long, short = judged("cashews_early/orders/1.5", "cashews_early/orders/0.5")
    assert (long["played"], long["broken"]) == (5, 1)
    failing = long["failing"]["one holder at a time"]
    assert failing["said"] == "c2 got the lock at 7,500 ms, while c1 held it up to 8,100 ms"
    assert failing["commands"][6:10] == ["c2: GET", "c0: SET", "c0: UNLINK", "c2: SET"]
    assert (short["played"], short["failing"]) == (5, {})


def test_cashews_lets_a_second_one_in_when_a_ping_is_lost() -> None:
    """7.6.0, `lock`: whoever does not get it asks PING; without an answer it goes in, though another holds the lock."""
    lost, crash, ours = judged(
        "cashews_lock/faults/lose request", "cashews_lock/faults/crash", "ours_lock/faults/lose request"
    )
    failing = lost["failing"]["one holder at a time"]
    assert failing["schedule"] == "2 clients, seed 0, lose request at send 3"
    assert failing["who"] == "c1"
    assert failing["commands"][:2] == ["c0: SET", "c1: SET"]
    assert crash["failing"] == ours["failing"] == {}
    assert min(lost["played"], crash["played"], ours["played"]) >= 19


def test_what_the_search_found_happens_on_a_real_server(node: Node) -> None:
    """The same lost reply to a PING, between cashews 7.6.0 and a server."""
    with Script("caches", "cashews_lost_ping", node.server.url, node.proxy.url) as script:
        assert script.hear() == "ready"
        node.proxy.drop_reply(matching="PING")
        assert script.ask("go on") == {"the first still holds it": True, "the second": "is in"}


def test_aiocache_locks_nobody_out_of_a_second_process() -> None:
    """0.12.3, `RedLock`: in every order of two processes the one that does not get the lock goes in at once."""
    (found,) = judged("aiocache_redlock/orders/0.5")
    assert (found["played"], found["broken"]) == (4, 4)
    assert found["failing"]["one holder at a time"]["commands"] == ["c0: SET", "c1: SET", "c1: EVAL", "c0: EVAL"]


def test_pyrate_limiter_admits_twice_where_two_clocks_differ() -> None:
    """4.5.1: each client says what time it is; 2 s apart, all orders admit two in one second. Its keys never end."""
    apart, alike = judged("pyrate_bucket/orders/2", "pyrate_bucket/orders/0")
    assert apart["of each promise"] == {"limit": 6, "every key ends": 6}
    assert apart["failing"]["limit"]["said"] == "2 were admitted within 1,000 ms from 0.00 ms on; the limit is 1"
    assert alike["of each promise"] == {"every key ends": 6}
    assert apart["played"] == alike["played"] == 6


def test_pottery_believes_an_extension_of_a_lock_that_is_over() -> None:
    """3.0.1, `AIORedlock`: a pause between two messages of extend() is enough. Without extend(), as with ours, none."""
    extends, never, ours = judged(
        "pottery_lock/faults/extends/pause", "pottery_lock/faults/never/pause", "ours_redlock/faults/pause"
    )
    failing = extends["failing"]["one holder at a time"]
    assert failing["fault"] == "pause"
    assert "got the lock at" in failing["said"]
    assert never["failing"] == ours["failing"] == {}
    assert [extends["played"] >= 60, never["played"] >= 30, ours["played"] >= 150] == [True] * 3
