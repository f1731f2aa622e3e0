"""For 02.2 and 02.3: does what fails for an act come out of it?"""

from __future__ import annotations

from collections.abc import Iterator

from course_lib.explore import Play
from course_lib.grading.acts import swallowed
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
