"""Transactions over several keys: write skew and what prevents it, and random histories against brute force."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import permutations
from math import inf
from typing import Any

import pytest
from thorough import THOROUGH

from course_lib.errors import CourseError
from course_lib.explore import Schedule, Trial, play
from course_lib.explore.bodies import Me, clients_running
from course_lib.explore.exploration import explore
from course_lib.explore.linearizability import UNKNOWN, Call
from course_lib.explore.serializability import (
    ATTEMPT,
    Access,
    Conflict,
    accesses,
    circle,
    conflicts,
    serializable,
    serialization,
)
from course_lib.trace import Event, Trace
from course_lib.views.circle import WIDTH
from course_lib.views.circle import circle as drawn
from course_lib.widgets.explore import COMES_ROUND, Explored

# -- write skew: two doctors are on call, and each goes home if the other stays ---------------------------------------


async def both_on_call(redis: Any) -> None:
    await redis.mset({"alice": "on call", "bob": "on call"})


def _other(me: str) -> str:
    return "bob" if me == "alice" else "alice"


async def goes_home(redis: Any, me: Me) -> None:
    if await redis.get(_other(me)) == "on call":
        await redis.set(str(me), "home")


async def watches(redis: Any, me: Me) -> None:
    async def go(pipe: Any) -> None:
        stays = await pipe.get(_other(me)) == "on call"
        pipe.multi()
        if stays:
            pipe.set(str(me), "home")

    await redis.transaction(go, _other(me))


async def by_script(redis: Any, me: Me) -> None:
    script = "if redis.call('GET', KEYS[1]) == 'on call' then redis.call('SET', KEYS[2], 'home') end"
    await redis.eval(script, 2, _other(me), str(me))


async def compares(redis: Any, me: Me) -> None:
    """A retry of its own, which it marks: what it read in vain is not part of what it did."""
    script = """
        if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
        redis.call('SET', KEYS[2], ARGV[2])
        return 1
    """
    while True:
        me.note("attempt")
        read = await redis.get(_other(me))
        if read != "on call" or await redis.eval(script, 2, _other(me), str(me), read, "home"):
            return


def test_a_conflict_is_told_in_words() -> None:
    first, second = (Access(who, ("n1", b"stock"), who == "bob", t) for who, t in (("alice", 0.0015), ("bob", 0.002)))
    assert Conflict(first, second).text == "alice read stock (1.5 ms) before bob wrote it (2 ms)"
    assert Conflict(second, first).text == "bob wrote stock (2 ms) before alice read it (1.5 ms)"


def test_write_skew_has_no_serial_order() -> None:
    found = explore(goes_home, serializable(), setup=both_on_call)
    assert (found.played[0].schedules, found.failures) == (6, 4)
    assert found.violation is not None
    assert [(who, other) for who, other, _ in found.violation.circle] == [("alice", "bob"), ("bob", "alice")]
    assert {fact.text.split(" (")[0] for fact in found.violation.facts} == {"alice read bob", "bob read alice"}
    page = Explored(found)._repr_mimebundle_()["text/html"]
    assert "must come before bob: alice read bob" in page
    assert page.count(">No order of alice and bob explains this<") == 2  # in both widths of the picture; no "…"


@pytest.mark.parametrize("body", [watches, by_script, compares])
def test_what_is_atomic_or_looks_again_has_a_serial_order(body: Any) -> None:
    found = explore(body, serializable(), setup=both_on_call)
    assert found.holds
    assert sum(tally.schedules for tally in found.played) >= 2


def test_an_attempt_that_nobody_marks_counts_as_a_read() -> None:
    """The control of the mark: the same retry without it read a page before and after another's write."""

    async def unmarked(redis: Any, me: Me) -> None:
        quiet = Me(str(me))
        quiet.note = lambda kind, text="": None  # type: ignore[method-assign]
        await compares(redis, quiet)

    found = explore(unmarked, serializable(), setup=both_on_call)
    assert found.violation is not None


# -- what counts as read and as written -------------------------------------------------------------------------------


def _trace(*rows: tuple[str, str, Any]) -> Trace:
    events = [
        Event(who, "redis", tuple(word.encode() for word in command.split()), at, at, at, reply)
        for at, (who, command, reply) in enumerate(rows)
    ]
    return Trace(events=events)


def _told(trace: Trace) -> list[tuple[str, str, bool, float]]:
    return [(one.who, one.item[1].decode(), one.writes, one.t) for one in accesses(trace)]


