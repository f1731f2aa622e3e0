"""For 02.2 and 02.3: do an act's callers hear of what failed, and of what a server refused?"""

from __future__ import annotations

from collections.abc import Iterator

from course_lib.explore import Play, Simulation
from course_lib.grading.acts import sent, swallowed
from course_lib.grading.caller_errors import TO_ANY, Refuses, refused
from course_lib.grading.database import DatabaseDown
from course_lib.grading.evidence import ms, raised, shown
from course_lib.grading.rules import Found


def unheard_errors(run: Play) -> Iterator[Found]:
    """The acts that returned although a command of theirs failed, or did not raise what the database had raised: it is
    down for those whose names begin with `down`."""
    for act in run.witness.acts:
        lost = swallowed(run, act)
        if act.what.startswith("down") and act.over and not isinstance(act.result, DatabaseDown):
            what = "save" if act.what.endswith("write") else "load"
            came = raised(act.result) if act.failed else shown(act.result)
            text = f"At {ms(act.began)} the {what} of {act.who} raised DatabaseDown, and out came {came}."
            yield text, act.who, act.began, "no error"
        elif lost is not None:
            returned = f"{act.who} returned from its {act.what} at {ms(act.ended)}"
            text = f"{returned}, although its {lost.name} failed: {lost.fault}."
            yield text, act.who, lost.t_start, "no error"


REFUSALS = 5 * len(TO_ANY)
"""Seeds of a trial in which each of the first five commands is refused with each error."""


def refusing(world: Simulation) -> Simulation:
    """The same world, whose server refuses one command: which, and how, is the seed's."""
    world.nodes[0].extension = Refuses(world.seed % REFUSALS)
    return world


def unheard_refusals(run: Play) -> Iterator[Found]:
    """The acts that returned although a command of theirs was refused, and not sent again with success."""
    for act in run.witness.acts:
        lost = {}
        for event in sent(run, act) if act.done else ():
            if refused(event):
                lost[event.command] = event
            else:
                lost.pop(event.command, None)
        for event in lost.values():
            answer = f"{event.name} was answered with an error, {event.reply}"
            text = f"{act.who} returned from its {act.what} at {ms(act.ended)}, although its {answer}."
            yield text, act.who, act.ended, "no error"
