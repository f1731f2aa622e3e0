"""03.1, count and start the window: clients count with the answer, and the server says what became of the key."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from course_lib.explore import CRASHED, Fact, Play, Schedule, Simulation, Trial, play
from course_lib.explore.server_state import left
from course_lib.grading.acts import Act, Acts
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import as_they_ran, excused_error, ms, raised, shown, struck
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, named, trial
from course_lib.lessons.atomicity.exercises.server_access import Watched, commands, exact, plant, trips, unknown
from course_lib.lessons.atomicity.exercises.server_errors import errors
from course_lib.words import counted

Answer = Callable[..., Awaitable[Any]]
AT_ONCE = {1: ("hits:ann", 60.0, 7), 2: ("hits:{bob}", 90.57, 99), 3: ("hits", 7.001, 4711)}
"""For each number of clients: the counter, its window in seconds, and what it holds when it has lost its TTL."""
IN_TURN = [("hits:ann", 1.5), ("hits:Ann", 1.001), ("a", 0.001), ("hits:{bob}:é", 90_000.25), ("hits:{bob}:", 2.001),
           ("hits:ann ", 2_592_000.001)]  # fmt: skip
"""A counter and its window: those of a run are this seed's, and the next one's; they differ in little."""
PLAN = [(part / 12, 0.0) for part in range(12)] + [(1, -0.0003), (1, 0.02), (1.4, 0.0), (1.7, 0.0), (2.5, 0.0)]
"""When somebody counts: a number of windows, and seconds on top. One count comes in the last half of the last
millisecond."""


@dataclass
class Counting(Acts):
    """What was counted, and by whom in which counter: (key, window in seconds), each watched."""

    counters: dict[str, tuple[str, float]] = field(default_factory=dict)
    watched: Watched | None = None


def trials(answer: Answer) -> list[Trial]:
    """All at once, with a fault at every send; a counter without a TTL; one after another; a server with errors."""
    return [
        trial("clients count at the same moment", partial(_at_once, answer, False),
              {"exact": _exact, "ends": _ends, "errors": _no_error_is_a_count},
              sizes=(1, 2, 3), orders=(1, 2), seeds=3, faults=LOSSES, fault_sizes=(1, 2)),
        trial("a counter that has lost its TTL", partial(_at_once, answer, True), {"heals": _heals},
              sizes=(1, 2), orders=(1, 2), faults=LOSSES, fault_sizes=(1,)),
        trial("one count after another", partial(_in_turn, answer), {"window": _window, "cost": _cost},
              seeds=len(IN_TURN), sizes=(1,), world=exact, horizon=1e8),
        errors(lambda world: answer(world.redis(), "hits:ann", window=60.0),
               lambda told: type(told) is int and told == 1, "hits:ann"),
    ]  # fmt: skip


def _at_once(answer: Answer, found: bool, world: Simulation, clients: int) -> Counting:
    """The third client is a task of the second one's process."""
    key, window, stood = AT_ONCE[clients]
    run = Counting(world, watched=Watched(world, key))
    world.nodes[0].extension = run.watched
    if found:
        plant(world, "SET", key, str(stood))
    process = None
    for number in range(1, clients + 1):
        body = partial(answer, world.redis(), key, window=window)
        process = world.client(f"c{number}", body, process=process if number == 3 else None)
    return run


def _in_turn(answer: Answer, world: Simulation, clients: int) -> Counting:
    """Two tasks of one process, each with a counter of its own; the judge looks at the first."""
    two = [IN_TURN[(world.seed + n) % len(IN_TURN)] for n in range(2)]
    run = Counting(world, counters={"c1": two[0], "c2": two[1]}, watched=Watched(world, two[0][0]))
    world.nodes[0].extension = run.watched

    def count(act: Act) -> Awaitable[Any]:
        key, window = run.counters[act.who]
        return answer(world.redis(), key, window=window)

    process = None
    for who, (_, window) in run.counters.items():
        plan = [(max(0.003 * n, round(part * window, 3) + more), "count") for n, (part, more) in enumerate(PLAN)]
        process = run.process(who, count, plan, process=process)
    return run


# -- judges ------------------------------------------------------------------------------------------------------------


def _exact(run: Play) -> Iterator[Found]:
    """Each client is told a different number, none larger than the number of clients. If no fault struck, each number
    is told."""
    told: dict[Any, Fact] = {}
    for who, result in run.results.items():
        when = max((e.t_end or e.t_start for e in run.trace if e.client == who), default=0.0)
        if unknown(result):
            if isinstance(result, Exception) and not excused_error(run, who, result):
                yield f"{who} ended with {raised(result)}.", who, when, "ends with an error"
        elif type(result) is not int or not 1 <= result <= len(run.results):
            text = f"With {counted(len(run.results), 'client')}, {who} was told {shown(result)}."
            yield text, who, when, "wrong count"
        elif (first := told.setdefault(result, fact := Fact(when, who, f"is told {result}"))) is not fact:
            text = f"{first.who} and {who} were both told {result}: a count is lost."
            yield text, who, when, "wrong count", (first, fact)


def _ends(run: Play) -> Iterator[Found]:
    for _, key, life in left(run):
        if life < 0:
            ran = as_they_ran(run.trace)
            last = [event for event in ran if key.encode() in event.command or event is ran[0]][-1]
            text = f"{key} is left without a TTL: whoever asks, it will count on for ever."
            yield text, last.client, last.t_server or 0.0, "no TTL"


def _no_error_is_a_count(run: Play) -> Iterator[Found]:
    for who, result in run.results.items():
        if who in struck(run) and not isinstance(result, Exception) and result is not CRASHED:
            text = f"A message of {who} was lost: its caller must be told so, and was told {shown(result)}."
            yield text, who, run.now, "no error"


