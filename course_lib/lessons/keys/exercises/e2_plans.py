"""For 02.2: the database of a rolling deploy, and which of its processes does what, and when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from course_lib.explore import Simulation, until
from course_lib.grading.acts import Acts
from course_lib.grading.database import DatabaseDown, DatabaseValue, load_takes

SURNAMES = ("Lee", "Moore", "Diaz", "Okafor", "Sato", "Kaya", "Novák", "O'Hara", "Weiss", "Aziz", "Berg", "Costa")
"""Names, of which each run draws three: an answer that remembers the last run knows none of them."""
PEOPLE = (("42", "7"), ("24", "42"), ("ann:photo", "ann"), ("{ann}", "ann"), ("ann:v2", "ann"),
          ("v2:ann", "ann"), ("Ann", "ann"), ("a:b", "a-b"))  # fmt: skip
"""Of a run: who is renamed, and who is not."""
FIRST_NAMES = ("Ann", "Mary Ann", "", " Zoë|é")
TTLS = (2.0, 0.57, 1.5, 200.4, 2.0, 2_592_000.6, 0.9, 60.0)
Profile = dict[str, str]


@dataclass
class Profiles:
    """The database: two profiles; `who` is renamed, and `whose` is another. A load takes 10 or 50 ms, of who was
    renamed 20, and gives what it found first; a save commits at its end. The call after it was `down` fails, and no
    other."""

    world: Simulation
    committed: float | None = None

    def __post_init__(self) -> None:
        draw, names = self.world.draws("name"), list(SURNAMES)
        old, new, other = (names.pop(int(draw() * len(names))) for _ in range(3))
        self.who, self.whose = PEOPLE[self.world.seed % len(PEOPLE)]
        self.ttl = TTLS[self.world.seed % len(TTLS)]
        self.takes = (0.01, 0.05)[self.world.seed % 2]
        old = "" if self.world.seed % 4 == 3 else old
        first = FIRST_NAMES[self.world.seed % len(FIRST_NAMES)]
        self.old, self.new = {"first": first, "last": old}, {"first": first, "last": new}
        self.other = {"first": "Bo", "last": other}
        self.rows = {self.who: self.old, self.whose: self.other}
        self.down = False

    def fail(self) -> None:
        """Fail, if the database is down."""
        if self.down:
            self.down = False
            raise (DatabaseDown, DatabaseValue)[self.world.seed % 2]("the database is down")

    def load_for(self, client: str) -> Callable[[str], Awaitable[Profile]]:
        """The load that one process is given."""

        async def load(user: str) -> Profile:
            self.fail()
            found = dict(self.rows[user])
            await load_takes(0.02 if user == self.who and self.committed else self.takes, self.world, client)
            return found

        return load

    async def save(self, user: str, profile: Profile) -> None:
        """Commit a profile."""
        self.fail()
        copy = dict(profile)
        await until(self.world, self.world.now() + 0.01)
        self.rows[user], self.committed = copy, self.world.now()


@dataclass
class Deploy(Acts):
    """The acts of a deploy, and its database."""

    database: Profiles = field(kw_only=True)


Plan = dict[str, list[tuple[float, str]]]


def in_turn(ttl: float, takes: float) -> Plan:
    """Reads until what was stored expires: just before that, and just after it; then before a write, after it, and once
    more when all must have expired."""
    write, last = ttl + 0.35, 2 * ttl + 3.0
    return {
        "v2-a": [(0.0, "read"), (ttl / 3, "read"), (ttl + takes - 0.03, "read"), (ttl + takes + 0.07, "read"),
                 (write, "write"), (write + 0.15, "read"), (last, "read")],
        "v1-a": [(0.05, "read"), (ttl + 0.2, "read"), (write + 0.15, "read"), (last, "read")],
        "v2-b": [(0.1, "read"), (0.15, "other"), (ttl + 0.25, "read"), (write + 0.1, "both"), (write + 0.2, "other"),
                 (last, "read")],
    }  # fmt: skip


def meanwhile(ttl: float, takes: float) -> Plan:
    """Processes of both versions read on while one writes that has read nothing; both have the profile in the cache, or
    version 1 alone. What the write stores, if anything, is over in the end."""
    last = 2 * ttl + 3.0
    return {
        "v2-a": [(0.3, "write"), (0.45, "read"), (last, "read")],
        "v1-a": [(0.0, "read"), *((0.298 + 0.004 * n, "read") for n in range(6)), (0.45, "read"), (last, "read")],
        "v2-b": [(0.1, "read"), *((0.299 + 0.004 * n, "read") for n in range(6)), (0.45, "read")],
    }


def database_down(ttl: float, takes: float) -> Plan:
    """The database is down for a read, and for a write; then it is up again."""
    return {"v2-a": [(0.0, "down read"), (0.1, "read"), (0.2, "down write"), (0.3, "write"), (0.4, "read")]}


def refused(ttl: float, takes: float) -> Plan:
    """One command of these is refused."""
    return {"v2-a": [(0.0, "read"), (0.1, "read"), (0.2, "write"), (0.3, "read")]}
