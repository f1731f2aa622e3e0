"""Replay codes: a schedule as a few characters that a classmate can type.

`R1-05KQ-M3T0-…`: numbers of seven bits at a time, then a checksum of 24 bits, in Crockford's base 32, which has no
I, L, O or U. R1 is the version of this format; the code's own first numbers are the exercise and its revision.
Source: Douglas Crockford, "Base 32", https://www.crockford.com/base32.html.
"""

from __future__ import annotations

from hashlib import blake2b

from course_lib.errors import BadReplayCode
from course_lib.explore.trial import Schedule
from course_lib.sim import KINDS

FORMAT = "R1"
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
READ_AS = str.maketrans("OIL", "011", " -_")
"""Letters that are taken for the digits that they look like, and what is left out."""


def encode(exercise: str, revision: int, trial: int, schedule: Schedule) -> str:
    """The code of a schedule of an exercise's trial, by number from 0. `revision` counts the exercise's versions."""
    lesson, number = map(int, exercise.split("."))
    kind = 0 if schedule.kind is None else KINDS.index(schedule.kind) + 1
    numbers = (lesson, number, revision, trial, schedule.clients, schedule.seed, kind, schedule.at)
    payload = b"".join(map(_packed, numbers))
    text = _digits(payload + _checksum(payload))
    return "-".join([FORMAT, *(text[i : i + 4] for i in range(0, len(text), 4))])


def decode(code: str, exercise: str, revision: int) -> tuple[int, Schedule]:
    """The trial's number and the schedule, without the fault's seconds, which the trial knows.

    Raises: BadReplayCode, which says whether the code is mistyped, another exercise's or out of date.
    """
    head, _, body = code.strip().upper().partition("-")
    if not (head.startswith("R") and head[1:].isdigit() and body):
        raise BadReplayCode(f"{code!r} is no replay code: one begins with {FORMAT}- and is shown below a failed check.")
    if head != FORMAT:
        raise BadReplayCode(f"{code!r} was made by another version of the course; this one reads {FORMAT}-… codes.")
    numbers = _numbers(code, body.translate(READ_AS))
    check_exercise(code, exercise, revision, f"{numbers[0]:02}.{numbers[1]}", numbers[2])
    trial, clients, seed, kind, at = numbers[3:]
    return trial, Schedule(clients, seed, KINDS[kind - 1] if kind else None, at)


def check_exercise(code: str, exercise: str, revision: int, found: str, version: int) -> None:
    """Raises: BadReplayCode for a code of another exercise, or of another revision of this one."""
    if found != exercise:
        raise BadReplayCode(f"{code!r} belongs to exercise {found}, not to {exercise}: replay({found!r}, …).")
    if version != revision:
        raise BadReplayCode(
            f"{code!r} is out of date: exercise {exercise} has changed since it was made. Run the check again for a "
            f"new one."
        )


def _numbers(code: str, body: str) -> list[int]:
    mistyped = BadReplayCode(f"{code!r} is mistyped: its checksum does not fit. Copy it again, all of it.")
    if not body or any(digit not in DIGITS for digit in body):
        raise mistyped
    data = _bytes(body)
    payload, checksum = data[:-3], data[-3:]
    if _checksum(payload) != checksum or _digits(data) != body:
        raise mistyped
    numbers = _unpacked(payload)
    if len(numbers) != 8 or numbers[6] > len(KINDS):
        raise mistyped
    return numbers


def _checksum(payload: bytes) -> bytes:
    return blake2b(FORMAT.encode() + payload, digest_size=3).digest()


def _packed(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth bit says that more follow."""
    more = bytearray()
    while number > 127:
        more.append(number & 127 | 128)
        number >>= 7
    return bytes([*more, number])


def _unpacked(payload: bytes) -> list[int]:
    numbers, number, shift = [], 0, 0
    for byte in payload:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(number)
            number = shift = 0
    return numbers


def _digits(data: bytes) -> str:
    bits = int.from_bytes(data, "big") << -len(data) * 8 % 5
    return "".join(DIGITS[bits >> place & 31] for place in range(_length(len(data)) * 5 - 5, -1, -5))


def _bytes(text: str) -> bytes:
    bits, size = 0, len(text) * 5 // 8
    for digit in text:
        bits = bits << 5 | DIGITS.index(digit)
    return (bits >> len(text) * 5 - size * 8).to_bytes(size, "big")


def _length(size: int) -> int:
    return -(-size * 8 // 5)
