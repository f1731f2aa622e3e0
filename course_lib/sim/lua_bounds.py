"""What ends a script that would hold the kernel: it runs for ever, or one call of it would take minutes, or gigabytes.

In Lua, as the hook of a script: it is told of each call, and when the allowance of instructions is used up. A pattern
is matched in one instruction, so its work is estimated before: a text of n bytes can be shared among k repetitions in
(n + k choose k) ways, and a pattern without `^` begins anywhere.
"""

from __future__ import annotations

WATCHES = rb"""
local getinfo, getlocal, sethook = debug.getinfo, debug.getlocal, debug.sethook
local find, gsub, rep = string.find, string.gsub, string.rep

local function ends_with(message)
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
  if event == 'count' then ends_with('SIMULATOR the script runs for ever, it seems') end
  local called = getinfo(2, 'f').func
  if not matches[called] and called ~= rep then return end
  local _, text = getlocal(2, 1)
  local _, other = getlocal(2, 2)
  local _, plain = getlocal(2, 4)
  if type(text) ~= 'string' then return end
  if called == rep then
    if type(other) == 'number' and #text * other > 2^26 then ends_with('SIMULATOR string.rep makes more than 64 MB') end
  elseif type(other) == 'string' and not (called == find and plain) and ways(text, other) > 3e8 then
    ends_with('SIMULATOR this pattern may take minutes on a text of ' .. #text .. ' bytes')
  end
end
return watches
"""
