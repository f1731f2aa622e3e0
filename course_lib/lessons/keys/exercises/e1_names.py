"""02.1, names that never collide: the answer builds keys; it is judged by who reads what under them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from course_lib.explore import Play, Simulation, Trial, until
from course_lib.grading.answer import plain_function
from course_lib.grading.evidence import shown
from course_lib.grading.rules import Failing, Found, Judge, Rules, trial

Name = Callable[..., str]
Parts = tuple[str | int, ...]
PREFIX = "app:user:profile:v2:"

ORDINARY: list[tuple[Parts, ...]] = [
    (("42",),), (("ann", "photo"),), ((7,),), (("ann@example.org",),), (("Ann-B_c.d", 2),), (("zoë",),),
]  # fmt: skip
ALIKE: list[tuple[Parts, ...]] = [
    (("a:b",), ("a", "b")), (("a", "b:c"), ("a", "b", "c")), (("a:b", "c"), ("a", "b:c")), (("a:b",), ("a_b",)),
    (("a b",), ("a-b",)), (("a", ""), ("a:",)), (("a:b",), ("ab",)), (("a:b",), ("a-b",)),
]  # fmt: skip
MISREAD: list[tuple[Parts, ...]] = [
    ((part,),) for part in ("a:b", "", "{a}", "a b", "a\n", "}", "\t", ":")
] + [(("a", "b:c"),), (("a", ""),), (("a", "b", "c d"),)]  # fmt: skip


def trials(answer: Name) -> list[Trial]:
    """A run's seed is the number of its names. The witness has each client's key: the ValueError, if it was refused."""

    def names(name: str, table: list[tuple[Parts, ...]], promise: str, judge: Judge, size: int = 1) -> Trial:
        return trial(name, partial(_build, answer, table), {promise: judge}, sizes=(size,), seeds=len(table),
                     least=size, world=Simulation, horizon=2.0)  # fmt: skip

    return [
        names("a name as they come", ORDINARY, "plain", _plain),
        names("two names that look alike", ALIKE, "distinct", _distinct, 2),
        names("a part that could be misread", MISREAD, "refused", _refused),
    ]


def _build(answer: Name, table: list[tuple[Parts, ...]], world: Simulation, clients: int) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for number, parts in enumerate(table[world.seed % len(table)][:clients], 1):
        world.client(f"c{number}", _store, answer, world, f"c{number}", parts, keys, start=number * 0.01)
    return keys


async def _store(answer: Name, world: Simulation, who: str, parts: Parts, keys: dict[str, Any]) -> Any:
    """Store something under the key of these parts, and return what is there 100 ms later."""
    try:
        key = keys[who] = answer(*parts)
    except ValueError as error:
        keys[who] = error
        return None
    if type(key) is not str:
        return None
    await world.redis().set(key, f"for {who}", px=60_000)
    await until(world, 0.12)
    return await world.redis().get(key)


def _plain(run: Play) -> Iterator[Found]:
    (parts,), result = ORDINARY[run.schedule.seed % len(ORDINARY)], run.results["c1"]
    if "c1" not in run.witness:
        yield f"{_told(parts)} raised {type(result).__name__}: {result}.", "c1", 0.01, "no key"
        return
    key, wanted = run.witness["c1"], PREFIX + ":".join(map(str, parts))
    if type(key) is not str or key != wanted:
        raised = f"raised ValueError: {key}" if isinstance(key, ValueError) else f"gave {shown(key)}"
        yield f"{_told(parts)} {raised}; the key is {wanted!r}.", "c1", 0.01, "no such key"


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
        yield f"{_told(parts)} {said}; it should raise ValueError.", "c1", 0.01, "not refused"


def _told(parts: Parts) -> str:
    return f"profile_key({', '.join(map(repr, parts))})"


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
    return bool(said(*parts) == PREFIX + ":".join(map(str, parts)))


MISTAKES: dict[str, Callable[[Callable[..., Any]], bool]] = {
    "asserts": lambda said: isinstance(said("a:b"), AssertionError),
    "int-parts": lambda said: isinstance(said(7), TypeError | AttributeError),
    "replaces": lambda said: type(said("a:b")) is str and not _keeps(said, "a:b"),
    "no-check": lambda said: _keeps(said, "a:b"),
    "only-first": lambda said: _keeps(said, "a", "b:c"),
    "too-strict": lambda said: any(not _keeps(said, *parts) for (parts,) in ORDINARY),
    "forgets-empty": lambda said: _keeps(said, ""),
    "forgets-space": lambda said: _keeps(said, "a b") or _keeps(said, "a\n"),
    "forgets-braces": lambda said: _keeps(said, "{a}") or _keeps(said, "}"),
}

RULES = Rules(plain_function("first, second"), trials, clues)
