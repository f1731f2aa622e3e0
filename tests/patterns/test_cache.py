"""cache.py: how values are stored, how a ttl is shortened, and what the naive pattern permits."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import BadArgument
from course_lib.patterns import cache_aside, jittered
from course_lib.patterns.cache import pack, unpack
from course_lib.worlds import Simulated

from . import broken
from .crowd import Database, alone, crowd

VALUES = st.none() | st.text() | st.text(alphabet="∅x", max_size=5)


@given(VALUES)
def test_what_was_packed_comes_back(value: str | None) -> None:
    """No value, of any text, is mistaken for the marker of an absent row."""
    assert unpack(pack(value)) == value


@given(VALUES, VALUES)
def test_different_values_are_stored_differently(one: str | None, other: str | None) -> None:
    """Else one of them could not come back."""
    assert (pack(one) == pack(other)) == (one == other)


def test_a_marker_without_escape_loses_a_value() -> None:
    """The control: a row that holds the marker reads back as no row at all."""
    assert unpack(broken.marker_without_escape("∅")) is None
    assert unpack(pack("∅")) == "∅"


def test_an_ordinary_value_is_stored_as_it_is() -> None:
    """Other readers of the key, and people with redis-cli, see the value itself."""
    assert pack('{"id": 7}') == '{"id": 7}'


@given(
    ttl=st.floats(min_value=0.001, max_value=1e9),
    spread=st.floats(min_value=0, max_value=1, exclude_max=True),
    draw=st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_jitter_keeps_its_bounds(ttl: float, spread: float, draw: float) -> None:
    """Between ttl * (1 - spread) and ttl, for every draw; rounding may cost a billionth."""
    assert ttl * (1 - spread) * (1 - 1e-9) <= jittered(ttl, spread=spread, draw=lambda: draw) <= ttl


def test_jitter_spreads_what_was_written_together() -> None:
    """1,000 keys with ttl 60 and spread 0.5 end in every tenth of the 30 s; spread 0, the control, ends all at once."""
    draw = Simulated(seed=1).draws("jitter")
    ends = [jittered(60, spread=0.5, draw=draw) for _ in range(1000)]
    tenths = [sum(30 + 3 * tenth <= end < 33 + 3 * tenth for end in ends) for tenth in range(10)]
    assert min(tenths) > 50, "100 expected in each; 50 is more than five standard deviations below"
    assert {jittered(60, spread=0, draw=draw) for _ in range(1000)} == {60}


@pytest.mark.parametrize("spread", [-0.1, 1, 1.5, float("nan")])
def test_jitter_refuses_a_spread_out_of_range(spread: float) -> None:
    """A spread of 1 could make the ttl nothing."""
    with pytest.raises(BadArgument, match="spread is .*; accepted: at least 0 and below 1"):
        jittered(60, spread=spread)


def test_naive_cache_aside_lets_everyone_load() -> None:
    """The disease that the other chapters treat: all who miss load, whether the row exists or not."""
    for row in ("page", None):
        world, database = Simulated(seed=1), Database(row)
        crowd(world, 64, partial(cache_aside, world.redis(), "page", database.load, ttl=60))
        assert database.loads == 64


def test_an_absent_row_is_loaded_every_time_unless_it_is_remembered() -> None:
    """Negative caching is off by default, as in the published recipes; absent_ttl turns it on."""
    for absent_ttl, loads in ((None, 64), (60, 1)):
        world, database = Simulated(seed=1), Database(row=None)

        async def body(redis: object, absent_ttl: float | None = absent_ttl, database: Database = database) -> None:
            for _ in range(64):
                await cache_aside(redis, "page", database.load, ttl=60, absent_ttl=absent_ttl)  # type: ignore[arg-type]

        alone(world, body)
        assert database.loads == loads


def test_refuses_a_client_that_answers_in_bytes() -> None:
    """The error says how to make the client."""
    with pytest.raises(BadArgument, match="decode_responses=True"):
        alone(Simulated(decode_responses=False), lambda redis: cache_aside(redis, "page", Database().load, ttl=60))
