"""Every Lua script of the course and of the solutions, each run many times; prints what each of them did.

Nothing of Redis is needed: what `redis.call` answers is drawn from what Redis can answer to that command, with a seed.
A script so takes its usual ways, and those that end in an error.
"""

from __future__ import annotations

import ast
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lupa import lua51

from course_lib.sim.lua_sandbox import MEMORY, LuaSandbox

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 12
OWN = [
    "return {10/2, 7/2, 2^53, 1/3, 1e15, -0.0, tostring(10/2), 10/2 .. '', tostring(1e100)}",
    "return string.format('%d %5.2f %q %s %x %g', 3, 1/3, 'a\\n\"b', tostring(nil), 255, 1e20)",
    "local t = {} for i = 1, 10 do t[i] = i end t[5] = nil return {#t, table.concat({1, 2.5, 'x'}), unpack(t, 1, 4)}",
    "return redis.sha1hex('abc') .. redis.call('GET', KEYS[1] or 'x')",
    "return cjson.encode({a = {1, 2, {b = cjson.null}}, c = 'é\\n', d = 0.1})",
    "local v = cjson.decode(ARGV[1] or '[1,2.5,null,{\"a\":[]}]') return {type(v), tostring(v), #v}",
    "return {pcall(function() return nil .. 'x' end)}",
    "local ok, e = pcall(redis.call, 'INCR') return {tostring(ok), e}",
    "return struct.pack('>I4s', 7, 'ab') .. cmsgpack.pack({1, 'x', {a = 2}}) .. bit.tohex(bit.bxor(5, 1023))",
    "for k in string.gmatch('a=1,b=2', '(%w)=') do redis.call('DEL', k) end return (string.gsub('hel', 'l', '%0%0'))",
    "local x = nil return x.field",
    "return undefined_name",
    "return {math.floor(-3.5), math.max(1, 2), math.fmod(-7, 3), -7 % 3, math.huge, 5 % 0.3, tonumber('0x10')}",
    "if true then return redis.error_reply('MINE no') end",
    "return redis.status_reply('FINE')",
    "error({err = 'OWN error'})",
    "error('plain', 0)",
    "local function f(n) if n == 0 then return 0 end return 1 + f(n - 1) end return f(15000)",
    "local function f(n) return 1 + f(n) end return f(1)",
    "return string.rep('x', 3) .. #string.rep('y', 100000) .. string.byte('é', 1) .. ('%s'):format(true)",
    "x = 1",
    "return coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b end)(41)",
    "local t = setmetatable({}, {__index = function(_, k) return k .. '!' end}) return {t.a, rawget(t, 'a') == nil}",
    "return loadstring('return ' .. (ARGV[1] or 1) .. ' + 1')()",
    "return {tostring(cjson.null), cjson.null == cjson.null, type(cjson.null)}",
    "return (cjson.null).x",
    "while true do end",
    "return string.rep('x', 2^27)",
    "return ((",
]
"""Beside those of the course: where one Lua differs from another."""


def scripts() -> list[str]:
    """Each once: what stands in the course's code and in the cells of its notebooks, and those above."""
    folders = [ROOT / "course_lib" / part for part in ("patterns", "lessons", "views")]
    sources = [path.read_text(encoding="utf-8") for folder in folders for path in sorted(folder.rglob("*.py"))]
    for folder in ("notebooks", "exercises", "solutions"):
        for path in sorted((ROOT / folder).glob("[0-9]*.ipynb")):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            sources += ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return sorted({text for source in sources for text in _strings(source) if _is_lua(text)}) + OWN


def _strings(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return  # a cell with a line for IPython
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _is_lua(text: str) -> bool:
    return ("redis.call(" in text or "redis.pcall(" in text) and ("return" in text or "local" in text)


class Answers:
    """What `redis.call` is answered, and a list of what was asked."""

    def __init__(self, lua: Any) -> None:
        self.lua = lua
        self.draw = random.Random(0)
        self.asked: list[str] = []

    def call(self, *args: Any) -> tuple[bool, Any]:
        self.asked.append(repr(args))
        pick = self.draw.random()
        if pick < 0.04:
            return False, b"WRONGTYPE Operation against a key holding the wrong kind of value"
        number = self.draw.choice([0, 1, 1, 2, 3, 7, 1700000000, -1, -2])
        status = self.lua.table_from({b"ok": b"OK"})
        pair = self.lua.table_from([b"1700000000", b"%d" % self.draw.randrange(10**6)])
        texts = [b"%d" % number, b"2.5", b"a", b"1", b"", b'{"page": "x", "at": 1.5}']
        name = bytes(args[0]).upper() if args and isinstance(args[0], bytes) else b""
        if name == b"TIME":
            return True, pair
        if name in (b"GET", b"HGET", b"ZSCORE", b"LPOP", b"RPOP"):
            return True, False if pick < 0.3 else self.draw.choice(texts)
        if name in (b"SET", b"PSETEX", b"SETEX"):
            return True, False if pick < 0.3 else status
        if name in (b"MGET", b"HMGET", b"HGETALL", b"ZRANGE", b"ZRANGEBYSCORE", b"LRANGE", b"SMEMBERS", b"ZPOPMIN"):
            return True, self.lua.table_from([self.draw.choice([*texts, False]) for _ in range(self.draw.randrange(5))])
        return True, number


def shown(value: Any, depth: int = 0) -> Any:
    """A value of Lua's as text that is the same in every process."""
    if lua51.lua_type(value) == "table":
        if depth > 5:
            return "…"
        return sorted(f"{shown(key, depth + 1)}: {shown(item, depth + 1)}" for key, item in value.items())
    return lua51.lua_type(value) or repr(value)


def refused(held: object, name: object, is_setting: bool) -> Any:
    raise AttributeError("nothing of Python's can be reached from a script")


def transcript(script: str) -> list[str]:
    """What the script asked, and how it ended, for each seed."""
    lua = lua51.LuaRuntime(
        encoding=None, unpack_returned_tuples=True, max_memory=MEMORY,
        register_eval=False, register_builtins=False, attribute_filter=refused,
    )  # fmt: skip
    answers = Answers(lua)

    def fine(*_: Any) -> tuple[bool, Any]:
        return True, None

    sandbox = LuaSandbox(
        lua,
        {b"call": answers.call, b"log": fine, b"setresp": fine, b"allows": lambda *_: (True, True),
         b"draw": lambda: answers.draw.random(), b"seed": lambda number: answers.draw.seed(number)},
    )  # fmt: skip
    lines = []
    for seed in range(SEEDS if "while true" not in script else 1):
        answers.draw.seed(seed)
        answers.asked = []
        numbers = [str(answers.draw.choice([0, 1, 2, 3, 10, 1000, 2.5, 60000, 1700000000123])) for _ in range(8)]
        argv = [answers.draw.choice([number, "a", "token", number, number]) for number in numbers]
        sandbox.bind(lua.table_from([b"k1", b"k2", b"k3"]), lua.table_from([one.encode() for one in argv]))
        try:
            ended = repr(shown(sandbox.run(script.encode())))
        except lua51.LuaSyntaxError as error:
            said = error.args[0]
            ended = f"not Lua: {said.decode() if isinstance(said, bytes) else said}"
        except Exception as error:
            ended = f"{type(error).__name__}: {error}"
        lines.append(f"{seed}: {' '.join(answers.asked)} → {ended}")
    return lines


if __name__ == "__main__":
    for one in scripts():
        print(json.dumps([hashlib.sha1(one.encode()).hexdigest()[:8], one[:80], transcript(one)]), flush=True)
