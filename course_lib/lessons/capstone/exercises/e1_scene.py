"""08.1, break it: the answer says who asks when, and how long loads take; then published code shows two mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from math import isfinite
from typing import Any

from course_lib.explore import Play, Simulation, Trial, steady
from course_lib.grading.acts import Act, Acts
from course_lib.grading.answer import Refused
from course_lib.grading.break_it import given, twins
from course_lib.grading.database import load_takes
from course_lib.grading.evidence import as_they_ran, loads, ms
from course_lib.grading.rules import Failing, Found, Rules, named
from course_lib.lessons.capstone import programs
from course_lib.lessons.capstone.answers import Scene

KEY, OLD, NEW = "app:product:42", "12 dollars", "15 dollars"
TTL, LOCK_TTL, POLL = 60.0, 2.0, 0.2
"""Seconds. The published lock lives as long; its waiters look every 0.025 s, which no picture has room for."""
MOST, LONGEST, LAST = 6, 3.0, 10.0
"""How many readers a scene may have; seconds of a load, and until which everything begins."""
CROWD, AT_ONCE = 3, 0.1
"""This number of loads, begun within this number of seconds, is a crowd."""
EXAMPLE = "a scene, such as Scene(reads=[0.0, 0.01], load=0.1, write=1.0)"


def a_scene(answer: Any) -> Scene:
    """The answer, if it is a scene within its bounds."""
    given(answer, Scene, EXAMPLE)
    if not isinstance(answer.reads, (list, tuple)) or not 1 <= len(answer.reads) <= MOST:
        raise Refused("error", f"`reads` is {answer.reads!r}; it must be a list of one to {MOST} times, in seconds.")
    for name, most, values in (("reads", LAST, answer.reads), ("load", LONGEST, [answer.load]),
                               ("write", LAST, [answer.write])):  # fmt: skip
        for value in values:
            if type(value) not in (int, float) or not isfinite(value) or not 0 <= value <= most:
                raise Refused("error", f"`{name}` has {value!r}; a number of seconds from 0 to {most:g} is accepted.")
    return Scene(sorted(map(float, answer.reads)), float(answer.load), float(answer.write))


@dataclass
class Shop(Acts):
    """All reads of a run. `row` is the price in the database; `deleted`, when the writer's delete was answered."""

    scene: Scene = field(kw_only=True)
    row: str = OLD
    deleted: float = float("inf")

    def load_for(self, who: str) -> programs.Load:
        async def load() -> str | None:
            row = self.row
            await load_takes(self.scene.load, self.world, who)
            return row

        return load


def trials(scene: Scene) -> list[Trial]:
    """The same scene with the published code and with the mended one."""
    return twins(
        partial(_build, scene),
        ("your scene, as published", (programs.reads_like_the_guide, programs.writes_like_the_guide),
         {"crowd": _crowd, "stale": _stale}),
        ("your scene, mended", (programs.reads_mended, programs.writes_mended), {"mended": _mended}),
        "That the mended code survives says nothing, as your scene breaks nothing of the published code.",
        breaks=("crowd", "stale"), sizes=(1,), world=partial(Simulation, latency=steady(0.001), socket_timeout=0.2),
        horizon=60.0, unfaulted="your scene",
    )  # fmt: skip


def _build(scene: Scene, pair: tuple[Callable[..., Any], Callable[..., Any]], world: Simulation, clients: int) -> Shop:
    shop, redis, (read, write) = Shop(world, scene=scene), world.redis(), pair

    async def asks(who: str) -> Any:
        policy = {"ttl": TTL, "lock_ttl": LOCK_TTL, "poll": POLL, "token": lambda: f"token of {who}"}
        return await shop.do(Act(who, "read"), lambda _: read(redis, KEY, shop.load_for(who), **policy))

    async def commits() -> None:
        shop.row = NEW
        world.note("writer", "compute", "commits").t_end = world.now()

    async def writes() -> None:
        await write(redis, KEY, commits)
        shop.deleted = world.now()

    for number, start in enumerate(scene.reads, 1):
        world.client(f"r{number}", asks, f"r{number}", start=start)
    world.client("writer", writes, start=scene.write)
    return shop


# -- judges ------------------------------------------------------------------------------------------------------------


def crowd(run: Play) -> list[Any]:
    """The loads that begin at once, if they are a crowd."""
    starts = loads(run.trace)
    for first in starts:
        together = [load for load in starts if first.start <= load.start < first.start + AT_ONCE]
        if len(together) >= CROWD:
            return together
    return []


def stale(run: Play) -> list[Act]:
    """The reads that began after the delete was answered, and were served the old price."""
    return [act for act in run.witness.acts if act.began >= run.witness.deleted and act.result == OLD]


def _crowd(run: Play) -> Iterator[Found]:
    if together := crowd(run):
        run.trace.note(together[-1].who, "violation", together[-1].start, text=f"{len(together)} loads at once")
        return
    begun = ", ".join(f"{load.who} at {ms(load.start)}" for load in loads(run.trace)) or "nobody"
    last = loads(run.trace)[-1:]
    yield (f"No {CROWD} loads begin within {ms(AT_ONCE)} of each other. Who began to load: {begun}.",
           *((last[0].who, last[0].start, "no crowd") if last else ()))  # fmt: skip


def _stale(run: Play) -> Iterator[Found]:
    if found := stale(run):
        run.trace.note(found[0].who, "violation", found[0].ended, text=f"served {OLD}")
        return
    later = [f"{act.who} {act.result}" for act in run.witness.acts if act.began >= run.witness.deleted]
    served = f"who asked after that was served: {', '.join(later)}" if later else "nobody asked after that"
    text = f"The delete was answered at {ms(run.witness.deleted)}; {served}."
    yield text, "writer", run.witness.deleted, "no old price"


def _mended(run: Play) -> Iterator[Found]:
    if crowd(run) or stale(run):
        yield ("The mended code breaks in your scene too.",)


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """How long the loads took against the lock, who waited to the end; what was stored, and who asked then."""
    scene = failing.answer
    if (run := failing.get("crowd")) is not None:
        begun = loads(run.trace)
        waited = [load for load in begun if load.start >= LOCK_TTL + _asked(run, load.who)]
        yield from named({
            "loads-in-time": scene.load < LOCK_TTL and not waited,
            "too-few": scene.load > LOCK_TTL and len(scene.reads) < CROWD + 1 and len(waited) < CROWD,
            "spread-out": any(b.start - a.start >= AT_ONCE / (CROWD - 1) for a, b in pairwise(waited)),
        })  # fmt: skip
    if (run := failing.get("stale")) is not None:
        stores = [(event, event.command[2].decode()) for event in as_they_ran(run.trace)
                  if event.name == "SET" and event.command[1] == KEY.encode()]  # fmt: skip
        deleted = run.witness.deleted
        late = [event for event, page in stores if page == OLD and (event.t_server or 0.0) > deleted - 0.001]
        nobody = all(act.began < deleted for act in run.witness.acts)
        yield from named({
            "nobody-asks": late and nobody,
            "written-too-late": not late and any(page == OLD for _, page in stores),
            "written-too-early": not late and stores and all(page == NEW for _, page in stores),
        })  # fmt: skip


def _asked(run: Play, who: str) -> float:
    return next((float(act.began) for act in run.witness.acts if act.who == who), 0.0)


RULES = Rules(a_scene, trials, clues, learners_code=False, exhibit=True)
