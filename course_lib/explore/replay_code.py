"""Replay codes: a schedule as a few characters that a classmate can type, `R2-counter.naive-2-0110-7KQ3X`.

The edition of the format, what is played, how many clients, what happens, a checksum of 25 bits. What is played is the
name of a trial, or of a puzzle's program; of an exercise, its number, its revision and the trial: `03.2.1.0`.

- Turn by turn: a digit lets the client at that position go, `N12.` the one at position 12. `Q0`, `R0`, `X0` lose its
  request, lose its reply, crash it. `P0300.` pauses it for 300 ms before, `D0300.` puts its node down, `C0300.` and
  `B0300.` set its node's clock ahead and back. `W01000.` lets 1,000 ms pass. `H02.` holds its command back
  beyond the second of the times at which something happens by itself, and `G01.` beyond one more.
- In time: `S17` is seed 17, and `S17P31` the same with a pause at the 31st send; how long, the exercise knows.

Small letters are read too, O as 0, I and L as 1, and blanks as hyphens. Digits of the checksum are those of Crockford's
base 32, which has no I, L, O or U. Each code is the same on every machine.
Source: Douglas Crockford, "Base 32", https://www.crockford.com/base32.html.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any

from course_lib.errors import BadReplayCode
from course_lib.explore.trial import Schedule, Trial
from course_lib.sim import Move

FORMAT = "R2"
EARLIER = ("R1", "T1")
"""What codes of earlier editions begin with."""

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LOOKS = str.maketrans("OIL", "011")
"""Letters that are taken for the digits that they look like."""

LETTERS = {
    "lose request": "Q", "lose reply": "R", "crash": "X", "pause": "P", "node down": "D", "clock step": "C",
    "wait": "W", "delay": "H", "longer": "G",
}  # fmt: skip
KIND: dict[str, Any] = {letter: kind for kind, letter in LETTERS.items()} | {"B": "clock step", "N": None}
MOVE = re.compile(r"([QRXPDCBWHG]?)([0-9]|N[0-9]+\.)(?:([0-9]+)\.)?")
IN_TIME = re.compile(r"S([0-9]+)(?:([QRXPDCN])([0-9]+))?")


def encode(name: str, schedule: Schedule) -> str:
    """The code of a schedule. `name` says what is played: lower-case letters and digits, with dots.

    Times are kept to the millisecond. Raises: ValueError for a name that a code cannot hold.
    """
    if not re.fullmatch(r"[a-z0-9.]+", name):
        raise ValueError(f"{name!r} cannot be part of a code: use lower-case letters, digits and dots")
    clients, happens = str(schedule.clients), _happens(schedule)
    return sealed(name, clients, happens)


def decode(code: str, name: str) -> Schedule:
    """A schedule turn by turn, of what has that name.

    Raises: BadReplayCode, which says whether the code is mistyped, of another edition, or another game's.
    """
    found, schedule = _read(code, name)
    if schedule.turns is None:
        raise BadReplayCode(f"{code!r} names a run in time, of an exercise: replay(…) in course_lib.grading plays it.")
    if _plain(found) != _plain(name):
        raise BadReplayCode(f"{code!r} belongs to {found!r}, not to {name!r}: {_where(code, found)}.")
    return schedule


def code_of(exercise: str, revision: int, trial: int, schedule: Schedule) -> str:
    """The code of a schedule of an exercise's trial, by number from 0. `revision` counts the exercise's versions."""
    return encode(f"{exercise}.{revision}.{trial}", schedule)


def schedule_of(code: str, exercise: str, revision: int) -> tuple[int, Schedule]:
    """The trial's number and the schedule; of one in time, without the fault's seconds, which the trial knows.

    Raises: BadReplayCode, which says whether the code is mistyped, another exercise's or out of date.
    """
    if not re.match(r"[RT]\d", code.strip().upper()):
        raise BadReplayCode(f"{code!r} is no replay code: one begins with {FORMAT}- and is shown below a failed check.")
    name, schedule = _read(code, f"{exercise}.{revision}.0")
    found = re.fullmatch(r"(\d+\.\d+)\.(\d+)\.(\d+)", _plain(name))
    if found is None:
        raise BadReplayCode(f"{code!r} belongs to {name!r}, which is no exercise: {_where(code, name)}.")
    if found[1] != exercise:
        raise BadReplayCode(f"{code!r} belongs to exercise {found[1]}, not to {exercise}: replay({found[1]!r}, …).")
    if int(found[2]) != revision:
        raise BadReplayCode(
            f"{code!r} is out of date: exercise {exercise} has changed since it was made. Run the check again for a "
            f"new one."
        )
    return int(found[3]), schedule


def name_of(trial: Trial) -> str:
    """The trial's name as a code can hold it."""
    return re.sub(r"[^a-z0-9.]+", ".", trial.name.lower()).strip(".") or "trial"


