"""01.2, choose hash tags: the answer names a shop's keys; a simulated Cluster is sent the shop's commands."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from redis.exceptions import ClusterCrossSlotError

from course_lib.explore import Play, Simulation, Trial, until
from course_lib.grading.answer import NOT_YET, Refused, refuse_error
from course_lib.grading.evidence import raised, shown
from course_lib.grading.rules import Failing, Found, Judge, Rules, trial
from course_lib.sim.cluster import cluster, redis_for, share_slots, slot_of

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
PAIRS: list[list[Name]] = [
    [("user", "42", "cart"), ("user", "42", "wishlist")], [("user", "42", "name"), ("product", "42", "name")],
    [("visitors", DAY, "07"), ("visitors", DAY, "08")], [("visitors", DAY, "07"), ("visitors", "2026-11-24", "07")],
    [("user", "4", "2cart"), ("user", "42", "cart")], [("user", "42", "cart"), ("user", "43", "cart")],
    [("user", DAY, "07"), ("visitors", DAY, "07")], [("product", "1", "1price"), ("product", "11", "price")],
    [("product", "42", "price"), ("product", "42", "stock")], [("product", "7", "price"), ("product", "8", "price")],
]  # fmt: skip
AT_MOST = 3
"""Of twelve keys that have nothing to do with each other, how many may share a slot by chance; mostly it is 1."""


def three_functions(answer: Any) -> Any:
    """The answer, if it has the three methods; or what it makes, if that has: it is a class, or makes such objects."""
    if answer is None or answer is Ellipsis:
        raise Refused("unanswered", NOT_YET)
    try:
        ready = not callable(answer) or (not isinstance(answer, type) and all(hasattr(answer, name) for name in METHODS))
        made = answer if ready else answer()
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


def trials(names: Any) -> list[Trial]:
    """A run's seed says which command, which pair of names, which twelve keys."""

    def shop(name: str, body: Callable[..., Any], promise: str, judge: Judge, seeds: int) -> Trial:
        return trial(name, partial(_build, names, body), {promise: partial(_judge, judge)}, sizes=(1,), seeds=seeds,
                     world=cluster, horizon=3.0)  # fmt: skip

    return [
        shop("one command with several keys", _send, "together", _refused, len(TOGETHER)),
        shop("two names", _store_two, "distinct", _one_for_two, len(PAIRS)),
        shop("twelve keys", _store_many, "spread", _crowded, len(MANY)),
    ]


def _build(names: Any, body: Callable[..., Any], world: Simulation, clients: int) -> dict[str, Any]:
    share_slots(world)
    seen: dict[str, Any] = {"keys": []}
    world.client("shop", body, names, world, seen)
    return seen


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
    first, second = _named(names, seen, PAIRS[world.seed % len(PAIRS)])
    await redis_for(world, first).set(first, "the first")
    await redis_for(world, second).set(second, "the second")
    method, *parts = seen["names"][0]
    seen["again"] = getattr(names, method)(*parts)
    return await redis_for(world, first).get(first)


async def _store_many(names: Any, world: Simulation, seen: dict[str, Any]) -> None:
    for number, key in enumerate(_named(names, seen, list(MANY.values())[world.seed % len(MANY)])):
        await redis_for(world, key).set(key, "x")
        await until(world, 0.01 * (number + 1))


def told(name: Name) -> str:
    """`user('42', 'cart')`."""
    return f"{name[0]}({name[1]!r}, {name[2]!r})"


# -- judges ------------------------------------------------------------------------------------------------------------


def _judge(judge: Judge, run: Play) -> Iterator[Found]:
    if isinstance(error := run.results["shop"], Exception):
        yield (f"The shop ended with {raised(error)}.",)
    else:
        yield from judge(run)


def _refused(run: Play) -> Iterator[Found]:
    if "refused" in run.witness:
        lies = ", ".join(f"{key!r} in slot {slot_of(key)}" for key in run.witness["keys"])
        yield f"{run.witness['refused']} was refused with CROSSSLOT: {lies}.", "shop", 0.0, "CROSSSLOT"


def _one_for_two(run: Play) -> Iterator[Found]:
    (first, second), key = map(told, run.witness["names"]), run.witness["keys"][0]
    if run.witness["again"] != key:
        again = shown(run.witness["again"])
        text = f"{first} gave {key!r}, and {again} when it was asked again: under that, nothing is stored."
        yield text, "shop", 0.005, "another key"
    elif run.results["shop"] != "the first":
        text = f"{first} and {second} both gave {key!r}: the second value replaced the first."
        yield text, "shop", 0.005, "one key for two names"


def _crowded(run: Play) -> Iterator[Found]:
    slot, number = Counter(map(slot_of, run.witness["keys"])).most_common(1)[0]
    if number > AT_MOST:
        kind = list(MANY)[run.schedule.seed % len(MANY)]
        text = f"Of twelve {kind}, {number} lie in slot {slot}, so one node has to serve them all, for ever."
        yield text, "shop", 0.0, f"{number} of 12 in slot {slot}"


# -- clues: what do the names of a few keys have in common? ------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """The first kind of name that points to a mistake counts."""
    for method in METHODS:
        a, b = (DAY, "2026-11-24") if method == "visitors" else ("42", "43")
        p, q = ("07", "08") if method == "visitors" else ("name", "cart")
        try:
            key = getattr(failing.answer, method)
            yield from (name for name, has in MISTAKES.items() if has(key, a, b, p, q))
        except Exception:
            return
    if "distinct" in failing:
        yield "one-key-for-two"


def _same(one: str, other: str) -> bool:
    return slot_of(one) == slot_of(other)


MISTAKES: dict[str, Callable[[Callable[..., str], str, str, str, str], bool]] = {
    "no-tag": lambda key, a, b, p, q: "{" not in key(a, p),
    "empty-tag": lambda key, a, b, p, q: "{}" in key(a, p) and not _same(key(a, p), key(a, q)),
    "one-tag-for-all": lambda key, a, b, p, q: _same(key(a, p), key(b, p)) and _same(key(a, p), key(a, q)),
    "tags-the-wrong-part": lambda key, a, b, p, q: _same(key(a, p), key(b, p)),
    "tags-too-much": lambda key, a, b, p, q: not _same(key(a, p), key(a, q)),
}
"""Asked with two ids, a and b, and two things that are stored for each, p and q."""

RULES = Rules(three_functions, trials, clues)
