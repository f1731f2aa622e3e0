"""Be the scheduler, in words: commands that wait, how a game stands, what playing every schedule has shown."""

from __future__ import annotations

from typing import Any

from course_lib.explore import Findings, Tally
from course_lib.explore.puzzle import Puzzle, fewest_moves
from course_lib.views.picture import escape
from course_lib.words import capital, counted, shorten


def named(turn: Any) -> str:
    """`alice: GET visits`; a transaction by its commands; with the node where there are several."""
    commands = [command for command in turn.commands if command[0] not in (b"MULTI", b"EXEC")]
    node = "" if turn.node == "redis" else f" → {turn.node}"
    return f"{turn.client}{node}: {' · '.join(map(_short, commands))}"


def standing(puzzle: Puzzle, game: Any, found: int) -> tuple[str, str]:
    """How the game stands: a word for its style, and HTML."""
    moves = counted(len(game.moves), "move")
    ways = f" You have found {counted(found, 'way')} to break it." if found else ""
    if game.violation is not None:
        code = escape(puzzle.code(game))
        said = escape(capital(game.violation.text))
        return "bad", f"<b>✗ Broken in {moves}.</b> {said}. Replay code: <code>{code}</code>.{ways}"
    if game.over:
        ended = escape("; ".join(f"{who}: {_result(result)}" for who, result in game.play.results.items()))
        return "good", f"<b>✓ All are done, and the promise was kept.</b> {ended}. Undo, or go back to the start.{ways}"
    return "", f"<b>{moves}.</b> Who goes next? Choose a button, or press its number.{ways}"


def proof(puzzle: Puzzle, found: Findings, *, mended: bool, longer: bool = False) -> tuple[str, str]:
    """What playing every schedule has shown: a word for its style, and HTML. Is there `longer` to play, by key e?"""
    sorts = ("without a fault", "with one message lost or one crash", f"in which {puzzle.pause:g} s passes once")
    parts = ", ".join(_part(part, sort, found) for part, sort in zip(found.played, sorts, strict=True))
    more = " Press e to play for longer." if longer else ""
    if not found.failures and found.complete:
        return "good", f"<b>✓ All {found.schedules:,} schedules were played, and none breaks the promise</b>: {parts}."
    if not found.failures:
        said = f"none of the {found.schedules:,} that were played breaks the promise"
        return "", f"<b>Too many to play all of them: {said}</b>, {parts}.{more}"
    of = "all" if found.complete else "the first"
    said = f"<b>✗ {found.failures:,} of {of} {found.schedules:,} schedules break the promise</b>"
    simplest = fewest_moves(found)
    assert simplest is not None
    code = escape(puzzle.code_of(simplest, mended=mended))
    opened = (
        f"<details><summary>Show a simplest one (it gives the answer away)</summary>Open <code>{code}</code></details>"
    )
    many = "" if found.complete else f" There are too many to play all of them.{more}"
    return "bad", f"{said}: {parts}.{many}{opened}"


def _part(part: Tally, sort: str, found: Findings) -> str:
    """`4 of 6 without a fault`; where some were left out, `4 of all 6 …` or `4 of the first 100 …`."""
    of = "" if found.complete else "all " if part.complete else "the first "
    failed = f"{part.failures:,} of " if found.failures else ""
    return f"{failed}{of}{part.schedules:,} {sort}"


def headline(text: str, most: int = 72) -> str:
    """What fits above a picture: the whole sentence, or its first part."""
    return text if len(text) <= most else text.split(", ")[0].split(": ")[0]


def _short(command: tuple[bytes, ...]) -> str:
    name = command[0].decode(errors="replace")
    if name in ("EVAL", "EVALSHA"):
        return f"a script on {command[3].decode(errors='replace')}"
    return shorten(" ".join(part.decode(errors="replace") for part in command), 40)


def _result(result: Any) -> str:
    return f"{type(result).__name__}" if isinstance(result, BaseException) else f"{result!r}"
