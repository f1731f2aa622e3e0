"""01.2, choose hash tags: the answer names a shop's keys; a simulated Cluster is sent the shop's commands."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from redis.exceptions import ClusterCrossSlotError

from course_lib.explore import Play, Simulation, Trial, Violation
from course_lib.grading.answer import NOT_YET, Refused, refuse_error
from course_lib.grading.database import until
from course_lib.grading.evidence import shown
from course_lib.lessons.topologies.exercises.cluster import cluster, redis_for, share_slots, slot_of

Name = tuple[str, str, str]  # a method of the answer, and its two arguments
METHODS = {"user": ("user", "what"), "product": ("product", "what"), "visitors": ("day", "hour")}
DAY = "2026-11-23"
HOURS: list[Name] = [("visitors", DAY, f"{hour:02}") for hour in (7, 8, 9)]

TOGETHER: list[tuple[str, list[Name]]] = [
    ("SMOVE", [("user", "42", "wishlist"), ("user", "42", "cart")]),
    ("MGET", [("user", "ann-lee", "name"), ("user", "ann-lee", "points"), ("user", "ann-lee", "email")]),
    ("MGET", [("product", "42", "price"), ("product", "42", "stock")]),
    ("RENAME", [("product", "tea-pot", "draft"), ("product", "tea-pot", "text")]),
    ("PFMERGE", [("visitors", DAY, "all"), *HOURS]),
    ("PFCOUNT", HOURS[:2]),
]
"""The commands with several keys that the shop sends."""
MANY: dict[str, list[Name]] = {
    "users": [("user", str(1000 + n * 37), "cart") for n in range(12)],
    "products": [("product", f"item-{n}", "stock") for n in range(12)],
    "days": [("visitors", f"2026-11-{n + 1:02}", "07") for n in range(12)],
}
PAIRS: list[tuple[Name, Name]] = [
    (("user", "42", "cart"), ("user", "42", "wishlist")), (("user", "42", "name"), ("product", "42", "name")),
    (("visitors", DAY, "07"), ("visitors", DAY, "08")), (("visitors", DAY, "07"), ("visitors", "2026-11-24", "07")),
    (("user", "4", "2cart"), ("user", "42", "cart")), (("user", "42", "cart"), ("user", "43", "cart")),
    (("user", DAY, "07"), ("visitors", DAY, "07")), (("product", "1", "1price"), ("product", "11", "price")),
    (("product", "42", "price"), ("product", "42", "stock")), (("product", "7", "price"), ("product", "8", "price")),
]  # fmt: skip
AT_MOST = 3
"""Of twelve keys that have nothing to do with each other, so many may share a slot by chance; it is 1 in most cases."""


def three_functions(answer: Any) -> Any:
    """The answer, if it is a class with the three methods, or an object that has them."""
    if answer is None or answer is Ellipsis:
        raise Refused("unanswered", NOT_YET)
    try:
        made = answer() if isinstance(answer, type) else answer
    except Exception as error:
        refuse_error(error, answer)
    for method, arguments in METHODS.items():
        found = getattr(made, method, None)
        wanted = f"`def {method}(self, {', '.join(arguments)})`"
        if not callable(found) or inspect.iscoroutinefunction(found):
            raise Refused("error", f"Your class needs {wanted}, a plain method.")
        try:
            inspect.signature(found).bind(*arguments)
        except TypeError as error:
            raise Refused("error", f"Your class needs {wanted}: {error}.") from None
    return made


def naming(names: Any) -> list[Trial]:
    """A run's seed says which command, which pair of names, which twelve keys."""
    return [
        _trial(names, "one command with several keys", "together", len(TOGETHER), _send, _together),
        _trial(names, "two names", "distinct", len(PAIRS), _store_two, _distinct),
        _trial(names, "twelve keys", "spread", len(MANY), _store_many, _spread),
    ]


def _trial(
    names: Any, name: str, promise: str, seeds: int,
    body: Callable[..., Any], judge: Callable[[Play], Iterator[Violation]],
) -> Trial:  # fmt: skip
    def build(world: Simulation, clients: int) -> dict[str, Any]:
        share_slots(world)
        seen: dict[str, Any] = {"keys": []}
        world.client("shop", partial(body, names, world, seen))
        return seen

    def whole(run: Play) -> Iterator[Violation]:
        error = run.results["shop"]
        if isinstance(error, Exception):
            yield Violation(promise, f"The shop ended with {type(error).__name__}: {str(error).rstrip('.')}.")
        else:
            yield from judge(run)

    return Trial(name, (promise,), build, whole, sizes=(1,), seeds=seeds, world=cluster, horizon=3.0)


