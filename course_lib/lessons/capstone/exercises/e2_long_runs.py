"""More calls of a judged cache-aside, for 08.2: very short and very long lives, many keys at once, and long waits."""

from __future__ import annotations

from typing import Any

from course_lib.explore import Process, Simulation
from course_lib.lessons.capstone.exercises.e2_calls import Answer, Call, Shop, opened

LENGTHS = [(0.003, 0.002, 7.5), (2e6, 1e5, 5e6), (1e5 + 0.25, 3e6, 0.004)]
"""For each run: ttl, absent_ttl and lock_ttl, in seconds."""
KEYS = [f"app:product:{number}" for number in range(24)]


def lengths(answer: Answer, world: Simulation, clients: int) -> Shop:
    """One process asks for a row, and for one that does not exist."""
    run, service = opened(answer, world, lives=LENGTHS[world.seed % len(LENGTHS)])
    keys = run.log.keys[::2]
    run.takes, run.rows[keys[0]] = [0.0], ["a row"]

    async def asks(own: Any) -> None:
        for key in keys:
            await run.call(own, Call("c1", "get", key=key))

    world.client("c1", asks, service())
    return run


def side_by_side(answer: Answer, world: Simulation, clients: int) -> Shop:
    """As many tasks of one process ask at once, each for a key of its own."""
    run, service = opened(answer, world, keys=KEYS[:clients], lives=(6, 5, 4))
    shared, own, run.takes = Process("shop"), service(), [1.0]
    for number, key in enumerate(KEYS[:clients]):
        call = Call(f"c{number + 1}", "get", key=key)
        run.rows[key] = [f"row {number}"]
        run.owners[call.who] = world.client(call.who, run.call, own, call, process=shared)
    return run


def long_waits(answer: Answer, world: Simulation, clients: int) -> Shop:
    """All ask for one key at once. Of two, one loads for long; of more, each loads for longer than all locks."""
    run, service = opened(answer, world, lives=(600, 500, 400) if clients == 2 else (6, 5, 0.3))
    takes = (62.0, 21.0)[world.seed % 2] if clients == 2 else 0.3 * (clients + 2)
    key = run.log.keys[0]
    run.takes, run.rows[key] = [takes + (clients == 2) * world.draws("takes")()], ["a row"]
    for number in range(clients):
        who = f"c{number + 1}"
        run.owners[who] = world.client(who, run.call, service(), Call(who, "get", key=key), process=Process(who))
    return run
