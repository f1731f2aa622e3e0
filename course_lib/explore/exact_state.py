"""The whole state of a run between two moves, so exact that two equal ones have the same future.

What servers hold, with the time that each key has left, and what waits to be run. Of each client's code, where it
stands: its instruction, its variables, and what Python keeps out of sight, such as a loop's position. What cannot be
compared is refused, never skipped: a counter that nobody looked at would make two different states look equal.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CellType,
    CodeType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
)
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from course_lib.errors import CourseError
from course_lib.explore.bodies import Me
from course_lib.explore.moment.await_chains import awaited
from course_lib.explore.moment.code_owner import whose
from course_lib.sim import Simulation, Turn
from course_lib.sim.fake_server_reads import held
from course_lib.sim.own_code import code_in, own_class

TICK = 6
"""Digits after the point to which times are compared, in seconds: a double has seconds since 1970 to 0.2 µs."""

ALL = 1_000_000
"""Keys with at most this many members are read whole."""

_PLAIN = {type(None), bool, int, str, bytes, complex, range, type(...)}
_ITERATED: tuple[Iterable[Any], ...] = ([], (), range(0), "", b"", {}, {}.values(), {}.items(), set())
_KEPT = {type(iter(of)) for of in _ITERATED} | {
    itertools.repeat, itertools.count, itertools.cycle, enumerate, zip, reversed, type(reversed([])),
}  # fmt: skip
"""Iterators, which say by `__reduce__` how far they are."""
_CLOCKS = {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "now", "utcnow", "today",
           "process_time", "random", "uniform", "randint", "randrange", "choice", "shuffle", "uuid4", "uuid1",
           "token_hex", "token_urlsafe", "urandom"}  # fmt: skip
_UNSEEN = {b"TIME", b"WATCH", b"SUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE", b"SPOP", b"SRANDMEMBER", b"RANDOMKEY",
           b"HRANDFIELD", b"ZRANDMEMBER", b"CLIENT", b"CONFIG", b"FUNCTION", b"FCALL", b"SCAN", b"OBJECT", b"HEXPIRE",
           b"HPEXPIRE", b"HEXPIREAT", b"HPEXPIREAT", b"HGETEX", b"HSETEX"}  # fmt: skip
"""What depends on, or leaves on a server, more than keys: the clock, chance, what a connection has asked for."""
_STREAMS_AND_BLOCKING = (b"X", b"BL", b"BR", b"BZ")
_SCRIPTED = {b"EVAL": 1, b"SCRIPT": 2, b"EVAL_RO": 1}


class Incomparable(CourseError):
    """A run has a state that cannot be compared with others; the message says what of it, and what to do."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}, so two states that look equal may differ. Keep it out of the code that you ask about, or say "
            f"yourself what makes a state: state=lambda world: …"
        )


def state_of(world: Simulation, turns: Sequence[Turn]) -> Hashable:
    """All that decides what comes next. Raises: Incomparable.

    Does not: see how long a client has waited for a reply, so let the world have no socket_timeout.
    """
    for turn in turns:
        for command in turn.commands:
            _known(turn.client, command)
    servers = []
    for node in world.nodes:
        if node.blocked:
            raise Incomparable(f"a client is blocked at {node.name}")
        keys = [
            (one.db, one.key, one.kind, _comparable(one.kind, one.content), _left(one.ends, node.now()))
            for one in held(node, ALL)
        ]
        servers.append((node.name, tuple(sorted(keys, key=lambda key: key[:2])), node.skew))
    if any(process is not None and not handle._cancelled for _, _, handle, process in world.loop._timers):
        raise Incomparable("a client sleeps, or waits with a limit, and what comes first may hang on a rounding error")
    waits = () if world.turns is None else world.turns.waiting()
    return tuple(servers), waits, _clients(world), tuple(sorted(world.results))


def _left(ends: float | None, now: float) -> float | None:
    return None if ends is None else round(ends - now, TICK)


def _comparable(kind: str, content: Any) -> Any:
    """What a key holds: a hash's fields in their order, which HGETALL shows; a set's members sorted. Raises:
    Incomparable."""
    if kind not in ("string", "list", "hash", "set", "zset"):
        raise Incomparable(f"a key holds a {kind}")
    return content


def _known(who: str, command: tuple[bytes, ...]) -> None:
    name = command[0].upper()
    if name in _UNSEEN or name.startswith(_STREAMS_AND_BLOCKING):
        raise Incomparable(f"{who} sends {name.decode()}, which has to do with more than what keys hold")
    script = command[_SCRIPTED[name]].upper() if name in _SCRIPTED and len(command) > _SCRIPTED[name] else b""
    for unseen in (b"'TIME'", b'"TIME"', b"RANDOM", b"SPOP", b"SRANDMEMBER"):
        if unseen in script:
            raise Incomparable(f"{who} sends a script that uses {unseen.decode().strip(chr(39))}")


# -- where clients stand -----------------------------------------------------------------------------------------------


