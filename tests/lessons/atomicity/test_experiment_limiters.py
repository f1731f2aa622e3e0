"""Lesson 03: what limiters let pass and what is derived of it, contention, a lost reply, scripts on real servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import psutil
import pytest
import redis as sync
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.exceptions import WatchError

from course_lib.errors import BadArgument
from course_lib.lessons.atomicity.experiment_counting import REDIS_PY_RETRIES, admitted_in_an_hour, contend, disturbed
from course_lib.lessons.atomicity.experiment_limiters import (
    ALGORITHMS,
    ARRIVALS,
    Traffic,
    in_slices,
    play,
    within_the_last,
)
from course_lib.lessons.atomicity.experiment_real import costs, in_real_time, lost_reply
from course_lib.lessons.atomicity.experiment_scripts import busy, endless, undeclared
from course_lib.patterns.ratelimit import FixedWindow
from course_lib.servers import Found, Server, find_all
from course_lib.worlds import Embedded, Real

# -- what passes in a window -------------------------------------------------------------------------------------------


def busiest(admitted: list[int], span: int) -> int:
    """By the definition: the most in any half-open window; it is enough to end one at each admission."""
    return max((sum(end - span < when <= end for when in admitted) for end in admitted), default=0)


@given(st.lists(st.integers(0, 60), max_size=30), st.integers(1, 20))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_curve_s_peak_is_the_fullest_window(admitted: list[int], span: int) -> None:
    """Also where one drops out in the very µs in which another comes in."""
    curve = within_the_last(sorted(admitted), span)
    assert max((level for _, level in curve), default=0) == busiest(admitted, span)
    assert all(level == 0 for _, level in curve[-1:])


@dataclass(frozen=True)
class Given(Traffic):
    """Traffic at moments of our own, in µs."""

    at: tuple[int, ...] = ()

    def times(self) -> list[int]:
        return list(self.at)


GAPS = st.lists(st.one_of(st.sampled_from([0, 1, 499_999, 500_000]), st.integers(0, 400_000)), max_size=30)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(gaps=GAPS, limit=st.integers(1, 4), burst=st.integers(1, 6))
def test_no_traffic_gets_more_than_was_derived(algorithm: str, gaps: list[int], limit: int, burst: int) -> None:
    """Windows of 0.5 s; arrivals at their edges, a µs beside them, and anywhere."""
    at = tuple(sum(gaps[: number + 1]) for number in range(len(gaps)))
    outcome = play(Given(algorithm, limit=limit, burst=burst, window=0.5, windows=30, rate=1.0, at=at))
    assert len(outcome.asked) == len(gaps)
    assert outcome.fullest[1] == busiest(outcome.admitted, 500_000) <= outcome.traffic.bound


@pytest.mark.parametrize(
    ("algorithm", "arrivals", "burst", "most"),
    [
        ("fixed", "boundary", 0, 200),
        ("log", "patient", 0, 100),
        ("counter", "patient", 0, 199),
        ("bucket", "patient", 0, 199),
        ("gcra", "patient", 0, 199),
        ("gcra", "patient", 10, 109),
    ],
)
def test_what_was_derived_is_reached(algorithm: str, arrivals: str, burst: int, most: int) -> None:
    """So no smaller bound would do; and each limiter but the log is a control for the log's."""
    outcome = play(Traffic(algorithm, arrivals, burst=burst))
    assert outcome.fullest[1] == outcome.traffic.bound == most


def test_after_a_burst_the_sliding_counter_admits_in_proportion() -> None:
    """100 within 0.1 s before the end of a window of 2 s, and 0.12 s after it: 100 × (1 + 0.12/2) = 106."""
    at = tuple(range(1_900_000, 2_121_000, 1_000))
    assert play(Given("counter", at=at)).fullest[1] == 106


