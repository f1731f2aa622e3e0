"""Linearizable, serializable: other libraries' checkers, written apart from ours, say the same of random histories."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from math import inf
from typing import Any

import pytest
from thorough import THOROUGH

from course_lib.explore.linearizability import UNKNOWN, Call, linearization, register
from course_lib.explore.serializability import Access, circle, conflicts

from .environment import Script

MANY = 20_000 if THOROUGH else 300
GROUP = "peers-checkers"
NEWER = "that checker has no release for this Python"
Happened = list[list[Any]]


def on_a_register(seed: int) -> tuple[Happened, list[Call]]:
    """Three clients, two calls each, that take effect at some moment; one result in six is made up, and one call in ten
    never returns."""
    draw = random.Random(seed)
    left = {client: [draw.choice(("read", "write", "cas")) for _ in range(2)] for client in "abc"}
    held: Any = None
    happened: Happened = []
    under_way: dict[str, list[Any]] = {}  # client: number, name, argument, [result]
    calls: dict[int, list[Any]] = {}
    while any(left.values()) or under_way:
        who = draw.choice(sorted({client for client in left if left[client]} | set(under_way)))
        if who not in under_way:
            name, number = left[who].pop(), len(calls)
            argument = None if name == "read" else draw.randrange(3) if name == "write" else [held, draw.randrange(3)]
            under_way[who] = [number, name, argument]
            calls[number] = [who, name, argument, UNKNOWN, float(len(happened)), inf]
            happened.append(["begins", number, name, argument])
            continue
        number, name, argument, *result = under_way[who]
        if not result:  # it takes effect
            fits = name != "cas" or held == argument[0]
            result = held if name == "read" else fits if name == "cas" else None
            held = held if name == "read" or not fits else argument if name == "write" else argument[1]
            under_way[who].append(result)
        elif draw.random() < 0.1:
            del under_way[who]
        else:
            del under_way[who]
            made_up = draw.random() < 1 / 6 and name != "write"
            said = result[0] if not made_up else draw.randrange(3) if name == "read" else draw.random() < 0.5
            calls[number][3], calls[number][5] = said, float(len(happened))
            happened.append(["ends", number, said])
    ours = [Call(who, "swap" if name == "cas" else name, tuple(given) if name == "cas" else given, *rest)
            for who, name, given, *rest in calls.values()]  # fmt: skip
    return happened, ours


def on_lists(seed: int) -> tuple[list[Happened], list[Access]]:
    """Up to four transactions that append to lists and read them, step by step in any order; then all is read."""
    draw = random.Random(seed)
    left = {f"t{n}": [(draw.choice(("read", "append")), draw.choice("xyz")) for _ in range(draw.randint(1, 3))]
            for n in range(draw.randint(2, 4))}  # fmt: skip
    lists: dict[str, list[int]] = {item: [] for item in "xyz"}
    seen: dict[str, Happened] = {who: [] for who in left}
    found: list[Access] = []
    while any(left.values()):
        who = draw.choice([who for who, steps in left.items() if steps])
        kind, item = left[who].pop(0)
        if kind == "append":
            lists[item].append(len(found))
        seen[who].append([kind, item, len(found) if kind == "append" else list(lists[item])])
        found.append(Access(who, ("redis", item.encode()), kind == "append", float(len(found))))
    return [*seen.values(), [["read", item, list(held)] for item, held in lists.items()]], found


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """What each library says of as many histories of each kind."""
    registers = [on_a_register(seed)[0] for seed in range(MANY)]
    transactions = [on_lists(seed)[0] for seed in range(MANY)]
    with Script("checkers", group=GROUP) as script:
        answer: dict[str, Any] = script.ask({"registers": registers, "transactions": transactions})
    return answer


@pytest.mark.parametrize("name", ["detangle", "simloom"])
def test_a_register_is_judged_as_by(said: dict[str, Any], name: str) -> None:
    if name not in said:
        pytest.skip(NEWER)
    ours = [linearization(on_a_register(seed)[1], register, None) is not None for seed in range(MANY)]
    assert min(Counter(ours).values()) > MANY / 10
    assert [seed for seed in range(MANY) if ours[seed] is not said[name][0][seed]] == []


def test_transactions_are_judged_as_by_simloom(said: dict[str, Any]) -> None:
    """Each list is read in the end, so that the order in which it was appended to is known: what ran is all there is to
    say, as in ours."""
    if "simloom" not in said:
        pytest.skip(NEWER)
    ours = [not circle(conflicts(on_lists(seed)[1])) for seed in range(MANY)]
    assert min(Counter(ours).values()) > MANY / 10
    assert [seed for seed in range(MANY) if ours[seed] is not said["simloom"][1][seed]] == []


def test_two_histories_are_not_the_same() -> None:
    """The control: what is drawn differs from seed to seed."""
    assert all(one != other for one, other in pairwise(on_a_register(seed)[0] for seed in range(20)))
