"""Lesson 04's checks: what is no answer is refused in words, no cheat passes, and the judges can tell."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from itertools import combinations, product
from math import inf
from typing import Any

import pytest
from grading.programs import answers, wrong
from grading.test_check import EqualToAll

from course_lib.explore import Budget, OneFault, Play, Schedule, Trial, enumerate_all, play, search
from course_lib.grading import check, replay
from course_lib.lessons.locks import programs
from course_lib.lessons.locks.answers import Finding
from course_lib.lessons.locks.exercises import (
    e1_release,
    e2_take,
    e3_redlock,
    e4_break_it,
    e5_fenced_store,
    e6_property,
)
from course_lib.trace import Note, Trace
from lessons.locks.right import RIGHT

SOLUTIONS = answers("solutions")
put, redlock = SOLUTIONS["04.5"], SOLUTIONS["04.3"]
TWINS = {name: dict(reversed(wrong(name))) for name in ("04.1", "04.2", "04.3", "04.5")}


def trial(trials: list[Trial], name: str) -> Trial:
    return next(one for one in trials if one.name == name)


# -- no answer at all -------------------------------------------------------------------------------------------------


async def forgets_await(redis: Any, key: str, token: str) -> Any:
    return redis.delete(key)


async def misspells(redis: Any, key: str, fence: int, value: str) -> bool:
    return bool(await redis.eval("return redis.call('HGOT', KEYS[1])", 1, key))


@pytest.mark.parametrize(
    ("id", "answer", "said"),
    [
        ("04.1", 7, "an object of type int"),
        ("04.1", SOLUTIONS["04.5"], "must accept (redis, key, token)"),
        ("04.1", forgets_await, "forget an await"),
        ("04.2", SOLUTIONS["04.1"], "must accept (redis, key, token, *, ttl, wait, draw)"),
        ("04.3", SOLUTIONS["04.2"], "must accept (nodes, key, token, *, ttl, timeout)"),
        ("04.4", OneFault("crash", 1), "an object of type OneFault"),
        ("04.4", Finding("pause", refused="c1"), "an object of type str"),  # type: ignore[arg-type]
        ("04.4", Finding(OneFault("pause", 2, client="c9"), refused="c1"), "no client 'c9'"),
        ("04.4", Finding(OneFault("pause", 2, client="c1"), refused="c7"), "no client 'c7'"),
        ("04.5", SOLUTIONS["04.1"], "must accept (redis, key, fence, value)"),
        ("04.5", misspells, "ResponseError"),
        ("04.6", lambda trace: True, "returned a bool"),
        ("04.6", lambda trace: trace.nothing, "AttributeError"),
        ("04.6", SOLUTIONS["04.1"], "plain def"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_words(id: str, answer: Any, said: str) -> None:
    verdict = check(id, answer)
    assert verdict.status == "error", str(verdict)
    assert said in verdict.message
    assert verdict.points == 0


# -- no cheat passes --------------------------------------------------------------------------------------------------


async def claims(*_: Any, **__: Any) -> bool:
    return True


async def claims_something_equal(*_: Any, **__: Any) -> Any:
    return EqualToAll()


async def claims_a_validity(nodes: Any, key: str, token: str, *, ttl: float, timeout: float) -> float:
    return 0.99 * ttl - 0.002


async def asks_one_node(nodes: Any, key: str, token: str, *, ttl: float, timeout: float) -> float | None:
    """It sets its token on one node only, and claims to be quick."""
    taken = await nodes[0].set(key, token, nx=True, px=round(ttl * 1000))
    return 0.99 * ttl - 0.02 if taken else None


@pytest.mark.parametrize(
    ("id", "cheat"),
    [
        *(("04." + number, cheat) for number in "1235" for cheat in (claims, claims_something_equal)),
        ("04.3", claims_a_validity),
        ("04.3", asks_one_node),
        ("04.6", lambda trace: EqualToAll()),
    ],
)
def test_a_cheat_does_not_pass(id: str, cheat: Any) -> None:
    assert not check(id, cheat).passed


@pytest.mark.parametrize("id", ["04.2", "04.3", "04.5"])
def test_whoever_never_gets_it_earns_nothing(id: str) -> None:
    """To refuse everybody is safe, and worth no point."""

    async def never(*_: Any, **__: Any) -> Any:
        return None if id == "04.3" else False

    assert check(id, never).points == 0


# -- the judges themselves: 04.1 --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["looks-then-deletes", "watches-in-vain", None])
def test_only_a_pause_shows_that_the_look_came_too_early(name: str | None) -> None:
    """Every order without a fault is kept, some with a pause are not; and one of each class of orders tells the same.

    The control: whoever frees its own lock in one step breaks nothing.
    """
    answer = TWINS["04.1"][name] if name else RIGHT["04.1"]["watch"]
    three = trial(e1_release.trials(answer), "three holders")
    assert enumerate_all(three, 3).failures == 0
    plain = enumerate_all(three, 3, faults=1, budget=Budget(3_000))
    reduced = enumerate_all(three, 3, faults=1, reduce=True)
    assert plain.complete
    assert reduced.complete
    assert (0 < plain.failures < plain.schedules) == (name is not None)
    assert set(plain.broken) == set(reduced.broken) == ({"spares", "tells"} if name else set())


# -- the judges themselves: 04.2 --------------------------------------------------------------------------------------


def test_a_lost_reply_is_what_locks_a_client_out() -> None:
    """Whoever believes the reply is right under each seed, and wrong when the reply to its SET is lost, each time."""
    alone = trial(e2_take.trials(TWINS["04.2"]["locks-itself-out"]), "something fails")
    for seed in (0, *range(4, alone.seeds)):  # in the others the server refuses the first command, too
        assert not play(alone, Schedule(1, seed)).violations
        assert play(alone, Schedule(1, seed, "lose reply", 1)).violation("knows") is not None
        assert not play(alone, Schedule(1, seed, "lose request", 1)).violations


# -- the judges themselves: 04.3 --------------------------------------------------------------------------------------


def contests(answer: Any, name: str, *only: str) -> list[Play]:
    """Every run of a trial: each seed, and each fault, or only these kinds, at each send of the first."""
    one = trial(e3_redlock.trials(answer), name)
    runs = [play(one, Schedule(size, seed)) for size in one.sizes for seed in range(one.seeds)]
    return runs + [
        play(one, Schedule(one.sizes[0], 0, kind, at, seconds))
        for kind, seconds in one.faults.items() if not only or kind in only for at in range(1, len(runs[0].trace) + 1)
    ]  # fmt: skip


def test_a_right_attempt_meets_everything_that_the_contract_speaks_of() -> None:
    """Among its runs are attempts that win, that find others, that come too late with a majority, and that a fault
    leaves without a way to give back; and no rule is broken in any."""
    attempts: list[e3_redlock.Attempt] = []
    for run in contests(redlock, "two clients want the lock at once"):
        assert not run.violations
        attempts += run.witness.acts
    ended = [attempt for attempt in attempts if attempt.over]
    won = [attempt for attempt in ended if attempt.granted > 0]
    assert len(won) > 100
    assert all(attempt.on >= e3_redlock.QUORUM for attempt in won)
    assert any(attempt.result is None and attempt.on == 0 and attempt.right() > 0 for attempt in ended)
    assert any(attempt.result is None and attempt.right() < 0 for attempt in ended)
    assert all(abs(attempt.granted - attempt.right()) < 1e-9 for attempt in won)


def test_what_stays_behind_is_excused_only_where_it_could_not_be_given_back() -> None:
    """Without a fault nothing stays; whoever does not give back is told so in each run with three nodes away."""
    for run in contests(redlock, "three of five nodes are away"):
        assert not run.violations
    for run in contests(TWINS["04.3"]["keeps-on-failure"], "three of five nodes are away"):
        (attempt,) = run.witness.acts
        lost = sum(event.fault is not None for event in run.trace)
        assert attempt.left or lost
        assert (run.violation("tidy") is not None) == bool(attempt.left)


def test_two_validities_overlap_only_by_a_mistake() -> None:
    """Half of the nodes, a plain DEL, a count from the reply: each has two holders in some run, by its own spans."""
    for name in ("half-is-enough", "frees-anothers", "counts-from-the-reply"):
        overlaps = 0
        for run in contests(TWINS["04.3"][name], "two clients want the lock at once", "lose reply"):
            spans = [(note.t_start, note.t_end or inf, note.who) for note in run.trace.notes if note.kind == "hold"]
            both = [1 for (a, b, who), (c, d, other) in combinations(spans, 2) if who != other and a < d and c < b]
            overlaps += bool(both)
            if both:
                assert run.violation("one-holder") is not None
        assert overlaps > 0, name


def test_a_replay_code_of_this_lesson_names_it() -> None:
    forgetful = TWINS["04.3"]["frees-only-what-said-yes"]
    verdict = check("04.3", forgetful)
    assert verdict.code is not None
    assert replay("04.3", verdict.code, forgetful).message == verdict.message
    assert replay("04.3", verdict.code, redlock).passed
    early = check("04.1", TWINS["04.1"]["looks-then-deletes"])
    assert early.code is not None
    assert early.code.startswith("R2-04.1.")
    assert replay("04.1", early.code, SOLUTIONS["04.1"]).passed


# -- the judges themselves: 04.4 --------------------------------------------------------------------------------------


def test_only_a_pause_before_the_write_breaks_the_writer() -> None:
    """On a grid of faults: an older holder writes over a newer one after pauses at its write that go on until another
    has written, and after nothing else; and the fence refuses that one write, each time."""
    others = ("crash", "lose request", "lose reply", "node down", "clock step")
    grid = [("pause", seconds) for seconds in (0.2, 0.4, 0.7)] + [(kind, 0.7) for kind in others]
    broken = set()
    for (kind, seconds), client, at in product(grid, ("c1", "c2"), range(1, 8)):
        finding = Finding(OneFault(kind, at, seconds, client), refused=client)  # type: ignore[arg-type]
        first, second = e4_break_it.trials(finding)
        if e4_break_it.old_over_new(play(first, Schedule(3))) is not None:
            broken.add((kind, client, at, seconds))
            assert not play(second, Schedule(3)).violations, finding
    writes = {"c1": 2, "c2": 4}
    assert broken == {("pause", client, at, 0.7) for client, at in writes.items()}


# -- the judges themselves: 04.5 --------------------------------------------------------------------------------------


def test_fences_as_texts_come_in_another_order() -> None:
    numbers = [fence for fence, _, _, _ in e5_fenced_store.IN_TURN]
    assert sorted(map(str, set(numbers))) != [str(number) for number in sorted(set(numbers))]
    assert max(numbers) == 2**53


def test_a_look_and_a_write_lose_in_some_orders_of_two_and_never_alone() -> None:
    two = trial(e5_fenced_store.trials(TWINS["04.5"]["looks-then-writes"]), "holders write at once")
    found = enumerate_all(two, 2)
    assert 0 < found.broken["in-order"] < found.schedules
    assert not play(e5_fenced_store.trials(TWINS["04.5"]["looks-then-writes"])[0], Schedule(1)).violations
    right = trial(e5_fenced_store.trials(RIGHT["04.5"]["watch"]), "holders write at once")
    assert enumerate_all(right, 2, faults=1, reduce=True).failures == 0


# -- the judges themselves: 04.6 --------------------------------------------------------------------------------------


def test_runs_made_by_hand_are_read_as_an_instant_says() -> None:
    """Each of them as it stands, and with its notes in the opposite order; both answers occur, many times."""
    answered = []
    for _, notes in e6_property.CASES:
        died = {note.who: note.t_start for note in notes if note.kind == "crash"}
        leases = [(n.who, n.t_start, n.t_end or died[n.who]) for n in notes if n.kind == e6_property.LEASE]
        two = any(len({who for who, a, b in leases if a <= when < b}) > 1 for _, when, _ in leases)
        for order in (notes, notes[::-1]):
            assert (e6_property.two_believe(Trace("simulated", 0, [], order)) is not None) == two, notes
        answered.append(two)
    assert min(answered.count(True), answered.count(False)) > 15


@pytest.mark.parametrize("place", range(1, 5))
def test_each_broken_lock_gives_two_leases_at_once_and_the_right_one_never(place: int) -> None:
    """By the definition, and by an instant of time at which two believe, asked in another way."""
    one = e6_property.trials(lambda trace: None)[place]
    failing = search(one).failing
    assert bool(failing) == (one.promises != ("accepts",))
    for run in failing.values():
        moments = [note.t_start for note in run.trace.notes if note.kind == e6_property.LEASE]
        believers = [
            {
                note.who
                for note in run.trace.notes
                if note.kind == e6_property.LEASE and note.t_start <= when < (note.t_end or inf)
            }
            for when in moments
        ]
        assert any(len(who) > 1 for who in believers)  # fmt: skip


def test_the_definition_is_that_of_an_instant() -> None:
    """On leases drawn at random: two overlap if and only if at the beginning of one of them two clients believe."""
    drawn, answered = random.Random(4), set()
    for _ in range(300):
        notes = [Note(drawn.choice(("c1", "c2")), e6_property.LEASE, start := drawn.randint(0, 40) / 10,
                      start + drawn.randint(1, 15) / 10) for _ in range(drawn.randint(1, 4))]  # fmt: skip
        if drawn.random() < 0.5:
            death = max(note.t_start for note in notes) + 0.05
            notes = [replace(n, t_end=None) if n.who == "c1" and (n.t_end or inf) > death else n for n in notes]
            notes.append(Note("c1", "crash", death))
        died = {note.who: note.t_start for note in notes if note.kind == "crash"}
        leases = [note for note in notes if note.kind == e6_property.LEASE]
        ends = {id(note): note.t_end or died.get(note.who, inf) for note in leases}
        two = any(
            len({other.who for other in leases if other.t_start <= note.t_start < ends[id(other)]}) > 1
            for note in leases
        )
        assert (e6_property.two_believe(Trace("simulated", 0, [], notes)) is not None) == two
        assert (SOLUTIONS["04.6"](Trace("simulated", 0, [], [*notes])) is not None) == two
        answered.add(two)
    assert answered == {True, False}


def test_the_right_lock_of_the_twins_frees_only_what_is_its_own() -> None:
    """And knows when an extension is refused: nobody else's key is extended or deleted."""
    from course_lib.explore import Simulation

    async def body(world: Simulation) -> list[Any]:
        nodes = [world.redis(node) for node in range(3)]
        first, second = programs.RightLock(nodes, "first"), programs.RightLock(nodes, "second")
        said = [await first.acquire(), await second.acquire(), await second.extend(), await first.extend()]
        await second.release()
        held = [await node.get("lock") for node in nodes]
        await first.release()
        return [*said, held, await second.acquire()]

    world = Simulation(nodes=3)
    world.client("c", partial(body, world))
    assert world.run()["c"] == [True, False, False, True, ["first"] * 3, True]