@pytest.mark.parametrize(("limit", "rate", "window"), [(20, 60.0, 1.5), (7, 33.0, 3.5), (60, 97.0, 1.0)])
def test_steady_traffic_keeps_the_sliding_counter_to_its_limit_in_the_long_run(
    limit: int, rate: float, window: float
) -> None:
    """To within one, once a whole window lies behind it; what it is admitted at the start is a burst, the control."""
    outcome = play(Traffic("counter", "steady", limit=limit, rate=rate, window=window, windows=5))
    settled = outcome.traffic.boundaries[0] + window
    assert limit - 2 <= max(n for t, n in outcome.curve if t >= settled) <= limit + 1
    assert (outcome.fullest[1] > limit + 1) == (window != 1.0)  # with 1.0 it begins at the beginning of a window


@pytest.mark.parametrize("window", [0.5, 1.5, 2.0, 3.5])
def test_a_fixed_window_opens_where_the_picture_says(window: float) -> None:
    """A limit of one: refused until a µs before the boundary, admitted at it."""
    boundary = round(Traffic(window=window).boundaries[1] * 1e6)
    asked = play(Given(limit=1, window=window, at=(boundary - 2, boundary - 1, boundary))).asked
    assert [request.allowed for request in asked] == [True, False, True]


@pytest.mark.parametrize(
    ("algorithm", "entries"), [("fixed", 2), ("log", 20), ("counter", 3), ("bucket", 2), ("gcra", 1)]
)
def test_only_the_log_stores_as_much_as_it_admits(algorithm: str, entries: int) -> None:
    assert play(Traffic(algorithm, "steady", limit=20, rate=50.0)).entries == entries


@pytest.mark.parametrize("arrivals", ARRIVALS)
def test_arrivals_come_in_order_and_within_the_run(arrivals: str) -> None:
    traffic = Traffic(arrivals=arrivals, rate=40.0, limit=30, window=1.5)
    times = traffic.times()
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] < traffic.duration * 1e6
    assert len(times) > 50


def test_random_arrivals_come_at_their_rate() -> None:
    """Within four standard deviations of a Poisson count, and another seed is another run."""
    one, other = (Traffic(arrivals="random", rate=400.0, windows=4, seed=seed).times() for seed in (1, 2))
    assert one != other
    assert abs(len(one) - 3200) < 4 * 3200**0.5


def test_the_same_traffic_gives_the_same_outcome_in_slices_too() -> None:
    given = Traffic("gcra", "random", rate=100.0)
    *_, (share, sliced) = in_slices(given, steps=50)
    assert share == 1.0
    assert sliced.asked == play(given).asked != play(replace(given, seed=2)).asked


@pytest.mark.parametrize(
    "wrong", [{"algorithm": "leaky"}, {"arrivals": "now and then"}, {"limit": 0}, {"window": 0.0}, {"rate": 5000.0}]
)
def test_impossible_traffic_is_refused_in_words(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadArgument, match="accepted|at most"):
        Traffic(**wrong)


# -- counting ----------------------------------------------------------------------------------------------------------


async def get_then_set(redis: Redis, me: str) -> None:
    await redis.set("visits", int(await redis.get("visits") or 0) + 1)


async def watch(redis: Redis, me: str) -> None:
    async with redis.pipeline() as pipe:
        while True:
            try:
                await pipe.watch("visits")
                value = int(await pipe.get("visits") or 0)
                pipe.multi()
                pipe.set("visits", value + 1)
                await pipe.execute()
                return
            except WatchError:
                continue


async def incr(redis: Redis, me: str) -> None:
    await redis.incr("visits")


@pytest.mark.parametrize("clients", [1, 2, 7, 20])
def test_watch_keeps_every_update_and_fails_no_more_often_than_derived(clients: int) -> None:
    """At most n(n − 1)/2 tries fail; one command never does; and GET, then SET, the control, loses updates."""
    most, failed, lost = clients * (clients - 1) // 2, 0, 0
    for seed in range(8):
        patient, single = (contend(body, clients=clients, seed=seed) for body in (watch, incr))
        assert (patient.lost, single.lost, single.failed) == (0, 0, 0)
        assert patient.failed <= most
        assert single.commands == clients
        failed, lost = failed + patient.failed, lost + contend(get_then_set, clients=clients, seed=seed).lost
    assert (failed > 0, lost > 0) == (clients > 1, clients > 1)


def test_contention_is_counted_client_by_client() -> None:
    counted = contend(incr, clients=3, each=4)
    assert (counted.wanted, counted.kept, counted.said_yes, counted.commands) == (12, 12, 0, 12)


