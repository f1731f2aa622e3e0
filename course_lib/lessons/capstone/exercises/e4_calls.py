"""The calls of a judged lock, for 08.4: steps in turn, each with what is right; and workers at once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, NamedTuple

from course_lib.explore import Process, Session, Simulation, until
from course_lib.grading.acts import Act, ActsWithTokens
from course_lib.grading.caller_errors import TO_ANY, refused_ones
from course_lib.grading.key_log import KeyLog, State

Answer = Callable[..., Any]
NAMES, TIMEOUTS = ("job", "lock:{eu}:Joe's", "a{b:c", "é 7"), (0.5, 2.006, 0.35, 0.804)
BEFORE = (None, "41", "9", str(2**52))
"""The fence of each run before it begins."""
ANOTHER, MINUTE = "another's", 61.0
LONG = 1e8
"""Timeouts: more than a year."""


class Step(NamedTuple):
    """What the lock of process a or b is to `do`: with the pair that was given as the `pair`-th, or for `wait`
    timeouts; what is `right`; and how many timeouts pass before."""

    lock: str
    do: str
    right: bool
    pair: int | None = None
    wait: float = 0.0
    after: float = 0.0


STEPS = [
    Step("a", "acquire", True), Step("b", "acquire", False), Step("a", "acquire", False),
    Step("a", "extend", True, 0, after=0.4), Step("b", "extend", False), Step("b", "release", False),
    Step("b", "extend", True, 0), Step("a", "release", True, 0), Step("a", "release", False, 0),
    Step("a", "extend", False, 0), Step("b", "acquire", True), Step("a", "acquire", True, after=1.1),
    Step("b", "extend", False, 1), Step("b", "release", False, 1), Step("a", "acquire", False, wait=0.5),
    Step("b", "acquire", True, wait=2.0), Step("a", "release", False, 2), Step("b", "release", True, 3),
    Step("b", "acquire", True, after=LONG), Step("b", "extend", False, 3), Step("a", "release", True, 4),
    Step("a", "acquire", True), Step("a", "release", True, 5), Step("b", "acquire", True), Step("a", "extend", True, 6),
    Step("a", "release", True, 6),
]  # fmt: skip


@dataclass(eq=False)
class Call(Act):
    """One call; `wait` is for how long at most, in seconds. `loads` is empty: it never is busy with anything else."""

    token: str = ""
    wait: float = 0.0
    step: Any = None
    loads: tuple[()] = ()

    @property
    def pair(self) -> tuple[str, int] | None:
        """The token and the fence that acquire returned, if it did."""
        found = self.result
        fits = isinstance(found, (tuple, list)) and len(found) == 2 and type(found[0]) is str and type(found[1]) is int
        return (found[0], found[1]) if fits and self.what == "acquire" else None


@dataclass
class Workers(ActsWithTokens):
    """All calls of a run; `pairs` has what was given, in order."""

    log: KeyLog = field(kw_only=True)
    timeout: float = field(kw_only=True)
    pairs: list[tuple[str, int]] = field(default_factory=list)
    owners: dict[str, Process] = field(default_factory=dict)

    @property
    def states(self) -> list[State]:
        return self.log.states[self.log.keys[0]]

    async def call(self, lock: Callable[[], Any], call: Call) -> None:
        """Call it, and remember the pair that it gave."""
        argument = call.wait if call.what == "acquire" else call.token
        await self.do(call, lambda _: getattr(lock(), call.what)(argument))
        if call.pair is not None:
            self.pairs.append(call.pair)


class TakenOver(KeyLog):
    """After a number of commands of the client that has taken the lock, it has expired and is somebody else's: the
    network was slow."""

    left: int | None = None

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        super().ran(session, command, changed)
        if self._looking or self.left is None:
            return
        if self.states[self.keys[0]][-1].there or self.left < 0:
            self.left -= 1
        if self.left == -1:
            self.command("SET", self.keys[0], ANOTHER, "PX", "60000")
            self.note(self.keys)


def _run(
    answer: Answer, world: Simulation, refuses: Collection[int] = (), longest: float = 9.0, least: float = 0.0,
    log: type[KeyLog] = KeyLog,
) -> tuple[Workers, Callable[[], Any]]:  # fmt: skip
    place = world.seed % len(NAMES)
    name, timeout, before = NAMES[place], max(least, min(longest, TIMEOUTS[place])), BEFORE[place]
    run = Workers(
        world, log=log(world, (name, f"fence:{name}"), refuses, TO_ANY[world.seed % len(TO_ANY)]), timeout=timeout
    )
    if before is not None:
        world.given(("SET", f"fence:{name}", before))
    return run, lambda: cache(partial(answer, world.redis(), name, timeout=timeout, new_token=run.token))


def in_turn(answer: Answer, world: Simulation, clients: int, lasting: bool = False) -> Workers:
    """One client, which uses the locks of two processes in turn. With two clients, a command is refused; if `lasting`,
    so are those that follow."""
    run, lock = _run(answer, world, refused_ones(world.seed + 12 * lasting, 12) if clients == 2 else ())
    locks = {"a": lock(), "b": lock()}

    async def follow() -> None:
        for step in STEPS:
            await until(world, world.now() + 0.01 + step.after * run.timeout)
            token = (
                "made up" if step.pair is None else run.pairs[step.pair][0] if step.pair < len(run.pairs) else "none"
            )
            call = Call("c1", step.do, token=token, wait=step.wait * run.timeout, step=step)
            try:
                await run.call(locks[step.lock], call)
            except Exception:
                if clients == 1:
                    raise

    world.client("c1", follow)
    return run


def for_a_minute(answer: Answer, world: Simulation, clients: int) -> Workers:
    """One takes the lock, and keeps it; another waits for it for more than a minute, in vain. Under odd seeds the lock
    lives for a moment, and is taken again."""
    brief = world.seed % 2 == 1
    run, lock = _run(answer, world, longest=0.004 if brief else 9.0, least=0.0 if brief else 100_000.25)

    async def follow() -> None:
        await until(world, 0.01)
        for wait in (0.0, MINUTE):
            await run.call(lock(), Call("c1", "acquire", wait=wait))

    world.client("c1", follow)
    return run


def taken_over(answer: Answer, world: Simulation, clients: int) -> Workers:
    """A reply of acquire is lost; while it gives back the lock, that expires, and somebody else takes it."""
    run, lock = _run(answer, world, log=TakenOver)
    assert isinstance(run.log, TakenOver)
    run.log.left = world.seed + 1
    world.client("c1", run.call, lock(), Call("c1", "acquire"))
    return run


def at_once(answer: Answer, world: Simulation, clients: int) -> Workers:
    """Tasks of one process and another process take the lock twice each, and work: some longer than it lives."""
    run, lock = _run(answer, world, longest=0.9)
    shared, draw = (Process("p"), lock()), world.draws("work")

    async def works(who: str, own: Callable[[], Any]) -> None:
        for turn in range(2):
            await until(world, 0.012 * draw() + 1.5 * turn * run.timeout)
            call = Call(who, "acquire", wait=run.timeout * (0.3, 1.8, 4.0)[(int(who[1:]) + turn + world.seed) % 3])
            await run.call(own, call)
            if call.pair is None:
                continue
            await until(world, world.now() + run.timeout * (0.2, 0.7, 1.4)[int(draw() * 3)])
            for what in ("extend", "release")[int(draw() * 2) :]:
                await run.call(own, Call(who, what, token=call.pair[0]))

    for number in range(1, clients + 1):
        process, own = shared if number > 1 else (Process("c1"), lock())
        run.owners[f"c{number}"] = world.client(f"c{number}", works, f"c{number}", own, process=process)
    return run
