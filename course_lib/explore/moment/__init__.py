"""A moment of a run, opened: what Redis held, where each client stood in its code and what it believed, and which
promises were still true.

    again = reopened(found.trial, found.shown)          # what `explore` found, played once more, slowly
    state = again.at(again.trace.events[3])             # just after the fourth command ran
    print(state.text)

What is known of a moment
- `states`        keys, clients, promises
- `words`         the same as a text

How it is read, while the run is played again
- `replayed`      plays a schedule again, in the same way as it was found; is it the same run?
- `opened`        the run, with a state for each step, and which line sent which command
- `recorder`      looks after each callback, and keeps what has changed
- `task_hooks`    hears of each new task, and of each command where it is sent
- `await_chains`  where a task stands: its awaits, each with the line and the variables
- `waits`         for what it waits
- `keys`          what the servers hold
- `code_owner`    whose code it is, and whether it is shown
- `short_text`    any object as a short text, without running any of its code
"""

from course_lib.explore.moment.opened import Opened
from course_lib.explore.moment.replayed import MOST, difference, opened, reopened
from course_lib.explore.moment.states import ClientState, Frame, KeyState, Local, PromiseState, State
from course_lib.explore.moment.words import broken
from course_lib.explore.trial import Fact

__all__ = [
    "MOST", "ClientState", "Fact", "Frame", "KeyState", "Local", "Opened", "PromiseState", "State", "broken",
    "difference", "opened", "reopened",
]  # fmt: skip
