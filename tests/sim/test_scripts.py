"""Lua scripts in the simulation: what Redis gives them, and nothing of Python, the machine or an earlier script."""

from __future__ import annotations

import time
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, ResponseError

from course_lib.sim import Simulation, fake_server_scripts, lua_sandbox
from course_lib.sim.lua_sandbox import ALLOWANCE, TOO_MUCH
from course_lib.sim.network import SimEvent

from .running import alone, say, world


def run(*scripts: str) -> list[Any]:
    """The replies to scripts that run one after the other; an error as its text."""
    replies = say(*(("EVAL", script, 0) for script in scripts))
    return [str(reply) if isinstance(reply, Exception) else reply for reply in replies]


@pytest.mark.parametrize(
    "spoiler",
    [
        "x = 1", "math = nil", "string.format = nil", "redis.call = nil", "KEYS = {}", "_G.x = 1", "rawset(_G, 'x', 1)",
        "rawset(string, 'format', 1)", "setmetatable(_G, {})", "getmetatable('').__index = nil", "cjson.encode = nil",
        "loadstring('x = 1')()", "local f = coroutine.wrap(function() x = 1 end) f()", "table.concat = nil",
        "pcall(function() x = 1 end) error('x')",
    ],
)  # fmt: skip
def test_no_script_can_spoil_the_next(spoiler: str) -> None:
    """Without its `local`, an assignment is an error, as in Redis 7; and the next script finds what it always finds."""
    honest = "local t = {string.format('%d', math.floor(2.5)), ('x'):upper(), #KEYS, cjson.encode({1})} return t"
    nothing = "return {type(rawget(_G, 'x')), tostring(pcall(function() return x end)), type(redis.call)}"
    before = run(honest, nothing)
    error, *after = run(spoiler, honest, nothing)
    assert isinstance(error, str)
    assert " script: " in error
    assert after == before == [["2", "X", 0, "[1]"], ["nil", "false", "function"]]


@pytest.mark.parametrize("text", ["Attempt to modify a readonly table", "x = 1"])
def test_the_error_of_a_global_is_worded_as_in_redis(text: str) -> None:
    said = run("x = 1")[0] if text != "x = 1" else run("return x")[0]
    expected = text if text != "x = 1" else "Script attempted to access nonexistent global variable 'x'"
    assert said.startswith(f"user_script:1: {expected} script: ")
    assert said.endswith(", on @user_script:1.")


@pytest.mark.parametrize(
    "name", ["os", "io", "python", "require", "package", "module", "dofile", "loadfile", "print", "debug", "newproxy",
             "setfenv", "getfenv", "lupa"],
)  # fmt: skip
def test_a_script_cannot_reach(name: str) -> None:
    assert "nonexistent global variable" in run(f"return {name}")[0]
    assert run(f"return type(_G['{name}'])")[0].startswith("user_script:1: Script attempted")
    assert run(f"return loadstring('return {name}')()")[0].startswith('[string "return')


@pytest.mark.parametrize(
    "way",
    ["redis.call.__globals__", "redis.log.func", "cjson.null.__class__", "cjson.encode.__self__",
     "redis.sha1hex.__code__", "math.random.__globals__", "getmetatable(cjson.null).__index",
     "getmetatable(redis)", "getmetatable(_G)"],
)  # fmt: skip
def test_a_script_cannot_reach_python_through_what_it_is_given(way: str) -> None:
    reply = run(f"local found = {way} return type(found)")[0]
    assert reply in ("nil", "boolean") or "attempt to index" in reply or "nothing of Python's" in reply, reply


def test_lua_itself_keeps_debug() -> None:
    """lupa aborts the whole process without it; an error deep in a coroutine is when it would."""
    sim = world()
    alone(lambda redis: redis.eval("return 1", 0), sim)
    lua = sim.nodes[0].scripts._sandbox.lua
    assert lua.eval("type(debug.traceback)") in ("function", b"function")
    assert "boom" in run("local f = coroutine.wrap(function() error('boom') end) f()")[0]


