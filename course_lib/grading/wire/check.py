"""The parent's part: the notebook's check, of an answer that runs in children."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from course_lib.errors import Unrepeatable
from course_lib.explore import Trial
from course_lib.grading.answer import Kind, Refused, kind_of, refuse_error
from course_lib.grading.calls import EACH
from course_lib.grading.checker import refused, searched
from course_lib.grading.exercise import Exercise
from course_lib.grading.verdict import Verdict
from course_lib.wire.outcomes import Said
from course_lib.wire.pipe import Broken
from course_lib.wire.remote import Remote, RemoteObject, each

EACH[RemoteObject] = each


class Exhausted(Exception):
    """The answer found no memory to go on, when one client ran it alone."""


class RemoteGuard:
    """What a guard tells of code that runs elsewhere."""

    stuck = False

    def __init__(self, remote: Remote) -> None:
        self._remote, self.printed = remote, self

    def getvalue(self) -> str:
        """What the answer has printed since the run began, in each of its children."""
        return "".join(map(str, self._remote.extra("printed")))[:2_000]

    @property
    def blocked(self) -> BaseException | None:
        """The first call that was forbidden."""
        for plain in self._remote.extra("blocked"):
            if plain is not None and isinstance(error := self._remote.decode(plain), BaseException):
                return error
        return None

    def begin(self) -> None:
        """A schedule begins: the children know it by themselves."""


CHILDREN = 2
"""How many children an exercise has. Simulated processes are dealt to them in turn, so that no two neighbors share an
interpreter."""
HIDDEN, LARGEST = 3, 1 << 40
"""How many seeds of each trial are the student's own, and the bound below which they lie: there are too many for a
child to try."""


def check(exercise: Exercise, remote: Remote, name: str = "answer", hidden: int | None = None) -> Verdict:
    """The verdict on an answer that is called `name`; with `hidden`, also under some seeds that are made of it.

    Raises: Exhausted; Broken and Silent, where a child has ended, talks nonsense, or does not answer in time.
    """
    try:
        try:
            rules = replace(exercise.rules, accept=_accepted(exercise, remote))
            # An answer that is to break a given run is not code.
            if hidden is not None and _stands(exercise) is not None:
                rules = replace(rules, trials=partial(_with_seeds, rules.trials, hidden))
            here = replace(exercise, rules=rules)
            return replace(searched(here, None, RemoteGuard(remote), lambda done, expected: None), answer=name)
        except KeyboardInterrupt:
            raise
        except Exception as error:
            if not hasattr(error, "seen_at"):
                raise
            refuse_error(error, None)  # a child has told of it: it came out of a callback of the answer's
        except BaseException as error:
            refuse_error(error, None)
    except Refused as refusal:
        if isinstance(refusal.__cause__, MemoryError):
            raise Exhausted from refusal
        return refused(exercise, refusal.status, str(refusal))
    except Unrepeatable as error:
        return refused(exercise, "error", str(error))


def _with_seeds(trials: Callable[[Any], Sequence[Trial]], hidden: int, answer: Any) -> list[Trial]:
    own = tuple(random.Random(hidden).sample(range(LARGEST), HIDDEN))
    return [replace(trial, more_seeds=own) for trial in trials(answer)]


_STAND_INS: dict[Kind, tuple[bool, Callable[[Remote], Any]]] = {
    "coroutine function": (True, Remote.coroutine_function),
    "plain function": (False, Remote.function),
    "class": (True, partial(Remote.maker, awaited=True)),
    "object": (False, partial(Remote.maker, awaited=False)),
}
"""For each kind of answer: whether its methods are awaited, and what stands for it in the parent."""


def _stands(exercise: Exercise) -> tuple[bool, Callable[[Remote], Any]] | None:
    kind = kind_of(exercise.rules.accept)
    return None if kind is None else _STAND_INS[kind]


def _accepted(exercise: Exercise, remote: Remote) -> Callable[[Any], Any]:
    """The answer as the trials take it. Raises: Refused."""
    accept = exercise.rules.accept
    awaits, stands = _stands(exercise) or (False, None)
    said = remote.extra("accept", accept if stands else None, awaits)[0]
    if type(said) is not list or not said:
        raise Broken("a child did not say what its answer is")
    how, *rest = said
    if how == "refused" and len(rest) == 2 and rest[0] in ("error", "unanswered"):
        raise Refused(rest[0], str(rest[1]))
    if how in ("raised", "left") and len(rest) == 1:
        refuse_error(Said.checked([how, *rest], remote.decode).value, None)
    if how == "value" and stands is None and len(rest) == 1:
        value = remote.decode(rest[0])
        return lambda _: accept(value)
    if how != "accepted" or stands is None:
        raise Broken("a child did not say what its answer is")
    proxy = stands(remote)
    return lambda _: proxy
