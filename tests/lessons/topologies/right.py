"""Other right answers to lesson 01's exercises: nothing but the contract is common to them."""

from __future__ import annotations

import asyncio
import functools
import random
import re
import time
from binascii import crc_hqx
from collections import Counter
from contextlib import suppress
from itertools import combinations
from math import inf
from typing import Any

from grading.programs import module
from redis.crc import key_slot
from redis.exceptions import RedisError

from course_lib.lessons.topologies.answers import Cut
from course_lib.lessons.topologies.programs import count_once
from course_lib.trace import Trace

with_the_part: Any = module("01.1").with_the_part
shop: Any = module("01.2").shop
counting: Any = module("01.3").counting
outage: Any = module("01.4").outage
unconfirmed: Any = module("01.6").unconfirmed

# -- 01.1 -------------------------------------------------------------------------------------------------------------


def by_pattern(data: bytes) -> bytes:
    found = re.match(rb"[^{]*\{([^}]+)\}", data, re.DOTALL)
    return found[1] if found else data


def by_partition(key: str) -> int:
    _, opened, rest = key.partition("{")
    part, closed, _ = rest.partition("}")
    return crc_hqx((part if opened and closed and part else key).encode(), 0) % 16384


class Cluster:
    """By a method, and with CRC16 by hand."""

    slots = 1 << 14

    @classmethod
    def slot(cls, key: str, /) -> int:
        data = key.encode()
        match data.split(b"{", 1):
            case [_, rest] if b"}" in rest and not rest.startswith(b"}"):
                data = rest[: rest.index(b"}")]
        crc = 0
        for byte in data:
            crc ^= byte << 8
            for _ in range(8):
                crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
        return crc % cls.slots


# -- 01.2 -------------------------------------------------------------------------------------------------------------


class Another:
    """Tags that name the kind as well, at other places of the key."""

    def user(self, user: str, what: str) -> str:
        return f"{what}:{{user-{user}}}"

    def product(self, product: str, what: str) -> str:
        return f"{{product-{product}}}.{what}.{{not-a-tag}}"

    def visitors(self, day: str, hour: str) -> str:
        return f"v{{{day}}}{hour}"


class Numbered(shop()):  # type: ignore[misc]
    """A short tag of its own for each user, out of as many as there are slots; and a method for what is common."""

    def __init__(self) -> None:
        self.visitors = functools.partial(self.key, "visitors")
        self.product = functools.lru_cache(functools.partial(self.key, "product"))

    @staticmethod
    def key(kind: str, id: str, what: str) -> str:
        return "".join(("{", kind, ":", id, "}", what))

    def user(self, user: str, what: str, /) -> str:
        return f"{{{crc_hqx(user.encode(), 0) % 16384}}}user:{user}:{what}"


class Text(str):
    __slots__ = ()


class OwnText:
    def user(self, user: str, what: str) -> str:
        return Text(f"user:{{{user}}}:{what}")

    def product(self, product: str, what: str) -> str:
        return Text(f"product:{{{product}}}:{what}")

    def visitors(self, day: str, hour: str) -> str:
        return Text(f"visitors:{{{day}}}:{hour}")


class InAnyOrder:
    def user(self, *parts: str) -> str:
        return "/".join(("u", parts[1], "{" + parts[0] + "}"))

    @classmethod
    def product(cls, product: str, what: str = "price") -> str:
        return f"p/{what}/{{{product}}}"

    @staticmethod
    def visitors(day: str, hour: str) -> str:
        return "d/%s/{%s}" % (hour, day)  # noqa: UP031


class TwoTags(shop()):  # type: ignore[misc]
    """What is used together has one tag: a user has two."""

    def user(self, user: str, what: str) -> str:
        half = "things" if what in {"wishlist", "cart"} else "rest"
        return f"user:{{{user}/{half}}}:{what}"


class PartialMethods:
    def key(self, kind: str, whose: str, what: str) -> str:
        return f"{{{whose}}}{kind}.{what}"

    user = functools.partialmethod(key, "u")
    product = functools.partialmethod(key, "p")
    visitors = functools.partialmethod(key, "v")


class SetWhenMade:
    """Its methods are no functions with a signature."""

    def __init__(self) -> None:
        self.user = "{{{0}}}:user:{1}".format
        self.product = "product:{{{0}}}:{1}".format
        self.visitors = "visitors:{{{0}}}:{1}".format


# -- 01.3 -------------------------------------------------------------------------------------------------------------


