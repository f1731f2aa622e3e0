"""What was played by order, in words that claim no more than was done."""

from __future__ import annotations

from itertools import groupby
from math import floor

from course_lib.explore.strategies.pct import PROBES, chance
from course_lib.explore.tally import Tally, clients_in_order
from course_lib.explore.trial import Play
from course_lib.words import either

NAMED = {"lose request": "lost request", "lose reply": "lost reply", "node down": "dead node"}
"""What a kind of fault is called in a sentence, where that is another name."""


def counted(found: Tally) -> str:
    """`all 702 schedules of 3 clients`, `all 288 schedules of 2 clients with one crash or lost reply`, `2,000 sampled
    schedules of 3 clients, out of about 17,153,136 (a bug of depth 3 is met with a probability of at least 99 %)`."""
    who = f"{found.clients} client{'s' * (found.clients != 1)}"
    text = f"{found.schedules:,} {_what(found)} of {who}{struck(found)}"
    if not found.complete and (found.faults or not found.depth):
        return f"{text}, out of more"
    if not found.depth:
        return f"all {text}" if found.schedules > 1 else text
    text += f", out of about {found.covers:,}" if found.covers > found.schedules else ""
    if found.faults:
        drawn = f"{found.drawn:,} sampled orders"
        return f"{text} (in {drawn})" if found.trial.delays else f"{text} (one at each send of {drawn})"
    settled = found.schedules - PROBES  # in the first ones, priorities fell too early to promise anything
    if settled < 1:
        return text
    least = floor(1000 * chance(found.clients, found.commands, found.depth, settled)) / 10
    early = f", in the first {found.commands} turns," if found.turns > found.commands else ""
    return f"{text} (a bug of depth {found.depth}{early} is met with a probability of at least {least:g} %)"


def struck(found: Tally) -> str:
    """` with one crash or lost reply`, ` with two faults, each a crash or lost reply`, ` with one delay`; nothing where
    none strikes."""
    if not found.faults:
        return ""
    names = "delay" if found.trial.delays else either([NAMED.get(kind, kind) for kind in found.trial.kinds])
    return f" with one {names}" if found.faults == 1 else f" with {found.faults} faults, each a {names}"


def verdict(found: Tally) -> str:
    """`12 of all 16 schedules of 2 clients break a promise`, `none of all 2 schedules … breaks a promise`. What an
    attempt found that was given up is failing, and not counted."""
    if not found.failures and found.failing:
        return f"a schedule of another search breaks a promise, and none of {counted(found)} does"
    if not found.failures:
        return f"none of {counted(found)} breaks a promise"
    return f"{found.failures:,} of {counted(found)} break{'s' * (found.failures == 1)} a promise"


def how_many_orders(found: Tally) -> str:
    """How many orders those that were played stand for, or why they stand only for themselves. Empty where all were
    played."""
    if found.why:
        return f"no order was left out as equal to another, as {found.why}"
    if not found.twins or not found.complete:
        return ""
    same = f"of {found.twins:,} {'class' if found.twins == 1 else 'classes'} a second order was played, and it broke"
    stand = f"the classes stand for about {found.covers:,} schedules; " if found.covers > found.schedules else ""
    return f"{stand}{same} the same promises"


def in_turn(run: Play) -> str:
    """`2 clients, who run a command or more in turn: c0, c1, c0; one lost reply`: a schedule that was chosen."""
    struck = "".join(f"; one {NAMED.get(kind, kind)}" for kind in run.schedule.struck)
    if run.schedule.clients == 1:
        return f"1 client{struck}"
    order = ", ".join(client for client, _ in groupby(clients_in_order(run)))
    return f"{run.schedule.clients} clients, who run a command or more in turn: {order}{struck}"


def _what(found: Tally) -> str:
    if found.schedules != 1:
        return found.what
    return (
        found.what.replace("classes", "class")
        if "classes" in found.what
        else found.what.replace("schedules", "schedule")
    )
