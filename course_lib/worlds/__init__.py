"""Three worlds with the same few verbs: a pattern that is written once runs in each, and each leaves a `Trace`.

`Simulated` is virtual time, `Embedded` is fakeredis in real time, `Real` is servers that listen on this machine.
Embedded hides races (fakeredis answers at once, so clients hardly ever meet): use it to try code out, never to show
that it is safe.

- `world`                the verbs that all three have; `run_or_raise`
- `embedded`             fakeredis inside this process
- `real`                 servers that listen somewhere
- `live`                 what the two in real time share: clients as tasks, a clock, a trace
- `recorded_connection`  a connection that writes each command into the trace, for those two
- `oracle`               a simulated trace, replayed on a real server: are the replies the same?
- `experiments`          experiments on real topologies, made now or shown as they were recorded
- `one_thread`           a coroutine run to its end where there are no threads: in a browser
- `threads`              work in threads of its own, because a notebook's thread already has a running event loop
"""

from typing import TYPE_CHECKING

from course_lib.lazy import lazy

if TYPE_CHECKING:
    from course_lib.sim import Simulation as Simulated
    from course_lib.worlds.embedded import Embedded
    from course_lib.worlds.live import Live
    from course_lib.worlds.real import Real
    from course_lib.worlds.world import World, run_or_raise

__all__ = ["Embedded", "Live", "Real", "Simulated", "World", "run_or_raise"]

__getattr__ = lazy(
    __name__,
    {
        "course_lib.sim": "Simulation:Simulated",
        "embedded": "Embedded",
        "live": "Live",
        "real": "Real",
        "world": "World run_or_raise",
    },
)
