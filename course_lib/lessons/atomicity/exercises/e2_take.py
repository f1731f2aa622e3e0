"""03.2, take from a stock: clients take with the answer while a delivery comes in, under every order of commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from redis.exceptions import WatchError

from course_lib.explore import Play, Simulation, Trial
from course_lib.explore.server_state import ask, left, world_of
from course_lib.grading.acts import Act, Acts, failure
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import as_they_ran, excused_error, of, shown
from course_lib.grading.rules import Failing, Found, Judge, Rules, named, trial
from course_lib.lessons.atomicity.exercises.wire import Watched, plant, unknown, whole_number

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
    """The calls of one run, and what the stock was: `had` at the beginning, and at each moment, if it is watched."""

    had: int = 0
    stock: Watched | None = None


def trials(answer: Answer) -> list[Trial]:
    """Two who take, then a delivery too, in every order, and with a fault at every send of the two; and one alone."""
    # An answer that rests at random meets nobody twice, unless somebody stands still. Of a lost reply 03.3 speaks.
    faults = {"crash": 0.0, "pause": 1.0, "lose request": 0.0}
    all_four: dict[str, Judge] = {"exact": _exact, "never-negative": _never_negative, "refused": _refused, "ttl": _ttl}
    plenty = trial("there is enough for both", partial(_at_once, answer, PLENTY), all_four, sizes=(2,), orders=(2,),
                   least=2, most_steps=20_000)  # fmt: skip
    return [
        trial("clients take at the same moment", partial(_at_once, answer, SCARCE), all_four, sizes=(2, 3),
              orders=(2, 3), faults=faults, fault_sizes=(2,), most_steps=20_000),
        replace(plenty, promises=("exact", "refused")),  # it is played until these two are broken
        trial("one call after another", partial(_alone, answer),
              {"exact": _exact_alone, "refused": _refused_alone, "ttl": _ttl_alone}, sizes=(1,), seeds=len(CASES)),
    ]  # fmt: skip


def _at_once(answer: Answer, stock: Mapping[int, int], world: Simulation, clients: int) -> Taking:
    """c1 and c2 take; the third client, if there is one, is the delivery."""
    run, redis = Taking(world, had=stock[clients], stock=Watched(world, KEY)), world.redis()
    world.nodes[0].extension = run.stock
    plant(world, "SET", KEY, str(run.had), "PX", str(TTL))

    def take(act: Act) -> Awaitable[Any]:
        return answer(redis, KEY, EACH)

    async def deliver() -> None:
        await redis.incrby(KEY, DELIVERY)

    for number in range(1, min(clients, 2) + 1):
        run.process(f"c{number}", take, [(0.0, "take")])
    if clients > 2:
        world.client("delivery", deliver)
    return run


def _alone(answer: Answer, world: Simulation, clients: int) -> Taking:
    there, wanted = CASES[world.seed % len(CASES)]
    run = Taking(world, had=there or 0)
    if there is not None:
        plant(world, "SET", KEY, str(there), "PX", str(TTL))

    def take(act: Act) -> Awaitable[Any]:
        return answer(world.redis(), KEY, int(act.what))

    run.process("c1", take, [(0.1 * number, str(n)) for number, (n, _) in enumerate(wanted, 1)])
    return run


# -- judges ------------------------------------------------------------------------------------------------------------


def _exact(run: Play) -> Iterator[Found]:
    """What is gone was taken by those who heard True, and perhaps by those who heard nothing."""
    acts = run.witness.did("take")
    for act in acts:
        if act.done and type(act.result) is not bool:
            text = f"{act.who} was given {shown(act.result)}; the answer is True or False."
            yield text, act.who, act.ended, "neither"
    served = [act for act in acts if act.result is True]
    maybe = sum(not act.over or unknown(act.result) for act in acts)
    now = whole_number(ask(world_of(run).nodes[0], b"GET", KEY.encode()))
    had = run.witness.had + DELIVERY * ("delivery" in run.results)
    taken = None if now is None else had - now
    if taken not in {EACH * (len(served) + more) for more in range(maybe + 1)}:
        heard = " and ".join(act.who for act in served) or "nobody"
        text = f"There were {had}, and {now} at the end: {taken} taken; but {heard} heard True, for {EACH} each."
        text = text if now is not None else f"{KEY} holds no whole number any more."
        who = served[-1] if served else acts[-1]
        yield text, who.who, min(who.ended, run.now), f"{now} are left"


def _never_negative(run: Play) -> Iterator[Found]:
    for when, value in run.witness.stock.values:
        if value < 0:
            last = [event for event in as_they_ran(run.trace) if (event.t_server or 0.0) <= when][-1]
            text = f"The stock was {value}, after {last.client}'s {last.name}."
            yield text, last.client, when, f"the stock is {value}"


def _refused(run: Play) -> Iterator[Found]:
    """Each call that no fault hit ends, with an answer. False is right if there were too few at some moment of it."""
    for act in run.witness.did("take"):
        if not act.over and run.schedule.faults == 0:
            text = f"{act.who} never came to an end: {len(list(of(run.trace, act.who)))} commands."
            yield text, act.who, act.began, "never ends"
        elif act.failed and not excused_error(run, act.who, act.result):
            yield failure(act), act.who, act.ended, "fails"
    for act in run.witness.did("take"):
        if act.result is False and (least := min(run.witness.stock.during(act.began, act.ended))) >= EACH:
            text = f"{act.who} heard False, and there were never fewer than {least} while it asked for {EACH}."
            yield text, act.who, act.ended, "refused"


def _ttl(run: Play) -> Iterator[Found]:
    if any(key == KEY and life < 0 for _, key, life in left(run)):
        wrote = [event for event in as_they_ran(run.trace) if KEY.encode() in event.command][-1]
        text = f"{KEY} had a TTL of {TTL // 1000} s, and has none any more."
        yield text, wrote.client, wrote.t_server or 0.0, "no TTL"


def _refused_alone(run: Play) -> Iterator[Found]:
    held = run.witness.had
    for act, (n, allowed) in zip(run.witness.acts, CASES[run.schedule.seed % len(CASES)][1], strict=False):
        if act.result is not allowed:
            text = f"There were {held}, and c1 asked for {n}: the answer is {allowed}; it was {shown(act.result)}."
            yield text, act.who, act.began, f"must be {allowed}"
        held -= n if allowed else 0


def _exact_alone(run: Play) -> Iterator[Found]:
    """If it answered right, that is what it took."""
    had = run.witness.had
    taken = sum(int(act.what) for act in run.witness.acts if act.result is True)
    now = ask(world_of(run).nodes[0], b"GET", KEY.encode())
    if whole_number(now) != had - taken and not any(_refused_alone(run)):
        says = now.decode(errors="replace") if isinstance(now, bytes) else "nothing that is a number"
        yield f"There were {had}, of which {taken} were taken; the key says {says}.", "c1", run.now, "wrong stock"


def _ttl_alone(run: Play) -> Iterator[Found]:
    if run.witness.had and not any(_refused_alone(run)):
        yield from _ttl(run)


# -- clues: which commands stand between the look and the change ------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """The broken promises, and the commands of their runs. What is neither yes nor no, no known mistake explains."""
    if any(act.done and type(act.result) is not bool for run in failing.values() for act in run.witness.acts):
        return iter(())
    names = {promise: [event.name for event in run.trace] for promise, run in failing.items()}
    sent = [name for each in names.values() for name in each]
    raced = {"exact", "never-negative"} & set(failing)
    return named({
        "gives-back": "GET" not in names.get("never-negative", ["GET"]),
        "watches-too-late": raced and "WATCH" in sent and "GET" in sent[: sent.index("WATCH")],
        "watched-and-lost": raced and "WATCH" in sent,
        "multi-alone": raced and "EXEC" in sent,
        "loses-updates": "SET" in names.get("exact", ()),
        "looks-first": raced,
        "lets-it-out": any(isinstance(r, WatchError) for run in failing.values() for r in run.results.values()),
        "drops-the-ttl": "ttl" in failing,
        "gives-up": "EXEC" in names.get("refused", ()) and len(failing["refused"].results) > 1,
        "forgets-the-edges": "refused" in failing,
    })  # fmt: skip


RULES = Rules(coroutine_function("redis, key, n"), trials, clues)
