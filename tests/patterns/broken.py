"""Broken twins: each is the pattern with one thing wrong, named on the first line. Tests show that each one fails.

Most replace the lock under a pattern, `use(monkeypatch, NoSecondLook)`, so that the rest stays the course's own code.
"""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from course_lib.patterns import refresh, stampede
from course_lib.patterns.cache import ABSENT, Load, pack, unpack
from course_lib.patterns.loadlock import LoadLock, Seen


def use(monkeypatch: pytest.MonkeyPatch, lock: type[LoadLock]) -> None:
    """Let every pattern of this test take its right to load from `lock`."""
    monkeypatch.setattr(stampede, "LoadLock", lock)
    monkeypatch.setattr(refresh, "LoadLock", lock)


class NoSecondLook(LoadLock):
    """Wrong: it does not look again once it has the lock, and loads what another has just stored."""

    async def take(self) -> Seen:
        seen = await super().take()
        return Seen(None, seen.holder, False) if seen.holder == self.token else seen


class ReleasesByDel(LoadLock):
    """Wrong: it deletes the lock without looking whose it is."""

    async def _end(self, stored: str, kept_ms: int) -> None:
        if kept_ms and await self.redis.get(self.name) == self.token:
            await self.redis.set(self.key, stored, px=kept_ms)
        await self.redis.delete(self.name)


class StoresUnchecked(LoadLock):
    """Wrong: it stores its value without looking whether it still holds the lock."""

    async def _end(self, stored: str, kept_ms: int) -> None:
        if kept_ms:
            await self.redis.set(self.key, stored, px=kept_ms)
        await super()._end("", 0)


class ForgetsAbsence(LoadLock):
    """Wrong: it stores nothing for a row that does not exist, as the published recipes do."""

    async def _end(self, stored: str, kept_ms: int) -> None:
        await super()._end(stored, 0 if stored == ABSENT else kept_ms)


class TrustsTheReply(LoadLock):
    """Wrong: it believes the reply to SET rather than its own token in the lock."""

    async def take(self) -> Seen:
        taken = await self.redis.set(self.name, self.token, nx=True, px=self.lock_ms)
        seen = await self.look()
        return seen if taken else Seen(seen.stored, "another", seen.fresh)


class NoReleaseOnDoubt(LoadLock):
    """Wrong: it forgets that the server may have granted a lock of which it never heard."""

    async def take(self) -> Seen:
        return await self._take()


class ReleaseOvertakesSet(LoadLock):
    """Wrong: when it is cancelled it releases before its SET is answered, and the release may arrive first."""

    async def take(self) -> Seen:
        try:
            return await self._take()
        except (Exception, asyncio.CancelledError):
            await self.release()
            raise


class NoReleaseOnError(LoadLock):
    """Wrong: it keeps the lock when its load fails or is cancelled."""

    async def load(self, load: Load) -> str | None:
        value = await load()
        await self._end(pack(value), self.absent_ms if value is None else self.ttl_ms)
        return value


class InterruptibleRelease(LoadLock):
    """Wrong: a cancellation that comes while it releases stops the release."""

    async def load(self, load: Load) -> str | None:
        value, kept_ms = None, 0
        try:
            value = await load()
            kept_ms = self.absent_ms if value is None else self.ttl_ms
        finally:
            await self._end(pack(value), kept_ms)
        return value


async def waits_for_ever(redis: Redis, key: str, load: Load, *, ttl: float, lock_ttl: float) -> str | None:
    """Wrong: a waiter has no deadline."""
    lock = LoadLock(redis, key, "token", ttl=ttl, lock_ttl=lock_ttl, absent_ttl=ttl)
    while True:
        stored, holder, _ = await lock.look()
        if stored is not None:
            return unpack(stored)
        if holder is None and (await lock.take()).holder == lock.token:
            return await lock.load(load)
        await asyncio.sleep(0.02)


class FlightOfTheFirst:
    """Wrong: the load belongs to the first caller, and is cancelled with it."""

    def __init__(self) -> None:
        self._flights: dict[str, asyncio.Future[str | None]] = {}

    async def do(self, key: str, load: Load) -> str | None:
        if key not in self._flights:
            self._flights[key] = asyncio.ensure_future(load())
        try:
            return await self._flights[key]
        finally:
            self._flights.pop(key, None)


def marker_without_escape(value: str | None) -> str:
    """Wrong: a value that equals the marker reads back as an absent row."""
    return ABSENT if value is None else value
