"""Lesson 02: two versions of a program share one cache while a deploy is under way, in any world.

`play(Rollout(strategy="both"))` simulates; `set_up(world, rollout)` puts the same into another world.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import NamedTuple

from course_lib.lessons.keys.experiment_rollout import WIRE_ALLOWANCE, Read, Rollout, RolloutResult
from course_lib.patterns import cache_aside
from course_lib.patterns.basics import require
from course_lib.patterns.keys import KeySchema
from course_lib.patterns.typed import Miss, Typed
from course_lib.sim import Draws, Process
from course_lib.worlds import Simulated, World

PROFILE, PRICE = KeySchema("app", "user", "profile"), KeySchema("app", "shop", "price")
CLIENTS = 4
"""Requests that one process has under way at most."""


@dataclass(frozen=True)
class Shape:
    """What every row says: which edition of it this is, and some text of usual length."""

    edition: int
    about: str = "A hundred characters or so, as a profile or a product has them: where from, since when, what for."


@dataclass(frozen=True)
class ProfileV1(Shape):
    """A profile as version 1 of the program knows it."""

    name: str = "Ann Lee"


@dataclass(frozen=True)
class ProfileV2(Shape):
    """The same after the change."""

    first: str = "Ann"
    last: str = "Lee"


@dataclass(frozen=True)
class Price(Shape):
    """A price, which did not change."""

    cents: int = 1999


TYPED: dict[type[Shape], Typed[Shape]] = {
    ProfileV1: Typed(ProfileV1, version=1),
    ProfileV2: Typed(ProfileV2, version=2),
    Price: Typed(Price, version=1),
}


class Strategy(NamedTuple):
    """How code names and deletes keys. A `tagged` value says its version, and is a miss for code of another version."""

    label: str
    says: str
    key: Callable[[str, int, int], str]
    deletes: tuple[int, ...] | None  # the versions whose keys a writer deletes; None for only its own
    tagged: bool = False


def _schema(kind: str, version: int) -> KeySchema:
    """A version for each shape: the price's has not changed."""
    return PROFILE.at(version) if kind == "profile" else PRICE


STRATEGIES: dict[str, Strategy] = {
    "shared": Strategy("one key for both shapes", "The key says nothing of the shape.",
                       lambda kind, n, version: _schema(kind, 1).key(n), (1,)),
    "own": Strategy("version, own deleted", "Each shape has its key; a writer deletes its own version's.",
                    lambda kind, n, version: _schema(kind, version).key(n), None),
    "both": Strategy("version, both deleted", "Each shape has its key; a writer deletes both versions'.",
                     lambda kind, n, version: _schema(kind, version).key(n), (1, 2)),
    "global": Strategy("one version before all keys", "Every key begins with the version; a writer deletes both.",
                       lambda kind, n, version: f"v{version}:{_schema(kind, 1).key(n)}", (1, 2)),
    "typed": Strategy("one key, typed value", "The value says its version; another's is a miss, and is overwritten.",
                      lambda kind, n, version: _schema(kind, 1).key(n), (1,), tagged=True),
}  # fmt: skip


def play(rollout: Rollout) -> RolloutResult:
    """Simulate the rollout."""
    *_, (_, result) = in_slices(rollout)
    return result


def in_slices(rollout: Rollout, *, steps: int = 4_000) -> Iterator[tuple[float, RolloutResult]]:
    """The same in slices of `steps` callbacks: yields (share of the virtual time that is over, result)."""
    world = Simulated(rollout.seed)
    result = set_up(world, rollout)
    for now in world.slices(steps):
        yield min(now / rollout.duration, 1.0), result


def set_up(world: World, rollout: Rollout) -> RolloutResult:
    """Put the rollout into a world that has not run yet. The result fills while the world runs.

    Raises: BadArgument for a strategy that does not exist.
    """
    require(rollout.strategy in STRATEGIES, "strategy", rollout.strategy, ", ".join(STRATEGIES))
    result = RolloutResult(rollout, world.trace)
    service = _Service(world, rollout, result)
    world.client("warm-up", service.warm_up)
    for number in range(rollout.processes):
        process = Process(f"app{number}")
        for member in range(CLIENTS):
            world.client(f"{process.name}.{member}", service.client, number, member, process=process)
    return result


class _Row:
    """One row of the database: when each edition of it was committed."""

    def __init__(self, kind: str, number: int) -> None:
        self.kind, self.number, self.commits = kind, number, [0.0]

    def shape(self, version: int) -> type[Shape]:
        """The shape in which code of a version caches the row."""
        return Price if self.kind == "price" else ProfileV1 if version == 1 else ProfileV2

    def value(self, version: int) -> Shape:
        """The row as it is now."""
        return self.shape(version)(len(self.commits))


