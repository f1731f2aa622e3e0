"""What several experiments set up alike: scripts that every node knows already, and tokens that say whose they are."""

from __future__ import annotations

from itertools import count

from course_lib.patterns.basics import Token
from course_lib.sim import Simulation as Simulated


def load_scripts(world: Simulated, *scripts: str) -> None:
    """Let every node learn the scripts, as a service does when it starts, so that an acquisition is one round trip.

    It runs the world, and removes what it did from the trace.
    """

    async def load() -> None:
        for node in range(len(world.nodes)):
            for script in scripts:
                await world.redis(node).script_load(script)

    world.client("start", load)
    world.run()
    world.trace.events.clear()


def tokens_of(who: str) -> Token:
    """A maker of tokens `who.1`, `who.2`, …: a picture shows whose each is. In earnest a token must be random."""
    numbers = count(1)
    return lambda: f"{who}.{next(numbers)}"
