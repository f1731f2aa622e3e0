"""Numbered writes, each sent once; later the question which of them are still there. So lost writes are counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from redis.exceptions import RedisClusterException, RedisError, ResponseError

from course_lib.servers import Topology
from course_lib.worlds.threads import until

ONCE: dict[str, Any] = {
    "socket_timeout": 0.3,
    "socket_connect_timeout": 0.3,
    "decode_responses": True,
    "protocol": 2,
}
"""Options of a client that has 0.3 s for a reply. A topology's clients try nothing a second time."""
NO_REPLY = (RedisError, RedisClusterException, OSError, TimeoutError)
"""What a client of redis-py raises when no server answers. A cluster's raises the second, which is not a RedisError."""
OK, REFUSED, SILENT, LOST = "acknowledged", "refused", "no reply", "lost"
PACE = 0.004
"""Seconds between a reply and the next write."""
AFTER_ERROR = 0.02
"""Seconds of rest after a write that failed, so that a dead server is not asked thousands of times."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One write. Units: `began` and `ended` in seconds of the loop's clock.

    `answer` is "acknowledged", "refused" (the server said no, so it is not stored) or "no reply" (stored, perhaps);
    `replicas` says how many replicas confirmed it, where WAIT was asked for.
    """

    number: int
    began: float
    ended: float
    answer: str
    words: str = ""
    replicas: int | None = None


class Writer:
    """Sets the keys NAME:1, NAME:2, … one after the other, each once, and notes what it was told.

    With `wait = (n, seconds)` it asks WAIT after each write whether n replicas have it, for at most so long.
    `report` is called with each attempt as soon as it is over.
    Does not: try a number again. A write without a reply was perhaps stored; it is counted apart.
    """

    def __init__(
        self,
        redis: Any,
        name: str,
        *,
        wait: tuple[int, float] | None = None,
        pace: float = PACE,
        report: Callable[[Attempt], object] = lambda one: None,
    ) -> None:
        self.redis, self.name, self.wait, self.attempts = redis, name, wait, list[Attempt]()
        self.stopping, self._pace, self._report = False, pace, report

    def key(self, number: int) -> str:
        """The key of a write."""
        return f"{self.name}:{number}"

    async def run(self) -> None:
        """Write until `stop()`."""
        number = 0
        while not self.stopping:
            number += 1
            self.attempts.append(made := await self._once(number))
            self._report(made)
            await asyncio.sleep(self._pace if made.answer == OK else AFTER_ERROR)

    def stop(self) -> None:
        """Finish the write under way, and begin no other."""
        self.stopping = True

    async def wait_until_acknowledged(self, writes: int, *, since: float = 0.0) -> None:
        """Return when `writes` writes that began at `since` or later are acknowledged. Raises: ServerFailed."""
        await until(lambda: self.acknowledged(since) >= writes, f"{writes} writes are acknowledged")

    def acknowledged(self, since: float = 0.0) -> int:
        """How many writes that began at `since` or later have been acknowledged."""
        return sum(one.answer == OK and one.began >= since for one in self.attempts)

    async def _once(self, number: int) -> Attempt:
        clock = asyncio.get_running_loop().time
        began, answer, words, replicas = clock(), OK, "", None
        try:
            if self.wait is None:
                await self.redis.set(self.key(number), number)
            else:
                replicas = await self._and_wait(number, *self.wait)
        except ResponseError as error:
            answer, words = REFUSED, code_of(error)
        except NO_REPLY as error:
            answer, words = SILENT, type(error).__name__
        return Attempt(number, began, clock(), answer, words, replicas)

    async def _and_wait(self, number: int, replicas: int, seconds: float) -> int:
        """SET and WAIT through one connection, for WAIT speaks of what its own connection has written."""
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.set(self.key(number), number)
            pipe.execute_command("WAIT", replicas, round(seconds * 1000))
            stored, reached = await pipe.execute(raise_on_error=False)
        if isinstance(stored, Exception):
            raise stored
        return int(reached) if isinstance(reached, int) else 0


def code_of(error: Exception) -> str:
    """The word with which the server began its error, as NOREPLICAS; redis-py takes it away where it has a class."""
    first = str(error).partition(" ")[0]
    return first if first.isupper() and len(first) > 3 else type(error).__name__


