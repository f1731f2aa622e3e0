"""For 02.4: what is planted, and what a clean-up has the server do in one go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from course_lib.explore import Play
from course_lib.grading.evidence import of_clients
from course_lib.trace import Event

NAME = "app:user:profile"
OTHERS = frozenset({
    f"{NAME}-photo:v1:7", f"{NAME}s:v2:7", f"old:{NAME}:v1:7", "app:user:v1:7", "app:shop:price:v1:7",
    "app:user:profil", f"{NAME}:settings", f"{NAME}:v2", f"{NAME}:v2x:ann", f"{NAME}:vip:ann", f"{NAME}:v:ann",
    f"{NAME}:2:ann", f"{NAME}:x:v1:7", NAME, f"{NAME}:w1:ann", f"{NAME}:V1:7", f"{NAME.title()}:v1:7", f" {NAME}:v1:7",
    f"{NAME}:v-1:7", f"{NAME}:vv1:7", f"{NAME}:v1_0:7", NAME.upper() + ":V1:7",
})  # fmt: skip
"""Keys of other names, and those that have no version."""


PARTS = ("ann:photo", "ann@example.org", "Ann-B_c.d", "zoë", "*?[a]", "a/b", "7:xs:2:2x", "v1", "日本")
"""What users are called who have no number."""


class Keyspace(NamedTuple):
    """What is planted: what must go, and what must stay; and what comes later, from a process of an old version."""

    live: int
    old: frozenset[str]
    stay: frozenset[str]
    late: frozenset[str] = frozenset()


@cache
def keyspace(number: int) -> Keyspace:
    """A small one; one that no single SCAN goes through, with keys of others before ours, in between and after; and one
    of many versions, to which old keys are added later."""
    if number == 0:
        return _keyspace(3, old={1: 26, 2: 25}, stay={3: 2, 4: 1, 9: 2, 10: 3, 31: 1})
    if number == 1:
        prices = {
            f"app:{where}:price:v1:{row}" for where, rows in (("shop", 1_010), ("work", 510)) for row in range(rows)
        }
        return _keyspace(12, old={1: 40, 2: 40, 9: 30, 10: 30, 11: 21}, stay={12: 110, 13: 5, 100: 5}, more=prices)
    late = frozenset(f"{NAME}:v{version}:late" for version in (2, 119))
    made = _keyspace(120, old={2: 8, 9: 8, 12: 8, 99: 8, 100: 8, 119: 8}, stay={120: 3, 121: 3, 1190: 3, 1000: 1})
    return made._replace(late=late)


def _keyspace(live: int, *, old: dict[int, int], stay: dict[int, int], more: set[str] | None = None) -> Keyspace:
    old_keys = {f"{NAME}:v{version}:{user}" for version, users in old.items() for user in range(users)}
    old_keys |= {f"{NAME}:v2:{part}" for part in (*PARTS, f"v{live}:7")}
    stay_keys = {f"{NAME}:v{version}:{user}" for version, users in stay.items() for user in range(users)}
    stay_keys |= {f"{NAME}:v{live}:{part}" for part in (*PARTS, "v1:7", "v2")}
    return Keyspace(live, frozenset(old_keys), OTHERS | stay_keys | (more or set()))


def version(key: str) -> int | None:
    """The version in a key of ours."""
    found = re.match(rf"{NAME}:v([0-9]+):", key)
    return int(found[1]) if found else None


@dataclass
class Step:
    """What the server does in one go: a command, a script, or a transaction. `commands` are those within it."""

    event: Event
    commands: list[tuple[bytes, ...]]

    def called(self, *names: bytes) -> list[tuple[bytes, ...]]:
        """The commands of these names."""
        return [command for command in self.commands if command[0].upper() in names]

    def named(self, keys: frozenset[bytes]) -> int:
        """How many of these keys it names."""
        return len({part for command in self.commands for part in command[1:] if part in keys})

    @property
    def counts(self) -> list[int]:
        """The COUNT of each SCAN in it."""
        return [_count([word.upper() for word in command]) for command in self.called(b"SCAN")]


def _count(words: list[bytes]) -> int:
    return int(words[words.index(b"COUNT", 2) + 1]) if b"COUNT" in words[2:-1] else 10


def steps(run: Play) -> Iterator[Step]:
    """What the clients had the server do. The commands of a transaction count with its EXEC."""
    queued: dict[str, list[tuple[bytes, ...]]] = {}
    for event in of_clients(run.trace):
        calls = list(getattr(event, "calls", ()))
        if event.name == "MULTI":
            queued[event.client] = []
        elif event.name == "EXEC":
            yield Step(event, [*queued.pop(event.client, []), *calls])
        elif event.client in queued:
            queued[event.client].append(event.command)
        else:
            yield Step(event, [event.command, *calls])
