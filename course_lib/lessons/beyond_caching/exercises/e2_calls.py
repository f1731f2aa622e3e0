"""The uses of a judged session: one after another until it is over; several at once, and a log-out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any

from course_lib.explore import EPOCH, Process, Simulation, until
from course_lib.grading.caller_errors import refused_ones
from course_lib.lessons.beyond_caching.exercises.sessions import OFTEN, Call, Fields, Site, key_of, site, told

Answer = Callable[..., Awaitable[Any]]
STEPS: list[tuple[float, Fields]] = [
    (0.1, {}), (0.8, {"Moby-Dick": "1"}), (0.8, {"Moby-Dick": "2", "é {7}:": ""}), (0.05, {}),
    (0.1, {"x": "007", "y": "1e3"}), (0.1, {"y": "1e3", "Moby-Dick": "2"}),
    (0.8, {"ends": "0"}),
    (0.8, {str(n): "y" * n for n in range(30)}), (0.0, {"last": "1"}),
]  # fmt: skip
"""For each session: after which share of `idle` it is used again, and with which changes. The last use comes when the
session is over: its end has come, or nobody has used it for too long."""
SETS = [(1.5, 6.3, 0.0, "7"), (60.0, 250.25, 3600.0, "a{b:c"), (0.25, 9.0, -86_400.0, "é 7"),
        (1800.0, 43_200.0, 5.0, "7:7"), (2.006, 2.006, 0.5, "end"), (60.0, 9e9, 0.0, "far")]  # fmt: skip
"""Of a run: `idle`, and how long it is from log-in to the session's end, in seconds; by how much the server's clock is
ahead of everybody else's; and the session's id."""
BOOKS = ["Emma", "Ulysses", "Watt", "Malone", "Zoë", "7"]
LOG_OUTS = (0.015, 0.0195, 0.024, 0.5)


@dataclass(eq=False)
class Use(Call):
    """`changes`: what it is to set; `finish`: when the session ends, by the server's clock in ms; `now`: what that says
    when the call begins, and is over."""

    changes: Fields = field(default_factory=dict)
    finish: int = 0
    now: tuple[float, float] = (0.0, 0.0)

    @property
    def ends(self) -> bool | None:
        """Is there no session any more? None for one that ends while the call lasts."""
        if not self.before or self.now[0] >= self.finish:
            return True
        return None if self.now[1] >= self.finish else False

    @property
    def right(self) -> Fields:
        return self.before | self.changes

    @property
    def call(self) -> str:
        left = f", {(self.finish - self.now[0]) / 1000:,.3f} s before its end" if self.before else ""
        return f"{self.who} used a session that held {told(self.before)}{left}, with the changes {told(self.changes)}"


ANN = {"user": "ann", "Emma": "1"}


def _begin(run: Site, id: str, lasts: float, idle: float, held: Fields = ANN) -> int:
    """Somebody logged in: when that session ends. With `lasts` -inf, at the beginning of all time."""
    finish = round((EPOCH + run.world.now() + run.log.skew + lasts) * 1000) if lasts > -inf else 0
    run.begin(id, {"end": str(finish)} | held, round(idle * 1500))
    return finish


async def _deed(answer: Answer, run: Site, act: Use) -> Any:
    def clock() -> float:
        return (EPOCH + run.world.now() + run.log.skew) * 1000

    act.before, began = run.held(act.id), clock()
    try:
        return await answer(run.world.redis(), act.id, dict(act.changes), idle=run.idle)
    finally:
        act.after, act.now = run.held(act.id), (began, clock())


def in_turn(answer: Answer, steps: list[tuple[float, Fields]], world: Simulation, clients: int) -> Site:
    """c1 uses a session until it is over. c2, under odd seeds a task of the same process, uses three others. The key of
    one is still there long after its end; one is not there yet; and one has nothing but its end. In the first run,
    there are changes each time, and no c2. With two clients, a command is refused."""
    idle, lasts, skew, id = SETS[world.seed % len(SETS)]
    run = site(world, [id, "late", "none"], idle, refused_ones(world.seed // 3, 4) if clients == 2 else ())
    world.nodes[0].skew = skew

    async def body() -> None:
        finish = _begin(run, id, lasts, idle)
        for share, changes in steps:
            if not changes and not world.seed and len(steps) > 1:
                continue
            await until(world, world.now() + share * idle)
            if not share:  # that it ends by itself
                await until(world, world.now() + min(idle, max(0.0, finish / 1000 - EPOCH - skew - world.now())) + 0.01)
            await run.do(Use("c1", "uses", id=id, changes=changes, finish=finish), partial(_deed, answer, run))

    async def other() -> None:
        finish = _begin(run, "late", -inf if world.seed % 2 else 0.02, 60.0)
        for id, when, changes in (("late", 0.1, {"Emma": "3"}), ("none", 0.2, {"Emma": "3"}), ("none", 0.3, {})):
            await until(world, when - 0.01)
            if not changes:
                finish = _begin(run, id, lasts, idle, {})
            await until(world, when)
            act = Use("c2", "uses", id=id, changes=changes, finish=finish)
            await run.do(act, partial(_deed, answer, run))

    process = Process("shop") if world.seed % 2 else None
    world.client("c1", body, process=process)
    if len(steps) > 1 and world.seed:
        world.client("c2", other, process=process)
    return run


def at_its_end(answer: Answer, world: Simulation, clients: int) -> Site:
    """c1 uses a session in the very millisecond in which it ends."""
    run = site(world, ["7"], 60.0)

    async def body() -> Any:
        await until(world, 0.0201)
        finish = _begin(run, "7", -0.0001, 60.0)
        await until(world, 0.0202)
        return await run.do(Use("c1", "uses", id="7", finish=finish), partial(_deed, answer, run))

    world.client("c1", body)
    return run


def at_once(answer: Answer, world: Simulation, clients: int) -> Site:
    """Requests with changes of their own, and a log-out; under some seeds, after them. Under odd seeds they are
    tasks of one process. One alone has others that are quicker, and no log-out."""
    run, draw = site(world, ["7"], 60.0), world.draws("start")
    process = Process("shop") if world.seed % 2 else None
    world.at(0.0, lambda: _begin(run, "7", 3600.0, 60.0))
    for number in range(clients):
        act = Use(f"c{number + 1}", "uses", id="7", changes={BOOKS[number]: "9"}, finish=2**60)
        world.client(act.who, run.do, act, partial(_deed, answer, run), start=0.015 + 0.006 * draw(), process=process)

    async def log_out() -> None:
        await world.redis().delete(key_of("7"))

    if clients == 1:
        run.log.quicker = OFTEN
        return run
    world.client("logs out", log_out, start=LOG_OUTS[world.seed // 2 % len(LOG_OUTS)])
    return run
