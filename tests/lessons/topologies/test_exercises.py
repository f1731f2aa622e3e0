"""Lesson 01's checks: what is no answer is refused in words, no cheat passes, and two models of Sentinel agree."""

from __future__ import annotations

import asyncio
from binascii import crc32, crc_hqx
from functools import partial
from hashlib import md5, sha1, sha256
from itertools import combinations
from typing import Any

import pytest
from grading.programs import answers, wrong
from grading.test_check import EqualText, EqualToAll
from redis.exceptions import ClusterCrossSlotError, MovedError

from course_lib.explore import Play, Schedule, Simulation, Trial, play
from course_lib.grading import check, replay
from course_lib.lessons.topologies.answers import SETUPS, Cut, Setup
from course_lib.lessons.topologies.exercises import (
    e1_slot,
    e2_hash_tags,
    e2_shop,
    e3_failover,
    e4_outage,
    e5_cut,
    e6_reports,
)
from course_lib.lessons.topologies.exercises.e4_setups import drawn, has_primary, needed, outages
from course_lib.lessons.topologies.exercises.e6_runs import NAMED, OTHERS
from course_lib.lessons.topologies.exercises.failover import lost
from course_lib.sim.cluster import cluster, owner, share_slots

SOLUTIONS = answers("solutions")
ShopKeys, count = SOLUTIONS["01.2"], SOLUTIONS["01.3"]

# -- no answer at all -------------------------------------------------------------------------------------------------


class LacksVisitors:
    def user(self, user: str, what: str) -> str:
        return "a"

    def product(self, product: str, what: str) -> str:
        return "b"


class TakesOne(LacksVisitors):
    def visitors(self, day: str) -> str:
        return "c"


class Waits(LacksVisitors):
    async def visitors(self, day: str, hour: str) -> str:
        return "c"


class HalfDone(ShopKeys):  # type: ignore[misc]
    def user(self, user: str, what: str) -> str:
        raise NotImplementedError


class GivesBytes(ShopKeys):  # type: ignore[misc]
    def user(self, user: str, what: str) -> Any:
        return f"shop:user:{{{user}}}:{what}".encode()


async def forgets_await(find_primary: Any, event: str, *, patience: float) -> Any:
    return (await find_primary()).wait(1, 50)


