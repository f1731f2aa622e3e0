"""Children of the tests' own process, made by fork: they have the code that a test gives them, and no sandbox."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from course_lib.wire.child import Child
from course_lib.wire.json_values import SeenAt
from course_lib.wire.pipe import Pipe
from course_lib.wire.remote import Remote


@contextmanager
def forked(serve: Callable[[Pipe], Any], count: int = 2, seconds: float = 20.0) -> Iterator[list[Pipe]]:
    """So many children that serve their pipes. They end with the block."""
    pipes, children = [], []
    try:
        for _ in range(count):
            (read, its), (given, write) = os.pipe(), os.pipe()
            child = os.fork()
            if child == 0:
                gc.disable()
                for pipe in [*pipes, Pipe(read, write)]:
                    pipe.close()
                try:
                    serve(Pipe(given, its))
                finally:
                    os._exit(0)
            os.close(given)
            os.close(its)
            pipes.append(Pipe(read, write, seconds))
            children.append(child)
        yield pipes
    finally:
        for pipe in pipes:
            pipe.close()
        for child in children:
            os.waitpid(child, 0)


def serving(code: Any) -> Callable[[Pipe], None]:
    """A child whose answer is this function or class."""

    def call(what: Any, args: Any, options: Any, objects: list[Any]) -> Any:
        number, _, method = what
        return (code if number is None else getattr(objects[number], method))(*args, **options)

    def serve(pipe: Pipe) -> None:
        Child(pipe, call, lambda *_: None, lambda error: SeenAt(), lambda: None).serve()

    return serve


@contextmanager
def remote(code: Any, count: int = 2) -> Iterator[Remote]:
    """This code, in children."""
    with forked(serving(code), count) as pipes:
        yield Remote(pipes)
