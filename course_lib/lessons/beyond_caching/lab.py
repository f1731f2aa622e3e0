"""The lab of lesson 07: parcels, workers, one that dies and one that stands still, and what became of each parcel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as w

from course_lib.lessons.beyond_caching.experiment_parcels import Parcels, ParcelsSeen
from course_lib.lessons.beyond_caching.experiment_parcels_run import in_slices
from course_lib.lessons.beyond_caching.experiment_strategies import STRATEGIES
from course_lib.lessons.beyond_caching.picture_parcels import parcels_picture
from course_lib.widgets.controls import choice, decimal, whole
from course_lib.widgets.lab import Experiment, Lab


def parcel_lab(**given: Any) -> Lab[ParcelsSeen]:
    """The lab, set up with the fields of `Parcels`: `parcel_lab(strategy="once", handle=1)`."""
    return Lab(Experiment(Parcels(**given), _controls, in_slices, parcels_picture, _row, says=_says, ignored=_ignored))


def _controls(given: Parcels) -> dict[str, w.Widget]:
    return {
        "strategy": choice("strategy", given.strategy, {name: one.label for name, one in STRATEGIES.items()}),
        "workers": whole("workers", given.workers, 2, 6),
        "rate": decimal("parcels per s", given.rate, 0.5, 8, 0.5),
        "handle": decimal("packing takes (s)", given.handle, 0.1, 3, 0.1),
        "dies": decimal("w1 dies at (s)", given.dies, 0, 12, 0.1),
        "pauses": decimal("w2 is still for (s)", given.pauses, 0, 8, 0.5),
        "claim_after": decimal("claim after (s)", given.claim_after, 0.2, 6, 0.2),
        "poison": whole("unpackable", given.poison, 0, 3),
    }


def _ignored(given: Parcels) -> Mapping[str, str]:
    if given.strategy in ("first", "after"):
        return {"claim_after": "With this strategy nobody claims."}
    return {}


def _says(seen: ParcelsSeen) -> str:
    return STRATEGIES[seen.parcels.strategy].says


def _row(seen: ParcelsSeen) -> dict[str, object]:
    """Strategy, setting and numbers."""
    given = seen.parcels
    claim = "" if "claim_after" in _ignored(given) else f", claim after {given.claim_after:g} s"
    dies = f", w1 dies at {given.dies:g} s" if given.dies else ""
    still = f", w2 still for {given.pauses:g} s" if given.pauses else ""
    poison = f", {given.poison} unpackable" if given.poison else ""
    return {
        "strategy": STRATEGIES[given.strategy].label,
        "setting": f"{given.workers} workers, {given.rate:g}/s × {given.handle:g} s{claim}{dies}{still}{poison}",
        **seen.summary(),
    }