def test_one_lua_serves_all_nodes() -> None:
    """An interpreter takes 100 kB and 0.2 ms; five nodes need not have five."""
    sim = world(nodes=3)

    async def body(*nodes: Redis) -> list[Any]:
        return [await node.eval("return redis.call('INCRBY', KEYS[1], ARGV[1])", 1, "k", 5) for node in nodes * 2]

    sim.client("a", body, *(sim.redis(number) for number in range(3)))
    assert sim.run()["a"] == [5, 5, 5, 10, 10, 10]
    assert len({id(node._lua_runtime) for node in sim.nodes}) == 1  # type: ignore[attr-defined]


def test_random_numbers_are_those_of_a_fresh_redis() -> None:
    """drand48's, as redis-server 7.0.15 and Valkey 9.1 give them; Lua's own differ between C libraries."""
    script = "return {tostring(math.random()), math.random(10), math.random(5, 6)}"
    again = "math.randomseed(5) return tostring(math.random())"
    one = "return tostring(math.random())"
    *ones, three, reseeded = run(one, one, one, script, again)
    assert ones == ["0.39646477363839", "0.84048536971234", "0.35333609737146"]
    assert three == ["0.44658343468168", 4, 6]
    assert reseeded == "0.52483957937213"
    assert "interval is empty" in run("return math.random(0)")[0]


def test_a_script_that_never_ends_is_stopped() -> None:
    """A real server would block everyone; a notebook must not hang. `pcall` does not save it."""
    inside = "pcall(function() while true do end end)"
    *replies, last = run(
        "while true do end", f"while true do {inside} end return 1",
        f"coroutine.wrap(function() {inside} end)() return 1",
        f"while true do coroutine.resume(coroutine.create(function() {inside} end)) end", "return 2",
    )  # fmt: skip
    assert ["SIMULATOR the script runs for ever" in str(reply) for reply in replies] == [True] * 4
    assert last == 2
    assert ALLOWANCE >= 1_000_000


def test_a_script_whose_every_step_is_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would run few instructions in an hour."""
    monkeypatch.setattr(lua_sandbox, "SECONDS", 0.05)
    text = "local s, n = string.rep('x', 2^24), 0"
    for step in ("s:reverse()", "n = (s .. i) < (s .. 0) and 1 or 0"):
        assert "SIMULATOR the script runs for ever" in run(f"{text} for i = 1, 1e6 do {step} end return n")[0]


@pytest.mark.parametrize(
    "script",
    ["return loadstring(string.dump(function() return 7 end))()", "\x1bLuaQ\0\1\4\x08\4\x08\0",
     "return load(coroutine.wrap(function() coroutine.yield(string.dump(function() return 7 end)) end))()"],
)  # fmt: skip
def test_compiled_code_is_text_like_any_other(script: str) -> None:
    """Lua believes such code, which could so reach all memory of the process. Redis reads it as text as well."""
    assert "unexpected symbol near 'char(27)'" in run(script)[0] or "attempt to call a nil value" in run(script)[0]
    assert run(
        "return loadstring('return 7')()", "return load(coroutine.wrap(function() coroutine.yield('return 7') end))()"
    ) == [7, 7]


def test_a_script_that_takes_all_memory_is_told_so_and_the_next_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake_server_scripts, "MEMORY", 8 << 20)
    greedy = "local t = {} for i = 1, 1000 do t[i] = string.rep('a', 1000000) .. i end"
    replies = run(greedy, "local t = {} for i = 1, 1000 do t[i] = {i} end return #t")
    assert TOO_MUCH in replies[0]
    assert replies[1] == 1000


def test_errors_read_as_those_of_redis() -> None:
    sha = "@user_script:1."
    cases = {
        "error('no')": "user_script:1: no script: ",
        "error({err = 'MY own'})": "MY own script: ",
        "redis.call('SET', 'k', 'v') redis.call('LPUSH', 'k', 1)": "WRONGTYPE Operation against a key holding the "
        "wrong kind of value script: ",
        "redis.call('NOSUCH')": "Unknown Redis command called from script script: ",
        "redis.call('GET')": "Wrong number of args calling Redis command from script script: ",
        "redis.call('SUBSCRIBE', 'x')": "This Redis command is not allowed from script script: ",
        "redis.call()": "Please specify at least one argument for this redis lib call script: ",
        "redis.call('SET', 'k', true)": "Lua redis lib command arguments must be strings or integers script: ",
        "local x = nil .. 'a'": "user_script:1: attempt to concatenate a nil value script: ",
    }
    said = dict(zip(cases, run(*cases), strict=True))
    assert {
        script: reply.startswith(cases[script]) and reply.endswith(sha) for script, reply in said.items()
    } == dict.fromkeys(cases, True), said
    assert run("\n\nerror('third line')")[0].endswith("@user_script:3.")
    assert run("this is no Lua")[0] == "Error compiling script (new function): user_script:1: '=' expected near 'is'"


def test_an_error_value_is_a_table_of_which_pcall_catches_the_text() -> None:
    """As Redis's own `pcall` does, so that scripts of the time before 7.0 still find a text."""
    script = """
    redis.call('SET', 'k', 'v')
    local caught, raised = redis.pcall('LPUSH', 'k', 1), {pcall(redis.call, 'LPUSH', 'k', 1)}
    return {caught.err, tostring(raised[1]), raised[2], tostring(pcall(error, 'x'))}
    """
    wrong = "WRONGTYPE Operation against a key holding the wrong kind of value"
    assert run(script) == [[wrong, "false", wrong, "false"]]
    assert run("return redis.error_reply('ERR x')", "return {err = 'MY y'}", "return redis.error_reply('z')") == [
        "x", "MY y", "z",
    ]  # fmt: skip