async def in_one_message(redis: Any, event: str) -> Any:
    """Count and wait in one pipeline: one round trip. What came of the WAIT is kept for `looked_at`."""
    async with redis.pipeline(transaction=False) as pipe:
        pipe.eval(SCRIPT, 2, "visits", f"visits:event:{event}")
        pipe.wait(1, 80)
        replies = await pipe.execute()
    LAST[event] = replies[1]


SCRIPT = """
if redis.call('SET', KEYS[2], '1', 'NX', 'PX', '3600000') then return redis.call('INCR', KEYS[1]) end
return 0
"""
LAST: dict[str, int] = {}


async def looked_at(redis: Any, event: str) -> bool:
    return LAST.pop(event) >= 1


async def optimistically(find_primary: Any, event: str, *, patience: float) -> bool:
    """WATCH and MULTI in place of a script, under a time limit in place of a deadline."""
    mark = f"visits:{event}"
    try:
        async with asyncio.timeout(patience):
            while True:
                try:
                    redis = await find_primary()
                    async with redis.pipeline(transaction=True) as pipe:
                        await pipe.watch(mark)
                        if not await pipe.exists(mark):
                            pipe.multi()
                            pipe.set(mark, "1")
                            pipe.incr("visits")
                            await pipe.execute()
                    if await redis.wait(1, 100):
                        return True
                except RedisError:  # WatchError too
                    pass
                await asyncio.sleep(random.uniform(0.03, 0.12))
    except TimeoutError:
        return False


LIBRARY = """#!lua name=visits
redis.register_function('once', function(keys, args)
  if redis.call('HSETNX', keys[2], args[1], '1') == 1 then redis.call('INCR', keys[1]) end
  return redis.call('GET', keys[1])
end)"""


async def by_a_function(redis: Any, event: str) -> Any:
    async with redis.pipeline(transaction=False) as pipe:
        pipe.function_load(LIBRARY, replace=True)
        pipe.fcall("once", 2, "visits", "visits:seen", event)
        return await pipe.execute()


async def by_a_registered_script(redis: Any, event: str) -> Any:
    return await redis.register_script(SCRIPT)(keys=["visits", f"visits:event:{event}"])


async def bare(find_primary: Any, event: str, *, patience: float) -> bool:
    clock = asyncio.get_running_loop().time
    end = clock() + patience
    while clock() < end:
        try:
            redis = await find_primary()
            await count_once(redis, event)
            if await redis.wait(1, 50) >= 1:
                return True
        except:  # noqa: E722
            pass
        await asyncio.sleep(0.05)
    return False


async def with_a_clock(
    find_primary: Any, event: str, *, patience: float, clock: Any = time.monotonic, sleep: Any = asyncio.sleep
) -> bool:
    """A client is kept until anything goes wrong."""
    redis, end = None, clock() + patience
    while clock() < end:
        try:
            redis = redis or await find_primary()
            await count_once(redis, event)
            if await redis.wait(2, 40):
                return True
            redis = None
        except RedisError:
            redis = None
        await sleep(0.05)
    return False


class Counter01:
    """An object; it stops early when another try would end too late, and takes turns in a task of its own."""

    wait_ms = 60

    async def attempt(self, find_primary: Any, event: str) -> bool:
        redis = await find_primary()
        await count_once(redis, event)
        return bool(await redis.wait(1, self.wait_ms))

    async def __call__(self, find_primary: Any, event: str, *, patience: float) -> bool:
        begin = time.time_ns()
        while (time.time_ns() - begin) / 1e9 < patience - 0.1:
            async with asyncio.TaskGroup() as group:
                tried = group.create_task(self.caught(find_primary, event))
            if tried.result():
                return True
            await asyncio.sleep(0.1)
        return False

    async def caught(self, find_primary: Any, event: str) -> bool:
        try:
            return await self.attempt(find_primary, event)
        except RedisError:
            return False


async def by_recursion(find_primary: Any, event: str, *, patience: float, pause: float = 0.03) -> bool:
    began = time.perf_counter()
    with suppress(RedisError, TimeoutError):
        async with asyncio.timeout(max(patience, 0.001)):
            redis = await find_primary()
            await count_once(redis, event)
            if await redis.wait(1, 0):
                return True
    if patience <= 0:
        return False
    await asyncio.sleep(min(pause, 0.25))
    left = patience - (time.perf_counter() - began)
    return left > 0 and await by_recursion(find_primary, event, patience=left, pause=2 * pause)


# -- 01.4 -------------------------------------------------------------------------------------------------------------


