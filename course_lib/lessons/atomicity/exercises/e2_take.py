"""03.2, take from a stock: clients take with the answer while a delivery comes in, under every order of commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

from redis.exceptions import WatchError

from course_lib.explore import Play, Simulation, Trial, Violation
from course_lib.explore.server_state import ask, left, world_of
from course_lib.lessons.atomicity.exercises.wire import Watched, plant, unfaulted, unknown, whole_number, world
from course_lib.grading.evidence import as_they_ran, excused_error, shown
from course_lib.grading.acts import Act, Acts

Answer = Callable[..., Awaitable[Any]]
KEY, EACH, DELIVERY, TTL = "stock:tea", 2, 2, 60_000
"""What each client takes, and what is delivered; and the key's TTL in ms."""
SCARCE, PLENTY = {1: 3, 2: 3, 3: 1}, {2: 5}
"""What is there, by the number of clients: enough for one of two, or, with the delivery, for none before it; or for
both."""
CASES: list[tuple[int | None, list[tuple[int, bool]]]] = [
    (3, [(3, True), (1, False)]), (None, [(1, False)]), (5, [(2, True), (4, False), (3, True)]), (1, [(1, True)]),
    (40, [(40, True), (1, False)]),
]  # fmt: skip
"""What is there, and what one client is then answered, one call after another: a run's seed says which."""


@dataclass
class Taking(Acts):
    """The calls of one run, and what the stock was, `had` at the beginning, and at each moment."""

    had: int = 0
    stock: Watched | None = None
    wanted: list[tuple[int, bool]] = field(default_factory=list)

    def during(self, act: Act) -> list[int]:
        """The stock while a call lasted."""
        assert self.stock is not None
        return self.stock.during(act.began, self.world.now() if act.ended is None else act.ended)


def taking(answer: Answer) -> list[Trial]:
    """Two who take, then a delivery too, in every order, and with a fault at every send of the two; and one alone."""
    # Who rests at random never meets another, unless one stands still. Of a lost reply 03.3 speaks.
    faults: dict[Any, float] = {"crash": 0.0, "pause": 1.0, "lose request": 0.0}
    promises = ("exact", "never-negative", "refused", "ttl")
    return [
        Trial("clients take at the same moment", promises, partial(_at_once, answer, SCARCE), _judge, sizes=(2, 3),
              orders=(2, 3), faults=faults, fault_sizes=(2,), world=world, most_steps=20_000),
        Trial("there is enough for both", ("exact", "refused"), partial(_at_once, answer, PLENTY), _judge, sizes=(2,),
              orders=(2,), least=2, world=world, most_steps=20_000),
        Trial("one call after another", ("exact", "refused", "ttl"), partial(_alone, answer), _judge_alone, sizes=(1,),
              seeds=len(CASES), world=world),
    ]  # fmt: skip


def _at_once(answer: Answer, stock: Mapping[int, int], world: Simulation, clients: int) -> Taking:
    """c1 and c2 take; the third client, if there is one, is the delivery."""
    run = Taking(world, had=stock[clients], stock=Watched(world, KEY))
    world.nodes[0].extension = run.stock
    plant(world, "SET", KEY, str(run.had), "PX", str(TTL))
    redis = world.redis()

    async def take() -> Any:
        return await answer(redis, KEY, EACH)

    async def deliver() -> None:
        await redis.incrby(KEY, DELIVERY)

    for number in range(1, min(clients, 2) + 1):
        run.process(f"c{number}", {"take": take}, [(0.0, "take")])
    if clients > 2:
        world.client("delivery", deliver)
    return run


def _alone(answer: Answer, world: Simulation, clients: int) -> Taking:
    there, wanted = CASES[world.seed % len(CASES)]
    run = Taking(world, wanted=wanted)
    if there is not None:
        plant(world, "SET", KEY, str(there), "PX", str(TTL))
    does: dict[str, Callable[[], Awaitable[Any]]] = {str(n): partial(answer, world.redis(), KEY, n) for n, _ in wanted}
    run.process("c1", does, [(0.1 * number, str(n)) for number, (n, _) in enumerate(wanted, 1)])
    return run


def _judge(run: Play) -> Iterator[Violation]:
    for judge in (_answers, _exact, _never_negative, _refused, _ttl):
        yield from judge(run)


def _answers(run: Play) -> Iterator[Violation]:
    """Whoever no fault hit hears True or False, in the end."""
    for act in run.witness.did("take"):
        if act.ended is None and unfaulted(run):
            text = f"{act.who} never came to an end: {len([e for e in run.trace if e.client == act.who])} commands."
            yield Violation("refused", text, act.who, act.began, "never ends")
            return
        if act.ended is None or (not unfaulted(run) and excused_error(run, act.who, act.result)):
            continue
        if isinstance(act.result, BaseException):
            text = f"{act.who} ended with {type(act.result).__name__}: {str(act.result).rstrip('.')}."
            yield Violation("refused", text, act.who, act.ended, "fails")
            return
        if type(act.result) is not bool:
            text = f"{act.who} was given {shown(act.result)}; the answer is True or False."
            yield Violation("exact", text, act.who, act.ended, "neither")
            return


