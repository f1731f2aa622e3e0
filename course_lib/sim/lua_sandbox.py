"""The Lua in which scripts run: the globals that Redis 7 gives them, read-only, and an allowance of instructions.

Nothing of Python, of the operating system or of an earlier script can be reached from a script. Knows Lua and nothing
of fakeredis. Lua itself keeps its `debug` library, without which lupa aborts the process; scripts do not see it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from course_lib.sim.lua_bounds import COMPILED, EVERY, SECONDS, WATCHES
from course_lib.sim.lua_cjson import ENCODE, NULL, decode
from course_lib.sim.lua_libraries import BIT, STRUCT, answering
from course_lib.sim.lua_messages import messages

ALLOWANCE = 50_000_000
"""Instructions that one script may run, about half a second. A real server has no limit: all clients wait."""


MEMORY = 256 << 20
"""Bytes that the scripts of a world may hold. A real server has no limit but its machine's."""
TOO_MUCH = f"SIMULATOR the script needs more than {MEMORY >> 20} MB of memory"


class Failure(NamedTuple):
    """The error that a script raised: the message, and where it was raised."""

    message: str
    where: str


class LuaSandbox:
    """One Lua interpreter. `functions` are behind `redis.call`, `log`, `setresp` and `acl_check_cmd` (`allows`).

    Each returns `(True, value)`, or `(False, message)` to raise an error in the script. Two more are behind
    `math.random`: `draw` returns the next number in [0, 1], `seed` sets the first.
    """

    def __init__(self, lua: Any, functions: Mapping[bytes, Callable[..., Any]]) -> None:
        self.lua = lua
        self._chunks: dict[bytes, Any] = {}
        offered = {
            **functions,
            **{name: lua.table_from({key: answering(f) for key, f in of.items()}) for name, of in
               ((b"bit", BIT), (b"struct", STRUCT), (b"cmsgpack", messages(lua)))},
            b"encode": lua.execute(ENCODE, name=b"=sandbox"),
            b"decode": answering(lambda text=None: decode(text, lua.table_from)),
            b"watched": lua.execute(WATCHES, EVERY, SECONDS, name=b"=sandbox"),
            b"null": NULL, b"sha1hex": lua.eval(b"function(f) return function(text) return f(text) end end")(_sha1),
            b"version": b"7.0.15", b"version_number": 0x7000F,
        }  # fmt: skip
        self._admit, self._bind, self._run = lua.execute(_PRELUDE, lua.table_from(offered), name=b"=sandbox")

    def bind(self, keys: Any, argv: Any) -> None:
        """Set KEYS and ARGV for the next script."""
        self._bind(keys, argv)

    def run(self, source: bytes) -> Any:
        """The script's value, or a `Failure`. Raises: lupa's LuaSyntaxError; KeyboardInterrupt."""
        chunk = self._chunks.get(source)
        if chunk is None:
            text = b" " * source.startswith(COMPILED) + source
            chunk = self._chunks[source] = self._admit(self.lua.compile(text, name=b"@user_script"))
        error, value, where = self._run(chunk, ALLOWANCE)
        if error is None:
            return value
        if isinstance(error, BaseException):
            raise error
        line = _last_call(source)
        if where is None:  # of an error that Lua tells to nobody: it has no memory left
            self.lua.gccollect()
            return Failure(TOO_MUCH, f"user_script:{line}")
        message = error.decode("utf-8", "replace").replace("user_script:?: ", f"user_script:{line}: ")
        return Failure(message, where.decode("utf-8", "replace").replace("user_script:?", f"user_script:{line}"))


def _sha1(text: Any) -> bytes:
    return hashlib.sha1(text if isinstance(text, bytes) else str(text).encode()).hexdigest().encode()


def _last_call(source: bytes) -> str:
    """The line of the only `return f(…)`, of which Lua keeps no line; a question mark if there are several."""
    lines = source.split(b"\n")
    found = [at for at, line in enumerate(lines, 1) if re.search(rb"\breturn\s+[\w.:]+\s*[({'\"[]", line)]
    return "1" if len(lines) == 1 else str(found[0]) if len(found) == 1 else "?"


