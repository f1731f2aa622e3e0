"""Is this an answer at all? Each refusal says what was handed in and what to hand in instead."""

from __future__ import annotations

import asyncio
import dis
import inspect
import traceback
from collections.abc import Callable, Collection, Mapping
from functools import partial, wraps
from types import CodeType, FunctionType
from typing import Any, Literal, NoReturn

from redis.exceptions import DataError, ResponseError

from course_lib.explore import Play, in_process
from course_lib.grading.asked_again import asked_again, copied
from course_lib.grading.calls import Misused, awaited, described, inert
from course_lib.grading.evidence import JUDGE
from course_lib.trace import Trace
from course_lib.wire.json_values import SeenAt, without_addresses
from course_lib.words import shorten


class Refused(Exception):
    """There is nothing to judge: not answered yet, or an answer that cannot be run. The text says what to do."""

    def __init__(self, status: Literal["error", "unanswered"], text: str) -> None:
        super().__init__(text)
        self.status: Literal["error", "unanswered"] = status


NOT_YET = "Replace `raise NotImplementedError` in the cell above with your code, run that cell, then this one again."


def coroutine_function(signature: str) -> Callable[[Any], Any]:
    """An async function, or anything that is called like one, with such arguments: `redis, key, *, ttl`."""
    return partial(_coroutine_function, signature)


def _coroutine_function(signature: str, answer: Any) -> Any:
    _present(answer)
    if inspect.iscoroutine(answer):
        answer.close()
        raise Refused("error", "You handed in a call of your function; hand in the function: its name without (…).")
    if not callable(answer):
        raise Refused("error", f"You handed in {described(answer)}; hand in the function itself.")
    if inspect.isasyncgenfunction(answer):
        raise Refused("error", "Your function contains yield; it should return one value.")
    _takes(answer, signature)

    own = in_process(answer)

    @wraps(answer)
    async def called(*args: Any, **options: Any) -> Any:
        return await awaited(own()(*map(inert, args), **{name: inert(value) for name, value in options.items()}))

    return called


def a_class(signature: str, methods: Mapping[str, str]) -> Callable[[Any], Any]:
    """A class that takes such arguments and has these async methods, or a function that makes such objects."""
    return partial(_a_class, signature, methods)


def _a_class(signature: str, methods: Mapping[str, str], answer: Any) -> Any:
    _present(answer)
    if not callable(answer):
        raise Refused("error", f"You handed in {described(answer)}; hand in the class: its name without (…).")
    for method, arguments in methods.items() if isinstance(answer, type) else ():
        found = inspect.getattr_static(answer, method, None)
        if not callable(getattr(answer, method, None)) and not _made_later(answer, method):
            raise Refused("error", f"Your class needs `async def {method}(self, {arguments})`.")
        if inspect.isfunction(found):  # not a partialmethod, nor what objects get in `__init__`
            _takes(found, f"self, {arguments}" if arguments else "self")
    _takes(answer, signature)
    own = in_process(answer)

    def made(*args: Any, **options: Any) -> Any:
        return own()(*map(inert, args), **{name: inert(value) for name, value in options.items()})

    return made


def _made_later(answer: type, method: str) -> bool:
    """Is it possible that objects of the class get the method when they are made, or when it is asked for?"""
    if hasattr(answer, "__getattr__") or hasattr(inspect.getattr_static(answer, method, None), "__get__"):
        return True
    ways: tuple[Any, Any] = answer.__new__, type(answer).__call__
    if ways != (object.__new__, type.__call__):
        return True
    names = getattr(getattr(inspect.getattr_static(answer, "__init__"), "__code__", None), "co_names", ())
    return method in names or "setattr" in names


def an_object(methods: Mapping[str, Collection[str]]) -> Callable[[Any], Any]:
    """A function that gives each process its object with these plain methods. The answer is such an object, a class of
    them, or a function that makes them."""
    return partial(_an_object, methods)


