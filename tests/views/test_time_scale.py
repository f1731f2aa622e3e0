"""Time on the axis: it never runs backwards, and shortens only what is idle."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from course_lib.views.axes import nice_step
from course_lib.views.spacetime.time_scale import shortened, straight

MOMENTS = st.lists(st.floats(0, 1000, allow_nan=False), min_size=0, max_size=40)


@given(MOMENTS)
def test_later_is_never_further_left(moments: list[float]) -> None:
    """Whatever the moments, x rises with t and stays within the picture."""
    scale = shortened(moments, 50, 700)
    places = [scale(t) for t in sorted(moments)]
    assert places == sorted(places)
    assert all(50 - 1e-6 <= x <= 700 + 1e-6 for x in places)


def test_a_long_idle_stretch_gives_way() -> None:
    """Of a millisecond, a hundred idle ones and a millisecond, the short ones get more than 1 % of the width each."""
    scale = shortened([0, 0.0005, 0.001, 0.101, 0.1015, 0.102], 0, 100)
    assert scale(0.001) > 5
    assert straight(0, 0.102, 0, 100)(0.001) < 1
    assert scale.idle


def test_even_moments_stay_to_scale() -> None:
    """Where nothing is squeezed nothing is shortened."""
    assert shortened([0, 1, 2, 3, 4], 0, 100).idle == ()


def test_replies_that_come_together_make_no_stretch_idle() -> None:
    """Four replies within 3 µs are one moment, and do not make the usual 0.5 ms look long. A second of nothing does."""
    rounds = [t + dt for t in (0, 0.001, 0.002, 0.003) for dt in (0, 0.0005, 0.001, 0.001001, 0.001002, 0.001003)]
    scale = shortened(rounds, 0, 100)
    assert scale.idle == ()
    assert scale(0.001003) - scale(0.001) < 0.2
    assert shortened([*rounds, 1.0], 0, 100).idle


def test_steps_of_the_axis_are_round() -> None:
    """1, 2 or 5 times a power of ten."""
    assert [nice_step(x) for x in (0.3, 1.1, 2.1, 7, 10)] == [0.5, 2, 5, 10, 10]