_PRELUDE = rb"""
local py = ...
local error, getmetatable, ipairs, rawset = error, getmetatable, ipairs, rawset
local select, setfenv, setmetatable, tostring, type, xpcall = select, setfenv, setmetatable, tostring, type, xpcall
local floor, getinfo, sethook = math.floor, debug.getinfo, debug.sethook

-- What a script sees is `scene`: an empty table over `names`, so that nothing can be written into either.
local protected = {}
local function readonly() error('Attempt to modify a readonly table', 2) end
local function view(fields)
  local seen = setmetatable({}, {__index = fields, __newindex = readonly, __metatable = false})
  protected[seen] = true
  return seen
end
local function raised(ok, value)  -- ours may not be Lua's own `error`, which adds a position
  if ok then return value end
  error({err = value}, 0)
end

local names = {}
for _, name in ipairs{
  '_VERSION', 'assert', 'collectgarbage', 'error', 'gcinfo', 'ipairs', 'next', 'pairs', 'pcall', 'rawequal', 'rawget',
  'select', 'tonumber', 'tostring', 'type', 'unpack', 'xpcall',
} do names[name] = _G[name] end
for _, name in ipairs{'coroutine', 'math', 'string', 'table'} do names[name] = view(_G[name]) end
local scene = view(setmetatable(names, {__index = function(_, name)
  error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end}))
names._G = scene
names.KEYS, names.ARGV = {}, {}

function names.rawset(t, k, v)
  if protected[t] then error('Attempt to modify a readonly table', 0) end
  return rawset(t, k, v)
end
function names.getmetatable(value)
  if type(value) == 'userdata' then return nil end
  return getmetatable(value)
end
function names.setmetatable(t, m)
  if protected[t] then error('Attempt to modify a readonly table', 0) end
  return setmetatable(t, m)
end
for _, name in ipairs{'load', 'loadstring'} do
  local make = _G[name]
  names[name] = function(...)
    local chunk, problem = make(...)
    if chunk then return setfenv(chunk, scene) end
    return nil, problem
  end
end
local function settled(ok, value, ...)  -- Redis's `pcall` gives the text of an error, where Lua's gives its table
  if not ok and type(value) == 'table' and type(value.err) == 'string' then return false, value.err end
  return ok, value, ...
end
function names.pcall(...) return settled(pcall(...)) end
local text = getmetatable('')
text.__index, text.__metatable = names.string, view(text)

-- Nothing of Python's is handed out: each function stays behind one of Lua's.
local call, log, setresp, allows, draw, seed = py.call, py.log, py.setresp, py.allows, py.draw, py.seed
local watched = py.watched
local function checked(ok, value, ...)  -- raises as a function of C's does: with the line that called it
  if ok then return value, ... end
  local at = getinfo(3, 'S')  -- 1 is this one, 2 the library's, which called it last
  if at and at.what == 'tail' then error('user_script:?: ' .. value, 0) end
  error(value, 3)
end
local function library(functions, fields)
  for name, f in pairs(functions) do fields[name] = function(...) return checked(f(...)) end end
  return view(fields)
end
function math.random(low, high)
  local r = draw()
  if low == nil then return r end
  if high == nil then low, high = 1, low end
  if low > high then error("bad argument #" .. (low == 1 and 1 or 2) .. " to 'random' (interval is empty)", 2) end
  return floor(r * (high - low + 1)) + low
end
function math.randomseed(number) seed(number) end

local function one_text(...) return select('#', ...) == 1 and type((...)) == 'string' end
local NO_TEXT = 'ERR wrong number or type of arguments'
names.redis = view{
  call = function(...) return raised(call(...)) end,
  pcall = function(...)
    local ok, value = call(...)
    if ok then return value end
    return {err = value}
  end,
  log = function(...) return raised(log(...)) end,
  setresp = function(...) return raised(setresp(...)) end,
  acl_check_cmd = function(...) return raised(allows(...)) end,
  error_reply = function(...)
    local message = one_text(...) and (...):gsub('^-', '') or NO_TEXT
    return {err = message:find(' ', 1, true) and message or 'ERR ' .. message}
  end,
  status_reply = function(...) return one_text(...) and {ok = (...)} or {err = NO_TEXT} end,
  sha1hex = function(...) return select('#', ...) == 1 and py.sha1hex(...) or error('wrong number of arguments', 0) end,
  replicate_commands = function() return true end,
  set_repl = function(what)
    if what ~= 3 then error('SIMULATOR set_repl is not simulated: a script is replicated as a whole', 0) end
  end,
  breakpoint = function() return false end, debug = function() end,
  REPL_NONE = 0, REPL_AOF = 1, REPL_SLAVE = 2, REPL_REPLICA = 2, REPL_ALL = 3,
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
  REDIS_VERSION = py.version, REDIS_VERSION_NUM = py.version_number,
}
names.bit, names.struct = library(py.bit, {}), library(py.struct, {})
names.cmsgpack = library(py.cmsgpack, {_NAME = 'cmsgpack', _VERSION = 'lua-cmsgpack 0.4.0'})
local cjson = {_NAME = 'cjson', _VERSION = '2.1.0', null = py.null}
for _, name in ipairs{
  'new', 'encode_sparse_array', 'encode_max_depth', 'encode_number_precision', 'encode_keep_buffer',
  'encode_invalid_numbers', 'decode_max_depth', 'decode_invalid_numbers',
} do
  cjson[name] = function() error('SIMULATOR cjson.' .. name .. ' is not simulated: settings stay as they are', 0) end
end
names.cjson = library({encode = py.encode, decode = py.decode}, cjson)

local function told(err)
  sethook()
  local level, at = 2, getinfo(2, 'Sl')
  while at and (at.what == 'C' or at.what == 'tail' or at.source == '=sandbox') do
    level = level + 1
    at = getinfo(level, 'Sl')
  end
  local message = err
  if type(err) == 'table' then message = err.err
  elseif type(err) ~= 'userdata' then message = 'ERR ' .. tostring(err) end
  return {message, at and at.source .. ':' .. at.currentline or '@user_script:?'}  -- a tail call leaves no line
end
local function admit(chunk) return setfenv(chunk, scene) end
local function bind(keys, argv) names.KEYS, names.ARGV = keys, argv end
local function run(chunk, allowance)
  watched(allowance)
  local ok, value = xpcall(chunk, told)
  sethook()
  if not ok then return value[1] or 'ERR unknown error', nil, value[2] end
  local kind = type(value)
  if kind == 'function' or kind == 'thread' or kind == 'userdata' then value = nil end
  return nil, value, nil
end
return admit, bind, run
"""
