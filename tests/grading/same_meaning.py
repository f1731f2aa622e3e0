"""Changes to a right answer that keep its meaning: each way to write what is called like a function, or a class."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial, partialmethod, wraps
from typing import Any


def changes(answer: Any) -> list[str]:
    """The names of the changes that this answer can be given; none if it is no code."""
    if isinstance(answer, type):
        return list(OF_CLASSES)
    if not callable(answer):
        return []
    return list(OF_FUNCTIONS if awaited(answer) else OF_PLAIN_FUNCTIONS)


def changed(answer: Any, change: str) -> Any:
    """The answer after the change of that name."""
    known = OF_CLASSES if isinstance(answer, type) else OF_FUNCTIONS if awaited(answer) else OF_PLAIN_FUNCTIONS
    return known[change](answer)


def awaited(answer: Any) -> bool:
    """Is it an async function, or an object that is called like one?"""
    while isinstance(answer, partial):
        answer = answer.func
    return inspect.iscoroutinefunction(answer) or inspect.iscoroutinefunction(type(answer).__call__)


# -- functions --------------------------------------------------------------------------------------------------------


def decorated(answer: Any) -> Any:
    """Behind a decorator as most are written."""

    @wraps(answer)
    async def inner(*args: Any, **options: Any) -> Any:
        return await answer(*args, **options)

    return inner


def decorated_plainly(answer: Any) -> Any:
    """Behind one that is not async itself."""

    @wraps(answer)
    def inner(*args: Any, **options: Any) -> Any:
        return answer(*args, **options)

    return inner


def anonymous(answer: Any) -> Any:
    return lambda *args, **options: answer(*args, **options)


def of_an_object(answer: Any) -> Any:
    """A method that was bound."""

    class Holder:
        async def method(self, *args: Any, **options: Any) -> Any:
            return await answer(*args, **options)

    return Holder().method


def called_object(answer: Any) -> Any:
    """An object whose attribute, set in `__init__`, does the work."""

    class Holder:
        def __init__(self) -> None:
            self.work = answer

        def __call__(self, *args: Any, **options: Any) -> Any:
            return self.work(*args, **options)

    return Holder()


def in_part(answer: Any) -> Any:
    """A partialmethod of an object."""

    class Holder:
        def full(self, work: Any, *args: Any, **options: Any) -> Any:
            return work(*args, **options)

        method = partialmethod(full, answer)

    return Holder().method


def of_a_class(answer: Any) -> Any:
    class Holder:
        method = staticmethod(answer)

    return Holder.method


CELL = "def answer(*args, **options):\n    return helper(*args, **options)\n"


def from_another_cell(answer: Any) -> Any:
    """A function of another cell, with names of its own, that calls this one."""
    names: dict[str, Any] = {"helper": answer, "__name__": "__main__"}
    exec(compile(CELL, "<another cell>", "exec"), names)
    return names["answer"]


OF_PLAIN_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "decorated": decorated_plainly,
    "lambda": anonymous,
    "object": called_object,
    "partial": partial,
    "partialmethod": in_part,
    "static method": of_a_class,
    "another cell": from_another_cell,
}
OF_FUNCTIONS = {**OF_PLAIN_FUNCTIONS, "async decorator": decorated, "bound method": of_an_object}


# -- classes ----------------------------------------------------------------------------------------------------------


def methods(answer: type) -> dict[str, Any]:
    """Those of the class and of its bases, but for Python's own."""
    return {name: work for name, work in inspect.getmembers(answer, inspect.isfunction) if not name.startswith("__")}


def inherited(answer: type) -> Any:
    return type(answer.__name__, (answer,), {})


def methods_decorated(answer: type) -> Any:
    """Each behind a decorator that is not async itself."""
    return type(answer.__name__, (answer,), {name: decorated_plainly(work) for name, work in methods(answer).items()})


def methods_in_part(answer: type) -> Any:
    """Each as a partialmethod."""
    return type(answer.__name__, (answer,), {name: partialmethod(work) for name, work in methods(answer).items()})


def methods_set_in_init(answer: type) -> Any:
    """Each an attribute of the object; the class itself has none."""

    class Made:
        def __init__(self, *args: Any, **options: Any) -> None:
            made = answer(*args, **options)
            for name in methods(answer):
                setattr(self, name, getattr(made, name))

    Made.__init__.__signature__ = inspect.signature(answer.__init__)  # type: ignore[attr-defined,misc]
    return Made


def methods_as_properties(answer: type) -> Any:
    """Each a property, which gives the bound method."""

    def of(name: str) -> property:
        return property(lambda self: getattr(super(made, self), name))

    made = type(answer.__name__, (answer,), {name: of(name) for name in methods(answer)})
    return made


def made_by_new(answer: type) -> Any:
    """A class that has none of the methods: its `__new__` makes an object of another."""

    class Made:
        def __new__(cls, *args: Any, **options: Any) -> Any:
            return answer(*args, **options)

    Made.__signature__ = inspect.signature(answer)  # type: ignore[attr-defined]
    return Made


def factory(answer: type) -> Any:
    """A function that makes such objects."""

    def made(*args: Any, **options: Any) -> Any:
        return answer(*args, **options)

    return made


OF_CLASSES: dict[str, Callable[[Any], Any]] = {
    "inherited": inherited,
    "methods decorated": methods_decorated,
    "partial methods": methods_in_part,
    "set in __init__": methods_set_in_init,
    "properties": methods_as_properties,
    "made by __new__": made_by_new,
    "factory": factory,
    "partial": partial,
}
