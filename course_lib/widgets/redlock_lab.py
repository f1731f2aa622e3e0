"""The lab of lesson 04: workers, a lock on one node or on five, and one thing that goes wrong when you say so."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from math import isfinite
from typing import Any

import ipywidgets as w

from course_lib.scenarios.contest import END, LOCKS, NODES, Contest, Outcome
from course_lib.scenarios.redlock_sim import playing
from course_lib.scenarios.striking import FAULTS
from course_lib.views.holders import Believed, Held, Trouble, holders
from course_lib.views.picture import Picture
from course_lib.widgets.lab import Lab


class RedlockExperiment:
    """Contests under the lab's controls; what is not on a control is as in `contest`."""

    def __init__(self, given: Contest) -> None:
        self._given = given

    def controls(self) -> dict[str, w.Widget]:
        """The controls by the names of the Contest's fields."""
        given, wide = self._given, {"width": "98%"}
        common: dict[str, Any] = {"style": {"description_width": "130px"}, "layout": wide}

        def seconds(value: float, low: float, high: float, step: float, name: str) -> w.Widget:
            return w.FloatSlider(value, min=low, max=high, step=step, description=name, **common)

        return {
            "lock": w.Dropdown(options=_by_label(LOCKS), value=given.lock, description="lock", **common),
            "fault": w.Dropdown(options=_by_label(FAULTS), value=given.fault, description="what goes wrong", **common),
            "clients": w.IntSlider(given.clients, 1, 5, description="workers", **common),
            "at": seconds(given.at, 0.5, 10, 0.1, "when (s)"),
            "ttl": seconds(given.ttl, 0.5, 5, 0.5, "TTL (s)"),
            "lasts": seconds(given.lasts, 0, 6, 0.2, "for, or by (s)"),
            "work": seconds(given.work, 0.1, 5, 0.1, "a job takes (s)"),
            "hit": w.IntSlider(given.hit, 0, NODES, description="nodes hit", **common),
            "dead": w.IntSlider(given.dead, 0, NODES, description="nodes down before", **common),
            "fenced": w.Checkbox(given.fenced, description="the resource checks the fence", indent=False),
            "seed": w.BoundedIntText(given.seed, 0, 999_999, description="seed", **common),
        }

    def running(self, **values: Any) -> Iterator[tuple[float, Outcome]]:
        """The contest with these values, simulated in slices."""
        return playing(replace(self._given, **values))

    def picture(self, result: Outcome) -> Picture:
        """Nodes above, workers below, on an axis of time that does not depend on the lock."""
        return contest_picture(result)

    def row(self, result: Outcome) -> dict[str, str]:
        """Lock, setting and numbers."""
        given = result.contest
        down = f", {given.dead} down before" if given.dead else ""
        fence = "" if given.fenced else ", no fence"
        what = given.fault if given.fault == "nothing" else f"{given.fault} at {given.at:g} s"
        setting = f"{given.clients} × {given.work:g} s, TTL {given.ttl:g} s{fence}; {what}{down}"
        return {"lock": LOCKS[given.lock], "setting": setting} | {n: f"{v:g}" for n, v in result.summary().items()}


def redlock_lab(**given: Any) -> Lab[Outcome]:
    """The lab, set up with the fields of a `Contest`: `redlock_lab(lock="one", fault="nodes forget")`."""
    return Lab(RedlockExperiment(Contest(**given)), uid="lab" + secrets.token_hex(4))


def contest_picture(result: Outcome) -> Picture:
    """One contest as a picture; its title states what happened."""
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
    return f"{label[0].upper()}{label[1:]}: {'; '.join(said or ['never two at once'])}; {done} jobs done"


def _by_label(names: dict[str, str]) -> list[tuple[str, str]]:
    return [(label, name) for name, label in names.items()]
