"""What is held against nobody: crashes, writes that overlap, time that a pause still has; and what never commutes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest
from redis.asyncio import Redis

from course_lib.explore import CRASHED, Move, Play, Schedule, Simulation, Trial, enumerate_all, estimated, play, sample
from course_lib.explore.commutativity import Footprint, commute, footprint
from course_lib.explore.exploration import explore
from course_lib.explore.invariants import bounded_staleness, no_lost_update
from course_lib.explore.linearizability import UNKNOWN, Call
from course_lib.sim.faults import Kind
from course_lib.trace import Trace
from explore.visits import mended, naive


def nothing(run: Play) -> Iterable[Any]:
    return ()


# -- who was told nothing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["crash", "lose request", "lose reply", "node down"])
def test_an_update_of_a_client_that_was_not_told_so_is_not_lost(kind: Kind) -> None:
    """A client that crashed, or whose command raised, was promised nothing. The control loses one without a fault."""
    kept = explore(mended, no_lost_update("visits"), faults=[kind])
    assert (kept.failures, kept.holds) == (0, True)
    assert explore(naive, no_lost_update("visits"), faults=[kind]).played[0].failures == 4


def test_of_those_who_were_told_each_counts() -> None:
    """Two say that they counted, and one did; that a third crashed changes nothing."""
    runs: dict[str, list[str]] = {}
    for third in ("counts", "crashes"):

        def build(world: Simulation, clients: int, third: str = third) -> None:  # fmt: skip
            async def counts() -> bool:
                await world.redis().get("n")
                return True

            async def adds() -> bool:
                await world.redis().incr("n")
                return True

            world.client("a", counts)
            world.client("b", adds)
            process = world.client("c", adds)
            if third == "crashes":
                world.crash(process)

        run = play(Trial("three", ("-",), build, no_lost_update("n")), Schedule(3))
        runs[third] = [violation.text for violation in run.violations]
    assert runs == {
        "counts": ["3 clients were told that they had counted, and n is 2: 1 update is lost"],
        "crashes": ["2 clients were told that they had counted, and n is 1: 1 update is lost"],
    }


# -- what is too old --------------------------------------------------------------------------------------------------


def stale(*calls: Call, bound: float = 0.0) -> list[str]:
    run = Play(Schedule(1), Trace("simulated", 0), {}, None, 10.0, 0)
    return [found.text for found in bounded_staleness(bound, calls=lambda run: calls)(run)]


def write(value: Any, start: float, end: float, result: Any = "OK") -> Call:
    return Call("w", "write", value, result, start, end)


def read(value: Any, start: float, end: float) -> Call:
    return Call("r", "read", None, value, start, end)


@pytest.mark.parametrize(
    ("second", "old"),
    [((1.0, 3.0), False), ((2.0, 3.0), False), ((2.5, 3.0), True), ((0.5, 1.5), False)],
    ids=["overlapping", "touching", "afterwards", "within"],
)
def test_a_value_is_replaced_only_by_a_write_that_began_after_its_own_had_ended(
    second: tuple[float, float], old: bool
) -> None:
    """Of two writes that overlap, or meet at one moment, either may be the later one."""
    assert bool(stale(write("a", 0.0, 2.0), write("b", *second), read("a", 5.0, 5.1))) is old


def test_the_age_counts_from_the_end_of_the_write_to_the_start_of_the_read() -> None:
    calls = write("a", 0.0, 1.0), write("b", 2.0, 3.0), read("a", 3.5, 9.0)
    assert stale(*calls, bound=0.5) == []
    assert stale(*calls, bound=0.499) == ["r read 'a' 500 ms after it had been replaced; 499 ms is allowed"]
    assert stale(write("a", 0.0, 1.0), write("b", 2.0, 3.0), read("a", 3.0, 9.0)) == []
    assert stale(write("a", 0.0, 1.0), write("b", 2.0, 3.0, UNKNOWN), read("b", 9.0, 9.0)) == []
    assert stale(write("b", 2.0, 3.0), read(None, 4.0, 4.1)) == [
        "r read None 1,000 ms after it had been replaced; 0.00 ms is allowed"
    ]
    assert stale(write("a", 0.0, 1.0), write("b", 2.0, 3.0), read(UNKNOWN, 9.0, 9.0)) == []


# -- whom a fault strikes ---------------------------------------------------------------------------------------------


def refereed(spared: str = "judge") -> Trial:
    """Two of the judge's own clients, and one of the learner's."""

    async def asks(redis: Redis) -> None:
        await redis.get("n")

    def build(world: Simulation, clients: int) -> None:
        for name in ("judge", "judge 2", "c0"):
            world.client(name, asks, world.redis())

    kinds: dict[Kind, float] = {"crash": 0.0, "lose reply": 0.0, "pause": 0.1}
    return Trial("refereed", (), build, nothing, (1,), faults=kinds, orders=(1,), spared=spared)


@pytest.mark.parametrize("reduce", [False, True])
def test_no_fault_strikes_the_judges_own_clients(reduce: bool) -> None:
    """Six orders of three commands; three faults at one of them, or, in the control, at each."""
    struck: list[str] = []

    def judge(run: Play) -> Iterable[Any]:
        for event in run.trace:
            struck.extend([event.client] if event.fault else [])
        struck.extend(note.who for note in run.trace.notes)
        return ()

    def watched(spared: str) -> Trial:
        made = refereed(spared)
        return Trial("refereed", (), made.build, judge, (1,), faults=made.faults, orders=(1,), spared=spared)

    found = enumerate_all(watched("judge"), 1, faults=1, reduce=reduce)
    assert set(struck) == {"c0"}
    assert (found.schedules == 6 * 3) is not reduce
    struck.clear()
    enumerate_all(watched("nobody"), 1, faults=1, reduce=reduce)
    assert set(struck) == {"c0", "judge", "judge 2"}
    struck.clear()
    for faults in (1, 2):
        sample(watched("judge"), 1, 60, faults=faults)
    assert set(struck) == {"c0"}


def test_an_estimate_counts_no_fault_at_the_judges_own_clients() -> None:
    assert estimated(refereed(), 1, 1) == 6 * 1 * 3
    assert estimated(refereed("nobody"), 1, 1) == 6 * 3 * 3


# -- how long a fault lasts -------------------------------------------------------------------------------------------


def two_nodes() -> Simulation:
    return Simulation(nodes=2, socket_timeout=None)


async def asks_both(world: Simulation) -> float:
    await asyncio.gather(world.redis(0).incr("n"), world.redis(1).incr("n"))
    return round(world.now(), 2)


@pytest.mark.parametrize(("first", "second"), [(0.5, 0.05), (0.05, 0.5), (0.5, 0.5)])
def test_a_second_pause_does_not_end_the_first(first: float, second: float) -> None:
    """Two commands of one process on their way, and a pause at each: it wakes when the longer one ends."""

    def build(world: Simulation, clients: int) -> None:
        world.client("c", asks_both, world)

    made = Trial("both", (), build, nothing, world=two_nodes)
    moves = (Move("pause", 0, first), Move("pause", 0, second))
    assert play(made, Schedule(1, turns=moves)).results == {"c": 0.5}
    assert play(made, Schedule(1, turns=moves[:1])).results == {"c": first}


@pytest.mark.parametrize(("first", "second"), [(0.5, 0.05), (0.05, 0.5)])
def test_a_second_outage_does_not_end_the_first(first: float, second: float) -> None:
    world = Simulation()
    world.down(0, first)
    world.down(0, second)

    async def asks_until_it_answers() -> float:
        while True:
            try:
                await world.redis().ping()
            except Exception:
                await asyncio.sleep(0.01)
            else:
                return round(world.now(), 1)

    world.client("c", asks_until_it_answers)
    assert world.run() == {"c": 0.5}


# -- commands of several keys -----------------------------------------------------------------------------------------

OF_TWO_KEYS = [
    "RENAME a b", "RENAMENX a b", "COPY a b", "SMOVE a b m", "LMOVE a b LEFT LEFT", "RPOPLPUSH a b", "BITOP NOT a b",
    "SINTERSTORE a b", "SUNIONSTORE a b", "SDIFFSTORE a b", "ZUNIONSTORE a 1 b", "ZINTERSTORE a 1 b", "SORT a STORE b",
    "MSET a 1 b 1", "MSETNX a 1 b 1", "ZRANGESTORE a b 0 1", "SINTER a b", "SUNION a b", "SDIFF a b", "PFMERGE a b",
    "XREAD STREAMS a b 0 0", "BLPOP a b 0", "MGET a b", "EXISTS a b", "DEL a b", "UNLINK a b", "WATCH a b",
    "EVAL x 2 a b", "EVALSHA x 2 a b", "TOUCH a b", "GEORADIUS a 0 0 1 m STORE b", "LMPOP 2 a b LEFT",
]  # fmt: skip


def of(text: str) -> Footprint:
    return footprint("redis", [tuple(text.encode().split())])


@pytest.mark.parametrize("command", OF_TWO_KEYS)
def test_a_command_of_two_keys_never_commutes_with_a_write_to_either(command: str) -> None:
    """Nor, if it writes, with a read. Those whose keys are not known commute with nothing at all."""
    for key, other in product("ab", ("SET {} 1", "INCR {}", "DEL {}")):
        assert not commute(of(command), of(other.format(key)))
        assert not commute(of(other.format(key)), of(command))


def test_keys_of_every_command_of_a_transaction_count() -> None:
    """MULTI to EXEC is one turn; EXEC hangs on what was watched before, which the turn does not say."""
    turn = footprint("redis", [(b"MULTI",), (b"SET", b"a", b"1"), (b"SET", b"b", b"1"), (b"EXEC",)])
    assert not commute(turn, of("GET a"))
    assert not commute(turn, of("GET z"))
    pipeline = footprint("redis", [(b"SET", b"a", b"1"), (b"GET", b"b")])
    assert [commute(pipeline, of(f"SET {key} 1")) for key in "abz"] == [False, False, True]
    assert [commute(pipeline, of(f"GET {key}")) for key in "abz"] == [False, True, True]


def test_a_crashed_client_is_no_result() -> None:
    """What a judge reads: neither an error nor a value."""
    found: set[Any] = set()
    explore(mended, lambda run: found.update(map(type, run.results.values())), faults=["crash"])
    assert found == {int, type(CRASHED)}
