"""The simulated Redis server: fakeredis, on a clock of its own. With fakes_rules.py and fakes_waiting.py all
that knows it from inside.

What fakeredis 2.40 lacks or does otherwise is mended here, each with its reason; tests/sim/test_private_names.py fails
loudly when an upgrade moves one of the private names. A node stands alone, unless an Extension gives it others (see
replication.py). Not simulated at all: tracking, eviction, persistence.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time as real_time
from collections import defaultdict, deque
from collections.abc import Callable
from contextvars import ContextVar
from functools import cached_property
from typing import Any

import fakeredis
import fakeredis.aioredis
import redis.asyncio as aioredis
from fakeredis import _msgs as msgs
from fakeredis._core._database import Database
from fakeredis._helpers import NoResponse, SimpleError
from fakeredis._typing import ServerType
from fakeredis.commands_mixins import scripting_mixin
from fakeredis.commands_mixins.scripting_mixin import LUA_MODULE
from fakeredis.model import ClientInfo
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from course_lib.sim.fake_server_blocking import Waiting
from course_lib.sim.fake_server_rules import Rules
from course_lib.sim.loop import SimLoop
from course_lib.sim.lua_sandbox import Failure, Sandbox

EPOCH = 1_700_000_000.0
"""What a simulated server's TIME says at the start: 2023-11-14 22:13:20 UTC."""

HUNG_UP = "Connection closed by server."
"""What redis-py says of a connection that the server closed."""

_NOW: ContextVar[Callable[[], float]] = ContextVar("fakeredis_now", default=real_time.time)  # noqa: TID251  # what is replaced


class _Clock:
    """Stands where fakeredis's modules hold the module `time`: `time()` asks the node that runs the command."""

    def time(self) -> float:
        return _NOW.get()()

    def __getattr__(self, name: str) -> Any:
        return getattr(real_time, name)


def rebind_clock() -> list[str]:
    """Give every fakeredis module the clock above; return their names. Outside a simulation it tells the real time."""
    clock = _Clock()
    modules = [
        m for name, m in sys.modules.items() if name.startswith("fakeredis") and getattr(m, "time", None) is real_time
    ]
    for module in modules:
        module.time = clock  # type: ignore[attr-defined]
    return [module.__name__ for module in modules]


SEAMS = rebind_clock()


class Ordered(dict[Any, None]):
    """A set that iterates in order of insertion, where fakeredis has one that iterates by address."""

    def add(self, member: Any) -> None:
        self[member] = None

    def remove(self, member: Any) -> None:
        del self[member]

    def discard(self, member: Any) -> None:
        self.pop(member, None)


class _Database(Database):
    """Tells its node of changes at once, so that blocked clients are served before the next command runs."""

    def __init__(self, node: Node) -> None:
        super().__init__(node.lock)
        self._node = node

    def empty(self) -> None:
        """As new, which costs four times as much."""
        self.time = 0.0
        self._dict.clear()
        self._expiry_heap.clear()
        self._watches.clear()
        self._change_callbacks.clear()

    def wake_all(self) -> None:
        self._node.changed = True


class Extension:
    """What a topology adds to a node, such as replication or redirection: nothing, unless a method is overridden."""

    def answers(self, session: Session, command: list[bytes]) -> bool:
        """Asked before each command of a client. True: it was answered here (`refuse`, `hold`), and does not run."""
        return False

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        """Told after each command that ran, and whether it changed data. Not of what blocked, and went on later."""


