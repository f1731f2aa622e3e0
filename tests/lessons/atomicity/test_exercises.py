"""Lesson 03's checks: what is no answer is refused in words, no cheat passes, and the judges see what they claim to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import pytest
from grading.programs import answers, wrong
from grading.test_check import EqualText, EqualToAll

from course_lib.explore import KINDS, Move, OneFault, Play, Schedule, Trial, enumerate_all, play, search
from course_lib.explore.invariants import at_most
from course_lib.grading import check, replay
from course_lib.grading.acts import world
from course_lib.lessons.atomicity import programs
from course_lib.lessons.atomicity.exercises import e2_take, e3_limiter, e4_order, e5_fault, e6_invariant
from course_lib.lessons.atomicity.exercises.e4_order import PLAYERS, blocks
from course_lib.sim import Simulation
from lessons.atomicity.right import RIGHT

SOLUTIONS = answers("solutions")
TAKE, HIT = SOLUTIONS["03.2"], SOLUTIONS["03.3"]

# -- no answer at all -------------------------------------------------------------------------------------------------


async def forgets_await(redis: Any, key: str, *, window: float) -> Any:
    return redis.incr(key)


async def a_fraction(redis: Any, key: str, *, window: float) -> Any:
    return await redis.pexpire(key, window * 1000)


@pytest.mark.parametrize(
    ("id", "answer", "said"),
    [
        ("03.1", TAKE, "must accept (redis, key, *, window)"),
        ("03.1", forgets_await, "forget an await"),
        ("03.1", a_fraction, "round(ttl * 1000)"),
        ("03.2", HIT, "must accept (redis, key, n)"),
        ("03.2", lambda redis, key, n: True, "async def"),
        ("03.3", TAKE, "must accept (redis, user, *, limit, window, request)"),
        ("03.4", 7, "an object of type int"),
        ("03.4", ["alice", "dave"], "There is no 'dave'"),
        ("03.4", ["alice"] * 25, "25 names"),
        ("03.4", "alice", "is no code of a schedule"),
        ("03.4", "R2-limiter.naive-2-0110-AAAAA", "is mistyped"),
        ("03.4", "R2-limiter.mended-2-00-P6QQ7", "belongs to 'limiter.mended'"),
        ("03.4", "R2-limiter.naive-2-0X0-5KQSP", "about orders alone"),
        ("03.4", "R2-limiter.naive-3-00-TBBR7", "not two clients"),
        ("03.5", "crash", "OneFault"),
        ("03.5", OneFault("crash", at=1, client="carol"), "There is no client 'carol'"),
        ("03.5", OneFault("pause", at=1, seconds=float("inf")), "at most an hour"),
        ("03.5", OneFault("pause", at=1, seconds=-0.6), "only a clock can go back"),
        ("03.6", TAKE, "plain def"),
        ("03.6", lambda run: True, "returned a bool"),
        ("03.6", lambda run: run.nothing, "AttributeError"),
        ("03.6", lambda run: EqualToAll(), "returned a EqualToAll"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_words(id: str, answer: Any, said: str) -> None:
    verdict = check(id, answer)
    assert verdict.status == "error", str(verdict)
    assert said in verdict.message
    assert verdict.points == 0


# -- no cheat passes --------------------------------------------------------------------------------------------------

MEMORY: list[str] = []


async def counts_by_itself(redis: Any, key: str, *, window: float) -> Any:
    MEMORY.append(key)
    return len(MEMORY)


async def counts_beside(redis: Any, key: str, *, window: float) -> Any:
    """It leaves the key alone that may have lost its TTL."""
    async with redis.pipeline() as pipe:
        pipe.incr(f"{key}:mine")
        pipe.pexpire(f"{key}:mine", round(window * 1000), nx=True)
        return (await pipe.execute())[0]


def says(answer: Any) -> Callable[..., Any]:
    async def said(redis: Any, key: str, *args: Any, **policy: Any) -> Any:
        return answer

    return said


async def stores_a_text(redis: Any, key: str, n: int) -> Any:
    await redis.set(key, "none of your business")
    return True


async def deletes_all(redis: Any, key: str, n: int) -> Any:
    await redis.delete(key)
    await redis.hset(key, "n", n)
    return True


async def no_number(redis: Any, user: str, **policy: Any) -> Any:
    """It compares with nothing."""
    allowed, remaining, wait = await HIT(redis, user, **policy)
    return allowed, remaining, wait if allowed else float("nan")


class Truthy(int):
    """Neither True nor False, and equal to both."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


