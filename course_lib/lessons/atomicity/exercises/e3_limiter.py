"""03.3, write a limiter: the answer decides requests; the judge counts on the wire who was admitted, and when."""

from __future__ import annotations

from functools import partial
from typing import Any

from course_lib.explore import Simulation, Trial, until
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import JUDGE
from course_lib.grading.rules import Judge, Rules, trial
from course_lib.lessons.atomicity.exercises import e3_judges as judges
from course_lib.lessons.atomicity.exercises.e3_mistakes import clues
from course_lib.lessons.atomicity.exercises.e3_requests import LIMIT, WINDOW, Answer, Asking, Policy, bare, well_formed
from course_lib.lessons.atomicity.exercises.server_access import exact
from course_lib.lessons.atomicity.exercises.server_errors import errors

IDLE = 5.02
"""How many windows after the last request the judge looks whether anything is left."""
POLICIES = [
    Policy(), Policy("ann:x", 1, 4.02), Policy("Zoë 7", 12, 90_000.25), Policy("x", 2, 0.057),
    Policy("X", 3, 2.5), Policy("ann:x:y", 3, 2.5),
]  # fmt: skip
"""One user's, by the run's seed, and another's: the next one."""
SHAKEN = [
    (0.0, "r1"), (0.3, "r2"), (0.6, "r3"), (0.7, "r4"), (1.0, "r2"), (1.15, "r6"), (1.35, "r4"), (1.45, "r8"),
    (1.65, "r9"),
]  # fmt: skip
"""Three are admitted; r4 is refused, and asks again when there is room; r2 asks again, as if its answer was lost."""
ALIKE = ["r1", "R1", "r1 ", "a:r1", "b:r1", "a:r2", "r1"]
"""Ids that differ by a little; the last one asks again."""


def trials(answer: Answer) -> list[Trial]:
    """At one moment, in every order; one after another; a crowd; a clock that is put ahead; a forgotten script."""
    losses = {"lose request": 0.0, "lose reply": 0.0}
    in_time, orders = partial(trial, sizes=(1,), horizon=1e6), partial(trial, sizes=(2,), orders=(2,), least=2)
    window: dict[str, Judge] = {"value": judges.value, "window": judges.too_many, "admits": judges.admits}
    decided: dict[str, Judge] = {**window, "once": judges.once}
    all_of_it: dict[str, Judge] = {
        **decided, "ends": judges.ends, "told": judges.told_right, "declared": judges.all_declared, "cost": judges.cost,
    }  # fmt: skip

    return [
        orders("requests at the same moment", partial(_at_once, answer, ("r1", "r2")), {"race": judges.too_many},
               faults={"pause": 1.0}),
        orders("a request asked twice at the same moment", partial(_at_once, answer, ("r1", "r1")), decided),
        in_time("one request after another", partial(_in_turn, answer), all_of_it, seeds=len(POLICIES),
                world=exact),
        in_time("exactly one window later", partial(_to_the_microsecond, answer), {**window, "told": judges.told_right},
                world=partial(exact, 2**-10)),
        in_time("a fault strikes", partial(_shaken, answer), decided, faults=losses),
        trial("a crowd", partial(_crowd, answer), window, sizes=(6,), seeds=3),
        in_time("the server's clock is put ahead", partial(_clock, answer), {"server-clock": judges.server_clock}),
        in_time("the server forgets the script", partial(_flushed, answer), {"noscript": judges.noscript}),
        errors(partial(_ask, answer), lambda told: well_formed(told) and told[0]),
    ]  # fmt: skip


def _at_once(answer: Answer, requests: tuple[str, ...], world: Simulation, clients: int) -> Asking:
    run = Asking(world, answer=answer)
    for number, request in enumerate(requests[:clients], 1):
        run.asks(f"c{number}", [(0.0, request)], Policy("ann", 1, 60.0))
    return run