@pytest.mark.parametrize(
    ("command", "reply", "told"),
    [
        ("GET x", None, [("x", False)]),
        ("MGET x y", [None, None], [("x", False), ("y", False)]),
        ("SET x 1", b"OK", [("x", True)]),
        ("SET x 1 NX", None, [("x", False)]),
        ("SET x 1 GET", None, [("x", True)]),
        ("SET x 1 NX GET", None, [("x", True)]),
        ("SET x 1 NX GET", b"old", [("x", False)]),
        ("SET x 1 XX GET", None, [("x", False)]),
        ("SET x 1 XX GET", b"old", [("x", True)]),
        ("SADD x a", 0, [("x", False)]),
        ("HSET x a 1", 0, [("x", True)]),
        ("LPOP x", None, [("x", False)]),
        ("PUBLISH x hello", 0, []),
        ("SETNX x 1", 0, [("x", False)]),
        ("SETNX x 1", 1, [("x", True)]),
        ("DEL x y", 2, [("x", True), ("y", True)]),
        ("DEL x", 0, [("x", False)]),
        ("INCR x", 1, [("x", True)]),
        ("PING", b"PONG", []),
        ("INCR x", ValueError("not an integer"), []),
        ("EVAL script 1 x", 1, [("x", True)]),
        *(
            (command, 0, [("x", False)])
            for command in (
                *("UNLINK x", "EXPIRE x 9", "PEXPIRE x 9", "EXPIREAT x 9", "PEXPIREAT x 9", "PERSIST x", "SREM x a"),
                *("HDEL x a", "HSETNX x a 1", "LREM x 1 a", "XDEL x 1-0", "ZREM x a"),
            )
        ),
        *((command, None, [("x", False)]) for command in ("GETDEL x", "GETEX x PX 9", "RPOP x", "SPOP x")),
    ],
)
def test_which_keys_a_command_reads_and_writes(command: str, reply: Any, told: list[tuple[str, bool]]) -> None:
    assert _told(_trace(("a", command, reply))) == [("a", key, writes, 0) for key, writes in told]


def test_a_transaction_counts_when_exec_runs_and_not_where_it_is_refused() -> None:
    rows = [("a", "MULTI", b"OK"), ("a", "SET x 1", b"QUEUED"), ("b", "SET x 2", b"OK")]
    assert _told(_trace(*rows, ("a", "EXEC", [b"OK"]))) == [("b", "x", True, 2), ("a", "x", True, 3)]
    assert _told(_trace(*rows, ("a", "EXEC", None))) == [("b", "x", True, 2)]
    assert _told(_trace(*rows, ("a", "DISCARD", b"OK"))) == [("b", "x", True, 2)]


@pytest.mark.parametrize("end", [("EXEC", None), ("DISCARD", b"OK")])
def test_what_was_read_before_a_transaction_that_came_to_nothing_no_longer_counts(end: tuple[str, Any]) -> None:
    """Of the one whose transaction it was, and not of others."""
    rows = [("a", "GET x", None), ("b", "GET x", None), ("a", "SET y 1", b"OK"), ("a", "MULTI", b"OK")]
    assert _told(_trace(*rows)) == [("a", "x", False, 0), ("b", "x", False, 1), ("a", "y", True, 2)]
    assert _told(_trace(*rows, ("a", *end))) == [("b", "x", False, 1), ("a", "y", True, 2)]


def test_what_is_read_at_the_moment_of_an_attempt_belongs_to_it() -> None:
    trace = _trace(("a", "GET x", None), ("a", "GET y", None))
    trace.note("a", ATTEMPT, 1)
    assert _told(trace) == [("a", "y", False, 1)]


def test_a_script_counts_by_what_it_called_also_within_a_transaction() -> None:
    """It declares a key that it only reads. In a transaction its event says nothing; that of EXEC does."""
    script = "return redis.call('GET', KEYS[1])"

    async def alone(redis: Any, me: Me) -> None:
        await redis.eval(script, 1, "x")

    async def queued(redis: Any, me: Me) -> None:
        async with redis.pipeline(transaction=True) as pipe:
            await pipe.eval(script, 1, "x").set("y", 1).execute()

    told = [_told(play(_trial(body), Schedule(1)).trace) for body in (alone, queued)]
    assert [[(key, writes) for _, key, writes, _ in each] for each in told] == [
        [("x", False)],
        [("y", True), ("x", False)],
    ]


def _trial(body: Any) -> Trial:
    return Trial("-", (), clients_running(body), lambda run: (), (1,))


def test_of_an_unknown_command_it_does_not_claim_to_know() -> None:
    with pytest.raises(CourseError, match="a sent LMOVE x y, and it is not known which keys LMOVE reads"):
        accesses(_trace(("a", "LMOVE x y", b"1")))


def test_a_command_that_never_arrived_touched_nothing() -> None:
    trace = _trace(("a", "SET x 1", b"OK"))
    trace.events[0].t_server = None
    assert accesses(trace) == []


# -- against brute force ----------------------------------------------------------------------------------------------

ITEMS = ("x", "y", "z")


