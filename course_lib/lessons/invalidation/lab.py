"""The lab of lesson 06: readers, a writer, near caches, and how old the answers are."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from course_lib.lessons.invalidation.experiment_prices import Prices, PricesSeen
from course_lib.lessons.invalidation.experiment_prices_run import in_slices
from course_lib.lessons.invalidation.experiment_strategies import STRATEGIES
from course_lib.lessons.invalidation.picture_prices import prices_picture
from course_lib.widgets.controls import choice, decimal
from course_lib.widgets.lab import Experiment, Lab


def price_lab(**given: Any) -> Lab[PricesSeen]:
    """The lab, set up with the fields of `Prices`: `price_lab(strategy="lease", ttl=10)`."""
    return Lab(Experiment(Prices(**given), _controls, in_slices, prices_picture, _row, says=_says, ignored=_ignored))


def _controls(given: Prices) -> dict[str, w.Widget]:
    return {
        "strategy": choice("strategy", given.strategy, {name: one.label for name, one in STRATEGIES.items()}),
        "changes": decimal("changes per s", given.changes, 0.1, 2, 0.1),
        "rate": decimal("each asks (per s)", given.rate, 0.1, 5, 0.1),
        "load_time": decimal("load time (s)", given.load_time, 0.01, 1, 0.01),
        "ttl": decimal("TTL (s)", given.ttl, 0.5, 20, 0.5),
        "delay": decimal("delete again (s)", given.delay, 0.05, 2, 0.05),
        "cuts": decimal("cuts per s", given.cuts, 0, 1, 0.05),
    }


def _ignored(given: Prices) -> dict[str, str]:
    """The controls that change nothing with this strategy, and why."""
    delay = {} if given.strategy == "double" else {"delay": "Only the double delete deletes again."}
    cuts = {} if STRATEGIES[given.strategy].near is not None else {"cuts": "Only a near cache has a connection to cut."}
    return delay | cuts


def _says(seen: PricesSeen) -> str:
    return STRATEGIES[seen.prices.strategy].says


def _row(seen: PricesSeen) -> dict[str, object]:
    """Strategy, setting and numbers."""
    given, strategy = seen.prices, STRATEGIES[seen.prices.strategy]
    setting = f"{given.changes:g} changes/s, load {given.load_time:g} s, TTL {given.ttl:g} s"
    delay = f", again after {given.delay:g} s" if given.strategy == "double" else ""
    cuts = f", {given.cuts:g} cuts/s" if strategy.near is not None else ""
    return {
        "strategy": strategy.label,
        "setting": f"{given.readers} × {given.rate:g}/s, {setting}{delay}{cuts}",
        **seen.summary(),
    }