def _exact(run: Play) -> Iterator[Violation]:
    """What is gone was taken by those who heard True, and perhaps by those who heard nothing."""
    acts = run.witness.did("take")
    served = [act for act in acts if act.result is True]
    maybe = sum(act.ended is None or unknown(act.result) for act in acts)
    now = whole_number(ask(world_of(run).nodes[0], b"GET", KEY.encode()))
    had = run.witness.had + DELIVERY * ("delivery" in run.results)
    taken = None if now is None else had - now
    if taken not in {EACH * (len(served) + more) for more in range(maybe + 1)}:
        heard = " and ".join(act.who for act in served) or "nobody"
        text = f"There were {had}, and {now} at the end: {taken} taken; but {heard} heard True, for {EACH} each."
        text = text if now is not None else f"{KEY} holds no whole number any more."
        who = served[-1] if served else acts[-1]
        yield Violation("exact", text, who.who, run.now if who.ended is None else who.ended, f"{now} are left")


def _never_negative(run: Play) -> Iterator[Violation]:
    for when, value in run.witness.stock.values:
        if value < 0:
            last = [event for event in as_they_ran(run.trace) if (event.t_server or 0.0) <= when][-1]
            yield Violation("never-negative", f"The stock was {value}, after {last.client}'s {last.name}.", last.client,
                            when, f"the stock is {value}")  # fmt: skip
            return


def _refused(run: Play) -> Iterator[Violation]:
    """False is right if there were too few at some moment of the call."""
    for act in run.witness.did("take"):
        if act.result is False and (least := min(run.witness.during(act))) >= EACH:
            text = f"{act.who} heard False, and there were never fewer than {least} while it asked for {EACH}."
            yield Violation("refused", text, act.who, act.ended or run.now, "refused")
            return


def _ttl(run: Play) -> Iterator[Violation]:
    if any(key == KEY and life < 0 for _, key, life in left(run)):
        wrote = [event for event in as_they_ran(run.trace) if KEY.encode() in event.command][-1]
        yield Violation("ttl", f"{KEY} had a TTL of {TTL // 1000} s, and has none any more.", wrote.client,
                        wrote.t_server or 0.0, "no TTL")  # fmt: skip


def _judge_alone(run: Play) -> Iterator[Violation]:
    there, wanted = CASES[run.schedule.seed % len(CASES)]
    held = there or 0
    for act, (n, allowed) in zip(run.witness.acts, wanted, strict=False):
        if act.result is not allowed:
            text = f"There were {held}, and c1 asked for {n}: the answer is {allowed}; it was {shown(act.result)}."
            yield Violation("refused", text, act.who, act.began, f"must be {allowed}")
            return
        held -= n if allowed else 0
    now = ask(world_of(run).nodes[0], b"GET", KEY.encode())
    if whole_number(now) != held:
        says = now.decode(errors="replace") if isinstance(now, bytes) else "nothing that is a number"
        text = f"There were {there or 0}, of which {(there or 0) - held} were taken; the key says {says}."
        yield Violation("exact", text, "c1", run.now, "wrong stock")
    if there is not None:
        yield from _ttl(run)


# -- clues: which commands stand between the look and the change ------------------------------------------------------


def clue(answer: Answer, failing: Mapping[str, Play]) -> str | None:
    """The mistake that the broken promises and the commands of their runs point to."""
    return next(_clues(failing), None)


def _clues(failing: Mapping[str, Play]) -> Iterator[str]:
    if any(act.done and type(act.result) is not bool for run in failing.values() for act in run.witness.acts):
        return
    names = {promise: [event.name for event in run.trace] for promise, run in failing.items()}
    sent = list(chain.from_iterable(names.values()))
    errors = [result for run in failing.values() for result in run.results.values()]
    if "never-negative" in failing and "GET" not in names["never-negative"]:
        yield "gives-back"
    if {"exact", "never-negative"} & set(failing):
        if "WATCH" in sent:
            yield "watches-too-late" if _late(sent) else "watched-and-lost"
        if "EXEC" in sent:
            yield "multi-alone"
        if "exact" in failing and "SET" in names["exact"]:
            yield "loses-updates"
        yield "looks-first"
    if any(isinstance(error, WatchError) for error in errors):
        yield "lets-it-out"
    if "ttl" in failing:
        yield "drops-the-ttl"
    if "refused" in failing:
        run = failing["refused"]
        yield "gives-up" if "EXEC" in names["refused"] and len(run.results) > 1 else "forgets-the-edges"


def _late(sent: list[str]) -> bool:
    return "GET" in sent and sent.index("GET") < sent.index("WATCH")
