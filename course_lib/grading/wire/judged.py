"""The child's part of a judgment: it holds the answer, and accepts or refuses it as the notebook's check does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_lib.grading.answer import Refused, seen_at
from course_lib.grading.calls import Misused, awaited
from course_lib.grading.guard import Blocked, Guard
from course_lib.grading.wire import cells
from course_lib.wire.child import Child
from course_lib.wire.json_values import Encoder, SeenAt, learn
from course_lib.wire.pipe import Pipe

learn(Misused, Blocked)

Accept = Callable[[Any], Any]


def serve(pipe: Pipe, load: Callable[[], Any]) -> None:
    """Load an answer, and run it as the parent says, until the pipe is closed. What `load` raises is the answer's."""
    guard = Guard(alone=True)
    with guard.up():
        JudgedAnswer(pipe, load, guard).child.serve()


class JudgedAnswer:
    """One answer."""

    def __init__(self, pipe: Pipe, load: Callable[[], Any], guard: Guard) -> None:
        self._load, self._guard = load, guard
        self._answer: Any = None
        self._loaded = False
        self._prepared: Any = None
        self._encode = Encoder(lambda it: None, self._seen_at)
        self.child = Child(pipe, self._call, self._asked, self._seen_at, guard.begin)

    def _seen_at(self, error: BaseException) -> SeenAt:
        return seen_at(error, self._answer) if self._loaded else cells.seen_at(error)

    def _call(self, what: tuple[int | None, bool, str], args: Any, options: Any, objects: list[Any]) -> Any:
        number, _, method = what
        if number is None:
            return self._prepared(*args, **options)
        called = getattr(objects[number], method)(*args, **options)
        return awaited(called) if self._awaits else called

    def _asked(self, request: str, *args: Any) -> Any:
        return getattr(self, f"_{request}")(*args)

    def _accept(self, accept: Accept | None, awaits: bool) -> Any:
        """`["accepted"]`, or `["refused", status, sentence]`; the answer itself, if that is data: without `accept`."""
        self._awaits = awaits
        try:
            self._answer, self._loaded = self._load(), True
            if accept is None:
                return ["value", self._encode(self._answer)]
            self._prepared = accept(self._answer)
        except Refused as refusal:
            return ["refused", refusal.status, str(refusal)]
        except Exception as error:
            return ["raised", self._encode.error(error)]
        except BaseException as error:  # sys.exit
            return ["left", self._encode.error(error)]
        return ["accepted"]

    def _printed(self) -> str:
        return self._guard.printed.getvalue()

    def _blocked(self) -> Any:
        return None if self._guard.blocked is None else self._encode.error(self._guard.blocked)
