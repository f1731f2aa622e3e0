"""The last copy of a book, and two customers: the first race of the course, to be broken by hand."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from redis.asyncio import Redis

from course_lib.explore import Play, Simulation, Trial, Violation
from course_lib.explore.bodies import Me, clients_running
from course_lib.explore.puzzle import Puzzle

PROMISE = "The last copy is sold to one customer, and not to two."


async def look_then_sell(redis: Redis, me: Me) -> bool:
    """True: the copy is yours."""
    left = int(await redis.get("app:stock:42") or 0)
    if left < 1:
        return False
    await redis.set("app:stock:42", left - 1)
    return True


async def sell(redis: Redis, me: Me) -> bool:
    """True: the copy is yours."""
    left: int = await redis.decr("app:stock:42")
    return left >= 0


def sold_once(run: Play) -> Iterable[Violation]:
    """At most one customer was told that the copy is theirs."""
    buyers = [who for who, result in run.results.items() if result is True]
    if len(buyers) > 1:
        told = max((e.t_end or 0.0 for e in run.trace if e.client == buyers[1]), default=0.0)
        said = f"{buyers[0].capitalize()} and {buyers[1].capitalize()} both bought the last copy"
        yield Violation("one copy, one customer", said, buyers[1], told, "sold again")


def _trial(version: str) -> Trial:
    clients = clients_running(look_then_sell if version == "naive" else sell)

    def build(world: Simulation, number: int) -> Simulation:
        world.given(("SET", "app:stock:42", 1))
        return clients(world, number)

    return Trial(f"copy.{version}", (PROMISE,), build, sold_once, sizes=(2,), least=2)


last_copy = Puzzle(
    "copy", PROMISE, "both customers are told that they have bought it", _trial("naive"), _trial("mended"),
    sources=tuple(inspect.getsource(shown).strip() for shown in (look_then_sell, sell)),
)  # fmt: skip
"""What `Scheduler` shows."""