def _heals(run: Play) -> Iterator[Found]:
    """After each count that ran, whatever struck: it counts on from what is there, and the key ends within a window."""
    key, window, found = AT_ONCE[run.schedule.clients]
    stood, results = f"The counter stood at {found}, without a TTL", run.results.values()
    life = next((life for _, name, life in left(run) if name == key), None)
    if run.schedule.faults:
        yield from _ends(run) if len(run.witness.watched.values) > 1 else ()
    elif sorted(r for r in results if type(r) is int) != [found + n for n in range(1, len(results) + 1)]:
        yield f"{stood}; what was told is {' and '.join(map(shown, results))}.", "c1", run.now, "wrong count"
    elif life is None or abs(life - window * 1000) > 2:
        now = "is gone" if life is None else "still has none" if life < 0 else f"ends in {ms(life / 1000)}"
        text = f"{stood}. After one more count it {now}; right is {ms(window)}."
        yield text, "c1", run.now, "still no TTL" if life is not None and life < 0 else "wrong TTL"


def _window(run: Play) -> Iterator[Found]:
    """What each is told, by when its commands ran; and, of the watched counter, when it will end."""
    for who, (_, window) in run.witness.counters.items():
        began, count = -window, 0
        for act in run.witness.did("count", who):
            ran = [event.t_server for event in commands(run, act) if event.t_server is not None] or [act.began]
            new, old = min(ran) >= began + window - 0.0005, max(ran) < began + window
            wanted = [count + 1] * (old or not new) + [1] * (new or not old)
            if act.result not in wanted or type(act.result) is not int:
                since = (
                    f"{ms(max(ran) - began)} after a window of {ms(window)} began" if not new else "with a new window"
                )
                text = (
                    f"At {ms(act.began)}, {since}, the count must be {wanted[0]}; {who} was told {shown(act.result)}."
                )
                yield text, who, act.began, f"must be {wanted[0]}"
            count = act.result if type(act.result) is int else count + 1
            began = max(ran) if count == 1 else began
    key, window = run.witness.counters["c1"]
    end, before = 0.0, (0, 0.0)
    for (when, held), life in zip(run.witness.watched.values, run.witness.watched.lives, strict=True):
        if held == 0 or (held == before[0] and abs(when * 1000 + life - before[1]) < 1.5):
            continue  # it is gone; or what changed was the other counter
        before = held, when * 1000 + life
        end = when * 1000 + round(window * 1000) if held == 1 else end
        if not -1.9 < when * 1000 + life - end < 1.5:  # redis-py cuts a timedelta to whole ms
            how = "has no TTL" if life < 0 else f"will end {ms(life / 1000)} later"
            right = f"its window of {ms(window)} ends {ms(end / 1000 - when)} later"
            text = f"At {ms(when)}, after count {held}, {key} {how}; {right}."
            yield text, "c1", when, "another end"


def _cost(run: Play) -> Iterator[Found]:
    for act in run.witness.acts:
        if act.done and (took := trips(run, act)) != 1:
            text = f"The count at {ms(act.began)} took {took} round trips; 1 will do."
            yield text, act.who, act.began, "a count"


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What is sent for two undisturbed counts, and how long the key lives after each; and what a failing run shows."""
    window = 1.5

    def build(world: Simulation, clients: int) -> Counting:
        run = Counting(world, watched=Watched(world, "hits:ann"))
        world.nodes[0].extension = run.watched
        run.process("c1", lambda act: failing.answer(world.redis(), "hits:ann", window=window), [(0, "a"), (0.6, "b")])
        return run

    run = play(trial("two counts", build, {}), Schedule(1))
    sent_first = [e for e in run.trace if e.t_start < 0.5]
    names, text = {e.name for e in sent_first}, b" ".join(b" ".join(e.command) for e in run.trace).upper()
    gives = re.findall(rb"(?<!P)EXPIRE\b|(?<!P)(?:SET)?EX\b", text), re.findall(rb"EXPIRE|EX\b|PX\b", text)
    watched = run.witness.watched
    seen = [(when, life) for (when, _), life in zip(watched.values, watched.lives, strict=True)]
    lives = [life for when, life in seen if when < 0.5][-1:]
    later = [life for when, life in seen if when > 0.5][-1:]
    windows = lives[0] / 1000 / window if lives else 0.0
    lost = [e.reply for e in failing["exact"].trace if e.name == "GET"] if "exact" in failing else []
    told = failing["exact"].violation("exact") if "exact" in failing else None
    heals = failing["heals"].violation("heals") if "heals" in failing else None
    return named({
        "loses-counts": len(lost) > len(set(lost)) and not text.count(b"INCR"),
        "not-the-count": told is not None and told.mark == "wrong count" and not failing["exact"].schedule.faults,
        "never-expires": "ends" in failing and windows < 0 and not gives[1],
        "two-steps": "ends" in failing and failing["ends"].schedule.faults and len(sent_first) > 1
        and "MULTI" not in names,
        "wrong-unit": "window" in failing and (300 < windows < 3000 or 300 < 1 / (windows or 1) < 3000),
        "whole-seconds": "window" in failing and 0.5 < windows < 2 and lives[0] % 1000 == 0 and gives[0],
        "moves-the-end": "window" in failing and lives == later and windows > 0.9,
        "never-heals": heals is not None and heals.mark == "still no TTL" and windows > 0,
    })  # fmt: skip


RULES = Rules(coroutine_function("redis, key, *, window"), trials, clues)
