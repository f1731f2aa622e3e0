"""Leaderboards against a plain Python model, step by step; and under lost messages, where nothing counts twice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from thorough import runs

from course_lib.errors import OutOfRange
from course_lib.patterns import leaderboards as module
from course_lib.patterns.leaderboards import Leaderboard, Place
from course_lib.sim import OneFault
from course_lib.sim.faults import KINDS, Kind, RandomFaults
from course_lib.worlds import Simulated

from . import broken_leaderboards as broken

MEMBERS = st.sampled_from(["ann", "bob", "cy", "dan", "", "naïve 🦆"])
TIE_BITS = 6  # so that both bounds are met: 63 changes, and points of 47 bits
WORLD = Simulated()


class Against(RuleBasedStateMachine):
    """Three boards, one for each policy, and one model."""

    def __init__(self) -> None:
        super().__init__()
        self.world, self.steps = WORLD.rewind(0), count()
        redis = self.world.redis()
        self.boards = {t: Leaderboard(redis, t, ties=t, tie_bits=TIE_BITS) for t in ("first", "last", "shared")}  # type: ignore[arg-type]
        self.model: dict[str, tuple[int, int]] = {}  # points, and the number of the change that led to them
        self.changes, self.events = 0, set[str]()

    def do(self, act: Any) -> Any:
        name = f"step {next(self.steps)}"
        self.world.client(name, lambda: act)
        result = self.world.run()[name]
        if isinstance(result, Exception) and not isinstance(result, OutOfRange):
            raise result
        return result

    @rule(
        member=MEMBERS,
        points=st.integers(0, 2) | st.sampled_from([2**46, -(2**46), 2**47 - 1]),
        event=st.none() | st.sampled_from("xyz"),
    )
    def add(self, member: str, points: int, event: str | None) -> None:
        had = self.model.get(member)
        now = (had[0] if had else 0) + points
        expected: Any = had[0] if had else 0
        if event not in self.events and not (had and points == 0):
            if abs(now) >= 2**47 or self.changes + 1 >= 2**TIE_BITS:
                expected = OutOfRange
            else:
                self.changes, expected = self.changes + 1, now
                self.model[member] = (now, self.changes)
                self.events |= {event} if event else set()
        for board in self.boards.values():
            result = self.do(board.add(member, points, event=event))
            assert (type(result) if isinstance(result, OutOfRange) else result) == expected

    def places(self, ties: str) -> list[Place]:
        def standing(member: str) -> tuple[Any, ...]:
            points, change = self.model[member]
            return points, {"first": -change, "last": change, "shared": member.encode()}[ties]

        order = sorted(self.model, key=standing, reverse=True)
        points = [self.model[member][0] for member in order]
        ranks = [points.index(p) + 1 if ties == "shared" else at for at, p in enumerate(points, start=1)]
        return [Place(*row) for row in zip(ranks, order, points, strict=True)]

    @rule(rows=st.integers(0, 7))
    def top(self, rows: int) -> None:
        for ties, board in self.boards.items():
            assert self.do(board.top(rows)) == self.places(ties)[:rows]

    @rule(member=MEMBERS, rows=st.integers(0, 3))
    def around(self, member: str, rows: int) -> None:
        for ties, board in self.boards.items():
            places = self.places(ties)
            at = next((at for at, place in enumerate(places) if place.member == member), None)
            expected = [] if at is None else places[max(0, at - rows) : at + rows + 1]
            assert self.do(board.around(member, rows)) == expected


BOUNDS = settings(max_examples=20, stateful_step_count=25, deadline=None, derandomize=True, database=None)
REJECTING = settings(BOUNDS, max_examples=100, phases=[Phase.generate])  # to fail is all that is asked for


def test_leaderboards_do_what_the_model_does() -> None:
    """Any order of changes, repeated events and questions: the same points, places and refusals, for each policy."""
    run_state_machine_as_test(Against, settings=BOUNDS)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("script", ["TIES_BYTEWISE", "NO_BOUND", "COUNTS_AGAIN", "MOVES_FOR_NOTHING"])
def test_the_model_rejects_another_script(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ADD", getattr(broken, script))
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Against, settings=REJECTING)  # type: ignore[no-untyped-call]


# -- lost messages ----------------------------------------------------------------------------------------------------


def game(world: Simulated) -> list[str]:
    """Two players score twice each; what is wrong in the end."""
    said: dict[str, list[int | None]] = {}

    async def player(name: str) -> None:
        board = Leaderboard(world.redis(), "points")
        for _ in range(2):
            said.setdefault(name, []).append(None)
            try:
                said[name][-1] = await board.add(name, 10)
            except RedisError:
                pass  # it counts or it does not

    for name in "ab":
        world.client(name, player, name, start=0.01 * world.draws(name)())
    world.run()
    world.faults = None
    world.client("auditor", Leaderboard(world.redis(), "points").top, start=world.now() + 2)
    stands = {place.member: place.points for place in world.run()["auditor"]}
    wrong = [
        f"{name} has {stands.get(name, 0)} after {told}"
        for name, told in said.items()
        if not 10 * sum(points is not None for points in told) <= stands.get(name, 0) <= 10 * len(told)
    ]
    for told in said.values():
        heard = [points for points in told if points is not None]
        wrong += ["points out of order"] if heard != sorted(set(heard)) else []
    return wrong


def disturbed() -> Iterator[list[str]]:
    """What was wrong in each run, from seed 0 on, with random faults; the library retries once."""
    faults = RandomFaults(seconds=0.3, crash=0.01, pause=0.03, lose_request=0.05, lose_reply=0.1, node_down=0.01)
    world = Simulated(socket_timeout=0.2, retry=Retry(NoBackoff(), 1))
    for seed in count():
        world.faults = faults
        yield game(world.rewind(seed))


def test_a_thousand_disturbed_games_count_each_score_once() -> None:
    """A score that was acknowledged counts once; one that raised counts once or not at all."""
    assert [(seed, wrong) for seed, wrong in enumerate(islice(disturbed(), runs(1000))) if wrong] == []


@pytest.mark.parametrize("kind", KINDS)
def test_one_fault_at_any_send_counts_each_score_once(kind: Kind) -> None:
    at, world = 0, Simulated(socket_timeout=0.2, retry=Retry(NoBackoff(), 1))
    faults = OneFault(kind, at=1, seconds=0.3)
    while at == 0 or faults.sends >= at:
        at += 1
        faults.at, world.faults = at, faults
        assert game(world.rewind(at)) == [], at
    assert at > 4


def test_without_events_a_retry_counts_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ADD", broken.COUNTS_AGAIN)
    assert any(islice(disturbed(), 30))
