"""For 02.3: the database behind a cache that is flushed, and which of its processes does what, and when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from course_lib.grading.acts import Act, Acts
from course_lib.grading.database import DatabaseDown, load_takes

TTLS = (2.0, 0.57, 1.5, 2_592_000.6)
USERS = (("42", "7"), ("ann", "1ann"), ("ann@example.org", "Ann-B_c.d"), ("Zoë", "zoë"))
"""The users of a run: whom `read` and `other` are about. `read 1x` is about 1x."""
ALIKE = ("ab", "ba", "a@b.c", "a_b_c", "a-b-c", "abc", "Zoë", "Zo", "zo")
"""Users that are easily taken for each other."""
PREFIX, OTHERS = "app:user:profile:v2", "app:shop:price:v1:7"


class Row(NamedTuple):
    """What one load gave: no two loads give the same text, but for the user `none`, whose row is empty, and who loaded
    first. `began` in seconds; `act` loaded it."""

    user: str
    began: float
    act: Act


@dataclass
class Flushed(Acts):
    """The acts, and every row that was loaded, by its text. `seconds` is what a load takes, `ttl` is drawn.
    `failed`: for whom the database was down once, as it then is no more."""

    seconds: float = 0.01
    least_ttl: float = 0.0
    namesakes: tuple[str, ...] = ()
    rows: dict[str, Row] = field(default_factory=dict)
    failed: list[Act] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ttl = max(TTLS[self.world.seed % len(TTLS)], self.least_ttl)
        self.users = USERS[self.world.seed % len(USERS)]
        if self.namesakes:  # of what the answer keeps beside its rows
            self.users = (self.namesakes[self.world.seed % len(self.namesakes)], "7")

    def load_for(self, act: Act) -> Callable[[], Awaitable[str]]:
        """A load of the row that this act is to read."""

        async def load() -> str:
            if act.what == "down" and act not in self.failed:
                self.failed.append(act)
                raise DatabaseDown("the database is down")
            tail = f"{int(self.world.draws(f'row{len(self.rows)}')() * 16**6):06x}"
            text = f" row {len(self.rows) + 1}|{tail}\n" if self.user(act) != "none" else ""
            self.rows.setdefault(text, Row(self.user(act), self.world.now(), act))
            await load_takes(self.seconds, self.world, act.who)
            return text

        return load

    def user(self, act: Act) -> str:
        """The user whose row an act reads."""
        _, _, named = act.what.partition(" ")
        return named or ("nobody" if act.what == "down" else self.users[act.what == "other"])

    def row(self, act: Act) -> Row | None:
        """What it was given, if that is a row."""
        return self.rows.get(act.result) if type(act.result) is str else None

    def reads(self, who: str = "") -> list[Act]:
        """Every act but the flushes."""
        return [act for act in self.acts if act.what != "flush" and act.who.startswith(who)]


Plan = dict[str, list[tuple[float, str]]]
"""By client; `c2 too` is one more task of the process c2."""


def in_turn(ttl: float, takes: float) -> Plan:
    """Reads that load, hits, and reads just before and just after a row's end; a flush, and reads again. One row is
    empty."""
    later = 2 * ttl
    return {
        "c1": [(0.0, "read"), (0.3 * ttl, "read"), (0.5 * ttl, "other"), (ttl + takes - 0.03, "read"),
               (ttl + takes + 0.07, "read"), (1.4 * ttl, "other"), (1.6 * ttl + 0.1, "other"),
               (1.6 * ttl + 0.18, "read none"), (1.7 * ttl + 0.22, "read none"), (later + 0.1, "read"),
               (later + 0.2, "read"), (later + 0.22, "flush"), (later + 0.3, "read"), (later + 0.36, "read")],
        "c2": [(0.05, "read"), (later + 0.15, "read"), (later + 0.17, "other"), (later + 0.32, "read"),
               (later + 0.34, "other")],
        "c3": [(0.1, "read"), (later + 0.4, "read"), (later + 0.42, "flush"), (later + 0.46, "read")],
    }  # fmt: skip


def overtaken(ttl: float, takes: float) -> Plan:
    """A flush while loads are under way, which take 100 ms; a task of that process hears of it; then all read again."""
    return {
        "c1": [(0.2, "flush"), (0.5, "read")],
        "c2": [(0.15, "read"), (0.45, "read")],
        "c2 too": [(0.215, "other"), (0.47, "read")],
        "c3": [(0.13, "other"), (0.17, "read"), (0.48, "other"), (0.52, "read")],
        "c2 as well": [(0.228, "read")],
    }


def late(ttl: float, takes: float) -> Plan:
    """Three flushes, of which one may take very long."""
    return {
        "c1": [(0.1, "flush"), (0.9, "read")],
        "c2": [(0.2, "flush"), (0.25, "read"), (0.95, "read")],
        "c3": [(0.3, "flush"), (0.35, "read"), (1.0, "read")],
    }


def far_apart(ttl: float, number: int) -> Plan:
    """Two flushes, and a read shortly before the second one: what if the first has been forgotten meanwhile?"""
    gap = (ttl, 2 * ttl, 10 * ttl, 60.0, 3_600.0, 86_400.0, 2_592_000.0, 31_536_000.0)[number % 8]
    return {"c1": [(0.0, "flush"), (gap - 0.15, "read"), (gap + 0.05, "flush"), (gap + 0.1, "read")]}


def namesake(ttl: float, takes: float) -> Plan:
    """Reads of a user between flushes, by two processes."""
    return {
        "c1": [(0.0, "read"), (0.1, "flush"), (0.2, "read"), (0.3, "read"), (0.4, "flush"), (0.5, "read")],
        "c2": [(0.25, "read"), (0.35, "other"), (0.45, "read"), (0.55, "read")],
    }


def many(ttl: float, takes: float) -> Plan:
    """A load that fails; then eleven flushes, and users whose names begin with digits."""
    flushes = [(0.08 + 0.02 * number, "flush") for number in range(9)]
    return {
        "c1": [(0.0, "down"), (0.01, "read nobody"), (0.02, "flush"), (0.04, "read 0x"), (0.06, "read 1x"),
               (0.07, "read x1"), *flushes, (0.28, "read x"), (0.3, "flush"), (0.32, "read x"), (0.34, "read 1x"),
               *((0.36, f"read {user}") for user in ALIKE)],
    }  # fmt: skip


def close_by(ttl: float, takes: float) -> Plan:
    """Flushes without a rest, enough of them that numbers which are drawn, or begin anew, meet; a read after each. For
    a while another process reads as well."""
    return {
        "c1": [(0.0, "read"), *((0.02, what) for _ in range(130) for what in ("flush", "read"))],
        "c2": [(0.0, "read")] * 40,
    }


def refused(ttl: float, takes: float) -> Plan:
    """One command of these is refused."""
    return {"c1": [(0.0, "read"), (0.1, "flush"), (0.2, "read"), (0.3, "read")]}
