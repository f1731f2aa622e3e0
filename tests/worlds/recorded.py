"""What a Redis 7.0 has answered to the exchanges and to random sequences: `python -m worlds.recorded` writes it anew.

It is there so that tests can compare the simulated server with a real one where none is installed, and quickly.
"""

from __future__ import annotations

import ast
import json
import random
from pathlib import Path
from typing import Any

from course_lib.servers import Server, find_all

from .exchanges import EXCHANGES, Command
from .random_commands import sequence
from .replies import really

FILE = Path(__file__).parent / "recorded.json"
SEEDS = range(1_000, 1_100)


def commands_of() -> dict[str, list[Command]]:
    """By title: the exchanges, and random sequences of 45 commands."""
    return {**EXCHANGES, **{f"seed {seed}": sequence(random.Random(seed), 45) for seed in SEEDS}}


def read() -> dict[str, list[Any]]:
    if not FILE.exists():
        return {}
    written: dict[str, list[str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return {title: [ast.literal_eval(reply) for reply in replies] for title, replies in written.items()}


RECORDED = read()

if __name__ == "__main__":
    found = next(found for found in find_all() if str(found.version).startswith("7.0"))
    with Server(found) as server:
        told = {title: list(map(repr, really(server, commands))) for title, commands in commands_of().items()}
    FILE.write_text(json.dumps(told, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
