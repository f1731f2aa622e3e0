"""01.2, choose hash tags: the answer names a shop's keys; a simulated Cluster is sent the shop's commands."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import Any
from unittest.mock import patch

from redis.exceptions import ClusterCrossSlotError

from course_lib.explore import Play, Simulation, Trial, until
from course_lib.grading.answer import an_object
from course_lib.grading.calls import each
from course_lib.grading.evidence import raised, shown
from course_lib.grading.rules import Failing, Found, Judge, Rules, named, trial
from course_lib.lessons.topologies.exercises.e2_shop import DAYS, IDS, MANY, METHODS, NAMES, SENT, SLOTS, TAGS, Name
from course_lib.sim import in_process
from course_lib.sim.cluster import cluster, redis_for, share_slots, slot_of
from course_lib.words import counted


def _hash(one: Hashable, own: Callable[[Hashable], int] = hash) -> int:
    """`hash` as in another process: Python draws a salt for each. Sets and dicts keep the hashes they have, which
    changes nothing that they find."""
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
    """What the answer's object calls them. Raises: TypeError for what is not a key."""
    keys = each(names, wanted)
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
