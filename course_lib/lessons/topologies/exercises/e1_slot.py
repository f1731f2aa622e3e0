"""01.1, predict the slot: the answer computes slots; a client goes where it says, and is sent on if it is wrong."""

from __future__ import annotations

import re
from binascii import crc_hqx
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from redis.exceptions import MovedError

from course_lib.explore import Play, Simulation, Trial
from course_lib.grading.answer import plain_function
from course_lib.grading.evidence import shown
from course_lib.grading.rules import Failing, Found, Rules, trial
from course_lib.sim.cluster import SLOTS, cluster, owner, share_slots, slot_of

Slot = Callable[[str], int]

PLAIN = [
    "user:42", "a", "app:shop:price:v1:7", "zoë", "with blank", "}", "x}y", "日本", " blanks around ", "User:42",
    "0042", "a\nb", "tab\t", "e\u0301", "(a)[b]", "long:" * 90, "3560", "k10322",
]  # fmt: skip
TAGGED = [
    "{user:42}:cart", "cart:{user:42}", "a{b}c", "{a}", "{zoë}:cart", "{a}{b}", "x{a}{b}y", "{user}:{42}", "{ }x",
    "{ user 42 }:cart", "{User-42.a}", "{a\nb}:c", "a\nb{c}", "{7}", "{0042}:x", "{日本}", "{e\u0301}", "{:}",
    "{(a)[b]}", "{" + "u" * 70 + "}",
]  # fmt: skip
ODD = [
    "{}:user:42", "a{}b", "a{}{b}", "{}{user:42}", "{user:42", "user:42{", "a}b{c}d", "}{a}", "a{{b}}c", "{a{b}c}",
    "{", "{}", "{{}", "{}}", "}{", "{a}}", "x{{y}:1", " {}", "{a}b}c", "{a}{}", "{}a{}b", "{{a}",
]  # fmt: skip
LETTERS = "abB:{}é \n"


def trials(answer: Slot) -> list[Trial]:
    """A run's seed is the number of its key; after those in the table come keys that are drawn from a few letters."""

    def of_keys(name: str, promise: str, table: list[str], drawn: int, letters: str = LETTERS) -> Trial:
        return trial(name, partial(_build, answer, table, letters), {promise: _wrong_slot}, sizes=(1,),
                     seeds=len(table) + drawn, world=cluster, horizon=2.0)  # fmt: skip

    return [
        of_keys("a key without a hash tag", "plain", PLAIN, 4, "abc:"),
        of_keys("a key with a hash tag", "tagged", TAGGED, 0),
        of_keys("a key with odd braces", "odd", ODD, 30),
    ]


def _build(answer: Slot, table: list[str], letters: str, world: Simulation, clients: int) -> dict[str, Any]:
    share_slots(world)
    said: dict[str, Any] = {"key": _key(world, table, letters)}
    world.client("c1", _store, answer, world, said)
    return said


def _key(world: Simulation, table: list[str], letters: str) -> str:
    """A key of the table, or beyond it a drawn one, so that no answer can list the keys."""
    if world.seed < len(table):
        return table[world.seed]
    draw = world.draws("key")
    return "".join(letters[int(draw() * len(letters))] for _ in range(2 + int(draw() * 9)))


async def _store(answer: Slot, world: Simulation, said: dict[str, Any]) -> None:
    """Send a SET to the node that has this slot; if it says MOVED, send it again to where that points."""
    key = said["key"]
    slot = said["slot"] = answer(key)
    if type(slot) is not int or not 0 <= slot < SLOTS:
        return
    for number in (owner(slot), owner(slot_of(key))):
        try:
            await world.redis(number).set(key, "x")
            return
        except MovedError:
            continue


def _wrong_slot(run: Play) -> Iterator[Found]:
    key, slot, right = run.witness["key"], run.witness.get("slot"), slot_of(run.witness["key"])
    if type(slot) is int and slot == right:
        return
    error = run.results["c1"]
    gave = f"raised {type(error).__name__}: {error}" if isinstance(error, BaseException) else f"gave {shown(slot)}"
    moved = any(isinstance(event.reply, MovedError) for event in run.trace)
    sent = " The SET went to the wrong node, and was sent on with MOVED." if moved else ""
    text = f"slot({key!r}) {gave}; the slot is {right}.{sent}"
    yield text, "c1" if run.trace.events else "", 0.0, f"the slot is {right}"


# -- clues: which part of a key did the answer take? -------------------------------------------------------------------

MISTAKES = {
    "no-tag": r"(?!)",
    "keeps-the-braces": r"^[^{]*(\{[^}]+\})",
    "up-to-the-last-brace": r"^[^{]*\{(.+)\}",
    "the-last-tag": r"(?:.*\})?[^{]*\{([^}]+)\}",
    "only-at-the-beginning": r"^\{([^}]+)\}",
    "hashes-nothing": r"\{([^}]*)\}",
    "looks-for-another": r"\{([^}]+)\}",
    "never-closed": r"^[^{]*\{([^}]+)",
    "innermost": r"^[^{]*\{+([^{}]+)\}",
    "any-closing-brace": r"^[^{}]*\{([^}]+)\}",
}
"""For each mistake, a pattern whose group is the part that an answer with this mistake hashes; else all of the key."""


def clues(failing: Failing) -> Iterator[str]:
    """The mistakes that explain the run that is shown and nearly all other keys that they misread, the best first.

    If a key without braces has a wrong slot, it is not the braces.
    """
    if "plain" in failing:
        return
    shown_run = failing["tagged" if "tagged" in failing else "odd"].witness
    said = {key: _said(failing.answer, key) for key in [*TAGGED, *ODD]}
    share = {}
    for name, pattern in MISTAKES.items():
        misread = {key: slot for key in said if (slot := _misread(pattern, key)) != slot_of(key)}
        if shown_run.get("slot") == _misread(pattern, shown_run["key"]):
            share[name] = sum(said[key] == slot for key, slot in misread.items()) / len(misread)
    yield from sorted((name for name in share if share[name] > 0.75), key=lambda name: -share[name])


def _misread(pattern: str, key: str) -> int:
    """The slot of the part that this pattern finds, in which no tag is looked for."""
    found = re.search(pattern, key, re.DOTALL)
    return int(crc_hqx((found[1] if found else key).encode(), 0) % SLOTS)


def _said(answer: Slot, key: str) -> Any:
    try:
        return answer(key)
    except Exception:
        return None


RULES = Rules(plain_function("key"), trials, clues)
