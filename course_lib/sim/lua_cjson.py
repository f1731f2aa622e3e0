"""cjson for scripts, as Redis 7 has it: what it writes, what it reads beyond the standard, and how it words an error.

`ENCODE` is Lua, as the order of an object's fields is that of Lua's `next`; `decode` reads JSON with the standard
library, and what is not JSON with a reader that is as lenient as cjson. Knows Lua and nothing of fakeredis.
Source: lua-cjson 2.1.0, https://kyne.au/~mark/software/lua-cjson-manual.html. Does not: change its settings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_DEEPEST = 1000
_NAMES = {
    "{": "T_OBJ_BEGIN", "}": "T_OBJ_END", "[": "T_ARR_BEGIN", "]": "T_ARR_END", ",": "T_COMMA", ":": "T_COLON",
}  # fmt: skip
_WORDS = {"true": ("T_BOOLEAN", True), "false": ("T_BOOLEAN", False), "null": ("T_NULL", None)}
_NUMBER = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])"
)
_STRING = re.compile(r'"(?:[^"\\\0]|\\.)*"', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u[dD](?=[89a-fA-F])|.)", re.DOTALL)
"""One escape, or two that are one sign together; of half a one, three characters."""


class Null:
    """What JSON's null is in Lua: a value of its own, for nil would end a table."""

    def __str__(self) -> str:
        return "userdata: (nil)"


NULL = Null()


_KINDS = {type(None): "nil", bool: "boolean", Null: "userdata"}


def decode(text: Any, table_from: Callable[..., Any]) -> Any:
    """A JSON text as a value for Lua. Raises: ValueError, with cjson's words, if it is none."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        text = b"%.14g" % text
    if not isinstance(text, bytes):
        kind = _KINDS.get(type(text)) or type(text).__name__.removeprefix("_Lua").lower()
        raise ValueError(f"bad argument #1 to 'decode' (string expected, got {kind})")
    read = text.decode("utf-8", "surrogateescape")
    try:
        try:
            if _SURROGATE.search(read):
                raise ValueError
            value = json.loads(read, parse_int=float, strict=False)
        except ValueError:
            value = _Reader(read).whole()
        value = _for_lua(value)
    except RecursionError:
        raise ValueError(_too_deep(read)) from None
    return table_from(value, recursive=True) if isinstance(value, (dict, list)) else value


def _too_deep(text: str) -> str:
    """The place at which a text that is nested too deep for Python becomes too deep for cjson as well."""
    depth = 0
    for match in re.finditer(_STRING.pattern + r"|[\[\]{}]", text, re.DOTALL):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > _DEEPEST:
            return f"Found too many nested data structures ({depth}) at character {match.start() + 1}"
    return "SIMULATOR cjson.decode of so many nested tables is not simulated"


def _for_lua(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, list):
        return [_for_lua(item) for item in value]
    if isinstance(value, dict):
        return {_for_lua(key): _for_lua(item) for key, item in value.items()}
    return NULL if value is None else value


class _Reader:
    """One token after the other, each with its kind, its value and where it stands."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0
        if "\0" in text[:2] and len(text) >= 2:
            raise ValueError("JSON parser does not support UTF-16 or UTF-32")

    def token(self) -> tuple[str, Any, int]:
        text = self.text
        while self.place < len(text) and text[self.place] in " \t\n\r":
            self.place += 1
        at = self.place
        if at == len(text):
            return "T_END", None, at
        if text[at] in _NAMES:
            self.place += 1
            return _NAMES[text[at]], None, at
        if text[at] == '"':
            if not (match := _STRING.match(text, at)):
                return "unexpected end of string", None, len(text)
            self.place = match.end()
            for escape in _ESCAPE.finditer(match[0]):
                if len(escape[0]) == 3:
                    return "invalid unicode escape code", None, at + escape.start()
            try:
                return "T_STRING", json.loads(match[0], strict=False), at
            except json.JSONDecodeError as error:
                unicode = "uXXXX" in error.msg
                return f"invalid {'unicode ' * unicode}escape code", None, at + error.pos - unicode
        for word, (kind, value) in _WORDS.items():
            if text.startswith(word, at):
                self.place += len(word)
                return kind, value, at
        if text[at] != "." and (match := _NUMBER.match(text, at)):
            self.place = match.end()
            digits = match[0]
            return "T_NUMBER", float(int(digits, 16)) if "x" in digits.lower() else float(digits), at
        return "invalid number" if text[at] == "-" else "invalid token", None, at

    def fail(self, expected: str, token: tuple[str, Any, int]) -> ValueError:
        at = len(self.text[: token[2]].encode("utf-8", "surrogateescape"))
        return ValueError(f"Expected {expected} but found {token[0]} at character {at + 1}")

    def whole(self) -> Any:
        value = self.value(self.token())
        if (after := self.token())[0] != "T_END":
            raise self.fail("the end", after)
        return value

    def value(self, token: tuple[str, Any, int]) -> Any:
        kind, value, _ = token
        if kind in ("T_STRING", "T_NUMBER", "T_BOOLEAN", "T_NULL"):
            return value
        if kind not in ("T_OBJ_BEGIN", "T_ARR_BEGIN"):
            raise self.fail("value", token)
        return self.fields() if kind == "T_OBJ_BEGIN" else self.items()

    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if (token := self.token())[0] == "T_OBJ_END":
            return found
        while True:
            if token[0] != "T_STRING":
                raise self.fail("object key string", token)
            if (colon := self.token())[0] != "T_COLON":
                raise self.fail("colon", colon)
            found[token[1]] = self.value(self.token())
            if (after := self.token())[0] == "T_OBJ_END":
                return found
            if after[0] != "T_COMMA":
                raise self.fail("comma or object end", after)
            token = self.token()

    def items(self) -> list[Any]:
        found: list[Any] = []
        if (token := self.token())[0] == "T_ARR_END":
            return found
        while True:
            found.append(self.value(token))
            if (after := self.token())[0] == "T_ARR_END":
                return found
            if after[0] != "T_COMMA":
                raise self.fail("comma or array end", after)
            token = self.token()


