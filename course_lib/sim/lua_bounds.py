"""What ends a script that would hold the kernel: it runs forever, or one call of it would take minutes, or gigabytes.

In Lua, as the hook of a script and of each coroutine that it makes: it is told of each call, and whenever some
instructions have been run. These are counted over all of them. A pattern is matched in one instruction, so its work is
estimated before: a text of n bytes can be shared among k repetitions in (n + k choose k) ways, and a pattern without
`^` begins anywhere. Work that no count covers, such as joining long texts, is ended by the time that it takes.
"""

from __future__ import annotations

EVERY, SECONDS = 2_000, 10.0
"""Instructions between two looks at the count and the clock, and how long a script may compute. Units: seconds."""

COMPILED = b"\x1b"
"""How compiled code begins. Lua does not check such code, which could write anywhere in this process. So it is read as
text, as in Redis, and there this byte is an error."""

WATCHES = rb"""
local every, seconds = ...
local clock, getinfo, getlocal, sethook = os.clock, debug.getinfo, debug.getlocal, debug.sethook
local find, gsub, rep, create, resume =
  string.find, string.gsub, string.rep, coroutine.create, coroutine.resume
local left, last = 0, 0

local function ends_with(message)
  left = 0  -- of all coroutines
  sethook(function() error(message, 0) end, '', 1)  -- at every instruction, or a `pcall` would win another allowance
  error(message, 0)
end
local matches = {[string.find] = true, [string.match] = true, [string.gmatch] = true, [string.gsub] = true}
local function ways(text, pattern)
  local _, repetitions = gsub(gsub(gsub(pattern, '%%.', 'x'), '%b[]', 'x'), '[*+?-]', '')
  local n = 1
  for i = 1, repetitions + (pattern:sub(1, 1) == '^' and 0 or 1) do n = n * (#text + i) / i end
  return n
end
local function watches(event)
  if event == 'count' then left = left - every end
  if left <= 0 or clock() > last then ends_with('SIMULATOR the script runs for ever, it seems') end
  if event == 'count' then return end
  local called = getinfo(2, 'f').func
  if not matches[called] and called ~= rep then return end
  local _, text = getlocal(2, 1)
  local _, other = getlocal(2, 2)
  local _, plain = getlocal(2, 4)
  if type(text) ~= 'string' then return end
  if called == rep then
    if type(other) == 'number' and #text * other > 2^26 then ends_with('SIMULATOR string.rep makes more than 64 MB') end
  elseif type(other) == 'string' then
    local work = called == find and plain and 0 or ways(text, other)
    if work > 3e8 or #text * #other > 1e10 then
      ends_with('SIMULATOR this pattern may take minutes on a text of ' .. #text .. ' bytes')
    end
  end
end
local function follow(thread) sethook(thread, watches, 'c', every) return thread end

-- A coroutine has a hook of its own, and so is told of nothing unless it is given one.
local function raised(message)  -- as a function of C's does: with the line that called it
  local at = type(message) == 'string' and getinfo(3, 'S')
  if at and at.what == 'tail' then error('user_script:?: ' .. message, 0) end
  error(message, 3)
end
local function passed(ok, ...)
  if ok then return ... end
  return raised((...))
end
local function followed(body, name)
  if type(body) ~= 'function' then raised("bad argument #1 to '" .. name .. "' (Lua function expected)") end
  return follow(create(body))
end
function coroutine.create(body) return followed(body, 'create') end
function coroutine.wrap(body)
  local thread = followed(body, 'wrap')
  return function(...) return passed(resume(thread, ...)) end
end
-- With a space before it, what begins like compiled code is not taken for it.
local from_pieces, from_text, byte = load, loadstring, string.byte
local function as_text(code) return type(code) == 'string' and byte(code) == 27 and ' ' .. code or code end
function loadstring(code, name) return from_text(as_text(code), name or code) end
function load(read, name)
  local begun = false
  return from_pieces(type(read) == 'function' and function()
    local piece = read()
    if begun then return piece end
    begun = true
    return as_text(piece)
  end or read, name)
end

return function(allowance)
  left, last = allowance, clock() + seconds
  sethook(watches, 'c', every)
end
"""
