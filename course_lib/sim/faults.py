"""What can go wrong, and when: faults decide at each command that leaves a client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from course_lib.sim.draws import Draws
from course_lib.sim.fake_server import SimNode
from course_lib.sim.ground import Ground
from course_lib.sim.process import Process

Loss = Literal["request lost", "reply lost"]
Kind = Literal["crash", "pause", "lose request", "lose reply", "node down", "clock step"]
KINDS: tuple[Kind, ...] = ("crash", "pause", "lose request", "lose reply", "node down", "clock step")


@dataclass(slots=True)
class Send:
    """A command that is about to leave: which client of which process sends what to which node."""

    client: str
    process: Process | None
    node: SimNode
    command: tuple[bytes, ...]


class Faults:
    """Nothing goes wrong. Subclass it and override `on_send`."""

    def rewind(self, seed: int) -> None:
        """A new run begins: forget the last one."""

    def on_send(self, world: Ground, send: Send) -> Loss | None:
        """Called just before a command leaves.

        May call `world.crash(send.process)` (then it never leaves), `world.pause(send.process, seconds)` (it leaves
        when the process wakes) or `world.down(send.node, seconds)` (it is refused). Returns which message to lose, if
        any.
        """
        return None


@dataclass
class OneFault(Faults):
    """Exactly one fault, at the `at`-th command (from 1) that `client` sends; without a client, of all commands.

    Units: `seconds` is how long a pause or an outage lasts, or by how much the node's clock jumps.
    `sends` counts the commands seen, so that a search knows when it has tried every place.
    """

    kind: Kind
    at: int
    seconds: float = 1.0
    client: str | None = None
    sends: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; it must be one of {', '.join(KINDS)}")
        if type(self.at) is not int or self.at < 1:
            raise ValueError(f"at is {self.at!r}; sends are counted from 1, so give a whole number")

    def rewind(self, seed: int) -> None:
        self.sends = 0

    def on_send(self, world: Ground, send: Send) -> Loss | None:
        if self.client is not None and send.client != self.client:
            return None
        self.sends += 1
        return inflict(self.kind, self.seconds, world, send.process, send.node) if self.sends == self.at else None


class RandomFaults(Faults):
    """Each command meets each kind of fault with a probability of its own.

    `RandomFaults(pause=0.02, lose_reply=0.01, seconds=0.5)`: names as in `Kind` with underscores; probabilities in
    [0, 1].
    """

    def __init__(self, *, seconds: float = 1.0, **chances: float) -> None:
        self.chances: dict[Kind, float] = {}
        for name, chance in chances.items():
            kind = next((k for k in KINDS if k == name.replace("_", " ")), None)
            if kind is None or not 0 <= chance <= 1:
                raise ValueError(f"{name}={chance!r}: give a probability in [0, 1] for one of {', '.join(KINDS)}")
            self.chances[kind] = chance
        self.seconds = seconds
        self._draw = Draws(0, "faults")

    def rewind(self, seed: int) -> None:
        self._draw.reseed(seed, "faults")

    def on_send(self, world: Ground, send: Send) -> Loss | None:
        for kind, chance in self.chances.items():
            if self._draw() < chance:
                return inflict(kind, self.seconds, world, send.process, send.node)
        return None


def inflict(kind: Kind, seconds: float, world: Ground, process: Process | None, node: SimNode) -> Loss | None:
    """Have this fault strike; if it is the loss of a message, say which one is to be lost."""
    if kind == "lose request":
        return "request lost"
    if kind == "lose reply":
        return "reply lost"
    if kind == "node down":
        world.down(node, seconds)
    elif kind == "clock step":
        world.step_clock(node, seconds)
    elif process is not None and kind == "crash":
        world.crash(process)
    elif process is not None:
        world.pause(process, seconds)
    return None