class Node(fakeredis.FakeServer):
    """A simulated Redis server: a fakeredis server with a name, a clock that may be wrong, and a power switch."""

    def __init__(self, loop: SimLoop, name: str, version: tuple[int, ...], scripts: ScriptEngine) -> None:
        super().__init__(version=version)
        self.loop, self.name, self.scripts = loop, name, scripts
        self.first_sessions: dict[int, dict[str, Any]] = {}  # by database; what a new connection is copied from
        self.acl: Rules = Rules()
        self.dbs: Any = defaultdict(self._database)
        self._emptied: list[_Database] = []
        self.rewind()

    def rewind(self) -> None:
        """Empty, in time, powered."""
        self.skew, self.down_until, self.changed = 0.0, 0.0, False
        self.extension: Extension | None = None
        self.blocked: dict[Session, Callable[[bool], Any]] = {}
        for database in self.dbs.values():
            database.empty()
            self._emptied.append(database)
        self.dbs.clear()
        self.subscribers: Any = defaultdict(Ordered)
        self.psubscribers: Any = defaultdict(Ordered)
        self.ssubscribers: Any = defaultdict(Ordered)
        self.script_cache.clear()
        self.sockets.clear()
        self.closed_sockets.clear()
        self.scan_cursors.clear()
        self.config = {}
        if self.acl.asked:
            self.acl = Rules()
        self.lastsave, self.pause_until, self._next_client_id = int(EPOCH), 0.0, 1
        self.random = 0x1234ABCD330E  # of scripts; what a server starts with
        if (functions := getattr(self, "_lua_functions", None)) is not None:
            functions.libraries.clear()

    def _database(self) -> _Database:
        return self._emptied.pop() if self._emptied else _Database(self)

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


class Session(Waiting):
    """One client's connection as the server sees it: commands in, replies out through `answer(reply)`."""

    _server: Node
    server_type: ServerType = "redis"  # fakeredis asks its server, five times in a command
    answer: Callable[[Any], None]
    _inbox: deque[list[bytes]]
    _timer: asyncio.TimerHandle | None = None
    _shape: Callable[[Any], Any] | None = None

    @classmethod
    def accept(cls, node: Node, db: int, answer: Callable[[Any], None]) -> Session:
        """A new connection to `node`: a copy of the first one, which costs a twentieth of building it again."""
        if db not in node.first_sessions:
            model = cls(node, db, client_class=aioredis.Redis)
            model.load_lua_modules = frozenset()  # type: ignore[assignment]  # one for all, so that none can change it
            node.first_sessions[db] = vars(model)
            node.sockets.remove(model)
            node._next_client_id -= 1
        first = node.first_sessions[db]
        info = ClientInfo.__new__(ClientInfo)
        info.update(first["_client_info"])
        info["id"], info["-created"] = node.get_next_client_id(), int(node.now())
        session = cls.__new__(cls)
        session.__dict__ = {
            **first, "_inbox": deque(), "_watches": set(), "_subkey_events": [], "_fieldsets": {}, "answer": answer,
            "_client_info": info,
        }  # fmt: skip
        session.rejoin()
        return session

    def execute(self, command: list[bytes]) -> None:
        """Run a command now, or when the one that blocks this connection is through."""
        self._inbox.append(command)
        if not self._paused:
            self.resume()

    def resume(self) -> None:
        self._paused = False
        node = self._server
        while self._inbox and not self._paused:
            token = _NOW.set(node.now)
            try:
                command, extension = self._inbox.popleft(), node.extension
                if extension is None or not extension.answers(self, command):
                    self._process_command(command)
                    if extension is not None:
                        extension.ran(self, command, node.changed)
                if node.changed:
                    node.serve_blocked()
            except Exception as error:  # fakeredis itself broke: say so rather than leave the client waiting
                self.put_response(_broken(error))
            finally:
                _NOW.reset(token)

    def put_response(self, msg: Any) -> None:
        self.answer(msg)

    def refuse(self, text: str) -> None:
        """Answer the command with an error; a transaction that it would be part of fails as well."""
        if self._queueing:
            self._transaction_failed = True
        self.put_response(self._decode_error(SimpleError(text)))

    def hold(self) -> None:
        """The command is answered later, by `release`; until then the connection runs no other."""
        self._paused = True

    def release(self, reply: Any) -> None:
        """Answer the command that was held, and go on."""
        self._reply_and_resume(reply)

    def hang_up(self) -> None:
        """The server noticed that the client is gone: forget its subscriptions, watches and blocked command."""
        self._unblock()
        self._inbox.clear()
        self._discard_subscriptions()
        self._clear_watches()
        if self in self._server.sockets:
            self._server.sockets.remove(self)

    def kill(self) -> None:
        """CLIENT KILL: the client finds its connection closed, after what was answered before."""
        if not self._killed:
            self._killed = True
            self.hang_up()
            loop = self._server.loop
            loop.due(loop.now, self.answer, RedisConnectionError(HUNG_UP))  # after the reply to CLIENT KILL itself

    @property
    def killed(self) -> bool:
        """Did the server close it?"""
        return self._killed

    @property
    def subscribed(self) -> bool:
        """Does it hear of what others publish? Such a connection runs no other commands."""
        return bool(self._pubsub)

    def rejoin(self) -> None:
        """Enter the node's books, which a rewind emptied."""
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
        except SimpleError as error:
            self._unblock()
            self._reply_and_resume(error)
        except Exception as error:
            self._unblock()
            self.put_response(_broken(error))
            self.resume()

    def _give_up(self) -> None:
        token = _NOW.set(self._server.now)
        try:
            self._go_on(None)
        finally:
            _NOW.reset(token)

    def _go_on(self, reply: Any) -> None:
        shape = self._shape
        self._unblock()
        self._reply_and_resume(reply if shape is None else shape(reply))

    def _reply_and_resume(self, reply: Any) -> None:
        self.put_response(self._decode_result(reply))
        self.resume()

    def _unblock(self) -> None:
        self._blocked, self._unblock_reason, self._shape = False, None, None
        self._server.blocked.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- single commands -----------------------------------------------------------------------------------------------

    def xpending(self, *args: Any) -> Any:
        """In the summary Redis has nil for no consumers, and counts that are strings."""
        reply = super().xpending(*args)
        if isinstance(reply, list) and reply and isinstance(reply[0], int):
            reply[3] = [[name, b"%d" % count] for name, count in reply[3]] or None
        return reply

    def smembers(self, key: Any) -> list[bytes]:
        """Sorted: a Python set's order follows PYTHONHASHSEED, and a trace must not."""
        return sorted(super().smembers(key))

    def sdiff(self, *keys: Any) -> Any:
        return sorted(super().sdiff(*keys))

    def sinter(self, *keys: Any) -> Any:
        return sorted(super().sinter(*keys))

    def sunion(self, *keys: Any) -> Any:
        return sorted(super().sunion(*keys))

    def _get_server_runtime(self, server: Any) -> Any:
        if not hasattr(server, "_lua_runtime"):
            server.scripts.attach(server)
        return server._lua_runtime


