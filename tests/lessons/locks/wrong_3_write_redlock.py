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
) -> Any:  # fmt: skip
    """Redlock with one part of it replaced or left out; by default as it should be."""

    async def on(nodes: Any, command: Any, timeout: float) -> list[Any]:
        asked = (asyncio.wait_for(command(node), timeout) if bounded else command(node) for node in nodes)
        if one_by_one:
            return [(await asyncio.gather(one, return_exceptions=True))[0] for one in asked]
        return list(await asyncio.gather(*asked, return_exceptions=not errors))

    async def acquire(nodes: Any, key: str, token: str, *, ttl: float, timeout: float) -> Any:
        clock = asyncio.get_running_loop().time
        start = clock()
        got = await on(nodes, lambda node: take(node, key, token, ttl), timeout)
        if from_reply:
            start = clock()
        left = ttl - (clock() - start) - drift * ttl - ms
        granted = sum(reply is True for reply in got) >= need(len(nodes))
        if granted and (left > 0 or late):
            return ttl if whole else left
        yes = [node for node, reply in zip(nodes, got, strict=True) if reply is True]
        if back != "none" and not (back == "unless over" and granted):
            await on(yes if back == "yes" else nodes, lambda node: give(node, key, token), timeout)
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
