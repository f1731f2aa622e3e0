"""The calls of a judged cache-aside, for 08.2: steps in turn, each with what must come of it; and many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from math import inf
from typing import Any, NamedTuple

from course_lib.explore import Process, Simulation, until
from course_lib.grading.acts import Act, ActsWithTokens
from course_lib.grading.caller_errors import TO_ANY
from course_lib.grading.database import DatabaseDown, DatabaseLookup, DatabaseRedis, DatabaseTimeout, load_takes
from course_lib.grading.key_log import KeyLog

Answer = Callable[..., Any]
Row = str | None
SETS = [("app:product:42", "app:product:7"), ("app:product:{de}:7", "app:product:{DE}:7"), ("a{b:c", "a{b:"),
        ("l'été 7", "lock:7")]  # fmt: skip
LIVES = [(6, 0.6, 0.3), (1.5, 0.45, 0.25), (2.25, 1.25, 2.006), (2.006, 0.3, 0.35)]
"""For each run: two keys; ttl, absent_ttl and lock_ttl, in seconds."""
GAP = 0.03
"""Seconds from one step to the next."""


class Step(NamedTuple):
    """Before it, wait some ttl and absent_ttl; commit a row, if one is given; then `do` it for the key of that
    number. `loads`: must it load? `keeps`: whose promise it is."""

    do: str
    key: int
    loads: bool = False
    keeps: str = "rows"
    commits: Any = ...
    ttls: float = 0.0
    absent_ttls: float = 0.0


MARK = object()
"""The steps, by the state of the key: first those for a missing row, then those for this row."""
STEPS = [
    Step("get", 0, True, commits="row"), Step("get", 0), Step("get", 1, True), Step("get", 1, keeps="absent"),
    Step("get", 1, True, "lives", absent_ttls=1.02), Step("get", 0, True, "lives", commits="row", ttls=1.02),
    Step("invalidate", 1, commits=""), Step("get", 1, True, "stale"), Step("get", 1, keeps="any-text"),
    Step("invalidate", 1, commits="None"), Step("get", 1, True, "stale"), Step("get", 1, keeps="any-text"),
    Step("invalidate", 1, commits=None), Step("get", 1, True, "stale"), Step("get", 1, keeps="absent"),
    Step("invalidate", 1, commits=MARK), Step("get", 1, True, "stale"), Step("get", 1, keeps="any-text"),
    Step("invalidate", 1, commits=MARK), Step("get", 1, True, "stale"), Step("get", 1, keeps="any-text"),
    Step("invalidate", 0, commits="row"), Step("fails", 0, True, "fails"), Step("get", 0, True, "fails"),
    Step("get", 0), Step("invalidate", 0), Step("invalidate", 0), Step("get", 0, True, "stale"),
    Step("get", 0, keeps="lives", ttls=0.4), Step("get", 0, keeps="lives", ttls=0.46),
    Step("get", 0, True, "lives", ttls=0.2),
]  # fmt: skip
BRIEF = [
    Step("get", 0, True, commits="row"), Step("get", 0), Step("invalidate", 0), Step("fails", 0, True), Step("get", 0),
]  # fmt: skip
REFUSED = 8 * len(TO_ANY)
"""Seeds of a trial in which each of the first eight commands is refused with each error."""
DOWN = (DatabaseDown, DatabaseTimeout, DatabaseLookup, DatabaseRedis)
"""What a load raises, in turn."""


class Load(NamedTuple):
    """A load: whose, of which key, from when on; the number of the row that it read."""

    who: str
    key: str
    start: float
    row: int


@dataclass(eq=False)
class Call(Act):
    """One call. `floor`: the number of the row below which it must be given none; `loads`, the times of its own loads,
    the second infinite while it goes on; `error`, what its load raised."""

    key: str = ""
    step: Any = None
    floor: int = 0
    right: Row = None
    loads: list[list[float]] = field(default_factory=list)
    error: Exception | None = None


@dataclass
class Shop(ActsWithTokens):
    """All calls of a run, and the rows of each key so far; `takes` has the seconds of the loads to come, the last of
    which all later ones take; the first `failing` of them fail."""

    log: KeyLog = field(kw_only=True)
    lives: tuple[float, float, float] = field(kw_only=True)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    floors: dict[str, int] = field(default_factory=dict)
    loaded: list[Load] = field(default_factory=list)
    takes: list[float] = field(default_factory=lambda: [0.05])
    failing: int = 0
    owners: dict[str, Process] = field(default_factory=dict)

    def commit(self, key: str, row: Row) -> None:
        """A writer commits."""
        self.rows[key].append(row)
        self.world.note("writer", "compute", "commits").t_end = self.world.now()

    async def call(self, service: Callable[[], Any], call: Call) -> Any:
        """Call it; an invalidation that is answered raises the floor."""
        last = len(self.rows[call.key]) - 1
        call.floor, call.right = self.floors.get(call.key, 0), self.rows[call.key][last]
        if call.what == "invalidate":
            await self.do(call, lambda _: service().invalidate(call.key))
            self.floors[call.key] = max(last, self.floors.get(call.key, 0))
        else:
            await self.do(call, lambda _: service().get(call.key, self._load_for(call)))

    def _load_for(self, call: Call) -> Callable[[], Awaitable[Row]]:
        async def load() -> Row:
            number, row = len(self.loaded), len(self.rows[call.key]) - 1
            self.loaded.append(Load(call.who, call.key, self.world.now(), row))
            call.loads.append([self.world.now(), float("inf")])
            note = await load_takes(self.takes[min(number, len(self.takes) - 1)], self.world, call.who)
            call.loads[-1][1] = self.world.now()
            if call.what == "fails" or number < self.failing:
                note.text, call.error = "failed", DOWN[self.world.seed % len(DOWN)]("the database is down")
                raise call.error
            return self.rows[call.key][row]

        return load


def opened(
    answer: Answer, world: Simulation, refuses: tuple[int, ...] = (), *,
    keys: Sequence[str] = (), lives: tuple[float, float, float] | None = None, longest: float = inf,
) -> tuple[Shop, Callable[[], Any]]:  # fmt: skip
    """The run, and what makes a process its own object of the answer. No lock lives for longer than `longest`."""
    keys = keys or SETS[world.seed % len(SETS)]
    ttl, absent_ttl, lock_ttl = lives or LIVES[world.seed % len(LIVES)]
    lives = ttl, absent_ttl, min(longest, lock_ttl)
    names = [name for key in keys for name in (key, f"lock:{key}")]
    run = Shop(world, log=KeyLog(world, names, refuses, TO_ANY[world.seed % len(TO_ANY)]), lives=lives)
    run.rows = {key: [None] for key in keys}
    options = dict(zip(("ttl", "absent_ttl", "lock_ttl"), lives, strict=True))
    service = partial(answer, world.redis(), new_token=run.token, **options)
    return run, lambda: cache(service)


def in_turn(answer: Answer, world: Simulation, clients: int) -> Shop:
    """Two processes take turns. With two clients there are fewer turns, and a command is refused."""
    steps = STEPS if clients == 1 else BRIEF
    run, service = opened(answer, world, (world.seed // len(TO_ANY),) if clients == 2 else ())
    both, keys = [(Process(name), service()) for name in ("c1", "c2")], SETS[world.seed % len(SETS)]
    ttl, absent_ttl, _ = run.lives
    turn = [world.loop.create_future() for _ in range(len(steps) + 1)]
    turn[0].set_result(None)

    async def follow(who: str, own: Callable[[], Any], odd: int) -> None:
        for place, step in list(enumerate(steps))[odd::2]:
            await turn[place]
            await until(world, world.now() + GAP + step.ttls * ttl + step.absent_ttls * absent_ttl)
            key = keys[step.key]
            if step.commits is not ...:
                row = f"row {place} {run.token()}" if step.commits == "row" else step.commits
                run.commit(key, run.log.look(key).text if row is MARK else row)
            try:
                await run.call(own, Call(who, step.do, key=key, step=step))
            except Exception as error:
                if not isinstance(error, DatabaseDown) and clients == 1:
                    raise
            finally:
                turn[place + 1].set_result(None)

    for number, (process, own) in enumerate(both):
        world.client(process.name, follow, process.name, own, number, process=process)
    return run


class Scene(NamedTuple):
    """What happens while many ask: how many lock_ttl the loads take, in turn; the rows, and when writers commit the
    next one and invalidate; how many loads fail; and when readers ask again."""

    takes: tuple[float, ...] = (0.2,)
    rows: tuple[Row, ...] = ("one", None, "three")
    writes: tuple[float, ...] = ()
    failing: int = 0
    again: tuple[float, ...] = (3.0,)


SCENES = [
    Scene(failing=1, takes=(0.2, 0.9)), Scene(takes=(0.3, 0.2), writes=(0.1,), again=(0.5, 1.2, 3.0)),
    Scene(takes=(1.3, 0.2), writes=(0.3, 0.62, 1.5), rows=("one", "two", None, "four"), again=(0.7, 1.6)),
    Scene(failing=2, takes=(1.5, 1.0, 0.2)), Scene(takes=(1.5, 0.3)), Scene(takes=(2.6, 2.3), again=()),
    Scene(rows=(None, "", None), writes=(1.05,), again=(0.9, 1.3)),
    Scene(takes=(0.9, 0.1), writes=(0.45,), again=(0.5, 0.95)),
    Scene(takes=(0.3, 0.2), writes=(0.1, 0.8), again=(0.5, 1.2)),
    Scene(takes=(0.1,), writes=(0.5,), again=tuple(0.5 + 0.008 * number for number in range(12))),
]  # fmt: skip


def at_once(answer: Answer, world: Simulation, clients: int) -> Shop:
    """Readers ask for one key at once, and again; a writer commits and invalidates. Times are in lock_ttl. Where
    there is a writer, the last reader comes later."""
    run, service = opened(answer, world, longest=0.4)
    scene, key, unit, draw = SCENES[world.seed % len(SCENES)], run.log.keys[0], run.lives[2], world.draws("start")
    run.takes, run.failing, run.rows[key] = [unit * one for one in scene.takes], scene.failing, [scene.rows[0]]
    shared = (Process("shop"), service())

    async def reads(who: str, own: Callable[[], Any], begin: float) -> None:
        if (task := asyncio.current_task()) is not None:
            task.set_name("reads")  # names of tasks need not differ
        for when in (0.0, *scene.again):
            await until(world, begin + unit * when)
            try:
                await run.call(own, Call(who, "get", key=key))
            except DatabaseDown:
                pass

    async def writes(own: Callable[[], Any]) -> None:
        for row, when in zip(scene.rows[1:], scene.writes, strict=False):
            await until(world, unit * (when + 0.05 * draw()))
            run.commit(key, row)
            await run.call(own, Call("writer", "invalidate", key=key))

    for number in range(1, clients + 1):
        who, begin = f"c{number}", 0.016 * draw() + (0.4 * unit if number == clients and scene.writes else 0.0)
        process, own = shared if number > clients // 2 or world.seed >= len(SCENES) else (Process(who), service())
        run.owners[who] = world.client(who, reads, who, own, begin, process=process)
    if scene.writes:
        run.owners["writer"] = world.client("writer", writes, service())
    return run
