"""01.2, choose hash tags: the answer names a shop's keys; a simulated Cluster is sent the shop's commands."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from random import Random
from typing import Any
from unittest.mock import patch

from redis.exceptions import ClusterCrossSlotError

from course_lib.explore import Play, Simulation, Trial, until
from course_lib.grading.answer import an_object
from course_lib.grading.evidence import raised, shown
from course_lib.grading.rules import Failing, Found, Judge, Rules, named, trial
from course_lib.sim import in_process
from course_lib.sim.cluster import cluster, redis_for, share_slots, slot_of
from course_lib.words import counted

Name = tuple[str, str, str]  # a method of the answer, and its two arguments
METHODS = {"user": ("user", "what"), "product": ("product", "what"), "visitors": ("day", "hour")}
IDS = ("42", "ann-lee", "Ann-Lee", "7", "0042", "-", "a--b-", "4711-0815-X", "u" * 40)
DAYS = ("2026-11-23", "2026-01-01", "2025-12-31")
HOURS = tuple(f"{hour:02}" for hour in range(24))

TOGETHER: list[tuple[str, str, tuple[str, ...]]] = [
    ("SMOVE", "user", ("wishlist", "cart")),
    ("MGET", "user", ("name", "points", "email")),
    ("MGET", "product", ("price", "stock")),
    ("RENAME", "product", ("draft", "text")),
    ("PFMERGE", "visitors", ("all", *HOURS)),
    ("PFCOUNT", "visitors", HOURS[6:9]),
]
"""The commands with several keys that the shop sends, and what they are about."""
SENT = [(command, [(method, id, what) for what in whats]) for command, method, whats in TOGETHER
        for id in (DAYS if method == "visitors" else IDS)]  # fmt: skip
_lot = Random(1201)
_WORDS = ["".join(_lot.choices("abcdefghijklmnoPQRSTUVWXYZ", k=5)) for _ in range(500)]
_DAYS = _lot.sample(range(2_016), 1_000)
_WORDS += [word.swapcase() for word in _WORDS]
MANY: dict[str, list[Name]] = {
    "users": [("user", str(n), "cart") for n in _lot.sample(range(10_000_000), 1_000)],
    "users of a mail provider": [("user", f"mail-user-{word}-lee", "name") for word in _WORDS],
    "products": [("product", f"tea-for-two-{word}-large", "price") for word in _WORDS],
    "days": [("visitors", f"{2020 + n // 336}-{n // 28 % 12 + 1:02}-{n % 28 + 1:02}", "07") for n in _DAYS],
}  # fmt: skip
"""Drawn by lot: CRC16 is no lot, and of ids that are alike it may put two into one slot more often."""
ALIKE = [
    *IDS,
    "43",
    "4",
    "2",
    "1",
    "11",
    "annlee",
    "ann",
    "lee",
    "all",
    "product",
    "visitors",
    "2026-11-1",
    "2026-1-11",
    *DAYS,
    *(
        f"{kind}{id}"
        for kind in ("user-", "product-", "user", "p-", "shop-product-", "visitors-")
        for id in ("42", "7")
    ),
    "42-user",
    "42-product",
    "visitors-2026-11-23",
]
LONG = [f"{'u' * length}{end}" for length in (31, 63, 127, 300) for end in "ab"]
DIGESTS = [
    "plumless",
    "buckeroo",
    "guest-24913",
    "guest-58344",
    "guest-31448",
    "guest-31893",
    "guest-28828",
    "guest-77498",
]
"""In pairs, ids of one CRC32, and ids whose MD5, SHA-1 and SHA-256 begin with the same 32 bits."""
WHATS = ["cart", "wishlist", "name", "points", "email", "price", "stock", "draft", "text", "2cart", "1price", "-name",
         "Name", "title", "name-", "lee-name", "all", "07", "17", "7", "-", "a", "11-23",
         "cart-user", "user-cart", "price-product", "product-price", "text-user"]  # fmt: skip
NAMES: list[Name] = [
    *((method, id, what) for method in ("user", "product") for id in ALIKE for what in WHATS),
    *(
        (method, id, what)
        for method, what in (("user", "cart"), ("product", "price"))
        for id in (*LONG, *DIGESTS, *map(str, range(10_000, 11_500)))
    ),
    *(("visitors", day, hour) for day in (*DAYS, "2026-11-1", "2026-1-11") for hour in ("all", "7", "007", *HOURS)),
]
"""Names that are easily given one key."""
TAGS, SLOTS = 950, 500
"""Of 1,000 users, products or days, so many tags and so many slots at least. Who draws one of 16,384 tags for each has
about 970, give or take 5; of 4,000 tags it is 885."""


def _hash(one: Hashable, own: Callable[[Hashable], int] = hash) -> int:
    """What `hash` gives in another process, as Python draws a salt for the texts of each. Sets and dicts go on as they
    are: what they find does not depend on it."""
    return own(one) ^ 0x5EED


def trials(make: Callable[[], Any]) -> list[Trial]:
    """A run's seed says which command, which many keys."""

    def shop(name: str, body: Callable[..., Any], promise: str, judge: Judge, seeds: int) -> Trial:
        return trial(name, partial(_build, make, body), {promise: partial(_judge, judge)}, sizes=(1,), seeds=seeds,
                     world=cluster, horizon=3.0)  # fmt: skip

    return [
        shop("one command with several keys", _send, "together", _refused, len(SENT)),
        shop("two names", _store_two, "distinct", _one_for_two, 1),
        shop("many keys", _store_many, "spread", _crowded, len(MANY)),
    ]


