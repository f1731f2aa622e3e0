"""The lab of lesson 04: workers, a lock on one node or on five, and one thing that goes wrong when you say so."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any

import ipywidgets as w

from course_lib.lessons.locks.experiment_contest import END, LOCKS, NODES, Contest, Outcome
from course_lib.lessons.locks.experiment_contest_run import playing
from course_lib.lessons.locks.experiment_strike import FAULTS
from course_lib.lessons.locks.picture_holders import Believed, Held, Trouble, holders
from course_lib.views.picture import Picture
from course_lib.widgets.controls import Scenario, choice, decimal, whole
from course_lib.widgets.lab import Lab


def redlock_lab(**given: Any) -> Lab[Outcome]:
    """The lab, set up with the fields of a `Contest`: `redlock_lab(lock="one", fault="nodes forget")`."""
    return Lab(Scenario(Contest(**given), _controls, playing, contest_picture, _row))


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


def _row(result: Outcome) -> dict[str, str]:
    """Lock, setting and numbers."""
    given = result.contest
    down = f", {given.dead} down before" if given.dead else ""
    fence = "" if given.fenced else ", no fence"
    what = given.fault if given.fault == "nothing" else f"{given.fault} at {given.at:g} s"
    setting = f"{given.clients} × {given.work:g} s, TTL {given.ttl:g} s{fence}; {what}{down}; seed {given.seed}"
    return {"lock": LOCKS[given.lock], "setting": setting} | {n: f"{v:g}" for n, v in result.summary().items()}


def contest_picture(result: Outcome) -> Picture:
    """One run as a picture whose title states what happened: nodes above, workers below, on one axis for all locks."""
    given = result.contest
    return holders(
        [Held(span.node, span.who, span.start, span.end) for span in result.keys],
        [Believed(t.who, t.start, t.end, t.done, t.written, t.wrote) for t in result.tenures],
        list(_troubles(result)),
        [(pair.first, pair.second, pair.start, pair.end) for pair in result.together],
        title=_finding(result),
        workers=[given.name(number) for number in range(given.clients)],
        nodes=given.nodes,
        end=END,
    )


def _troubles(result: Outcome) -> Iterator[Trouble]:
    names = {f"redis{number}": number for number in range(result.contest.nodes)}
    kinds = {"skew": "jump", "pause": "pause", "crash": "crash", "down": "down"}
    names |= {"redis": 0} if result.contest.nodes == 1 else {}
    for note in result.trace.notes:
        who = names.get(note.who, note.who)
        if note.kind in kinds:
            lasts = note.kind in ("pause", "down")
            end = (note.t_end if note.t_end is not None and isfinite(note.t_end) else END) if lasts else None
            yield Trouble(kinds[note.kind], who, note.t_start, end)
    if (cut := result.cut) is not None:
        yield Trouble("cut", *cut)
    for event in result.trace:
        if event.name == "FLUSHALL" and event.t_server is not None:
            yield Trouble("forget", names[event.node], event.t_server)


def _finding(result: Outcome) -> str:
    label, both, older = LOCKS[result.contest.lock], result.together, result.written("older")
    said = []
    if both:
        first = both[0]
        more = f", then {len(both) - 1} × more" if len(both) > 1 else ""
        said.append(f"{first.first} and {first.second} hold at {first.start:.2f} s{more}")
    if older:
        said.append(f"{older} old write{'s' * (older > 1)} over a newer")
    if (refused := result.written("refused")) and not both:
        said.append(f"the fence refused {refused} old write{'s' * (refused > 1)}")
    if not result.tenures:
        said.append("nobody ever gets it")
    done = result.written("taken") + older
    jobs = f"{done} job{'s' * (done != 1)} done"
    return f"{label[0].upper()}{label[1:]}: {'; '.join(said or ['never two at once'])}; {jobs}"
