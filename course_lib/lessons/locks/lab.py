"""The lab of lesson 04: workers, a lock on one node or on five, and one thing that goes wrong when you say so."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from course_lib.lessons.locks.experiment_contest import FAULTS, LOCKS, NODES, Contest, ContestResult
from course_lib.lessons.locks.experiment_contest_run import in_slices
from course_lib.lessons.locks.picture_contest import contest_picture
from course_lib.widgets.controls import choice, decimal, whole
from course_lib.widgets.lab import Experiment, Lab


def redlock_lab(**given: Any) -> Lab[ContestResult]:
    """The lab, set up with the fields of a `Contest`: `redlock_lab(lock="one", fault="nodes forget")`."""
    return Lab(Experiment(Contest(**given), _controls, in_slices, contest_picture, _row, ignored=_ignored))


def _controls(given: Contest) -> dict[str, w.Widget]:
    return {
        "lock": choice("lock", given.lock, LOCKS),
        "fault": choice("what goes wrong", given.fault, FAULTS),
        "clients": whole("workers", given.clients, 1, 5),
        "at": decimal("when (s)", given.at, 0.5, 10, 0.1),
        "ttl": decimal("TTL (s)", given.ttl, 0.5, 5, 0.5),
        "lasts": decimal("for, or by (s)", given.lasts, 0, 6, 0.2),
        "work": decimal("a job takes (s)", given.work, 0.1, 5, 0.1),
        "hit": whole("nodes hit", given.hit, 0, NODES),
        "dead": whole("nodes down before", given.dead, 0, NODES),
        "fenced": w.Checkbox(given.fenced, description="the resource checks the fence", indent=False),
    }


def _ignored(given: Contest) -> dict[str, str]:
    """What does not count with the thing that goes wrong."""
    if given.fault == "nothing":
        return dict.fromkeys(("at", "lasts", "hit"), "Nothing goes wrong.")
    found = {}
    if given.fault in ("holder crashes", "nodes forget"):
        found["lasts"] = "It strikes at one moment."
    if given.fault in ("holder crashes", "holder pauses", "write pauses", "asking pauses"):
        found["hit"] = "It strikes a worker, and no node."
    return found


def _row(result: ContestResult) -> dict[str, str]:
    """Lock, setting and numbers."""
    given = result.contest
    down = f", {given.dead} down before" if given.dead else ""
    fence = "" if given.fenced else ", no fence"
    what = given.fault if given.fault == "nothing" else f"{given.fault} at {given.at:g} s"
    setting = f"{given.clients} × {given.work:g} s, TTL {given.ttl:g} s{fence}; {what}{down}; seed {given.seed}"
    return {"lock": LOCKS[given.lock], "setting": setting} | {n: f"{v:g}" for n, v in result.summary().items()}
