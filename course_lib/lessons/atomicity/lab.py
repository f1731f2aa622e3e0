"""The lab of lesson 03: some traffic at one rate limiter, one algorithm at a time, on the same axes."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from course_lib.lessons.atomicity.experiment_limiters import ALGORITHMS, ARRIVALS, Traffic, TrafficResult, in_slices
from course_lib.lessons.atomicity.picture_limiters import limiter_picture
from course_lib.widgets.controls import choice, decimal, whole
from course_lib.widgets.lab import Experiment, Lab


def limiter_lab(**given: Any) -> Lab[TrafficResult]:
    """The lab, set up with the fields of a `Traffic`: `limiter_lab(algorithm="gcra", limit=20)`."""
    return Lab(Experiment(Traffic(**given), _controls, in_slices, limiter_picture, _row, ignored=_ignored))


def _controls(given: Traffic) -> dict[str, w.Widget]:
    return {
        "algorithm": choice("limiter", given.algorithm, {name: one.label for name, one in ALGORITHMS.items()}),
        "arrivals": choice("arrivals", given.arrivals, ARRIVALS),
        "limit": whole("limit", given.limit, 1, 200),
        "window": decimal("window (s)", given.window, 0.5, 4, 0.5),
        "rate": whole("asked (per s)", round(given.rate), 10, 500, 10),
        "burst": whole("burst (buckets)", given.most_at_once, 1, 200),
    }


def _ignored(given: Traffic) -> dict[str, str]:
    """Only buckets have a burst, and only arrivals at random are drawn."""
    found = {} if ALGORITHMS[given.algorithm].is_bucket else {"burst": "Only the two buckets have a burst."}
    return found if given.arrivals == "random" else {**found, "seed": "Only arrivals at random are drawn."}


def _row(result: TrafficResult) -> dict[str, object]:
    """Algorithm, setting and numbers."""
    given, algorithm = result.traffic, ALGORITHMS[result.traffic.algorithm]
    burst = f", burst {given.most_at_once}" if algorithm.is_bucket else ""
    drawn = f", seed {given.seed}" if given.arrivals == "random" else ""
    setting = f"{given.limit} per {given.window:g} s{burst}, {given.arrivals}, {given.rate:g}/s{drawn}"
    return {"limiter": algorithm.label, "setting": setting, **result.summary()}
