"""What the review tries on a reader, a writer or a lock: each question is a trial of its own for `explore`.

`explore(stale_set(read, write))` plays every schedule of a reader and a writer, with the database as a second server.
`herd(read)` sends a crowd to one page in virtual time. `told_no(take)` loses one reply of a lock, and `late_release`
has two tasks share one.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import LockError

from course_lib.explore import Play, Simulation, Trial, Violation
from course_lib.explore.server_state import ask, world_of
from course_lib.trace import Trace, most_at_once

PAGE, LOCK = "app:product:42", "job"
OLD, NEW = "12 dollars", "15 dollars"
TIMES: dict[str, Any] = {"ttl": 60.0, "lock_ttl": 2.0, "poll": 0.025}
"""What the reviewed reader is given; the lock's two seconds and the poll are those of the published example."""
RIGHT_PRICE = "Once everybody is done, the cache has the price of the database, or none."
ONE_LOAD = "Two readers of a page that is not cached load it once."
KNOWS = "Whoever is told no does not have the lock."

Read = Callable[..., Awaitable[Any]]
Write = Callable[..., Awaitable[Any]]
Take = Callable[[Redis, str], Awaitable[bool]]


def code_of(*functions: Callable[..., Any]) -> str:
    """Their code without docstrings, which tell what is wrong."""
    return "\n\n".join(re.sub(r'\n    """.*?"""', "", inspect.getsource(one), flags=re.DOTALL) for one in functions)


def _world() -> Simulation:
    world = Simulation(nodes=2, socket_timeout=0.5)
    world.nodes[0].name, world.nodes[1].name = "redis", "database"
    return world


def _reader(world: Simulation, read: Read, name: str) -> None:
    database: Any = world.redis(1)

    async def run() -> Any:
        return await read(world.redis(0), PAGE, lambda: database.get("price"), token=lambda: name, **TIMES)

    world.client(name, run)


def stale_set(read: Read, write: Write) -> Trial:
    """One reader of a page that has expired, and a writer who changes its price."""

    def build(world: Simulation, clients: int) -> Simulation:
        world.given(("SET", "price", OLD), node=1)
        _reader(world, read, "reader")
        world.client("writer", write, world.redis(0), PAGE, lambda: world.redis(1).set("price", NEW))
        return world

    def judge(run: Play) -> Iterator[Violation]:
        cache, database = world_of(run).nodes
        stored, price = ask(cache, b"GET", PAGE.encode()), ask(database, b"GET", b"price")
        if stored is not None and stored != price:
            last = max((e for e in run.trace if e.t_server is not None), key=lambda e: e.t_server or 0.0)
            text = f"the cache has {stored.decode()} and the database {price.decode()}"
            yield Violation(RIGHT_PRICE, text, last.client, last.t_server or 0.0, f"{OLD} stays")

    return _trial("review.stale", RIGHT_PRICE, build, judge)


def loads_twice(read: Read) -> Trial:
    """Two readers of a page that has expired; a load is a command that the database sees."""

    def build(world: Simulation, clients: int) -> Simulation:
        world.given(("SET", "price", OLD), node=1)
        _reader(world, read, "ann")
        _reader(world, read, "bob")
        return world

    def judge(run: Play) -> Iterator[Violation]:
        loads = [event for event in run.trace if event.node == "database"]
        if len(loads) > 1 and run.stopped is None:
            yield Violation(ONE_LOAD, "both have loaded it", loads[1].client, loads[1].t_start, "a second load")

    return _trial("review.twice", ONE_LOAD, build, judge)


def _trial(name: str, promise: str, build: Any, judge: Any) -> Trial:
    return Trial(name, (promise,), build, judge, sizes=(2,), least=2, orders=(2,), world=_world, horizon=60.0)


def herd(
    read: Read, *, clients: int = 64, load_time: float = 0.15, absent: bool = False, crash: bool = False, seed: int = 1
) -> dict[str, float]:
    """A crowd asks for one page at once: how many loads there are, how many at a time, and the longest wait.

    With `absent` there is no such product; with `crash` the first that loads dies. Units: `load_time` in seconds.
    """
    world, loads, ends = Simulation(seed), list[float](), list[float]()

    async def load(number: int) -> str | None:
        loads.append(world.now())
        if crash and len(loads) == 1:
            world.crash(processes[number])
        await asyncio.sleep(load_time)
        return None if absent else OLD

    async def ask_for_it(number: int) -> None:
        await read(world.redis(), PAGE, partial(load, number), token=lambda: f"t{number}", **TIMES)
        ends.append(world.now())

    processes = [world.client(f"c{number}", ask_for_it, number, start=0.001 * number) for number in range(clients)]
    world.run()
    at_once = most_at_once((start, start + load_time) for start in loads)
    return {"loads": len(loads), "loads at once": at_once, "longest wait (s)": round(max(ends), 2)}


# -- locks -------------------------------------------------------------------------------------------------------------


def told_no(take: Take) -> Trial:
    """One client takes a free lock, with a client of redis-py that sends again what was not answered."""

    def build(world: Simulation, clients: int) -> Simulation:
        world.client("ann", take, world.redis(), "ann's token")
        return world

    def judge(run: Play) -> Iterator[Violation]:
        node = world_of(run).nodes[0]
        if run.results.get("ann") is False and ask(node, b"GET", LOCK.encode()) == b"ann's token":
            yield Violation(KNOWS, "ann was told no, and her token has the lock", "ann", run.now, "told no")

    return Trial(
        "review.told_no", (KNOWS,), build, judge, sizes=(1,), orders=(1,),
        faults={"lose request": 0.0, "lose reply": 0.0},
        world=lambda: Simulation(retry=Retry(NoBackoff(), 1), socket_timeout=0.5), horizon=60.0,
    )  # fmt: skip


async def redis_py(redis: Redis, token: str) -> bool:
    """redis-py's own Lock takes it, and does not wait."""
    return bool(await Lock(redis, LOCK, timeout=60).acquire(blocking=False, token=token))


def late_release(make: Callable[[Redis], Any]) -> tuple[list[dict[str, str]], Trace]:
    """Two tasks of one process share a lock that lives for 100 ms; the first works for 150 ms. Who frees what?

    `make` makes the lock: with `acquire` and `release`, or with `take`, which gives a token, and `free`, which wants
    it back.
    """
    world, rows = Simulation(1), list[dict[str, str]]()

    async def work(lock: Any, name: str, seconds: float) -> None:
        by_token = hasattr(lock, "take")
        token = await (lock.take() if by_token else lock.acquire())
        rows.append({"task": name, "at (ms)": f"{world.now() * 1000:.0f}", "does": "has it" if token else "is told no"})
        await asyncio.sleep(seconds)
        try:
            freed = await (lock.free(token) if by_token else lock.release())
        except LockError:
            freed = False
        does = "frees a lock" if freed in (True, None) else "frees nothing"
        rows.append({"task": name, "at (ms)": f"{world.now() * 1000:.0f}", "does": does})

    async def both() -> None:
        lock = make(world.redis())
        first = asyncio.create_task(work(lock, "first", 0.15))
        await asyncio.sleep(0.12)
        await work(lock, "second", 0.06)
        await first

    world.client("app", both)
    for result in world.run().values():
        if isinstance(result, BaseException):
            raise result
    return rows, world.trace
