"""The lab of lesson 05: a crowd at one key, one remedy at a time, on the same axes."""

from __future__ import annotations

import math
from typing import Any

import ipywidgets as w

from course_lib.lessons.stampedes.experiment_crowd import Crowd, Outcome
from course_lib.lessons.stampedes.experiment_crowd_run import playing
from course_lib.lessons.stampedes.experiment_remedies import STRATEGIES
from course_lib.lessons.stampedes.picture_crowd import Asked, crowd
from course_lib.views.picture import Picture
from course_lib.widgets.controls import Scenario, choice, decimal, whole
from course_lib.widgets.lab import Lab
from course_lib.words import capital


def stampede_lab(**given: Any) -> Lab[Outcome]:
    """The lab, set up with the fields of a `Crowd`: `stampede_lab(strategy="lock", clients=500)`."""
    return Lab(
        Scenario(
            Crowd(**given), _controls, playing, stampede_picture, _row, lambda run: STRATEGIES[run.crowd.strategy].says
        )
    )


def _controls(given: Crowd) -> dict[str, w.Widget]:
    return {
        "strategy": choice("strategy", given.strategy, {name: one.label for name, one in STRATEGIES.items()}),
        "clients": whole("clients", given.clients, 1, 1000),
        "rate": decimal("each asks (per s)", given.rate, 0.1, 5, 0.1),
        "load_time": decimal("load time (s)", given.load_time, 0.01, 1, 0.01),
        "ttl": decimal("TTL (s)", given.ttl, 0.2, 5, 0.1),
        "beta": decimal("β (XFetch)", given.beta, 0, 4, 0.25),
    }


def _row(result: Outcome) -> dict[str, str]:
    """Strategy, setting and numbers."""
    given = result.crowd
    setting = f"{given.clients} × {given.rate:g}/s, load {given.load_time:g} s, TTL {given.ttl:g} s"
    beta = f", β {given.beta:g}" if given.strategy == "xfetch" else ""
    numbers = {name: f"{value:g}" for name, value in result.summary().items()}
    return {"strategy": STRATEGIES[given.strategy].label, "setting": setting + beta, **numbers}


def stampede_picture(result: Outcome) -> Picture:
    """One run as a picture whose title states what happened, on axes that do not depend on the strategy."""
    given = result.crowd
    asked = [
        Asked(r.t_end, r.latency, "stale" if r.kind == "hit" and result.is_stale(r) else r.kind, r.age)
        for r in result.requests
    ]
    herd = given.clients * given.rate * given.load_time
    most = max(4, math.ceil(min(1 + herd + 2 * math.sqrt(herd), given.clients)))
    oldest = given.ttl + max(given.stale, 0.2 * given.ttl)
    return crowd(
        asked,
        result.loads_under_way(),
        title=_finding(result),
        ttl=given.ttl,
        end=given.end,
        most_loads=most,
        oldest=oldest,
    )


def _finding(result: Outcome) -> str:
    loads = len(result.loads)
    stale = f", {result.stale_share:.1%} stale" if result.stale_share else ""
    failed = f", {result.errors} errors" if result.errors else ""
    label = STRATEGIES[result.crowd.strategy].label
    return (
        f"{capital(label)}: {loads} {'load' if loads == 1 else 'loads'}, "
        f"longest wait {result.worst * 1000:.0f} ms{stale}{failed}"
    )
