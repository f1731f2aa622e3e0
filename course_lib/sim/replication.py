"""A model of asynchronous replication between simulated nodes: a replica can lack what its primary has acknowledged.

One node is the primary. Each command that changed its data travels to every replica, in order, a moment later; of a
script, what it wrote, as since Redis 7. When the primary dies or is cut off, another node can be promoted, with what it
has by then; the rest was lost.
Source: Redis documentation, "Redis replication", "WAIT", https://redis.io/docs/latest/commands/wait/;
tests/sim/test_replication.py compares it with real servers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from redis.exceptions import ResponseError

from course_lib.sim.fake_server import Extension, Session
from course_lib.sim.replicated import MAY_CHANGE_GROUPS, groups_of, libraries_of
from course_lib.sim.simulation import Simulation

Command = tuple[bytes, ...]

READS = frozenset(
    b"AUTH CLIENT COMMAND DBSIZE DISCARD ECHO EXEC EXISTS EXPIRETIME GET GETRANGE HELLO HEXISTS HGET HGETALL HKEYS "
    b"HLEN HMGET HVALS KEYS LINDEX LLEN LRANGE MGET MULTI PING PTTL SCAN SCARD SCRIPT SELECT SISMEMBER SMEMBERS "
    b"SMISMEMBER SSCAN STRLEN TIME TTL TYPE UNWATCH WAIT WATCH XLEN XRANGE ZCARD ZCOUNT ZRANGE ZRANK ZSCORE".split()
)
"""What a replica runs, and a primary without enough replicas. Scripts are refused as a whole."""

CHANGES_FUNCTIONS = frozenset((b"LOAD", b"DELETE", b"FLUSH", b"RESTORE"))
READONLY = "READONLY You can't write against a read only replica."
READONLY_FUNCTION = "READONLY You can't run script with write flag on readonly replica."
NOREPLICAS = "NOREPLICAS Not enough good replicas to write."
NO_WAIT = "ERR WAIT cannot be used with replica instances."
UNBLOCKED = "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"


@dataclass(eq=False)
class _PendingWait:
    """A WAIT that is not answered yet."""

    session: Session
    offset: int
    needed: int


@dataclass(eq=False)
class Member(Extension):
    """One node's part: its role, and its history, which is every change that it made or applied, in order.

    `acknowledged` is, on a primary, how much of its history each replica has confirmed. WAIT asks about what was
    written on its own connection: on one that is new, that is nothing, and every replica has it.
    """

    group: Replication
    number: int
    primary: bool = False
    history: list[tuple[Command, ...]] = field(default_factory=list)
    acknowledged: dict[int, int] = field(default_factory=dict)
    cut_since: float = inf

    def __post_init__(self) -> None:
        self.node = self.group.world.nodes[self.number]
        self._feed: Session | None = None  # from the primary; the loop must be running before there is one
        self._offsets: dict[Session, int] = {}
        self._queued: dict[Session, list[Command]] = {}
        self.waiting: list[_PendingWait] = []
        self._libraries, self._groups = libraries_of(self.node), groups_of(self.node)

    @property
    def able(self) -> bool:
        """Can the other nodes reach it?"""
        return self.node.up and self.cut_since == inf

    # -- what clients meet ---------------------------------------------------------------------------------------------

    def answers(self, session: Session, command: list[bytes]) -> bool:
        name = command[0].upper()
        if session is self._feed or not session.well_formed(command):
            return False
        if name == b"WAIT" and session._queueing:
            return False
        if name == b"WAIT":
            self._wait(session, int(command[1]), int(command[2]) / 1000)
        elif name in READS or (name == b"FUNCTION" and command[1].upper() not in CHANGES_FUNCTIONS):
            return False
        elif not self.primary:
            session.refuse(READONLY_FUNCTION if name == b"FCALL" else READONLY)
        elif self.good_replicas() < self.group.min_replicas:
            session.refuse(NOREPLICAS)
        else:
            return False
        return True

    def wait_in_transaction(self, session: Session) -> int:
        if not self.primary:
            raise ResponseError(NO_WAIT)
        return self.confirmed(self._offsets.get(session, 0))

    def good_replicas(self) -> int:
        """The number of replicas heard from within `max_lag` seconds."""
        now, group = self.group.world.now(), self.group
        heard = [min(member.silent_since, self.silent_since) for member in group.members if member is not self]
        return sum(now - min(since, now) <= group.max_lag for since in heard)

    @property
    def silent_since(self) -> float:
        """When the others last heard from it; infinity if they still do."""
        return self.cut_since if self.node.up else min(self.cut_since, self.group.died.get(self.number, 0.0))

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        name, run = command[0].upper(), tuple(command)
        if session is self._feed:
            return
        libraries, self._libraries = self._libraries, libraries_of(self.node)
        effects, session.effects = session.effects, ()
        changed = changed or libraries != self._libraries
        if name in MAY_CHANGE_GROUPS:
            groups, self._groups = self._groups, groups_of(self.node)
            changed = changed or groups != self._groups
        if name in (b"MULTI", b"DISCARD"):
            self._queued[session] = []
        if name == b"EXEC":
            run_together = tuple(self._queued.pop(session, []))
            if changed:
                self._write(run_together)
        elif changed:
            self._write(effects or (run,))
        elif name != b"MULTI" and session in self._queued:
            self._queued[session].append(run)
        self._offsets[session] = len(self.history)

    def _wait(self, session: Session, needed: int, seconds: float) -> None:
        if not self.primary:
            session.refuse(NO_WAIT)
            return
        asked = _PendingWait(session, self._offsets.get(session, 0), needed)
        session.hold()
        self.waiting.append(asked)
        if self.confirmed(asked.offset) >= needed:
            self.group.world.loop.due(self.group.world.now(), self._answer, asked)
        elif seconds > 0:
            self.group.world.loop.due(self.group.world.now() + seconds, self._answer, asked)

    def _answer(self, asked: _PendingWait) -> None:
        if asked not in self.waiting:
            return
        self.waiting.remove(asked)
        asked.session.release(self.confirmed(asked.offset))

    def confirmed(self, offset: int) -> int:
        """The number of replicas that have confirmed the history up to `offset`."""
        return sum(has >= offset for has in self.acknowledged.values())

    # -- from primary to replica, and back -----------------------------------------------------------------------------

    def _write(self, commands: tuple[Command, ...]) -> None:
        self.history.append(commands)
        for replica in self.group.replicas_of(self):
            self.group.later(replica.number, replica.pull, self, len(self.history))

    def pull(self, primary: Member, upto: int) -> None:
        """Apply what is new in the primary's history, and say so. Nothing happens while either end is unreachable."""
        if not (self.able and primary.able and primary.primary) or self.primary:
            return
        self.node.script_cache.update(primary.node.script_cache)
        for commands in primary.history[len(self.history) : upto]:
            for command in commands:
                self._apply(command)
            self.history.append(commands)
        self.group.later(self.number, primary.hears, self, len(self.history))

    def hears(self, replica: Member, offset: int) -> None:
        """A replica confirms how much it has, which may answer a WAIT."""
        if self.able and replica.able and self.primary:
            self.acknowledged[replica.number] = max(offset, self.acknowledged.get(replica.number, 0))
            for asked in [one for one in self.waiting if self.confirmed(one.offset) >= one.needed]:
                self._answer(asked)

    def follow(self, primary: Member) -> None:
        """Become a replica: drop what the primary never had, then take what is missing."""
        self.primary = False
        for asked in self.waiting:
            asked.session.release(ResponseError(UNBLOCKED))
        self.waiting.clear()
        self.acknowledged.clear()
        if self.history != primary.history[: len(self.history)]:
            self._apply((b"FLUSHALL",))
            self._apply((b"FUNCTION", b"FLUSH"))
            self.history.clear()
        self.group.later(self.number, self.pull, primary, len(primary.history))

    def _apply(self, command: Command) -> None:
        if self._feed is None:
            self._feed = Session.accept(self.node, 0, self._applied)
        self._feed.execute(list(command))

    def _applied(self, reply: Any) -> None:
        if isinstance(reply, Exception):
            self.group.diverged.append(f"{self.node.name}: {reply}")


