"""04.1, free your own lock: holders take it in turn, and the answer frees it, in every order and after every pause."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from course_lib.explore import Extension, Play, Session, Simulation, Trial, until
from course_lib.explore.server_state import world_of
from course_lib.grading.acts import Acts
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import ms, of, shown
from course_lib.grading.rules import Failing, Found, Rules, trial
from course_lib.lessons.locks.exercises.lock_calls import KEY, Answer, Call, held, hold, one_at_a_time, yes

TTL, WORK, PAUSE = 1.0, 0.3, 0.8
"""Seconds. Work and pause together outlast the lock, or the pause could do no harm."""
PLAN = {"c1": (0.0, 1.05), "c2": (0.0, 0.3, 1.05), "c3": (1.2, 1.45)}
"""When each client asks for the lock: as it is freed; and before and after its first holder wakes from a pause. c3
keeps what it gets."""
TOKEN = "token-of-{}"


class Removals(Extension):
    """Sees whose command removes a lock: (when, who, the token that was in it). A lock that expires is not seen."""

    def __init__(self, world: Simulation) -> None:
        self._world, self._before = world, held(world)
        self.seen: list[tuple[float, str, str]] = []

    def answers(self, session: Session, command: list[bytes]) -> bool:
        self._before = held(self._world)
        return False

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        if changed and self._before is not None and held(self._world) is None:
            now = self._world.now()
            who = next((e.client for e in reversed(self._world.trace.events) if e.t_server == now), "")
            self.seen.append((now, who, self._before))


def trials(answer: Answer) -> list[Trial]:
    """One client and one lock at a time; then three holders in every order, with a pause at every command."""
    return [
        trial("one after another", partial(_in_turn, answer), {"frees": _frees, "tells": _tells}, sizes=(1,), seeds=2,
              horizon=6.0),
        trial("three holders", partial(_holders, answer), {"spares": _spares, "tells": _tells}, sizes=(3,), orders=(3,),
              least=3, faults={"pause": PAUSE}, horizon=6.0),
    ]  # fmt: skip


async def _free(run: Acts, answer: Answer, who: str, token: str) -> Any:
    call = Call(who, token, before=held(run.world))
    return await run.do(call, lambda _: answer(run.world.redis(), KEY, token))


def _in_turn(answer: Answer, world: Simulation, clients: int) -> Acts:
    """Its own lock, none at all, and those of others, with tokens much like its own."""
    run, redis = Acts(world), world.redis()

    async def body() -> Any:
        for there in ("c1-7", None, "c2-7", "c1-77", "1-7", "c1-7"):
            if there is None:
                await redis.delete(KEY)
            else:
                await redis.set(KEY, there, px=round(TTL * 1000))
            result = await _free(run, answer, "c1", "c1-7")
        return result

    world.client("c1", body)
    return run


def _holders(answer: Answer, world: Simulation, clients: int) -> Acts:
    run = Acts(world)
    world.nodes[0].extension = Removals(world)
    for who in list(PLAN)[:clients]:
        world.client(who, _hold, run, answer, who)
    return run


async def _hold(run: Acts, answer: Answer, who: str) -> Any:
    """Ask a few times; with the lock, work; then free it with the answer."""
    world, token = run.world, TOKEN.format(who)
    for when in PLAN[who]:
        await until(world, when)
        if await world.redis().set(KEY, token, nx=True, px=round(TTL * 1000)):
            break
    else:
        return "never had it"
    await hold(world, who, when + WORK)  # the very moment at which others ask
    return "keeps it" if who == "c3" else await _free(run, answer, who, token)


# -- judges ------------------------------------------------------------------------------------------------------------


def _spares(run: Play) -> Iterator[Found]:
    held_up = [call for call in run.witness.acts if call.over and call.ended - call.began > WORK]
    late = "".join(f" {call.who}'s release had been held up until {ms(call.ended)}." for call in held_up)
    for text, *where in one_at_a_time(run):
        yield f"{text}{late}", *where
    removals = world_of(run).nodes[0].extension
    assert isinstance(removals, Removals)
    for when, who, token in removals.seen:
        if token != TOKEN.format(who):
            yield f"At {ms(when)} {who} removed the lock that held {token!r}.{late}", who, when, "freed another's"


def _frees(run: Play) -> Iterator[Found]:
    for call in run.witness.acts:
        done = f"release(redis, {KEY!r}, {call.what!r})"
        if call.before == call.what and call.after is not None:
            text = f"The lock held the token {call.what!r}; after {done} it still did."
            yield text, call.who, min(call.ended, run.now), "not freed"
        elif call.before not in (None, call.what) and call.after != call.before:
            text = f"The lock held {call.before!r}, and {done} removed it."
            yield text, call.who, min(call.ended, run.now), "freed another's"


def _tells(run: Play) -> Iterator[Found]:
    """What must be said is clear if the lock could not expire during the call."""
    for call in run.witness.acts:
        own = call.before == call.what
        clear = call.over and not (own and call.ended - call.began > TTL - WORK - 0.01)
        if clear and yes(call.result) is not own:
            there = "its own token" if own else "no token" if call.before is None else "another's token"
            said = f"raised {type(call.result).__name__}" if call.failed else f"returned {shown(call.result)}"
            text = f"At {ms(call.began)} the lock held {there}, and {call.who}'s release {said}; right is {own}."
            yield text, call.who, call.ended, "wrong answer"


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What the commands of a failing run point to."""
    if "frees" in failing:
        kept = any(call.before == call.what and call.after is not None for call in failing["frees"].witness.acts)
        yield "keeps-its-own" if kept else "deletes-any"
    elif "spares" in failing:  # it frees only what was its own when it looked, and the look came too early
        run = failing["spares"]
        names = {event.name for call in run.witness.acts for event in of(run.trace, call.who)}
        if "WATCH" in names and "MULTI" not in names:
            yield "watches-in-vain"
        elif "GET" in names and names & {"DEL", "UNLINK"}:
            yield "looks-then-deletes"
    else:
        said = [call.result for call in failing["tells"].witness.acts]
        if all(result is None for result in said):
            yield "says-nothing"
        if all(map(yes, said)):
            yield "claims-success"


RULES = Rules(coroutine_function("redis, key, token"), trials, clues)