ENCODE = rb"""
local error, floor, format, gsub, next, pcall, tostring, type =
  error, math.floor, string.format, string.gsub, next, pcall, tostring, type
local concat, deepest = table.concat, 1000

local escapes = {
  ['\b'] = '\\b', ['\t'] = '\\t', ['\n'] = '\\n', ['\f'] = '\\f', ['\r'] = '\\r',
  ['"'] = '\\"', ['\\'] = '\\\\', ['/'] = '\\/', ['\127'] = '\\u007f',
}
for byte = 0, 31 do
  local char = string.char(byte)
  escapes[char] = escapes[char] or format('\\u%04x', byte)
end
local function quoted(text) return '"' .. gsub(text, '[%c"\\/]', escapes) .. '"' end
local function cannot(reason, value) error({'Cannot serialise ' .. type(value) .. ': ' .. reason}) end
local function number(value)
  if value ~= value or value == 1/0 or value == -1/0 then cannot('must not be NaN or Inf', value) end
  return format('%.14g', value)
end
local function length(of)  -- of an array; -1 is an object
  local largest, items = 0, 0
  for key in next, of do
    if type(key) ~= 'number' or key < 1 or floor(key) ~= key then return -1 end
    if key > largest then largest = key end
    items = items + 1
  end
  if largest > items * 2 and largest > 10 then cannot('excessively sparse array', of) end
  return largest
end

local write
function write(value, out, depth)
  local kind = type(value)
  if kind == 'string' then out[#out + 1] = quoted(value)
  elseif kind == 'number' then out[#out + 1] = number(value)
  elseif kind == 'boolean' then out[#out + 1] = tostring(value)
  elseif kind == 'nil' or kind == 'userdata' then out[#out + 1] = 'null'
  elseif kind ~= 'table' then cannot('type not supported', value)
  else
    if depth > deepest then error({'Cannot serialise, excessive nesting (' .. depth .. ')'}) end
    local items, between = length(value), false
    out[#out + 1] = items > 0 and '[' or '{'
    for at = 1, items do
      if at > 1 then out[#out + 1] = ',' end
      write(value[at], out, depth + 1)
    end
    if items <= 0 then
      for key, item in next, value do
        if between then out[#out + 1] = ',' end
        between = true
        if type(key) == 'number' then out[#out + 1] = '"' .. number(key) .. '":'
        elseif type(key) == 'string' then out[#out + 1] = quoted(key) .. ':'
        else cannot('table key must be a number or string', key) end
        write(item, out, depth + 1)
      end
    end
    out[#out + 1] = items > 0 and ']' or '}'
  end
end

return function(...)
  if select('#', ...) ~= 1 then return false, "bad argument #1 to 'encode' (expected 1 argument)" end
  local out = {}
  local ok, problem = pcall(write, ..., out, 1)
  if ok then return true, concat(out) end
  return false, type(problem) == 'table' and problem[1] or problem
end
"""
