"""A judge stays on one core with its children, and goes where it likes afterwards."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from course_lib.grading.wire.one_core import on_one_core

if sys.platform != "linux":
    pytest.skip("only Linux says where a thread runs", allow_module_level=True)


def cores_of_a_child() -> set[int]:
    program = "import os; print(*os.sched_getaffinity(0))"
    return set(map(int, subprocess.check_output([sys.executable, "-c", program], text=True).split()))


def cores_of_a_judge() -> tuple[set[int], set[int]]:
    """Its own, and those of what it starts."""
    with on_one_core():
        return os.sched_getaffinity(0), cores_of_a_child()


def fails() -> None:
    with on_one_core():
        raise ZeroDivisionError


def test_a_judge_and_what_it_starts_stay_on_one_core_until_the_end() -> None:
    before = os.sched_getaffinity(0)
    here, there = cores_of_a_judge()
    assert here == there
    assert len(here & before) == len(here) == 1
    with pytest.raises(ZeroDivisionError):
        fails()
    assert os.sched_getaffinity(0) == cores_of_a_child() == before