def _build(make: Callable[[], Any], body: Callable[..., Any], world: Simulation, clients: int) -> dict[str, Any]:
    share_slots(world)
    seen: dict[str, Any] = {"keys": []}

    own = in_process(make)

    async def shop() -> Any:
        return await body(own()(), world, seen)

    async def elsewhere() -> None:
        """Another process names all things too, in another order."""
        with patch.object(builtins, "hash", _hash):
            seen["elsewhere"] = dict(zip(NAMES[::-1], _keys(own()(), NAMES[::-1]), strict=True))

    if body is _store_two:
        world.client("another process", elsewhere)
    world.client("shop", shop)
    return seen


def _keys(names: Any, wanted: list[Name]) -> list[str]:
    """What the answer's object calls them. Raises: TypeError for what is no key."""
    keys = [getattr(names, method)(*parts) for method, *parts in wanted]
    for one, key in zip(wanted, keys, strict=True):
        if not isinstance(key, str) or not key:
            raise TypeError(f"{told(one)} gave {shown(key)}; a key is a text that is not empty")
    return [str.__str__(key) for key in keys]


async def _send(names: Any, world: Simulation, seen: dict[str, Any]) -> None:
    """What the command needs is there already; then the one command."""
    command, wanted = SENT[world.seed % len(SENT)]
    keys = seen["keys"] = _keys(names, wanted)
    seen["names"] = wanted
    (seen["also"],) = _keys(names, [(wanted[0][0], "2026-03-04", wanted[0][2])])  # another user's, product's or day's
    redis = redis_for(world, keys[0])
    if command == "RENAME":
        await redis.set(keys[0], "a pot for tea")
    try:
        await redis.execute_command(command, *keys, *(["tea"] if command == "SMOVE" else []))
    except ClusterCrossSlotError:
        seen["refused"] = command


async def _store_two(names: Any, world: Simulation, seen: dict[str, Any]) -> Any:
    """Store something under a name that has the same key as another, or another key in another process."""
    of = dict(zip(NAMES, _keys(names, NAMES), strict=True))
    await until(world, 0.001)
    first_of: dict[str, Name] = {}
    pairs = [(first_of.setdefault(key, name), name) for name, key in of.items()]
    alike = next(((one, other) for one, other in pairs if one != other), None)
    again = seen.get("elsewhere", of)  # if it raised there, it is judged by that
    moved = next((name for name in NAMES if again[name] != of[name]), None)
    first, second = seen["names"] = alike or (moved or NAMES[0], NAMES[1])
    seen["keys"], seen["again"] = [of[first], of[second]], again[first]
    for name, value in zip((first, second), ("the first", "the second"), strict=True):
        await redis_for(world, of[name]).set(of[name], value)
    return await redis_for(world, again[first]).get(again[first])


