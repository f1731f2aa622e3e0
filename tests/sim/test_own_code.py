"""What a learner's code looks up: its names, those of functions within it, and nothing that it asks of objects."""

from __future__ import annotations

from typing import Any

from course_lib.sim.own_code import code_in, names_in

KEPT = {"n": 0}
OTHER = 1


def asks_an_object(redis: Any) -> Any:
    return redis.eval, redis.globals(), KEPT["n"]


def within_another() -> Any:
    def inner() -> Any:
        return [(lambda: OTHER)() for _ in KEPT]

    return inner


def test_what_is_asked_of_an_object_is_no_name() -> None:
    assert names_in(asks_an_object.__code__) == {"KEPT"}
    assert names_in(asks_an_object.__code__) == {"KEPT"}  # the second time it is remembered


def test_a_function_within_a_function_is_looked_at() -> None:
    assert names_in(within_another.__code__) == {"KEPT", "OTHER"}
    assert [code.co_name for code in code_in(within_another.__code__)][:2] == ["within_another", "inner"]