def test_a_script_that_fails_keeps_what_it_wrote() -> None:
    assert run("redis.call('SET', 'k', 'kept') error('late')", "return redis.call('GET', 'k')")[1] == "kept"


def test_values_become_replies_as_in_redis() -> None:
    cases = {
        "return 3.99": 3, "return -3.99": -3, "return {1, nil, 3}": [1], "return true": 1, "return false": None,
        "return nil": None, "return {1, {2, 'x'}, a = 3}": [1, [2, "x"]], "return {ok = 'fine'}": "fine",
        "return 1, 2": 1, "return redis.status_reply('yes')": "yes", "return math.floor": None,
        "return redis.call('GET', 'none')": None, "return type(redis.call('GET', 'none'))": "boolean",
        "return redis.call('HGETALL', 'none')": [], "return redis.call('SET', 'k', 1.5)": "OK",
        "return redis.call('GET', 'k')": "1.5", "return redis.call('ZADD', 'z', 2.5, 'm')": 1,
        "return redis.call('ZSCORE', 'z', 'm')": "2.5",
        "return redis.sha1hex('')": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "return tostring(1e15)": "1e+15", "return redis.replicate_commands()": 1,
        "return redis.call('TIME')[1] == tostring(1700000000)": 1,
    }  # fmt: skip
    assert dict(zip(cases, run(*cases), strict=True)) == cases


def test_json_is_that_of_cjson() -> None:
    """fakeredis would write an empty table as [], 17 digits, no \\/. More of it: tests/worlds/test_replies.py."""
    cases = {
        "return cjson.encode({})": "{}", "return cjson.encode({a = {}})": '{"a":{}}',
        "return cjson.encode({1, {}})": "[1,{}]",
        "return cjson.encode(1/3)": "0.33333333333333", "return cjson.encode('a/b')": '"a\\/b"',
        "return cjson.encode({x = cjson.null})": '{"x":null}', "return cjson.encode('\\195\\169')": '"é"',
        "return cjson.encode({1, 2, a = 3})": '{"1":1,"2":2,"a":3}', "return cjson.encode(2^53)": "9.007199254741e+15",
        "return cjson.decode('[1, {\"a\": [true]}]')[2].a[1]": 1, "return type(cjson.decode('null'))": "userdata",
        "return tostring(cjson.decode('{\"a\":1.5}').a)": "1.5",
        "return cjson.decode('{\"a\":null}').a == cjson.null": 1,
    }  # fmt: skip
    assert dict(zip(cases, run(*cases), strict=True)) == cases
    bad = run("return cjson.decode('nope')")[0]
    assert bad.startswith("user_script:1: Expected value but found invalid token at character 1")


def test_evalsha_falls_back_to_eval_when_the_script_is_unknown() -> None:
    sim = world()

    async def body(redis: Redis) -> list[Any]:
        script = redis.register_script("return ARGV[1]")
        with pytest.raises(NoScriptError):
            await redis.evalsha(script.sha, 0, "x")
        first, second = await script(args=["a"]), await script(args=["b"])
        await redis.script_flush()
        return [first, second, await script(args=["c"])]

    assert alone(body, sim) == ["a", "b", "c"]
    assert [event.name for event in sim.trace] == [
        "EVALSHA", "EVALSHA", "SCRIPT", "EVALSHA", "EVALSHA", "SCRIPT", "EVALSHA", "SCRIPT", "EVALSHA",
    ]  # fmt: skip