# -- Lua ---------------------------------------------------------------------------------------------------------------

_NO_ARGUMENT = "ERR Please specify at least one argument for this redis lib call"
_REPHRASED = {  # what fakeredis says: what Redis 7 says
    "ERR unknown command": msgs.SCRIPT_UNKNOWN_COMMAND_MSG,
    msgs.COMMAND_IN_SCRIPT_MSG: "ERR This Redis command is not allowed from script",
}


class ScriptEngine:
    """Where fakeredis has a Lua runtime for each server, one sandbox for all servers of a world."""

    def __init__(self) -> None:
        self._running: list[Any] = [None]  # the session whose script runs; fakeredis sets it
        self._garbage = 0

    @cached_property
    def _sandbox(self) -> Sandbox:
        lua = LUA_MODULE.LuaRuntime(
            encoding=None, unpack_returned_tuples=True,
            register_eval=False, register_builtins=False, attribute_filter=_no_attribute,
        )  # fmt: skip
        functions = {
            b"call": self._call,
            b"log": lambda *args: scripting_mixin._lua_redis_log(self, set(), "redis", *args),
            b"setresp": lambda *args: self._running[0]._lua_setresp(self, set(), *args),
            b"encode": _to_json,
            b"decode": self._from_json,
        }
        guarded = {name: _guarded(function) for name, function in functions.items()}
        return Sandbox(lua, {**guarded, b"draw": self._draw, b"seed": self._seed}, scripting_mixin._lua_cjson_null)

    def attach(self, node: Any) -> None:
        """Be the Lua runtime of `node`: these names are what fakeredis's EVAL uses."""
        node._lua_runtime, node._lua_expected_globals = self, set()
        node._lua_current_socket, node._lua_set_keys_argv = self._running, self._sandbox.bind

    def globals(self) -> dict[Any, Any]:
        """No script can leave a global behind, so there is nothing for fakeredis to find."""
        return {}

    def table_from(self, *args: Any, **kwargs: Any) -> Any:
        return self._sandbox.lua.table_from(*args, **kwargs)

    def execute(self, source: Any) -> Any:
        """Run a script; errors read as those of Redis 7."""
        if source == "collectgarbage()":  # fakeredis asks for it after every script, and it costs more than the script
            self._garbage += 1
            return self._sandbox.lua.gccollect() if self._garbage % 256 == 0 else None
        try:
            result = self._sandbox.run(source)
        except LUA_MODULE.LuaSyntaxError as error:
            said = error.args[0] if error.args else b""
            said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
            raise SimpleError(f"ERR Error compiling script (new function): {said}") from None
        if isinstance(result, Failure):
            sha = hashlib.sha1(source).hexdigest()
            raise SimpleError(f"{result.message} script: {sha}, on {result.where}.")
        return result

    def _call(self, *args: Any) -> Any:
        if not args:
            raise SimpleError(_NO_ARGUMENT)
        try:
            return self._running[0]._lua_redis_call(self, set(), *args)
        except SimpleError as error:
            better = next((new for old, new in _REPHRASED.items() if error.value.startswith(old)), error.value)
            raise SimpleError(better) from None

    def _from_json(self, text: Any) -> Any:
        try:
            return scripting_mixin._lua_cjson_decode(self, set(), text)
        except json.JSONDecodeError as error:
            raise SimpleError(f"Expected value but found invalid token at character {error.pos + 1}") from None

    # The random numbers of Redis, which are those of drand48; Lua's own come from the C library of the machine.

    def _draw(self) -> float:
        node = self._running[0]._server
        node.random = (node.random * 0x5DEECE66D + 0xB) & 0xFFFFFFFFFFFF
        return float((node.random >> 17) / 0x7FFFFFFF)

    def _seed(self, number: float) -> None:
        self._running[0]._server.random = ((int(number) & 0xFFFFFFFF) << 16) + 0x330E


