"""Lesson 02: how each of its exercises is judged."""

from __future__ import annotations

from course_lib.grading.answer import a_class, coroutine_function, plain_function
from course_lib.grading.exercise import Rules
from course_lib.lessons.keys.exercises import e5_break_it, e4_clean_up, e3_flush, e1_names, e2_rollout, e6_property

_READ_WRITE = {"read": ("user",), "write": ("user", "profile")}
_READ_FLUSH = {"read": ("user", "load"), "flush": ()}

RULES: dict[str, Rules] = {
    "02.1": Rules(lambda answer: plain_function(answer, "first", "second"), e1_names.naming, e1_names.clue),
    "02.2": Rules(
        lambda answer: a_class(answer, "redis", "load", "save", "ttl", methods=_READ_WRITE),
        e2_rollout.rolling, e2_rollout.clue,
    ),
    "02.3": Rules(lambda answer: a_class(answer, "redis", "ttl", methods=_READ_FLUSH), e3_flush.flushing, e3_flush.clue),
    "02.4": Rules(
        lambda answer: coroutine_function(answer, "redis", "live", positional=1), e4_clean_up.cleaning, e4_clean_up.clue
    ),
    "02.5": Rules(e5_break_it.an_order, e5_break_it.follow, e5_break_it.clue, learners_code=False, exhibit=True),
    "02.6": Rules(lambda answer: plain_function(answer, "trace"), e6_property.watching, e6_property.clue, learners_code=False),
}  # fmt: skip
