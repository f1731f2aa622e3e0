"""03.1, count and start the window: clients count with the answer, and the server says what became of the key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any

from course_lib.explore import Play, Schedule, Simulation, Trial, Violation, play
from course_lib.explore.server_state import left
from course_lib.lessons.atomicity.exercises.wire import plant, unfaulted, unknown, world
from course_lib.grading.evidence import as_they_ran, excused_error, ms, shown
from course_lib.grading.acts import Acts, cost

Answer = Callable[..., Awaitable[Any]]
KEY, LONG, SHORT, FOUND = "hits:ann", 60.0, 1.5, 7
"""The counter; two windows, in seconds; and what a counter without a TTL holds when it is found."""
PLAN = [(0.0, 1), (0.5, 2), (1.2, 3), (1.8, 1), (2.5, 2)]
"""When somebody counts, and what it must be told while a window lasts SHORT."""


def counting(answer: Answer) -> list[Trial]:
    """All at once, with a fault at every send; a counter without a TTL; one client after another."""
    faults: dict[Any, float] = {"crash": 0.0, "lose request": 0.0, "lose reply": 0.0}
    return [
        Trial("clients count at the same moment", ("exact", "ends"), partial(_at_once, answer, 0, LONG), _judge,
              sizes=(1, 2, 3), orders=(1, 2, 3), faults=faults, fault_sizes=(1, 2), world=world),
        Trial("a counter that has lost its TTL", ("heals",), partial(_at_once, answer, FOUND, LONG), _heals,
              sizes=(1, 2), orders=(1, 2), world=world),
        Trial("one count after another", ("window", "cost"), partial(_in_turn, answer), _judge_in_turn, sizes=(1,),
              seeds=3, world=world),
    ]  # fmt: skip


def _at_once(answer: Answer, found: int, window: float, world: Simulation, clients: int) -> dict[str, float]:
    """What is returned takes note of the keys that are left, and the milliseconds that they have."""
    if found:
        plant(world, "SET", KEY, str(found))
    for number in range(1, clients + 1):
        world.client(f"c{number}", partial(answer, world.redis(), KEY, window=window))
    return {}


def _in_turn(answer: Answer, world: Simulation, clients: int) -> Acts:
    acts = Acts(world)
    jitter = 0.01 * world.draws("start")()

    async def count() -> Any:
        return await answer(world.redis(), KEY, window=SHORT)

    acts.process("c1", {"count": count}, [(when + jitter, "count") for when, _ in PLAN])
    return acts


def _judge(run: Play) -> Iterator[Violation]:
    run.witness.update({key: life for _, key, life in left(run)})
    yield from _exact(run)
    yield from _ends(run)


def _exact(run: Play) -> Iterator[Violation]:
    """Everybody is told another number, none larger than the number of clients; all of them, if no fault struck."""
    told: dict[Any, str] = {}
    for who, result in run.results.items():
        if unknown(result) and (unfaulted(run) or not excused_error(run, who, result)):
            if isinstance(result, Exception):
                yield _wrong(run, f"{who} ended with {type(result).__name__}: {str(result).rstrip('.')}.", who)
                return
        elif not unknown(result) and (type(result) is not int or not 1 <= result <= len(run.results)):
            asked = f"{len(run.results)} client{'s' * (len(run.results) > 1)}"
            yield _wrong(run, f"With {asked}, {who} was told {shown(result)}.", who)
            return
        elif not unknown(result) and told.setdefault(result, who) != who:
            yield _wrong(run, f"{told[result]} and {who} were both told {result}: a count is lost.", who)
            return


def _wrong(run: Play, text: str, who: str, promise: str = "exact") -> Violation:
    when = max((e.t_end or e.t_start for e in run.trace if e.client == who), default=0.0)
    return Violation(promise, text, who, when, "wrong count")


def _ends(run: Play) -> Iterator[Violation]:
    for key, life in run.witness.items():
        if life < 0:
            last = [event for event in as_they_ran(run.trace) if key.encode() in event.command][-1]
            text = f"{key} is left without a TTL: whoever asks, it will count on for ever."
            yield Violation("ends", text, last.client, last.t_server or 0.0, "no TTL")
            return


def _heals(run: Play) -> Iterator[Violation]:
    """It counts on from what is there, and the key ends within a window."""
    lives = [life for _, key, life in left(run) if key == KEY]
    told = sorted(result for result in run.results.values() if type(result) is int)
    if told != [FOUND + n for n in range(1, len(run.results) + 1)]:
        text = (
            f"The counter stood at {FOUND}, without a TTL; {' and '.join(map(shown, run.results.values()))} was told."
        )
        yield Violation("heals", text, "c1", run.now, "wrong count")
    elif not lives or not 0 < lives[0] <= LONG * 1000:
        now = "is gone" if not lives else "still has none" if lives[0] < 0 else f"ends in {ms(lives[0] / 1000)}"
        text = (
            f"The counter stood at {FOUND}, without a TTL. After one more count it {now}; right is {ms(LONG)} or less."
        )
        yield Violation("heals", text, "c1", run.now, "still no TTL" if lives and lives[0] < 0 else "wrong TTL")


def _judge_in_turn(run: Play) -> Iterator[Violation]:
    acts = run.witness.acts
    for act, (_, wanted) in zip(acts, PLAN, strict=False):
        if act.result != wanted or type(act.result) is not int:
            began = next(earlier.began for earlier, (_, number) in zip(acts, PLAN, strict=False) if number == 1)
            since = f"{ms(act.began - began)} after a window of {ms(SHORT)} began"
            yield Violation("window", f"At {ms(act.began)}, {since}, the count must be {wanted}; c1 was told "
                            f"{shown(act.result)}.", act.who, act.began, f"must be {wanted}")  # fmt: skip
            break
    for act in acts[1:]:
        if act.done and cost(run, act)[0] != 1:
            text = f"The count at {ms(act.began)} took {cost(run, act)[0]} round trips; 1 will do."
            yield Violation("cost", text, act.who, act.began, "a count")
            return


# -- clues: what was sent, and how long the key lives after one count -------------------------------------------------


def clue(answer: Answer, failing: Mapping[str, Play]) -> str | None:
    """The mistake that the broken promises and one undisturbed count point to."""
    one = Trial("one count", (), partial(_at_once, answer, 0, SHORT), _judge, world=world)
    run = play(one, Schedule(1))
    sent, life = {event.name for event in run.trace}, run.witness.get(KEY)
    if "exact" in failing:
        return "loses-counts" if sent & {"GET", "SET"} else "not-the-count"
    if "ends" in failing:
        return "never-expires" if life is not None and life < 0 else "two-steps"
    if "window" in failing and (life is None or not 0.5 < life / SHORT / 1000 < 2):
        return "wrong-unit"
    if "window" in failing and life is not None and not 0.95 < life / SHORT / 1000 <= 1:
        return "whole-seconds"
    if "window" in failing:
        return "moves-the-end"
    return "never-heals" if "heals" in failing else None
