"""Many schedules of one trial: every order of commands, sampled seeds, one fault at every send, the smallest failure.

What a trial needs of the simulation is passed on here, so that a judge imports one module.
"""

from course_lib.explore.game import Game
from course_lib.explore.ordering import Allowance, by_order, estimated, stages
from course_lib.explore.parallel import sample_in_processes
from course_lib.explore.replay_code import code_of, decode, encode, schedule_of
from course_lib.explore.search import Budget, Findings, search, smaller
from course_lib.explore.shrink import shrink, spread
from course_lib.explore.strategies.exhaustive import REPEATABLE, enumerate_all
from course_lib.explore.strategies.pct import chance, sample, strike_sampled
from course_lib.explore.tally import Orders
from course_lib.explore.trial import Play, Schedule, Trial, Violation, described, play
from course_lib.explore.verdict_words import NAMED, counted, either, in_turn, struck, verdict
from course_lib.sim import CRASHED, KINDS, Move, OneFault, Process, Simulation, Turn, Turns, steady
from course_lib.sim.fake_server import EPOCH, Extension, Session
from course_lib.sim.replication import Replication

__all__ = [
    "CRASHED",
    "EPOCH",
    "KINDS",
    "NAMED",
    "REPEATABLE",
    "Allowance",
    "Budget",
    "Extension",
    "Findings",
    "Game",
    "Move",
    "OneFault",
    "Orders",
    "Play",
    "Process",
    "Replication",
    "Schedule",
    "Session",
    "Simulation",
    "Trial",
    "Turn",
    "Turns",
    "Violation",
    "by_order",
    "chance",
    "code_of",
    "counted",
    "decode",
    "described",
    "either",
    "encode",
    "enumerate_all",
    "estimated",
    "in_turn",
    "play",
    "sample",
    "sample_in_processes",
    "schedule_of",
    "search",
    "shrink",
    "smaller",
    "spread",
    "stages",
    "steady",
    "strike_sampled",
    "struck",
    "verdict",
]
