"""What lesson 07 says of real processes, on each server of this machine."""

from __future__ import annotations

from collections import Counter

import pytest

from course_lib.lessons.beyond_caching.experiment_real import kill_two
from course_lib.servers import Found, Server, find_all


@pytest.mark.parametrize("found", find_all()[:1], ids=str)
def test_two_workers_are_killed_and_each_way_keeps_its_promise(found: Found) -> None:
    with Server(found) as server:
        counted = {way: Counter(packed.values()) for way, packed in kill_two(server, parcels=12).items()}
    assert counted == {"at most once": {0: 1, 1: 11}, "at least once": {1: 11, 2: 1}, "effectively once": {1: 12}}
