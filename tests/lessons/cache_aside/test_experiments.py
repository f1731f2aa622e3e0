"""The toys of lesson 00: the last copy, the price that changes, the clients in doubt, the audit, the stopwatch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from statistics import mean

import pytest
from redis.asyncio import Redis

from course_lib.errors import NoServer
from course_lib.lessons.cache_aside.experiment_checklist import checklist
from course_lib.lessons.cache_aside.experiment_last_copy import last_copy
from course_lib.lessons.cache_aside.experiment_latency import latencies
from course_lib.lessons.cache_aside.experiment_price import price_change
from course_lib.lessons.cache_aside.experiment_toy import simulate
from course_lib.patterns import Load
from course_lib.servers import Found, Server, find_all
from course_lib.sim import OneFault
from course_lib.worlds import Embedded


def test_the_last_copy_is_sold_twice_in_four_of_six_orders_and_mended_in_none() -> None:
    """The control is in it: the same judge, the same faults, another program."""
    naive, mended = last_copy.all_schedules(), last_copy.all_schedules(mended=True)
    orders = naive.played[0]
    assert (orders.failures, orders.schedules) == (4, 6)
    assert mended.complete
    assert mended.failures == 0
    assert mended.schedules > 10


def test_two_changes_of_turn_break_it_by_hand() -> None:
    """What a learner does first: one GET, the other GET, and both go on."""
    game = last_copy.game()
    for turn in (0, 1, 0, 0):
        assert game.violation is None
        game.move(turn)
    assert game.violation is not None
    assert game.violation.text == "Alice and Bob both bought the last copy"


async def for_ever(redis: Redis, load: Load) -> object:
    page = await redis.get("page")
    if page is None:
        page = await load()
        await redis.set("page", str(page))
    return page


async def for_a_minute(redis: Redis, load: Load) -> object:
    page = await redis.get("page")
    if page is None:
        page = await load()
        await redis.set("page", str(page), ex=60)
    return page


async def save_and_delete(redis: Redis, save: Callable[[], Awaitable[None]]) -> None:
    await save()
    await redis.delete("page")


def test_without_a_ttl_the_old_price_stays() -> None:
    seen = price_change(for_ever)
    assert seen.corrected is None
    assert seen.loads == 1
    assert seen.stale[-1] > 270
    assert "never" in repr(seen)


def test_a_ttl_bounds_how_old_a_price_may_be() -> None:
    """Wherever in the TTL the change falls."""
    for changed in (0.5, 20.5, 59.5):
        seen = price_change(for_a_minute, changed=changed, until=130.0)
        assert seen.corrected is not None
        assert seen.corrected <= 61.1
        assert max(seen.stale, default=0.0) < 61


def test_a_delete_makes_it_right_at_the_next_read() -> None:
    """Also without a TTL."""
    for get in (for_ever, for_a_minute):
        seen = price_change(get, save_and_delete, until=60.0)
        assert seen.corrected is not None
        assert seen.corrected < 1.1
        assert seen.stale == []


def test_an_error_of_the_learners_code_is_not_swallowed() -> None:
    async def broken(redis: Redis, load: Load) -> str:
        raise KeyError("page")

    with pytest.raises(KeyError):
        price_change(broken, until=2.0)


async def view(redis: Redis, me: str) -> int:
    return int(await redis.incr("views"))


def test_a_lost_reply_counts_once_or_twice_and_the_client_cannot_tell() -> None:
    """Without a repeat the client gets an error although it was counted; the control loses nothing."""
    lost = OneFault("lose reply", at=1)
    assert simulate(view, faults=lost, retries=3).results == {"alice": 2}
    alone = simulate(view, faults=lost)
    assert isinstance(alone.results["alice"], Exception)
    assert [event.reply for event in alone.trace] == [1]
    assert simulate(view, retries=3).results == {"alice": 1}


def test_clients_have_names_a_server_with_data_and_virtual_time() -> None:
    toy = simulate(view, view, given=[("SET", "views", 40)])
    assert sorted(toy.results.values()) == [41, 42]
    assert toy.took < 0.1
    assert repr(toy).startswith("alice: 4")


def test_the_checklist_finds_what_is_wrong_and_nothing_else() -> None:
    """One fault for each rule; the control is a keyspace that follows them all."""
    asyncio.run(_judged())


async def _judged() -> None:
    world = Embedded()
    redis = world.redis()
    await redis.set("app:product:v1:42", "page", ex=300)
    await redis.mget("app:{a}:v1:1", "app:{a}:v1:2")
    clean = await checklist(redis, world.trace)
    assert [line["found"] for line in clean] == [
        "0 keys have none, of 1",
        "0 keys have none, of 1",
        "no; a cluster would refuse 0 of 1 command with several keys",
        "0 keys were read and written back in two commands",
    ]
    await redis.set("user7", "Ann")
    await redis.get("app:stock:v1:42")
    await redis.set("app:stock:v1:42", 2, ex=60)
    await redis.mget("app:a", "app:b")
    wrong = await checklist(redis, world.trace)
    assert [line["which"] for line in wrong] == ["user7", "user7", "MGET app:a app:b", "app:stock:v1:42"]
    assert wrong[0]["found"] == "1 key has none, of 3"


@pytest.mark.parametrize("found", find_all()[:1], ids=str)
def test_every_way_to_ask_is_timed(found: Found) -> None:
    """The order that no machine changes: the server's own work is a mean, and part of a round trip; a search
    through all rows takes the most. Else of the quickest, as others use the machine, too.
    """
    with Server(found) as server:
        timings = {timing.name: timing for timing in latencies(server, repeats=100, rows=20_000)}
    least = {name: timing.percentile(5) for name, timing in timings.items()}
    assert least["GET: the server's own work"] < mean(timings["GET: redis-py"].seconds)
    assert least["GET: a bare socket"] < least["GET: another machine"]
    assert least["SQLite: with an index"] < least["SQLite: without an index"]
    assert least["GET: each of 100 in a pipeline"] < least["GET: redis-py"]
    assert least["SQLite: another machine"] > 0.001
    assert timings["GET: redis-py"].row["where"] == "round trip on this machine"


def test_without_a_server_nothing_is_timed() -> None:
    with pytest.raises(NoServer):
        latencies(None)
