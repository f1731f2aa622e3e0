"""Lesson 04: how each of its exercises is judged, in the order of words.toml."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from course_lib.explore import Play
from course_lib.grading.answer import coroutine_function
from course_lib.grading.rules import Failing, Rules
from course_lib.lessons.locks.exercises import (
    clues,
    e1_release,
    e2_take,
    e3_redlock,
    e4_break_it,
    e5_fenced_store,
    e6_property,
)


def _named(clue: Callable[[Any, Mapping[str, Play]], str | None]) -> Callable[[Failing], Iterator[str]]:
    return lambda failing: (name for name in [clue(failing.answer, failing)] if name is not None)


RULES = [
    Rules(coroutine_function("redis, key, token"), e1_release.releasing, _named(e1_release.clue)),
    Rules(coroutine_function("redis, key, token, *, ttl, wait, draw"), e2_take.taking, _named(clues.taking)),
    Rules(coroutine_function("nodes, key, token, *, ttl, timeout"), e3_redlock.asking, _named(clues.asking)),
    Rules(e4_break_it.a_finding, e4_break_it.strike, _named(e4_break_it.clue), learners_code=False, exhibit=True),
    Rules(coroutine_function("redis, key, fence, value"), e5_fenced_store.putting, _named(e5_fenced_store.clue)),
    e6_property.RULES,
]
