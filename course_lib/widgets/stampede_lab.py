"""The lab of lesson 05: a crowd at one key, one remedy at a time, on the same axes."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ipywidgets as w

from course_lib.scenarios.crowd import Crowd, Outcome
from course_lib.scenarios.stampede import playing
from course_lib.scenarios.strategies import STRATEGIES
from course_lib.views.crowd import Asked, crowd
from course_lib.views.picture import Picture
from course_lib.widgets.lab import Lab


class StampedeExperiment:
    """Crowds under the lab's controls; what is not on a control is as in `crowd`."""

    def __init__(self, given: Crowd) -> None:
        self._given = given

    def controls(self) -> dict[str, w.Widget]:
        """The controls by the names of the Crowd's fields."""
        given, wide = self._given, {"width": "98%"}
        common: dict[str, Any] = {"style": {"description_width": "130px"}, "layout": wide}
        names = [(strategy.label, name) for name, strategy in STRATEGIES.items()]
        return {
            "strategy": w.Dropdown(options=names, value=given.strategy, description="strategy", **common),
            "clients": w.IntSlider(given.clients, 1, 1000, description="clients", **common),
            "rate": w.FloatSlider(given.rate, min=0.1, max=5, step=0.1, description="each asks (per s)", **common),
            "load_time": w.FloatSlider(
                given.load_time, min=0.01, max=1, step=0.01, description="load time (s)", **common
            ),
            "ttl": w.FloatSlider(given.ttl, min=0.2, max=5, step=0.1, description="TTL (s)", **common),
            "beta": w.FloatSlider(given.beta, min=0, max=4, step=0.25, description="β (XFetch)", **common),
            "seed": w.BoundedIntText(given.seed, 0, 999_999, description="seed", **common),
        }

    def running(self, **values: Any) -> Iterator[tuple[float, Outcome]]:
        """The crowd with these values, simulated in slices."""
        return playing(replace(self._given, **values))

    def picture(self, result: Outcome) -> Picture:
        """The run on axes that do not depend on the strategy, so that remedies can be compared by eye."""
        return stampede_picture(result)

    def row(self, result: Outcome) -> dict[str, str]:
        """Strategy and numbers."""
        given = result.crowd
        setting = f"{given.clients} × {given.rate:g}/s, load {given.load_time:g} s, TTL {given.ttl:g} s"
        beta = f", β {given.beta:g}" if given.strategy == "xfetch" else ""
        numbers = {name: f"{value:g}" for name, value in result.summary().items()}
        return {"strategy": STRATEGIES[given.strategy].label, "setting": setting + beta, **numbers}


def stampede_lab(**given: Any) -> Lab[Outcome]:
    """The lab, set up with the fields of a `Crowd`: `stampede_lab(strategy="lock", clients=500)`."""
    return Lab(StampedeExperiment(Crowd(**given)), uid="lab" + secrets.token_hex(4))


def stampede_picture(result: Outcome) -> Picture:
    """One crowd's run as a picture; its title states what happened."""
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
        f"{label[0].upper()}{label[1:]}: {loads} {'load' if loads == 1 else 'loads'}, "
        f"longest wait {result.worst * 1000:.0f} ms{stale}{failed}"
    )