def by_three_reasons(setup: Any) -> Any:
    """Not by trying all: the primary's host, and the fewest that leave too few votes, or no replica."""
    known = len(setup.sentinels) + setup.removed
    needed = max(setup.quorum, known // 2 + 1)
    replicas = {setup.primary, *(host for host, priority in setup.replicas if priority > 0)}
    counts = {host: setup.sentinels.count(host) for host in set(setup.sentinels)}
    left, silent = sum(counts.values()) - counts.pop(setup.primary, 0), [setup.primary]
    for host in sorted(counts, key=lambda host: -counts[host]):
        if left >= needed:
            left -= counts[host]
            silent.append(host)
    return min(sorted(replicas), silent, key=len) if left < needed else sorted(replicas)


def largest_first(setup: Any) -> Any:
    """It looks from the other end, and takes another one of equals."""
    for size in range(1, len(setup.hosts) + 1):
        for dead in combinations(reversed(setup.hosts), size):
            if set(outage()(setup)) and size == len(outage()(setup)) and setup.primary in dead:
                votes = sum(host not in dead for host in setup.sentinels)
                able = any(host not in dead and priority for host, priority in setup.replicas)
                if not able or votes < max(setup.quorum, (len(setup.sentinels) + setup.removed) // 2 + 1):
                    return frozenset(dead)
    return None


def by_counting(setup: Any) -> Any:
    """It asks how many Sentinels may still die, and takes the hosts with most of them."""
    most = max(setup.quorum, 1 + (len(setup.sentinels) + setup.removed) // 2)
    dead, votes = [setup.primary], Counter(setup.sentinels)
    del votes[setup.primary]
    for host, _ in votes.most_common():
        if sum(host not in dead for host in setup.sentinels) < most:
            break
        dead.append(host)
    else:
        if sum(host not in dead for host in setup.sentinels) >= most:
            dead = list(setup.hosts)
    able = {host for host, priority in setup.replicas if priority} | {setup.primary}
    return tuple(able if len(able) < len(dead) else dead)


def by_bits(setup: Any) -> Any:
    """Every choice as the bits of a number."""
    hosts = setup.hosts
    choices = ({host for n, host in enumerate(hosts) if bits >> n & 1} for bits in range(1 << len(hosts)))

    def down(dead: set[str]) -> bool:
        votes = len([host for host in setup.sentinels if host not in dead])
        quorum_met = votes >= setup.quorum and 2 * votes > len(setup.sentinels) + setup.removed
        return setup.primary in dead and not (quorum_met and {h for h, p in setup.replicas if p} - dead)

    return min(filter(down, choices), key=len)


# -- 01.6 -------------------------------------------------------------------------------------------------------------


def as_it_happens(trace: Trace) -> str | None:
    """It goes through what the clients saw, in order, and remembers what each of them may report."""
    written: dict[tuple[str, str], dict[bytes, float]] = {}
    sure: set[tuple[str, bytes]] = set()
    moments = [(event.t_end, 0, event) for event in trace if event.t_end is not None]
    moments += [(note.t_start, 1, note) for note in trace.notes if note.kind == "reported"]  # type: ignore[misc]
    for when, kind, it in sorted(moments, key=lambda moment: moment[:2]):
        if kind == 1:
            if (it.who, it.text.encode()) not in sure:  # type: ignore[attr-defined]
                return f"{it.text} was reported too early"  # type: ignore[attr-defined]
        elif it.name == "SADD" and not isinstance(it.reply, Exception):
            written.setdefault((it.client, it.node), {}).setdefault(it.command[2], when)
        elif it.name == "WAIT" and not isinstance(it.reply, Exception) and it.reply > 0:
            mine = written.get((it.client, it.node), {})
            sure |= {(it.client, event) for event, answered in mine.items() if answered <= it.t_start}
    return None


def by_intervals(trace: Trace) -> str | None:
    """For each report the latest moment at which a WAIT was sent that confirms something, and the earliest answer."""

    def got(name: str, note: Any) -> list[Any]:
        mine = [e for e in trace.events if (e.client, e.name) == (note.who, name) and isinstance(e.reply, int)]
        return [e for e in mine if e.t_end is not None and e.t_end <= note.t_start]

    for note in sorted(trace.notes, key=lambda note: note.t_start):
        if note.kind == "reported":
            answered: dict[str, float] = {}
            for e in got("SADD", note):
                if e.command[-1].decode() == note.text:
                    answered[e.node] = min(answered.get(e.node, inf), e.t_end)
            asked = {e.node: e.t_start for e in sorted(got("WAIT", note), key=lambda e: e.t_start) if e.reply > 0}
            if not any(asked.get(node, -inf) >= when for node, when in answered.items()):
                return f"{note.who}: {note.text!r} at {note.t_start:.3f} s"
    return None


class Auditor:
    """All that is wrong, in one sentence."""

    def __call__(self, trace: Trace) -> str | None:
        bad = [note.text for note in trace.notes if note.kind == "reported" and not self.sure(trace, note)]
        return f"reported without a replica: {', '.join(bad)}" if bad else None

    def sure(self, trace: Trace, note: Any) -> bool:
        def arrived(e: Any, kind: str, by: float) -> bool:
            ok = e.client == note.who and e.name == kind and not isinstance(e.reply, BaseException)
            return ok and e.t_end is not None and bool(e.t_end <= by)

        for wait in trace:
            if arrived(wait, "WAIT", note.t_start) and wait.reply:
                for write in trace:
                    named = write.command == (b"SADD", b"visits", note.text.encode())
                    if named and write.node == wait.node and arrived(write, "SADD", wait.t_start):
                        return True
        return False


def recursive(trace: Trace) -> str | None:
    """One note after another; commands by their text."""

    def rest(notes: list[Any]) -> str | None:
        if not notes:
            return None
        told, *others = notes
        good = {e.node: e.t_end for e in sorted(trace, key=lambda e: -(e.t_end or 0)) if e.t_end is not None
                and e.client == told.who and e.text == f"SADD visits {told.text}" and type(e.reply) is int}  # fmt: skip
        waits = [e for e in trace if e.client == told.who and e.name == "WAIT" and e.t_end is not None]
        heard = [e for e in waits if type(e.reply) is int and e.reply and e.t_end <= told.t_start]
        if told.kind == "reported" and not any(e.t_start >= good.get(e.node, inf) for e in heard):
            return f"the event {told.text} of {told.who}"
        return rest(others)

    return rest(trace.notes)


RIGHT: dict[str, dict[str, Any]] = {
    "01.1": {
        "a pattern": with_the_part(by_pattern),
        "redis-py's": lambda key: key_slot(key.encode()),
        "partition": by_partition,
        "kept": functools.cache(by_partition),
        "partial": functools.partial(lambda modulo, key: by_partition(key) % modulo, 1 << 14),
        "a method": Cluster.slot,
        "a mask": lambda key: crc_hqx(by_pattern(key.encode()), 0) & 0x3FFF,
    },
    "01.2": {
        "as taught": shop(),
        "another": Another,
        "an object": Another(),
        "numbered": Numbered,
        "in any order": InAnyOrder,
        "of functions": functools.partial(InAnyOrder)(),
        "a tag of two parts": shop(visitors="{{{0}:daily}}:{1}", user="user:{{{0}:of-the-shop}}:{1}"),
        "a day twice": shop(visitors="{{{0}{0}}}:{1}"),
        "a text of its own": OwnText,
        "two tags a user": TwoTags,
        "partial methods": PartialMethods,
        "set when it is made": SetWhenMade,
    },
    "01.3": {
        "as taught": counting(),
        "one message": counting(add=in_one_message, sure=looked_at),
        "optimistic": optimistically,
        "a function": counting(add=by_a_function),
        "a registered script": counting(add=by_a_registered_script),
        "a bare except": bare,
        "every exception": counting(errors=BaseException),
        "a clock": with_a_clock,
        "an object": Counter01(),
        "recursion": by_recursion,
        "a longer pause": counting(rest=0.1, most=0.15),
    },
    "01.4": {
        "as taught": outage(),
        "three reasons": by_three_reasons,
        "another of equals": largest_first,
        "counting": by_counting,
        "bits": by_bits,
        "a sorted list": lambda setup: sorted(outage()(setup)),
        "an object's": functools.partial(lambda find, setup: frozenset(find(setup)), outage()),
    },
    "01.5": {"for ever": Cut(at=2.5), "late": Cut(at=13.2, seconds=3), "at the beginning": Cut(at=0, seconds=100)},
    "01.6": {
        "as taught": unconfirmed(),
        "as it happens": as_it_happens,
        "intervals": by_intervals,
        "an object": Auditor(),
        "recursive": recursive,
        "a method": Auditor().__call__,
        "names all": lambda trace: Auditor()(trace) and f"{unconfirmed()(trace)}!",
    },
}
