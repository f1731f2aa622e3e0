"""Lesson 04: how each of its exercises is judged."""

from __future__ import annotations

from course_lib.grading.answer import coroutine_function, plain_function
from course_lib.grading.exercise import Rules
from course_lib.lessons.locks.exercises import e4_break_it, clues, e5_fenced_store, e3_redlock, e1_release, e2_take, e6_property

_TAKE = ("redis", "key", "token", "ttl", "wait", "draw")
_REDLOCK = ("nodes", "key", "token", "ttl", "timeout")
_PUT = ("redis", "key", "fence", "value")

RULES: dict[str, Rules] = {
    "04.1": Rules(
        lambda answer: coroutine_function(answer, "redis", "key", "token"), e1_release.releasing, e1_release.clue
    ),
    "04.2": Rules(lambda answer: coroutine_function(answer, *_TAKE), e2_take.taking, clues.taking),
    "04.3": Rules(lambda answer: coroutine_function(answer, *_REDLOCK), e3_redlock.asking, clues.asking),
    "04.4": Rules(e4_break_it.a_finding, e4_break_it.strike, e4_break_it.clue, learners_code=False, exhibit=True),
    "04.5": Rules(lambda answer: coroutine_function(answer, *_PUT, positional=4), e5_fenced_store.putting, e5_fenced_store.clue),
    "04.6": Rules(lambda answer: plain_function(answer, "trace"), e6_property.watching, e6_property.clue, learners_code=False),
}  # fmt: skip