@pytest.mark.parametrize(
    ("id", "cheat", "points"),
    [
        ("03.1", counts_by_itself, 0),
        ("03.1", says(1), 0),
        ("03.1", says(EqualToAll()), 0),
        ("03.1", counts_beside, 4),
        ("03.2", stores_a_text, 0),
        ("03.2", deletes_all, 0),
        *[("03.2", says(answer), 0) for answer in (True, False, 1, None, Truthy(1), EqualToAll())],
        *[("03.3", says((answer, 1, 0.0)), 0) for answer in (True, False, 1, EqualToAll())],
        ("03.3", says(EqualToAll()), 0),
        ("03.3", no_number, 14),
        ("03.6", lambda run: EqualText("wrong"), 0),
    ],
)
def test_a_cheat_does_not_pass(id: str, cheat: Any, points: int) -> None:
    """What is claimed earns nothing where the server does not agree; a counter beside the key heals nothing."""
    MEMORY.clear()
    verdict = check(id, cheat)
    assert not verdict.passed
    assert verdict.points == points


def test_an_invariant_cannot_change_what_is_judged() -> None:
    def clears(run: Play) -> None:
        run.trace.notes.clear()
        run.results.clear()

    assert check("03.6", clears).misconception == "says-nothing"


# -- every order ------------------------------------------------------------------------------------------------------


FAULTS = "with one crash, lost request or lost reply"


@pytest.mark.parametrize(
    ("id", "name", "said"),
    [
        ("03.1", "transaction", f"all 2 schedules of 2 clients; all 12 schedules of 2 clients {FAULTS}; 12 schedules"),
        ("03.2", "one script", "all 2 schedules of 2 clients; "),
        ("03.2", "back off", "all 20 schedules of 2 clients; all 4 schedules of 2 clients; "),
        ("03.3", "as taught", "all 2 schedules of 2 clients; "),
        ("03.6", "as taught", "all 90 schedules of 3 clients"),
    ],
)
def test_a_right_answer_is_told_that_every_order_was_tried(id: str, name: str, said: str) -> None:
    assert said in check(id, RIGHT[id][name]).tried


def test_a_code_shows_the_same_run_again() -> None:
    """Of both kinds: an order of 03.2, turn by turn, and a run of 03.3, in time. The solutions survive both."""
    for id, name, kind in (("03.2", "gives-up", "R2-03.2."), ("03.3", "fixed-window", "R2-")):
        answer = dict(wrong(id))[name]
        verdict = check(id, answer)
        assert verdict.code is not None
        assert verdict.code.startswith(kind)
        assert replay(id, verdict.code, answer).message == verdict.message
        assert replay(id, verdict.code, SOLUTIONS[id]).passed


# -- the judges themselves: the stock ---------------------------------------------------------------------------------


def test_a_moment_below_zero_is_seen() -> None:
    """Though it is over before anybody looks: whoever gives back in a step of its own is seen, in one script not."""
    shared, alone = (
        e2_take.trials(dict(wrong("03.2"))["gives-back"])[0],
        e2_take.trials(RIGHT["03.2"]["one script"])[0],
    )
    run = play(shared, Schedule(2, turns=()))
    assert [value for _, value in run.witness.stock.values] == [4, 2, -1, 2]
    assert run.violation("never-negative")
    assert not play(alone, Schedule(2, turns=())).violations


def test_who_took_one_too_many_is_whose_command_ran_last() -> None:
    """Not whoever sent last: c1 has looked first, and its DECRBY arrives after that of c2."""
    looks_first = dict(wrong("03.2"))["looks-first"]
    run = play(e2_take.trials(looks_first)[0], Schedule(2, turns=(0, 1, 1, 0)), step=0.001)
    violation = run.violation("never-negative")
    assert violation is not None
    assert (violation.text, violation.who) == ("The stock was -1, after c1's DECRBY.", "c1")


def test_a_lost_reply_to_exec_is_a_watch_error_and_is_taken_twice() -> None:
    """What 03.2 leaves open, and says so: redis-py cannot know, and the loop begins again."""
    alone = Trial("alone", (), partial(e2_take._at_once, TAKE, {"c1": 2}, [9]), lambda run: (), world=world)
    run = play(alone, Schedule(1, turns=(0, 0, Move("lose reply", 0))))
    assert run.results["c1"] is None, "the caller hears of no error"
    assert run.witness.acts[0].result is True
    assert [value for _, value in run.witness.stock.values] == [9, 7, 5]
    assert [value for _, value in play(alone, Schedule(1, turns=())).witness.stock.values] == [9, 7]


# -- the judges themselves: the limiter -------------------------------------------------------------------------------


def test_the_plan_meets_every_case() -> None:
    """As many as may are admitted; repeats hear yes; who was refused gets in when there is room; a late id is new."""
    for seed, policy in enumerate(e3_limiter.POLICIES):
        run = play(trial_named("one request after another", e3_limiter.trials(HIT)), Schedule(1, seed))
        heard: dict[str, list[bool]] = {}
        for act in run.witness.acts:
            if act.who == "c1":
                heard.setdefault(act.what, []).append(act.result[0])
        assert all(heard["r0"][:-1])
        assert len(heard["r0"]) >= 5
        assert heard["r0"][-1] is False
        assert heard["new"][0] is heard["new"][1] is heard["early"][0] is False
        assert heard["new"][2] is True, "though it had been refused before"
        assert heard["other"][:2] == [False, False]
        assert all(heard[f"d{n}"] == [True] for n in range(policy.limit))
    crowd = [play(trial_named("a crowd", e3_limiter.trials(HIT)), Schedule(6, seed)) for seed in range(3)]
    decided = [act.result[0] for run in crowd for act in run.witness.acts]
    assert 20 < decided.count(False) < len(decided) - 20


