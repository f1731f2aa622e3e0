"""Lesson 01: how each of its exercises is judged."""

from __future__ import annotations

from course_lib.grading.answer import coroutine_function, plain_function
from course_lib.grading.exercise import Rules
from course_lib.lessons.topologies.exercises import e5_break_it, e3_failover, e4_outage, e1_slot, e2_hash_tags, e6_property
from course_lib.lessons.topologies.exercises.e3_clues import clue as failover_clue

_COUNT = ("find_primary", "event", "patience")

RULES: dict[str, Rules] = {
    "01.1": Rules(lambda answer: plain_function(answer, "key"), e1_slot.predicting, e1_slot.clue),
    "01.2": Rules(e2_hash_tags.three_functions, e2_hash_tags.naming, e2_hash_tags.clue),
    "01.3": Rules(
        lambda answer: coroutine_function(answer, *_COUNT, positional=2), e3_failover.counting, failover_clue
    ),
    "01.4": Rules(lambda answer: plain_function(answer, "setup"), e4_outage.proving, e4_outage.clue),
    "01.5": Rules(e5_break_it.a_cut, e5_break_it.strike, e5_break_it.clue, learners_code=False, exhibit=True),
    "01.6": Rules(lambda answer: plain_function(answer, "trace"), e6_property.watching, e6_property.clue, learners_code=False),
}  # fmt: skip
