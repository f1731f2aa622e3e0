"""Lesson 01's experiments: the counting in virtual time, the rest on real servers, where only what must hold is asked.

The notebook itself runs on the first server of this machine, so the experiments are made here on the last.
"""

from __future__ import annotations

import asyncio
import json
import math
import socket
import threading
import time
from _thread import interrupt_main
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis.crc import key_slot

from course_lib.errors import NoServer, ServerFailed
from course_lib.lesson import begin
from course_lib.lessons.topologies.experiment_bench import RECORDED, Bench
from course_lib.lessons.topologies.experiment_decision import (
    CLUSTER,
    GUARDED,
    NONE,
    SENTINEL,
    SERVICES,
    STANDALONE,
    as_rows,
    check,
    measured,
    needs,
    promised,
)
from course_lib.lessons.topologies.experiment_failover import PHASES, as_seen
from course_lib.lessons.topologies.experiment_sentinel_log import STEPS
from course_lib.lessons.topologies.experiment_traps import election
from course_lib.lessons.topologies.experiment_writer import (
    ONCE,
    Attempt,
    Writer,
    account,
    after,
    numbers,
    silence,
    writing,
)
from course_lib.servers import find_all
from course_lib.servers.topology.clients import client_of
from course_lib.sim import OneFault
from course_lib.worlds import Simulated
from course_lib.worlds.threads import Background, until

NOWHERE = "/nowhere/redis-server"


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(found=find_all()[-1]) as made:
        yield made


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench on a machine without a server."""
    monkeypatch.setenv("COURSE_REDIS", NOWHERE)
    return Bench()


def the(outcome: dict[str, Any], writer: str = "writer") -> dict[str, Any]:
    found: dict[str, Any] = outcome["writers"][writer]
    return found


# -- counting ---------------------------------------------------------------------------------------------------------


def counted(*, faults: OneFault | None = None, lose: tuple[str, ...] = (), writes: int = 20) -> dict[str, Any]:
    """A writer in virtual time, which then reads back; `lose` names keys that vanish before that."""
    world, found = Simulated(1, faults=faults), dict[str, Any]()

    async def write() -> None:
        redis = world.redis()
        writer = Writer(redis, "w")
        async with writing(writer):
            while len(writer.attempts) < writes:
                await asyncio.sleep(0.001)
        for key in lose:
            await redis.delete(key)
        found.update(await account(redis, writer, 0.0))

    world.client("a", write)
    assert world.run() == {"a": None}
    return found


def test_without_a_fault_every_write_is_acknowledged_and_found() -> None:
    told = counted()
    assert told["acknowledged"] == len(told["writes"]) >= 20
    assert [told[name] for name in ("missing", "refused", "no reply")] == [0, 0, 0]


@pytest.mark.parametrize(("kind", "stored"), [("lose reply", 1), ("lose request", 0)])
def test_a_write_without_a_reply_is_counted_apart_whether_it_is_stored_or_not(kind: Any, stored: int) -> None:
    """The client cannot tell the two apart; reading back can."""
    told = counted(faults=OneFault(kind, at=5))
    assert (told["no reply"], told["stored though unanswered"], told["missing"]) == (1, stored, 0)


def test_what_was_acknowledged_and_is_gone_is_counted() -> None:
    told = counted(lose=("w:3", "w:7"))
    assert told["missing"] == 2
    assert [number + 1 for number, (_, fate) in enumerate(told["writes"]) if fate == "lost"] == [3, 7]


def test_the_longest_silence_is_that_of_the_fault() -> None:
    """The control: without it, the writer is never silent for as long."""
    assert counted(faults=OneFault("lose reply", at=5))["silence (s)"] > 5 * counted()["silence (s)"]


def test_a_cluster_that_is_gone_gives_no_reply_and_stops_no_writer() -> None:
    """What a cluster's client raises then is no RedisError."""
    writer = Writer(None, "w")

    async def write() -> None:
        with socket.socket() as nobody:  # bound, and not listening
            nobody.bind(("127.0.0.1", 0))
            writer.redis = client_of("cluster", [nobody.getsockname()[1]], **ONCE)
            async with writing(writer):
                await until(lambda: len(writer.attempts) >= 2, "two writes are over")

    asyncio.run(write())
    assert {one.answer for one in writer.attempts} == {"no reply"}