def test_what_a_body_raises_is_raised() -> None:
    async def wrong(redis: Redis, me: str) -> None:
        await redis.set("visits", "many")
        await redis.incr("visits")

    with pytest.raises(sync.ResponseError, match="not an integer"):
        contend(wrong, clients=1)


# -- a key without a TTL -----------------------------------------------------------------------------------------------

INCR = "local count = redis.call('INCR', KEYS[1])\n"
VARIANTS = {
    "first": INCR + "if count == 1 then redis.call('EXPIRE', KEYS[1], 60) end return count <= 5",
    "every": INCR + "redis.call('EXPIRE', KEYS[1], 60) return count <= 5",
    "heals": INCR + "if redis.call('PTTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], 60) end return count <= 5",
}


@pytest.mark.parametrize(("variant", "fresh", "planted"), [("first", 273, 0), ("every", 5, 0), ("heals", 273, 268)])
def test_only_the_script_that_looks_heals_a_key_without_ttl(variant: str, fresh: int, planted: int) -> None:
    """One asks every 11 s, and 5 of each 6 are allowed; a planted key costs a minute, or for ever."""

    async def hit(redis: Redis) -> bool:
        return bool(await redis.eval(VARIANTS[variant], 1, "hits"))

    assert admitted_in_an_hour(hit) == fresh
    assert admitted_in_an_hour(hit, forever=9) == planted


def test_a_transaction_with_expire_nx_heals_it_as_well() -> None:
    async def hit(redis: Redis) -> bool:
        async with redis.pipeline(transaction=True) as pipe:
            hits, _ = await pipe.incr("hits").expire("hits", 60, nx=True).execute()
        return bool(hits <= 5)

    assert (admitted_in_an_hour(hit), admitted_in_an_hour(hit, forever=9)) == (273, 268)


# -- a lost reply ------------------------------------------------------------------------------------------------------


async def count(redis: Redis, me: str) -> int:
    return int(await redis.incr("requests"))


async def limited(redis: Redis, me: str) -> int:
    limiter = FixedWindow(redis, "hits", limit=100, period=1000, timeout=30, token=lambda: f"{me}'s first")
    await limiter.hit(me)
    return 99 - (await limiter.hit(me, request_id="another")).remaining


@pytest.mark.parametrize(("kind", "counted"), [(None, 1), ("lose request", 1), ("lose reply", 2)])
def test_a_retry_after_a_lost_reply_counts_twice(kind: Any, counted: int) -> None:
    """A lost request and none at all are the controls."""
    run = disturbed(count, kind)
    assert run.result == counted
    assert [event.fault for event in run.trace].count("reply lost") == (kind == "lose reply")
    assert repr(run).endswith(f"INCRBY requests 1 ({counted}): {counted}")


@pytest.mark.parametrize("at", [1, 2, 3])
def test_an_id_mends_it_at_every_send(at: int) -> None:
    assert disturbed(limited, "lose reply", at=at).result == 1


def test_without_retries_a_lost_reply_is_an_error() -> None:
    assert isinstance(disturbed(count, "lose reply", retries=0).result, RedisTimeoutError)


def test_the_client_retries_as_often_as_redis_py_does() -> None:
    assert Redis().get_retry().get_retries() == REDIS_PY_RETRIES


# -- real servers ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=find_all(), ids=str)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    found: Found = request.param
    with Server(found) as started:
        yield started


def test_a_limiter_costs_one_round_trip_and_the_log_the_most_memory(server: Server) -> None:
    rows = {str(row["limiter"]): row for row in costs(server, limit=50, asked=60)}
    assert {row["round trips a request"] for row in rows.values()} == {1.0}
    assert all(5 <= float(str(row["commands in the script"])) <= 10 for row in rows.values())
    memory = {name: int(str(row["bytes a subject"])) for name, row in rows.items()}
    log = memory.pop("sliding log")
    assert 4 * max(memory.values()) < log


def test_for_real_a_retry_counts_twice_and_an_id_mends_it(server: Server) -> None:
    rows = lost_reply(server)
    assert [(row["sent"], row["replies lost"], row["counted"]) for row in rows] == [(2, 1, 2), (2, 1, 1)]


