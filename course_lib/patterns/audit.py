"""Audit a live keyspace, and remove old versions from it, in small steps: SCAN, never KEYS; UNLINK, never DEL."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from course_lib.patterns.basics import require, require_text
from course_lib.patterns.keys import KeySchema

Progress = Callable[[int], object]  # called after each step with the number of keys so far
LENGTH = {"string": "STRLEN", "hash": "HLEN", "list": "LLEN", "set": "SCARD", "zset": "ZCARD", "stream": "XLEN"}


class Defect(NamedTuple):
    """One fault of one key: "no ttl", "unversioned", "orphan version" or "oversized"."""

    key: str
    fault: str
    detail: str


class Report(NamedTuple):
    """How many keys an audit saw, how many keys have each fault, and every finding."""

    keys: int
    counts: Counter[str]
    findings: list[Defect]

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {fault}" for fault, count in sorted(self.counts.items())) or "no fault"
        return "\n".join([f"{self.keys} keys: {counts}", *(f"{f.fault:<16}{f.key}  {f.detail}" for f in self.findings)])


async def audit(
    redis: Redis, schemas: Sequence[KeySchema], *,
    oversized: int = 100_000, elements: int = 5_000, count: int = 500, progress: Progress = lambda seen: None,
) -> Report:  # fmt: skip
    """Find keys that live forever, have no version or a version that none of `schemas` has, or are too big.

    Strings are measured in bytes (`oversized`), everything else in `elements`, as redis-cli --bigkeys does. Pass every
    version that is live: `[users, users.at(3)]`. Generation counters are allowed to live forever.

    Cost: 3 round trips for about `count` keys, short enough that no other client waits; memory for the findings.
    Raises: nothing of its own, and it writes nothing.
    Does not: show a single moment: keys come and go meanwhile, and `keys` counts a key twice if SCAN returns it twice.
    Source: redis.io, "SCAN".

    >>> await redis.set("app:user:v1:42", "Ann")
    True
    >>> print(await audit(redis, [KeySchema("app", "user", version=2)]))
    1 keys: 1 no ttl, 1 orphan version
    no ttl          app:user:v1:42  string, 3 bytes
    orphan version  app:user:v1:42  string, 3 bytes
    """
    seen, found = 0, dict[tuple[bytes, str], Defect]()
    async for batch in _batches(redis, count):
        told = await _ask(redis, [(name, key) for key in batch for name in ("TYPE", "PTTL")])
        kinds, lives = told[::2], told[1::2]
        lengths = await _ask(redis, [(LENGTH.get(kind, "EXISTS"), key) for kind, key in zip(kinds, batch, strict=True)])
        for key, kind, left_ms, length in zip(batch, kinds, lives, lengths, strict=True):
            text = key.decode(errors="backslashreplace")
            own = [(parsed, schema) for schema in schemas if (parsed := schema.parse(text))]
            if left_ms == -2 or isinstance(length, Exception) or any(not parsed.parts for parsed, _ in own):
                continue  # gone, of another type since we asked, or a generation counter
            most, unit = (oversized, "bytes") if kind == "string" else (elements, "elements")
            faults = {
                "no ttl": left_ms == -1,
                "unversioned": not re.search(r"(^|[:{])v\d+(\.\d+)?([:}]|$)", text),
                "orphan version": own and all(parsed.version != schema.version for parsed, schema in own),
                "oversized": length > most,
            }
            has = [fault for fault, holds in faults.items() if holds]
            found |= {(key, fault): Defect(text, fault, f"{kind}, {length} {unit}") for fault in has}
        seen += len(batch)
        progress(seen)
    return Report(seen, Counter(fault for _, fault in found), sorted(found.values()))


async def remove_versions(
    redis: Redis, schema: KeySchema, *, older_than: int | None = None, versions: Collection[int] | None = None,
    count: int = 500, progress: Progress = lambda removed: None, dry_run: bool = False,
) -> int:  # fmt: skip
    """Unlink the keys of `versions` and of every version before `older_than`; by default, before the schema's own.

    Returns the number of keys; with dry_run it only counts them. The schema's own version is live and stays. So do all
    generation counters, because without them a roll-back would bring flushed values back.

    Cost: 2 round trips for about `count` keys; the server frees the memory in another thread.
    Raises: after an error of redis-py a part is done: call it again.
    Does not: see what a process with the old version still writes meanwhile: call it again.
    Source: redis.io, "UNLINK", "SCAN".

    >>> await redis.set("app:user:v1:42", "Ann"), await redis.set("app:user:v2:42", "Ann")
    (True, True)
    >>> await remove_versions(redis, KeySchema("app", "user", version=2)), await redis.keys()
    (1, ['app:user:v2:42'])
    """
    default = schema.version if versions is None else 0
    before, named, removed = default if older_than is None else older_than, set(versions or ()), 0
    require(before <= schema.version, "older_than", older_than, f"at most {schema.version}, which is live")
    require(schema.version not in named, "versions", versions, f"others than {schema.version}, which is live")
    async for batch in _batches(redis, count, schema.pattern()):
        said = [(key, schema.parse(key.decode(errors="surrogateescape"))) for key in batch]
        old = [key for key, parsed in said if parsed and (parsed.version < before or parsed.version in named)]
        removed += sum(await _ask(redis, [("EXISTS" if dry_run else "UNLINK", key) for key in old]))
        progress(removed)
    return removed


async def _batches(redis: Redis, count: int, match: str | None = None) -> AsyncIterator[list[bytes]]:
    require_text(redis)
    require(1 <= count <= 10_000, "count", count, "1 to 10,000; with more, a SCAN would hold others up")
    batch = []
    async for key in redis.scan_iter(match=match, count=count, NEVER_DECODE=True):  # a key can be any bytes
        batch.append(key)
        if len(batch) == count:
            yield batch
            batch = []
    if batch:
        yield batch


async def _ask(redis: Redis, commands: list[tuple[str, bytes]]) -> list[Any]:
    async with redis.pipeline(transaction=False) as pipe:
        for command in commands:
            pipe.execute_command(*command)
        replies = await pipe.execute(raise_on_error=False)
    for error in replies:
        if isinstance(error, Exception) and not str(error).startswith("WRONGTYPE"):
            raise error
    return replies
