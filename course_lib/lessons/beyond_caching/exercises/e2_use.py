"""07.2, use a session: it slides up to its end, and what was logged out does not come back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from math import inf
from typing import Any

from course_lib.explore import CRASHED, EPOCH, Play, Process, Simulation, Trial, until
from course_lib.grading import shelf
from course_lib.grading.acts import failure, sent
from course_lib.grading.answer import coroutine_function
from course_lib.grading.errors_out import hindered
from course_lib.grading.evidence import ms, shown
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, named, trial
from course_lib.lessons.beyond_caching.exercises.signed_in import Call, Fields, Site, fields, key_of, site, told

Answer = Callable[..., Awaitable[Any]]
STEPS: list[tuple[float, Fields]] = [
    (0.1, {}), (0.8, {"Moby-Dick": "1"}), (0.8, {"Moby-Dick": "2", "é {7}:": ""}), (0.05, {}), (0.1, {"x": "1"}),
    (0.8, {"ends": "0"}),
    (0.8, {str(n): "y" * n for n in range(30)}), (0.0, {"last": "1"}),
]  # fmt: skip
"""Of a session: after what share of `idle` it is used again, and with which changes. The last of them is used once it
is over: as its end came, or as nobody had used it."""
SETS = [(1.5, 6.3, 0.0, "7"), (60.0, 250.25, 3600.0, "a{b:c"), (0.25, 9.0, -86_400.0, "é 7"),
        (1800.0, 43_200.0, 5.0, "7:7"), (2.006, 2.006, 0.5, "end")]  # fmt: skip
"""Of a run: `idle`, and how long it is from log-in to the session's end, in seconds; by how much the server's clock is
ahead of everybody else's; and the session's id."""
GIVE = 5
"""Milliseconds by which a TTL may be wrong: whoever asks for the time first has it a little late."""
BOOKS = ["Emma", "Ulysses", "Watt", "Malone", "Zoë", "7"]
LOG_OUTS = (0.015, 0.0195, 0.024, 0.5)


@dataclass(eq=False)
class Use(Call):
    """`changes`: what it is to set; `finish`: when the session ends, by the server's clock in ms; `now`: what that says
    when the call begins, and is over."""

    changes: Fields = field(default_factory=dict)
    finish: int = 0
    now: tuple[float, float] = (0.0, 0.0)

    @property
    def ends(self) -> bool | None:
        """Is there no session any more? None for one that ends while the call lasts."""
        if not self.before or self.now[0] >= self.finish:
            return True
        return None if self.now[1] >= self.finish else False

    @property
    def right(self) -> Fields:
        return self.before | self.changes

    @property
    def call(self) -> str:
        left = f", {(self.finish - self.now[0]) / 1000:,.3f} s before its end" if self.before else ""
        return f"{self.who} used a session that held {told(self.before)}{left}, with the changes {told(self.changes)}"


def trials(answer: Answer) -> list[Trial]:
    """Uses in turn; one with a fault, and with a command refused; two at once, and a log-out."""
    all_of = {"fields": _fields, "over": _over, "life": _life}
    build = partial(_in_turn, answer)
    return [
        trial("one after another", partial(build, STEPS), all_of, sizes=(1,), seeds=len(SETS), horizon=1e5),
        trial("one fault", partial(build, STEPS[1:2]), {"errors": shelf.errors, "life": _life}, sizes=(1,),
              faults=LOSSES, horizon=1e5),
        trial("the server refuses a command", partial(build, STEPS[1:2]), {"errors": shelf.errors}, sizes=(2,), seeds=8,
              horizon=1e5),
        trial("several and a log-out", partial(_at_once, answer), {"race": _race}, sizes=(2, 6), seeds=10,
              faults={"pause": 0.05}, fault_sizes=(2,), fault_seeds=4),
    ]  # fmt: skip


def _begin(run: Site, id: str, lasts: float, idle: float) -> int:
    """Somebody logged in: when that session ends."""
    finish = round((EPOCH + run.world.now() + run.shelf.skew + lasts) * 1000)
    run.begin(id, {"end": str(finish), "user": "ann", "Emma": "1"}, round(idle * 1500))
    return finish


async def _deed(answer: Answer, run: Site, act: Use) -> Any:
    def clock() -> float:
        return (EPOCH + run.world.now() + run.shelf.skew) * 1000

    act.before, began = run.held(act.id), clock()
    try:
        return await answer(run.world.redis(), act.id, dict(act.changes), idle=run.idle)
    finally:
        act.after, act.now = run.held(act.id), (began, clock())


def _in_turn(answer: Answer, steps: list[tuple[float, Fields]], world: Simulation, clients: int) -> Site:
    """c1 uses a session until it is over; c2, under odd seeds a task of the same process, one whose key is still there
    long after its end, and one that never was. In the first run, there are changes each time, and no c2. With
    two clients, a command is refused."""
    idle, lasts, skew, id = SETS[world.seed % len(SETS)]
    run = site(world, [id, "late", "none"], idle, (world.seed // 2,) if clients == 2 else ())
    world.nodes[0].skew = skew

    async def body() -> None:
        finish = _begin(run, id, lasts, idle)
        for share, changes in steps:
            if not changes and not world.seed and len(steps) > 1:
                continue
            await until(world, world.now() + share * idle)
            if not share:  # that it ends by itself
                await until(world, world.now() + min(idle, max(0.0, finish / 1000 - EPOCH - skew - world.now())) + 0.01)
            await run.do(Use("c1", "uses", id=id, changes=changes, finish=finish), partial(_deed, answer, run))

    async def other() -> None:
        finish = _begin(run, "late", 0.02, 60.0)
        for id, when in (("late", 0.1), ("none", 0.2)):
            await until(world, when)
            act = Use("c2", "uses", id=id, changes={"Emma": "3"}, finish=finish)
            await run.do(act, partial(_deed, answer, run))

    process = Process("shop") if world.seed % 2 else None
    world.client("c1", body, process=process)
    if len(steps) > 1 and world.seed:
        world.client("c2", other, process=process)
    return run


def _at_once(answer: Answer, world: Simulation, clients: int) -> Site:
    """Requests with changes of their own, and a log-out; under some seeds, after them. Under odd seeds they are
    tasks of one process."""
    run, draw = site(world, ["7"], 60.0), world.draws("start")
    process = Process("shop") if world.seed % 2 else None
    world.at(0.0, lambda: _begin(run, "7", 3600.0, 60.0))
    for number in range(clients):
        act = Use(f"c{number + 1}", "uses", id="7", changes={BOOKS[number]: "9"}, finish=2**60)
        world.client(act.who, run.do, act, partial(_deed, answer, run), start=0.015 + 0.006 * draw(), process=process)

    async def log_out() -> None:
        await world.redis().delete(key_of("7"))

    world.client("logs out", log_out, start=LOG_OUTS[world.seed // 2 % len(LOG_OUTS)])
    return run


# -- judges ------------------------------------------------------------------------------------------------------------


def _without_end(held: Fields) -> Fields:
    return {name: text for name, text in held.items() if name != "end"}


def _fields(run: Play) -> Iterator[Found]:
    """Of a session that is there, the changes are kept with all the rest, and it is returned."""
    for act in run.witness.acts:
        if act.failed and not hindered(run, act):
            yield f"{act.call}. {failure(act)}", act.who, act.ended, "an error"
        elif act.done and act.ends is False and act.after != act.right:
            yield f"{act.call}. Afterwards it held {told(act.after)}.", act.who, act.ended, "not what it should hold"
        elif act.done and act.ends is False and act.result != _without_end(act.right):
            yield f"{act.call}. It returned {shown(act.result, 120)}.", act.who, act.ended, "returned"
        elif not act.over and run.results.get(act.who) is not CRASHED:
            yield f"{act.who}'s call never ended.", act.who, run.now, "no end"
    yield from shelf.strays(run)


def _over(run: Play) -> Iterator[Found]:
    """Of one that is over nothing is stored, and None is returned."""
    for act in run.witness.acts:
        if act.done and act.ends is True:
            changed = [one for one in run.witness.shelf.during(key_of(act.id), act) if one.there]
            if changed:
                text = f"{act.call}. At {ms(changed[0].when)} it held {told(fields(changed[0]))}."
                yield text, act.who, changed[0].when, "changed"
            elif act.result is not None:
                yield f"{act.call}. It returned {shown(act.result, 120)}.", act.who, act.ended, "returned"


def _lives(run: Play) -> Iterator[tuple[Use, float, float, float]]:
    """What each call leaves, and what is there meanwhile: from its beginning on, how long it lives, in ms; and how long
    it should: from, to."""
    for act in run.witness.acts:
        if act.over and act.ends is False:
            key, (began, ended) = key_of(act.id), act.now
            last = [state for state in run.witness.shelf.states[key] if state.when <= act.ended][-1:]
            for state in [*run.witness.shelf.during(key, act), *(last if act.done else [])]:
                least, most = (min(now + run.witness.idle * 1000, act.finish) - began for now in (began, ended))
                if state.there:
                    yield act, state.end - began if state.left != shelf.FOREVER else inf, least, most


def _life(run: Play) -> Iterator[Found]:
    """Idle from now on, but not past its end."""
    for act, lives, least, most in _lives(run):
        if not least - GIVE <= lives <= most + GIVE:
            text = f"{act.call}. From then on it {shelf.lasting(lives / 1000 if lives < inf else shelf.FOREVER)}"
            yield (
                f"{text}; idle is {run.witness.idle:g} s, so {least:,.0f} ms is right.",
                act.who,
                act.ended,
                "its life",
            )


def _race(run: Play) -> Iterator[Found]:
    """After a log-out there is no session any more; until then every change is kept."""
    states = run.witness.shelf.states[key_of("7")]
    for before, state in pairwise(states[1:]):
        if state.there and not before.there:
            text = f"The session was gone, and at {ms(state.when)} it was there again: {told(fields(state))}."
            yield text, "", state.when, "revived"
        elif state.there and state.left == shelf.FOREVER:
            yield f"At {ms(state.when)} the session had no TTL.", "", state.when, "forever"
    gone = next((state.when for state in states[2:] if not state.there), run.now)
    last = next((fields(state) for state in reversed(states) if state.there and state.when < gone), {})
    for act in run.witness.acts:
        if not act.over:
            yield f"{act.who}'s call never ended.", act.who, run.now, "no end"
        elif act.failed and not hindered(run, act):
            yield failure(act), act.who, act.ended, "an error"
        elif act.done and act.result is None and act.ended < gone:
            yield f"{act.who} was told None before there was a log-out.", act.who, act.ended, "refused"
        elif act.done and act.result is not None and act.began > gone:
            yield f"{act.who} asked after the log-out, and was given {shown(act.result)}.", act.who, act.ended, "given"
        elif act.done and act.result is not None and act.ended < gone and not act.changes.items() <= last.items():
            text = f"{act.who} was told that {told(act.changes)} is in the session, and at the log-out it held "
            text += f"{told(last)}."
            yield text, act.who, gone, "lost"


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What became of a session that was over; how long one lived; what was sent."""
    runs: list[Any] = [failing.get(name) for name in ("fields", "over", "life", "race")]
    fields, over, life, race = runs
    acts = [act for run in (fields, over) if run is not None for act in run.witness.acts if act.over]
    gone = [act for act in acts if act.ends is True]
    idle = life.witness.idle * 1000 if life is not None else 1.0
    lives = list(_lives(life)) if life is not None and fields is None else []
    wrong = [(lives, least, act) for act, lives, least, most in lives if not least - GIVE <= lives <= most + GIVE]
    off = [(lives, least, act.finish - act.now[0]) for lives, least, act in wrong]
    names = {event.name for event in race.trace} if race is not None else set()
    yield from named({
        "no-changes": fields is not None and any(
            act.failed and not act.changes and "rong number of arg" in str(act.result) for act in acts),
        "brings-back": fields is None and any(not act.before and act.after for act in gone),
        "past-its-end": fields is None and any(act.before and isinstance(act.result, dict) and "user" in act.result
                                               for act in gone),
        "wrong-unit": any(0.99 < ratio < 1.01 for lives, right, _ in off for ratio in (
            lives / right / 1000, lives / right * 1000)),
        "slides-forever": bool(off) and all(abs(lives - idle) <= 2 * GIVE and right < idle for lives, right, _ in off),
        "never-slides": bool(off) and all(abs(lives - left) <= 2 * GIVE and right < left for lives, right, left in off),
        "does-not-renew": over is None and bool(wrong) and any(act.changes for act, *_ in lives) and not any(
            act.changes or life.witness.shelf.during(key_of(act.id), act) for _, _, act in wrong) and all(
            act.changes or any(act is one for _, _, one in wrong) for act, *_ in lives),
        "looks-then-writes": race is not None and over is None and fields is None
        and not names & {"EVAL", "EVALSHA", "FCALL", "WATCH"}
        and any(len(sent(race, act)) > 1 for act in race.witness.acts),
    })  # fmt: skip


RULES = Rules(coroutine_function("redis, id, changes, *, idle"), trials, clues)
