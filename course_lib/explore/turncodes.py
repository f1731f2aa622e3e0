"""Replay codes of schedules that were chosen turn by turn: `T1-counter-2-0100-7KQ3`.

The version of the format, what is played, how many clients, the moves, a checksum of 20 bits. A digit lets the client
at that position go, `n12.` the one at position 12; `q0`, `r0`, `x0` lose its request, lose its reply, crash it;
`p0300.` pauses it for 300 ms before, `d0300.` puts its node down, `c0300.` and `b0300.` set its node's clock ahead and
back; `w1000.` lets 1,000 ms pass. Each code is letters, digits and a hash of them, so it is the same on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b

from course_lib.errors import BadReplayCode
from course_lib.explore.codes import DIGITS, READ_AS
from course_lib.explore.trial import Schedule
from course_lib.sim import Move

FORMAT = "T1"
LETTERS = {
    "lose request": "q", "lose reply": "r", "crash": "x", "pause": "p", "node down": "d", "clock step": "c",
}  # fmt: skip
_KINDS = {letter: kind for kind, letter in LETTERS.items()} | {"b": "clock step"}
_AT = r"([0-9]|n[0-9]{2,4}\.)"
_MOVE = re.compile(rf"([qrx]?){_AT}|([pdcb]){_AT}([0-9]{{1,8}})\.|w([0-9]{{1,8}})\.")


def encode_turns(name: str, clients: int, moves: Iterable[int | Move]) -> str:
    """The code of a schedule. `name` says what is played: lower-case letters and digits, with dots.

    Times are kept to the millisecond. Raises: ValueError for a name that a code cannot hold.
    """
    if not re.fullmatch(r"[a-z0-9._]+", name):
        raise ValueError(f"{name!r} cannot be part of a code: use lower-case letters, digits, dots and underscores")
    text = f"{FORMAT}-{name}-{clients}-{''.join(map(_written, moves)) or '.'}"
    return f"{text}-{_checksum(text)}"


def decode_turns(code: str, name: str) -> Schedule:
    """The schedule. Raises: BadReplayCode, which says whether the code is mistyped, outdated or another game's."""
    parts = code.strip().split("-")
    parts[0] = parts[0].upper()
    if re.fullmatch(r"R\d+", parts[0]):
        raise BadReplayCode(f"{code!r} names a run in time, of an exercise: replay(…) in course_lib.grading plays it.")
    if len(parts) != 5 or not re.fullmatch(r"T\d+", parts[0]):
        raise BadReplayCode(f"{code!r} is no code of a schedule: one looks like {FORMAT}-{name}-2-0100-7KQ3.")
    if parts[0] != FORMAT:
        raise BadReplayCode(f"{code!r} was made by another version of the course; this one reads {FORMAT}-… codes.")
    text = "-".join([FORMAT, *(part.lower() for part in parts[1:4])])
    mistyped = BadReplayCode(f"{code!r} is mistyped: its checksum does not fit. Copy it again, all of it.")
    if parts[4].upper().translate(READ_AS) != _checksum(text) or not parts[2].isdigit():
        raise mistyped
    if parts[1].lower() != name:
        raise BadReplayCode(f"{code!r} belongs to {parts[1]!r}, not to {name!r}: {where(code)}.")
    try:
        moves = () if parts[3] == "." else tuple(_read(parts[3].lower()))
    except ValueError:
        raise mistyped from None
    return Schedule(int(parts[2]), turns=moves)


def where(code: str) -> str:
    """What plays a code, by the name in it: the judge of an exercise, a puzzle's panel, or `explore`."""
    code, name = code.strip(), code.split("-")[1].lower()
    if exercise := re.fullmatch(r"([0-9]{2}\.[0-9]+)\.[0-9]+\.[0-9]+", name):
        return f'replay("{exercise[1]}", "{code}", …) in course_lib.grading plays it, with your answer'
    if name.endswith((".naive", ".mended")):
        return f"open it on the panel of the puzzle {name.rpartition('.')[0]!r}"
    return f'explore(…, code="{code}") plays it'


def _written(move: int | Move) -> str:
    if isinstance(move, int):
        return _place(move)
    ms = round(move.seconds * 1000)
    if move.kind == "wait":
        return f"w{ms}."
    letter = "b" if move.kind == "clock step" and ms < 0 else LETTERS[move.kind]
    return f"{letter}{_place(move.at)}" + (f"{abs(ms)}." if letter in "pdcb" else "")


def _place(at: int) -> str:
    return str(at) if at < 10 else f"n{at}."


def _at(text: str) -> int:
    return int(text.strip("n."))


def _read(text: str) -> Iterable[int | Move]:
    """The moves. Raises: ValueError for anything else."""
    position = 0
    while position < len(text):
        found = _MOVE.match(text, position)
        if found is None:
            raise ValueError(text[position:])
        position = found.end()
        fate, at, lasting, there, ms, waited = found.groups()
        if waited:
            yield Move("wait", seconds=int(waited) / 1000)
        elif lasting:
            seconds = int(ms) / (-1000 if lasting == "b" else 1000)
            yield Move(_KINDS[lasting], _at(there), seconds)  # type: ignore[arg-type]  # one of the kinds
        else:
            yield Move(_KINDS[fate], _at(at)) if fate else _at(at)  # type: ignore[arg-type]


def _checksum(text: str) -> str:
    bits = int.from_bytes(blake2b(text.encode(), digest_size=3).digest(), "big")
    return "".join(DIGITS[bits >> place & 31] for place in (15, 10, 5, 0))