def _no_attribute(held: object, name: object, is_setting: bool) -> Any:
    raise AttributeError("nothing of Python's can be reached from a script")


def _guarded(function: Callable[..., Any]) -> Callable[..., tuple[bool, Any]]:
    """Errors become values: a Python exception in the middle of Lua would escape every `pcall`."""

    def answer(*args: Any) -> tuple[bool, Any]:
        try:
            return True, function(*args)
        except SimpleError as error:
            return False, error.value.encode()
        except Exception as error:
            return False, f"SIMULATOR {type(error).__name__}: {error}".encode()

    return answer


def _to_json(value: Any) -> bytes:
    return _json(value).encode("utf-8", "surrogateescape")


def _json(value: Any) -> str:
    """JSON as cjson writes it: an empty table is an object, a number has 14 digits, a slash is escaped."""
    if value is scripting_mixin._lua_cjson_null or value is None:
        return "null"
    if isinstance(value, bytes):
        text = json.dumps(value.decode("utf-8", "surrogateescape"), ensure_ascii=False)
        return text.replace("/", "\\/").replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"{value:.14g}"
    if LUA_MODULE.lua_type(value) != "table":
        raise SimpleError(f"Cannot serialise {LUA_MODULE.lua_type(value) or 'userdata'}: type not supported")
    items = dict(value.items())
    if items and set(items) == set(range(1, len(items) + 1)):
        return "[" + ",".join(_json(items[at]) for at in range(1, len(items) + 1)) + "]"
    names = {key: _json(key if isinstance(key, bytes) else _json(key).encode()) for key in items}
    return "{" + ",".join(f"{names[key]}:{_json(item)}" for key, item in items.items()) + "}"