def is_of(code: str, name: str) -> bool:
    """Does the code say that it belongs to this?"""
    return [_plain(part) for part in _parts(code)[1:2]] == [_plain(name)]


def sealed(name: str, clients: str, happens: str) -> str:
    """A code made of a name, a number and a text, with the edition before them and the checksum behind."""
    return "-".join((FORMAT, name, clients, happens, _checksum(name, clients, happens)))


def unsealed(code: str, name: str) -> tuple[str, str, str]:
    """Name, number and text of a code. `name` is only for the example in a message. Raises: BadReplayCode."""
    form, *parts = _parts(code.upper())
    if form in EARLIER:
        raise BadReplayCode(
            f"{code!r} is a code of an earlier edition of the course, which this one cannot read: for a new one, run "
            f"the check or explore again, or break the puzzle again."
        )
    if len(parts) < 4 or not re.fullmatch(r"[RT]\d+", form):
        raise BadReplayCode(f"{code!r} is no code of a schedule: one looks like {FORMAT}-{name}-2-0100-7KQ3X.")
    if form != FORMAT:
        raise BadReplayCode(f"{code!r} was made by another version of the course; this one reads {FORMAT}-… codes.")
    found, clients, *happens, checksum = parts[0], *map(_plain, parts[1:])
    text = "".join(happens)
    if checksum != _checksum(found, clients, text):
        raise _mistyped(code)
    return found.lower(), clients, text


def _read(code: str, name: str) -> tuple[str, Schedule]:
    """What the code belongs to, and the schedule."""
    found, clients, text = unsealed(code, name)
    try:
        return found, _schedule(int(clients), text)
    except ValueError:
        raise _mistyped(code) from None


def _mistyped(code: str) -> BadReplayCode:
    return BadReplayCode(f"{code!r} is mistyped: its checksum does not fit. Copy it again, all of it.")


def _parts(code: str) -> list[str]:
    return re.split(r"[-\s_]+", code.strip())


def _plain(text: str) -> str:
    return text.upper().translate(LOOKS)


def _where(code: str, name: str) -> str:
    """What plays a code, by the name in it: the judge of an exercise, a puzzle's panel, or `explore`."""
    code = code.strip()
    if exercise := re.fullmatch(r"([0-9]{2}\.[0-9]+)\.[0-9]+\.[0-9]+", name):
        return f'replay("{exercise[1]}", "{code}", …) in course_lib.grading plays it, with your answer'
    if name.split(".")[0] == "failures":
        return "type it into the failure deck"
    if name.endswith((".naive", ".mended")):
        return f"open it on the panel of the puzzle {name.rpartition('.')[0]!r}"
    return f'explore(…, code="{code}") plays it'


def _happens(schedule: Schedule) -> str:
    if schedule.turns is not None:
        return "".join(map(_written, schedule.turns)) or "."
    struck = f"{LETTERS[schedule.kind] if schedule.kind else 'N'}{schedule.at}"
    return f"S{schedule.seed}{struck if schedule.kind or schedule.at else ''}"


def _written(move: int | Move) -> str:
    at = move.at if isinstance(move, Move) else move
    place = str(at) if at < 10 else f"N{at}."
    if not isinstance(move, Move):
        return place
    size = move.past if move.kind in ("delay", "longer") else round(move.seconds * 1000)
    letter = "B" if move.kind == "clock step" and size < 0 else LETTERS[move.kind]
    return f"{letter}{place}" + (f"{abs(size)}." if letter in "PDCBWHG" else "")


def _schedule(clients: int, text: str) -> Schedule:
    """The schedule that a text stands for. Raises: ValueError if it stands for none."""
    if found := IN_TIME.fullmatch(text):
        seed, letter, at = found.groups(default="")
        schedule = Schedule(clients, int(seed), KIND[letter or "N"], int(at or 0))
    else:
        schedule = Schedule(clients, turns=tuple(_move(*found) for found in MOVE.findall(text)))
    if _happens(schedule) != text:
        raise ValueError(text)
    return schedule


def _move(letter: str, place: str, size: str) -> int | Move:
    at = int(place.strip("N."))
    if letter in ("H", "G"):
        return Move(KIND[letter], at, past=int(size or 0))
    return Move(KIND[letter], at, int(size or 0) / (-1000 if letter == "B" else 1000)) if letter else at


def _checksum(*parts: str) -> str:
    text = _plain("-".join((FORMAT, *parts)))
    bits = int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big")
    return "".join(DIGITS[bits >> place & 31] for place in (20, 15, 10, 5, 0))