def plan(limit: int, window: float) -> list[tuple[float, str]]:
    """The limit is used up in the first half of a window. Then come repeats, refusals, and refusals that ask again when
    there is room, just after the end of the window. Much later comes the first id again, which counts as a new one.
    """
    first = [(0.5 * n / limit, f"r{n}") for n in range(limit)]
    again = [(0.55, "new"), (0.6, "r0"), (0.7, "other"), (0.75, f"r{limit - 1}"), (0.8, "new"), (0.85, "r0")]
    later = [(1.3, "other"), (1.6, "new"), (1.8, "a"), (2.4, "b"), (3, "c")]
    edges = [(window - 0.001, "early"), (window + 0.002, "new"), (window + 0.01, "other")]
    steps = [(round(part * window, 3), request) for part, request in [*first, (0.25 / limit, "r0"), *again, *later]]
    late = round(4 * window + 1.1, 3)
    steps += [*edges, *((late + 0.003 * n, f"d{n}") for n in range(limit)), (late + 0.01 + 0.003 * limit, "r0")]
    return [(max(when, 0.003 * n), request) for n, (when, request) in enumerate(sorted(steps))]


def _shaken(answer: Answer, world: Simulation, clients: int) -> Asking:
    run = Asking(world, answer=answer)
    run.asks("c1", SHAKEN, Policy())
    return run


def _in_turn(answer: Answer, world: Simulation, clients: int) -> Asking:
    """Two tasks of one process, each for a user of its own, with the same ids; then nobody for five windows."""
    run, process, last = Asking(world, answer=answer, near=0.0005), None, 0.0
    for number in range(2):
        policy = POLICIES[(world.seed + number) % len(POLICIES)]
        steps = plan(policy.limit, policy.window)
        process = run.asks(f"c{number + 1}", steps, policy, process)
        last = max(last, steps[-1][0] + IDLE * policy.window)
    world.client(JUDGE, until, world, last)
    return run


def _to_the_microsecond(answer: Answer, world: Simulation, clients: int) -> Asking:
    """With messages that always take as long, and times that a double holds, two lie exactly a window apart."""
    run = Asking(world, answer=answer, near=0.0)
    run.asks("c1", [(0, "r1"), (0.25, "r2"), (0.5, "r3"), (1.25, "r4"), (1.5, "r5"), (2.5, "r6")], Policy())
    run.asks(
        "c2", [(0.125, "r1"), (4095.5, "r2"), (4096.125, "r3")], Policy("bob", 1, 4096.0)
    )  # whose key must live to the end
    run.asks("c3", [(0.125 * n, id) for n, id in enumerate(ALIKE)], Policy("eve", 1_000, 64.0))
    return run


def _crowd(answer: Answer, world: Simulation, clients: int) -> Asking:
    """All begin at the same moment; half of them ask for another user, with the same ids."""
    run, process = Asking(world, answer=answer), None
    for number in range(1, clients + 1):
        draw, when, steps = world.draws(f"c{number}"), 0.0, []
        for request in range(8):
            steps.append((when, f"{number // 2}-{request}"))
            when += 0.6 * draw()
        policy = Policy() if number % 2 else Policy("ann:0", 2, 0.75)
        process = run.asks(f"c{number}", steps, policy, process if number == 3 else None)
    return run


def _clock(answer: Answer, world: Simulation, clients: int) -> Asking:
    """By the server's clock r2 comes 20 s after r1, and r3 11 s after r2; by a client's all within half a second."""
    run = Asking(world, answer=answer)
    run.asks("c1", [(0.0, "r1"), (0.2, "r2"), (0.5, "r3")], Policy("ann", 2, 30.0))
    world.at(0.1, world.step_clock, 0, 20.0)
    world.at(0.3, world.step_clock, 0, 11.0)
    return run


def _flushed(answer: Answer, world: Simulation, clients: int) -> Asking:
    """The server forgets the script twice: an answer that sends it again the first time must do so once more."""
    run = Asking(world, answer=answer)
    run.asks("c1", [(0.0, "r1"), (0.1, "r2"), (0.5, "r3"), (0.9, "r3")], Policy("ann", 2, 30.0))
    for number, when in enumerate((0.3, 0.7), 1):
        world.client(f"admin {number}", world.redis().script_flush, start=when)
    return run


async def _ask(answer: Answer, world: Simulation) -> Any:
    """Ask once only, unlike a caller that must know."""
    return bare(await answer(world.redis(), "ann", limit=LIMIT, window=WINDOW, request="r1"))


RULES = Rules(coroutine_function("redis, user, *, limit, window, request"), trials, clues)
