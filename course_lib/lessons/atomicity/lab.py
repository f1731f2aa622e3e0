"""The lab of lesson 03: some traffic at one rate limiter, one algorithm at a time, on the same axes."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from course_lib.lessons.atomicity.experiment_limiters import ALGORITHMS, ARRIVALS, MICRO, Outcome, Traffic, playing
from course_lib.lessons.atomicity.picture_limiters import limiter
from course_lib.views.picture import Picture
from course_lib.widgets.controls import Scenario, choice, decimal, whole
from course_lib.widgets.lab import Lab
from course_lib.words import capital


def limiter_lab(**given: Any) -> Lab[Outcome]:
    """The lab, set up with the fields of a `Traffic`: `limiter_lab(algorithm="gcra", limit=20)`."""
    return Lab(Scenario(Traffic(**given), _controls, playing, limiter_picture, _row))


def _controls(given: Traffic) -> dict[str, w.Widget]:
    return {
        "algorithm": choice("limiter", given.algorithm, {name: one.label for name, one in ALGORITHMS.items()}),
        "arrivals": choice("arrivals", given.arrivals, ARRIVALS),
        "limit": whole("limit", given.limit, 1, 200),
        "window": decimal("window (s)", given.window, 0.5, 4, 0.5),
        "rate": whole("asked (per s)", round(given.rate), 10, 500, 10),
        "burst": whole("burst (buckets)", given.most_at_once, 1, 200),
    }


def _row(result: Outcome) -> dict[str, str]:
    """Algorithm, setting and numbers."""
    given, algorithm = result.traffic, ALGORITHMS[result.traffic.algorithm]
    burst = f", burst {given.most_at_once}" if algorithm.is_bucket else ""
    drawn = f", seed {given.seed}" if given.arrivals == "random" else ""
    setting = f"{given.limit} per {given.window:g} s{burst}, {given.arrivals}, {given.rate:g}/s{drawn}"
    numbers = {name: f"{value:g}" for name, value in result.summary().items()}
    return {"limiter": algorithm.label, "setting": setting, **numbers}


def limiter_picture(result: Outcome) -> Picture:
    """One run as a picture whose title states what happened, on axes that do not depend on the algorithm."""
    given = result.traffic
    label, most = ALGORITHMS[given.algorithm].label, result.fullest[1]
    over = f", {most - given.limit} more than the limit" if most > given.limit else ", and the limit held"
    return limiter(
        [(request.t / MICRO, request.allowed) for request in result.asked],
        result.curve,
        title=f"{capital(label)}: at most {most} in {given.window:g} s{over}",
        limit=given.limit,
        bound=given.bound,
        window=given.window,
        boundaries=given.boundaries,
        end=given.duration,
        top=2 * given.limit,
    )
