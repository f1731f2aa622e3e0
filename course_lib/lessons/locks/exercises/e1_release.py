"""04.1, free your own lock: holders take it in turn, and the answer frees it, in every order and after every pause."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

from course_lib.explore import Extension, Play, Session, Simulation, Trial, Violation
from course_lib.explore import until
from course_lib.grading.evidence import ms, of, shown
from course_lib.lessons.locks.exercises.wire import KEY, Call, held, one_at_a_time, outcome, yes

Answer = Callable[..., Awaitable[Any]]
TTL, WORK, PAUSE = 1.0, 0.3, 0.8
"""Seconds. Work and pause together outlast the lock, or the pause could do no harm."""
PLAN = {"c1": (0.0, 1.05), "c2": (0.0, 0.3, 1.05), "c3": (1.2, 1.45)}
"""When each client asks for the lock: as it is freed; and before and after whoever had it first wakes from a pause.
c3 keeps what it gets."""
TOKEN = "token-of-{}"


@dataclass
class Holders:
    """The clients of one run, their calls of the answer, and what was removed while they ran."""

    world: Simulation
    answer: Answer
    calls: list[Call] = field(default_factory=list)
    removed: list[Removal] = field(default_factory=list)

    async def free(self, who: str, token: str) -> Any:
        """Call the answer; what it raises is its result."""
        call = Call(who, token, self.world.now(), before=held(self.world))
        self.calls.append(call)
        call.result = await outcome(self.answer(self.world.redis(), KEY, token))
        call.ended, call.after = self.world.now(), held(self.world)
        if isinstance(call.result, Exception):
            raise call.result
        return call.result


class Removal(NamedTuple):
    """A command of `who` removed the lock that held this token. Units: seconds."""

    when: float
    who: str
    token: str


class Removals(Extension):
    """Sees a lock vanish, under whose command and with which token in it; one that expires does not vanish so."""

    def __init__(self, run: Holders) -> None:
        self._run, self._before = run, held(run.world)

    def answers(self, session: Session, command: list[bytes]) -> bool:
        self._before = held(self._run.world)
        return False

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        if changed and self._before is not None and held(self._run.world) is None:
            now = self._run.world.now()
            who = next((e.client for e in reversed(self._run.world.trace.events) if e.t_server == now), "")
            self._run.removed.append(Removal(now, who, self._before))


def releasing(answer: Answer) -> list[Trial]:
    """One client and one lock at a time; then three holders in every order, with a pause at every command."""
    options: dict[str, Any] = {"world": partial(Simulation, socket_timeout=0.2), "horizon": 6.0}
    return [
        Trial("one after another", ("frees", "tells"), partial(_build, answer, _cases), _frees_and_tells,
              sizes=(1,), seeds=2, **options),
        Trial("three holders", ("spares", "tells"), partial(_build, answer, _holders), _spares_and_tells,
              sizes=(3,), orders=(3,), least=3, faults={"pause": PAUSE}, **options),
    ]  # fmt: skip


def _build(answer: Answer, clients: Callable[[Holders, int], None], world: Simulation, number: int) -> Holders:
    run = Holders(world, answer)
    clients(run, number)
    return run


def _cases(run: Holders, number: int) -> None:
    """Its own lock, none at all, and those of others, with tokens much like its own."""

    async def body() -> Any:
        redis, result = run.world.redis(), None
        for there in ("c1-7", None, "c2-7", "c1-77", "1-7", "c1-7"):
            if there is None:
                await redis.delete(KEY)
            else:
                await redis.set(KEY, there, px=round(TTL * 1000))
            result = await run.free("c1", "c1-7")
        return result

    run.world.client("c1", body)


def _holders(run: Holders, number: int) -> None:
    run.world.nodes[0].extension = Removals(run)
    for who in list(PLAN)[:number]:
        run.world.client(who, _hold, run, who)


async def _hold(run: Holders, who: str) -> Any:
    """Ask a few times; with the lock, work; then free it with the answer."""
    world, token = run.world, TOKEN.format(who)
    for when in PLAN[who]:
        await until(world, when)
        if await world.redis().set(KEY, token, nx=True, px=round(TTL * 1000)):
            break
    else:
        return "never had it"
    note = world.note(who, "hold")
    await until(world, when + WORK)  # the very moment at which others ask
    note.t_end = world.now()
    return "keeps it" if who == "c3" else await run.free(who, token)


# -- judges ------------------------------------------------------------------------------------------------------------


def _frees_and_tells(run: Play) -> Iterator[Violation]:
    yield from _frees(run)
    yield from _tells(run)


def _spares_and_tells(run: Play) -> Iterator[Violation]:
    held_up = [call for call in run.witness.calls if call.ended is not None and call.ended - call.began > WORK]
    late = "".join(f" {call.who}'s release had been held up until {ms(call.ended)}." for call in held_up)
    for found in one_at_a_time(run, "spares"):
        yield replace(found, text=f"{found.text}{late}")
    for when, who, token in run.witness.removed:
        if token != TOKEN.format(who):
            text = f"At {ms(when)} {who} removed the lock that held {token!r}.{late}"
            yield Violation("spares", text, who, when, "freed another's")
            break
    yield from _tells(run)


def _frees(run: Play) -> Iterator[Violation]:
    for call in run.witness.calls:
        if call.before == call.token and call.after is not None:
            text = (
                f"The lock held the token {call.token!r}; after release(redis, {KEY!r}, {call.token!r}) it still did."
            )
            yield Violation("frees", text, call.who, call.ended or run.now, "not freed")
        elif call.before not in (None, call.token) and call.after != call.before:
            text = f"The lock held {call.before!r}, and release(redis, {KEY!r}, {call.token!r}) removed it."
            yield Violation("frees", text, call.who, call.ended or run.now, "freed another's")


def _tells(run: Play) -> Iterator[Violation]:
    """What must be said is clear where the lock could not expire during the call."""
    for call in run.witness.calls:
        if call.ended is None:
            continue
        own = call.before == call.token
        if own and call.ended - call.began > TTL - WORK - 0.01:
            continue
        if yes(call.result) is not own:
            there = "its own token" if own else "no token" if call.before is None else "another's token"
            said = (
                f"raised {type(call.result).__name__}" if isinstance(call.result, Exception)
                else f"returned {shown(call.result)}"
            )  # fmt: skip
            text = f"At {ms(call.began)} the lock held {there}, and {call.who}'s release {said}; right is {own}."
            yield Violation("tells", text, call.who, call.ended, "wrong answer")
            return


# -- clues -------------------------------------------------------------------------------------------------------------


def clue(answer: Answer, failing: Mapping[str, Play]) -> str | None:
    """The mistake that the commands of a failing run point to."""
    if "frees" in failing:
        kept = [call for call in failing["frees"].witness.calls if call.before == call.token and call.after is not None]
        return "keeps-its-own" if kept else "deletes-any"
    if "spares" in failing:
        return _late(failing["spares"])
    said = [call.result for call in failing["tells"].witness.calls]
    if all(result is None for result in said):
        return "says-nothing"
    return "claims-success" if all(map(yes, said)) else None


def _late(run: Play) -> str | None:
    """It frees only what was its own when it looked, and the look came too early."""
    names = {event.name for call in run.witness.calls for event in of(run.trace, call.who)}
    if "WATCH" in names and "MULTI" not in names:
        return "watches-in-vain"
    return "looks-then-deletes" if "GET" in names and names & {"DEL", "UNLINK"} else None
