"""The service of lesson 08 on real servers, on each server of this machine, while its primary is killed."""

from __future__ import annotations

import pytest

from course_lib.lessons.capstone.experiment_parts import GOOD
from course_lib.lessons.capstone.experiment_real import under_fire
from course_lib.lessons.capstone.experiment_storm import Storm
from course_lib.servers import find_all


@pytest.mark.parametrize("found", find_all()[:1], ids=str)
def test_a_primary_is_killed_and_no_visitor_gets_an_error_page(found: object) -> None:
    """One server only: that a failover works on each is what lesson 01 tests."""
    seen = under_fire(Storm(**GOOD), rate=30.0)
    assert (seen.wrong, seen.lost) == (0, 0)
    assert len(seen.pages) > 60
    (strike,) = seen.strikes
    assert strike.end - strike.start > 0.3
    during = [visit for visit in seen.pages if strike.start + 0.2 < visit.t_start < strike.end]
    assert during, "visitors came while there was no primary"
    assert seen.trace.world == "real"
