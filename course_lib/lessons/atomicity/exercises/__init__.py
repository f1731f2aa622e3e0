"""Lesson 03: how each of its exercises is judged."""

from __future__ import annotations

from course_lib.grading.answer import coroutine_function, plain_function
from course_lib.lessons.atomicity.exercises import e4_break_order, e5_break_ttl, e3_limiter, e3_clues, e2_take, e6_property, e1_window
from course_lib.grading.exercise import Rules

_HIT = ("redis", "user", "limit", "window", "request")

RULES: dict[str, Rules] = {
    "03.1": Rules(
        lambda answer: coroutine_function(answer, "redis", "key", "window", positional=2), e1_window.counting, e1_window.clue
    ),
    "03.2": Rules(lambda answer: coroutine_function(answer, "redis", "key", "n"), e2_take.taking, e2_take.clue),
    "03.3": Rules(
        lambda answer: coroutine_function(answer, *_HIT, positional=2), e3_limiter.limiting, e3_clues.clue
    ),
    "03.4": Rules(e4_break_order.an_order, e4_break_order.follow, e4_break_order.clue, learners_code=False, exhibit=True),
    "03.5": Rules(e5_break_ttl.one_fault, e5_break_ttl.strike, e5_break_ttl.clue, learners_code=False, exhibit=True),
    "03.6": Rules(lambda answer: plain_function(answer, "run"), e6_property.watching, e6_property.clue, learners_code=False),
}  # fmt: skip
