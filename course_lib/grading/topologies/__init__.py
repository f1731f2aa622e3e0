"""Lesson 01: how each of its exercises is judged."""

from __future__ import annotations

from course_lib.grading.answers import coroutine_function, plain_function
from course_lib.grading.exercise import Rules
from course_lib.grading.topologies import break_it, failover, outage, slots, tags, watch
from course_lib.grading.topologies.failover_clues import clue as failover_clue

_COUNT = ("find_primary", "event", "patience")

RULES: dict[str, Rules] = {
    "01.1": Rules(lambda answer: plain_function(answer, "key"), slots.predicting, slots.clue),
    "01.2": Rules(tags.three_functions, tags.naming, tags.clue),
    "01.3": Rules(
        lambda answer: coroutine_function(answer, *_COUNT, positional=2), failover.counting, failover_clue
    ),
    "01.4": Rules(lambda answer: plain_function(answer, "setup"), outage.proving, outage.clue),
    "01.5": Rules(break_it.a_cut, break_it.strike, break_it.clue, learners_code=False, exhibit=True),
    "01.6": Rules(lambda answer: plain_function(answer, "trace"), watch.watching, watch.clue, learners_code=False),
}  # fmt: skip
