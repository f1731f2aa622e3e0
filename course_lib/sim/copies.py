"""Copies of code, and of all that it can reach: functions with their globals, closures and defaults, classes, objects.

What belongs to a library is shared: its functions and classes, modules, and clients of Redis. So is what cannot be
copied, such as a task.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import random
import re
import threading
import types
from collections.abc import Callable
from typing import Any

from course_lib.sim.copies_of_code import Code
from course_lib.sim.own_code import names_in, own_class, own_names

_SHARED = ("redis", "course_lib", "asyncio.events", "asyncio.base_events", "logging", "IPython", "ipykernel", "typing")
"""Modules whose objects are shared: a client of Redis is one pool of connections, which keeps processes apart
itself."""
_OF_THE_CLASS = {"__dict__", "__weakref__", "__module__", "__doc__", "__slots__", "__abstractmethods__",
                 "_abc_impl", "__dataclass_fields__", "__dataclass_params__", "__annotations__",
                 "__class__"}  # fmt: skip
_OF_THE_BODY = {"__module__", "__doc__", "__slots__", "__annotations__", "__class__"}
"""What a class has to be made with, as it cannot be set later."""


class Copies(Code):
    """Like `Code`, but copies classes and objects too."""

    def other(self, it: Any) -> Any:
        """The copy of a class or an object."""
        maker = _MAKERS.get(type(it))
        if maker is not None:
            return maker(self, it)
        return self._class(it) if isinstance(it, type) else self._object(it)

    def _cached(self, it: Any) -> Any:
        return self._keep(it, functools.lru_cache(**it.cache_parameters())(self.copy(it.__wrapped__)))

    def _wrapped(self, it: Any) -> Any:
        """A staticmethod or classmethod."""
        return self._keep(it, type(it)(self.copy(it.__func__)), stateful=False)

    def _property(self, it: property) -> Any:
        return self._keep(
            it, property(self.copy(it.fget), self.copy(it.fset), self.copy(it.fdel), it.__doc__), stateful=False
        )

    def _cached_property(self, it: Any) -> Any:
        copy = functools.cached_property(self.copy(it.func))
        copy.attrname = it.attrname
        return self._keep(it, copy)

    def _generator(self, it: types.GeneratorType[Any, Any, Any]) -> Any:
        """A generator that has not begun. One that has begun cannot be copied."""
        self.stateful, code, frame = True, it.gi_code, it.gi_frame
        plain = not code.co_kwonlyargcount and not code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
        if frame is None or inspect.getgeneratorstate(it) != inspect.GEN_CREATED or not plain:
            return it
        held, names = frame.f_locals, self._globals(frame.f_globals)
        cells = tuple(types.CellType(self.copy(held[name])) for name in code.co_freevars)
        begun = types.FunctionType(code, names, it.__name__, None, cells)
        copy = self._keep(it, begun(*(self.copy(held[name]) for name in code.co_varnames[: code.co_argcount])))
        self._fill(names, frame.f_globals, names_in(code))
        return copy

    # -- classes and objects -------------------------------------------------------------------------------------------

    def _module(self, it: types.ModuleType) -> Any:
        if getattr(it, "__file__", None) is None or not own_names(vars(it)):
            return it
        copy = self._keep(it, types.ModuleType(it.__name__), stateful=False)
        names = {name for name in vars(it) if not name.startswith("__")}
        copy.__dict__.update(vars(it))
        self._made[id(vars(it))] = vars(it), copy.__dict__
        self._fill(copy.__dict__, vars(it), frozenset(names))
        return copy

    def _class(self, it: type) -> Any:
        if not own_class(it):
            return it
        body = {name: value for name, value in vars(it).items() if name in _OF_THE_BODY}
        body["__qualname__"] = it.__qualname__
        try:
            bases = tuple(map(self.copy, it.__bases__))
            if (made := self._made.get(id(it))) is not None:  # a base that refers to it has copied it
                return made[1]
            copy = type(it)(it.__name__, bases, body)
        except Exception:  # a class that wants more than that to be made, so it is shared
            return it
        self._keep(it, copy, stateful=False)
        for name, value in list(vars(it).items()):
            if name not in _OF_THE_CLASS and type(value) is not types.MemberDescriptorType:
                setattr(copy, name, self.copy(value))
            elif name in ("__dataclass_fields__", "__dataclass_params__", "__abstractmethods__"):
                setattr(copy, name, value)
        return copy

    def _object(self, it: Any) -> Any:
        kind = type(it)
        own, module = own_class(kind), kind.__module__
        if not own and (f"{module}.".startswith(tuple(f"{name}." for name in _SHARED)) or isinstance(it, type)):
            return it
        try:
            made = it.__reduce_ex__(4)
            if isinstance(made, str):
                return it
            maker, args, state, items, pairs = (*made, None, None, None)[:5]
            copy = self._keep(it, self.copy(maker)(*map(self.copy, args)))
            if state is not None:
                self._restore(copy, self.copy(state))
            for item in items or ():
                copy.append(self.copy(item))
            for key, value in pairs or ():
                copy[self.copy(key)] = self.copy(value)
        except RecursionError:
            raise
        except Exception:  # such as a task, which belongs to its loop
            self._keep(it, it)
            return it
        return copy

    def _restore(self, copy: Any, state: Any) -> None:
        if hasattr(type(copy), "__setstate__"):  # its own __getattr__ can need what is not there yet
            copy.__setstate__(state)
            return
        fields, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
        if fields:
            copy.__dict__.update(fields)
        for name, value in (slots or {}).items():
            object.__setattr__(copy, name, value)

    def _random(self, it: random.Random) -> Any:
        """A generator of random numbers: each process seeds its own, so that no two draw the same."""
        return self._keep(it, random.Random(random.getrandbits(64)))

    def _lock(self, it: Any) -> Any:
        return self._keep(it, type(it)() if type(it) is type(threading.RLock()) else threading.Lock())

    def _count(self, it: Any) -> Any:
        """A counter such as `count(3)`, read from its repr; a counter of other numbers is shared."""
        numbers = re.fullmatch(r"count\((-?[\d.]+)(?:, (-?[\d.]+))?\)", repr(it))
        if numbers is None:
            return it
        start, step = (float(n) if n and "." in n else int(n or 1) for n in numbers.groups())
        return self._keep(it, itertools.count(start, step))


_MAKERS: dict[type, Callable[[Copies, Any], Any]] = {
    types.ModuleType: Copies._module,
    type(functools.lru_cache(len)): Copies._cached, staticmethod: Copies._wrapped, classmethod: Copies._wrapped,
    property: Copies._property, functools.cached_property: Copies._cached_property,
    random.Random: Copies._random, type(threading.Lock()): Copies._lock, type(threading.RLock()): Copies._lock,
    itertools.count: Copies._count, types.GeneratorType: Copies._generator,
}  # fmt: skip
