"""Wrong programs for 04.3, each with one mistake, named as the check must name it."""

from __future__ import annotations

import asyncio
from typing import Any

FREE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


async def set_nx_px(node: Any, key: str, token: str, ttl: float) -> Any:
    return await node.set(key, token, nx=True, px=round(ttl * 1000))


async def free(node: Any, key: str, token: str) -> Any:
    return await node.eval(FREE, 1, key, token)


def redlock(
    *, take: Any = set_nx_px, give: Any = free, need: Any = lambda n: n // 2 + 1, drift: float = 0.01,
    ms: float = 0.002, from_reply: bool = False, late: bool = False, back: str = "all",
    one_by_one: bool = False, bounded: bool = True, errors: bool = False, whole: bool = False,
    yes: Any = lambda reply: reply is True, longer: float = 1.0, asks_first: bool = False,
) -> Any:  # fmt: skip
    """Redlock with one part of it replaced or left out; by default as it should be."""

    async def on(nodes: Any, command: Any, timeout: float) -> list[Any]:
        asked = (asyncio.wait_for(command(node), timeout) if bounded else command(node) for node in nodes)
        if one_by_one:
            return [(await asyncio.gather(one, return_exceptions=True))[0] for one in asked]
        return list(await asyncio.gather(*asked, return_exceptions=not errors))

    async def acquire(nodes: Any, key: str, token: str, *, ttl: float, timeout: float) -> Any:
        clock = asyncio.get_running_loop().time
        if asks_first:
            await on(nodes, lambda node: node.ping(), timeout)
        start, timeout = clock(), timeout * longer
        got = await on(nodes, lambda node: take(node, key, token, ttl), timeout)
        if from_reply:
            start = clock()
        left = ttl - (clock() - start) - drift * ttl - ms
        granted = sum(map(yes, got)) >= need(len(nodes))
        if granted and (left > 0 or late):
            return ttl if whole else left
        told = {
            "yes": [node for node, reply in zip(nodes, got, strict=True) if reply is True],
            "heard": [node for node, reply in zip(nodes, got, strict=True) if not isinstance(reply, Exception)],
            "three": nodes[:3],
            "none": [],
        }
        if not (back == "unless over" and granted):
            giving = on(told.get(back, nodes), lambda node: give(node, key, token), timeout)
            if back == "later":
                asyncio.get_running_loop().create_task(giving)
            else:
                await giving
        return None

    return acquire


async def without_nx(node: Any, key: str, token: str, ttl: float) -> Any:
    return await node.set(key, token, px=round(ttl * 1000))


async def for_ever(node: Any, key: str, token: str, ttl: float) -> Any:
    return await node.set(key, token, nx=True)


async def two_steps(node: Any, key: str, token: str, ttl: float) -> Any:
    taken = await node.set(key, token, nx=True)
    await node.pexpire(key, round(ttl * 1000))
    return taken


async def seconds_for_ms(node: Any, key: str, token: str, ttl: float) -> Any:
    return await node.set(key, token, nx=True, px=max(1, round(ttl)))


async def a_word(node: Any, key: str, token: str, ttl: float) -> Any:
    return await node.set(key, "locked", nx=True, px=round(ttl * 1000))


async def deletes(node: Any, key: str, token: str) -> Any:
    return await node.delete(key)


WRONG = [
    ("no-nx", redlock(take=without_nx)),
    ("never-expires", redlock(take=for_ever)),
    ("two-steps", redlock(take=two_steps)),
    ("wrong-unit", redlock(take=seconds_for_ms)),
    ("not-our-token", redlock(take=a_word)),
    ("half-is-enough", redlock(need=lambda n: n // 2)),
    ("wants-all", redlock(need=lambda n: n - 1)),
    ("counts-from-the-reply", redlock(from_reply=True)),
    ("counts-from-the-reply", redlock(from_reply=True, whole=True)),
    ("forgets-drift", redlock(drift=0.0, ms=0.0)),
    ("believes-what-is-over", redlock(late=True)),
    ("frees-anothers", redlock(give=deletes)),
    ("keeps-on-failure", redlock(back="none")),
    ("frees-only-what-said-yes", redlock(back="yes")),
    ("keeps-what-is-over", redlock(back="unless over")),
    ("one-by-one", redlock(one_by_one=True)),
    ("no-time-out", redlock(bounded=False)),
    ("lets-errors-out", redlock(errors=True)),
]


# -- each breaks one sentence of the contract -------------------------------------------------------------------------


async def whole_seconds(node: Any, key: str, token: str, ttl: float) -> Any:
    return await node.set(key, token, nx=True, ex=max(1, int(ttl)))


async def another_key(node: Any, key: str, token: str, ttl: float) -> Any:
    return await set_nx_px(node, "job", token, ttl)


async def told_in_milliseconds(nodes: Any, key: str, token: str, *, ttl: float, timeout: float) -> Any:
    left = await redlock()(nodes, key, token, ttl=ttl, timeout=timeout)
    return left and left * 1000


async def looks_then_deletes(node: Any, key: str, token: str) -> Any:
    if await node.get(key) == token:
        await node.delete(key)


async def soon(node: Any, key: str, token: str) -> Any:
    return await node.eval(FREE.replace("'DEL', KEYS[1]", "'PEXPIRE', KEYS[1], 60"), 1, key, token)


async def of_the_same_client(node: Any, key: str, token: str) -> Any:
    cut = "string.sub({}, 1, 2)"
    return await node.eval(FREE.replace("ARGV[1]", cut.format("ARGV[1]")).replace(
        "redis.call('GET', KEYS[1])", cut.format("redis.call('GET', KEYS[1]) or ''")), 1, key, token)  # fmt: skip


SUBTLE = [
    ("whole seconds", "one-holder", redlock(take=whole_seconds)),
    ("another key", "one-holder", redlock(take=another_key)),
    ("two of four", "one-holder", redlock(need=lambda n: -(-n // 2)), "half-is-enough"),
    ("errors are yes", "one-holder", redlock(yes=bool), "half-is-enough"),
    ("no is yes", "one-holder", redlock(yes=lambda reply: not isinstance(reply, Exception)), "half-is-enough"),
    ("1 % only", "validity", redlock(ms=0.0)),
    ("told in milliseconds", "validity", told_in_milliseconds),
    ("2 ms only", "validity", redlock(drift=0.0)),
    ("2 %", "validity", redlock(drift=0.02)),
    ("5 ms", "validity", redlock(ms=0.005)),
    ("gives back later", "tidy", redlock(back="later")),
    ("gives back to three", "tidy", redlock(back="three"), "frees-only-what-said-yes"),
    ("gives back where it heard", "tidy", redlock(back="heard"), "frees-only-what-said-yes"),
    ("gives back soon", "tidy", redlock(give=soon)),
    ("looks, then deletes", "tidy", redlock(give=looks_then_deletes)),
    ("of the same client", "tidy", redlock(give=of_the_same_client)),
    ("half the time", "lives", redlock(longer=0.5)),
    ("twice the time", "ends", redlock(longer=2.0)),
    ("asks first", "one-round", redlock(asks_first=True)),
]
