"""04.1, free your own lock: holders take it in turn, and the answer frees it, in every order and after every pause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from course_lib.explore import Play, Simulation, Trial, until
from course_lib.grading.answer import coroutine_function
from course_lib.grading.caller_errors import keeps_errors
from course_lib.grading.evidence import ms, of, raised, shown
from course_lib.grading.lock_watch import Held, Locks, call_of, held, others_changed, same, spared
from course_lib.grading.rules import Failing, Found, Rules, trial
from course_lib.lessons.locks.exercises.lock_calls import Answer, Call, hold, one_at_a_time, yes

TTL, WORK, PAUSE = 1.0, 0.3, 0.8
"""Seconds. Work and pause together outlast the lock, or the pause could do no harm."""
PLAN = {"c1": (0.0, 1.05), "c2": (0.0, 0.3, 1.05), "c3": (1.2, 1.45)}
"""When each client asks for the lock: as it is freed; and before and after its first holder wakes from a pause. c3
keeps what it gets."""
TOKEN = "token-of-{}"
IN_TURN: tuple[tuple[str, str | None], ...] = (
    ("c1-7", "c1-7"), ("c1-7", None), ("c1-7", "c2-7"), ("c1-7", "c1-77"), ("c1-7", "1-7"), ("c1-7", "C1-7"),
    ("c1-7", "c1-7 "), (" c1-7 ", " c1-7 "), ("c1-7", ""), ("it's \"7\"", "it's \"7\""), ("7", "07"), ("7", "7"),
    ("é%d", "é%d"), ("c1-7", "c1-7"),
)  # fmt: skip
"""The token of a call, and the token in the lock: its own, none, and those of others, much like its own."""
LIVES = (TTL, 0.1)
"""Seconds that the lock lives in a run; in the second it is over soon after the call."""
STRANGERS = {"c2-7", ""}
"""Tokens that no comparison takes for `c1-7`."""


@dataclass
class Release(Call):
    """`before` and `left` are the lock as the call began and as it ended."""

    before: Held | None = None
    left: Held | None = None

    @property
    def own(self) -> bool:
        """Did the lock hold its token as it began?"""
        return self.before is not None and self.before.token == self.what

    def end(self, world: Simulation) -> None:
        super().end(world)
        self.left = held(world, self.key)


def trials(answer: Answer) -> list[Trial]:
    """One client and one lock at a time; then an error at each command; then three holders in every order, with a pause
    at every command."""
    lost = {"lose request": 0.0, "lose reply": 0.0, "node down": 0.001}
    return [
        trial("one after another", partial(_in_turn, answer), {"frees": _frees, "tells": _tells}, sizes=(1,),
              seeds=len(LIVES), horizon=6.0),
        trial("something fails", partial(_fails, answer), {"tells": partial(keeps_errors)}, sizes=(1,),
              seeds=13, faults=lost, horizon=6.0),
        trial("three holders", partial(_holders, answer), {"spares": _spares, "tells": _tells}, sizes=(3,), orders=(3,),
              least=3, faults={"pause": PAUSE}, horizon=6.0),
    ]  # fmt: skip


async def _free(run: Locks, answer: Answer, call: Release) -> Any:
    call.before = held(run.world, call.key)
    return await run.do(call, lambda _: answer(run.world.redis(), call.key, call.what))


def _in_turn(answer: Answer, world: Simulation, clients: int) -> Locks:
    """A lock is as somebody left it; then c1 calls the answer."""
    run, redis, life = Locks(world), world.redis(), round(LIVES[world.seed % len(LIVES)] * 1000)

    async def others() -> None:
        for number, (_, there) in enumerate(IN_TURN):
            await until(world, 0.1 * number)
            await (redis.delete(run.key) if there is None else redis.set(run.key, there, px=life))

    async def calls() -> Any:
        for number, (token, _) in enumerate(IN_TURN):
            await until(world, 0.1 * number + 0.05)
            result = await _free(run, answer, Release("c1", token, key=run.key))
        return result

    world.client("others", others)
    world.client("c1", calls)
    return run


def _fails(answer: Answer, world: Simulation, clients: int) -> Locks:
    """c1 has the lock; a message is lost, or, in all runs but the first, the server refuses one of its commands."""
    run = Locks(world)

    async def body() -> Any:
        await world.redis().set(run.key, "c1-7", px=round(TTL * 1000))
        run.watched[0].refuses = world.seed - 1 if world.seed else None
        return await _free(run, answer, Release("c1", "c1-7", key=run.key))

    world.client("c1", body)
    return run


def _holders(answer: Answer, world: Simulation, clients: int) -> Locks:
    run = Locks(world)
    for who in list(PLAN)[:clients]:
        world.client(who, _hold, run, answer, who)
    return run


async def _hold(run: Locks, answer: Answer, who: str) -> Any:
    """Ask a few times; with the lock, work; then free it with the answer."""
    world, token = run.world, TOKEN.format(who)
    for when in PLAN[who]:
        await until(world, when)
        if await world.redis().set(run.key, token, nx=True, px=round(TTL * 1000)):
            break
    else:
        return "never had it"
    await hold(world, who, when + WORK)  # the very moment at which others ask
    return "keeps it" if who == "c3" else await _free(run, answer, Release(who, token, key=run.key))


# -- judges ------------------------------------------------------------------------------------------------------------


def _spares(run: Play) -> Iterator[Found]:
    held_up = [call for call in run.witness.acts if call.over and call.ended - call.began > WORK]
    late = "".join(f" {call.who}'s release had been held up until {ms(call.ended)}." for call in held_up)
    for judge in (one_at_a_time, spared):
        for text, *where in judge(run):
            yield f"{text}{late}", *where


def _frees(run: Play) -> Iterator[Found]:
    for call in run.witness.acts:
        done, there = f"release(redis, {call.key!r}, {call.what!r})", call.before and call.before.token
        if call.own and call.left is not None:
            text = f"The lock held the token {there!r}; after {done} it still did."
            yield text, call.who, min(call.ended, run.now), "not freed"
        elif not call.own and not same(call.before, call.left):
            text = f"The lock held {there!r}, and {done} {'changed' if call.left else 'removed'} it."
            yield text, call.who, min(call.ended, run.now), "freed another's"


def _tells(run: Play) -> Iterator[Found]:
    """True if one of its commands removed its own lock, and False if none did."""
    for call in run.witness.acts:
        removals = (change for change in run.witness.seen if change.after is None and call_of(run, change) is call)
        freed = any(change.before.token == call.what for change in removals)
        if call.over and yes(call.result) is not freed:
            said = f"raised {raised(call.result)}" if call.failed else f"returned {shown(call.result)}"
            did = "freed its own lock" if freed else "freed no lock of its own"
            yield f"{call.who}'s release {did}, and {said}; right is {freed}.", call.who, call.ended, "wrong answer"


# -- clues -------------------------------------------------------------------------------------------------------------


SIGNS = (("watches-in-vain", "WATCH"), ("looks-then-deletes", "GET"))


def clues(failing: Failing) -> Iterator[str]:
    """What the commands of a failing run point to."""
    if "frees" in failing:
        calls = [call for call in failing["frees"].witness.acts if call.done]
        if any(call.own and call.left is not None for call in calls):
            yield "keeps-its-own"
        elif all(call.left is None for call in calls if call.before and call.before.token in STRANGERS):
            yield "deletes-any"
    elif "spares" in failing:  # it frees only what was its own when it looked, and the look came too early
        run = failing["spares"]
        for call, change in others_changed(run):
            names = {event.name for event in of(run.trace, call.who) if event.t_start >= call.began}
            if change.after is None and change.event.name in ("DEL", "UNLINK") and "MULTI" not in names:
                yield from (name for name, sign in SIGNS if sign in names)
    elif "tells" in failing:
        said = [call.result for call in failing.first.witness.acts]
        if all(result is None for result in said):
            yield "says-nothing"
        if all(map(yes, said)):
            yield "claims-success"


RULES = Rules(coroutine_function("redis, key, token"), trials, clues)
