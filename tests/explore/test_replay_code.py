"""Replay codes: of schedules that were chosen turn by turn, and how all of them are read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.errors import BadReplayCode
from course_lib.explore import Move, Schedule, code_of, decode, encode, schedule_of
from course_lib.explore.replay_code import _checksum

FATES = st.builds(
    lambda kind, at: Move(kind, at), st.sampled_from(["lose request", "lose reply", "crash"]), st.integers(0, 120)
)
LATE = st.builds(
    lambda kind, at, past: Move(kind, at, past=past),
    st.sampled_from(["delay", "longer"]), st.integers(0, 120), st.integers(1, 30),
)  # fmt: skip
LASTING = st.builds(
    lambda kind, at, ms: Move(kind, at, ms / 1000),
    st.sampled_from(["pause", "node down", "clock step"]), st.integers(0, 120), st.integers(0, 9_999_999),
)  # fmt: skip
BACK = st.builds(lambda at, ms: Move("clock step", at, -ms / 1000), st.integers(0, 120), st.integers(1, 9_999_999))
WAITS = st.builds(lambda ms: Move("wait", seconds=ms / 1000), st.integers(1, 9_999_999))
MOVES = st.lists(st.one_of(st.integers(0, 120), FATES, WAITS, LASTING, LATE, BACK), max_size=30)


@given(MOVES)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_every_list_of_moves_comes_back(moves: list[int | Move]) -> None:
    code = encode("lock.naive", Schedule(3, turns=tuple(moves)))
    schedule = decode(code, "lock.naive")
    assert (schedule.clients, schedule.turns) == (3, tuple(moves))
    assert decode(f" {code.replace('W', 'w')} ", "lock.naive") == schedule


def test_a_code_is_the_same_everywhere() -> None:
    """A code in a book must open in any later version that reads R2."""
    moves = [0, Move("wait", seconds=1.0), 1, Move("lose reply", 0), 2]
    assert encode("lock.naive", Schedule(3, turns=tuple(moves))) == "R2-lock.naive-3-0W01000.1R02-HPV12"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("nonsense", "is no code of a schedule"),
        ("R9-lock.naive-3-01-AAAAA", "another version of the course"),
        ("R2-lock.naive-3-02-AAAAA", "mistyped"),
        (
            encode("counter.naive", Schedule(2, turns=(0, 1))),
            "belongs to 'counter.naive', .*panel of the puzzle 'counter'",
        ),
        (
            encode("03.2.1.0", Schedule(2, turns=(0, 1))),
            r'replay\("03.2", "R2-03.2.1.0-2-01-.....", …\) in course_lib.grading',
        ),
        (encode("yours", Schedule(2, turns=(0, 1))), r'explore\(…, code="R2-yours-2-01-....."\) plays it'),
        (code_of("05.3", 1, 2, Schedule(3, 17, "pause", 31)), "names a run in time, of an exercise: replay"),
    ],
)
def test_a_wrong_code_gets_a_sentence(code: str, said: str) -> None:
    with pytest.raises(BadReplayCode, match=said):
        decode(code, "lock.naive")


def test_every_changed_character_is_noticed() -> None:
    code = encode("lock.naive", Schedule(3, turns=(0, 1, 0, 2, 1)))
    for at, letter in enumerate(code):
        if letter not in "-.":
            with pytest.raises(BadReplayCode):
                decode(code[:at] + ("7" if letter != "7" else "8") + code[at + 1 :], "lock.naive")


@pytest.mark.parametrize("move", [10, Move("crash", 12), Move("pause", 25, 0.3)])
def test_a_position_above_nine_is_not_read_as_two(move: int | Move) -> None:
    code = encode("big", Schedule(12, turns=(1, move, 0)))
    assert decode(code, "big").turns == (1, move, 0)


@pytest.mark.parametrize("name", ["Lock", "a-b", "", "a b"])
def test_a_name_that_would_break_a_code_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of a code"):
        encode(name, Schedule(2, turns=(0,)))


@pytest.mark.parametrize("code", ["R1-0M1G-2082-0010-5XZW-W0", "r1 0m1g", "T1-lock.naive-3-02-AAAA", "t1-yours-2"])
def test_a_code_of_an_earlier_edition_is_answered_with_what_to_do(code: str) -> None:
    """Whatever it is pasted into: a panel, `explore`, or `replay`."""
    for read in (lambda: decode(code, "lock.naive"), lambda: schedule_of(code, "05.3", 1)):
        with pytest.raises(BadReplayCode, match="is a code of an earlier edition of the course.*: for a new one, run "):
            read()


def test_a_code_may_be_typed_by_hand() -> None:
    """In small letters, with O for 0 and l for 1, with blanks, and broken in the middle."""
    schedule = Schedule(3, turns=(0, 1, Move("pause", 1, 0.3), 0, 1))
    code = encode("lock.naive", schedule)
    typed = code.lower().replace("0", "o").replace("1", "l").replace("-", " ")
    assert decode(typed, "lock.naive") == schedule
    head, tail = code.split("01P1")
    assert decode(f"{head}01\n P1{tail}", "lock.naive") == schedule


@pytest.mark.parametrize("happens", ["S", "Sx", "S1P", "0Y1", "P0.", "-"])
def test_what_cannot_happen_is_no_schedule_though_its_checksum_fits(happens: str) -> None:
    code = f"R2-lock.naive-3-{happens}-{_checksum('lock.naive', '3', happens.strip('-'))}"
    with pytest.raises(BadReplayCode, match=r"is mistyped|is no code"):
        decode(code, "lock.naive")
