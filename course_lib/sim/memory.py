"""What a process keeps is its own: each simulated process gets a copy of a learner's code, with all that it refers to.

A module-level dict or lock, a default argument, a closure, a class attribute or a `functools.cache` exists once in one
interpreter, and five times in five processes. So `in_process(code)` gives each process a copy of its own, made from
what
the code was before the run: nothing passes from one process to another, nor from one run to the next.
"""

from __future__ import annotations

import dis
from collections.abc import Callable
from types import CodeType
from typing import Any

from course_lib.sim.copies import Copies
from course_lib.sim.own_code import code_in, names_in
from course_lib.sim.process import PROCESS, Process
from course_lib.sim.stand_ins import instead_of

TOO_DEEP = (
    "each simulated process gets a copy of its own of all that your code refers to, and some of that is nested too "
    "deeply for it: hundreds of objects, each within the one before. Make it inside the function that uses it"
)


def in_process(code: Any) -> Callable[[], Any]:
    """A function that returns the copy of `code` that belongs to the running process; outside of any process, a new
    copy each time.

    Cost: none for code that keeps nothing; else some 20 µs for each process of each run.
    """
    trial = Copies(dict(instead_of))
    _copied(trial, code)
    if not trial.stateful and not any(map(_keeps, trial.codes)):
        return lambda: code

    def own() -> Any:
        process = PROCESS.get()
        if process is None:
            return _copied(Copies(dict(instead_of)), code)
        if process.memory is None:
            process.memory = Copies(dict(instead_of))
        return _copied(process.memory, code)

    return own


def _copied(copies: Copies, code: Any) -> Any:
    try:
        return copies.copy(code)
    except RecursionError:
        raise RecursionError(TOO_DEEP) from None


def in_one_process(code: Any) -> Callable[..., Any]:
    """A plain function that calls `code` always in one and the same process, whichever process runs: what it keeps is
    there at the next call."""
    own, process = in_process(code), Process("lasting")

    def called(*args: Any) -> Any:
        running = PROCESS.set(process)
        try:
            return own()(*args)
        finally:
            PROCESS.reset(running)

    return called


def _keeps(code: CodeType) -> bool:
    """Can this code, or a function in it, change something that outlives its call?"""
    outer = set(code.co_freevars)
    for each in code_in(code):
        if "__dict__" in each.co_names or not _REACHES.isdisjoint(names_in(each)):
            return True
        for step in dis.get_instructions(each):
            if step.opname in _WRITES or (step.opname == "STORE_DEREF" and step.argval in outer):
                return True
    return False


_WRITES = {"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "DELETE_ATTR"}
_REACHES = {"setattr", "delattr", "globals", "exec", "eval", "vars"}
