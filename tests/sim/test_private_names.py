"""The private names of fakeredis, redis-py and asyncio that the simulation rests on: an upgrade that moves one says so.

Each test names what moved. What the names do is tested elsewhere; here it is that they are there, with the parameters
that we rely on.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import importlib.metadata
import inspect
import pkgutil
import re
from asyncio import events, tasks
from pathlib import Path
from typing import Any

import fakeredis
import pytest
import redis
from fakeredis._commands import Signature
from fakeredis._core._database import CommandItem, Database
from fakeredis._socket import AsyncFakeSocket
from fakeredis._socket._base import BaseFakeSocket
from fakeredis.aioredis import FakeAsyncRedisConnection
from fakeredis.commands_mixins import scripting_mixin
from fakeredis.commands_mixins.scripting_mixin import ScriptingCommandsMixin
from fakeredis.commands_mixins.transactions_mixin import TransactionsCommandsMixin
from fakeredis.model import ClientInfo, StreamEntryKey, XStream, get_command_info
from redis.asyncio.connection import AbstractConnection, ConnectionPool

from course_lib.sim import fake_server_fixes
from course_lib.sim.fake_server_collections import CollectionSocket
from course_lib.sim.fake_server_scripts import ScriptSocket
from course_lib.sim.fake_server_streams import StreamSocket
from course_lib.sim.fake_server_strings import StringSocket

from .running import alone, world


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


FAKEREDIS: list[tuple[Any, str, list[str]]] = [
    (AsyncFakeSocket, "_process_command", ["self", "fields"]),
    (AsyncFakeSocket, "_run_command", ["self", "func", "sig", "args", "from_script"]),
    (AsyncFakeSocket, "_decode_result", ["self", "result"]),
    (AsyncFakeSocket, "_name_to_func", ["self", "cmd_name"]),
    (AsyncFakeSocket, "put_response", ["self", "msg"]),
    (AsyncFakeSocket, "resume", ["self"]),
    (AsyncFakeSocket, "kill", ["self"]),
    (AsyncFakeSocket, "_blocking", ["self", "timeout", "func", "shape"]),
    (AsyncFakeSocket, "_take_unblock_reason", ["self"]),
    (AsyncFakeSocket, "_discard_subscriptions", ["self"]),
    (TransactionsCommandsMixin, "_clear_watches", ["self"]),
    (AsyncFakeSocket, "_xreadgroup",
     ["self", "consumer_name", "group_params", "count", "noack", "min_idle_time", "first_pass"]),
    (FakeAsyncRedisConnection, "_connect", ["self"]),
    (AsyncFakeSocket, "_unknown_command", ["self", "command", "args"]),
    (AsyncFakeSocket, "_decode_error", ["self", "error"]),
    (AsyncFakeSocket, "_expireat", ["self", "key", "timestamp", "args"]),
    (AsyncFakeSocket, "_ttl", ["self", "key", "scale"]),
    (AsyncFakeSocket, "_lmpop", ["self", "keys", "count", "direction_left", "first_pass"]),
    (AsyncFakeSocket, "_zmpop", ["self", "keys", "count", "reverse", "first_pass"]),
    (AsyncFakeSocket, "_zpop", ["self", "key", "count", "reverse", "flatten_list"]),
    (AsyncFakeSocket, "_zpop_flatten", ["self", "count"]),
    (AsyncFakeSocket, "_zrange_args", ["self", "key", "start", "stop", "args"]),
    (AsyncFakeSocket, "add_subkey_event", ["self", "event", "key", "subkeys"]),
    (Signature, "apply", ["self", "args", "db", "version"]),
    (Signature, "check_arity", ["self", "args", "version"]),
    (CommandItem, "__init__", ["self", "key", "db", "item", "default"]),
    (StreamEntryKey, "parse_str", ["entry_key"]),
    (AsyncFakeSocket, "_bpop_pass", ["self", "keys", "op", "first_pass"]),
    (AsyncFakeSocket, "smembers", ["self", "key"]),
    (AsyncFakeSocket, "sdiff", ["self", "keys"]),
    (AsyncFakeSocket, "sinter", ["self", "keys"]),
    (AsyncFakeSocket, "sunion", ["self", "keys"]),
    (ScriptingCommandsMixin, "_get_server_runtime", ["self", "server"]),
    (ScriptingCommandsMixin, "_lua_redis_call", ["self", "lua_runtime", "expected_globals", "op", "args"]),
    (ScriptingCommandsMixin, "_lua_setresp", ["self", "lua_runtime", "expected_globals", "args"]),
    (scripting_mixin, "_lua_redis_log", ["lua_runtime", "expected_globals", "server_type", "lvl", "args"]),
    (ScriptingCommandsMixin, "_convert_redis_result", ["self", "lua_runtime", "result"]),
    (ScriptingCommandsMixin, "_convert_lua_result", ["self", "result", "nested"]),
    (scripting_mixin, "_convert_redis_arg", ["value"]),
    (Database, "_remove_expired", ["self"]),
    (Database, "wake_all", ["self"]),
    (Database, "__init__", ["self", "lock", "args", "kwargs"]),
    (fakeredis.FakeServer, "get_next_client_id", ["self"]),
]  # fmt: skip

REDIS_PY: list[tuple[Any, str, list[str]]] = [
    (AbstractConnection, "read_response",
     ["self", "disable_decoding", "timeout", "disconnect_on_error", "push_request"]),
    (AbstractConnection, "send_packed_command", ["self", "command", "check_health"]),
    (AbstractConnection, "pack_command", ["self", "args"]),
    (AbstractConnection, "pack_commands", ["self", "commands"]),
    (AbstractConnection, "can_read_destructive", ["self"]),
    (AbstractConnection, "_host_error", ["self"]),
    (AbstractConnection, "repr_pieces", ["self"]),
    (AbstractConnection, "register_connect_callback", ["self", "callback"]),
    (ConnectionPool, "get_connection", ["self", "command_name", "keys", "options"]),
    (ConnectionPool, "release", ["self", "connection"]),
    (ConnectionPool, "make_connection", ["self"]),
    (ConnectionPool, "disconnect", ["self", "inuse_connections"]),
]  # fmt: skip


@pytest.mark.parametrize(("owner", "name", "expected"), [*FAKEREDIS, *REDIS_PY], ids=lambda part: str(part)[:60])
def test_a_method_that_we_call_or_override_is_there(owner: Any, name: str, expected: list[str]) -> None:
    where = f"{owner.__name__}.{name} of {owner.__module__ if hasattr(owner, '__module__') else owner}"
    assert hasattr(owner, name), f"{where} has gone: course_lib/sim rests on it"
    found = parameters(getattr(owner, name))
    if name in ("smembers", "sdiff", "sinter", "sunion"):  # wrapped as commands; the names of parameters are our own
        return
    assert found == expected, f"{where} has other parameters now"


@pytest.mark.parametrize(
    "name",
    ["_paused", "_blocked", "_unblock_reason", "_in_transaction", "_transaction", "_watches", "_subkey_events",
     "_fieldsets", "_client_info", "_pubsub", "_killed", "_script_resp", "_db", "_db_num", "_server",
     "load_lua_modules", "_queueing", "_transaction_failed", "_decode_error"],
)  # fmt: skip
def test_an_attribute_of_a_connection_is_there(name: str) -> None:
    sim = world()
    alone(lambda client: client.ping(), sim)
    (wire,) = sim.network
    assert hasattr(wire._session, name), f"fakeredis's socket has no {name}: fake_server.py rests on it"


@pytest.mark.parametrize(
    "name",
    ["lock", "dbs", "subscribers", "psubscribers", "ssubscribers", "script_cache", "sockets", "closed_sockets", "acl",
     "scan_cursors", "config", "lastsave", "pause_until", "_next_client_id"],
)  # fmt: skip
def test_an_attribute_of_a_server_is_there(name: str) -> None:
    assert hasattr(fakeredis.FakeServer(), name), f"FakeServer.{name} has gone: SimNode.rewind rests on it"


def test_a_server_has_no_state_that_rewinding_does_not_know() -> None:
    """A new attribute in an upgrade may hold something that would leak from one run into the next."""
    known = {
        "lock", "dbs", "script_cache", "subscribers", "psubscribers", "ssubscribers", "lastsave", "connected",
        "sockets", "closed_sockets", "version", "server_type", "config", "acl", "clients", "_next_client_id",
        "pause_until", "pause_mode", "scan_cursors",
    }  # fmt: skip
    assert set(vars(fakeredis.FakeServer())) == known


def test_a_database_has_no_state_that_emptying_does_not_know() -> None:
    """NodeDatabase.empty clears each of these but the condition, for which nobody waits."""
    known = {"_dict", "time", "_expiry_heap", "_watches", "condition", "_change_callbacks"}
    assert set(vars(Database(None))) == known


def test_users_rules_change_only_through_what_the_simulation_watches() -> None:
    """AccessRules takes all to be unrestricted until a method was called that hands out or drops a user."""
    reached = set()
    for path in Path(str(fakeredis.__file__)).parent.rglob("*.py"):
        if path.name != "_acl.py":
            reached |= set(re.findall(r"\b_?acl\.(\w+)", path.read_text(encoding="utf-8")))
    watched, reading = {"get_user_acl", "del_user"}, {"as_rules", "get_users", "log", "reset_log", "validate_command"}
    assert watched <= reached <= watched | reading | {"add_log_record"}


def test_a_connection_has_no_state_that_copying_does_not_know() -> None:
    """Session.accept copies a connection; whatever is new in an upgrade may have to be made anew there."""
    known = {
        "responses", "response_ready", "_response_available", "_event_loop", "_loop_thread_ident", "_server", "_fileno",
        "_db_num", "_db", "_client_class", "_paused", "_killed", "_reply_off", "_reply_skip", "_reply_skip_next",
        "_no_evict", "_no_touch", "_blocked", "_unblock_reason", "_subkey_events", "_fieldsets", "_parser",
        "_client_info",
        "_watches", "_transaction", "_transaction_failed", "_transaction_paused", "_in_transaction", "_watch_notified",
        "_pubsub", "load_lua_modules",
    }  # fmt: skip

    async def build() -> set[str]:
        return set(vars(AsyncFakeSocket(fakeredis.FakeServer(), 0, client_class=redis.asyncio.Redis)))

    assert asyncio.run(build()) == known


def test_every_module_of_fakeredis_that_reads_the_clock_reads_ours() -> None:
    """`import time` is the only form that can be rebound, so another form must not appear."""
    folder = Path(fakeredis.__file__).parent
    modules = [f"fakeredis.{info.name}" for info in pkgutil.walk_packages([str(folder)])]
    reading = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in ("time", "datetime"):
                raise AssertionError(f"{path} imports names from {node.module}: rebind_clock cannot reach them")
            if isinstance(node, ast.Import) and any(alias.name in ("time", "datetime") for alias in node.names):
                assert [alias.name for alias in node.names if alias.name == "datetime"] == [], path
                reading.add(".".join(path.relative_to(folder.parent).with_suffix("").parts).removesuffix(".__init__"))
    assert modules
    unused = {"fakeredis._core._selector"}  # of plain sockets
    assert reading - unused <= set(fake_server_fixes.REBOUND), (
        f"these read the machine's clock: {reading - set(fake_server_fixes.REBOUND)}"
    )
    for name in fake_server_fixes.REBOUND:
        assert isinstance(importlib.import_module(name).time, fake_server_fixes._Clock)


def test_random_numbers_come_from_the_module_that_a_run_seeds() -> None:
    """A generator of its own inside fakeredis or redis-py would escape the seed."""
    for package in (fakeredis, redis):
        for path in Path(str(package.__file__)).parent.rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert "SystemRandom" not in text, path
            assert "random.Random(" not in text or path.name == "_topk.py", path
            if "uuid.uuid" in text:
                known = {"_setup.py", "lock.py", "credentials.py"}
                assert path.name in known or "multidb" in str(path) or "observability" in str(path), path


def test_client_info_is_a_dict_that_can_be_copied() -> None:
    info = ClientInfo(db=0)
    copy = ClientInfo.__new__(ClientInfo)
    copy.update(info)
    assert dict.copy(copy) == dict.copy(info)
    assert "-created" in info


def test_eval_uses_the_lua_names_that_we_give_to_a_node() -> None:
    source = inspect.getsource(inspect.unwrap(ScriptingCommandsMixin.eval))
    for name in (
        "_lua_expected_globals",
        "_lua_current_socket",
        "_lua_set_keys_argv",
        "table_from",
        "collectgarbage()",
    ):
        assert name in source, f"fakeredis's EVAL no longer uses {name}: ScriptEngine.attach rests on it"
    assert scripting_mixin.LUA_MODULE.__name__ == "lupa.lua51", "Redis runs Lua 5.1, and setfenv is gone from 5.2"


def test_what_mended_commands_reach_into_is_there() -> None:
    assert {"_ids", "_last_id", "_entries_added", "_max_deleted_id"} <= set(vars(XStream()))
    item = CommandItem(b"k", Database(None))
    assert {"_value", "_modified", "_expireat_modified"} <= set(vars(item))
    assert (get_command_info(b"xadd") or [])[:3] == [b"xadd", -5, [b"write", b"denyoom", b"fast"]]


def test_every_mended_command_mends_one_of_fakeredis() -> None:
    """A name that fakeredis drops would leave our method behind, which nothing calls; new ones are ours alone."""
    new = {"touch", "object_encoding", "object_idletime", "object_refcount", "object_freq", "config_get", "eval_ro",
           "evalsha_ro", "xsetid", "allows", "calls", "effects", "well_formed"}  # fmt: skip
    parts = (StringSocket, CollectionSocket, StreamSocket, ScriptSocket)
    mended = {name for part in parts for name in vars(part) if not name.startswith("_")}
    assert {name for name in mended if not hasattr(AsyncFakeSocket, name)} == new


def test_a_reply_leaves_fakeredis_through_put_response_only() -> None:
    """So overriding it is enough."""
    assert "self.put_response(result)" in inspect.getsource(BaseFakeSocket._process_command)
    assert ".responses" not in inspect.getsource(BaseFakeSocket._process_command)


@pytest.mark.parametrize("name", ["_set_running_loop", "_get_running_loop"])
def test_a_function_of_asyncio_events_is_there(name: str) -> None:
    assert callable(getattr(events, name, None)), f"asyncio.events.{name} has gone: SimLoop.advance rests on it"


@pytest.mark.parametrize("name", ["_enter_task", "_leave_task"])
def test_a_function_of_asyncio_tasks_is_there(name: str) -> None:
    assert callable(getattr(tasks, name, None)), f"asyncio.tasks.{name} has gone: SimLoop.advance rests on it"
    assert parameters(getattr(tasks, name)) == ["loop", "task"] or inspect.isbuiltin(getattr(tasks, name))


def test_a_handle_has_what_the_loop_reads() -> None:
    loop = asyncio.new_event_loop()
    try:
        handle = loop.call_soon(print)
        assert handle._cancelled is False, "asyncio.Handle._cancelled has gone"  # type: ignore[attr-defined]
        assert callable(handle._run), "asyncio.Handle._run has gone"  # type: ignore[attr-defined]
        assert handle._callback is print, "asyncio.Handle._callback has gone"  # type: ignore[attr-defined]
        handle.cancel()
        assert handle._cancelled is True  # type: ignore[attr-defined]
    finally:
        loop.close()


def test_the_step_of_a_task_can_be_told_from_another_callback() -> None:
    """`__self__` of the callback is the task: the end of a run depends on finding such steps."""
    seen: list[Any] = []

    class Loop(asyncio.SelectorEventLoop):
        def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
            seen.append(getattr(callback, "__self__", None))
            return super().call_soon(callback, *args, context=context)

    async def body() -> None:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, None)
        await future

    loop = Loop()
    task = loop.create_task(body())
    loop.run_until_complete(task)
    loop.close()
    assert seen.count(task) >= 2, "a task's first step, and its step after a future is done"


@pytest.mark.parametrize(("package", "minor"), [("redis", "8.1"), ("fakeredis", "2.40")])
def test_the_versions_are_those_that_these_names_were_read_in(package: str, minor: str) -> None:
    """pyproject.toml pins them; anyone who raises the pin reads this file's failures, then changes this line."""
    assert importlib.metadata.version(package).startswith(f"{minor}.")


