"""The lab of lesson 02: a deploy that has come some way, one way of naming keys at a time, on the same axes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ipywidgets as w

from course_lib.scenarios.deploying import STRATEGIES, playing
from course_lib.scenarios.rollout import Outcome, Rollout
from course_lib.views.picture import Picture
from course_lib.views.rollout import Shown, rollout
from course_lib.widgets.lab import Lab

LARGEST = 0.3
"""kB of the largest key with its value."""


class RolloutExperiment:
    """Rollouts under the lab's controls; what is not on a control is as in `rollout`."""

    def __init__(self, given: Rollout) -> None:
        self._given = given

    def controls(self) -> dict[str, w.Widget]:
        """The controls by the names of the Rollout's fields."""
        given, wide = self._given, {"width": "98%"}
        common: dict[str, Any] = {"style": {"description_width": "130px"}, "layout": wide}
        names = [(strategy.label, name) for name, strategy in STRATEGIES.items()]
        return {
            "strategy": w.Dropdown(options=names, value=given.strategy, description="strategy", **common),
            "share": w.FloatSlider(given.share, min=0, max=1, step=0.1, description="share of v2", **common),
            "ramp": w.FloatSlider(given.ramp, min=0, max=8, step=0.5, description="deploy takes (s)", **common),
            "ttl": w.FloatSlider(given.ttl, min=0.5, max=8, step=0.5, description="TTL (s)", **common),
            "write_rate": w.FloatSlider(
                given.write_rate, min=0, max=20, step=1, description="writes (per s)", **common
            ),
            "seed": w.BoundedIntText(given.seed, 0, 999_999, description="seed", **common),
        }

    def running(self, **values: Any) -> Iterator[tuple[float, Outcome]]:
        """The rollout with these values, simulated in slices."""
        return playing(replace(self._given, **values))

    def picture(self, result: Outcome) -> Picture:
        """The run on axes that do not depend on the strategy."""
        return rollout_picture(result)

    def row(self, result: Outcome) -> dict[str, str]:
        """Strategy and numbers."""
        given = result.rollout
        setting = f"{given.share:.0%} in {given.ramp:g} s, TTL {given.ttl:g} s, {given.write_rate:g} writes/s"
        numbers = {name: f"{value:g}" for name, value in result.summary().items()}
        return {"strategy": STRATEGIES[given.strategy].label, "setting": setting, **numbers}


def rollout_lab(**given: Any) -> Lab[Outcome]:
    """The lab, set up with the fields of a `Rollout`: `rollout_lab(strategy="both", share=0.3)`."""
    return Lab(RolloutExperiment(Rollout(**given)), uid="lab" + secrets.token_hex(4))


def rollout_picture(result: Outcome) -> Picture:
    """One rollout as a picture; its title states what happened."""
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
    return f"{label[0].upper()}{label[1:]}: {', '.join(bad or ['no crash, nothing stale'])}, {misses:,} misses"
