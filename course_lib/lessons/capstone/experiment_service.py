"""The product page of the shop as a service: what it is asked, what it answers, and what its parts are given.

The service asks its parts in one order, and each part is one plain function. The same object runs in virtual time and
on real servers.
"""

from __future__ import annotations

import re
from asyncio import Semaphore
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisClusterException, RedisError

from course_lib.errors import LoadTimeout
from course_lib.patterns.basics import Draw
from course_lib.patterns.stampede import SingleFlight

VERSIONS = (1, 2)
"""Half of the processes run the new program, whose pages have another shape: a rolling deploy is under way."""
AWAY = (RedisError, RedisClusterException, OSError, TimeoutError, LoadTimeout)
"""What a part raises while Redis does not answer."""
Load = Callable[[], Awaitable[str | None]]
Save = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Policy:
    """The times and numbers that parts keep to. The thresholds of the scoreboard are made of them.

    Units: `ttl`, `lock_ttl`, `absent_ttl`, `timeout`, `window` in seconds; `limit` requests of one visitor in any
    `window`; `slots` loads that the database runs at once; `processes` of the service.
    """

    ttl: float = 4.0
    absent_ttl: float = 2.0
    lock_ttl: float = 1.0
    timeout: float = 0.05
    limit: int = 20
    window: float = 2.0
    slots: int = 10
    processes: int = 4


class Database(Protocol):
    """The shop's database."""

    async def load(self, product: str, version: int) -> str | None:
        """The page of a product in the shape of that version; None if there is no such product."""

    async def save(self, product: str) -> None:
        """Commit another price."""


@dataclass
class App:
    """One process of the service, as its parts see it.

    `redis` is the client; `connect` finds the primary anew. `draw` is a number in [0, 1), `token()` a new text at each
    call; `replicas` is how many replicas the topology has.
    """

    connect: Callable[[], Redis]
    draw: Draw
    policy: Policy = field(default_factory=Policy)
    version: int = 1
    replicas: int = 0

    def __post_init__(self) -> None:
        self.redis = self.connect()
        self.flight = SingleFlight()
        self.room = Semaphore(max(1, self.policy.slots // self.policy.processes))

    def token(self) -> str:
        """A text that nobody else has."""
        return f"{int(self.draw() * 2**48):012x}"


class Parts(NamedTuple):
    """What a service is made of. `topology` is the name of one; every other part is a function."""

    keys: Callable[[str, int], str]
    read: Callable[[App, str, Load], Awaitable[str | None]]
    change: Callable[[App, list[str], Save], Awaitable[object]]
    limiter: Callable[[App, str, str], Awaitable[bool]]
    away: Callable[[App, str, Load], Awaitable[str | None]]
    basket: Callable[[App, str, str], Awaitable[object]]
    topology: str


class Shown(NamedTuple):
    """What a visitor was shown: `kind` is page, none (no such product), refused or broken; `price` is its number.

    `counted`: the limiter has answered, and not only been out of reach.
    """

    kind: str
    price: int = -1
    counted: bool = True


PAGE = {1: re.compile(r"(\w+) costs (\d+)"), 2: re.compile(r'\{"id": "(\w+)", "price": (\d+)\}')}


def page_of(product: str, price: int, version: int) -> str:
    """A page, in the shape of that version.

    >>> page_of("42", 3, 1), page_of("42", 3, 2)
    ('42 costs 3', '{"id": "42", "price": 3}')
    """
    return f"{product} costs {price}" if version == 1 else f'{{"id": "{product}", "price": {price}}}'


class Service:
    """The service in one process: a page, a change of a price, a basket. Each method is what a visitor's request runs.

    Where Redis does not answer, it lets a request through that it cannot count, finds the primary anew, and leaves the
    page to the part `away`.
    """

    def __init__(self, parts: Parts, app: App, database: Database) -> None:
        self.parts, self.app, self.database = parts, app, database

    async def page(self, visitor: str, product: str, request: str) -> Shown:
        """A visitor asks for a product's page."""
        app, parts = self.app, self.parts
        counted = True
        try:
            if not await parts.limiter(app, visitor, request):
                return Shown("refused")
        except AWAY:
            counted, app.redis = False, app.connect()
        return await self._shown(product, counted)

    async def _shown(self, product: str, counted: bool) -> Shown:
        app, parts = self.app, self.parts
        key = parts.keys(product, app.version)

        async def load() -> str | None:
            return await self.database.load(product, app.version)

        try:
            try:
                text: Any = await parts.read(app, key, load)
            except AWAY:
                app.redis = app.connect()
                text = await parts.away(app, key, load)
        except AWAY:
            return Shown("broken", counted=counted)
        if text is None:
            return Shown("none", counted=counted)
        found = PAGE[app.version].fullmatch(text)  # another version's shape, or another product's page: an error page
        right = found is not None and found[1] == product
        return Shown("page", int(found[2]), counted) if found and right else Shown("broken", counted=counted)

    async def change(self, product: str) -> None:
        """The price of a product changes. Ends when the change is committed, and Redis knows what it must."""
        keys = list(dict.fromkeys(self.parts.keys(product, version) for version in VERSIONS))
        await self.parts.change(self.app, keys, lambda: self.database.save(product))

    async def basket(self, visitor: str, item: str) -> bool:
        """Put an item into a visitor's basket, which lives in Redis. Whether the visitor was told that it is there."""
        try:
            await self.parts.basket(self.app, basket_of(visitor), item)
        except AWAY:
            self.app.redis = self.app.connect()
            return False
        return True


def basket_of(visitor: str) -> str:
    """The key of a basket."""
    return f"app:basket:{visitor}"