def _interleaved(draw: random.Random) -> tuple[list[Access], list[Call], dict[str, int]]:
    """Up to four transactions on one store, step by step in any order: what they touched, and what they saw."""
    left = {
        f"t{number}": [(draw.choice(("read", "write")), draw.choice(ITEMS)) for _ in range(draw.randint(1, 3))]
        for number in range(draw.randint(2, 4))
    }
    store: dict[str, int] = {}
    found: list[Access] = []
    seen: dict[str, list[tuple[str, str, int | None]]] = {who: [] for who in left}
    spans: dict[str, list[float]] = {who: [] for who in left}
    clock = 0
    while any(left.values()):
        clock += 1
        who = draw.choice([who for who, steps in left.items() if steps])
        kind, item = left[who].pop(0)
        if kind == "write":
            store[item] = clock
        seen[who].append((kind, item, store.get(item)))
        found.append(Access(who, ("redis", item.encode()), kind == "write", clock))
        spans[who].append(clock)
    calls = [Call(who, "transaction", tuple(ops), "done", spans[who][0], spans[who][-1]) for who, ops in seen.items()]
    return found, calls, store


def _explains(order: tuple[Call, ...], store: dict[str, int] | None = None) -> bool:
    held: dict[str, int] = {}
    for call in order:
        for kind, item, value in call.argument:
            if kind == "write":
                held[item] = value
            elif held.get(item) != value:
                return False
    return store is None or held == store


def _kept(order: tuple[str, ...], pairs: list[Conflict]) -> bool:
    place = {who: at for at, who in enumerate(order)}
    return all(place[pair.first.who] < place[pair.second.who] for pair in pairs)


def _histories(number: int) -> Iterator[tuple[list[Access], list[Call], dict[str, int]]]:
    for seed in range(number):
        yield _interleaved(random.Random(seed))


def test_both_ways_agree_with_brute_force_over_random_histories() -> None:
    """100,000 of them with --thorough. Each outcome must occur often enough for the agreement to mean something."""
    outcomes = {"serial": 0, "none": 0, "circle": 0, "strict": 0}
    for found, calls, store in _histories(100_000 if THOROUGH else 2_000):
        orders = list(permutations(calls))
        pairs = conflicts(found)
        around = circle(pairs)
        assert bool(around) is not any(_kept(order, pairs) for order in permutations([call.client for call in calls]))
        for one, other in zip(around, [*around[1:], *around[:1]], strict=True):
            assert one.second.who == other.first.who
        by_values = serialization(calls)
        assert (by_values is not None) is any(map(_explains, orders))
        assert by_values is None or _explains(tuple(by_values))
        in_time = [
            o for o in orders if all(not later.end < one.start for i, one in enumerate(o) for later in o[i + 1 :])
        ]
        strictly = serialization(calls, strict=True)
        assert (strictly is not None) is any(map(_explains, in_time))
        if not around:  # what ran has an order, so what was seen and what is left has one
            assert any(_explains(order, store) for order in orders)
        outcomes["serial"] += by_values is not None
        outcomes["none"] += by_values is None
        outcomes["circle"] += bool(around)
        outcomes["strict"] += strictly is None and by_values is not None
    assert min(outcomes.values()) >= 10, outcomes


def test_a_transaction_that_may_never_have_run_is_left_out_where_it_must_be() -> None:
    wrote = Call("a", "transaction", (("write", "x", 1),), UNKNOWN, 0, inf)
    before, after = (
        Call(who, "transaction", (("read", "x", value),), "done", 1, 2) for who, value in (("b", None), ("c", 1))
    )
    assert [call.client for call in serialization([wrote, before]) or []] in (["b"], ["b", "a"])
    assert [call.client for call in serialization([wrote, before, after]) or []] == ["b", "a", "c"]
    other = Call("c", "transaction", (("read", "x", 2),), "done", 1, 2)
    assert serialization([wrote, other]) is None
    assert serialization([other], {"x": 2}) is not None


# -- its picture ------------------------------------------------------------------------------------------------------


def test_the_picture_says_in_words_what_it_draws() -> None:
    picture = drawn((("a", "b", "a read x"), ("b", "c", "b <wrote> y"), ("c", "a", "c read z")), title="It comes round")
    assert "a must come before b: a read x; b must come before c: b <wrote> y; c must come before a" in picture.alt
    assert picture.svg.count("<rect") == 3
    assert [picture.svg.count(f">{why}</text>") for why in ("a read x", "b &lt;wrote&gt; y", "c read z")] == [1, 1, 1]
    assert 34 + 8.2 * len(COMES_ROUND) < WIDTH, "its title is not cut off: bold letters of 13 pixels"
    long = drawn((("a", "b", "x" * 100), ("b", "a", "back")), title="It comes round")
    assert "x" * 100 in long.alt
    assert "x" * 80 not in long.svg.replace(long.alt, "")
    assert "<wrote>" not in picture.svg
    with pytest.raises(ValueError, match="at least one step"):
        drawn((), title="nothing")
