"""Each puzzle can be broken as it says, and its mended version cannot."""

from __future__ import annotations

from collections.abc import Iterator
from math import factorial

import pytest

from course_lib.errors import BadReplayCode
from course_lib.explore import Game, Move, Play, Schedule, Simulation, Trial, Violation, encode, enumerate_all
from course_lib.explore.puzzle import all_schedules, fewest_moves
from course_lib.explore.puzzles import PUZZLES, Puzzle

SOLUTIONS: dict[str, list[int | Move]] = {
    "counter": [0, 1, 0, 0],
    "limiter": [0, 1, 0, 0, 0, 0],
    "lock": [0, Move("wait", seconds=1.0), 1, 0, 0, 1],
    "transfer": [0, 1, 0, 1, 0, 1],
}


def every_game(trial: Trial, clients: int, pause: float, waits: int) -> tuple[int, int]:
    """All games with at most so many waits: how many, and how many break the promise on the way."""
    ended = broken = 0
    stack: list[list[int | Move]] = [[]]
    game = Game(trial, clients)
    while stack:
        moves = stack.pop()
        game._play(moves)
        if game.violation is not None or game.over:
            ended, broken = ended + 1, broken + (game.violation is not None)
            continue
        stack += [[*moves, at] for at in range(len(game.able))]
        if sum(isinstance(move, Move) for move in moves) < waits:
            stack.append([*moves, Move("wait", seconds=pause)])
    return ended, broken


@pytest.mark.parametrize("puzzle", PUZZLES.values(), ids=PUZZLES)
def test_a_solution_breaks_it_and_its_code_opens(puzzle: Puzzle) -> None:
    game = puzzle.game()
    for move in SOLUTIONS[puzzle.name]:
        assert game.violation is None
        game.move(move)
    assert game.violation is not None
    assert puzzle.open(puzzle.code(game)).violation == game.violation


COUNTS = {  # without a fault, with one message lost or one crash, with time passing once: (schedules, broken) each
    "counter": ([(6, 4), (54, 0), (24, 16)], [(2, 0), (12, 0), (4, 0)]),
    "limiter": ([(16, 12), (150, 0), (88, 72)], [(2, 0), (12, 0), (4, 0)]),
    "lock": ([(48, 0), (666, 0), (978, 54)], [(48, 0), (666, 0), (804, 0)]),
    "transfer": ([(36, 12), (264, 0), (238, 78)], [(6, 0), (48, 0), (22, 0)]),
}


@pytest.mark.parametrize("name", COUNTS)
def test_every_schedule_is_played_and_none_breaks_the_mended_version(name: str) -> None:
    """The naive version is the control. The simplest schedule that breaks it has a code, whose last move breaks it."""
    puzzle = PUZZLES[name]
    naive, mended = puzzle.all_schedules(), puzzle.all_schedules(mended=True)
    assert [(part.schedules, part.failures) for part in naive.played] == COUNTS[name][0]
    assert [(part.schedules, part.failures) for part in mended.played] == COUNTS[name][1]
    assert (naive.complete, mended.complete, mended.failures, fewest_moves(mended)) == (True, True, 0, None)
    simplest = fewest_moves(naive)
    assert simplest is not None
    opened = puzzle.open(puzzle.code_of(simplest))
    assert opened.violation is not None
    assert opened.violation.promise == simplest.violations[0].promise
    opened.undo()
    assert opened.violation is None


@pytest.mark.parametrize(
    ("name", "mended"), [("counter", False), ("limiter", False), ("counter", True), ("lock", True)]
)
def test_another_way_of_playing_them_all_counts_the_same(name: str, mended: bool) -> None:
    """Move by move, in games, with time passing at any one moment or never."""
    puzzle = PUZZLES[name]
    orders, _, waited = COUNTS[name][mended]
    counted = every_game(puzzle.mended if mended else puzzle.naive, puzzle.clients, puzzle.pause, 1)
    assert counted == (orders[0] + waited[0], orders[1] + waited[1])


def test_the_counts_are_those_of_a_calculation() -> None:
    """Of two clients with two commands each: 4! / (2! 2!) orders. Time may pass before each command."""
    every = PUZZLES["counter"].all_schedules()
    assert every.played[0].schedules == factorial(4) // factorial(2) ** 2
    assert every.played[2].schedules == every.played[0].schedules * 4
    assert every.schedules == sum(part.schedules for part in every.played)


def test_what_time_does_not_suffice_for_is_said_to_be_incomplete() -> None:
    every = PUZZLES["lock"].all_schedules(seconds=0.0)
    assert not every.complete
    assert every.schedules == 0


def test_every_schedule_keeps_what_a_trials_own_judge_sees() -> None:
    """A trial whose `build` returns something of its own, as most do."""

    def build(world: Simulation, clients: int) -> list[str]:
        for number in range(clients):
            world.client(f"c{number}", world.redis().incr, "n")
        return ["mine"]

    def judge(run: Play) -> Iterator[Violation]:
        if run.witness != ["mine"]:
            yield Violation("mine", "the witness is another's")

    found = all_schedules(Trial("own", ("mine",), build, judge), 2, 1.0)
    assert (found.schedules, found.failures) == (2 + 12 + 4, 0)


def test_a_code_for_another_number_of_clients_is_refused() -> None:
    with pytest.raises(BadReplayCode, match="is a schedule of 3 clients; here there are 2"):
        PUZZLES["counter"].open(encode("counter.naive", Schedule(3, turns=(0, 1, 2))))


@pytest.mark.parametrize("puzzle", PUZZLES.values(), ids=PUZZLES)
def test_what_each_client_runs_can_be_read(puzzle: Puzzle) -> None:
    naive, mended, *_ = puzzle.sources
    assert naive.startswith("async def ")
    assert mended.startswith("async def ")
    assert naive != mended


def test_the_published_limiter_fails_as_often_as_the_lesson_says() -> None:
    limiter = PUZZLES["limiter"]
    assert enumerate_all(limiter.naive, 2).text == "12 of 16 schedules of 2 clients break a promise"
    assert enumerate_all(limiter.mended, 2).text == "0 of 2 schedules of 2 clients break a promise"


def test_a_code_of_another_puzzle_is_refused() -> None:
    code = PUZZLES["counter"].code(PUZZLES["counter"].game())
    with pytest.raises(BadReplayCode, match="belongs to 'counter"):
        PUZZLES["lock"].open(code)
