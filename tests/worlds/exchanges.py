"""The exchanges of exchanges.txt, which simulated and real servers must answer alike."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Command = tuple[Any, ...]


def _commands(line: str) -> Iterator[Command]:
    if line.startswith("> "):
        yield "EVAL", line.removeprefix("> ").replace("⏎", "\n"), "1", "k"
        return
    command: list[str] = []
    for word in [*shlex.split(line), ";"]:
        if word != ";":
            command.append(word.replace("⏎", "\n"))
        elif command:
            yield tuple(command)
            command = []


def read(text: str) -> dict[str, list[Command]]:
    """By title: the commands of one connection, in order, on an empty server."""
    found: dict[str, list[Command]] = {}
    title = ""
    for line in text.splitlines():
        if line.startswith("    "):
            found[title] += _commands(line.strip())
        elif line and not line.startswith("#"):
            title = line
            assert title not in found, title
            found[title] = []
    return found


EXCHANGES = read((Path(__file__).parent / "exchanges.txt").read_text(encoding="utf-8"))

BEYOND_VALKEY: dict[str, str] = {
    "GETEX without its key reads no number": "it reads the number first",
    "what came after 7.0 is unknown": "it has the expiry of hash fields, and commands of its own",
    "script: version": "it says with which version of Redis it is compatible",
    "script: caught unknown": 'its words lack "Redis"',
    "script: blocking": "it lets a script call BLPOP, which does not wait",
    "streams, as they are described": "XSETID also compares with the largest id that was deleted",
    "script: floats": "it passes a number on in its shortest form, Redis with 17 digits",
}
"""Exchanges that Valkey answers in another dialect, each with the reason."""