def test_what_is_read_of_a_value_without_a_command_is_there() -> None:
    """What `fake_server_reads` takes from fakeredis's values; an upgrade may store them otherwise."""
    sim = world()

    async def fill(client: Any) -> None:
        await client.hset("h", "f", "1")
        await client.zadd("z", {"a": 1})
        await client.sadd("s", "a")
        await client.xadd("x", {"f": "1"})

    alone(fill, sim)
    held = {key.decode(): item.value for key, item in sim.nodes[0].dbs[0]._dict.items()}
    assert (held["h"]._values, held["h"]._expirations) == ({b"f": b"1"}, {})
    assert (list(held["z"]._byscore), held["z"]._bylex) == ([(1.0, b"a")], {b"a": 1.0})
    assert held["s"]._values == {b"a": None}
    (entry,) = held["x"]._ids
    assert held["x"]._values_dict == {entry: [b"f", b"1"]}


def test_what_is_read_of_a_task_that_waits_is_there() -> None:
    """What `explore.moment` takes from asyncio: for what a task waits, until when it sleeps, how many it gathers."""
    assert "h" in asyncio.tasks.sleep.__code__.co_varnames
    loop = asyncio.new_event_loop()
    try:
        done, both = loop.create_future(), None

        async def waits() -> None:
            nonlocal both
            both = asyncio.gather(done, loop.create_future())
            await both

        task = loop.create_task(waits())
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(asyncio.sleep(0))
        assert task._fut_waiter is both  # type: ignore[attr-defined]
        assert type(both) is asyncio.tasks._GatheringFuture  # type: ignore[attr-defined]
        assert len(both._children) == 2
        task.cancel()
        loop.run_until_complete(asyncio.wait([task]))
    finally:
        loop.close()
