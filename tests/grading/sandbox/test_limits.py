"""Quota are checked where they are written down, and hold as they were written, whatever they are."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import Any

import pytest

from course_lib.errors import BadArgument
from course_lib.grading.sandbox.limits import RANGES, Quota

from .layers import COURSE, HOSTILE


@pytest.mark.parametrize("name", RANGES)
def test_a_limit_outside_its_range_is_refused_in_words(name: str) -> None:
    low, high = RANGES[name]
    assert getattr(Quota(**{name: low}), name) == low
    assert getattr(Quota(**{name: high}), name) == high
    for wrong in (low - 1, high + 1, -1, 0, True, None, "10", float("nan"), float("inf")):
        with pytest.raises(BadArgument, match=rf"^{name} must be a .*number from [\d,.]+ to [\d,.]+, and is "):
            Quota(**{name: wrong})


def test_only_the_clock_takes_fractions() -> None:
    assert Quota(wall=0.5).wall == 0.5
    for name in RANGES.keys() - {"wall"}:
        with pytest.raises(BadArgument, match="a whole number"):
            Quota(**{name: RANGES[name][0] + 0.5})


@pytest.mark.parametrize("seed", range(3))
def test_any_drawn_limits_are_accepted_exactly_within_their_ranges(seed: int) -> None:
    drawn = random.Random(seed)
    for _ in range(300):
        given: dict[str, Any] = {}
        for name, (low, high) in RANGES.items():
            value = drawn.choice([low, high, drawn.uniform(low, high), -drawn.random() * high, high * 2, low / 2])
            given[name] = value if name == "wall" else int(value)
        fits = all(low <= given[name] <= high for name, (low, high) in RANGES.items())
        if fits:
            assert Quota(**given)
        else:
            with pytest.raises(BadArgument):
                Quota(**given)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only: elsewhere the probe tries the system's own sandbox")
def test_what_confine_is_told_is_what_holds() -> None:
    """Forty children, each confined by drawn limits: hard ones too, so that they cannot be raised again."""
    program = [sys.executable, "-I", str(HOSTILE.with_name("draws.py")), str(COURSE), "7", "40"]
    lines = subprocess.run(program, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == 40
    for cpu, memory, open_files, got in map(json.loads, lines):
        assert got == {
            **{"CPU": [cpu, cpu + 1], "AS": [memory, memory], "NOFILE": [open_files, open_files]},
            **{key: [0, 0] for key in ("FSIZE", "CORE", "NPROC")},
        }
