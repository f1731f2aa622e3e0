"""What the shop has promised, and what came of it: kept by the shop itself, beside its programs, which know nothing
of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from course_lib.trace import Trace, most_at_once
from course_lib.words import counted

SLOTS = 4
"""Loads that the database stands at once."""


@dataclass(frozen=True, slots=True)
class Account:
    """One run in numbers. `gone`, `twice`, `late` and `overrun` break a promise; the others are what it costs."""

    shown: int
    failed: int
    loads: int
    at_once: int
    orders: int
    gone: int
    twice: int
    late: int
    refused: int

    @property
    def overrun(self) -> bool:
        """More loads at once than the database stands."""
        return self.at_once > SLOTS

    @property
    def broken(self) -> list[str]:
        """The promises that were not kept, each in a sentence without its full stop."""
        said = [
            (self.gone, f"{counted(self.gone, 'acknowledged order')} {_is(self.gone)} gone"),
            (self.twice, f"{counted(self.twice, 'order')} {_is(self.twice)} stored twice"),
            (self.late, f"{counted(self.late, 'result')} overwritten by a worker that had lost its lock"),
            (self.overrun, f"{self.at_once} loads at once, and the database stands {SLOTS}"),
        ]
        return [sentence for broken, sentence in said if broken]

    @property
    def text(self) -> str:
        """What was broken, or that nothing was."""
        return "; ".join(self.broken) if self.broken else "every promise is kept"

    @property
    def numbers(self) -> dict[str, int]:
        """What a room should see, by name."""
        return {
            "pages shown": self.shown, "pages failed": self.failed, "loads": self.loads, "at once": self.at_once,
            "orders with OK": self.orders, "of these gone": self.gone, "stored twice": self.twice,
            "late writes accepted": self.late, "late writes refused": self.refused,
        }  # fmt: skip


@dataclass
class Ledger:
    """What happened, as the shop writes it down while it runs."""

    shown: int = 0
    failed: list[float] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    late: int = 0
    refused: int = 0
    newest: int = 0
    stored: Iterable[str] = ()

    def writes(self, turn: int, *, accepted: bool) -> bool:
        """A worker has written the result of its turn with the lock; was it accepted, although a newer one was there?

        `turn` counts, from 1, how often the lock was taken by then.
        """
        if not accepted:
            self.refused += 1
            return False
        broken = turn < self.newest
        self.late += broken
        self.newest = max(turn, self.newest)
        return broken

    def account(self, trace: Trace) -> Account:
        """The run in numbers."""
        there = Counter(self.stored)
        loads = trace.spans("load")
        return Account(
            shown=self.shown, failed=len(self.failed), loads=len(loads),
            at_once=most_at_once((span.start, span.end) for span in loads),
            orders=len(self.acknowledged), gone=sum(order not in there for order in self.acknowledged),
            twice=sum(times > 1 for times in there.values()), late=self.late, refused=self.refused,
        )  # fmt: skip


def _is(number: int) -> str:
    return "is" if number == 1 else "are"
