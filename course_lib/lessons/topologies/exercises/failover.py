"""A primary and its replicas in a run of 01.3, 01.5 or 01.6, and Sentinel, which says where the primary is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError
from redis.sentinel import MasterNotFoundError

from course_lib.explore import Play, Replication, until
from course_lib.grading.acts import Acts
from course_lib.grading.evidence import JUDGE, seen


@dataclass
class Failover(Acts):
    """`reported` is what was reported as written. `noticed`: Sentinel has heard nothing of the first primary."""

    group: Replication = field(kw_only=True)
    reported: list[str] = field(default_factory=list)
    noticed: bool = False

    async def find(self) -> Redis:
        """What Sentinel's client does: ask for the primary, and refuse one that is known to be down."""
        await until(self.world, self.world.now() + 0.001)
        if self.noticed and self.group.named.number == 0:
            raise MasterNotFoundError("No master found for 'course'")
        return self.world.redis(self.group.named.number)

    def look(self, when: float, command: str) -> None:
        """Then the judge asks the server that is the primary in the end what `visits` holds."""

        async def look() -> None:
            redis: Any = self.world.redis(self.group.named.number)
            with suppress(ResponseError):  # the trace has it
                await redis.execute_command(command, "visits")

        self.world.client(JUDGE, look, start=when)


def lost(run: Play) -> list[str]:
    """The reports that are not on the server that is the primary in the end."""
    there = {member.decode() for event in seen(run, JUDGE) for member in event.reply}
    return [name for name in run.witness.reported if name not in there]
