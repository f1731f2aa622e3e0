"""Lesson 04: how each of its exercises is judged."""

from __future__ import annotations

from course_lib.grading.answers import coroutine_function, plain_function
from course_lib.grading.exercise import Rules
from course_lib.grading.locking import break_it, clues, fenced, majority, release, taking, watch

_TAKE = ("redis", "key", "token", "ttl", "wait", "draw")
_REDLOCK = ("nodes", "key", "token", "ttl", "timeout")
_PUT = ("redis", "key", "fence", "value")

RULES: dict[str, Rules] = {
    "04.1": Rules(
        lambda answer: coroutine_function(answer, "redis", "key", "token"), release.releasing, release.clue
    ),
    "04.2": Rules(lambda answer: coroutine_function(answer, *_TAKE), taking.taking, clues.taking),
    "04.3": Rules(lambda answer: coroutine_function(answer, *_REDLOCK), majority.asking, clues.asking),
    "04.4": Rules(break_it.a_finding, break_it.strike, break_it.clue, learners_code=False, exhibit=True),
    "04.5": Rules(lambda answer: coroutine_function(answer, *_PUT, positional=4), fenced.putting, fenced.clue),
    "04.6": Rules(lambda answer: plain_function(answer, "trace"), watch.watching, watch.clue, learners_code=False),
}  # fmt: skip
