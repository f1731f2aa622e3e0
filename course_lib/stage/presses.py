"""What an instructor can press, and a list of presses as a replay code: `R2-failures-8-S1K1200.E2000.-7KQ3X`.

The code holds the version of the programs, the number of readers, the seed, and for each press a letter and the
millisecond at which it strikes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from course_lib.errors import BadReplayCode
from course_lib.explore.replay_code import sealed, unsealed

NAMES = {False: "failures", True: "failures.mended"}
"""What a code says is played: the programs as most people write them first, or the mended ones."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure that can be pressed: its key, its letter in a code, its name, and what it does to whom."""

    key: str
    letter: str
    name: str
    does: str


FAULTS = (
    Fault("k", "K", "kill primary", "it dies just after it has stored the next order; the Sentinels promote a replica"),
    Fault("p", "P", "partition", "for 2.5 s the primary and the other servers cannot reach each other; clients can"),
    Fault("h", "H", "pause the holder", "the worker that holds the lock, or takes it next, stands still for 0.8 s"),
    Fault("e", "E", "expire the hot key", "the TTL of the page ends now"),
    Fault("a", "A", "+100 clients", "100 more readers come"),
    Fault("c", "C", "skew a clock", "the clock of the primary jumps ahead by 10 s"),
    Fault("l", "R", "lose a reply", "the till's next order is stored, and the reply is lost"),
)
BY_LETTER = {fault.letter: fault for fault in FAULTS}


class Press(NamedTuple):
    """A failure, by its letter, and when it strikes. Units: `ms` of the run."""

    letter: str
    ms: int

    @property
    def fault(self) -> Fault:
        """Which failure that is."""
        return BY_LETTER[self.letter]

    @property
    def seconds(self) -> float:
        """When it strikes, in seconds of the run."""
        return self.ms / 1000


@dataclass(frozen=True, slots=True)
class Scene:
    """A run of the shop: the same scene is the same run in the simulation, on every machine."""

    presses: tuple[Press, ...] = ()
    mended: bool = False
    seed: int = 1
    readers: int = 8

    @property
    def code(self) -> str:
        """The scene as a replay code."""
        pressed = "".join(f"{letter}{ms}." for letter, ms in self.presses)
        return sealed(NAMES[self.mended], str(self.readers), f"S{self.seed}{pressed}")


def scene_of(code: str) -> Scene:
    """The scene of a code. Raises: BadReplayCode, which says what is wrong with it."""
    name, readers, happens = unsealed(code, NAMES[False])
    versions = {text: mended for mended, text in NAMES.items()}
    found = re.fullmatch(r"S(\d+)((?:[A-Z]\d+\.)*)", happens)
    presses = [Press(letter, int(ms)) for letter, ms in re.findall(r"([A-Z])(\d+)\.", found[2])] if found else []
    if found is None or name not in versions or not {press.letter for press in presses} <= set(BY_LETTER):
        raise BadReplayCode(f"{code!r} belongs to {name!r}, not to the failure deck.")
    return Scene(tuple(presses), versions[name], int(found[1]), int(readers))
