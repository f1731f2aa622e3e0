"""03.2, take from a stock: clients take with the answer while a delivery comes in, under every order of commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from typing import Any

from course_lib.explore import CRASHED, Extension, Play, Schedule, Session, Simulation, Trial, play
from course_lib.explore.server_state import ask, world_of
from course_lib.grading.acts import Act, Acts, failure
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import as_they_ran, excused_error, ms, of, shown
from course_lib.grading.rules import Found, Judge, Rules, trial
from course_lib.lessons.atomicity.exercises.e2_mistakes import clues
from course_lib.lessons.atomicity.exercises.server_access import Watched, plant, send, unknown, whole_number
from course_lib.lessons.atomicity.exercises.server_errors import errors

Answer = Callable[..., Awaitable[Any]]
KEY, DELIVERY, TTL = "stock:{green tea}", 2, 600_000
"""The stock that several share, what is delivered to it, and its TTL in ms."""
MANY, LATE = 600, 20.0
"""How often somebody else is quicker, and until when, in seconds."""
CASES: list[tuple[str, int | None, int | None, list[tuple[int, bool]]]] = [
    ("stock:tea", TTL, 3, [(3, True), (1, False)]), ("stock", None, None, [(1, False)]),
    ("stock:{tea}:é", 90_500, 5, [(2, True), (4, False), (3, True)]), ("a", TTL, 1, [(1, True)]),
    ("tea", 90_500, 40, [(40, True), (1, False)]),
    ("stock:cups", None, 9, [(10, False), (9, True), (9, False), (-10, True), (9, True)]),
    ("stock:tea:{green}", TTL, 100, [(99, True), (2, False), (1, True)]),
    ("a b", None, 3_000_000_001, [(2_999_999_999, True), (3, False)]),
    ("0", TTL, 0, [(1, False), (-2, True), (1, True)]),
]  # fmt: skip
"""A stock, its TTL in ms, what is there, and what is then answered, one call after another; one for less than none is a
delivery of somebody else's. A run's seed says which."""


class Quicker(Extension):
    """Before each command of a client somebody else adds one to the stock, many times, but not forever."""

    def __init__(self, world: Simulation, stock: Watched) -> None:
        self._world, self._stock, self.left, self._busy = world, stock, MANY, False

    def answers(self, session: Session, command: list[bytes]) -> bool:
        if self.left and not self._busy and self._world.now() < LATE:
            self.left, self._busy = self.left - 1, True
            send(self._world, "INCRBY", KEY, "1")
            self._busy = False
        return False

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        self._stock.ran(session, command, changed)


@dataclass
class Taking(Acts):
    """The calls of one run, and what the stock was: `had` at the beginning, and at each moment, if it is watched."""

    had: int = 0
    stock: Watched | None = None
    quicker: Quicker | None = None
    cases: dict[str, Any] = field(default_factory=dict)


def trials(answer: Answer) -> list[Trial]:
    """Two who take, or one and a delivery, in every order; a fault at every send; a crowd; one alone; errors."""
    all_four: dict[str, Judge] = {"exact": _exact, "never-negative": _never_negative, "refused": _refused, "ttl": _ttl}
    both: dict[str, Any] = {"sizes": (2,), "least": 2}
    orders: dict[str, Any] = {**both, "orders": (2,), "horizon": 1.5}
    two = {"c1": 2, "c2": 3}
    plenty = trial("there is enough for both", partial(_at_once, answer, two, [7]), all_four, **orders)
    shaken = trial("a fault strikes", partial(_at_once, answer, two, [4, 7]), all_four, seeds=2, horizon=30.0, **both)
    faults: dict[Any, float] = {"crash": 0.0, "pause": 20.0, "lose request": 0.0}
    return [
        trial("two take at the same moment", partial(_at_once, answer, two, [4]), all_four, **orders),
        replace(plenty, promises=("exact", "refused")),  # it is played until these two are broken
        trial("a delivery comes in", partial(_at_once, answer, {"c1": 2}, [1]), all_four, **orders),
        shaken if play(shaken, Schedule(2)).stopped else replace(shaken, faults=faults),
        trial("others are quicker, again and again", partial(_overtaken, answer),
              {"exact": _exact, "refused": _refused}, sizes=(1,), horizon=100.0),
        trial("one call after another", partial(_alone, answer),
              {"exact": _exact_alone, "refused": _refused_alone, "ttl": _ttl_alone}, sizes=(1,), seeds=len(CASES)),
        errors(lambda world: answer(world.redis(), KEY, 2), lambda told: told is True, KEY, "5"),
    ]  # fmt: skip


def _at_once(answer: Answer, takers: Mapping[str, int], stocks: list[int], world: Simulation, clients: int) -> Taking:
    """They take; the last client, if there is no taker left, is the delivery."""
    run, redis = Taking(world, had=stocks[world.seed % len(stocks)], stock=Watched(world, KEY)), world.redis()
    world.nodes[0].extension = run.stock
    plant(world, "SET", KEY, str(run.had), "PX", str(TTL))

    def take(act: Act) -> Awaitable[Any]:
        return answer(redis, KEY, takers[act.who])

    async def deliver() -> None:
        await redis.incrby(KEY, DELIVERY)

    for who, n in list(takers.items())[:clients]:
        run.process(who, take, [(0.0, str(n))])
    if clients > len(takers):
        world.client("delivery", deliver)
    return run


def _overtaken(answer: Answer, world: Simulation, clients: int) -> Taking:
    run = _at_once(answer, {"c1": 2}, [7], world, clients)
    assert run.stock is not None
    run.quicker = Quicker(world, run.stock)
    world.at(0.0, setattr, world.nodes[0], "extension", run.quicker)
    return run


def _alone(answer: Answer, world: Simulation, clients: int) -> Taking:
    """Two tasks of one process, each with a stock of its own."""
    run, process = Taking(world), None

    def take(act: Act) -> Awaitable[Any]:
        return answer(world.redis(), run.cases[act.who][0], int(act.what))

    for number in (1, 2):
        who = f"c{number}"
        key, ttl, there, wanted = case = CASES[(world.seed + 4 * number) % len(CASES)]
        run.cases[who] = case
        if there is not None:
            plant(world, "SET", key, str(there), *(() if ttl is None else ("PX", str(ttl))))
        plan = [(0.1 * place, str(n)) for place, (n, _) in enumerate(wanted, 1) if n > 0]
        for place, (n, _) in enumerate(wanted, 1):
            if n < 0:
                world.at(0.1 * place, send, world, "INCRBY", key, str(-n))
        process = run.process(who, take, plan, process=process)
    return run


# -- judges ------------------------------------------------------------------------------------------------------------


def _exact(run: Play) -> Iterator[Found]:
    """What is gone was taken by those who heard True, and perhaps by those who heard nothing."""
    acts = run.witness.acts
    for act in acts:
        if act.done and type(act.result) is not bool:
            text = f"{act.who} was given {shown(act.result)}; the answer is True or False."
            yield text, act.who, act.ended, "neither"
    served = [act for act in acts if act.result is True]
    maybe = [int(act.what) for act in acts if not act.over or unknown(act.result)]
    now = whole_number(ask(world_of(run).nodes[0], b"GET", KEY.encode()))
    quicker = MANY - run.witness.quicker.left if run.witness.quicker else 0
    had = run.witness.had + DELIVERY * ("delivery" in run.results) + quicker
    taken = None if now is None else had - now
    heard = sum(int(act.what) for act in served)
    if taken not in {heard + sum(some) for n in range(len(maybe) + 1) for some in combinations(maybe, n)}:
        who = " and ".join(f"{act.who} for {act.what}" for act in served) or "nobody"
        text = f"There were {had}, and {now} at the end: {taken} taken; but True was heard by {who}."
        text = text if now is not None else f"{KEY} holds no whole number any more."
        last = max(served or acts, key=lambda act: act.ended)
        yield text, last.who, min(last.ended, run.now), f"{now} are left"


def _never_negative(run: Play) -> Iterator[Found]:
    for when, value in run.witness.stock.values:
        if value < 0:
            last = [event for event in as_they_ran(run.trace) if (event.t_server or 0.0) <= when][-1]
            text = f"The stock was {value}, after {last.client}'s {last.name}."
            yield text, last.client, when, f"the stock is {value}"


def _refused(run: Play) -> Iterator[Found]:
    """Each call that no fault hit ends, with an answer. False is right if there were too few at some moment of it."""
    for act in run.witness.acts:
        if not act.over and run.results.get(act.who) is not CRASHED:
            text = f"{act.who} never came to an end: {len(list(of(run.trace, act.who)))} commands."
            yield text, act.who, act.began, "never ends"
        elif act.failed and not excused_error(run, act.who, act.result):
            yield failure(act), act.who, act.ended, "fails"
    for act in run.witness.acts:
        least = min(run.witness.stock.during(act.began, act.ended))
        if act.result is False and least >= int(act.what):
            text = f"{act.who} heard False, and there were never fewer than {least} while it asked for {act.what}."
            yield text, act.who, act.ended, "refused"


def _ttl(run: Play) -> Iterator[Found]:
    life = ask(world_of(run).nodes[0], b"PTTL", KEY.encode())
    if life < 0:
        wrote = as_they_ran(run.trace)[-1]
        gone = "is gone, and its TTL with it" if life == -2 else "has none any more"
        yield f"{KEY} had a TTL of {TTL // 1000} s, and {gone}.", wrote.client, wrote.t_server or 0.0, f"TTL {life}"


def _answers(run: Play) -> Iterator[tuple[Act, int, bool]]:
    """For a client that is alone: each call, how many there are, and what is right."""
    for who, (_, _, there, wanted) in run.witness.cases.items():
        held, acts = there or 0, (act for act in run.witness.acts if act.who == who)
        for n, allowed in wanted:
            if n > 0:
                if (act := next(acts, None)) is None:
                    break
                yield act, held, allowed
            held -= n if allowed else 0


def _refused_alone(run: Play) -> Iterator[Found]:
    for act, held, allowed in _answers(run):
        if act.result is not allowed:
            key, _, there, _ = run.witness.cases[act.who]
            text = (
                f"{key} held {held}, and {act.who} asked for {act.what}: right is {allowed}; told {shown(act.result)}."
            )
            edge = act.result is (not allowed) and act.began < 0.15 and (int(act.what) == held or there is None)
            yield text, act.who, act.began, "the edge" if edge else f"must be {allowed}"


def _exact_alone(run: Play) -> Iterator[Found]:
    """If a client that is alone was answered right, it took that many."""
    for who, (key, _, there, wanted) in run.witness.cases.items():
        taken, now = sum(n for n, allowed in wanted if allowed), ask(world_of(run).nodes[0], b"GET", key.encode())
        if whole_number(now) != (there or 0) - taken and not any(_refused_alone(run)):
            says = now.decode(errors="replace") if isinstance(now, bytes) else "nothing that is a number"
            text = f"{key} held {there or 0}, and {(there or 0) - taken} must be left after all calls; it says {says}."
            yield text, who, run.now, "wrong stock"


def _ttl_alone(run: Play) -> Iterator[Found]:
    """The stock ends when it would have ended anyway, within 20 ms. Without a TTL it never ends."""
    for who, (key, ttl, there, _) in run.witness.cases.items():
        life = ask(world_of(run).nodes[0], b"PTTL", key.encode())
        kept = life < 0 if ttl is None else abs(life + run.now * 1000 - ttl) <= 20
        if there and not kept and not any(_refused_alone(run)):
            had = "no TTL" if ttl is None else f"a TTL of {ttl / 1000:g} s"
            now = {-1: "has none any more", -2: "is gone"}.get(life, f"has one of {life / 1000:g} s")
            yield f"{key} had {had}; {ms(run.now)} later it {now}.", who, run.now, f"TTL {min(life, 0)}"


RULES = Rules(coroutine_function("redis, key, n"), trials, clues)
