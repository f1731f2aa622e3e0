"""Broken twins of through.py and typed.py: each is the pattern with one thing wrong. Tests show that each one fails."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from course_lib.patterns import through
from course_lib.patterns.through import Cache, WriteBehind


def name_of(text: str) -> str:
    """Wrong: it trusts that what is stored has today's shape."""
    return str(json.loads(text)["name"])


class StoresOverPut(Cache[Any]):
    """Wrong: a slow load replaces what a put has stored meanwhile."""

    async def _store(self, key: str, text: str, *, nx: bool) -> None:
        await super()._store(key, text, nx=False)


class StoresFirst(Cache[Any]):
    """Wrong: it stores before it saves, so a save that fails leaves readers with a row that never was."""

    async def put(self, entity: str, value: Any) -> None:
        await self._store(self.key(entity), self._text(value), nx=False)
        assert self.save is not None
        await self.save(entity, value)


class NoBreaker(Cache[Any]):
    """Wrong: every call waits for a Redis that is known to be silent."""

    async def _ask(self, work: Any) -> Any:
        self._retry_at = -1.0
        return await super()._ask(work)


class NoTimeout(Cache[Any]):
    """Wrong: it waits for as long as the client does."""

    def __init__(self, *args: Any, **policy: Any) -> None:
        super().__init__(*args, **policy)
        self.timeout = 1e6


class RemovesFirst(WriteBehind):
    """Wrong: it takes writes out of the buffer before they are saved, so a crash between loses them."""

    async def flush(self) -> None:
        held = await self.redis.hgetall(self.buffer)
        await self.redis.delete(self.buffer)
        texts = [(entity, *text.partition(";")) for entity, text in held.items()]
        await self.save([through.Write(entity, int(version), value) for entity, version, _, value in texts])


class RemovesUnseen(WriteBehind):
    """Wrong: it takes out what it saved without looking whether a newer write has come."""

    async def flush(self) -> None:
        held = await self.redis.hgetall(self.buffer)
        texts = [(entity, *text.partition(";")) for entity, text in held.items()]
        if held:
            await self.save([through.Write(entity, int(version), value) for entity, version, _, value in texts])
            await self.redis.hdel(self.buffer, *held)


class BuffersInTheProcess(WriteBehind):
    """Wrong: it acknowledges writes that only this process knows of."""

    async def put(self, entity: str, value: str | None) -> None:
        self.writes = {**getattr(self, "writes", {}), entity: through.Write(entity, id(value), value)}

    async def flush(self) -> None:
        writes, self.writes = getattr(self, "writes", {}), {}
        await asyncio.sleep(0.01)
        if writes:
            await self.save(list(writes.values()))
