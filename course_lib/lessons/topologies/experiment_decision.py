"""Choose a topology: services and their needs, what the lesson has measured of each, and what that rules out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Row = dict[str, object]
NONE = "none of them"
STANDALONE, SENTINEL, GUARDED, CLUSTER = "standalone", "sentinel", "sentinel, min-replicas", "cluster"
SOMEBODY = 1800.0
"""Seconds until somebody has noticed at night that the only server is gone, and has started another. An assumption."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a service needs.

    Units: `data`, GB, where one machine has `machine` GB for it; `loss`, seconds of acknowledged writes that can be
    lost when a machine dies or is cut off (infinite: all may go, it is a cache); `silence`, seconds without any write.
    `any_keys`: one command takes keys that belong to different users.
    """

    data: float
    loss: float
    silence: float
    any_keys: bool
    machines: int
    machine: float = 50.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a topology did in the lesson's experiments: the longest silence after a crash, and for how long a primary
    that was cut off promised what was then lost. Units: seconds; infinite where there was no bound.
    """

    silence: float
    loss: float
    parts: bool
    machines: int


SERVICES: dict[str, Needs] = {
    "product pages": Needs(data=6, loss=math.inf, silence=3600, any_keys=True, machines=1),
    "sessions": Needs(data=20, loss=10, silence=20, any_keys=False, machines=3),
    "reading histories": Needs(data=400, loss=math.inf, silence=20, any_keys=False, machines=12),
    "gift lists of two people": Needs(data=30, loss=10, silence=20, any_keys=True, machines=6),
    "bestseller list": Needs(data=2, loss=math.inf, silence=20, any_keys=True, machines=3),
    "paid orders": Needs(data=1, loss=0, silence=20, any_keys=False, machines=6),
}


def measured(*, failover: Any, guarded: Any, cluster_crash: Any, cluster_cut: Any) -> dict[str, Measured]:
    """What the outcomes of four experiments say of the four topologies. The loss of `sentinel` has no bound."""
    silence = failover["writers"]["writer"]["silence (s)"]
    return {
        STANDALONE: Measured(SOMEBODY, math.inf, parts=False, machines=1),
        SENTINEL: Measured(silence, math.inf, parts=False, machines=3),
        GUARDED: Measured(silence, promised(guarded), parts=False, machines=3),
        CLUSTER: Measured(
            cluster_crash["writers"]["its slots"]["silence (s)"], promised(cluster_cut), parts=True, machines=6
        ),
    }


def promised(outcome: Any) -> float:
    """For how long after the cut writes were acknowledged that were lost. Units: seconds; 0 if none was."""
    writes = outcome["writers"]["early"]["writes"]
    return max((float(t) for t, fate in writes if fate == "lost"), default=0.0)


def as_rows(facts: Mapping[str, Measured]) -> list[Row]:
    """What was measured, as rows of a table."""
    return [
        {
            "topology": name,
            "silent after a crash (s)": round(it.silence, 1),
            "writes promised and lost in a cut (s)": "no bound" if math.isinf(it.loss) else round(it.loss, 1),
            "divides the data": "yes" if it.parts else "no",
            "machines": it.machines,
        }
        for name, it in facts.items()
    ]


def needs() -> list[Row]:
    """The services and their needs, as rows of a table."""
    return [
        {
            "service": name,
            "data (GB)": need.data,
            "one machine holds (GB)": need.machine,
            "may lose": "all" if math.isinf(need.loss) else f"{need.loss:g} s" if need.loss else "nothing",
            "may be silent (s)": need.silence,
            "commands over any keys": "yes" if need.any_keys else "no",
            "machines": need.machines,
        }
        for name, need in SERVICES.items()
    ]


def against(need: Needs, it: Measured) -> list[str]:
    """Why a topology does not do for these needs, each reason with its two numbers; empty if it does."""
    found = []
    if not it.parts and need.data > need.machine:
        found.append(f"{need.data:g} GB do not fit into one machine's {need.machine:g}, and nothing is divided")
    if it.loss > need.loss:
        lost = "of a cut of any length are lost" if math.isinf(it.loss) else f"of {_seconds(it.loss)} are lost in a cut"
        found.append(f"acknowledged writes {lost}, and at most {need.loss:g} s may be")
    if it.silence > need.silence:
        found.append(f"silent for {_seconds(it.silence)} after a crash, and {need.silence:g} s are tolerated")
    if it.parts and need.any_keys:
        found.append("commands over any keys meet CROSSSLOT")
    if it.machines > need.machines:
        found.append(f"{it.machines} machines are needed, and there are {need.machines}")
    return found


def _seconds(span: float) -> str:
    """`1.2 s`, `1,800 s`."""
    return f"{span:,.0f} s" if span >= 100 else f"{span:.1f} s"


def check(mine: Mapping[str, str | None], facts: Mapping[str, Measured]) -> list[Row]:
    """Your choice for each service, and what rules it out.

    Raises: ValueError for a service or a choice that there is not.
    """
    rows: list[Row] = []
    for service, choice in mine.items():
        if service not in SERVICES:
            raise ValueError(f"there is no service {service!r}; there are: {', '.join(SERVICES)}")
        if choice is not None and choice not in (*facts, NONE):
            raise ValueError(f"{choice!r} is no choice; there are: {', '.join([*facts, NONE])}")
        rows.append({"service": service, "your choice": choice or "–", "verdict": _verdict(service, choice, facts)})
    return rows


def _verdict(service: str, choice: str | None, facts: Mapping[str, Measured]) -> str:
    need = SERVICES[service]
    reasons = {name: against(need, it) for name, it in facts.items()}
    left = [name for name, why in reasons.items() if not why]
    if choice is None:
        return "not chosen yet"
    if choice == NONE:
        if not left:
            return "stands: each of them is ruled out, so Redis must not be the only place that knows"
        return f"ruled out: there is a topology that none of these needs speaks against ({len(left)} of {len(facts)})"
    if reasons[choice]:
        return f"ruled out: {'; '.join(reasons[choice])}"
    least, needed = min(facts[name].machines for name in left), facts[choice].machines
    if least < needed:
        return f"stands, but so does one that needs {least} machine{'s' * (least > 1)}, not {needed}"
    return "stands"
