"""Play a schedule again, slowly, and open it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from course_lib.explore.captured_output import held_back
from course_lib.explore.moment.code_owner import Own
from course_lib.explore.moment.opened import Opened
from course_lib.explore.moment.recorder import Recorder
from course_lib.explore.trial import HeldBack, Play, Schedule, Trial, no_further, play
from course_lib.sim import kept_random
from course_lib.sim.stand_ins import virtual_clocks
from course_lib.trace import Event, Trace
from course_lib.words import counted, listed, ms

MOST = 5
"""How many clients are shown."""


@virtual_clocks()
def opened(
    trial: Trial, schedule: Schedule, *, step: float = 1e-6, expected: Trace | None = None, hide: str = "",
    own: Own | None = None, held: bool = False,
) -> Opened:  # fmt: skip
    """Play one schedule of a trial again, in the same way as it was found, and open it at every step.

    `expected` is the trace of the run that was found: `same` says whether this one is, and `at` takes its events.
    Clients whose names begin with `hide` are not shown. `own` says of a file whether it is the learner's code; by
    default it is what belongs neither to Python, nor to a package, nor to the course. With `held`, the run stops once
    its turns are used up.

    Units: `step` in seconds, what a turn takes; that of the run that was found. Cost: some 60 µs for each callback of
    the run; 200 commands take about 0.3 s. Code prints nothing meanwhile.
    """

    def once(first: Sequence[str]) -> tuple[Play, Recorder, list[str]]:
        shown = list[str]()

        def choose(names: Sequence[str]) -> Sequence[str]:
            names = [name for name in names if not hide or not name.startswith(hide)]
            shown.extend([*(name for name in names if name in first), *(n for n in names if n not in first)][:MOST])
            shown.sort(key=names.index)
            return shown

        recorder = Recorder(choose, own)
        turns = no_further(iter(schedule.turns)) if held and schedule.turns is not None else None
        return play(trial, schedule, step=step, choose=turns, drive=recorder.drive), recorder, shown

    with held_back(), kept_random():
        run, recorder, shown = once(())
        concerned = [name for found in run.violations for name in (found.who, *(fact.who for fact in found.facts))]
        if any(name in recorder.names and name not in shown for name in concerned[:MOST]):
            run, recorder, shown = once(concerned[:MOST])
    found = Opened(trial, run, recorder, _difference(expected, run.trace, hide), _limit(recorder, shown, hide))
    if expected is not None:
        found.knows(expected)
    return found


def reopened(trial: Trial, run: Play, *, hide: str = "", own: Own | None = None) -> Opened:
    """Open a run that was played before: what `explore` found, what a game has come to. As `opened` in all else."""
    held = isinstance(run.stopped, HeldBack)
    return opened(trial, run.schedule, step=run.step, expected=run.trace, hide=hide, own=own, held=held)


def _limit(recorder: Recorder, shown: Sequence[str], hide: str) -> str:
    """What is left out, in sentences."""
    several = [name for name in recorder.names if not hide or not name.startswith(hide)]
    said = list[str]()
    if len(several) > len(shown):
        said.append(f"There are {counted(len(several), 'client')}, and {MOST} of them are shown: {listed(shown)}.")
    if recorder.until is not None:
        said.append(f"This run is long: you can step through it up to {ms(recorder.until)}; then comes its end.")
    return " ".join(said)


# -- is it the same run? -----------------------------------------------------------------------------------------------


def _difference(expected: Trace | None, trace: Trace, hide: str) -> str:
    """Where two runs differ first, in a sentence; nothing if they do not."""
    if expected is None:
        return ""
    then, now = expected.events, trace.events
    if hide and len(then) != len(now):  # drawn without the judge's own commands
        then, now = ([event for event in one if not event.client.startswith(hide)] for one in (then, now))
    return difference(then, now)


def difference(then: Sequence[Event], now: Sequence[Event]) -> str:
    """Where the commands of two runs differ first, in a sentence; nothing if they do not."""
    for number, (one, other) in enumerate(zip_longest(then, now), 1):
        if one is None or other is None or repr(one.recorded) != repr(other.recorded):
            return (
                f"Played again, it is another run from command {number} on: first {_said(one)}; this time "
                f"{_said(other)}. Something in the code is not the same each time."
            )
    return ""


def _said(event: Event | None) -> str:
    if event is None:
        return "nobody sent anything more"
    lost = f" [{event.fault}]" if event.fault else ""
    reply = f", which answered {event.reply_text}" if event.t_server is not None else ""
    return f"{event.client} sent {event.text} to {event.node} at {ms(event.t_start)}{reply}{lost}"