def _an_object(methods: Mapping[str, Collection[str]], answer: Any) -> Any:
    if answer is None or answer is Ellipsis:
        raise Refused("unanswered", NOT_YET)
    try:
        ready = not callable(answer) or (
            not isinstance(answer, type) and all(hasattr(answer, name) for name in methods)
        )
        made = answer if ready else answer()
    except Exception as error:
        refuse_error(error, answer)
    for method, arguments in methods.items():
        found = getattr(made, method, None)
        wanted = f"`def {method}(self, {', '.join(arguments)})`"
        if not callable(found) or inspect.iscoroutinefunction(found):
            raise Refused("error", f"Your class needs {wanted}, a plain method.")
        try:
            inspect.signature(found).bind(*arguments)
        except (TypeError, ValueError) as error:  # a ValueError: it has none, as `"{}:{}".format`
            if isinstance(error, TypeError):
                raise Refused("error", f"Your class needs {wanted}: {error}.") from None
    return (lambda: made) if ready else answer


def plain_function(signature: str) -> Callable[[Any], Any]:
    """An ordinary function of such arguments."""
    return partial(_plain_function, signature)


def _plain_function(signature: str, answer: Any) -> Any:
    _present(answer)
    if inspect.iscoroutinefunction(answer):
        raise Refused("error", "Your function is async; write plain def: it has nothing to wait for.")
    if not callable(answer):
        raise Refused("error", f"You handed in {described(answer)}; hand in the function itself.")
    _takes(answer, signature)
    return wraps(answer)(asked_again(answer, sentences=signature in ("trace", "run")))


Kind = Literal["coroutine function", "plain function", "class", "object"]


def kind_of(accept: Callable[[Any], Any]) -> Kind | None:
    """Which kind of code one of the functions above accepts; None for an answer that is data."""
    return _KINDS.get(getattr(accept, "func", None))


_KINDS: dict[Any, Kind] = {
    _coroutine_function: "coroutine function", _plain_function: "plain function", _a_class: "class",
    _an_object: "object",
}  # fmt: skip


def sound(run: Play, client_code: Callable[..., Any]) -> None:
    """Refuse an answer that fails when one client runs it alone, with no fault: there is nothing else to judge yet."""
    for result in run.results.values():
        cut_off = run.stopped is not None and isinstance(result, asyncio.CancelledError)
        if isinstance(result, BaseException) and not cut_off:
            refuse_error(result, client_code)
    sent = [event for event in run.trace if not event.client.startswith(JUDGE)]
    for event in sent:
        if isinstance(event.reply, ResponseError) and str(event.reply).startswith(MALFORMED):
            raise Refused("error", f"The server refused {event.text}: {event.reply}. {advice(event.reply)}".strip())
    if run.stopped is not None:
        last = f" Its last command was {sent[-1].text}." if sent else ""
        raise Refused(
            "error", f"One client alone, with no fault, never came to an end: {len(sent):,} "
            f"command{'s' * (len(sent) != 1)} in {run.now:.0f} s of virtual time.{last} Does a loop lack its return, "
            f"or does something wait for itself?",
        )  # fmt: skip


MALFORMED = ("value is not", "syntax error", "wrong number of arguments", "invalid expire")
"""How a server's error begins that only a wrong command gets."""


def refuse_error(error: BaseException, code: Any) -> NoReturn:
    """Raise what an exception of the learner's code amounts to, with the line where it arose."""
    if isinstance(error, Misused):
        raise Refused("error", str(error))
    seen = seen_at(error, code)
    if isinstance(error, NotImplementedError) and seen.itself:
        raise Refused("unanswered", NOT_YET)
    said = shorten(without_addresses(str(error)), 1_000)
    where = f" in line {seen.line} of your cell, `{seen.text}`" if seen.line is not None else ""
    text = f"Your code raised {type(error).__name__}{where}: {said.rstrip('.') or 'without a message'}."
    raise Refused("error", f"{text} {advice(error)}".strip()) from error


