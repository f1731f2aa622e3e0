"""Clues to well-known mistakes with limiters: from the promises that broke, and from a few requests more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis.exceptions import NoScriptError

from course_lib.explore import Play, Schedule, Simulation, play
from course_lib.grading.rules import Failing, named, trial
from course_lib.lessons.atomicity.exercises.e3_requests import Answer, Asking, Policy, allowed, well_formed
from course_lib.lessons.atomicity.exercises.server_access import slots


def clues(failing: Failing) -> Iterator[str]:
    """Where no decision was told, nothing points to a mistake in it."""
    if any(isinstance(act.result, NoScriptError) for run in failing.values() for act in run.witness.acts):
        yield "trusts-the-cache"
    if "value" in failing:
        return
    answer, told = failing.answer, failing.get("told")
    acts = [act for act in told.witness.acts if well_formed(act.result) and act.who == "c1"] if told else []
    rooms = [act.result[1] for act in acts if allowed(act)]
    limit = told.witness.policies["c1"].limit if told else 0
    waited = [said(answer, plan, Policy("ann", 1, 10.5)) for plan in ("0 a, 0.2 b", "0 a, 3.2 b")] if told else []
    wait, later = [one[2] if one and not one[0] else 0.0 for one in waited] or (0.0, 0.0)
    declared = failing["declared"].trace if "declared" in failing else ()
    yield from named({
        "two-steps": "race" in failing and most_steps(failing["race"]) > 1,
        "one-name-for-many": {"race", "window"} & set(failing) and one_entry(answer),
        "a-clients-clock": "server-clock" in failing and sends_a_clock(failing["server-clock"]),
        "fixed-window": "window" in failing and heard(answer, "0 a, 1 b, 1.1 c, 1.3 d, 1.35 e")
        and heard(answer, "0 a, 0.1 b, 0.2 c, 0.3 d") is False,
        "counts-refusals": "admits" in failing and heard(answer, "0 a, 0.3 b, 0.6 c, 1.4 d")
        and heard(answer, "0 a, 0.3 b, 0.6 c, 0.7 x, 0.8 y, 0.9 z, 1.4 d") is False,
        "refuses-the-repeat": "once" in failing and heard(answer, "0 a, 0.1 a, 0.2 b, 0.3 c")
        and heard(answer, "0 a, 0.1 b, 0.2 c, 0.3 a") is False,
        "counts-twice": "once" in failing and heard(answer, "0 a, 0.2 b, 0.3 c")
        and heard(answer, "0 a, 0.1 a, 0.2 b, 0.3 c") is False,
        "counts-before": rooms[:2] in ([limit], [limit, limit - 1]),
        "waits-a-window": wait == later == 10.5,
        "cuts-the-fraction": wait % 1 == later % 1 == 0 and 9 <= wait <= 11 and 6 <= later <= 8,
        "two-slots": any(len(slots(event)) > 1 for event in declared),
        "hides-its-keys": "declared" in failing,
        "never-ends": "ends" in failing,
    })  # fmt: skip


def most_steps(run: Play) -> int:
    """In how many steps somebody came to a decision: a transaction is one, and so is telling the server a script."""
    sent = [event for event in run.trace if event.name != "SCRIPT" and not isinstance(event.reply, NoScriptError)]
    of_each = [[event.name for event in sent if event.client == who] for who in run.results]
    queued = [sum(event.reply == b"QUEUED" for event in sent if event.client == who) for who in run.results]
    steps = (len(names) - more - names.count("MULTI") for names, more in zip(of_each, queued, strict=True))
    return int(max(steps))


def sends_a_clock(run: Play) -> bool:
    """Is there a number among what the scripts are given that grows with the client's time, though no policy does?"""
    given = [event.command for event in run.trace if event.name in ("EVAL", "EVALSHA")]
    places = zip(*given, strict=False) if len(given) > 2 else ()
    numbers = [list(map(float, place)) for place in places if b"".join(place).replace(b".", b"").isdigit()]
    return any(one < two < three for one, two, three, *_ in numbers)


def heard(answer: Answer, plan: str) -> bool | None:
    """Whether the last of these requests was admitted; None if its client heard nothing that can be read."""
    result = said(answer, plan, Policy())
    return result[0] if result else None


def said(answer: Answer, plan: str, policy: Policy) -> tuple[Any, ...]:
    """What one client that asks so hears last; nothing if that cannot be read."""
    act = _few(answer, plan, policy).acts[-1]
    return act.result if well_formed(act.result) else ()


def one_entry(answer: Answer) -> bool:
    """Have four requests of one second, all admitted, a single entry, and those of two seconds two?"""
    together, apart = (_few(answer, plan, Policy()) for plan in ("0 a, 0.1 b, 0.2 c, 0.3 d", "0 a, 0.1 b, 1.1 c"))
    return all(map(allowed, [*together.acts, *apart.acts])) and (together.entries, apart.entries) == (1, 2)


def _few(answer: Answer, plan: str, policy: Policy) -> Asking:
    steps = [(float(when), request) for when, request in map(str.split, plan.split(", "))]

    def build(world: Simulation, clients: int) -> Asking:
        run = Asking(world, answer=answer)
        run.asks("c1", steps, policy)
        return run

    run: Asking = play(trial("a few requests", build, {}), Schedule(1)).witness
    return run
