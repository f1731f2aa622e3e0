"""02.1, names that never collide: the answer builds keys; it is judged by who reads what under them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from course_lib.explore import Play, Simulation, Trial, Violation
from course_lib.grading.database import until
from course_lib.grading.evidence import shown

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


class Asked(NamedTuple):
    """What one client asked for, and the key that it was given: the ValueError, if it was refused."""

    parts: Parts
    key: Any


def naming(answer: Name) -> list[Trial]:
    """A run's seed is the number of its names."""
    return [
        _trial(answer, "a name as they come", "plain", ORDINARY, _plain, size=1),
        _trial(answer, "two names that look alike", "distinct", ALIKE, _distinct, size=2),
        _trial(answer, "a part that could be misread", "refused", MISREAD, _refused, size=1),
    ]


def _trial(
    answer: Name, name: str, promise: str, table: list[tuple[Parts, ...]],
    judge: Callable[[Play], Iterator[Violation]], *, size: int,
) -> Trial:  # fmt: skip
    def build(world: Simulation, clients: int) -> dict[str, Asked]:
        asked: dict[str, Asked] = {}
        for number, parts in enumerate(table[world.seed % len(table)][:clients], 1):
            world.client(f"c{number}", partial(store, answer, world, f"c{number}", parts, asked), start=number * 0.01)
        return asked

    return Trial(name, (promise,), build, judge, sizes=(size,), seeds=len(table), least=size, horizon=2.0)


async def store(answer: Name, world: Simulation, who: str, parts: Parts, asked: dict[str, Asked]) -> Any:
    """Store something under the key of these parts, and return what is there 100 ms later."""
    try:
        key = answer(*parts)
    except ValueError as error:
        asked[who] = Asked(parts, error)
        return None
    asked[who] = Asked(parts, key)
    if type(key) is not str:
        return None
    await world.redis().set(key, f"for {who}", px=60_000)
    await until(world, 0.12)
    return await world.redis().get(key)


def _plain(run: Play) -> Iterator[Violation]:
    asked, result = run.witness.get("c1"), run.results["c1"]
    if asked is None:
        parts = _told(ORDINARY[run.schedule.seed % len(ORDINARY)][0])
        yield Violation("plain", f"{parts} raised {type(result).__name__}: {result}.", "c1", 0.01, "no key")
        return
    wanted = PREFIX + ":".join(map(str, asked.parts))
    if type(asked.key) is not str or asked.key != wanted:
        raised = f"raised ValueError: {asked.key}" if isinstance(asked.key, ValueError) else f"gave {shown(asked.key)}"
        yield Violation("plain", f"{_told(asked.parts)} {raised}; the key is {wanted!r}.", "c1", 0.01, "no such key")


def _distinct(run: Play) -> Iterator[Violation]:
    first, second = run.witness.get("c1"), run.witness.get("c2")
    if first is None or second is None or type(first.key) is not str or type(second.key) is not str:
        return
    if run.results["c1"] != "for c1":
        text = (
            f"{_told(first.parts)} and {_told(second.parts)} are different names, and both have the key "
            f"{shown(first.key)}: c1 was served what c2 had stored."
        )
        yield Violation("distinct", text, "c1", 0.12, "another's value")


def _refused(run: Play) -> Iterator[Violation]:
    asked, result = run.witness.get("c1"), run.results["c1"]
    if asked is None or not isinstance(asked.key, ValueError):
        parts = _told(MISREAD[run.schedule.seed % len(MISREAD)][0])
        said = f"raised {type(result).__name__}" if asked is None else f"gave {shown(asked.key)}"
        yield Violation("refused", f"{parts} {said}; it should raise ValueError.", "c1", 0.01, "not refused")


def _told(parts: Parts) -> str:
    return f"profile_key({', '.join(map(repr, parts))})"


# -- clues: what does the answer say to a few names? -------------------------------------------------------------------


def clue(answer: Name, failing: Mapping[str, Play]) -> str | None:
    """The misconception that the answer's keys point to."""
    return next((name for name, has in CLUES.items() if has(partial(_said, answer))), None)


def _said(answer: Name, *parts: str | int) -> Any:
    """The key, or the exception."""
    try:
        return answer(*parts)
    except Exception as error:
        return error


def _keeps(said: Callable[..., Any], *parts: str | int) -> bool:
    return bool(said(*parts) == PREFIX + ":".join(map(str, parts)))


CLUES: dict[str, Callable[[Callable[..., Any]], bool]] = {
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
