"""The lab of lesson 02: a deploy under way, with one way of naming keys at a time, always on the same axes."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from course_lib.lessons.keys.experiment_rollout import Rollout, RolloutResult
from course_lib.lessons.keys.experiment_rollout_run import STRATEGIES, in_slices
from course_lib.lessons.keys.picture_rollout import rollout_picture
from course_lib.widgets.controls import choice, decimal
from course_lib.widgets.lab import Experiment, Lab


def rollout_lab(**given: Any) -> Lab[RolloutResult]:
    """The lab, set up with the fields of a `Rollout`: `rollout_lab(strategy="both", share=0.3)`."""
    return Lab(Experiment(Rollout(**given), _controls, in_slices, rollout_picture, _row, says=_says, ignored=_ignored))


def _ignored(given: Rollout) -> dict[str, str]:
    return {} if given.share else {"ramp": "No process is deployed: the share of v2 is 0."}


def _controls(given: Rollout) -> dict[str, w.Widget]:
    return {
        "strategy": choice("strategy", given.strategy, {name: one.label for name, one in STRATEGIES.items()}),
        "share": decimal("share of v2", given.share, 0, 1, 0.1),
        "ramp": decimal("deploy takes (s)", given.ramp, 0, 8, 0.5),
        "ttl": decimal("TTL (s)", given.ttl, 0.5, 8, 0.5),
        "write_rate": decimal("writes (per s)", given.write_rate, 0, 20, 1),
    }


def _says(result: RolloutResult) -> str:
    return STRATEGIES[result.rollout.strategy].says


def _row(result: RolloutResult) -> dict[str, object]:
    """Strategy, setting and numbers."""
    given = result.rollout
    setting = f"{given.share:.0%} in {given.ramp:g} s, TTL {given.ttl:g} s, {given.write_rate:g} writes/s"
    return {"strategy": STRATEGIES[given.strategy].label, "setting": setting, **result.summary()}
