"""The lab of lesson 03: some traffic at one rate limiter, one algorithm at a time, on the same axes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ipywidgets as w

from course_lib.scenarios.limiters import ALGORITHMS, ARRIVALS, MICRO, Outcome, Traffic, playing
from course_lib.views.limiters import limiter
from course_lib.views.picture import Picture
from course_lib.widgets.lab import Lab


class LimiterExperiment:
    """Traffic under the lab's controls; what is not on a control is as in `given`."""

    def __init__(self, given: Traffic) -> None:
        self._given = given

    def controls(self) -> dict[str, w.Widget]:
        """The controls by the names of the Traffic's fields."""
        given, wide = self._given, {"width": "98%"}
        common: dict[str, Any] = {"style": {"description_width": "130px"}, "layout": wide}
        names = [(algorithm.label, name) for name, algorithm in ALGORITHMS.items()]
        arrivals = [(label, name) for name, label in ARRIVALS.items()]
        return {
            "algorithm": w.Dropdown(options=names, value=given.algorithm, description="limiter", **common),
            "arrivals": w.Dropdown(options=arrivals, value=given.arrivals, description="arrivals", **common),
            "limit": w.IntSlider(given.limit, 1, 200, description="limit", **common),
            "window": w.FloatSlider(given.window, min=0.5, max=4, step=0.5, description="window (s)", **common),
            "rate": w.IntSlider(round(given.rate), 10, 500, step=10, description="asked (per s)", **common),
            "burst": w.IntSlider(given.most_at_once, 1, 200, description="burst (buckets)", **common),
            "seed": w.BoundedIntText(given.seed, 0, 999_999, description="seed", **common),
        }

    def running(self, **values: Any) -> Iterator[tuple[float, Outcome]]:
        """The traffic with these values, simulated in slices."""
        return playing(replace(self._given, **values))

    def picture(self, result: Outcome) -> Picture:
        """The run on axes that do not depend on the algorithm, so that the five can be compared by eye."""
        return limiter_picture(result)

    def row(self, result: Outcome) -> dict[str, str]:
        """Algorithm, setting and numbers."""
        given, algorithm = result.traffic, ALGORITHMS[result.traffic.algorithm]
        burst = f", burst {given.most_at_once}" if algorithm.is_bucket else ""
        setting = f"{given.limit} per {given.window:g} s{burst}, {given.arrivals}, {given.rate:g}/s"
        numbers = {name: f"{value:g}" for name, value in result.summary().items()}
        return {"limiter": algorithm.label, "setting": setting, **numbers}


def limiter_lab(**given: Any) -> Lab[Outcome]:
    """The lab, set up with the fields of a `Traffic`: `limiter_lab(algorithm="gcra", limit=20)`."""
    return Lab(LimiterExperiment(Traffic(**given)), uid="lab" + secrets.token_hex(4))


def limiter_picture(result: Outcome) -> Picture:
    """One run as a picture; its title states what happened."""
    given = result.traffic
    label, most = ALGORITHMS[given.algorithm].label, result.fullest[1]
    over = f", {most - given.limit} more than the limit" if most > given.limit else ", and the limit held"
    return limiter(
        [(request.t / MICRO, request.allowed) for request in result.asked],
        result.curve,
        title=f"{label[0].upper()}{label[1:]}: at most {most} in {given.window:g} s{over}",
        limit=given.limit,
        bound=given.bound,
        window=given.window,
        boundaries=given.boundaries,
        end=given.duration,
        top=2 * given.limit,
    )
