"""01.1, predict the slot: the answer computes slots; a client goes where it says, and is sent on if it is wrong."""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from redis.exceptions import MovedError

from course_lib.explore import Play, Simulation, Trial, Violation
from course_lib.grading.evidence import shown
from course_lib.lessons.topologies.exercises.cluster import SLOTS, cluster, owner, share_slots, slot_of

Slot = Callable[[str], int]

PLAIN = ["user:42", "a", "app:shop:price:v1:7", "zoë", "with blank", "}", "x}y", "日本"]
TAGGED = ["{user:42}:cart", "cart:{user:42}", "a{b}c", "{a}", "{zoë}:cart", "{a}{b}", "x{a}{b}y", "{user}:{42}"]
ODD = ["{}:user:42", "a{}b", "a{}{b}", "{}{user:42}", "{user:42", "user:42{", "a}b{c}d", "}{a}", "a{{b}}c", "{a{b}c}"]
LETTERS = "ab:{}é"


def predicting(answer: Slot) -> list[Trial]:
    """A run's seed is the number of its key; after those in the table come keys that are drawn from a few letters."""
    return [
        _trial(answer, "a key without a hash tag", "plain", PLAIN, 4),
        _trial(answer, "a key with a hash tag", "tagged", TAGGED, 0),
        _trial(answer, "a key with odd braces", "odd", ODD, 30),
    ]


def _trial(answer: Slot, name: str, promise: str, table: list[str], drawn: int) -> Trial:
    def build(world: Simulation, clients: int) -> dict[str, Any]:
        share_slots(world)
        said: dict[str, Any] = {"key": _key(world, table, "abc:" if promise == "plain" else LETTERS)}
        world.client("c1", partial(store, answer, world, said))
        return said

    return Trial(name, (promise,), build, partial(_judge, promise), sizes=(1,), seeds=len(table) + drawn, world=cluster,
                 horizon=2.0)  # fmt: skip


def _key(world: Simulation, table: list[str], letters: str) -> str:
    """Of the table; else drawn, so that nobody can list the keys."""
    if world.seed < len(table):
        return table[world.seed]
    draw = world.draws("key")
    return "".join(letters[int(draw() * len(letters))] for _ in range(2 + int(draw() * 9)))


async def store(answer: Slot, world: Simulation, said: dict[str, Any]) -> None:
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


def _judge(promise: str, run: Play) -> Iterator[Violation]:
    key, slot, right = run.witness["key"], run.witness.get("slot"), slot_of(run.witness["key"])
    if type(slot) is int and slot == right:
        return
    error = run.results["c1"]
    gave = f"raised {type(error).__name__}: {error}" if isinstance(error, BaseException) else f"gave {shown(slot)}"
    moved = any(isinstance(event.reply, MovedError) for event in run.trace)
    sent = " The SET went to the wrong node, and was sent on with MOVED." if moved else ""
    text = f"slot({key!r}) {gave}; the slot is {right}.{sent}"
    yield Violation(promise, text, "c1" if run.trace.events else "", 0.0, f"the slot is {right}")


# -- clues: what does the answer say to a few keys? --------------------------------------------------------------------


def clue(answer: Slot, failing: Mapping[str, Play]) -> str | None:
    """The misconception that the answer's slots point to: which part of a key did it take?"""

    def took(key: str, part: str) -> bool:
        try:
            return bool(answer(key) == _hashed(part))
        except Exception:
            return False

    if "plain" in failing:
        return None  # it is not the braces
    return next((name for name, pairs in CLUES.items() if all(took(*pair) for pair in pairs)), None)


def _hashed(part: str) -> int:
    """What the rest of the function makes of a part; `slot_of` would look for a tag in it."""
    return crc_hqx(part.encode(), 0) % SLOTS


CLUES: dict[str, list[tuple[str, str]]] = {
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
"""For each mistake, keys and the part that whoever makes it takes for what decides the slot."""