def trial_named(name: str, trials: list[Trial]) -> Trial:
    return next(trial for trial in trials if trial.name == name)


def test_a_hundred_others_are_quicker_before_a_take_succeeds() -> None:
    """In the crowd of 03.2 every EXEC fails until the others are done; a script never has to begin again."""
    crowd = trial_named("others are quicker, again and again", e2_take.trials(TAKE))
    run = play(crowd, Schedule(1))
    assert run.witness.acts[0].result is True
    assert [event.reply for event in run.trace if event.name == "EXEC"].count(None) >= 100
    script = trial_named(crowd.name, e2_take.trials(RIGHT["03.2"]["one script"]))
    assert len(play(script, Schedule(1)).trace.events) == 1


# -- the judges themselves: the order ---------------------------------------------------------------------------------


def every_order(of: Any, clients: int, limit: int) -> list[tuple[int, int]]:
    """How many are admitted, and how often the client changes, in every order of the clients' steps."""
    found: list[tuple[int, int]] = []

    def build(world: Simulation, clients: int) -> None:
        for name in PLAYERS[:clients]:
            world.client(name, of, world.redis(), name)

    def judge(run: Play) -> Any:
        found.append((e4_order.admitted(run), len(blocks(run)) - 1))
        return ()

    enumerate_all(Trial("all", (), build, judge, sizes=(clients,)), clients)
    return found


@pytest.mark.parametrize(("clients", "limit", "broken", "orders"), [(2, 1, 12, 16), (3, 2, 1224, 1380)])
def test_the_limiter_is_the_one_that_the_lesson_counts(clients: int, limit: int, broken: int, orders: int) -> None:
    """12 of 16 orders, as the lesson has it; and no order breaks it with fewer changes than 03.4 asks for."""

    async def racy(redis: Any, me: str) -> Any:
        return await programs.looks_then_adds(redis, me, limit=limit)

    async def script(redis: Any, me: str) -> Any:
        return await programs.looks_and_adds(redis, me, limit=limit)

    found = every_order(racy, clients, limit)
    assert (sum(admitted > limit for admitted, _ in found), len(found)) == (broken, orders)
    assert min(changes for admitted, changes in found if admitted > limit) == clients
    assert {admitted for admitted, _ in every_order(script, clients, limit)} == {limit}


# -- the judges themselves: the fault ---------------------------------------------------------------------------------


def test_only_what_keeps_the_first_expire_away_breaks_it() -> None:
    """Every kind of fault at each of the first three commands of each client; the script survives all of them."""
    breaking = set()
    for kind, at, who in product(KINDS, (1, 2, 3), ("alice", "bob")):
        broken, mended = e5_fault.trials(OneFault(kind, at, 0.01, who))
        if not play(broken, Schedule(2)).violations:
            breaking.add((kind, at, who))
            assert not play(mended, Schedule(2)).violations
    second = ("crash", "lose request", "node down")
    assert breaking == {*((kind, 2, "alice") for kind in second), ("lose reply", 1, "alice")}


# -- the judges themselves: the invariant -----------------------------------------------------------------------------


def test_each_broken_limiter_has_runs_of_both_kinds_and_the_right_one_of_one() -> None:
    """Or an invariant that objects to all runs, or none, would do. And a ready-made one agrees on what is too many."""
    seen: list[bool] = []

    def records(run: Play) -> str | None:
        wrong = next(e6_invariant.broken(run), None)
        many = list(at_most(e6_invariant.LIMIT, e6_invariant.WINDOW, admitted=admissions)(run))
        assert bool(many) == (wrong is not None and wrong[-1] == "one too many")
        seen.append(wrong is not None)
        return None if wrong is None else str(wrong[0])

    for trial in e6_invariant.trials(records):
        seen.clear()
        assert not search(trial).failing
        assert len(seen) > 8 or trial.sizes == (1,)
        assert (True in seen) == (trial.promises not in (("accepts",), ("not-wrong",))), trial.name
        assert (False in seen) == (trial.promises not in (("too-many",), ("too-few",))), trial.name


def admissions(run: Play) -> list[tuple[float, str]]:
    return [(note.t_start, note.who) for note in run.trace.notes if note.kind == "admitted"]


def test_a_window_is_open_at_one_end() -> None:
    """One trial has requests that lie exactly a window apart, and all of them are admitted."""
    trial = next(trial for trial in e6_invariant.trials(lambda run: None) if trial.name == "exactly one window later")
    moments = admissions(play(trial, Schedule(1)))
    assert [when - moments[0][0] for when, _ in moments] == [0, 1, 10, 11]


def test_the_twins_differ_in_what_they_say_they_do() -> None:
    assert programs.LOG_ALL != programs.LOG
    assert "if room then redis.call('ZADD'" not in programs.LOG_ALL