@asynccontextmanager
async def at_work(topology: Topology, writes: int, *, wait: tuple[int, float] | None = None) -> AsyncIterator[Writer]:
    """A writer that uses the topology's own client. The block begins when `writes` writes are acknowledged."""
    async with topology.redis(**ONCE) as redis:
        writer = Writer(redis, "w", wait=wait)
        async with writing(writer):
            await writer.wait_until_acknowledged(writes)
            yield writer


@asynccontextmanager
async def writing(*writers: Writer) -> AsyncIterator[None]:
    """The writers write for as long as this block lasts; each ends with a whole write."""
    tasks = [asyncio.create_task(one.run()) for one in writers]
    try:
        yield
    finally:
        for one in writers:
            one.stop()
        await asyncio.gather(*tasks)


async def stored(redis: Any, writer: Writer, attempts: Sequence[Attempt]) -> set[int]:
    """The numbers of these writes of the writer that can be read now. Cost: a round trip for each 500."""
    found: set[int] = set()
    for first in range(0, len(attempts), 500):
        pipe = redis.pipeline()  # of a cluster: one for each node
        for one in attempts[first : first + 500]:
            pipe.get(writer.key(one.number))
        found.update(int(value) for value in await pipe.execute() if value is not None)
    return found


async def account(
    redis: Any, writer: Writer, fault: float, *, only: Callable[[Attempt], bool] = lambda one: True
) -> dict[str, Any]:
    """Read the writes back through `redis` and say what was promised and what became of it, or of some `only`.

    `fault` is when it all began, in seconds of the loop's clock.
    "missing" were acknowledged and are gone; "stored though unanswered" are there, and their client was told nothing.
    "confirmed" were acknowledged by as many replicas as WAIT was asked for. "silence (s)" is the longest time from one
    acknowledged write to the next, or to the end; "writes" has [seconds from the fault on, what became of it] for each.
    """
    attempts = list(filter(only, writer.attempts))  # those that are made while we read are not asked for
    there = await stored(redis, writer, attempts)
    told = [one for one in attempts if one.answer == OK]
    lost = {one.number for one in told} - there
    sure = [one for one in told if writer.wait and one.replicas is not None and one.replicas >= writer.wait[0]]
    start, end = silence(attempts)
    return {
        "acknowledged": len(told),
        "refused": sum(one.answer == REFUSED for one in attempts),
        "no reply": sum(one.answer == SILENT for one in attempts),
        "missing": len(lost),
        "stored though unanswered": sum(one.answer == SILENT and one.number in there for one in attempts),
        "confirmed": len(sure),
        "confirmed, missing": sum(one.number in lost for one in sure),
        "acknowledged since": sum(one.began >= fault for one in told),
        "silence (s)": round(end - start, 3),
        "refused with": sorted({one.words for one in attempts if one.answer == REFUSED}),
        "writes": [[round(one.ended - fault, 4), LOST if one.number in lost else one.answer] for one in attempts],
    }


COLUMNS = ("experiment", "writer", "acknowledged", "missing", "refused", "no reply", "stored though unanswered")
"""What `numbers` tells of each writer, beside the silence."""


def numbers(
    outcome: Mapping[str, Any], *, experiment: str = "", columns: Sequence[str] = (*COLUMNS, "silence (s)")
) -> list[dict[str, object]]:
    """The accounts of an outcome's writers as rows of a table: the numbers without the single writes."""
    rows = [{"experiment": experiment, "writer": name, **told} for name, told in outcome["writers"].items()]
    return [{column: row[column] for column in columns} for row in rows]


def after(outcome: Mapping[str, Any], writer: str) -> dict[str, Any]:
    """What a writer was told of its writes after the fault, and how many of those that were acknowledged are gone."""
    fates = [fate for seconds, fate in outcome["writers"][writer]["writes"] if seconds > 0]
    found = {fate: fates.count(fate) for fate in (OK, LOST, REFUSED, SILENT)}
    return {"writer": writer, OK: found[OK] + found[LOST], "of these gone": found[LOST]} | {
        answer: found[answer] for answer in (REFUSED, SILENT)
    }


def silence(attempts: Sequence[Attempt]) -> tuple[float, float]:
    """The ends of the longest time without an acknowledged write, in seconds of the loop's clock.

    It can be the time from the last acknowledged write to the end of the last attempt.
    """
    ends = [one.ended for one in attempts if one.answer == OK]
    ends += [one.ended for one in attempts[-1:]] if ends else []
    return max(pairwise(ends), key=lambda gap: gap[1] - gap[0], default=(0.0, 0.0))