class Replication:
    """A primary, which is node 0 at first, and its replicas: all nodes of a world.

        group = Replication(world, lag=(0.002,))
        world.at(0.5, group.cut, 0)             # no other node hears of it from now on; clients do
        world.at(1.0, group.promote)            # the one that has most; the others follow it, if they can
        world.at(2.0, group.heal, 0)            # it comes back as a replica, and drops what nobody else has

    Units: `lag` in seconds, from the primary to each replica, and the same back for its acknowledgement; the last one
    holds for all further nodes. `min_replicas` and `max_lag` (seconds) are min-replicas-to-write and -max-lag.
    Does not: copy TTLs to the moment; limit its memory of the past; elect anybody; lose or reorder a part of a stream;
    send what a script within MULTI wrote (it sends the script, whose TIME is another on a replica).
    """

    def __init__(
        self, world: Simulation, *, lag: Sequence[float] = (0.001,), min_replicas: int = 0, max_lag: float = 10.0
    ) -> None:
        self.world, self.min_replicas, self.max_lag = world, min_replicas, max_lag
        self._lag = lag
        self.died: dict[int, float] = {}
        self.diverged: list[str] = []
        self.members = [Member(self, number) for number in range(len(world.nodes))]
        self.named = self.members[0]
        self.named.primary = True
        self.named.acknowledged = {member.number: 0 for member in self.members[1:]}
        for member in self.members:
            member.node.extension = member

    def later(self, number: int, action: Callable[..., object], *args: Any) -> None:
        """When a message between the primary and that replica arrives."""
        seconds = self._lag[min(number, len(self._lag)) - 1] if number else self._lag[-1]
        self.world.loop.due(self.world.now() + seconds, action, *args)

    def replicas_of(self, primary: Member) -> list[Member]:
        """The members that follow it."""
        return [member for member in self.members if member is not primary and not member.primary]

    def cut(self, number: int) -> None:
        """Cut this node off from the other nodes. Clients still reach all of them."""
        member = self.members[number]
        member.cut_since = min(member.cut_since, self.world.now())
        self.world.note(member.node.name, "cut off")

    def kill(self, number: int) -> None:
        """Kill this node; what was on its way to the others is lost."""
        self.died[number] = self.world.now()
        self.world.down(number, inf)

    def promote(self, number: int | None = None) -> None:
        """Make this replica the primary; by default the one with the longest history, which Sentinel prefers too."""
        able = [member for member in self.members if member.able]
        replicas = [member for member in able if not member.primary]
        if number is None and not replicas:
            return
        chosen = max(replicas, key=lambda member: len(member.history)) if number is None else self.members[number]
        self.world.note(chosen.node.name, "promoted")
        chosen.primary, self.named = True, chosen
        for member in able:
            if member is not chosen:
                member.follow(chosen)

    def heal(self, number: int) -> None:
        """Let the nodes reach each other again; a node that is no longer the primary follows the one that is."""
        member = self.members[number]
        if member.cut_since == inf:
            return
        member.cut_since = inf
        self.world.note(member.node.name, "healed")
        for other in self.members:
            if other is not self.named and other.able:
                other.follow(self.named)
