"""Where an order of commands is chosen, each client draws random numbers of its own, and so do its commands.

Then the order in which two clients run changes nothing that either draws, and a search may take two orders for one.
Behind the module `random` each client has a stream; a server draws from that of the client whose command it runs. Code
that took `random.random` itself before the run, as a default argument does, escapes this; `touched` says whether it
drew.
"""

from __future__ import annotations

import random
from hashlib import blake2b
from types import MethodType
from typing import Any

from course_lib.sim.process import CLIENT

_ALL: Any = random._inst  # the instance whose methods the module's functions are
_NAMES = ("getrandbits", "getstate", "random", "seed", "setstate")  # which the methods of all others call
_FULL = 624
"""How many words a Mersenne Twister has left just after it was seeded."""


class Streams:
    """The streams of one run, by client."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made: dict[str, random.Random] = {}

    def mine(self) -> random.Random:
        """The stream of the client that runs now, or whose command does."""
        name = CLIENT.get()
        if name not in self._made:
            self._made[name] = random.Random(f"{self._seed}/{name}")
        return self._made[name]


class _Parted(random.Random):
    """The class of the module's instance while each client has its own stream."""

    streams = Streams(0)

    def random(self) -> float:
        return self.streams.mine().random()

    def getrandbits(self, k: int, /) -> int:
        return self.streams.mine().getrandbits(k)

    @property
    def gauss_next(self) -> float | None:
        """The second number of a pair, which `gauss` keeps for its next call."""
        found: float | None = self.streams.mine().gauss_next  # type: ignore[attr-defined]  # not in the stubs
        return found

    @gauss_next.setter
    def gauss_next(self, value: float | None) -> None:
        self.streams.mine().gauss_next = value  # type: ignore[attr-defined]

    def seed(self, *args: Any, **options: Any) -> None:
        self.streams.mine().seed(*args, **options)

    def getstate(self) -> tuple[Any, ...]:
        return self.streams.mine().getstate()

    def setstate(self, state: tuple[Any, ...]) -> None:
        self.streams.mine().setstate(state)


_MINE = {name: MethodType(getattr(_Parted, name), _ALL) for name in _NAMES}


def part(streams: Streams) -> dict[str, Any]:
    """Have the module `random` draw from these; return what `join` puts back."""
    names = vars(random)
    before = {name: names[name] for name in _NAMES}
    _Parted.streams, _ALL.__class__ = streams, _Parted
    names.update(_MINE)
    return before


def join(before: dict[str, Any]) -> None:
    """All draw from one stream again."""
    _ALL.__class__ = random.Random
    vars(random).update(before)


def touched() -> bool:
    """Has anybody drawn from the shared stream since it was seeded?"""
    return bool(random.getstate()[1][-1] != _FULL)


def first_of_scripts(client: str) -> int:
    """The state from which `math.random` begins in the scripts of a client: on a server of its own, what Redis has."""
    if client == "outside":
        return 0x1234ABCD330E
    return int.from_bytes(blake2b(client.encode(), digest_size=6).digest(), "big")
