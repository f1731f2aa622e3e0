"""A call of the learner's code: what it is given, and what becomes of it. Nothing of it outlives the run."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

from course_lib.errors import CourseError


class Misused(CourseError):
    """The answer did something that makes it impossible to judge. The text says what, and what to do instead."""


def inert(given: Any) -> Any:
    """What an answer is given. A function among it does nothing more once the run is over: what code does while it is
    unwound is neither seen nor judged."""
    if not inspect.isroutine(given) and not isinstance(given, partial):
        return given
    if inspect.iscoroutinefunction(given):

        @wraps(given)
        async def awaitable(*args: Any, **options: Any) -> Any:
            if over():
                await asyncio.get_running_loop().create_future()
            return await given(*args, **options)

        return awaitable

    @wraps(given)
    def plain(*args: Any, **options: Any) -> Any:
        if over():
            raise asyncio.CancelledError
        return given(*args, **options)

    return plain


def over() -> bool:
    """Is the run over, so that the code that still runs only unwinds?"""
    return bool(getattr(asyncio.get_running_loop(), "ending", False))


async def awaited(called: Any) -> Any:
    """What a call of the answer comes to. Raises: what it raises; and Misused, for what cannot be awaited, for what
    would have to be awaited once more, for a cancellation that is its own, and for what belongs to an earlier run."""
    if not inspect.isawaitable(called):
        raise Misused(f"Your function returned {described(called)} at once; begin it with async def.")
    try:
        try:
            result = await called
        finally:
            if over():
                raise asyncio.CancelledError  # by which code that still waits hears of the end, whatever the answer did
    except asyncio.CancelledError:
        if over():
            raise
        raise Misused(OWN_CANCELLATION) from None
    except RuntimeError as error:
        if "different loop" in str(error) or "different event loop" in str(error):
            raise Misused(EARLIER_RUN) from error
        raise
    if inspect.iscoroutine(result):
        result.close()
    if inspect.isawaitable(result):
        raise Misused("Your function returned something to be awaited; did you forget an await?")
    return result


Each = Callable[[Any, Sequence[tuple[Any, ...]]], list[Any]]
"""What `each` does with an object of one class."""
EACH: dict[type, Each] = {}
"""For classes of objects that do it in a way of their own."""


def each(it: Any, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
    """What these plain methods of an object give, one after another: a call is a method's name, and its arguments.

    Use it where there are many: for an object in another process it takes a message for two hundred of them.
    """
    own = EACH.get(type(it))
    return own(it, calls) if own else [getattr(it, method)(*args) for method, *args in calls]


OWN_CANCELLATION = (
    "asyncio.CancelledError came out of your function. Whoever awaits a task that was cancelled is told so: catch it "
    "there, or await asyncio.wait([task])."
)
EARLIER_RUN = (
    "Your code uses something that it made in an earlier run and kept in a global variable: a client, a script, a task "
    "or a lock of asyncio. Each run begins anew, with servers and processes of its own, so make it in your function."
)


def described(answer: Any) -> str:
    """What was handed in or returned, for a sentence."""
    return f"an object of type {type(answer).__name__}"
