"""Codes of schedules that were chosen turn by turn."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.errors import BadReplayCode
from course_lib.explore import Move, decode_turns, encode_turns

FATES = st.builds(Move, st.sampled_from(["lose request", "lose reply", "crash"]), st.integers(0, 120), st.just(0.0))
LASTING = st.builds(
    lambda kind, at, ms: Move(kind, at, ms / 1000),
    st.sampled_from(["pause", "node down", "clock step"]), st.integers(0, 120), st.integers(0, 9_999_999),
)  # fmt: skip
BACK = st.builds(lambda at, ms: Move("clock step", at, -ms / 1000), st.integers(0, 120), st.integers(1, 9_999_999))
WAITS = st.builds(lambda ms: Move("wait", seconds=ms / 1000), st.integers(1, 9_999_999))
MOVES = st.lists(st.one_of(st.integers(0, 120), FATES, WAITS, LASTING, BACK), max_size=30)


@given(MOVES)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_every_list_of_moves_comes_back(moves: list[int | Move]) -> None:
    code = encode_turns("lock.naive", 3, moves)
    schedule = decode_turns(code, "lock.naive")
    assert (schedule.clients, schedule.turns) == (3, tuple(moves))
    assert decode_turns(f" {code.replace('w', 'W')} ", "lock.naive") == schedule


def test_a_code_is_the_same_everywhere() -> None:
    """A code in a book must open in any later version that reads T1."""
    moves = [0, Move("wait", seconds=1.0), 1, Move("lose reply", 0), 2]
    assert encode_turns("lock.naive", 3, moves) == "T1-lock.naive-3-0w1000.1r02-X3MJ"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("nonsense", "is no code of a schedule"),
        ("T9-lock.naive-3-01-AAAA", "another version of the course"),
        ("T1-lock.naive-3-02-AAAA", "mistyped"),
        (encode_turns("counter.naive", 2, [0, 1]), "belongs to 'counter.naive', .*panel of the puzzle 'counter'"),
        (encode_turns("03.2.1.0", 2, [0, 1]), r'replay\("03.2", "T1-03.2.1.0-2-01-....", …\) in course_lib.grading'),
        (encode_turns("yours", 2, [0, 1]), r'explore\(…, code="T1-yours-2-01-...."\) plays it'),
        ("R1-0M1G-2082-0010-5XZW-W0", "names a run in time, of an exercise: replay"),
    ],
)
def test_a_wrong_code_gets_a_sentence(code: str, said: str) -> None:
    with pytest.raises(BadReplayCode, match=said):
        decode_turns(code, "lock.naive")


def test_every_changed_character_is_noticed() -> None:
    code = encode_turns("lock.naive", 3, [0, 1, 0, 2, 1])
    for at, letter in enumerate(code):
        if letter not in "-.":
            with pytest.raises(BadReplayCode):
                decode_turns(code[:at] + ("7" if letter != "7" else "8") + code[at + 1 :], "lock.naive")


@pytest.mark.parametrize("move", [10, Move("crash", 12), Move("pause", 25, 0.3)])
def test_a_position_above_nine_is_not_read_as_two(move: int | Move) -> None:
    code = encode_turns("big", 12, [1, move, 0])
    assert decode_turns(code, "big").turns == (1, move, 0)


@pytest.mark.parametrize("name", ["Lock", "a-b", "", "a b"])
def test_a_name_that_would_break_a_code_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of a code"):
        encode_turns(name, 2, [0])
