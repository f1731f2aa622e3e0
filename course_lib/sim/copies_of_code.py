"""Copies of code and of the containers it refers to: functions with their globals, closures and defaults.

`Copies`, in `copies.py`, adds classes and objects.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import functools
import re
import types
from collections.abc import Callable
from typing import Any
from uuid import UUID

from course_lib.sim.own_code import names_in, own_names

_IMMUTABLE: set[type] = {
    type(None), bool, int, float, complex, str, bytes, range, slice, type(...), type(NotImplemented), re.Pattern,
    datetime.datetime, datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, fractions.Fraction, UUID,
    types.CodeType, types.GenericAlias, types.MethodDescriptorType, types.WrapperDescriptorType,
    types.GetSetDescriptorType, types.ClassMethodDescriptorType,
}  # fmt: skip


class Code:
    """One consistent set of copies: two references to one object become two references to one copy. `instead` says, by
    id, what stands in for what. `stateful`: something was met that can change, or a stand-in. `codes` are those of the
    functions that were met.
    """

    def __init__(self, instead: dict[int, tuple[Any, Any]]) -> None:
        self.stateful, self.codes = False, list[types.CodeType]()
        self._instead = instead
        self._made: dict[int, tuple[Any, Any]] = {}  # by id: the original, kept so that its id stays its own; its copy
        self._seen: dict[int, set[str]] = {}  # of each module's globals, the names that were copied

    def copy(self, it: Any) -> Any:
        """Its copy, the same one each time; or itself, if it is shared."""
        kind = type(it)
        if kind in _IMMUTABLE:
            return it
        made = self._made.get(id(it)) or self._instead.get(id(it))
        if made is not None:
            self.stateful = self.stateful or id(it) in self._instead
            return made[1]
        maker = MAKERS.get(kind)
        if maker is not None:
            return maker(self, it)
        return self.other(it)

    def other(self, it: Any) -> Any:
        """The copy of what is neither a container nor a function."""
        raise NotImplementedError

    def _keep(self, it: Any, copy: Any, *, stateful: bool = True) -> Any:
        self._made[id(it)] = it, copy
        self.stateful = self.stateful or stateful
        return copy

    # -- containers ----------------------------------------------------------------------------------------------------

    def _list(self, it: list[Any]) -> Any:
        copy = self._keep(it, [])
        copy.extend(map(self.copy, it))
        return copy

    def _dict(self, it: dict[Any, Any]) -> Any:
        copy = self._keep(it, {})
        copy.update({self.copy(key): self.copy(value) for key, value in it.items()})
        return copy

    def _set(self, it: set[Any]) -> Any:
        copy = self._keep(it, set())
        copy.update(map(self.copy, it))
        return copy

    def _tuple(self, it: tuple[Any, ...]) -> Any:
        copy = tuple(map(self.copy, it))
        return it if all(a is b for a, b in zip(it, copy, strict=True)) else copy

    def _frozenset(self, it: frozenset[Any]) -> Any:
        return frozenset(map(self.copy, it))

    # -- functions -----------------------------------------------------------------------------------------------------

    def _function(self, it: types.FunctionType) -> Any:
        own, code = own_names(it.__globals__), it.__code__
        if not own and it.__closure__ is None:
            return it
        names = self._globals(it.__globals__) if own else it.__globals__
        cells = [self._made.get(id(cell)) for cell in it.__closure__ or ()]
        made = [cell[1] if cell else types.CellType() for cell in cells]  # filled below: one may hold this function
        copy = types.FunctionType(code, names, it.__name__, None, tuple(made) if it.__closure__ is not None else None)
        self._keep(it, copy, stateful=False)
        empty = [
            pair for pair, known in zip(zip(it.__closure__ or (), made, strict=True), cells, strict=True) if not known
        ]
        for cell, new in empty:
            self._keep(cell, new, stateful=False)
        for cell, new in empty:
            self._into(cell, new)
        copy.__defaults__ = self.copy(it.__defaults__)
        if it.__kwdefaults__:
            copy.__kwdefaults__ = {name: self.copy(value) for name, value in it.__kwdefaults__.items()}
        copy.__qualname__, copy.__doc__, copy.__module__ = it.__qualname__, it.__doc__, it.__module__
        copy.__annotations__ = it.__annotations__
        copy.__dict__.update({name: self.copy(value) for name, value in it.__dict__.items()})
        if own:
            self.codes.append(code)
            self._fill(names, it.__globals__, names_in(code))
        return copy

    def _globals(self, original: dict[str, Any]) -> dict[str, Any]:
        made = self._made.get(id(original))
        copy: dict[str, Any] = made[1] if made else self._keep(original, dict(original), stateful=False)
        return copy

    def _fill(self, copy: dict[str, Any], original: dict[str, Any], wanted: frozenset[str]) -> None:
        """Copy what these names stand for."""
        seen = self._seen.setdefault(id(original), set())
        for name in original.keys() - seen if not _ALL_NAMES.isdisjoint(wanted) else wanted - seen:
            seen.add(name)
            if name in original and not name.startswith("__"):
                copy[name] = self.copy(original[name])

    def _cell(self, it: types.CellType) -> Any:
        copy = self._keep(it, types.CellType(), stateful=False)
        self._into(it, copy)
        return copy

    def _into(self, cell: types.CellType, copy: types.CellType) -> None:
        try:
            content = cell.cell_contents
        except ValueError:  # still empty
            return
        copy.cell_contents = self.copy(content)

    def _method(self, it: types.MethodType) -> Any:
        function, owner = self.copy(it.__func__), self.copy(it.__self__)
        same = function is it.__func__ and owner is it.__self__
        return it if same else types.MethodType(function, owner)

    def _builtin(self, it: Any) -> Any:
        owner = getattr(it, "__self__", None)
        if owner is None or isinstance(owner, types.ModuleType):
            return it
        copy = self.copy(owner)
        return it if copy is owner else getattr(copy, it.__name__)

    def _partial(self, it: Any) -> Any:
        kind = type(it)
        options = {key: self.copy(value) for key, value in it.keywords.items()}
        return self._keep(it, kind(self.copy(it.func), *map(self.copy, it.args), **options), stateful=False)


_ALL_NAMES = {"globals", "exec", "eval", "vars"}
MAKERS: dict[type, Callable[[Code, Any], Any]] = {
    list: Code._list, dict: Code._dict, set: Code._set, tuple: Code._tuple, frozenset: Code._frozenset,
    types.FunctionType: Code._function, types.CellType: Code._cell, types.MethodType: Code._method,
    types.BuiltinFunctionType: Code._builtin,
    functools.partial: Code._partial, functools.partialmethod: Code._partial,
}  # fmt: skip