async def _store_many(names: Any, world: Simulation, seen: dict[str, Any]) -> None:
    """Store a few of those that lie in the most crowded slot."""
    many = list(MANY.values())[world.seed % len(MANY)]
    keys = seen["keys"] = _keys(names, many)
    seen["others"] = _keys(names, [(many[0][0], id, many[0][2]) for id in (*IDS, *DAYS)])
    slots = seen["slots"] = Counter(map(slot_of, keys))
    crowded, _ = slots.most_common(1)[0]
    for number, key in enumerate([key for key in keys if slot_of(key) == crowded][:6]):
        await redis_for(world, key).set(key, "x")
        await until(world, 0.01 * (number + 1))


def told(name: Name) -> str:
    """`user('42', 'cart')`."""
    return f"{name[0]}({name[1]!r}, {name[2]!r})"


# -- judges ------------------------------------------------------------------------------------------------------------


def _judge(judge: Judge, run: Play) -> Iterator[Found]:
    if error := next((result for result in run.results.values() if isinstance(result, Exception)), None):
        yield (f"The shop ended with {raised(error)}.",)
    else:
        yield from judge(run)


def _refused(run: Play) -> Iterator[Found]:
    if "refused" in run.witness:
        lies = ", ".join(f"{key!r} in slot {slot_of(key)}" for key in run.witness["keys"][:3])
        yield f"{run.witness['refused']} was refused with CROSSSLOT: {lies}.", "shop", 0.0, "CROSSSLOT"


def _one_for_two(run: Play) -> Iterator[Found]:
    (first, second), (key, other) = run.witness["names"], run.witness["keys"]
    if key == other:
        text = f"{told(first)} and {told(second)} both gave {key!r}: the second value replaced the first."
        yield text, "shop", 0.005, "one key for two names"
    elif run.results["shop"] != "the first":
        again = f"{run.witness['again']!r} in another process, which finds nothing under that"
        text = f"{told(first)} gave {key!r}, and {again}."
        yield text, "shop", 0.005, "another key"


def _crowded(run: Play) -> Iterator[Found]:
    tags, kind = Counter(_tag(key) or key for key in run.witness["keys"]), list(MANY)[run.schedule.seed % len(MANY)]
    for counts, least, what in ((tags, TAGS, "tag"), (run.witness["slots"], SLOTS, "slot")):
        if len(counts) < least:
            one, number = counts.most_common(1)[0]
            text = f"1,000 {kind} have {counted(len(counts), what)}, and {number} of them have the {what} {one!r}."
            yield text, "shop", 0.0, f"{number} of 1,000 with one {what}"


# -- clues: what do the keys of the run that is shown have in common? --------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What the keys show, and what followed: a command that was refused, a crowded slot, a value that was replaced."""
    if "together" in failing:
        yield from _torn_apart(failing["together"].witness) if "refused" in failing["together"].witness else ()
    elif "spread" in failing:
        seen = failing["spread"].witness
        tags = set(map(_tag, [*seen["keys"], *seen.get("others", ())]))
        yield from named({"one-tag-for-all": len(tags) == 1 and "" not in tags})
    elif "distinct" in failing and len(set(failing["distinct"].witness["keys"])) == 1:
        yield "one-key-for-two"


def _torn_apart(seen: dict[str, Any]) -> Iterator[str]:
    """One command's keys lie in several slots: what stands between their first braces?"""
    tags, names = [_tag(key) for key in seen["keys"]], seen["names"]
    (_, id, what), (_, _, other), also = names[0], names[1], seen["also"]
    return named({
        "no-tag": not any("{" in one for one in [*seen["keys"], also]),
        "empty-tag": all("{}" in one and not _tag(one) for one in [*seen["keys"], also]),
        "tags-the-wrong-part": tags[0] != tags[1] and _tag(also) == tags[0] != "" and id not in tags[0],
        "tags-too-much": what in tags[0] and other in tags[1] and id in tags[0] and _tag(also) != tags[0],
    })  # fmt: skip


def _tag(key: str) -> str:
    """What stands between a key's first `{` and the next `}`; an empty text if nothing does."""
    part, closed, _ = key.partition("{")[2].partition("}")
    return part if closed else ""


RULES = Rules(an_object(METHODS), trials, clues)
