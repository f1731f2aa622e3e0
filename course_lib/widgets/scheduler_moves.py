"""Moves of the scheduler's panel: what becomes of a command, the keys, and a list of moves as a room calls them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from course_lib.explore import Move
from course_lib.words import counted

FATES: dict[str, tuple[str, Any]] = {
    "": ("runs", "run"),
    "q": ("request lost", "lose request"),
    "r": ("reply lost", "lose reply"),
    "x": ("client crashes first", "crash"),
}
"""What becomes of the command that is chosen: by key, its name and its kind."""

MOST = 18
"""Commands that can wait at once: enough for 3 clients at 5 nodes. The first nine have keys."""

KEYS = "123456789qrxtube"
"""What the panel hears: a command by number, a fate, t for time, u for undo, b for the start, e for every schedule."""

MOVES = re.compile(r"\s*([qrxQRX]?\d+|[tT])(\s+([qrxQRX]?\d+|[tT]))*\s*")
"""What is typed as a list of moves."""


def called(moves: str, pause: float, waiting: Callable[[], int]) -> Iterator[int | Move]:
    """Each move of a list in turn. A number is a command, counted from 1; a letter before it is its fate; `t` lets
    time pass, `pause` seconds. `waiting` says how many commands can run by then.

    Raises: ValueError at a move that is not there, which says which.
    """
    for number, move in enumerate(moves.lower().split(), 1):
        fate, place = (move[:1], move[1:]) if move[:1] in FATES else ("", move)
        if move == "t" and waiting():
            yield Move("wait", seconds=pause)
        elif place.isdecimal() and 1 <= int(place) <= waiting():
            yield Move(FATES[fate][1], int(place) - 1) if fate else int(place) - 1
        else:
            raise ValueError(f"Move {number}, “{move}”, is not there: {counted(waiting(), 'command')} can run.")
