"""How workers share a stream: each strategy by name, made of the lesson's programs and the course's pattern."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from redis.asyncio import Redis

from course_lib.lessons.beyond_caching.experiment_parcels import Parcels
from course_lib.lessons.beyond_caching.experiment_shift import Effect
from course_lib.lessons.beyond_caching.programs import (
    GROUP,
    PARCELS,
    Pack,
    acknowledges_after,
    acknowledges_first,
    claims,
    counts,
    counts_once,
)
from course_lib.patterns.queues import WorkQueue


class App(NamedTuple):
    """A client of Redis, and the setting."""

    redis: Redis
    parcels: Parcels

    @property
    def queue(self) -> WorkQueue:
        """The course's pattern on the stream of parcels."""
        given = self.parcels
        return WorkQueue(self.redis, PARCELS, GROUP, claim_after=given.claim_after, max_deliveries=given.max_deliveries)


class Strategy(NamedTuple):
    """Its name, what it does in a sentence, how a worker works, what packing does, and how the shop sends."""

    label: str
    says: str
    work: Callable[[App, str, Pack], Awaitable[object]]
    effect: Effect
    send: Callable[[App, str], Awaitable[object]]


async def _add(app: App, parcel: str) -> object:
    return await app.redis.xadd(PARCELS, {"parcel": parcel})


async def _send(app: App, parcel: str) -> object:
    return (await app.queue.send(parcel, message_id=parcel)).entry


async def _first(app: App, me: str, pack: Pack) -> None:
    await acknowledges_first(app.redis, me, pack)


async def _after(app: App, me: str, pack: Pack) -> None:
    await acknowledges_after(app.redis, me, pack)


async def _claims(app: App, me: str, pack: Pack) -> None:
    await claims(app.redis, me, pack, claim_after=app.parcels.claim_after)


async def _runs(app: App, me: str, pack: Pack) -> None:
    await app.queue.run(me, lambda parcel, _: pack(parcel))


STRATEGIES: dict[str, Strategy] = {
    "first": Strategy(
        "acknowledge first", "A worker acknowledges a parcel, and then packs it.", _first, counts, _add
    ),
    "after": Strategy(
        "acknowledge after", "A worker packs a parcel, and then acknowledges it. Nobody claims.", _after, counts, _add
    ),
    "claim": Strategy(
        "claim", "A worker first claims what another one has held for too long, then asks for a new parcel.",
        _claims, counts, _add,
    ),
    "once": Strategy(
        "claim, idempotent", "The same, and the effect is applied only if its mark is not there.",
        _claims, counts_once, _add,
    ),
    "queue": Strategy(
        "WorkQueue", "The same; a living worker extends its claim, and what fails too often is a dead letter.",
        _runs, counts_once, _send,
    ),
}  # fmt: skip