@pytest.mark.parametrize(
    ("id", "answer", "said"),
    [
        ("01.1", 5798, "an object of type int"),
        ("01.1", lambda: 1, "must accept (key)"),
        ("01.2", LacksVisitors, "needs `def visitors(self, day, hour)`"),
        ("01.2", TakesOne, "needs `def visitors(self, day, hour)`"),
        ("01.2", Waits, "a plain method"),
        ("01.2", GivesBytes, "a key is a text"),
        ("01.3", SOLUTIONS["01.1"], "must accept (find_primary, event, *, patience)"),
        ("01.3", forgets_await, "forget an await"),
        ("01.4", count, "plain def"),
        ("01.4", lambda setup: setup.nothing, "AttributeError"),
        ("01.6", lambda trace: True, "returned a bool"),
        ("01.6", lambda trace: EqualToAll(), "returned a EqualToAll"),
        ("01.6", lambda trace: trace.nothing, "AttributeError"),
        ("01.5", 1.5, "Cut(at=0.5, seconds=1)"),
        ("01.5", Cut(at=-1), "cannot happen"),
        ("01.5", Cut(at=1, seconds=0), "cannot happen"),
        ("01.5", Cut(at="1"), "cannot happen"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_judged_is_refused_in_words(id: str, answer: Any, said: str) -> None:
    verdict = check(id, answer)
    assert verdict.status == "error", str(verdict)
    assert said in verdict.message
    assert verdict.points == 0


def test_a_class_with_one_blank_left_is_not_answered_yet() -> None:
    assert check("01.2", HalfDone).status == "unanswered"


# -- no cheat passes --------------------------------------------------------------------------------------------------


class EqualNumber(int):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class EqualKeys:
    def user(self, user: str, what: str) -> Any:
        return EqualText(f"{{{user}}}:{what}")

    product = visitors = user


async def claims_at_once(find_primary: Any, event: str, *, patience: float) -> Any:
    return True


async def claims_something_equal(find_primary: Any, event: str, *, patience: float) -> Any:
    return EqualToAll()


async def sets_the_counter(find_primary: Any, event: str, *, patience: float) -> Any:
    """It writes what it hopes the judge will look for, and replicas have."""
    redis = await find_primary()
    await redis.set("visits", 2)
    return await redis.wait(1, 50) >= 1


async def patches_sleep(find_primary: Any, event: str, *, patience: float) -> Any:
    async def at_once(seconds: float, result: Any = None) -> Any:
        return result

    asyncio.sleep = at_once
    return await count(find_primary, event, patience=patience)


@pytest.mark.parametrize(
    ("id", "cheat"),
    [
        ("01.1", lambda key: EqualNumber(7)),
        ("01.1", lambda key: EqualToAll()),
        ("01.1", lambda key: True),
        ("01.2", EqualKeys),
        ("01.3", claims_at_once),
        ("01.3", claims_something_equal),
        ("01.3", sets_the_counter),
        ("01.3", patches_sleep),
        ("01.4", lambda setup: EqualToAll()),
        ("01.4", lambda setup: {EqualText("h1")}),
        ("01.4", lambda setup: set()),
        ("01.4", lambda setup: {*setup.hosts, "elsewhere"}),
    ],
)
def test_a_cheat_does_not_pass(id: str, cheat: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "sleep", asyncio.sleep)  # put back what a cheat replaces
    assert not check(id, cheat).passed


def test_whoever_never_confirms_earns_nothing() -> None:
    """“False” for every event keeps each promise of safety, and is worth no point."""

    async def never(find_primary: Any, event: str, *, patience: float) -> bool:
        return False

    assert check("01.3", never).points == 0


def test_a_mistake_that_none_of_the_known_ones_explains_is_not_called_one() -> None:
    """No modulo, and a plain True: what is said of them is what happened, and no well-known mistake."""

    async def says_yes(find_primary: Any, event: str, *, patience: float) -> bool:
        return True

    for id, answer in (("01.1", lambda key: crc_hqx(key.encode(), 0)), ("01.3", says_yes)):
        verdict = check(id, answer)
        assert verdict.status == "failed"
        assert verdict.misconception is None


# -- the judges themselves: slots -------------------------------------------------------------------------------------


def test_the_keys_of_01_1_meet_every_rule() -> None:
    """Each wrong reading differs from the right one on some key, so that none can pass by luck."""
    trials = e1_slot.trials(SOLUTIONS["01.1"])
    keys = [play(trial, Schedule(1, seed)).witness["key"] for trial in trials for seed in range(trial.seeds)]
    assert len(set(keys)) > 40
    for name, answer in wrong("01.1"):
        assert any(answer(key) != SOLUTIONS["01.1"](key) for key in keys), name


def test_a_simulated_cluster_answers_as_a_real_one() -> None:
    """CROSSSLOT for keys of two slots, MOVED with slot and node where the slot is another's, else the reply."""

    async def ask(world: Simulation) -> list[Any]:
        said: list[Any] = []
        for command in (("MGET", "a", "b"), ("MGET", "{a}1", "{a}2"), ("GET", "{a}1"), ("GET", "{b}1")):
            try:
                said.append(await world.redis(2).execute_command(*command))
            except (ClusterCrossSlotError, MovedError) as error:
                said.append(error)
        return said

    world = cluster()
    share_slots(world)
    world.client("c", ask, world)
    apart, together, own, moved = world.run()["c"]
    assert isinstance(apart, ClusterCrossSlotError)
    assert (together, own) == ([None, None], None)
    assert isinstance(moved, MovedError)
    assert (moved.slot_id, moved.host) == (3300, "redis0")
    assert [owner(slot) for slot in (0, 5460, 5461, 10922, 10923, 16383)] == [0, 0, 1, 1, 2, 2]


def test_the_right_keys_are_far_from_the_bound() -> None:
    """Chance puts 1,000 tags into about 970 slots; days are alike, and have fewer."""
    spread = e2_hash_tags.trials(ShopKeys)[2]
    assert min(len(play(spread, Schedule(1, seed)).witness["slots"]) for seed in range(spread.seeds)) >= 800


# -- the judges themselves: failover ----------------------------------------------------------------------------------


def failovers(answer: Any, name: str) -> list[Play]:
    trial = next(trial for trial in e3_failover.trials(answer) if trial.name == name)
    return [play(trial, Schedule(1, seed)) for seed in range(trial.seeds)]


@pytest.mark.parametrize("name", ["the primary dies", "the primary is cut off"])
def test_a_failover_is_tried_at_every_place_of_a_try(name: str) -> None:
    """The strike falls before the write, between the write and its reply, while WAIT waits, and after all of it.

    The control: in some of these runs the primary acknowledged what its successor does not have.
    """
    seen, acknowledged = set(), 0
    for run in failovers(count, name):
        first = [event for event in run.trace if event.client == "c1" and event.node == "redis0"]
        seen.add(sum((event.t_end or 9.0) < run.witness.struck for event in first[:2]))
        old, new = run.witness.group.members[0], run.witness.group.named
        acknowledged += any(event.name == "EVAL" and event.reply is not None for event in first) and bool(new.number)
        assert e3_failover.counted(run) == 2
        assert old.number == 0
    assert seen == {0, 1, 2}
    assert acknowledged > 0


def test_what_the_primary_alone_has_is_lost() -> None:
    """Whoever reports after the primary's OK loses an event in some moments of the strike, and not in all."""
    trusting = dict(reversed(wrong("01.3")))["trusts-the-primary"]
    broken = [bool(run.violation("kept")) for run in failovers(trusting, "the primary dies")]
    assert any(broken)
    assert not all(broken)


def test_a_replay_code_of_this_lesson_names_it() -> None:
    verdict = check("01.3", dict(wrong("01.3"))["ignores-wait"])
    assert verdict.code is not None
    again = replay("01.3", verdict.code, dict(wrong("01.3"))["ignores-wait"])
    assert again.message == verdict.message
    assert replay("01.3", verdict.code, count).passed


# -- the judges themselves: Sentinel ----------------------------------------------------------------------------------


def played(setup: Setup, dead: frozenset[str]) -> bool:
    """Do the Sentinels that vote leave a primary that takes writes?"""

    def build(world: Simulation, clients: int) -> Any:
        return e4_outage._build(lambda _: dead, False, world, clients)

    trial = Trial("played", (), build, lambda run: (), world=partial(Simulation, nodes=e4_outage.MOST_NODES,
                  socket_timeout=0.2), horizon=6.0)  # fmt: skip
    seed = SETUPS.index(setup) if setup in SETUPS else int(setup.name.split()[1]) - 1
    return bool(play(trial, Schedule(1, seed)).witness.writable)


def test_the_rule_and_the_vote_agree() -> None:
    """For every set of hosts that may die, of every set-up of the table and of ten that are drawn."""
    checked = 0
    for setup in [*SETUPS, *(drawn(Simulation(seed)) for seed in range(len(SETUPS), len(SETUPS) + 10))]:
        for size in range(1, len(setup.hosts) + 1):
            for dead in map(frozenset, combinations(setup.hosts, size)):
                assert played(setup, dead) == has_primary(setup, dead), (str(setup), dead)
                checked += 1
    assert checked > 250


@pytest.mark.parametrize(
    ("sentinels", "quorum", "removed", "votes"),
    [(2, 1, 0, 2), (3, 2, 0, 2), (4, 2, 0, 3), (5, 2, 0, 3), (5, 4, 0, 4), (3, 3, 0, 3), (3, 2, 2, 3)],
)
def test_a_leader_needs_a_majority_of_all_that_are_known(sentinels: int, quorum: int, removed: int, votes: int) -> None:
    """And at least the quorum: the numbers of Sentinel's documentation."""
    assert needed(Setup("s", "h1", (), ("h1",) * sentinels, quorum, removed)) == votes


def test_some_set_ups_fall_with_one_host_and_some_do_not() -> None:
    """The table has both, or the exercise would teach nothing; and each mistaken rule differs from the right one."""
    right = [len(next(outages(setup))) for setup in SETUPS]
    assert set(right) == {1, 2, 3, 5}
    found = {name: [e4_outage.least(setup, rule) for setup in SETUPS] for name, rule in e4_outage.MISTAKES.items()}
    assert right not in found.values()
    assert len(set(map(tuple, found.values()))) == len(found)


# -- the judges themselves: the cut -----------------------------------------------------------------------------------


def test_only_a_cut_before_a_write_that_lasts_loses_anything() -> None:
    """On a grid of cuts: lost is what was written in the first 2 s, if it lasts 3 s; the other writer loses nothing."""
    for at in (0.25, 0.5, 1.5, 2.5, 3.5, 4.5, 9.5, 10.5, 14.5, 16.0):
        for seconds in (0.5, 2.5, 3.0, 6.0, 30.0):
            broken, mended = e5_cut.trials(Cut(at, seconds))
            written = [name for name, when in e5_cut.WRITES.items() if at < when < at + e5_cut.MAX_LAG]
            assert lost(play(broken, Schedule(1))) == (written if seconds >= e5_cut.DOWN_AFTER else [])
            assert lost(play(mended, Schedule(1))) == []


# -- the judges themselves: what was reported -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["reports after OK", "asks another node", "waits for a replica", "two writes, one WAIT"]
)
def test_what_is_lost_had_not_been_confirmed(name: str) -> None:
    """At every moment at which the primary is cut off: the property of 01.6 speaks of all that is lost, by the server.

    The controls: the broken writers do lose something, and the right ones nothing.
    """
    trial = next(trial for trial in e6_reports.trials(lambda trace: None) if trial.name == name)
    losses = 0
    for seed in range(1, 40, 2):
        run = play(trial, Schedule(2, seed))
        reports = [note for note in run.trace.notes if note.kind == e6_reports.REPORTED]
        assert len(reports) >= 4
        assert set(lost(run)) <= {note.text for note in reports if not e6_reports.confirmed(run.trace, note)}
        losses += bool(lost(run))
    assert bool(losses) == (trial.promises != ("accepts",))


def test_a_made_up_run_breaks_its_promise_or_keeps_it() -> None:
    """By the rule; and a property with one of the known mistakes misreads the runs that were made up for it."""
    for made in [*NAMED, *OTHERS]:
        assert bool(e6_reports.unconfirmed(made.trace())) == (made.promise != "accepts"), made
    for made in NAMED:
        said = bool(e6_reports.unconfirmed(made.trace(), made.mistake))
        assert said != bool(e6_reports.unconfirmed(made.trace())), made
    assert {made.mistake for made in NAMED} == {name for name, _ in wrong("01.6")}


@pytest.mark.parametrize("name", ["replies drawn by lot", "orders drawn by lot"])
def test_drawn_runs_are_of_both_kinds(name: str) -> None:
    """Neither property that says the same of all runs could pass, and no two runs are alike."""
    trial = next(trial for trial in e6_reports.trials(lambda trace: None) if trial.name == name)
    traces = [play(trial, Schedule(1, seed)).trace for seed in range(trial.seeds)]
    wrong_ones = sum(bool(e6_reports.unconfirmed(trace)) for trace in traces)
    assert 0.25 < wrong_ones / len(traces) < 0.75
    assert len({trace.digest() for trace in traces}) > 0.9 * len(traces)


# -- the names of 01.2 ------------------------------------------------------------------------------------------------


def test_the_names_of_a_shop_are_what_they_are_said_to_be() -> None:
    """Ids of one CRC32, and of digests that begin alike; long ones that differ in their last letter; commands with
    several keys; and among the many, ids that differ only in case."""
    pairs = list(zip(e2_shop.DIGESTS[::2], e2_shop.DIGESTS[1::2], strict=True))
    assert crc32(pairs[0][0].encode()) == crc32(pairs[0][1].encode())
    for (one, other), kind in zip(pairs[1:], (md5, sha1, sha256), strict=True):
        assert one != other
        assert kind(one.encode()).hexdigest()[:8] == kind(other.encode()).hexdigest()[:8]
    ends = {(id[:-1], id[-1]) for id in e2_shop.LONG}
    assert all((start, "a") in ends and (start, "b") in ends for start, _ in ends)
    assert max(len(start) for start, _ in ends) > 256
    assert all(len(names) > 1 for _, names in e2_shop.SENT)
    assert {command for command, _ in e2_shop.SENT} == {"SMOVE", "MGET", "RENAME", "PFMERGE", "PFCOUNT"}
    assert {len(set(names)) for names in e2_shop.MANY.values()} == {1_000}
    words = {id for _, id, _ in e2_shop.MANY["products"]}
    assert len({id.lower() for id in words}) == len(words) / 2
