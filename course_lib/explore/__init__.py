"""Many schedules of one trial: every order of commands, sampled seeds, one fault at every send, the smallest failure.

What a trial needs of the simulation is passed on here, so that a judge imports one module.
"""

from course_lib.explore.codes import decode, encode
from course_lib.explore.exhaustive import enumerate_all
from course_lib.explore.game import Game
from course_lib.explore.orders import Orders
from course_lib.explore.sampled import chance, sample
from course_lib.explore.search import Budget, Findings, search, smaller
from course_lib.explore.shrink import shrink
from course_lib.explore.trial import Play, Schedule, Trial, Violation, described, play
from course_lib.explore.turncodes import decode_turns, encode_turns
from course_lib.sim import CRASHED, KINDS, Move, OneFault, Process, Simulation, Turn, Turns, steady

__all__ = [
    "CRASHED",
    "KINDS",
    "Budget",
    "Findings",
    "Game",
    "Move",
    "OneFault",
    "Orders",
    "Play",
    "Process",
    "Schedule",
    "Simulation",
    "Trial",
    "Turn",
    "Turns",
    "Violation",
    "chance",
    "decode",
    "decode_turns",
    "described",
    "encode",
    "encode_turns",
    "enumerate_all",
    "play",
    "sample",
    "search",
    "shrink",
    "smaller",
    "steady",
]
