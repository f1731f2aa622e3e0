"""Replay codes of schedules that were chosen turn by turn: `T1-counter-2-0100-7KQ3`.

The version of the format, what is played, how many clients, the moves, a checksum of 20 bits. A digit lets the client
at that position go; `q0`, `r0`, `x0` lose its request, lose its reply, crash it; `w1000.` lets 1,000 ms pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b

from course_lib.errors import BadReplayCode
from course_lib.explore.codes import DIGITS
from course_lib.explore.trial import Schedule
from course_lib.sim import Move

FORMAT = "T1"
LETTERS = {"lose request": "q", "lose reply": "r", "crash": "x"}
_KINDS = {letter: kind for kind, letter in LETTERS.items()}
_MOVE = re.compile(r"([qrx]?)([0-9])|w(\d{1,7})(?=\D|$)")


def encode_turns(name: str, clients: int, moves: Iterable[int | Move]) -> str:
    """The code of a schedule. `name` says what is played: lower-case letters, with dots.

    Raises: ValueError for a position above 9, which has no digit.
    """
    text = f"{FORMAT}-{name}-{clients}-{''.join(map(_written, moves)) or '.'}"
    return f"{text}-{_checksum(text)}"


def decode_turns(code: str, name: str) -> Schedule:
    """The schedule. Raises: BadReplayCode, which says whether the code is mistyped, outdated or another game's."""
    parts = code.strip().split("-")
    if len(parts) != 5 or not re.fullmatch(r"T\d+", parts[0]):
        raise BadReplayCode(f"{code!r} is no code of a schedule: one looks like {FORMAT}-{name}-2-0100-7KQ3.")
    if parts[0] != FORMAT:
        raise BadReplayCode(f"{code!r} was made by another version of the course; this one reads {FORMAT}-… codes.")
    text = "-".join([*parts[:3], parts[3].lower()])
    if parts[4].upper() != _checksum(text) or not parts[2].isdigit():
        raise BadReplayCode(f"{code!r} is mistyped: its checksum does not fit. Copy it again, all of it.")
    if parts[1] != name:
        raise BadReplayCode(f"{code!r} belongs to {parts[1]!r}, not to {name!r}: open it there.")
    return Schedule(int(parts[2]), turns=tuple(_read(parts[3].lower())))


def _written(move: int | Move) -> str:
    at = move if isinstance(move, int) else move.at
    if at > 9:
        raise ValueError(f"position {at} has no digit; a code takes 0 to 9")
    if isinstance(move, int):
        return str(move)
    return f"w{round(move.seconds * 1000)}." if move.kind == "wait" else f"{LETTERS[move.kind]}{move.at}"


def _read(text: str) -> Iterable[int | Move]:
    for found in _MOVE.finditer(text):
        letter, at, ms = found.groups()
        if ms:
            yield Move("wait", seconds=int(ms) / 1000)
        else:
            yield Move(_KINDS[letter], int(at)) if letter else int(at)  # type: ignore[arg-type]  # one of the kinds


def _checksum(text: str) -> str:
    bits = int.from_bytes(blake2b(text.encode(), digest_size=3).digest(), "big")
    return "".join(DIGITS[bits >> place & 31] for place in (15, 10, 5, 0))