def _named(names: Any, seen: dict[str, Any], wanted: list[Name]) -> list[str]:
    keys = [getattr(names, method)(*parts) for method, *parts in wanted]
    for one, key in zip(wanted, keys, strict=True):
        if type(key) is not str or not key:
            raise TypeError(f"{told(one)} gave {shown(key)}; a key is a text that is not empty")
    seen["names"], seen["keys"] = wanted, keys
    return keys


async def _send(names: Any, world: Simulation, seen: dict[str, Any]) -> None:
    """What the command needs is there already; then the one command."""
    command, wanted = TOGETHER[world.seed % len(TOGETHER)]
    keys = _named(names, seen, wanted)
    redis = redis_for(world, keys[0])
    if command == "RENAME":
        await redis.set(keys[0], "a pot for tea")
    try:
        await redis.execute_command(command, *keys, *(["tea"] if command == "SMOVE" else []))
    except ClusterCrossSlotError:
        seen["refused"] = command


async def _store_two(names: Any, world: Simulation, seen: dict[str, Any]) -> Any:
    first, second = _named(names, seen, list(PAIRS[world.seed % len(PAIRS)]))
    await redis_for(world, first).set(first, "the first")
    await redis_for(world, second).set(second, "the second")
    seen["again"] = getattr(names, seen["names"][0][0])(*seen["names"][0][1:])
    return await redis_for(world, first).get(first)


async def _store_many(names: Any, world: Simulation, seen: dict[str, Any]) -> None:
    for number, key in enumerate(_named(names, seen, list(MANY.values())[world.seed % len(MANY)])):
        await redis_for(world, key).set(key, "x")
        await until(world, 0.01 * (number + 1))


def _together(run: Play) -> Iterator[Violation]:
    if "refused" in run.witness:
        command = run.witness["refused"]
        lies = ", ".join(f"{key!r} in slot {slot_of(key)}" for key in run.witness["keys"])
        yield Violation("together", f"{command} was refused with CROSSSLOT: {lies}.", "shop", 0.0, "CROSSSLOT")


def _distinct(run: Play) -> Iterator[Violation]:
    if run.witness["again"] != run.witness["keys"][0]:
        name, key, again = told(run.witness["names"][0]), run.witness["keys"][0], shown(run.witness["again"])
        text = f"{name} gave {key!r}, and {again} when it was asked again: under that, nothing is stored."
        yield Violation("distinct", text, "shop", 0.005, "another key")
    elif run.results["shop"] != "the first":
        first, second = run.witness["names"]
        key = run.witness["keys"][0]
        text = f"{told(first)} and {told(second)} both gave {key!r}: the second value replaced the first."
        yield Violation("distinct", text, "shop", 0.005, "one key for two names")


def _spread(run: Play) -> Iterator[Violation]:
    slot, number = Counter(map(slot_of, run.witness["keys"])).most_common(1)[0]
    if number > AT_MOST:
        kind = list(MANY)[run.schedule.seed % len(MANY)]
        text = f"Of twelve {kind}, {number} lie in slot {slot}, so one node has to serve them all, for ever."
        yield Violation("spread", text, "shop", 0.0, f"{number} of 12 in slot {slot}")


def told(name: Name) -> str:
    """`user('42', 'cart')`."""
    return f"{name[0]}({name[1]!r}, {name[2]!r})"


# -- clues: what do the names of a few keys have in common? ------------------------------------------------------------


def clue(answer: Any, failing: Mapping[str, Play]) -> str | None:
    """The misconception that the answer's keys point to, in the first kind of name that has it."""
    for method in METHODS:
        a, b = (DAY, "2026-11-24") if method == "visitors" else ("42", "43")
        p, q = ("07", "08") if method == "visitors" else ("name", "cart")
        try:
            key = getattr(answer, method)
            found = next((name for name, has in CLUES.items() if has(key, a, b, p, q)), None)
        except Exception:
            return None
        if found is not None:
            return found
    return "one-key-for-two" if "distinct" in failing else None


def _same(one: str, other: str) -> bool:
    return slot_of(one) == slot_of(other)


CLUES: dict[str, Callable[[Callable[..., str], str, str, str, str], bool]] = {
    "no-tag": lambda key, a, b, p, q: "{" not in key(a, p),
    "empty-tag": lambda key, a, b, p, q: "{}" in key(a, p) and not _same(key(a, p), key(a, q)),
    "one-tag-for-all": lambda key, a, b, p, q: _same(key(a, p), key(b, p)) and _same(key(a, p), key(a, q)),
    "tags-the-wrong-part": lambda key, a, b, p, q: _same(key(a, p), key(b, p)),
    "tags-too-much": lambda key, a, b, p, q: not _same(key(a, p), key(a, q)),
}
"""Asked with two ids, a and b, and two things that are stored for each, p and q; the first that is true names it."""
