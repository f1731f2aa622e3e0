"""02.1, names that never collide: the answer builds keys; it is judged by who reads what under them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from course_lib.explore import Play, Simulation, Trial, until
from course_lib.grading.answer import plain_function
from course_lib.grading.evidence import shown
from course_lib.grading.rules import Failing, Found, Judge, Rules, trial

Name = Callable[..., str]
Parts = list[str | int]
AGAIN = "again"
"""In a witness: who was given something else when it asked once more. That is then what counts."""
PREFIX = "app:user:profile:v2:"

_TABLES: dict[str, list[Any]] = tomllib.loads(Path(__file__).with_name("e1_names.toml").read_text(encoding="utf-8"))
ORDINARY, ALIKE, MISREAD, BAD = (_TABLES[name] for name in ("ordinary", "alike", "misread", "bad"))


def trials(answer: Name) -> list[Trial]:
    """A run's seed is the number of its names. The witness has each client's key: the ValueError, if it was refused."""

    def names(name: str, table: list[list[Parts]], promise: str, judge: Judge, size: int = 1) -> Trial:
        return trial(name, partial(_build, answer, table), {promise: judge}, sizes=(size,), seeds=len(table),
                     least=size, world=Simulation, horizon=2.0)  # fmt: skip

    return [
        names("a name as they come", ORDINARY, "plain", _plain),
        names("two names that look alike", ALIKE, "distinct", _distinct, 2),
        names("a part that could be misread", MISREAD, "refused", _refused),
    ]


def _build(answer: Name, table: list[list[Parts]], world: Simulation, clients: int) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for number, parts in enumerate(table[world.seed % len(table)][:clients], 1):
        world.client(f"c{number}", _store, answer, world, f"c{number}", parts, keys, start=number * 0.01)
    return keys


async def _store(answer: Name, world: Simulation, who: str, parts: Parts, keys: dict[str, Any]) -> Any:
    """Store something under the key of these parts, and return what is there 100 ms later."""
    key = keys[who] = _asked(answer, parts)
    again = _asked(answer, parts)
    if repr(again) != repr(key):  # it has learned something, and must not
        key = keys[who] = again
        keys[AGAIN] = who
    if type(key) is not str:
        return None
    await world.redis().set(key, f"for {who}", px=60_000)
    await until(world, 0.12)
    return await world.redis().get(key)


def _asked(answer: Name, parts: Parts) -> str | ValueError:
    try:
        return answer(*parts)
    except ValueError as error:
        return error


def _plain(run: Play) -> Iterator[Found]:
    (parts,), result = ORDINARY[run.schedule.seed % len(ORDINARY)], run.results["c1"]
    if "c1" not in run.witness:
        yield f"{_told(parts)} raised {type(result).__name__}: {result}.", "c1", 0.01, "no key"
        return
    key, wanted = run.witness["c1"], PREFIX + ":".join(map(str, parts))
    if type(key) is not str or key != wanted:
        raised = f"raised ValueError: {key}" if isinstance(key, ValueError) else f"gave {shown(key)}"
        yield f"{_told(parts)} {raised}{_when(run)}; the key is {wanted!r}.", "c1", 0.01, "no such key"


def _distinct(run: Play) -> Iterator[Found]:
    if all(type(run.witness.get(who)) is str for who in ("c1", "c2")) and run.results["c1"] != "for c1":
        first, second = map(_told, ALIKE[run.schedule.seed % len(ALIKE)])
        text = (
            f"{first} and {second} are different names, and both have the key {shown(run.witness['c1'])}: c1 was "
            f"served what c2 had stored."
        )
        yield text, "c1", 0.12, "another's value"


def _refused(run: Play) -> Iterator[Found]:
    (parts,), key = MISREAD[run.schedule.seed % len(MISREAD)], run.witness.get("c1")
    if not isinstance(key, ValueError):
        said = f"gave {shown(key)}" if "c1" in run.witness else f"raised {type(run.results['c1']).__name__}"
        yield f"{_told(parts)} {said}{_when(run)}; it should raise ValueError.", "c1", 0.01, "not refused"
    elif not any(names(str(key), part) for part in parts if part in BAD):
        yield f"{_told(parts)} raised ValueError: {key}. The text does not name the part.", "c1", 0.01, "not named"


def names(text: str, part: str | int) -> bool:
    """Does the text have the part in it, as it is or as it is written in Python? An empty one needs no name."""
    return any(said in text for said in (str(part), repr(part)[1:-1], ascii(part)[1:-1]))


def _told(parts: Parts) -> str:
    return f"profile_key({', '.join(map(repr, parts))})"


def _when(run: Play) -> str:
    return " when it was called once more" if AGAIN in run.witness else ""


# -- clues: what does the answer say to a few names? -------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What its keys have in common."""
    return (name for name, has in MISTAKES.items() if has(partial(_said, failing.answer)))


def _said(answer: Name, *parts: str | int) -> Any:
    """The key, or the exception."""
    try:
        return answer(*parts)
    except Exception as error:
        return error


def _keeps(said: Callable[..., Any], *parts: str | int) -> bool:
    key = said(*parts)
    return type(key) is str and bool(key == PREFIX + ":".join(map(str, parts)))


def _refuses(said: Callable[..., Any], *parts: str | int) -> bool:
    return isinstance(said(*parts), ValueError)


def _changes(said: Callable[..., Any], *parts: str | int) -> bool:
    return type(said(*parts)) is str and not _keeps(said, *parts)


MISTAKES: dict[str, Callable[[Callable[..., Any]], bool]] = {
    "asserts": lambda said: all(isinstance(said(part), AssertionError) for part in ("a:b", "")),
    "int-parts": lambda said: _keeps(said, "7") and isinstance(said(7), TypeError | AttributeError),
    "refuses-zero": lambda said: _refuses(said, 0) and _refuses(said, "a", 0) and _keeps(said, "0") and _keeps(said, 7),
    "replaces": lambda said: _keeps(said, "ann") and _changes(said, "a:b") and _changes(said, "b:c"),
    "no-check": lambda said: all(_keeps(said, part) for part in ("a:b", "{a}", "a b", "")),
    "only-first": lambda said: _keeps(said, "a", "b:c") and _keeps(said, "a", "") and _refuses(said, "b:c"),
    "too-strict": lambda said: (
        any(_refuses(said, part) for (parts,) in ORDINARY for part in parts) and _keeps(said, "ann")
    ),
    "forgets-empty": lambda said: _keeps(said, "") and _keeps(said, "a", "") and _refuses(said, "a:b"),
    "forgets-space": lambda said: _refuses(said, "a:b") and (_keeps(said, "a b") or _keeps(said, "a\n")),
    "forgets-braces": lambda said: _refuses(said, "a:b") and any(_keeps(said, part) for part in ("{a}", "{", "}")),
    "names-nothing": lambda said: all(
        _refuses(said, *p) and not names(str(said(*p)), p[-1]) for p in (("a:b",), ("a", "{b"))
    ),
}

RULES = Rules(plain_function("first, second"), trials, clues)
