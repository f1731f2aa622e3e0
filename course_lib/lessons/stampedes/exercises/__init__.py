"""Lesson 05: how each of its exercises is judged."""

from __future__ import annotations

from course_lib.grading.answer import coroutine_function, plain_function
from course_lib.grading.exercise import Rules
from course_lib.lessons.stampedes.exercises import e4_break_it, e1_e3_clues, e1_e3_locks, e5_property, e2_early_refresh, e2_clues

_LOCK = ("redis", "key", "load", "ttl", "lock_ttl", "token")
_XFETCH = ("redis", "key", "load", "ttl", "beta", "draw")

RULES: dict[str, Rules] = {
    "05.1": Rules(lambda answer: coroutine_function(answer, *_LOCK), e1_e3_locks.fill_the_lock, e1_e3_clues.fill_the_lock),
    "05.2": Rules(lambda answer: coroutine_function(answer, *_XFETCH), e2_early_refresh.fill_the_test, e2_clues.clue),
    "05.3": Rules(lambda answer: coroutine_function(answer, *_LOCK), e1_e3_locks.write_the_whole, e1_e3_clues.write_the_whole),
    "05.4": Rules(e4_break_it.one_fault, e4_break_it.strike, e4_break_it.clue, learners_code=False, exhibit=True),
    "05.5": Rules(lambda answer: plain_function(answer, "trace"), e5_property.watching, e5_property.clue, learners_code=False),
}
