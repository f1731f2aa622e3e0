"""Strings, numbers and expiry as Redis 7 has them, where fakeredis has them otherwise."""

from __future__ import annotations

from copy import deepcopy
from fractions import Fraction
from typing import Any

from fakeredis import _msgs as msgs
from fakeredis._command_args_parsing import Float, Int, extract_args
from fakeredis._commands import Key
from fakeredis._core import CommandItem, delete_keys
from fakeredis._helpers import OK, SimpleError, SimpleString, casematch, compile_pattern
from fakeredis.model import Hash

from course_lib.sim.fake_server_commands import CommandSocket, ours, typed

_NOT_A_STRING = "ERR The specified keys must contain string values"
_LFU = (
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching "
    "between policies at runtime LRU and LFU data will take some time to adjust."
)
_FRACTION = 10**17  # of a float that INCRBYFLOAT prints, as C's "%.17Lf" does


def _long_double(value: Fraction) -> Fraction:
    """The nearest number with 64 bits, which is what INCRBYFLOAT computes with on the usual machine."""
    if not value:
        return value
    scale = 64 - (abs(value.numerator).bit_length() - value.denominator.bit_length())
    if abs(value) * Fraction(2) ** scale >= 2**64:
        scale -= 1
    return round(value * Fraction(2) ** scale) / Fraction(2) ** scale


def _exact(text: bytes, problem: str) -> Fraction | None:
    """The number that a text says; None for an infinite one."""
    if b"_" in text or abs(Float.decode(text, decode_error=problem)) == float("inf"):
        return None
    return _long_double(Fraction(text.decode()))


def _sum(one: bytes, other: bytes, infinite: str, problem: str = msgs.INVALID_FLOAT_MSG) -> bytes:
    first, second = _exact(one, problem), _exact(other, msgs.INVALID_FLOAT_MSG)
    if first is None or second is None:
        raise SimpleError(infinite)
    digits = round(_long_double(first + second) * _FRACTION)
    whole, part = divmod(abs(digits), _FRACTION)
    text = f"{whole}.{part:017}".rstrip("0").rstrip(".")
    return (f"-{text}" if digits < 0 else text).encode()


