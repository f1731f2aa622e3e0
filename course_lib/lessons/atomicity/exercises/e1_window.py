"""03.1, count and start the window: clients count with the answer, and the server says what became of the key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from course_lib.explore import Play, Schedule, Simulation, Trial, play
from course_lib.explore.server_state import left
from course_lib.grading.acts import Act, Acts, cost
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import as_they_ran, excused_error, ms, raised, shown
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, named, trial
from course_lib.lessons.atomicity.exercises.wire import plant, unknown
from course_lib.words import counted

Answer = Callable[..., Awaitable[Any]]
KEY, LONG, SHORT, FOUND = "hits:ann", 60.0, 1.5, 7
"""The counter; two windows, in seconds; and what a counter without a TTL holds when it is found."""
PLAN = [(0.0, 1), (0.5, 2), (1.2, 3), (1.8, 1), (2.5, 2)]
"""When somebody counts, and what it must be told while a window lasts SHORT."""


def trials(answer: Answer) -> list[Trial]:
    """All at once, with a fault at every send; a counter without a TTL; one client after another."""
    return [
        trial("clients count at the same moment", partial(_at_once, answer, 0, LONG), {"exact": _exact, "ends": _ends},
              sizes=(1, 2, 3), orders=(1, 2, 3), faults=LOSSES, fault_sizes=(1, 2)),
        trial("a counter that has lost its TTL", partial(_at_once, answer, FOUND, LONG), {"heals": _heals},
              sizes=(1, 2), orders=(1, 2)),
        trial("one count after another", partial(_in_turn, answer), {"window": _window, "cost": _cost}, sizes=(1,),
              seeds=3),
    ]  # fmt: skip


def _at_once(answer: Answer, found: int, window: float, world: Simulation, clients: int) -> None:
    if found:
        plant(world, "SET", KEY, str(found))
    for number in range(1, clients + 1):
        world.client(f"c{number}", partial(answer, world.redis(), KEY, window=window))


def _in_turn(answer: Answer, world: Simulation, clients: int) -> Acts:
    acts, jitter = Acts(world), 0.01 * world.draws("start")()

    def count(act: Act) -> Awaitable[Any]:
        return answer(world.redis(), KEY, window=SHORT)

    acts.process("c1", count, [(when + jitter, "count") for when, _ in PLAN])
    return acts


def _exact(run: Play) -> Iterator[Found]:
    """Each is told another number, none larger than the number of clients; all of them, if no fault struck."""
    told: dict[Any, str] = {}
    for who, result in run.results.items():
        when = max((e.t_end or e.t_start for e in run.trace if e.client == who), default=0.0)
        if unknown(result):
            if isinstance(result, Exception) and not excused_error(run, who, result):
                yield f"{who} ended with {raised(result)}.", who, when, "wrong count"
        elif type(result) is not int or not 1 <= result <= len(run.results):
            text = f"With {counted(len(run.results), 'client')}, {who} was told {shown(result)}."
            yield text, who, when, "wrong count"
        elif told.setdefault(result, who) != who:
            yield f"{told[result]} and {who} were both told {result}: a count is lost.", who, when, "wrong count"


def _ends(run: Play) -> Iterator[Found]:
    for _, key, life in left(run):
        if life < 0:
            last = [event for event in as_they_ran(run.trace) if key.encode() in event.command][-1]
            text = f"{key} is left without a TTL: whoever asks, it will count on for ever."
            yield text, last.client, last.t_server or 0.0, "no TTL"


def _heals(run: Play) -> Iterator[Found]:
    """It counts on from what is there, and the key ends within a window."""
    life = next((life for _, key, life in left(run) if key == KEY), None)
    stood, results = f"The counter stood at {FOUND}, without a TTL", run.results.values()
    if sorted(r for r in results if type(r) is int) != [FOUND + n for n in range(1, len(results) + 1)]:
        yield f"{stood}; {' and '.join(map(shown, results))} was told.", "c1", run.now, "wrong count"
    elif life is None or not 0 < life <= LONG * 1000:
        now = "is gone" if life is None else "still has none" if life < 0 else f"ends in {ms(life / 1000)}"
        text = f"{stood}. After one more count it {now}; right is {ms(LONG)} or less."
        yield text, "c1", run.now, "still no TTL" if life is not None and life < 0 else "wrong TTL"


def _window(run: Play) -> Iterator[Found]:
    acts = run.witness.acts
    for act, (_, wanted) in zip(acts, PLAN, strict=False):
        if act.result != wanted or type(act.result) is not int:
            since = f"{ms(act.began - acts[0].began)} after a window of {ms(SHORT)} began"
            text = f"At {ms(act.began)}, {since}, the count must be {wanted}; c1 was told {shown(act.result)}."
            yield text, act.who, act.began, f"must be {wanted}"


def _cost(run: Play) -> Iterator[Found]:
    for act in run.witness.acts[1:]:
        trips, _ = cost(run, act)
        if act.done and trips != 1:
            text = f"The count at {ms(act.began)} took {trips} round trips; 1 will do."
            yield text, act.who, act.began, "a count"


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What is sent for one undisturbed count, and how long the key lives after it."""
    lives: list[float] = []

    def look(run: Play) -> Iterator[Found]:
        lives.extend(life / SHORT / 1000 for _, key, life in left(run) if key == KEY)
        return iter(())

    run = play(trial("one count", partial(_at_once, failing.answer, 0, SHORT), {"": look}), Schedule(1))
    sent, windows = {event.name for event in run.trace}, lives[0] if lives else 0.0
    return named({
        "loses-counts": "exact" in failing and sent & {"GET", "SET"}, "not-the-count": "exact" in failing,
        "never-expires": "ends" in failing and windows < 0, "two-steps": "ends" in failing,
        "wrong-unit": "window" in failing and not 0.5 < windows < 2,
        "whole-seconds": "window" in failing and not 0.95 < windows <= 1,
        "moves-the-end": "window" in failing, "never-heals": "heals" in failing,
    })  # fmt: skip


RULES = Rules(coroutine_function("redis, key, *, window"), trials, clues)