class _Service:
    """The program, in whichever version a process runs at the moment."""

    def __init__(self, world: World, rollout: Rollout, result: RolloutResult) -> None:
        self.world, self.rollout, self.result = world, rollout, result
        self.strategy = STRATEGIES[rollout.strategy]
        kinds = ["profile"] * rollout.profiles + ["price"] * rollout.prices
        self.rows = [_Row(kind, number) for number, kind in enumerate(kinds)]

    async def warm_up(self) -> None:
        """Fill the cache as version 1 would have left it long after its start: some keys, of every age."""
        draw, given = self.world.draws("warm-up"), self.rollout
        present = given.rate * given.ttl / (1 + given.rate * given.ttl)  # a key's share of time in the cache
        async with self.world.redis().pipeline(transaction=False) as pipe:
            for row in self.rows:
                if draw() < present:
                    left_ms = max(round(given.ttl * draw() * 1000), 1)
                    pipe.set(self._key(row, 1), self._text(row, 1), px=left_ms)
            await pipe.execute()

    async def client(self, process: int, member: int) -> None:
        """One request after another, a read or now and then a write, until the end."""
        draw, given = self.world.draws(f"client {process}.{member}"), self.rollout
        rate = (given.read_rate + given.write_rate) / (given.processes * CLIENTS)
        await asyncio.sleep(0.05)  # the warm-up is over
        while (pause := draw.exponential(1 / rate)) < given.duration - self.world.now():
            await asyncio.sleep(pause)
            row = self.rows[int(draw() * len(self.rows))]
            version = given.version(process, self.world.now())
            await (self._write if self._writes(draw) else self._read)(row, version)

    def _writes(self, draw: Draws) -> bool:
        return draw() * (self.rollout.read_rate + self.rollout.write_rate) < self.rollout.write_rate

    async def _write(self, row: _Row, version: int) -> None:
        """Commit, then delete what readers may have cached."""
        row.commits.append(self.world.now())
        versions = self.strategy.deletes or (version,)
        await self.world.redis().delete(*dict.fromkeys(self._key(row, each) for each in versions))

    async def _read(self, row: _Row, version: int) -> None:
        start = self.world.now()
        try:
            edition, loaded = await (self._typed if self.strategy.tagged else self._plain)(row, version)
        except KeyError:  # the crash: a field that this code needs is not there
            self.result.reads.append(Read(start, "error", version, row.number))
            return
        replaced = row.commits[edition] if edition < len(row.commits) else start
        late = start - replaced if start - replaced > WIRE_ALLOWANCE else 0.0
        kind = "load" if loaded else "stale" if late else "hit"
        self.result.reads.append(Read(start, kind, version, row.number, late))

    async def _plain(self, row: _Row, version: int) -> tuple[int, bool]:
        """Cache-aside with plain JSON: the edition that was read, and whether it had to be loaded."""
        loads = 0

        async def load() -> str:
            nonlocal loads
            loads += 1
            return json.dumps(asdict(await self._loaded(row, version)))

        redis, key = self.world.redis(), self._key(row, version)
        value = json.loads(await cache_aside(redis, key, load, ttl=self.rollout.ttl) or "{}")
        shown = {name: value[name] for name in row.shape(version).__dataclass_fields__}
        return shown["edition"], loads > 0

    async def _typed(self, row: _Row, version: int) -> tuple[int, bool]:
        """The same with values that say their version: another's is a miss, and is overwritten."""
        redis, key, typed = self.world.redis(), self._key(row, version), TYPED[row.shape(version)]
        stored = await redis.get(key)
        value = typed.decode(stored) if isinstance(stored, str) else Miss.MISSING
        if not isinstance(value, Miss):
            return value.edition, False
        value = await self._loaded(row, version)
        await redis.set(key, typed.encode(value), px=round(self.rollout.ttl * 1000))
        return value.edition, True

    async def _loaded(self, row: _Row, version: int) -> Shape:
        await asyncio.sleep(self.rollout.load_time)
        return row.value(version)

    def _key(self, row: _Row, version: int) -> str:
        return self.strategy.key(row.kind, row.number, version)

    def _text(self, row: _Row, version: int) -> str:
        value = row.value(version)
        return TYPED[type(value)].encode(value) if self.strategy.tagged else json.dumps(asdict(value))
