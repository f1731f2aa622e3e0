"""The lab of lesson 02: a deploy that has come some way, one way of naming keys at a time, on the same axes."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from course_lib.lessons.keys.experiment_rollout import Outcome, Rollout
from course_lib.lessons.keys.experiment_rollout_run import STRATEGIES, playing
from course_lib.lessons.keys.picture_rollout import Shown, rollout
from course_lib.views.picture import Picture
from course_lib.widgets.controls import Scenario, choice, decimal
from course_lib.widgets.lab import Lab
from course_lib.words import capital

LARGEST = 0.3
"""kB of the largest key with its value."""


def rollout_lab(**given: Any) -> Lab[Outcome]:
    """The lab, set up with the fields of a `Rollout`: `rollout_lab(strategy="both", share=0.3)`."""
    return Lab(
        Scenario(
            Rollout(**given),
            _controls,
            playing,
            rollout_picture,
            _row,
            lambda run: STRATEGIES[run.rollout.strategy].says,
        )
    )


def _controls(given: Rollout) -> dict[str, w.Widget]:
    return {
        "strategy": choice("strategy", given.strategy, {name: one.label for name, one in STRATEGIES.items()}),
        "share": decimal("share of v2", given.share, 0, 1, 0.1),
        "ramp": decimal("deploy takes (s)", given.ramp, 0, 8, 0.5),
        "ttl": decimal("TTL (s)", given.ttl, 0.5, 8, 0.5),
        "write_rate": decimal("writes (per s)", given.write_rate, 0, 20, 1),
    }


def _row(result: Outcome) -> dict[str, str]:
    """Strategy, setting and numbers."""
    given = result.rollout
    setting = f"{given.share:.0%} in {given.ramp:g} s, TTL {given.ttl:g} s, {given.write_rate:g} writes/s"
    numbers = {name: f"{value:g}" for name, value in result.summary().items()}
    return {"strategy": STRATEGIES[given.strategy].label, "setting": setting, **numbers}


def rollout_picture(result: Outcome) -> Picture:
    """One run as a picture whose title states what happened, on axes that do not depend on the strategy."""
    given = result.rollout
    return rollout(
        [Shown(read.t, read.kind, read.version, read.thing) for read in result.reads],
        given.restarts(),
        [(step.t, step.both / 1000, step.v1 / 1000, step.v2 / 1000) for step in result.stored],
        title=_finding(result),
        processes=given.processes,
        things={"profiles": given.profiles, "prices": given.prices},
        begins=given.begins,
        end=given.duration,
        most=LARGEST * given.keys,
    )


def _finding(result: Outcome) -> str:
    label = STRATEGIES[result.rollout.strategy].label
    crashes, stale, misses = (result.count(kind) for kind in ("error", "stale", "load"))
    bad = [f"{crashes:,} crashes"] * bool(crashes) + [f"{stale:,} stale reads"] * bool(stale)
    return f"{capital(label)}: {', '.join(bad or ['no crash, nothing stale'])}, {misses:,} misses"
