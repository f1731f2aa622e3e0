"""Lesson 03: how each of its exercises is judged."""

from __future__ import annotations

from course_lib.grading.answers import coroutine_function, plain_function
from course_lib.grading.atomicity import break_order, break_ttl, limiter, limiter_clues, take, watch, window
from course_lib.grading.exercise import Rules

_HIT = ("redis", "user", "limit", "window", "request")

RULES: dict[str, Rules] = {
    "03.1": Rules(
        lambda answer: coroutine_function(answer, "redis", "key", "window", positional=2), window.counting, window.clue
    ),
    "03.2": Rules(lambda answer: coroutine_function(answer, "redis", "key", "n"), take.taking, take.clue),
    "03.3": Rules(
        lambda answer: coroutine_function(answer, *_HIT, positional=2), limiter.limiting, limiter_clues.clue
    ),
    "03.4": Rules(break_order.an_order, break_order.follow, break_order.clue, learners_code=False, exhibit=True),
    "03.5": Rules(break_ttl.one_fault, break_ttl.strike, break_ttl.clue, learners_code=False, exhibit=True),
    "03.6": Rules(lambda answer: plain_function(answer, "run"), watch.watching, watch.clue, learners_code=False),
}  # fmt: skip
