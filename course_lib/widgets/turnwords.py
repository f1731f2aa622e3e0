"""Be the scheduler, in words: commands that wait, how a game stands, what playing every schedule has shown."""

from __future__ import annotations

from typing import Any

from course_lib.scenarios.every import Every
from course_lib.scenarios.puzzles import Puzzle
from course_lib.views.picture import escape


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
    return "", f"<b>{moves}.</b> Who goes next? Press a number, or choose a button.{ways}"


def proof(puzzle: Puzzle, every: Every, *, mended: bool) -> tuple[str, str]:
    """What playing every schedule has shown: a word for its style, and HTML."""
    sorts = ("without a fault", "with one message lost or one crash", f"in which {puzzle.pause:g} s passes once")
    of_all = ", ".join(f"{part.schedules:,} {how}" for part, how in zip(every, sorts, strict=True))
    parts = ", ".join(f"{part.failures:,} of {part.schedules:,} {how}" for part, how in zip(every, sorts, strict=True))
    if not every.complete:
        done = f"{every.failures:,} break the promise" if every.failures else "none breaks it"
        so_far = f"<b>Too many to play all of them at once.</b> Of the {every.schedules:,} that were played"
        return "", f"{so_far}, {done}: {parts if every.failures else of_all}. Press e to play for longer."
    if not every.failures:
        found = f"<b>✓ All {every.schedules:,} schedules were played, and none breaks the promise</b>"
        return "good", f"{found}: {of_all}."
    found = f"<b>✗ {every.failures:,} of all {every.schedules:,} schedules break the promise</b>"
    assert every.simplest is not None
    code = escape(puzzle.code_of(every.simplest, mended=mended))
    opened = (
        f"<details><summary>Show a simplest one (it gives the answer away)</summary>Open <code>{code}</code></details>"
    )
    return "bad", f"{found}: {parts}.{opened}"


def headline(text: str, most: int = 72) -> str:
    """What fits above a picture: the whole sentence, or its first part."""
    return text if len(text) <= most else text.split(", ")[0].split(": ")[0]


def counted(number: int, one: str, more: str = "") -> str:
    """`1 move`, `2 moves`."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def capital(text: str) -> str:
    """With a capital letter."""
    return text[:1].upper() + text[1:]


def _short(command: tuple[bytes, ...]) -> str:
    name = command[0].decode(errors="replace")
    if name in ("EVAL", "EVALSHA"):
        return f"a script on {command[3].decode(errors='replace')}"
    text = " ".join(part.decode(errors="replace") for part in command)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _result(result: Any) -> str:
    return f"{type(result).__name__}" if isinstance(result, BaseException) else f"{result!r}"
