"""The calls of a judged cache with leases: steps in turn, each with its right answer; and readers beside a writer."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from course_lib.explore import Process, Simulation, until
from course_lib.grading.acts import Act, ActsWithTokens
from course_lib.grading.caller_errors import TO_ANY, refused_ones
from course_lib.grading.database import load_takes
from course_lib.grading.key_log import KeyLog

Answer = Callable[..., Any]
STEPS: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("e3_calls.toml").read_text(encoding="utf-8"))[
    "steps"
]
SETS = [("app:product:42", "app:product:7"), ("app:product:{de}:7", "app:product:{de}:8"), ("a{b:c", "a{b:"),
        ("é 7", "lease:7")]  # fmt: skip
LIVES = [(60, 0.5), (1.5, 0.25), (0.6, 1.5), (2.006, 0.3)]
"""For each run: two keys; ttl and lease_ttl, in seconds."""
EXTREMES = [(0.004, 2_592_000), (2_592_000, 0.004), (2_592_000, 60)]
"""Others, of which one is too short, or too long, for all those steps."""
SOON = [("c1", 0.01, 0), ("c1", 0.02, 4), ("c1", 0.03, 5), ("c1", 0.033, 5), ("c2", 0.038, 8), ("c1", 0.044, 9)]
"""Who does which of the steps instead, and when: c1 asks again just after c2 has deleted what c1 was given."""

WRITES = [(0.03,), (0.6, 0.9), (0.14,), (0.02, 0.7)]
"""When the writer of a run commits and deletes, in seconds."""
GAP, WAITS, MOST = 0.03, 0.05, 9
"""Seconds from one step to the next, and until a reader that must wait looks again; and how often it looks."""


@dataclass(eq=False)
class Op(Act):
    """One call of get, put or delete. `step` is what is to come of it, where that is known; `lease`, what put was
    given; `page`, what it was to store; `row`, the version that was committed when it began."""

    key: str = ""
    page: str = ""
    lease: str = ""
    step: dict[str, Any] = field(default_factory=dict)
    row: int = 0

    @property
    def hit(self) -> str | None:
        """The page that get returned, if it returned one."""
        return self.result[0] if self.pair and type(self.result[0]) is str and self.result[1] is None else None

    @property
    def given(self) -> str | None:
        """The lease that get returned, if it returned one."""
        return self.result[1] if self.pair and self.result[0] is None and type(self.result[1]) is str else None

    @property
    def pair(self) -> bool:
        return self.what == "get" and isinstance(self.result, (tuple, list)) and len(self.result) == 2


@dataclass
class Leases(ActsWithTokens):
    """All calls of a run. `leases` has what was given, by key; `waits`, who waited too long."""

    log: KeyLog = field(kw_only=True)
    ttl: float = field(kw_only=True)
    lease_ttl: float = field(kw_only=True)
    leases: dict[str, list[str]] = field(default_factory=dict)
    waits: list[str] = field(default_factory=list)
    row: int = 1

    async def op(self, service: Callable[[], Any], op: Op) -> Any:
        """Call it; remember a lease that it gave."""
        op.row = self.row
        arguments = (op.key, op.page, op.lease) if op.what == "put" else (op.key,)
        result = await self.do(op, lambda _: getattr(service(), op.what)(*arguments))
        if op.given is not None:
            self.leases.setdefault(op.key, []).append(op.given)
        return result


def _run(
    answer: Answer, world: Simulation, refuses: Collection[int] = (), lives: tuple[float, float] | None = None
) -> tuple[Leases, Callable[[], Any]]:
    """The run, and what makes a process its own object of the answer."""
    keys = SETS[world.seed % len(SETS)]
    ttl, lease_ttl = lives or LIVES[world.seed % len(LIVES)]
    names = [name for key in keys for name in (key, f"lease:{key}")]
    log = KeyLog(world, names, refuses, TO_ANY[world.seed % len(TO_ANY)])
    run = Leases(world, log=log, ttl=ttl, lease_ttl=lease_ttl)
    run.log.plant(["lease:", *(f"{key}:lock" for key in keys)])
    service = partial(answer, world.redis(), ttl=run.ttl, lease_ttl=run.lease_ttl, new_token=run.token)
    return run, lambda: cache(service)


def in_turn(answer: Answer, world: Simulation, clients: int) -> Leases:
    """Two processes take turns under one key, and two tasks of theirs under another. With two clients, a command is
    refused."""
    run, service = _run(answer, world, refused_ones(world.seed * 3 + 1, 18) if clients == 2 else ())
    processes = [(Process("one"), service()), (Process("two"), service())]
    for number, key in enumerate(run.log.keys[::2]):
        plans: list[list[tuple[float, str]]] = [[], []]
        when = 0.01 + number * GAP / 2
        for place, step in enumerate(STEPS[: 10 if clients == 2 else None]):
            when += GAP + step.get("ttl", 0.0) * run.ttl + step.get("lease", 0.0) * run.lease_ttl
            plans[(place + number) % 2].append((when, str(place)))
        for turn, plan in enumerate(plans):
            process, made = processes[turn]
            deed = partial(_step, run, made, key, f"c{2 * number + turn + 1}")
            world.client(f"c{2 * number + turn + 1}", _follow, world, deed, plan, process=process)
    return run


def soon(answer: Answer, world: Simulation, clients: int) -> Leases:
    """Some of the steps, in a few milliseconds; of what lives a shorter time, only the one that stores it."""
    ttl, lease_ttl = EXTREMES[world.seed % len(EXTREMES)]
    run, service = _run(answer, world, lives=(ttl, lease_ttl))
    most = 1 if lease_ttl < 1 else 2 if ttl < 1 else len(SOON)
    for who in ("c1", "c2"):
        plan = [(when, str(place)) for name, when, place in SOON[:most] if name == who]
        deed = partial(_step, run, service(), run.log.keys[0], who)
        world.client(who, _follow, world, deed, plan, process=Process(who))
    return run


async def _follow(world: Simulation, deed: Callable[[int], Any], plan: list[tuple[float, str]]) -> None:
    for when, place in plan:
        await until(world, when)
        await deed(int(place))


async def _step(run: Leases, service: Callable[[], Any], key: str, who: str, place: int) -> None:
    step = STEPS[place]
    lease = _lease(run, key, step.get("with", ""))
    run.row += step["do"] == "delete"
    await run.op(service, Op(who, step["do"], key=key, page=step.get("page", ""), lease=lease, step=step))


def _lease(run: Leases, key: str, which: str | int) -> str:
    """The lease of a step: its `with`."""
    if which == "other":
        key, which = next(other for other in run.log.keys[::2] if other != key), -1
    if isinstance(which, str):
        return which
    given = run.leases.get(key, [])
    return given[which] if len(given) >= -which else "none"


def at_once(answer: Answer, world: Simulation, clients: int) -> Leases:
    """Readers miss, one soon after the other, while a writer commits and deletes; long after, all ask at one moment."""
    run, service = _run(answer, world, lives=(60.0, 0.2))
    key, draw = run.log.keys[0], world.draws("start")
    shared = (Process("shop"), service()) if world.seed // 2 % 2 else None

    async def reads(who: str, own: Callable[[], Any], begin: float) -> None:
        for when in (begin, 1.2):
            await until(world, when)
            for _ in range(MOST):
                op = Op(who, "get", key=key)
                await run.op(own, op)
                if op.given is not None:
                    page = f"version {run.row}"
                    await load_takes(0.05 + 0.02 * draw(), world, who)
                    await run.op(own, Op(who, "put", key=key, page=page, lease=op.given))
                if op.given is not None or op.hit is not None or not op.pair:
                    break
                await until(world, world.now() + WAITS)
            else:
                run.waits.append(who)

    async def writes(own: Callable[[], Any]) -> None:
        for when in WRITES[world.seed % len(WRITES)]:
            await until(world, when + 0.01 * draw())
            run.row += 1
            world.note("writer", "compute", "commits").t_end = world.now()
            await run.op(own, Op("writer", "delete", key=key))

    for number in range(1, clients + 1):
        process, own = shared or (Process(f"c{number}"), service())
        world.client(f"c{number}", reads, f"c{number}", own, 0.006 * number, process=process)
    world.client("writer", writes, service())
    return run
