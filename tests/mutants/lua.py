"""Mutants of a Lua script: one change in one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

Rule = tuple[str, str, Callable[[re.Match[str]], Iterable[str]]]

COMPARISONS = {
    "==": ["~="], "~=": ["=="], "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"],
}  # fmt: skip


def indexes(match: re.Match[str]) -> list[str]:
    """KEYS[2] → KEYS[1], KEYS[3] and ARGV[2]."""
    table, index = match[1], int(match[2])
    other = {"KEYS": "ARGV", "ARGV": "KEYS"}[table]
    return [f"{table}[{index + 1}]", *([f"{table}[{index - 1}]"] if index > 1 else []), f"{other}[{index}]"]


def numbers(match: re.Match[str]) -> list[str]:
    """One more, one less, ten times as much; and 1 for a factor between units."""
    n = int(match[0])
    return [str(n + 1), str(n - 1), *([str(n * 10)] if n > 1 else []), *(["1"] if n in (1_000, 1_000_000) else [])]


RULES: list[Rule] = [
    ("drop line", r"^.*\S.*$", lambda _: [""]),
    ("index", r"\b(KEYS|ARGV)\[(\d+)\]", indexes),
    ("compare", r"==|~=|<=|>=|<|>", lambda match: COMPARISONS[match[0]]),
    ("number", r"(?<!KEYS\[)(?<!ARGV\[)\b\d+\b", numbers),
    ("boolean", r"\b(and|or)\b", lambda match: [{"and": "or", "or": "and"}[match[0]]]),
    ("negation", r"\bnot ", lambda _: [""]),
    ("default", r" or 0\b", lambda _: [""]),
    ("drop argument", r", (?:'[^']*'|[\w.]+(?:\[\d+\])?)(?=[,)])", lambda _: [""]),
    ("arithmetic", r" [-+*/] ", lambda match: [{" + ": " - ", " - ": " + ", " * ": " / ", " / ": " * "}[match[0]]]),
    ("call", r"\bmath\.(ceil|floor)\b", lambda match: [{"ceil": "math.floor", "floor": "math.ceil"}[match[1]]]),
    ("call", r"\btonumber\(((?:[^()]|\([^()]*\))*)\)", lambda match: [match[1]]),
]


def is_script(value: object) -> bool:
    return isinstance(value, str) and "redis.call" in value


def script_mutants(script: str) -> Iterator[tuple[str, str, str, str]]:
    """The rule's name, the line before and after the change, and the script with it."""
    lines = script.split("\n")
    for at, line in enumerate(lines):
        for name, pattern, replacements in RULES:
            if name == "drop line" and len(lines) == 1:
                continue
            for match in re.finditer(pattern, line):
                for new in replacements(match):
                    after = line[: match.start()] + new + line[match.end() :]
                    yield f"lua {name}", line.strip(), after.strip(), "\n".join([*lines[:at], after, *lines[at + 1 :]])