def test_a_python_error_inside_a_script_reaches_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not hang, it cannot be mistaken for Redis's, and `pcall` sees it as an error."""
    from course_lib.sim.fake_server import Session

    monkeypatch.setattr(Session, "strlen", lambda self, key: 1 / 0)
    replies = run("return redis.call('STRLEN', 'k')", "return redis.pcall('STRLEN', 'k').err", "return 1")
    assert "SIMULATOR ZeroDivisionError" in replies[0]
    assert "SIMULATOR ZeroDivisionError" in replies[1]
    assert replies[2] == 1


def test_an_interrupt_inside_a_script_is_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a `pcall` of the script may swallow it."""
    from course_lib.sim.fake_server import Session

    def interrupt(self: Any, key: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "strlen", interrupt)
    sim = world()
    sim.client("a", lambda: sim.redis().eval("return redis.call('STRLEN', 'k')", 0))
    with pytest.raises(KeyboardInterrupt):
        sim.run()
    with pytest.raises(ResponseError):
        alone(lambda redis: redis.eval("error('works again')", 0), world())


def test_an_event_says_which_commands_its_script_ran() -> None:
    """In a transaction those stand with the EXEC, which ran them; a command that is no script has none."""
    sim = world()

    async def body(redis: Redis) -> None:
        await redis.eval("redis.call('SET', KEYS[1], 1) return redis.pcall('INCR', KEYS[1])", 1, "a")
        await redis.get("a")
        async with redis.pipeline() as pipe:
            await pipe.eval("return redis.call('GET', KEYS[1])", 1, "a").execute()

    alone(body, sim)
    calls = [(event.name, list(event.calls)) for event in sim.trace if isinstance(event, SimEvent)]
    assert calls == [
        ("EVAL", [(b"SET", b"a", b"1"), (b"INCR", b"a")]), ("GET", []), ("MULTI", []), ("EVAL", []),
        ("EXEC", [(b"GET", b"a")]),
    ]  # fmt: skip


ENDLESS = [
    "string.find(ARGV[1], 'a*a*a*a*a*a*b')", "ARGV[1]:match('a-a-a-a-a-a-b')", "ARGV[1]:gmatch('a*a*a*a*a*a*b')",
    "ARGV[1]:gsub('a+a+a+a+a+b', '')", "coroutine.wrap(function() ARGV[1]:find('a*a*a*a*a*a*b') end)()",
    "string.find(ARGV[1]:rep(20000), ARGV[1]:rep(10000) .. 'b', 1, true)",
    "pcall(string.find, ARGV[1], 'a?a*a*a*a*a*b')", "string.rep('x', 1e9)",
]  # fmt: skip


@pytest.mark.parametrize("call", ENDLESS)
def test_a_call_that_would_hold_the_kernel_is_refused(call: str) -> None:
    """A pattern is matched in one instruction, in which nothing could interrupt it: `pcall` cannot go on either."""
    begin = time.process_time()
    sim = Simulation()
    sim.client("c", sim.redis().eval, f"{call} return 1", 0, "a" * 200)
    assert "SIMULATOR" in str(sim.run()["c"])
    assert time.process_time() - begin < 1


QUICK = [
    ("{ARGV[1]:find('^user:(%d+):([%w-]+):(.-)$')}", "user:17:ab-c:x", [1, 14, "17", "ab-c", "x"]),
    ("(ARGV[1]:gsub('%s+', ' '))", "a   b  c", "a b c"),
    ("string.find(ARGV[1], 'a*a*a*a*a*a*b', 1, true) or 0", "a" * 500, 0),
    ("select(2, ARGV[1]:gsub('[^,]+', ''))", "ab," * 3_000, 3_000),
    ("#string.rep(ARGV[1], 1000)", "ab", 2_000),
]


@pytest.mark.parametrize(("value", "text", "answer"), QUICK)
def test_patterns_as_scripts_have_them_are_matched(value: str, text: str, answer: Any) -> None:
    """The control."""
    sim = Simulation()
    sim.client("c", sim.redis().eval, f"return {value}", 0, text)
    assert sim.run() == {"c": answer}