class StringSocket(CommandSocket):
    """Mended commands on strings, and those that every key has."""

    @ours("incrbyfloat", (Key(bytes), bytes))
    def incrbyfloat(self, key: CommandItem, amount: bytes) -> bytes:
        encoded = _sum(key.get(b"0"), amount, msgs.NONFINITE_MSG)
        key.update(encoded)
        return encoded

    @ours("decrby", (Key(), Int))
    def decrby(self, key: CommandItem, amount: int) -> int:
        if amount == -(2**63):
            raise SimpleError("ERR decrement would overflow")
        typed(key, bytes)
        return int(super().decrby(key, amount))

    @ours("hincrbyfloat", (Key(), bytes, bytes))
    def hincrbyfloat(self, key: CommandItem, field: bytes, amount: bytes) -> bytes:
        if abs(Float.decode(amount)) == float("inf"):
            raise SimpleError("ERR value is NaN or Infinity")
        old = typed(key, Hash).get(field, b"0")
        encoded = _sum(old, amount, msgs.NONFINITE_MSG, "ERR hash value is not a float")
        key.value.update({field: encoded}, clear_expiration=False)
        key.updated()
        self.add_subkey_event(b"hincrbyfloat", key.key, (field,))
        return encoded

    @ours("hincrby", (Key(), bytes, Int))
    def hincrby(self, key: CommandItem, field: bytes, amount: int) -> int:
        typed(key, Hash)
        return int(super().hincrby(key, field, b"%d" % amount))

    def psetex(self, key: CommandItem, ms: int, value: bytes) -> SimpleString:
        if ms <= 0 or self._db.time * 1000 + ms >= 2**63:
            raise SimpleError(msgs.INVALID_EXPIRE_MSG.format("psetex"))
        key.value = value
        key.expireat = self._db.time + ms / 1000
        return OK

    def setex(self, key: CommandItem, seconds: int, value: bytes) -> SimpleString:
        if seconds <= 0 or (self._db.time + seconds) * 1000 >= 2**63:
            raise SimpleError(msgs.INVALID_EXPIRE_MSG.format("setex"))
        key.value = value
        key.expireat = self._db.time + seconds
        return OK

    @ours("getex", (Key(),), (bytes,))
    def getex(self, key: CommandItem, *args: bytes) -> bytes | None:
        (ex, px, exat, pxat, persist), _ = extract_args(args, ("*ex", "*px", "*exat", "*pxat", "persist"))
        units = ((ex, 1000, True), (px, 1, True), (exat, 1000, False), (pxat, 1, False))
        given = [(raw, unit, since) for raw, unit, since in units if raw is not None]
        if len(given) + persist > 1:
            raise SimpleError(msgs.SYNTAX_ERROR_MSG)
        value: bytes | None = typed(key, bytes)
        if value is None:
            return None
        for raw, unit, since in given:
            amount = Int.decode(raw) * unit
            if amount <= 0 or amount + int(since * self._db.time * 1000) >= 2**63:
                raise SimpleError(msgs.INVALID_EXPIRE_MSG.format("getex"))
            self._expireat(key, amount / 1000 + since * self._db.time)
        if persist and key.expireat is not None:
            key.expireat = None
        return value

    def _expireat(self, key: CommandItem, timestamp: float, *args: bytes) -> int:
        """A moment that is over deletes the key at once."""
        done: int = super()._expireat(key, timestamp, *args)
        if done and timestamp <= self._db.time:
            delete_keys(key)
        return done

    def expire(self, key: CommandItem, seconds: int, *args: bytes) -> int:
        return int(super().expire(key, _within("expire", seconds * 1000) // 1000, *args))

    def pexpire(self, key: CommandItem, ms: int, *args: bytes) -> int:
        return int(super().pexpire(key, _within("pexpire", ms, self._db.time), *args))

    def expireat(self, key: CommandItem, timestamp: int, *args: bytes) -> int:
        return int(super().expireat(key, _within("expireat", timestamp * 1000) // 1000, *args))

    def _ttl(self, key: CommandItem, scale: float) -> int:
        """Milliseconds; whole seconds are rounded half up."""
        if not key or key.expireat is None:
            return super()._ttl(key, scale)
        left = round((key.expireat - self._db.time) * 1000)
        return left if scale == 1000 else (left + 500) // 1000

    def expiretime(self, key: CommandItem) -> int:
        at = self.pexpiretime(key)
        return at if at < 0 else (at + 500) // 1000

    def pexpiretime(self, key: CommandItem) -> int:
        return super().pexpiretime(key) if not key or key.expireat is None else round(key.expireat * 1000)

    @ours("setrange", (Key(), Int, bytes))
    def setrange(self, key: CommandItem, offset: int, value: bytes) -> int:
        if offset >= 0:
            typed(key, bytes)
        return int(super().setrange(key, offset, value))

    @ours("lcs", (Key(), Key()), (bytes,))
    def lcs(self, k1: CommandItem, k2: CommandItem, *args: bytes) -> Any:
        if any(not isinstance(key.value, bytes | None) for key in (k1, k2)):
            raise SimpleError(_NOT_A_STRING)
        reply = super().lcs(k1, k2, *args)
        if isinstance(reply, dict):
            raise SimpleError("ERR LCS with IDX is not simulated: LCS and LCS with LEN are.")
        return reply.decode().encode("latin-1") if isinstance(reply, bytes) else reply  # made of characters, not bytes

    def bitpos(self, key: CommandItem, bit: int, *args: bytes) -> int:
        """A position before the first byte, or bit, counts as the first one."""
        size = len(key.get(b"")) * (8 if len(args) > 2 and casematch(args[2], b"bit") else 1)
        places = [b"0" if size and Int.decode(arg) < -size else arg for arg in args[:2]]
        return int(super().bitpos(key, bit, *places, *args[2:]))

    @ours("bitop", (bytes, Key(), Key()), (Key(),))
    def bitop(self, op_name: bytes, dst: CommandItem, *sources: CommandItem) -> int:
        if not (casematch(op_name, b"not") and len(sources) > 1):
            for source in sources:
                typed(source, bytes)
        return int(super().bitop(op_name, dst, *sources))

    def hrandfield(self, key: CommandItem, *args: bytes) -> Any:
        return [] if args and not key else super().hrandfield(key, *args)

    def set_(self, key: CommandItem, value: bytes, *args: bytes) -> Any:
        """Of two errors, options that exclude each other are told before a wrong number."""
        try:
            return super().set_(key, value, *args)
        except SimpleError as error:
            options = [arg.lower() for arg in args]
            spans = sum(option in (b"ex", b"px", b"exat", b"pxat", b"keepttl") for option in options)
            if error.value != msgs.WRONGTYPE_MSG and (spans > 1 or {b"nx", b"xx"} <= set(options)):
                raise SimpleError(msgs.SYNTAX_ERROR_MSG) from None
            raise

    def dump(self, key: CommandItem) -> None:
        raise SimpleError("ERR DUMP is not simulated: a value is kept as Python keeps it.")

    def copy(self, key: CommandItem, newkey: CommandItem, *args: bytes) -> int:
        """A copy, which fakeredis's would share with the original."""
        key._value = deepcopy(key._value)
        return int(super().copy(key, newkey, *args))

    @ours("touch", (Key(),), (Key(),))
    def touch(self, *keys: CommandItem) -> int:
        return sum(map(bool, keys))

    @ours("object encoding", (Key(),))
    def object_encoding(self, key: CommandItem) -> None:
        if key:
            raise SimpleError("ERR OBJECT ENCODING is not simulated: a value is kept as Python keeps it.")

    @ours("object idletime", (Key(),))
    def object_idletime(self, key: CommandItem) -> None:
        if key:
            raise SimpleError("ERR OBJECT IDLETIME is not simulated: nobody keeps when a key was used.")

    @ours("object refcount", (Key(),))
    def object_refcount(self, key: CommandItem) -> int | None:
        """One, but small numbers are shared, which depends on how they were written."""
        if key and isinstance(key.value, bytes) and key.value in _SMALL:
            raise SimpleError("ERR OBJECT REFCOUNT is not simulated: not for small numbers, which Redis shares.")
        return 1 if key else None

    @ours("object freq", (Key(),))
    def object_freq(self, key: CommandItem) -> None:
        if key:
            raise SimpleError(_LFU)

    @ours("config get", (bytes,), (bytes,), flags=msgs.FLAG_NO_SCRIPT)
    def config_get(self, *patterns: bytes) -> dict[bytes, bytes]:
        """The settings that the simulation keeps; for others the reply is empty, as if Redis had no such parameter."""
        names = [name for name in _SETTINGS if any(_matches(name, pattern) for pattern in patterns)]
        return {name: _SETTINGS[name] for name in names}


_SMALL = frozenset(b"%d" % number for number in range(10_000))
_SETTINGS = {
    b"maxmemory": b"0", b"maxmemory-policy": b"noeviction", b"appendonly": b"no", b"save": b"", b"databases": b"16",
    b"timeout": b"0", b"notify-keyspace-events": b"",
}  # fmt: skip


def _within(command: str, ms: int, now: float = 0.0) -> int:
    """A span or a moment that 64 bits hold."""
    if not -(2**63) <= ms < 2**63 - now * 1000:
        raise SimpleError(msgs.INVALID_EXPIRE_MSG.format(command))
    return ms


def _matches(name: bytes, pattern: bytes) -> bool:
    return compile_pattern(pattern.lower()).match(name) is not None
