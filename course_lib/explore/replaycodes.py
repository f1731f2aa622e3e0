"""The replay codes of an exercise, of both kinds: `R1-…` for a schedule in time, `T1-…` for one turn by turn.

The name in a T1 code is the exercise, its revision and the trial, `03.2.1.0`; a puzzle's code has the puzzle's name.
"""

from __future__ import annotations

from course_lib.errors import BadReplayCode
from course_lib.explore.codes import check_exercise, decode, encode
from course_lib.explore.trial import Schedule
from course_lib.explore.turncodes import decode_turns, encode_turns, where


def code_of(exercise: str, revision: int, trial: int, schedule: Schedule) -> str:
    """The code of a schedule of an exercise's trial, by number from 0. `revision` counts the exercise's versions."""
    if schedule.turns is None:
        return encode(exercise, revision, trial, schedule)
    return encode_turns(f"{exercise}.{revision}.{trial}", schedule.clients, schedule.turns)


def schedule_of(code: str, exercise: str, revision: int) -> tuple[int, Schedule]:
    """The trial's number and the schedule; of one in time, without the fault's seconds, which the trial knows.

    Raises: BadReplayCode, which says whether the code is mistyped, another exercise's or out of date.
    """
    if code.strip()[:1].upper() != "T":
        return decode(code, exercise, revision)
    name = [*code.strip().split("-"), ""][1].lower()
    schedule = decode_turns(code, name)  # whatever it names, it is whole
    parts = name.split(".")
    if len(parts) != 4 or not all(part.isdecimal() for part in parts):
        raise BadReplayCode(f"{code!r} belongs to {name!r}, which is no exercise: {where(code)}.")
    check_exercise(code, exercise, revision, ".".join(parts[:2]), int(parts[2]))
    return int(parts[3]), schedule
