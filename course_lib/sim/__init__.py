"""Deterministic simulation: patterns run unchanged in virtual time, with crashes, pauses, losses and wrong clocks.

In reading order; a module imports only those listed before it:

- `draws`                    cheap, seeded randomness
- `own_code`                 whose code is it: a learner's, or a library's?
- `copies_of_code`           copies of functions, with what they refer to
- `copies`                   and of classes and objects
- `process`                  simulated processes, and which process and client is running now
- `random_streams`           random numbers of its own for each client, where orders are chosen
- `event_queue`              callbacks that are ready, timers, and what is held back for dead or paused processes
- `loop`                     an asyncio event loop on that queue, whose clock jumps
- `lua_cjson`                cjson for scripts
- `lua_libraries`            bit and struct for scripts
- `lua_messages`             cmsgpack for scripts
- `lua_bounds`               what ends a script that would hold the kernel
- `lua_sandbox`              the Lua in which scripts run; knows nothing of fakeredis
- `fake_server_commands`     which commands there are, which are refused, and how errors are worded
- `fake_server_strings`      strings, numbers and expiry, where fakeredis has them otherwise
- `fake_server_collections`  lists, sets and sorted sets, where fakeredis has them otherwise
- `fake_server_streams`      streams, where fakeredis has them otherwise
- `fake_server_arguments`    what Redis says of arguments that fit no command
- `fake_server_scripts`      EVAL: that sandbox behind fakeredis's commands
- `fake_server_fixes`        what fakeredis lacks or does otherwise than Redis
- `fake_server_plain`        the commonest commands of all, without fakeredis
- `fake_server_direct`       how a command is run: at once if it is one of those, else by fakeredis
- `fake_server`              `SimNode`, a server; `Session`, its end of one connection
- `fake_server_reads`        what a server holds, read without a command
- `stand_ins`                what code gets in place of Python's clocks
- `patches`                  undoes, and names, what a learner's code has replaced in libraries
- `memory`                   gives each process its own copy of a learner's code and of what that code keeps
- `ground`                   what parts may ask of the world: clock, trace, nodes, how to crash and pause them
- `wait_until`               waits by the world's clock
- `faults`                   what goes wrong, decided at each command that leaves a client
- `timetable`                when something happens by itself
- `timeouts`                 the time-outs of those who wait for a reply
- `network`                  latency, loss, order, and the connections that are open
- `turns`                    commands that wait until a search chooses which of them runs
- `pool`                     redis-py's connections and pools over that network
- `redis_client`             the client that patterns are given
- `run`                      the clients of one run: started, driven, unwound
- `simulation`               `Simulation`: all of this as one world
- `replicated`               what reaches replicas although no WATCH sees it change
- `replication`              a model of asynchronous replication between the nodes of a world
- `cluster`                  a model of a Cluster of three primaries, each with a third of the slots
- `sentinels`                a model of Sentinels that vote and promote a replica
"""

from course_lib.sim.draws import Draws
from course_lib.sim.faults import KINDS, Faults, OneFault, RandomFaults, Send
from course_lib.sim.ground import Ground
from course_lib.sim.memory import in_process
from course_lib.sim.network import Latency, lan, steady
from course_lib.sim.process import Body, Process
from course_lib.sim.run import CRASHED, kept_random
from course_lib.sim.simulation import Simulation
from course_lib.sim.stand_ins import StandIn, clocks, in_place, simulating
from course_lib.sim.timetable import timetable
from course_lib.sim.turns import Choose, Fate, Move, Turn, Turns

__all__ = [
    "CRASHED",
    "KINDS",
    "Body",
    "Choose",
    "Draws",
    "Fate",
    "Faults",
    "Ground",
    "Latency",
    "Move",
    "OneFault",
    "Process",
    "RandomFaults",
    "Send",
    "Simulation",
    "StandIn",
    "Turn",
    "Turns",
    "clocks",
    "in_place",
    "in_process",
    "kept_random",
    "lan",
    "simulating",
    "steady",
    "timetable",
]
