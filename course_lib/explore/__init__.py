"""Many schedules of one trial: every order of commands, sampled seeds, one fault at every send, the smallest failure.

A strategy says which schedule is played next and the loop plays it; a tally counts one stage, and the findings are the
tallies of all stages. This package passes on the parts of `course_lib.sim` that a trial needs.

What is played
- `trial`            Schedule, Trial, Violation; `play` runs one schedule and has it judged
- `loop`             plays what a strategy yields, within a Budget
- `strategies`       which schedule is played next: every order, sampled ones, seeds, one fault or delay at every send
- `commutativity`    which commands commute
- `search`           stage by stage: what `check` calls
- `exploration`      `explore`, which takes a learner's coroutine
- `bodies`           from a learner's coroutines and promises to the clients and the judge of a trial
- `captured_output`  what code prints meanwhile
- `parallel`         sampled orders in several processes

What is found
- `tally`            of one stage: how many schedules, how many break a promise, the simplest that does
- `findings`         of all stages
- `activity`         whether there was anything to judge
- `code_coverage`    which lines and branches of a learner's code ran
- `unawaited`        what of the code is called and never awaited, or put into a pipeline and never sent
- `proof`            a run played twice is the same run; what of the code no run has reached
- `shrink`           makes a failing order as simple as it can be
- `verdict_words`    in words that claim no more than was done
- `replay_code`      a schedule as a few characters

What is judged
- `invariants`       ready-made ones
- `linearizability`  could all calls have taken effect one at a time?
- `serializability`  could whole transactions have run one after another?
- `livelock`         a state that comes back
- `server_state`     what the servers hold
- `liveness`         a fair schedule that leaves a client waiting forever
- `state_graph`      the states that runs go through, and the lassos in it; `state_walk` finds them
- `exact_state`      the whole state of a run, so that equal ones have the same future

What happened
- `moment`           a run played again and opened: at each step what Redis held, and where each client stood

By hand
- `game`             one schedule, chosen move by move
- `puzzle`           a promise and two programs, and every schedule of them; `puzzles` has four
"""

from course_lib.explore.findings import Findings
from course_lib.explore.game import Game
from course_lib.explore.loop import Budget
from course_lib.explore.parallel import sample_in_processes
from course_lib.explore.replay_code import code_of, decode, encode, schedule_of
from course_lib.explore.search import by_order, estimated, search, smaller
from course_lib.explore.shrink import shrink, spread
from course_lib.explore.strategies.exhaustive import REPEATABLE, enumerate_all
from course_lib.explore.strategies.pct import chance, sample
from course_lib.explore.tally import Tally
from course_lib.explore.trial import Fact, Play, Schedule, Trial, Violation, described, play
from course_lib.explore.verdict_words import NAMED, counted, in_turn, verdict
from course_lib.sim import CRASHED, KINDS, Move, OneFault, Process, Simulation, Turn, Turns, in_process, steady
from course_lib.sim.fake_server import EPOCH, Extension, Session
from course_lib.sim.memory import in_one_process
from course_lib.sim.own_code import own_names
from course_lib.sim.patches import put_back, seen
from course_lib.sim.replication import Replication
from course_lib.sim.stand_ins import WAITS, StandIn, chance_of_a_run, clocks, in_place, simulating
from course_lib.sim.wait_until import until

__all__ = [
    "CRASHED", "EPOCH", "KINDS", "NAMED", "REPEATABLE", "WAITS", "Budget", "Extension", "Fact", "Findings", "Game",
    "Move", "OneFault", "Play", "Process", "Replication", "Schedule", "Session", "Simulation", "StandIn", "Tally",
    "Trial", "Turn", "Turns", "Violation", "by_order", "chance", "chance_of_a_run", "clocks", "code_of", "counted",
    "decode", "described", "encode", "enumerate_all", "estimated", "in_one_process", "in_place", "in_process",
    "in_turn", "own_names", "play", "put_back", "sample", "sample_in_processes", "schedule_of", "search", "seen",
    "shrink", "simulating", "smaller", "spread", "steady", "until", "verdict",
]  # fmt: skip
