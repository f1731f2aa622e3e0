"""Lesson 05: how each of its exercises is judged."""

from __future__ import annotations

from course_lib.grading.answers import coroutine_function, plain_function
from course_lib.grading.exercise import Rules
from course_lib.grading.stampedes import break_it, clues, locks, watch, xfetch, xfetch_clues

_LOCK = ("redis", "key", "load", "ttl", "lock_ttl", "token")
_XFETCH = ("redis", "key", "load", "ttl", "beta", "draw")

RULES: dict[str, Rules] = {
    "05.1": Rules(lambda answer: coroutine_function(answer, *_LOCK), locks.fill_the_lock, clues.fill_the_lock),
    "05.2": Rules(lambda answer: coroutine_function(answer, *_XFETCH), xfetch.fill_the_test, xfetch_clues.clue),
    "05.3": Rules(lambda answer: coroutine_function(answer, *_LOCK), locks.write_the_whole, clues.write_the_whole),
    "05.4": Rules(break_it.one_fault, break_it.strike, break_it.clue, learners_code=False, exhibit=True),
    "05.5": Rules(lambda answer: plain_function(answer, "trace"), watch.watching, watch.clue, learners_code=False),
}