def seen_at(error: BaseException, code: Any) -> SeenAt:
    """Where in the answer's code an error arose. If the code ran in another process, that process has said so."""
    told = getattr(error, "seen_at", None)
    if isinstance(told, SeenAt):
        return told
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == _file(code)]
    last = own[-1] if own else None
    itself = not frames or frames[-1] == last
    return SeenAt(itself=itself) if last is None else SeenAt(last.lineno, last.line or "", itself)


def advice(error: BaseException) -> str:
    """What to do about an error that learners often meet here."""
    text = str(error)
    if isinstance(error, SystemExit):
        return "Return from your function instead; exit is for a program that is done."
    if isinstance(error, NotImplementedError):
        return "Use only the `redis` that you are given: simulated code has no files, threads or sockets."
    if isinstance(error, (DataError, ResponseError)) and ("px" in text or "integer" in text or "expire" in text):
        return "redis-py's `px=` takes a whole number of milliseconds, at least 1: `round(ttl * 1000)`."
    if "can't be used in 'await' expression" in text:
        return "Begin the function with async def, and await only what redis, load and asyncio give you to wait for."
    if isinstance(error, TypeError) and "'NoneType'" in text:
        return "Something is None there: of a load that never ended, `t_end` is; of a key that is missing, the value."
    if "'coroutine'" in text:
        return "Each call of redis must be awaited: `await redis.get(key)`."
    if isinstance(error, RuntimeError) and ("asyncio.run()" in text or "already running" in text):
        return "Your function is awaited already; await inside it instead of running a loop of its own."
    return ""


def ask(answer: Callable[[Trace], str | None], trace: Trace) -> str | None:
    """What the property says of a run, handed over as a copy. Raises: Refused, if it fails."""
    try:
        said = answer(copied(trace))
    except Exception as error:
        refuse_error(error, answer)
    if said is not None and type(said) is not str:
        kind = type(said).__name__
        raise Refused("error", f"Your property returned a {kind}; return None, or a sentence: what is violated.")
    return said


def _present(answer: Any) -> None:
    if answer is None or answer is Ellipsis:
        raise Refused("unanswered", NOT_YET)
    code = getattr(answer, "__code__", None)
    if isinstance(code, CodeType) and _empty(code, answer.__doc__):
        raise Refused("unanswered", NOT_YET)


def _empty(code: CodeType, docstring: str | None) -> bool:
    """Is the body nothing but `...`, `pass` or `return None`? Code that looks at an argument, or loops, does not count
    as empty."""
    does = any(part in step.opname for step in dis.get_instructions(code) for part in ("BACKWARD", "FAST", "DEREF"))
    return not code.co_names and set(code.co_consts) <= {None, docstring} and not does


def _takes(answer: Any, wanted: str) -> None:
    by_position, _, by_name = wanted.partition(", *, ")
    try:
        signature = inspect.signature(answer)
    except (TypeError, ValueError):  # some callables have none; the first call will show
        return
    try:
        signature.bind(*by_position.split(", "), **dict.fromkeys(by_name.split(", ") if by_name else ()))
    except TypeError as error:
        raise Refused("error", f"Your function must accept ({wanted}), and has {signature}: {error}.") from None


def _file(answer: Any) -> str:
    function = function_of(answer)
    return "" if function is None else function.__code__.co_filename


def function_of(answer: Any) -> FunctionType | None:
    """The function that the learner wrote, without decorators and `partial`; of a class, its first method."""
    while isinstance(answer, partial):
        answer = answer.func
    if not isinstance(answer, FunctionType) and not inspect.ismethod(answer):
        answer = next(
            filter(inspect.isfunction, vars(answer if isinstance(answer, type) else type(answer)).values()), None
        )
    found = inspect.unwrap(answer) if callable(answer) else None
    found = getattr(found, "__func__", found)
    return found if isinstance(found, FunctionType) else None
