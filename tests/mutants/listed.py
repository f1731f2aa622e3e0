"""equivalent.toml: mutants that survive for a reason, and those that show a hole in a judge."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

LIST = Path(__file__).with_name("equivalent.toml")
Kind = Literal["equivalent", "holes"]


def listed(text: str) -> dict[tuple[str, str], Kind]:
    """By exercise and mutant's id, which of the two it is. Raises: ValueError, for an entry without its reason, or a
    mutant that is listed twice."""
    tables: dict[str, Any] = tomllib.loads(text)
    found: dict[tuple[str, str], Kind] = {}
    kinds: tuple[tuple[Kind, str], ...] = (("equivalent", "keeps"), ("holes", "breaks"))
    for kind, reason in kinds:
        for exercise, entries in tables.get(kind, {}).items():
            for entry in entries:
                if set(entry) != {"mutants", reason} or not entry[reason].strip() or not entry["mutants"]:
                    raise ValueError(f"{kind} {exercise}: an entry has `mutants` and `{reason}`, not {sorted(entry)}")
                for id in entry["mutants"]:
                    if (exercise, id) in found:
                        raise ValueError(f"{exercise}: {id!r} is listed twice")
                    found[exercise, id] = kind
    return found


def read() -> dict[tuple[str, str], Kind]:
    return listed(LIST.read_text(encoding="utf-8"))
