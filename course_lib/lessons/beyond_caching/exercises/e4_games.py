"""The games of a judged high-score list: calls in turn, each with its right answer; and several machines at once."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from course_lib.explore import Process, Simulation, until
from course_lib.grading.acts import Act, Acts
from course_lib.grading.caller_errors import AGAIN, Refuses
from course_lib.grading.lock_watch import asked

Answer = Callable[..., Any]
Row = tuple[int, str, int]
KEYS = ["app:pinball", "app:{pinball}:2026", "a{b:c", "é 7"]
MOST = 9_999_999_999_999
ONCE = 24
"""Under the seeds below it one command is refused, and under those that follow the next ones as well."""

Step = Sequence[Any]
READ = tomllib.loads(Path(__file__).with_name("e4_games.toml").read_text(encoding="utf-8"))
MANY: list[Step] = [
    *(("played", f"p{n % 121}", MOST - 900 + n) for n in range(250)), ("played", "zed", MOST), ("played", "yan", MOST),
    ("top", 9), *(("played", f"p{n % 121}", MOST - 900 + n) for n in range(250, 495)), ("played", "wim", MOST),
    ("played", "kim", MOST - 1), ("played", "jo", MOST), ("top", 5), ("around", "wim", 1), ("around", "p3", 3),
    ("around", "p11", 2), ("top", 500),
]  # fmt: skip
PLANS: list[tuple[str, list[Step]]] = [*((plan["name"], plan["steps"]) for plan in READ["plans"]), ("exact", MANY)]


@dataclass(eq=False)
class Op(Act):
    """One call; `right`: what it must return, where that is known, and `board`, all rows at that moment."""

    step: Step = ()
    right: list[Row] = field(default_factory=list)
    board: list[Row] = field(default_factory=list)

    @property
    def rows(self) -> list[Row] | None:
        """What was returned, if it is a list of such rows."""
        if not isinstance(self.result, (list, tuple)):
            return None
        rows = [tuple(row) if isinstance(row, (list, tuple)) else () for row in self.result]
        fit = all(len(row) == 3 and type(row[0]) is int and type(row[1]) is str and type(row[2]) is int for row in rows)
        return rows if fit else None

    @property
    def call(self) -> str:
        return f"{self.who}'s {self.what}({', '.join(map(repr, self.step[1:]))})"


@dataclass
class Games(Acts):
    """All calls of a run. `best`: by player, the best game so far and its number."""

    key: str = field(kw_only=True)
    best: dict[str, tuple[int, int]] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)
    count: int = 0
    plan: str = "ties"

    def play(self, name: str, points: int) -> None:
        """Note a game in the judge's own books."""
        self.count += 1
        if name not in self.best or points > self.best[name][0]:
            self.best[name] = points, -self.count

    def board(self) -> list[Row]:
        """The list as it must be now."""
        names = sorted(self.best, key=lambda name: self.best[name], reverse=True)
        return [(rank, name, self.best[name][0]) for rank, name in enumerate(names, 1)]

    def answer(self, what: str, *asked: Any) -> list[Row]:
        """What a call must return now."""
        board = self.board()
        if what == "top":
            return board[: asked[0]]
        place = next((rank - 1 for rank, name, _ in board if name == asked[0]), None)
        return [] if place is None else board[max(0, place - asked[1]) : place + asked[1] + 1]


class Watch(Refuses):
    """Sees keys that do not belong to the list, or have a TTL."""

    def __init__(self, run: Games, refuses: int | None) -> None:
        super().__init__(*((refuses,) if refuses is None or refuses < ONCE else (refuses - ONCE, AGAIN)))
        self._run = run

    def ran(self, session: Any, command: list[bytes], changed: bool) -> None:
        if changed:
            world, own = self._run.world, self._run.key
            for key in asked(world, b"KEYS", b"*") or []:
                name = key.decode()
                if name != own and not name.startswith(f"{own}:"):
                    self._run.strays.append(f"changed the key {name!r}, which is none of the board's")
                elif asked(world, b"PTTL", key) >= 0:
                    self._run.strays.append(f"gave the key {name!r} a TTL")


def _run(answer: Answer, world: Simulation, refuses: int | None = None) -> tuple[Games, Callable[[], Any]]:
    """The run, and what makes a process its own object of the answer."""
    run = Games(world, key=KEYS[world.seed % len(KEYS)])
    world.nodes[0].extension = Watch(run, refuses)
    return run, lambda: cache(partial(answer, world.redis(), run.key))


async def _deed(own: Callable[[], Any], act: Op) -> Any:
    return await getattr(own(), act.what)(*act.step[1:])


def in_turn(answer: Answer, plans: list[tuple[str, list[Step]]], world: Simulation, clients: int) -> Games:
    """Two processes take turns. With two clients, a command is refused, and who is told so plays that game again."""
    run, made = _run(answer, world, world.seed if clients == 2 else None)
    run.plan, steps = plans[world.seed % len(plans)]
    owns = [made(), made()]
    plans_of: list[list[tuple[float, Step]]] = [[], []]
    when = 0.01
    for place, step in enumerate(steps):
        if step[0] == "wait":
            when += step[1]
            continue
        when += 0.04
        plans_of[place % 2].append((when, step))

    async def body(who: str, own: Any, plan: list[tuple[float, Step]]) -> None:
        for when, step in plan:
            await until(world, when)
            if step[0] == "played":
                run.play(*step[1:])
            act = Op(who, step[0], step=step)
            if step[0] != "played":
                act.right, act.board = run.answer(*step), run.board()
            try:
                await run.do(act, partial(_deed, own))
            except RedisError:
                if clients == 1 or step[0] != "played":
                    raise
                await until(world, world.now() + 0.01)
                await run.do(replace(act), partial(_deed, own))

    for number, own in enumerate(owns):
        world.client(f"c{number + 1}", body, f"c{number + 1}", own, plans_of[number], process=Process(f"c{number + 1}"))
    return run


def at_once(answer: Answer, turns: int, world: Simulation, clients: int) -> Games:
    """Players whose games end at the same time, each several times, and one who looks around all the while; under odd
    seeds as tasks of one process. Long after, somebody looks once more. Where there are many, each has a name."""
    run, made = _run(answer, world)
    shared, draw = (Process("cafe"), made()) if world.seed % 2 else None, world.draws("start")
    names = ["ann", "bob", "ann", "cat", "bob", "dan"]

    async def plays(who: str, own: Any, place: int) -> None:
        for turn in range(turns):
            await until(world, 0.02 + 0.012 * turn + 0.006 * draw())
            name = names[(place + turn) % 6] if clients < len(names) else f"p{place}"
            step = ("played", name, 10 + (place * 5 + turn * 3) % 7)
            await run.do(Op(who, "played", step=step), partial(_deed, own))

    async def looks(who: str, own: Any) -> None:
        last = 2 * turns - 1
        for turn in range(2 * turns):
            step = ("around", "bob", turn % 2) if turn < last else ("top", 20)
            await until(world, 0.015 + 0.008 * turn if turn < last else 5.0)
            await run.do(Op(who, step[0], step=step), partial(_deed, own))

    for number in range(clients + 1):
        who = f"c{number + 1}" if number < clients else "looks"
        process, own = shared if shared is not None and number < clients else (Process(who), made())
        world.client(who, *((plays, who, own, number) if number < clients else (looks, who, own)), process=process)
    return run
