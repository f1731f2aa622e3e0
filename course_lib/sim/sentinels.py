"""Sentinels that vote: when hosts die, those that are left elect one of them, and it promotes a replica.

Source: Redis documentation, "High availability with Redis Sentinel",
https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import inf

from redis.exceptions import RedisError

from course_lib.sim.fake_server import Extension, Session
from course_lib.sim.simulation import Simulation
from course_lib.sim.wait_until import until

DIE, LOOK, AGREE, GIVE_UP = 0.5, 1.0, 1.3, 2.5
"""Seconds: when the hosts die, when Sentinels look, when they ask each other, and when they have stopped trying."""


class Role(Extension):
    """A node that is the primary, or a replica until it is told REPLICAOF NO ONE."""

    def __init__(self, *, primary: bool) -> None:
        self.primary = primary

    def answers(self, session: Session, command: list[bytes]) -> bool:
        name = command[0].upper()
        if name == b"REPLICAOF":
            self.primary = True
            session.put_response(b"OK")
        elif name == b"SET" and not self.primary:
            session.refuse("READONLY You can't write against a read only replica.")
        else:
            return False
        return True


class Sentinels:
    """A primary and its replicas, which are the nodes of a world, and the Sentinels that watch them, by host.

    `replicas` are pairs of a host and its replica-priority. `votes` is the number of votes that a Sentinel needs to
    lead a failover. A host in `dead` is gone for good once the hosts die. Each Sentinel is a client, named by its host;
    what they tell each other is noted in the trace, and is not sent.
    """

    def __init__(
        self, world: Simulation, primary: str, replicas: Sequence[tuple[str, int]], sentinels: Sequence[str], *,
        quorum: int, votes: int,
    ) -> None:  # fmt: skip
        self.world, self.replicas, self.hosts, self.quorum, self.votes = world, replicas, sentinels, quorum, votes
        self.dead: set[str] = set()
        self._sees_it_down: set[int] = set()
        self._votes: dict[tuple[int, int], int] = {}  # (epoch, Sentinel) → for whom
        places = [("primary", primary), *(("replica", host) for host, _ in replicas)]
        self._roles = [Role(primary=number == 0) for number, _ in enumerate(places)]
        for number, (role, host) in enumerate(places):
            node = world.nodes[number]
            node.name, node.extension = f"{role} {number} on {host}", self._roles[number]
            world.at(DIE, self._die, number, host)
        for number in range(len(sentinels)):
            world.client(self._name(number), partial(self._watch, number), start=LOOK + 0.01 * number)

    def _name(self, number: int) -> str:
        return f"s{number + 1} on {self.hosts[number]}"

    def _die(self, number: int, host: str) -> None:
        if host in self.dead:
            self.world.down(number, inf)

    def _alive(self) -> list[int]:
        return [number for number, host in enumerate(self.hosts) if host not in self.dead]

    async def _watch(self, me: int) -> None:
        if me not in self._alive():
            return
        try:
            await self.world.redis(0).ping()
            return
        except RedisError:
            self._sees_it_down.add(me)
        await until(self.world, AGREE + 0.03 * me)
        if len(self._sees_it_down) < self.quorum:
            self.world.note(self._name(me), f"{len(self._sees_it_down)} see it down, quorum {self.quorum}")
            return
        await self._campaign(me)

    async def _campaign(self, me: int) -> None:
        """Ask for votes, epoch after epoch; each Sentinel votes once in an epoch, for the first that asks."""
        for epoch in range(1, 4):
            if any(role.primary for role in self._roles[1:]):
                return
            mine = 0
            for voter in [me, *(number for number in self._alive() if number != me)]:
                mine += self._votes.setdefault((epoch, voter), me) == me
                await until(self.world, self.world.now() + 0.002)
            if mine >= self.votes:
                self.world.note(self._name(me), f"elected: {mine} of {self.votes} votes")
                await self._promote()
                return
            if mine:
                self.world.note(self._name(me), f"{mine} of {self.votes} votes")
            await until(self.world, AGREE + 0.3 * epoch + 0.1 * self.world.draws(f"again{me}/{epoch}")())

    async def _promote(self) -> None:
        """Of the replicas that are there, the one with the lowest priority, unless that is 0."""
        for number, (host, priority) in sorted(enumerate(self.replicas, 1), key=lambda one: one[1][1]):
            if priority > 0 and host not in self.dead:
                await self.world.redis(number).replicaof("NO", "ONE")
                return
