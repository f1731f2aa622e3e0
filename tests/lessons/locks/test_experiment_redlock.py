"""Lesson 04: each step of the algorithm is forced by a schedule, and the numbers are what they say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from course_lib.errors import BadArgument
from course_lib.explore import Budget, Move, enumerate_all
from course_lib.lessons.locks.experiment_acquisition import acquire_once
from course_lib.lessons.locks.experiment_broken_locks import ExtendsLate, NoValidity
from course_lib.lessons.locks.experiment_contest import END, FAULTS, LOCKS, Contest, ContestResult
from course_lib.lessons.locks.experiment_contest_keys import KeySpan, key_spans
from course_lib.lessons.locks.experiment_contest_run import in_slices, play
from course_lib.lessons.locks.experiment_one_job import IN_ORDER, OneFault, Worker, find, shift, together
from course_lib.lessons.locks.experiment_paused_writer import stopped_before_its_write
from course_lib.lessons.locks.experiment_puzzles import PUZZLES
from course_lib.lessons.locks.experiment_real import grab, killing, try_real, try_simulated
from course_lib.lessons.locks.experiment_without_locks import PAUSES, WAYS, deliver, sell
from course_lib.patterns.locks import Lease, Lock
from course_lib.patterns.redlock import FencedStore, Redlock
from course_lib.servers import Topology
from course_lib.trace import Event, Span, Trace

SEEDS = range(2)
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

# -- workers and a search ---------------------------------------------------------------------------------------------

NOTEBOOK = Path(__file__).resolve().parents[3] / "notebooks" / "04_redlock.ipynb"


async def naive(redis: Any, worker: Worker) -> None:
    while not await redis.set("job", worker.name, nx=True, px=1000):
        await asyncio.sleep(0.1 + 0.1 * worker.draw())
    await worker.work(0.6)
    await redis.delete("job")


async def tokened(redis: Any, worker: Worker) -> None:
    token = worker.token()
    while not await redis.set("job", token, nx=True, px=1000):
        await asyncio.sleep(0.1 + 0.1 * worker.draw())
    await worker.work(0.6)
    await redis.eval(RELEASE, 1, "job", token)


def test_the_first_two_that_overlap_are_found() -> None:
    """Also when a short span lies between them; spans that only touch do not overlap."""
    a, b, c = Span("a", 0.0, 5.0), Span("b", 5.0, 6.0), Span("c", 4.0, 4.5)
    assert together([a, b]) is None
    assert together([a, c, b]) == (a, c)
    assert together([Span("a", 0, 5), Span("b", 1, 1), Span("c", 2, 3)]) == (Span("a", 0, 5), Span("b", 1, 1))
    assert together([]) is None


def test_a_sequential_run_shows_nothing_and_one_pause_shows_two_at_work() -> None:
    assert (shift(naive).most_at_once, len(shift(naive).spans)) == (1, 5)
    pause = OneFault("pause", at=2, seconds=0.8, client="w5")
    run = shift(naive, faults=pause)
    assert run.most_at_once == 2
    first, second = run.together or (None, None)
    assert first is not None
    assert second is not None
    assert first.start < second.start < first.end
    assert [note.t_start for note in run.trace.notes if note.kind == "violation"] == [second.start]
    assert shift(tokened, faults=OneFault("pause", at=2, seconds=0.8, client="w5")).most_at_once == 1


def test_a_crash_ends_its_work_and_the_ttl_frees_the_lock() -> None:
    run = shift(tokened, faults=OneFault("crash", at=2, client="w5"))
    assert {span.who for span in run.spans} == {"w1", "w2", "w3", "w4", "w5"}
    assert sorted(span.start for span in run.spans)[1] >= 1.0


def test_the_search_breaks_del_and_not_compare_and_delete() -> None:
    found = find(naive, seeds=10)
    assert found.shift is not None
    assert found.shift.most_at_once == 2
    assert "broken; the smallest failure in" in repr(found)
    clean = find(tokened, seeds=3)
    assert clean.shift is None
    assert clean.findings.complete
    assert f"{clean.findings.schedules:,} runs: one at a time in every one" in repr(clean)


def test_a_lock_that_lives_on_one_node_dies_with_it() -> None:
    assert shift(tokened, failover=0.1).most_at_once == 2
    assert shift(tokened).most_at_once == 1


def on(kind: type[Redlock], *, extend: bool) -> Callable[[Any, Worker], Any]:
    async def job(nodes: Any, worker: Worker) -> None:
        lock = kind(nodes, "job", ttl=1.0, timeout=0.1, poll=0.5, token=worker.token, draw=worker.draw)
        lease = await lock.acquire(wait=30)
        assert isinstance(lease, Lease)
        await worker.work(0.6)
        if extend:
            await lease.extend()
            await worker.work(0.6 if lease.valid else 0.0)
        await lease.release()

    return job


@pytest.mark.parametrize(("twin", "extend"), [(NoValidity, False), (ExtendsLate, True)])
def test_validity_counts_from_before_the_request(twin: type[Redlock], extend: bool) -> None:
    """At the acquisition and at an extension; the twin that counts from the reply is found."""
    options: dict[str, Any] = {"nodes": 3, "workers": 2, "faults": {"pause": 1.5}}
    assert find(on(twin, extend=extend), seeds=2, **options).shift is not None
    assert find(on(Redlock, extend=extend), seeds=1, **options).shift is None


def test_a_pause_that_does_not_reach_beyond_the_ttl_shows_nothing() -> None:
    quiet = find(on(NoValidity, extend=False), nodes=3, workers=2, seeds=1, faults={"pause": 0.2})
    assert quiet.shift is None


def test_only_the_fence_keeps_the_order_of_writes() -> None:
    def job(fenced: bool) -> Callable[[Any, Worker], Any]:
        async def reports(redis: Any, worker: Worker) -> None:
            lease = await Lock(redis, "job", ttl=1.0, token=worker.token, draw=worker.draw).acquire(wait=30)
            assert isinstance(lease, Lease)
            await worker.work(0.6)
            if lease.valid and fenced:
                await FencedStore(redis, "report").put(worker.name, lease.fence)
            elif lease.valid:
                await redis.set("report", worker.name)

        return reports

    options: dict[str, Any] = {"promise": IN_ORDER, "faults": {"pause": 1.2}, "workers": 2}
    assert find(job(False), seeds=8, **options).shift is not None
    assert find(job(True), seeds=4, **options).shift is None


# -- puzzles ----------------------------------------------------------------------------------------------------------

WAIT = Move("wait", seconds=1.0)
BROKEN_BY: dict[str, list[str | Move]] = {
    "reply": ["alice redis lose reply", Move("wait", seconds=0.4), "alice redis"],
    "failover": ["alice redis", "failover redis", "bob redis"],
    "restart": [
        *("alice redis0", "alice redis1", "bob redis2", "alice redis2"),
        *("failover redis0", "bob redis0", "bob redis1"),
    ],
    "validity": ["alice redis0", "alice redis1", WAIT, *(f"bob redis{n}" for n in range(3)), "alice redis2"],
    "fence": ["alice redis", WAIT, "bob redis", "bob redis", "alice redis"],
}
MENDED_BY = BROKEN_BY | {
    "failover": [*(f"alice redis{n}" for n in range(3)), "failover redis0", *(f"bob redis{n}" for n in (1, 2))]
}


def played(name: str, moves: list[str | Move], *, mended: bool) -> Any:
    """A game in which those moves were made: `client node`, then what becomes of the command if it does not run."""
    game = PUZZLES[name].game(mended=mended)
    for move in moves:
        if isinstance(move, Move):
            game.move(move)
            continue
        client, node, *fate = move.split()
        at = next(i for i, turn in enumerate(game.able) if (turn.client, turn.node) == (client, node))
        game.move(Move(" ".join(fate), at) if fate else at)  # type: ignore[arg-type]
    return game


@pytest.mark.parametrize("name", PUZZLES)
def test_each_puzzle_can_be_won_and_its_code_opens_the_same_game(name: str) -> None:
    game = played(name, BROKEN_BY[name], mended=False)
    assert game.violation is not None
    code = PUZZLES[name].code(game)
    assert PUZZLES[name].open(code).violation == game.violation


@pytest.mark.parametrize("name", PUZZLES)
def test_what_breaks_the_naive_code_leaves_the_mended_code_whole(name: str) -> None:
    assert played(name, MENDED_BY[name], mended=True).violation is None


@pytest.mark.parametrize("name", ["reply", "validity", "fence"])
def test_no_schedule_breaks_the_mended_code(name: str) -> None:
    """All orders, all with a loss or a crash, all in which time passes once; above, the naive is broken."""
    mended = PUZZLES[name].all_schedules(mended=True)
    assert mended.complete
    assert mended.failures == 0
    assert mended.schedules > 20


def test_no_order_breaks_it_if_a_node_that_forgets_grants_nothing_for_a_ttl() -> None:
    """Every class of orders of seven commands; the control is a node that takes part again at once."""
    mended = enumerate_all(PUZZLES["restart"].mended, 2, reduce=True)
    assert mended.complete
    assert mended.failures == 0
    assert enumerate_all(PUZZLES["restart"].naive, 2, reduce=True, budget=Budget(200)).failures > 0


# -- one acquisition --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_a_lease_ends_before_the_first_of_its_keys(seed: int) -> None:
    """TTL − elapsed − drift, with a silent node that costs the whole time-out."""
    attempt = acquire_once(ttl=0.4, timeout=0.1, seed=seed)
    assert attempt.validity == pytest.approx(0.4 - 0.1 - 0.006)
    assert attempt.lasts < 0.4 <= attempt.first_expiry
    assert attempt.granted == attempt.majority


def test_a_time_out_as_long_as_the_ttl_leaves_nothing() -> None:
    attempt = acquire_once(ttl=0.4, timeout=0.4)
    assert attempt.majority
    assert not attempt.granted
    assert attempt.validity < 0


def test_without_a_majority_nothing_is_granted() -> None:
    attempt = acquire_once(silent=(0, 2, 4))
    assert not attempt.granted
    assert [answer.ran is None for answer in attempt.answers] == [True, False, True, False, True]


# -- what the nodes hold ----------------------------------------------------------------------------------------------


def event(t: float, name: str, *words: str, reply: Any = None, node: str = "redis0") -> Event:
    return Event("c", node, tuple(word.encode() for word in (name, *words)), t, t, t, reply)


def acquire(t: float, token: str, reply: int) -> Event:
    keys = ("lease:{job}", "fence:{job}", f"gone:{{job}}:{token}")
    return event(t, "EVALSHA", "sha", "3", *keys, token, "1000", reply=reply)


def keep(t: float, token: str, ms: str, reply: int) -> Event:
    return event(t, "EVALSHA", "sha", "1", "lease:{job}", token, ms, reply=reply)


def test_keys_are_followed_to_their_release_expiry_extension_loss_and_jump() -> None:
    trace = Trace("simulated", 1)
    trace.events += [acquire(0.0, "A.1", 7), acquire(0.1, "B.1", -900), keep(0.2, "B.1", "0", 0)]
    trace.events += [keep(0.5, "A.1", "1000", 1), acquire(2.0, "B.2", 8), keep(2.3, "B.2", "0", 1)]
    trace.events += [acquire(3.0, "A.2", 9), event(3.4, "FLUSHALL"), acquire(4.0, "C.1", 10), acquire(6.0, "A.3", 11)]
    trace.note("redis0", "skew", 4.2, text="clock jumps by +0.5 s")
    assert [(span.who, span.start, pytest.approx(span.end), span.why) for span in key_spans(trace, 1, 6.5)] == [
        ("A", 0.0, 1.5, "expired"),
        ("B", 2.0, 2.3, "released"),
        ("A", 3.0, 3.4, "forgotten"),
        ("C", 4.0, 4.5, "expired"),
        ("A", 6.0, 6.5, "held"),
    ]


@pytest.mark.parametrize("fault", FAULTS)
def test_keys_agree_with_leases(fault: str) -> None:
    """A lease that was granted had its key on a majority of nodes at that moment, whatever went wrong."""
    outcome = play(Contest("redlock", fault, 2, hit=2))
    for tenure in outcome.tenures:
        held = {span.node for span in outcome.keys if span.who == tenure.who and span.start <= tenure.start < span.end}
        assert len(held) >= 3, tenure


# -- contests ---------------------------------------------------------------------------------------------------------


def runs(lock: str, fault: str, **given: Any) -> Iterator[ContestResult]:
    return (play(Contest(lock, fault, 2, seed=seed, **given)) for seed in SEEDS)


def test_without_a_fault_every_lock_is_safe_and_jobs_are_done() -> None:
    for lock in LOCKS:
        outcome = play(Contest(lock))
        assert outcome.together == []
        assert outcome.written("taken") > 5


@pytest.mark.parametrize("down", [0, 1, 2])
def test_two_hold_when_those_down_and_those_that_forget_are_a_majority(down: int) -> None:
    for forget in (2 - down, 3 - down):
        two = [bool(o.together) for o in runs("redlock", "nodes forget", dead=down, hit=forget)]
        assert two == [down + forget >= 3] * len(SEEDS)


def test_two_nodes_may_be_down_and_three_may_not() -> None:
    """With three down safety is kept and liveness is lost."""
    assert play(Contest(dead=2)).written("taken") > 5
    lost = play(Contest(dead=3))
    assert (lost.tenures, lost.together) == ([], [])


def test_a_pause_while_asking_costs_an_attempt_and_the_twin_is_the_control() -> None:
    assert [o.together for o in runs("redlock", "asking pauses")] == [[]] * len(SEEDS)
    assert all(o.together for o in runs("unchecked", "asking pauses"))


def test_a_pause_before_the_write_is_stopped_by_the_fence_alone() -> None:
    for lock in ("one", "redlock"):
        for outcome in runs(lock, "write pauses", fenced=False):
            assert (outcome.together, outcome.written("older")) == ([], 1)
        for outcome in runs(lock, "write pauses", fenced=True):
            assert (outcome.written("older"), outcome.written("refused")) == (0, 1)


def test_del_frees_another_holders_lock_after_a_pause() -> None:
    assert all(o.together for o in runs("del", "holder pauses"))
    assert not any(o.together for o in runs("one", "holder pauses"))


def test_an_extension_needs_a_majority() -> None:
    """When three nodes have forgotten, its holder learns it; the twin that asks for one node goes on."""
    twin = sum(o.summary()["for (ms)"] for o in runs("any", "nodes forget", work=4.0, hit=3))
    right = sum(o.summary()["for (ms)"] for o in runs("extended", "nodes forget", work=4.0, hit=3))
    assert right < twin / 10


def test_a_job_longer_than_the_ttl_needs_an_extension() -> None:
    assert play(Contest("redlock", work=4.0)).written("taken") == 0
    assert play(Contest("extended", work=4.0)).written("taken") > 0


def test_enough_clocks_that_jump_break_it_and_fewer_do_not() -> None:
    assert all(o.together for o in runs("redlock", "clocks jump", hit=3))
    assert not any(o.together for o in runs("redlock", "clocks jump", hit=2))


def test_the_same_seed_gives_the_same_contest_in_slices_too() -> None:
    contest = Contest("redlock", "nodes down", seed=7)
    *_, (done, sliced) = in_slices(contest, steps=100)
    assert done == 1.0
    assert sliced.trace.digest() == play(contest).trace.digest()


@pytest.mark.parametrize("wrong", [{"lock": "two"}, {"fault": "rain"}, {"hit": 6}, {"dead": -1}])
def test_an_impossible_contest_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadArgument, match=next(iter(wrong))):
        Contest(**wrong)


def test_a_fault_that_finds_no_holder_is_no_error() -> None:
    outcome = play(Contest(dead=5, fault="holder crashes", at=END - 1))
    assert outcome.summary()["leases"] == 0
    assert outcome.keys == []
    assert isinstance(KeySpan(0, "A", 0.0, 1.0, "held"), tuple)


# -- without locks ----------------------------------------------------------------------------------------------------


def test_a_ticket_is_sold_twice_under_a_lock_and_never_by_compare_and_set() -> None:
    """A fence helps when the next holder has written, and not when it has only read."""
    after, as_it_begins = PAUSES[1], PAUSES[0]
    assert sell("a lock", pauses=[after], seeds=2).oversold > 0
    assert sell("a lock and its fence", pauses=[after], seeds=2).oversold == 0
    assert sell("a lock and its fence", pauses=[as_it_begins], seeds=5).oversold > 0
    for way in list(WAYS)[2:]:
        sale = sell(way, seeds=2)
        assert (sale.oversold, sale.runs >= 12) == (0, True)


def test_a_queue_shares_the_work_that_a_lock_puts_in_a_row() -> None:
    row, shared = deliver(queue=False), deliver(queue=True)
    assert (row["parcels"], row["twice"], shared["parcels"], shared["twice"]) == (20, 0, 20, 0)
    assert row["took (s)"] > 20 * 0.05 > 4 * shared["took (s)"]


# -- real servers -----------------------------------------------------------------------------------------------------


def test_five_real_nodes() -> None:
    """Two killed: it works; three: nobody gets it; five workers never hold it at once; a real pause needs the fence."""
    with Topology("redlock") as five:
        urls = [five.url(name) for name in five.names]
        assert try_real(urls, tries=20, workers=5).most_at_once == 1
        for fenced, late, report in ((False, "taken", "first"), (True, "refused", "second")):
            run = stopped_before_its_write(urls, fenced=fenced)
            assert (run.late_write, run.report) == (late, report)
            both = [(a, b) for a, b in zip(run.first_fence, run.second_fence, strict=True) if a and b]
            assert both  # two majorities share a node; 0 stands for a node that did not grant it
            assert all(a < b for a, b in both)
        rows = killing(five, tries=10)
    assert [row["got it, real"] for row in rows] == [row["got it, simulated"] for row in rows] == [10, 10, 0]
    assert try_simulated(1, tries=5).got == 5


def test_a_real_node_that_is_restarted_too_soon_lets_two_hold() -> None:
    """Two were away for the first holder, a third forgets; the control is the attempt before that."""
    with Topology("redlock") as five:
        urls = [five.url(name) for name in five.names]
        five.kill("redlock4")
        five.kill("redlock5")
        first = grab(urls)
        five.restart("redlock4")
        five.restart("redlock5")
        assert grab(urls) is None
        five.kill("redlock1")
        five.restart("redlock1")
        second = grab(urls)
    assert first is not None
    assert second is not None
    assert min(first, second) > 25


# -- does every worker get it at last? ---------------------------------------------------------------------------------


def test_the_lesson_shows_a_lock_that_starves_a_worker_and_a_line_that_starves_nobody(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In the loop all three move, the lock is taken and freed, and the worker that never has it asks for it."""
    cells = {cell["id"]: "".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]}
    said = dict[str, Any]()
    exec(cells["fair1"], said)
    found = said["liveness"](said["tries"], clients=3)
    assert found.lasso is not None
    assert found.lasso.movers == ("alice", "bob", "carol")
    loop = [(event.client, event.name) for event in found.loop_events]
    assert (found.lasso.waiter, "SET") in loop
    assert [command for _, command in loop].count("DEL") == sum(found.lasso.served.values()) >= 1
    exec(cells["fair3"], said)
    assert "These are all 64 states of 2 clients" in capsys.readouterr().out