def test_what_came_after_the_fault_is_told_apart() -> None:
    writes = [[-1.0, "acknowledged"], [0.5, "lost"], [0.6, "acknowledged"], [0.7, "refused"], [0.8, "no reply"]]
    row = {"writer": "early", "acknowledged": 2, "of these gone": 1, "refused": 1, "no reply": 1}
    assert after({"writers": {"early": {"writes": writes}}}, "early") == row


def test_a_silence_that_has_not_ended_counts() -> None:
    answers = [(1.0, "acknowledged"), (1.5, "acknowledged"), (2.0, "no reply"), (4.0, "refused")]
    assert silence([Attempt(n, t - 0.1, t, answer) for n, (t, answer) in enumerate(answers, 1)]) == (1.5, 4.0)
    assert silence([Attempt(1, 0.0, 1.0, "refused")]) == (0.0, 0.0)


# -- in the background ------------------------------------------------------------------------------------------------


def test_a_background_returns_raises_and_ends_when_cancelled() -> None:
    async def add() -> int:
        return 1 + 1

    async def fail() -> None:
        raise ValueError("no")

    async def for_ever() -> None:
        await asyncio.Event().wait()

    before = threading.active_count()
    assert Background(add, name="adds").result() == 2
    with pytest.raises(ValueError, match="no"):
        Background(fail, name="fails").result()
    waiting = Background(for_ever, name="waits")
    assert not waiting.over
    waiting.cancel()
    assert waiting.over
    assert threading.active_count() == before