def _clients(world: Simulation) -> Hashable:
    for name, (process, _) in world.clients.items():
        if process.memory is not None:
            raise Incomparable(f"the code of {name} keeps something outside of its calls, as in a global variable")
    tasks = world.loop.unfinished()  # all of their code is in use, so one identity is one piece of code
    if len(tasks) > len(world.clients) - len(world.results):
        raise Incomparable("a client has tasks of its own")
    return tuple(map(_chain, tasks))


def _chain(task: asyncio.Task[Any]) -> Hashable:
    chain = list(awaited(task.get_coro()))
    calls = tuple(id(call) for call, _ in chain)
    return tuple(_stands(call, frame, calls) for call, frame in chain)


def _stands(call: Any, frame: FrameType, inside: tuple[int, ...]) -> Hashable:
    """Where a call stands, and what it holds. For calls of redis-py and asyncio only where they stand: what else they
    hold is known from the servers' queues and the timers."""
    code = frame.f_code
    if code is _HOLDING or whose(code.co_filename) == "hidden":
        return id(code), frame.f_lasti
    if clocks := _CLOCKS & {name for each in code_in(code) for name in each.co_names}:
        raise Incomparable(f"{code.co_name} uses {min(clocks)}, by which time or chance can come in")
    kept = [it for it in gc.get_referents(call) if not _of_the_call(it, frame)]
    return id(code), frame.f_lasti, tuple(_exact(it, inside) for it in kept)


def _of_the_call(it: Any, frame: FrameType) -> bool:
    """Is it something that every call of the function has: its code, its frame, the future that it awaits?"""
    if isinstance(it, FunctionType):
        return it.__code__ is frame.f_code
    if isinstance(it, MethodType):
        return isinstance(it.__self__, asyncio.AbstractEventLoop)  # by which an async generator is closed
    return isinstance(it, CodeType | FrameType | asyncio.Future)


def _exact(it: Any, inside: tuple[int, ...]) -> Hashable:
    """Equal for equal values. Raises: Incomparable."""
    kind = type(it)
    if kind in _PLAIN:
        return kind, it
    if id(it) in inside:
        return "what it is in", inside.index(id(it))
    within = (*inside, id(it))
    for kinds, read in _READ:
        if isinstance(it, kinds):
            return kind, read(it, within)
    if kind in _KEPT and "__reduce__" in vars(kind):  # itertools' own have none since Python 3.14
        return kind, _exact(it.__reduce__(), within)
    if own_class(kind) or kind.__module__.startswith("course_lib.patterns."):
        slots = [name for base in kind.__mro__ for name in vars(base).get("__slots__", ())]
        return kind, _all([*getattr(it, "__dict__", {}).items(), *(getattr(it, name, None) for name in slots)], within)
    raise Incomparable(f"the code holds a {kind.__module__}.{kind.__qualname__}, into which nobody can look")


def _all(held: Any, within: tuple[int, ...]) -> tuple[Hashable, ...]:
    return tuple(_exact(each, within) for each in held)


def _function(it: FunctionType, within: tuple[int, ...]) -> Hashable:
    return id(it.__code__), _all((it.__closure__, it.__defaults__, it.__kwdefaults__), within)


def _builtin(it: Any, within: tuple[int, ...]) -> Hashable:
    owner = it.__self__
    return it.__name__, None if isinstance(owner, ModuleType | None) else _exact(owner, within)


def _method(it: MethodType, within: tuple[int, ...]) -> Hashable:
    return id(it.__func__), _exact(it.__self__, within)


def _generator(it: Any, within: tuple[int, ...]) -> Hashable:
    """A generator that is suspended, such as the one behind a `with` whose block is running."""
    frame = it.gi_frame if isinstance(it, GeneratorType) else it.ag_frame
    return frame and _stands(it, frame, within)


def _pipeline(it: Any, within: tuple[int, ...]) -> Hashable:
    return _exact((it.command_stack, it.watching, it.explicit_transaction), within)


_GeneratorContextManagerBase: type = contextlib._GeneratorContextManager.__mro__[1]  # what @contextmanager makes
_HOLDING: CodeType = Me.holding.__wrapped__.__code__  # type: ignore[attr-defined]
_READ: list[tuple[Any, Callable[[Any, tuple[int, ...]], Hashable]]] = [
    (Me, lambda it, within: str(it)),
    (float, lambda it, within: repr(it)),
    ((list, tuple), _all),
    (dict, lambda it, within: _all(it.items(), within)),
    ((set, frozenset), lambda it, within: frozenset(_all(it, within))),
    (BaseException, lambda it, within: _all(it.args, within)),
    (CellType, lambda it, within: _all(_content(it), within)),
    (FunctionType, _function),
    (BuiltinFunctionType, _builtin),
    (MethodType, _method),
    ((GeneratorType, AsyncGeneratorType), _generator),
    (_GeneratorContextManagerBase, lambda it, within: _exact(it.gen, within)),
    ((type, ModuleType), lambda it, within: id(it)),
    (Pipeline, _pipeline),
    (Redis, lambda it, within: id(it)),
]  # fmt: skip


def _content(cell: CellType) -> Iterator[Any]:
    try:
        yield cell.cell_contents
    except ValueError:  # still empty
        return
