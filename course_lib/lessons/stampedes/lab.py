"""The lab of lesson 05: a crowd at one key, one remedy at a time, on the same axes."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from course_lib.lessons.stampedes.experiment_crowd import Crowd, CrowdResult
from course_lib.lessons.stampedes.experiment_crowd_run import in_slices
from course_lib.lessons.stampedes.experiment_remedies import STRATEGIES
from course_lib.lessons.stampedes.picture_crowd import crowd_picture
from course_lib.widgets.controls import choice, decimal, whole
from course_lib.widgets.lab import Experiment, Lab


def stampede_lab(**given: Any) -> Lab[CrowdResult]:
    """The lab, set up with the fields of a `Crowd`: `stampede_lab(strategy="lock", clients=500)`."""
    return Lab(Experiment(Crowd(**given), _controls, in_slices, crowd_picture, _row, says=_says, ignored=_ignored))


def _controls(given: Crowd) -> dict[str, w.Widget]:
    return {
        "strategy": choice("strategy", given.strategy, {name: one.label for name, one in STRATEGIES.items()}),
        "clients": whole("clients", given.clients, 1, 1000),
        "rate": decimal("each asks (per s)", given.rate, 0.1, 5, 0.1),
        "load_time": decimal("load time (s)", given.load_time, 0.01, 1, 0.01),
        "ttl": decimal("TTL (s)", given.ttl, 0.2, 5, 0.1),
        "beta": decimal("β (XFetch)", given.beta, 0, 4, 0.25),
    }


def _ignored(given: Crowd) -> dict[str, str]:
    return {} if given.strategy == "xfetch" else {"beta": "Only XFetch has a β."}


def _says(result: CrowdResult) -> str:
    return STRATEGIES[result.crowd.strategy].says


def _row(result: CrowdResult) -> dict[str, object]:
    """Strategy, setting and numbers."""
    given = result.crowd
    setting = f"{given.clients} × {given.rate:g}/s, load {given.load_time:g} s, TTL {given.ttl:g} s"
    beta = f", β {given.beta:g}" if given.strategy == "xfetch" else ""
    return {"strategy": STRATEGIES[given.strategy].label, "setting": setting + beta, **result.summary()}