def test_an_interrupt_ends_what_runs_in_the_background() -> None:
    """As when somebody stops a cell: the coroutine is cancelled, and cleans up, before the interrupt goes on."""
    cleaned = threading.Event()

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    waiting = Background(for_ever, name="waits")
    threading.Timer(0.1, interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        waiting.result()
    assert cleaned.is_set()
    assert waiting.over


def test_a_wait_that_is_in_vain_says_for_what() -> None:
    with pytest.raises(ServerFailed, match=r"Within 0\.05 s the moon turns blue; this did not happen"):
        asyncio.run(until(lambda: False, "the moon turns blue", within=0.05))


# -- on real servers --------------------------------------------------------------------------------------------------


def test_a_crash_takes_what_was_in_memory_unless_it_was_logged(bench: Bench) -> None:
    """The control: without a crash nothing is missing."""
    assert the(bench.run("calm", writes=40))["missing"] == 0
    forgotten = the(bench.run("crash", writes=40))
    logged = the(bench.run("crash, append-only file", writes=40))
    assert forgotten["missing"] >= 40
    assert logged["missing"] <= 20  # the server may hold back what comes while it synchronizes the disk
    assert min(forgotten["silence (s)"], logged["silence (s)"]) > 0.3


def test_a_failover_is_timed_step_by_step(bench: Bench) -> None:
    """Sentinel's own events, in the order in which a failover must happen, within the writer's silence."""
    outcome = bench.run("failover", writes=40)
    steps = outcome["steps"]
    order = [*STEPS.values()]
    assert [name for name in sorted(steps, key=steps.__getitem__) if name in order] == order
    assert steps["last write acknowledged"] < steps[order[0]]
    assert set(outcome["phases"]) == set(PHASES)
    assert the(outcome)["silence (s)"] >= outcome["phases"]["notice"][1]
    assert the(outcome)["no reply"] > 0
    assert bench.last("failover", writes=40) is outcome


def test_a_primary_that_is_cut_off_promises_what_is_lost_and_min_replicas_bounds_it(bench: Bench) -> None:
    """The control is the first cut: without the bound nothing is ever refused, and all since the cut is lost."""
    free, bound = bench.run("partition", lasts=3.0), bench.run("partition", min_replicas=1, lasts=5.0)
    assert the(free, "early")["refused"] == 0
    assert "NOREPLICAS" in the(bound, "early")["refused with"]
    assert promised(free) > free["marks"]["healed"] * 0.9
    assert 0 < promised(bound) < bound["marks"]["healed"]
    for outcome in (free, bound):
        assert the(outcome, "late")["acknowledged"] > the(outcome, "late")["missing"] == 0
        assert the(outcome, "asking")["confirmed"] >= 20
        assert the(outcome, "asking")["confirmed, missing"] == 0
        assert 0 < outcome["marks"]["new primary"] < outcome["marks"]["healed"]
        assert [node.name for node in as_seen(outcome) if node.state == "cut off"] == [outcome["cut"]]


def test_a_primary_that_comes_back_empty_empties_its_replicas(bench: Bench) -> None:
    told = the(bench.run("empty restart", writes=40))
    assert told["confirmed, missing"] >= 30
    assert told["silence (s)"] < 10  # no failover has taken place: the sentinels wait for so long


def test_two_sentinels_do_not_do_where_two_of_three_would(bench: Bench) -> None:
    """The control is the failover above, and this one once the second is back."""
    outcome = bench.run("two sentinels")
    said_so = [channel for _, _, channel, _ in outcome["events"]]
    assert not outcome["promoted by one alone"]
    gave_up = said_so.index("-failover-abort-not-elected")
    assert "+odown" in said_so[:gave_up]
    assert not {"+elected-leader", "+switch-master"} & set(said_so[:gave_up])
    assert "+switch-master" in said_so[gave_up:]
    told = [row["in words"] for row in election(outcome)]
    wanted = [
        "votes for itself, in epoch 1",
        "gives up: nobody has a majority",
        "votes for the other sentinel, in epoch",
    ]
    found = [next(n for n, words in enumerate(told) if str(words).startswith(one)) for one in wanted]
    assert found == sorted(found)
    assert "learns of the new primary" in told


def test_slots_are_where_the_clients_library_says(bench: Bench) -> None:
    compared = bench.run("key slots", keys=300)
    assert (compared["agree"], compared["keys"]) == (300, 300)
    assert compared["shown"]["user:42"] == compared["shown"]["cart:{user:42}"] == key_slot(b"user:42")
    owners = bench.run("slot map")["owners"]
    assert sum(high - low + 1 for ranges in owners.values() for low, high in ranges) == 16384


def test_the_wrong_node_says_who_and_one_command_touches_one_slot(bench: Bench) -> None:
    def answers(*commands: str, follow: bool = True) -> list[str]:
        return [step["answered"] for step in bench.run("on the wire", commands=list(commands), follow=follow)["steps"]]

    (alone,) = answers("SET user:42 Ann", follow=False)
    assert alone.startswith(f"-MOVED {key_slot(b'user:42')} 127.0.0.1:")
    assert answers("SET user:42 Ann", "GET user:42") == [alone, "+OK", alone, "$3 Ann"]
    assert answers("MSET user:42:a 1 user:42:b 2")[-1].startswith("-CROSSSLOT")
    assert answers("MSET {user:42}:a 1 {user:42}:b 2", "MGET {user:42}:a {user:42}:b")[-1] == "*2 $1 1 $1 2"


def test_no_read_is_wrong_while_slots_move(bench: Bench) -> None:
    outcome = bench.run("reshard", slots=20, items=600)
    assert (outcome["wrong"], outcome["slots"]) == (0, 20)
    assert outcome["MOVED"] >= 1  # the slot of 600 keys has moved, and each reader had the old map
    assert outcome["keys"] >= 600
    assert outcome["owners"] != outcome["owners before"]


def test_a_cluster_loses_a_primary_and_one_that_is_cut_off_stops(bench: Bench) -> None:
    """Unlike Sentinel's, it refuses by itself before the cut is healed. A writer by hand works there too."""
    bench.topology("cluster")
    told = the(written_by_hand(bench, 10), "live")
    assert told["acknowledged"] >= 10 > told["missing"] == 0
    crash, cut = bench.run("cluster crash", writes=40), bench.run("cluster partition")
    assert the(crash, "its slots")["no reply"] > 0
    assert the(crash, "its slots")["silence (s)"] > 0.3
    assert the(crash, "its slots")["missing"] + the(crash, "other slots")["missing"] <= 3  # what was under way
    assert the(cut, "early")["missing"] > 0
    assert "ClusterDownError" in the(cut, "early")["refused with"]
    assert 0.3 < cut["took writes for (s)"] < cut["marks"]["healed"]
    assert the(cut, "late")["missing"] == 0


def written_by_hand(bench: Bench, count: int) -> dict[str, Any]:
    live, deadline = bench.writer(), time.monotonic() + 20
    while live.counts()["acknowledged"] < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return live.outcome()


def test_a_writer_by_hand_counts_what_a_kill_takes(bench: Bench) -> None:
    """While it goes on, too; it says so where nobody answers; it stops with the next experiment, and for good."""
    topology = bench.topology("standalone")
    with pytest.raises(ValueError, match="nothing to cut"):
        topology.partition("standalone")
    bench.close()
    with pytest.raises(ServerFailed, match="ask for one first"):
        bench.writer()
    topology = bench.topology("standalone")
    live, deadline = bench.writer(), time.monotonic() + 20

    def wait_for(kind: str, count: int) -> None:
        while live.counts()[kind] < count:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    wait_for("acknowledged", 10)
    assert the(live.outcome(), "live")["missing"] == 0
    before = live.counts()["acknowledged"]
    topology.kill("standalone")
    wait_for("no reply", 1)
    with pytest.raises(ServerFailed, match=r"cannot be read back just now \(ConnectionError\).*Restart it"):
        live.outcome()
    while live.counts()["missing"] != "?":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    topology.restart("standalone")
    wait_for("acknowledged", before + 5)
    assert the(live.outcome(), "live")["missing"] >= before
    while live.counts()["missing"] == "?":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert live.counts()["missing"] >= before
    bench.close()
    assert not live.running
    live.stop()


def test_a_topology_that_cannot_be_reset_is_started_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise ServerFailed("it hangs")

    first = bench.topology("standalone")
    monkeypatch.setattr(first, "reset", fails)
    second = bench.topology("standalone")
    assert (first.is_running, second.is_running) == (False, True)
    bench.close()


def test_nothing_stays_behind(bench: Bench) -> None:
    before = set(psutil.Process().children(recursive=True))
    threads = threading.active_count()
    bench.topology("sentinel")
    bench.writer()
    assert set(psutil.Process().children(recursive=True)) - before
    bench.close()
    bench.close()
    assert not set(psutil.Process().children(recursive=True)) - before
    assert threading.active_count() <= threads


# -- recorded runs ----------------------------------------------------------------------------------------------------


def shape(value: Any) -> Any:
    """Names and types, without numbers; of lists and of names that hang on chance, nothing."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items() if name not in ("steps", "phases", "owners", "shown")}
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)


def test_the_record_holds_what_the_lesson_asks_for_as_the_servers_would_give_it(bench: Bench, without: Bench) -> None:
    """Each recorded run has the shape of one that was made in this test run, if one was."""
    runs = json.loads(RECORDED.read_text(encoding="utf-8"))["runs"]
    assert list(runs) == [f"{name} {json.dumps(given, sort_keys=True)}" for name, given in without.plan()]
    made = {line.partition(" {")[0]: outcome for line, outcome in bench._made.items()}
    for name, given in without.plan():
        recorded = without.run(name, **given)
        assert name not in made or shape(recorded) == shape(made[name]), name


def test_a_lesson_without_servers_says_so_and_says_what_it_cannot_do(without: Bench) -> None:
    assert str(without).startswith("Recorded: no server can be started here, so this lesson shows runs of Redis 7")
    assert without.last("crash") == without.run("crash")
    with pytest.raises(NoServer, match=r"“crash” with the settings \{'writes': 7\} was not recorded.*crash \{\}"):
        without.run("crash", writes=7)
    for ask in (lambda: without.topology("sentinel"), without.writer):
        with pytest.raises(NoServer, match=NOWHERE):
            ask()


def test_a_record_that_is_made_can_be_read(tmp_path: Path, bench: Bench, without: Bench) -> None:
    bench.record([("crash", {"writes": 5, "down_for": 0.05})], tmp_path / "new" / "runs.json", day=date(2026, 2, 3))
    again = Bench(recorded=tmp_path / "new" / "runs.json")
    assert again.run("crash", writes=5, down_for=0.05) == bench.last("crash", writes=5, down_for=0.05)
    assert "2026-02-03" in str(again)
    bench.close()


def test_the_first_cell_says_what_follows_where_there_is_no_server(
    without: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    begin("01", without="so recorded runs are shown")
    assert "no real server, so recorded runs are shown." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("crush", {}, "there is no experiment 'crush'; there are: calm, crash,"),
        ("partition", {"minreplicas": 1}, "partition has no setting 'minreplicas'; it has: min_replicas, lasts"),
    ],
)
def test_an_experiment_that_there_is_not_is_named(without: Bench, name: str, given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        without.run(name, **given)
    with pytest.raises(ValueError, match=says):
        without.last(name, **given)


# -- choosing ---------------------------------------------------------------------------------------------------------

FAST = {"silence (s)": 1.5, "writes": [[0.5, "acknowledged"], [1.25, "lost"], [2.0, "refused"]]}
FACTS = measured(
    failover={"writers": {"writer": FAST}},
    guarded={"writers": {"early": FAST}},
    cluster_crash={"writers": {"its slots": {"silence (s)": 2.5}}},
    cluster_cut={"writers": {"early": FAST}},
)
CHOICES = (STANDALONE, SENTINEL, GUARDED, CLUSTER, NONE)


def verdicts(service: str, facts: Any = FACTS) -> dict[str, str]:
    return {choice: str(check({service: choice}, facts)[0]["verdict"]) for choice in CHOICES}


@pytest.mark.parametrize(
    ("service", "stand"),
    [
        ("product pages", {STANDALONE}),
        ("sessions", {GUARDED}),
        ("reading histories", {CLUSTER}),
        ("gift lists of two people", {GUARDED}),
        ("bestseller list", {SENTINEL, GUARDED}),
        ("paid orders", {NONE}),
    ],
)
def test_for_each_service_something_stands_and_the_rest_has_a_reason(service: str, stand: set[str]) -> None:
    told = verdicts(service)
    assert {choice for choice, verdict in told.items() if verdict.startswith("stands")} == stand
    assert all(len(verdict) > 20 for choice, verdict in told.items() if choice not in stand)


def test_a_reason_names_the_need_and_the_measured_number() -> None:
    assert "400 GB do not fit into one machine's 50" in verdicts("reading histories")[SENTINEL]
    assert "commands over any keys meet CROSSSLOT" in verdicts("gift lists of two people")[CLUSTER]
    assert "silent for 1,800 s after a crash, and 20 s are tolerated" in verdicts("bestseller list")[STANDALONE]
    assert "writes of 1.2 s are lost in a cut, and at most 0 s may be" in verdicts("paid orders")[GUARDED]
    assert "6 machines are needed, and there are 3" in verdicts("sessions")[CLUSTER]


def test_a_slower_measurement_changes_the_verdict() -> None:
    """There is no key of right answers: the verdict follows the numbers."""
    slow = {**FACTS, GUARDED: FACTS[SENTINEL], SENTINEL: FACTS[SENTINEL]}
    assert verdicts("sessions", slow)[GUARDED].startswith(
        "ruled out: acknowledged writes of a cut of any length are lost"
    )
    assert verdicts("sessions", slow)[NONE].startswith("stands")


def test_what_is_not_chosen_or_mistyped_is_said() -> None:
    assert check(dict.fromkeys(SERVICES), FACTS)[0]["verdict"] == "not chosen yet"
    with pytest.raises(ValueError, match="'redis' is no choice; there are: standalone, sentinel"):
        check({"sessions": "redis"}, FACTS)
    with pytest.raises(ValueError, match="there is no service 'mail'"):
        check({"mail": None}, FACTS)


def test_needs_and_facts_are_tables() -> None:
    assert [row["service"] for row in needs()] == list(SERVICES)
    assert [row["writes promised and lost in a cut (s)"] for row in as_rows(FACTS)] == ["no bound"] * 2 + [1.2, 1.2]
    assert math.isinf(FACTS[SENTINEL].loss)


def test_numbers_are_the_account_without_the_single_writes() -> None:
    told = counted()
    (row,) = numbers({"writers": {"w": told}}, experiment="calm")
    assert (row["experiment"], row["writer"], row["acknowledged"]) == ("calm", "w", told["acknowledged"])
    assert "writes" not in row
