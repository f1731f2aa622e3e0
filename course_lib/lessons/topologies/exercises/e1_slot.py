"""01.1, predict the slot: the answer computes slots; a client goes where it says, and is sent on if it is wrong."""

from __future__ import annotations

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

PLAIN = ["user:42", "a", "app:shop:price:v1:7", "zoë", "with blank", "}", "x}y", "日本"]
TAGGED = ["{user:42}:cart", "cart:{user:42}", "a{b}c", "{a}", "{zoë}:cart", "{a}{b}", "x{a}{b}y", "{user}:{42}"]
ODD = ["{}:user:42", "a{}b", "a{}{b}", "{}{user:42}", "{user:42", "user:42{", "a}b{c}d", "}{a}", "a{{b}}c", "{a{b}c}"]
LETTERS = "ab:{}é"


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
    """Of the table; else drawn, so that nobody can list the keys."""
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

MISTAKES: dict[str, list[tuple[str, str]]] = {
    "no-tag": [("{user:42}:cart", "{user:42}:cart"), ("a{b}c", "a{b}c")],
    "keeps-the-braces": [("{user:42}:cart", "{user:42}"), ("a{b}c", "{b}")],
    "up-to-the-last-brace": [("{a}{b}", "a}{b")],
    "the-last-tag": [("{a}{b}", "b")],
    "only-at-the-beginning": [("a{b}c", "a{b}c")],
    "hashes-nothing": [("a{}b", "")],
    "looks-for-another": [("a{}{b}", "b")],
    "never-closed": [("{user:42", "user:42")],
    "innermost": [("a{{b}}c", "b")],
    "any-closing-brace": [("a}b{c}d", "a}b{c}d")],
}
"""For each mistake, keys, and the part of each that an answer with this mistake hashes."""


def clues(failing: Failing) -> Iterator[str]:
    """If a key without braces has a wrong slot, it is not the braces."""
    if "plain" not in failing:
        yield from (name for name, pairs in MISTAKES.items() if all(_took(failing.answer, *pair) for pair in pairs))


def _took(answer: Slot, key: str, part: str) -> bool:
    """Did it hash this part? `slot_of` would look for a tag in it."""
    try:
        return bool(answer(key) == crc_hqx(part.encode(), 0) % SLOTS)
    except Exception:
        return False


RULES = Rules(plain_function("key"), trials, clues)
