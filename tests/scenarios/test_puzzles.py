"""Each puzzle can be broken as it says, and its mended version cannot."""

from __future__ import annotations

import pytest

from course_lib.errors import BadReplayCode
from course_lib.explore import Game, Move, Trial, enumerate_all
from course_lib.scenarios.puzzles import PUZZLES, Puzzle

SOLUTIONS: dict[str, list[int | Move]] = {
    "counter": [0, 1, 0, 0],
    "limiter": [0, 1, 0, 0, 0, 0],
    "lock": [0, Move("wait", seconds=1.0), 1, 0, 0, 1],
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


@pytest.mark.parametrize(("name", "waits"), [("counter", 1), ("limiter", 1), ("lock", 1)])
def test_no_choice_breaks_the_mended_version(name: str, waits: int) -> None:
    """Every game is played, with time passing at any one moment; the control is the naive version."""
    puzzle = PUZZLES[name]
    ended, broken = every_game(puzzle.mended, puzzle.clients, puzzle.pause, waits)
    assert ended > 2
    assert broken == 0
    assert every_game(puzzle.naive, puzzle.clients, puzzle.pause, waits)[1] > 0


def test_the_published_limiter_fails_as_often_as_the_lesson_says() -> None:
    limiter = PUZZLES["limiter"]
    assert enumerate_all(limiter.naive, 2).text == "12 of 16 schedules of 2 clients break a promise"
    assert enumerate_all(limiter.mended, 2).text == "0 of 2 schedules of 2 clients break a promise"


def test_a_code_of_another_puzzle_is_refused() -> None:
    code = PUZZLES["counter"].code(PUZZLES["counter"].game())
    with pytest.raises(BadReplayCode, match="belongs to 'counter"):
        PUZZLES["lock"].open(code)
