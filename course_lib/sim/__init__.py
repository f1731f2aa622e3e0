"""Deterministic simulation: patterns run unchanged in virtual time, with crashes, pauses, losses and wrong clocks."""

from course_lib.sim.draws import Draws
from course_lib.sim.faults import KINDS, Faults, OneFault, RandomFaults, Send
from course_lib.sim.ground import Ground
from course_lib.sim.network import Latency, lan, steady
from course_lib.sim.process import Process
from course_lib.sim.run import CRASHED, kept_random
from course_lib.sim.simulation import Simulation
from course_lib.sim.turns import Choose, Move, Turn, Turns

__all__ = [
    "CRASHED",
    "KINDS",
    "Choose",
    "Draws",
    "Faults",
    "Ground",
    "Latency",
    "Move",
    "OneFault",
    "Process",
    "RandomFaults",
    "Send",
    "Simulation",
    "Turn",
    "Turns",
    "kept_random",
    "lan",
    "steady",
]
