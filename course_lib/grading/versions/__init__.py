"""Lesson 02: how each of its exercises is judged."""

from __future__ import annotations

from course_lib.grading.answers import a_class, coroutine_function, plain_function
from course_lib.grading.exercise import Rules
from course_lib.grading.versions import break_it, clean, flush, names, rollout, watch

_READ_WRITE = {"read": ("user",), "write": ("user", "profile")}
_READ_FLUSH = {"read": ("user", "load"), "flush": ()}

RULES: dict[str, Rules] = {
    "02.1": Rules(lambda answer: plain_function(answer, "first", "second"), names.naming, names.clue),
    "02.2": Rules(
        lambda answer: a_class(answer, "redis", "load", "save", "ttl", methods=_READ_WRITE),
        rollout.rolling, rollout.clue,
    ),
    "02.3": Rules(lambda answer: a_class(answer, "redis", "ttl", methods=_READ_FLUSH), flush.flushing, flush.clue),
    "02.4": Rules(
        lambda answer: coroutine_function(answer, "redis", "live", positional=1), clean.cleaning, clean.clue
    ),
    "02.5": Rules(break_it.an_order, break_it.follow, break_it.clue, learners_code=False, exhibit=True),
    "02.6": Rules(lambda answer: plain_function(answer, "trace"), watch.watching, watch.clue, learners_code=False),
}  # fmt: skip
