"""The simulated Redis server: fakeredis, on a clock of its own.

Only this module and those whose names begin with `fake_server_` know fakeredis from inside. The private names that they
rest on are listed in tests/sim/test_private_names.py, which fails when an upgrade moves one. A node stands alone
unless an `Extension` gives it others (see `replication`). Not simulated at all: tracking, eviction, persistence.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

import fakeredis
import fakeredis.aioredis
import redis.asyncio as aioredis
from fakeredis._helpers import NoResponse, SimpleError
from fakeredis._typing import ServerType
from fakeredis.model import ClientInfo
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from course_lib.sim.fake_server_arguments import ArgumentSocket
from course_lib.sim.fake_server_direct import DirectSocket
from course_lib.sim.fake_server_fixes import NOW, AccessRules, NodeDatabase, OrderedSet, SortedSocket
from course_lib.sim.fake_server_scripts import ScriptEngine, ScriptSocket
from course_lib.sim.loop import SimLoop

EPOCH = 1_700_000_000.0
"""What a simulated server's TIME says at the start: 2023-11-14 22:13:20 UTC."""


class Extension:
    """What a topology adds to a node, such as replication or redirection: nothing, unless a method is overridden."""

    def answers(self, session: Session, command: list[bytes]) -> bool:
        """Called before each command of a client. True: it was answered here (`refuse`, `hold`) and does not run."""
        return False

    def wait_in_transaction(self, session: Session) -> int:
        """What a WAIT answers inside MULTI, where nothing waits: how many replicas have said that they have it all."""
        return 0

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        """Called after each command that ran; `changed`: it changed data. Not called for a command that had blocked."""


class SimNode(fakeredis.FakeServer):
    """A simulated Redis server: a fakeredis server with a name, a clock that can be wrong, and a power switch."""

    def __init__(self, loop: SimLoop, name: str, version: tuple[int, ...], scripts: ScriptEngine) -> None:
        super().__init__(version=version)
        self.loop, self.name, self.scripts = loop, name, scripts
        self.first_sessions: dict[int, dict[str, Any]] = {}  # by database; what a new connection is copied from
        self.acl: AccessRules = AccessRules()
        self.dbs: Any = defaultdict(self._database)
        self._emptied: list[NodeDatabase] = []
        self.rewind()

    def rewind(self) -> None:
        """Go back to the start: no keys, the right time, the power on."""
        self.skew, self.down_until, self.changed = 0.0, 0.0, False
        self.extension: Extension | None = None
        self.observer: Callable[[SimNode], object] | None = None  # told after each command that changed data
        self.blocked: dict[Session, Callable[[bool], Any]] = {}
        for database in self.dbs.values():
            database.empty()
            self._emptied.append(database)
        self.dbs.clear()
        self.subscribers: Any = defaultdict(OrderedSet)
        self.psubscribers: Any = defaultdict(OrderedSet)
        self.ssubscribers: Any = defaultdict(OrderedSet)
        self.script_cache.clear()
        self.sockets.clear()
        self.closed_sockets.clear()
        self.scan_cursors.clear()
        self.config = {}
        if self.acl.asked:
            self.acl = AccessRules()
        self.lastsave, self.pause_until, self._next_client_id = int(EPOCH), 0.0, 1
        self.random: dict[str, int] = {}  # of scripts, by client
        if (functions := getattr(self, "_lua_functions", None)) is not None:
            functions.libraries.clear()

    def _database(self) -> NodeDatabase:
        return self._emptied.pop() if self._emptied else NodeDatabase(self)

    @property
    def up(self) -> bool:
        """Can it be reached?"""
        return self.loop.now >= self.down_until

    def now(self) -> float:
        """What this server's wall clock says, in seconds since 1970."""
        return EPOCH + self.loop.now + self.skew

    def serve_blocked(self) -> None:
        """Retry blocked commands, longest blocked first, until none can go on."""
        while self.changed:
            self.changed = False
            for session in list(self.blocked):
                if session in self.blocked:
                    session.retry()


def _broken(error: Exception) -> ResponseError:
    return ResponseError(f"SIMULATOR {type(error).__name__}: {error}")