@pytest.mark.parametrize("body", [watch, incr])
def test_for_real_no_update_is_lost(server: Server, body: Callable[[Redis, str], Awaitable[None]]) -> None:
    counted = in_real_time(server, body, clients=8, each=3)
    assert (counted.kept, counted.lost, counted.trace.world) == (24, 0, "real")
    assert counted.commands == 24 if body is incr else counted.failed >= 0


@pytest.mark.parametrize("transaction", [True, False])
def test_the_lesson_s_scripts_do_for_real_what_they_do_embedded(server: Server, transaction: bool) -> None:
    """A script that fails half-way keeps its writes; numbers are cut off; NOSCRIPT leaves the rest of a pipeline alone.

    fakeredis shows it in the lesson; both must say the same.
    """

    async def ask(redis: Redis) -> list[Any]:
        await redis.flushall()
        await redis.script_flush()
        await redis.set("bob", "closed")
        with pytest.raises(sync.ResponseError, match="not an integer"):
            await redis.eval("redis.call('INCR', KEYS[1]) redis.call('INCR', KEYS[2])", 2, "ann", "bob")
        said: list[Any] = [await redis.get("ann")]
        for script in ("3.99", "tostring(3.99)", "{1, nil, 3}", "false", "2^53 + 1"):
            said.append(await redis.eval(f"return {script}", 0))
        async with redis.pipeline(transaction=transaction) as pipe:
            pipe.incr("before").evalsha("0" * 40, 0).incr("after")
            before, refused, after = await pipe.execute(raise_on_error=False)
        return [*said, before, type(refused), after]

    shown: dict[str, list[Any]] = {}
    for world in (Embedded(), Real(server.url)):
        world.client("ann", ask, world.redis())
        shown[world.trace.world] = world.run()["ann"]
    assert shown["embedded"] == shown["real"] == ["1", 3, "3.99", [1], None, 2**53, 1, sync.exceptions.NoScriptError, 1]


def test_a_busy_script_holds_everybody_up(server: Server) -> None:
    """As often as it takes on a loaded machine: a PING sent meanwhile waits for a good part of the script's time."""
    for seconds in (0.15, 0.3, 0.6, 1.2):
        measured = busy(server, seconds=seconds)
        assert len(measured.pings) == round(2 * seconds / 0.01)
        longest = max((wait for _, wait in measured.held_up), default=0.0)
        if longest > 0.3 * (measured.ended - measured.began):
            return
    pytest.fail(f"no PING waited: {measured}")


def test_an_undeclared_key_stops_a_script_half_way_on_a_cluster_s_node_alone(server: Server) -> None:
    """Declared, the same key has it refused before it begins."""
    rows = undeclared(server)
    assert [row["hits:bob afterwards"] for row in rows] == [1, 1, 1, 0]
    heard = [str(row["what comes back"]) for row in rows]
    assert heard[:2] == ["the number 1", "the number 2"]
    assert "non local key" in heard[2]
    assert "hash to the same slot" in heard[3] or "not served" in heard[3]


WRITTEN = ("it has written nothing", "it has written a key")


def test_a_script_is_killed_before_its_first_write_and_never_after(server: Server) -> None:
    """And whatever becomes of it, its server is gone afterwards, and the one that we gave is as it was."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    rows = {str(row["sent"]): row for row in endless(server)}
    before_it, after_it = ({sent: str(row[name]) for sent, row in rows.items()} for name in WRITTEN)
    for heard in (before_it, after_it):
        assert "BUSY" in heard["PING, by another client"]
        assert "BUSY" in heard["GET report, by another client"]
    assert before_it["SCRIPT KILL"] in ("OK", "True")
    assert "UNKILLABLE" in after_it["SCRIPT KILL"]
    assert "killed" in before_it["EVAL, by whoever ran the script"].lower()
    assert before_it["GET report, afterwards"] == "None"
    assert after_it["SHUTDOWN NOSAVE"] == "the server is gone"
    assert "Connection" in after_it["EVAL, by whoever ran the script"]
    assert server.is_alive()
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before
