"""The walk through a run, without a browser: positions, styles, the text trace."""

from __future__ import annotations

import re
import time
from html import unescape

from views.samples import crowd, five_clients, two_holders

from course_lib.trace import Trace
from course_lib.widgets.spacetime import LEAST, SpaceTime
from course_lib.widgets.text_trace import WIDE


def test_moments_follow_the_order_in_which_the_server_ran_them() -> None:
    """Two commands that cross on the wire are listed as the server saw them, not as they left."""
    trace = two_holders()
    trace.events[0].t_server = 0.0029
    ran = [m.what for m in SpaceTime(trace).moments if m.what in trace.events]
    assert ran[:2] == [trace.events[1], trace.events[0]]


def test_a_step_sends_a_style_and_no_picture() -> None:
    """A thousand commands: what a step sends for the picture stays under a kilobyte."""
    shown = SpaceTime(crowd(50, 20))
    shown.go(500)
    assert "translateX" in shown._style.value
    assert len(shown._style.value) < 1000


def test_scrubbing_finds_the_last_moment_that_has_come() -> None:
    """Between two moments the earlier one is the current one."""
    shown = SpaceTime(two_holders())
    shown.time.value = 3.9
    assert shown.position == 3
    assert "2.6 ms · b → redis  SET lock tok-b" in shown.status.value
    assert shown.time.value == 3.9


def test_a_key_does_what_its_button_does() -> None:
    """And nothing where that is locked: in a run without a fault, or without a moment."""
    shown = SpaceTime(two_holders())
    for key, position in ((".", 1), (".", 2), (",", 1), ("f", 2)):
        shown.keys._told(None, {"key": key}, [])
        assert shown.position >= position
    empty = SpaceTime(Trace())
    empty.keys._told(None, {"key": "."}, [])
    assert empty.position == 0


def test_the_veil_leaves_the_ring_of_a_broken_promise_whole() -> None:
    """At the violated moment it begins behind the ring, and the words stand before it; elsewhere it begins at once."""
    shown = SpaceTime(two_holders())
    for _ in shown.moments:
        shown.fault.click()
        if "violation" in shown.status.value:
            break
        assert ".veil" not in shown._style.value
    assert ".veil{transform:translateX(14px)}" in shown._style.value
    words = re.search(r'<text class="t v" x="([\d.]+)"[^>]*>([^<]+)', shown.picture.svg)
    ring = re.search(r'<circle class="ring" cx="([\d.]+)"', shown.picture.svg)
    assert words is not None
    assert ring is not None
    assert float(words[1]) + 6 * len(words[2]) < float(ring[1])
    shown.time.value += 2 * shown.time.step
    assert ".veil" not in shown._style.value


def test_each_row_is_its_moment_and_play_goes_on_from_it() -> None:
    shown = SpaceTime(two_holders())
    shown.follow.picked = "r3"
    assert (shown.position, shown.play.value, shown.follow.row) == (4, 4, 3)
    assert shown.moments[3].text in unescape(shown.status.value)


def test_the_list_stands_beside_the_picture_only_where_there_is_room_for_both() -> None:
    shown = SpaceTime(crowd(50, 20))
    shown._placed_in({"new": 900})
    assert 900 - WIDE < shown._plan.width <= 900
    shown._placed_in({"new": 1400})
    assert LEAST < shown._plan.width <= 1400 - WIDE


def test_steps_go_round_the_run() -> None:
    """Back from the whole run is the last moment; a step after the last is the first."""
    shown = SpaceTime(two_holders())
    shown.back.click()
    assert shown.position == len(shown.moments) == 10
    shown.forward.click()
    assert shown.position == 1


def test_next_fault_is_locked_where_nothing_went_wrong() -> None:
    """A button that could do nothing says so instead."""
    calm = Trace(events=two_holders().events[:1])
    assert SpaceTime(calm).fault.disabled
    assert not SpaceTime(five_clients()).fault.disabled


def test_an_empty_run_has_nothing_to_move() -> None:
    """No event, no error: every control is locked."""
    shown = SpaceTime(Trace())
    assert shown.time.disabled
    assert shown.forward.disabled
    assert shown.position == 0


def test_the_list_holds_one_page_of_a_long_trace() -> None:
    """Five thousand lines are not sent at once; the page with the current one is."""
    shown = SpaceTime(crowd(1000, 5))
    shown.go(3001)
    assert 'class="r3000' in shown.text.list.value
    assert shown.text.list.value.count("<li ") == 200


def test_a_step_takes_under_a_millisecond_here() -> None:
    """What the kernel does for each step, so that the time that a learner waits is the browser's and the wire's."""
    shown = SpaceTime(crowd(50, 20))
    start = time.process_time()
    for position in range(1000):
        shown.go(position)
    assert time.process_time() - start < 2.0


def test_the_front_ends_rounding_of_the_slider_does_not_move_the_picture() -> None:
    """It answers 1.53 ms with 1.5 ms, its own grid; a move by a step or more is the learner's."""
    shown = SpaceTime(five_clients())
    shown.go(5)
    placed, step = shown.time.value, shown.time.step
    shown.time.value = placed - 0.4 * step
    assert shown.position == 5
    shown.time.value = placed - 40 * step
    assert shown.position < 5