class Session(DirectSocket, ScriptSocket, ArgumentSocket, SortedSocket):
    """One client's connection as the server sees it: commands in, replies out through `answer(reply)`."""

    _server: SimNode
    server_type: ServerType = "redis"  # fakeredis asks its server, five times in a command
    answer: Callable[[Any], None]
    _inbox: deque[list[bytes]]
    _timer: asyncio.TimerHandle | None = None
    _shape: Callable[[Any], Any] | None = None

    @classmethod
    def accept(cls, node: SimNode, db: int, answer: Callable[[Any], None], user: str = "") -> Session:
        """A new connection to `node`: a copy of the first one, which costs a twentieth of building it again. Without a
        user it is the simulator's own, and no ACL applies to it."""
        if db not in node.first_sessions:
            model = cls(node, db, client_class=aioredis.Redis)
            model.load_lua_modules = frozenset()  # type: ignore[assignment]  # one for all, so that none can change it
            node.first_sessions[db] = vars(model)
            node.sockets.remove(model)
            node._next_client_id -= 1
        first = node.first_sessions[db]
        info = ClientInfo.__new__(ClientInfo)
        info.update(first["_client_info"])
        info["id"], info["-created"], info["user"] = node.get_next_client_id(), int(node.now()), user
        session = cls.__new__(cls)
        session.__dict__ = {
            **first, "_inbox": deque(), "_watches": set(), "_subkey_events": [], "_fieldsets": {}, "answer": answer,
            "_client_info": info,
        }  # fmt: skip
        session.rejoin()
        return session

    def execute(self, command: list[bytes]) -> None:
        """Run a command now, or once the command that blocks this connection is done."""
        self._inbox.append(command)
        if not self._paused:
            self.resume()

    def resume(self) -> None:
        self._paused, node = False, self._server
        while self._inbox and not self._paused:
            token = NOW.set(node.now)
            try:
                command, extension = self._inbox.popleft(), node.extension
                self._said = command
                if extension is None or not extension.answers(self, command):
                    self._process_command(command)
                    if extension is not None:
                        extension.ran(self, command, node.changed)
                if node.changed:
                    if node.observer is not None:
                        node.observer(node)
                    node.serve_blocked()
            except Exception as error:  # a bug in fakeredis: say so rather than leave the client waiting
                self.put_response(_broken(error))
            finally:
                NOW.reset(token)

    def put_response(self, msg: Any) -> None:
        self.answer(msg)

    def refuse(self, text: str) -> None:
        """Answer the command with an error; a transaction that would have contained it fails too."""
        if self._queueing:
            self._transaction_failed = True
        self.put_response(self._decode_error(SimpleError(text)))

    def hold(self) -> None:
        """Have the command answered later, by `release`; until then the connection runs no other."""
        self._paused = True

    def hang_up(self) -> None:
        """The server noticed that the client is gone: forget its subscriptions, watches and blocked command."""
        self._unblock()
        self._inbox.clear()
        self._discard_subscriptions()
        self._clear_watches()
        if self in self._server.sockets:
            self._server.sockets.remove(self)

    def kill(self) -> None:
        """CLIENT KILL: after earlier answers, the client finds its connection closed."""
        if not self._killed:
            self._killed = True
            self.hang_up()
            loop = self._server.loop
            hung_up = RedisConnectionError("Connection closed by server.")  # as redis-py says it
            loop.due(loop.now, self.answer, hung_up)  # after the reply to CLIENT KILL itself

    @property
    def killed(self) -> bool:
        """Did the server close it?"""
        return self._killed

    @property
    def subscribed(self) -> bool:
        """Does it receive what others publish? Such a connection runs no other commands."""
        return bool(self._pubsub)

    def rejoin(self) -> None:
        """Register with the node again, which a rewind has emptied."""
        self._db = self._server.dbs[self._db_num]
        self._server.sockets.append(self)

    # -- blocking commands: first come, first served, which fakeredis's are not ----------------------------------------

    def _blocking(
        self, timeout: float | None, func: Callable[[bool], Any], shape: Callable[[Any], Any] | None = None
    ) -> Any:
        reply = func(True)
        if reply is not None or self._in_transaction or self._script_resp is not None:  # a script never waits
            return reply if shape is None else shape(reply)
        self._blocked = self._paused = True
        self._shape = shape
        self._server.blocked[self] = func
        if timeout:
            self._timer = self._server.loop.call_later(timeout, self._give_up)
        return NoResponse()

    def retry(self) -> None:
        """Something changed: can the blocked command go on?"""
        try:
            if self._unblock_reason is not None:
                self._take_unblock_reason()
                self._go_on(None)
            elif (reply := self._server.blocked[self](False)) is not None:
                self._go_on(reply)
        except Exception as error:
            self._unblock()
            self.release(error if isinstance(error, SimpleError) else _broken(error))

    def _give_up(self) -> None:
        token = NOW.set(self._server.now)
        try:
            self._go_on(None)
        finally:
            NOW.reset(token)

    def _go_on(self, reply: Any) -> None:
        shape = self._shape
        self._unblock()
        self.release(reply if shape is None else shape(reply))

    def release(self, reply: Any) -> None:
        """Answer the command that was held or blocked, and go on."""
        self.put_response(self._decode_result(reply))
        self.resume()

    def _unblock(self) -> None:
        self._blocked, self._unblock_reason, self._shape = False, None, None
        self._server.blocked.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _get_server_runtime(self, server: Any) -> Any:
        if not hasattr(server, "_lua_runtime"):
            server.scripts.attach(server)
        return server._lua_runtime
