"""03.3, write a limiter: the answer decides requests; the judge counts on the wire who was admitted, and when."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from course_lib.explore import Play, Simulation, Trial, until
from course_lib.explore.server_state import left
from course_lib.grading.acts import answered, cost, failure
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import JUDGE, ms, shown
from course_lib.grading.rules import Found, Judge, Rules, trial, undisturbed
from course_lib.lessons.atomicity.exercises.e3_clues import clues
from course_lib.lessons.atomicity.exercises.e3_requests import (
    LIMIT,
    NEAR,
    WINDOW,
    Answer,
    Asking,
    allowed,
    decisions,
    moments,
    refusals,
    well_formed,
)
from course_lib.lessons.atomicity.exercises.wire import declared, scripts, slots

IDLE = 10.0
"""When the judge looks whether anything is left, in seconds."""
PLAN = [
    (0.0, "r1"), (0.3, "r2"), (0.6, "r3"), (0.7, "r4"), (0.9, "r5"), (1.0, "r2"), (1.15, "r6"), (1.35, "r7"),
    (1.45, "r8"), (1.65, "r9"),
]  # fmt: skip
"""Three are admitted and two refused; r2 asks again, as if its answer had been lost; then room comes, one by one."""


def trials(answer: Answer) -> list[Trial]:
    """At one moment, in every order; one after another; a crowd; a clock that is put ahead; a forgotten script."""
    losses = {"lose request": 0.0, "lose reply": 0.0}
    decided: dict[str, Judge] = {"value": _value, "admits": _admits, "once": _once}
    in_time = partial(trial, sizes=(1,), horizon=IDLE + 5)
    return [
        trial("requests at the same moment", partial(_at_once, answer), {"race": _too_many}, sizes=(2, 3),
              orders=(2, 3)),
        trial("and one fault strikes", partial(_at_once, answer), {**decided, "race": _too_many}, sizes=(2,),
              orders=(2,), faults={"crash": 0.0, "pause": 1.0, **losses}, least=2),
        in_time("one request after another", partial(_in_turn, answer),
                {**decided, "window": _too_many, "ends": _ends, "told": _told, "declared": _declared, "cost": _cost},
                seeds=2, faults=losses),
        in_time("a crowd", partial(_crowd, answer), {"value": _value, "window": _too_many, "admits": _admits},
                sizes=(4,), seeds=4),
        in_time("the server's clock is put ahead", partial(_clock, answer), {"server-clock": _server_clock}),
        in_time("the server forgets the script", partial(_flushed, answer), {"noscript": _noscript}),
    ]  # fmt: skip


def _at_once(answer: Answer, world: Simulation, clients: int) -> Asking:
    run = Asking(world, answer=answer, limit=max(1, clients - 1), window=60.0)
    for number in range(1, clients + 1):
        run.process(f"c{number}", run.ask, [(0.0, f"c{number}-1")])
    return run


def _in_turn(answer: Answer, world: Simulation, clients: int) -> Asking:
    run, jitter = Asking(world, answer=answer), 0.01 * world.draws("start")()
    run.process("c1", run.ask, [(when + jitter, request) for when, request in PLAN])
    world.at(PLAN[-1][0] + 0.05, run.look)
    world.client(JUDGE, until, world, IDLE)
    return run


def _crowd(answer: Answer, world: Simulation, clients: int) -> Asking:
    run = Asking(world, answer=answer)
    for number in range(1, clients + 1):
        draw, when, plan = world.draws(f"c{number}"), 0.0, []
        for request in range(10):
            when += 0.6 * draw()
            plan.append((when, f"c{number}-{request}"))
        run.process(f"c{number}", run.ask, plan)
    return run


def _clock(answer: Answer, world: Simulation, clients: int) -> Asking:
    """By the server's clock r2 comes 20 s after r1, and r3 11 s after r2; by a client's all within half a second."""
    run = Asking(world, answer=answer, limit=2, window=30.0)
    run.process("c1", run.ask, [(0.0, "r1"), (0.2, "r2"), (0.5, "r3")])
    world.at(0.1, world.step_clock, 0, 20.0)
    world.at(0.3, world.step_clock, 0, 11.0)
    return run


def _flushed(answer: Answer, world: Simulation, clients: int) -> Asking:
    run = Asking(world, answer=answer, limit=2, window=30.0)
    run.process("c1", run.ask, [(0.0, "r1"), (0.1, "r2"), (0.5, "r3")])
    world.client("admin", world.redis().script_flush, start=0.3)
    return run


# -- judges -----------------------------------------------------------------------------------------------------------


def _value(run: Play) -> Iterator[Found]:
    for act in answered(run):
        if act.failed:
            yield failure(act), act.who, act.began, "fails"
        elif not well_formed(act.result):
            form = "(allowed, remaining, retry_after): a bool, an int, a number"
            yield f"{act.who} was given {shown(act.result)}; it must be {form}.", act.who, act.began, "no decision"


def _too_many(run: Play) -> Iterator[Found]:
    """Never more than the limit in a window."""
    limit, window = run.witness.limit, run.witness.window
    sure = [one for one in decisions(run) if one.sure]
    for first, last in zip(sure, sure[limit:], strict=False):
        if last.when - first.first < window - NEAR:
            text = (
                f"{limit + 1} requests were admitted within {ms(last.when - first.first)}, from {ms(first.first)} on; "
                f"the limit is {limit} in {ms(window)}."
            )
            yield text, last.act.who, last.act.began, f"number {limit + 1}"


def _admits(run: Play) -> Iterator[Found]:
    """Nobody is refused while there is room."""
    return (found[1:] for found in _first_wrongly_refused(run) if found[0] == "admits")


def _once(run: Play) -> Iterator[Found]:
    """A request whose reply was lost does not count when it is asked again."""
    return (found[1:] for found in _first_wrongly_refused(run) if found[0] == "once")


def _first_wrongly_refused(run: Play) -> Iterator[Found]:
    """The first, and which promise that breaks; those that come later can be its consequences."""
    limit, window, admitted = run.witness.limit, run.witness.window, decisions(run)
    for when, act in refusals(run):
        near = [one for one in admitted if when - window - NEAR < one.when and one.act.began <= act.ended]
        if any(one.sure and one.act.what == act.what and one.act is not act for one in near):
            text = f"{act.what} was admitted before; asked again at {ms(act.began)}, it was refused."
            yield "once", text, act.who, act.began, "refused, and was admitted"
            return
        if len(near) < limit:
            lost = any(event.fault == "reply lost" for event in run.trace)
            text = (
                f"{'A reply had been lost. ' if lost else ''}{act.what} was refused at {ms(when)}, when {len(near)} "
                f"had been admitted in the last {ms(window)}; the limit is {limit}."
            )
            yield "once" if lost else "admits", text, act.who, act.began, "refused, and there is room"
            return


@undisturbed
def _told(run: Play) -> Iterator[Found]:
    """What is left, and when there is room again: for each request, by those that were admitted before."""
    admitted = decisions(run)
    for act in run.witness.acts:
        whens = moments(run, act)
        if not whens or not well_formed(act.result):
            continue
        if allowed(act) and not any(one.act is act for one in admitted):
            continue
        when, (_, remaining, retry_after) = whens[-1], act.result
        near = [one for one in admitted if when - run.witness.window < one.when <= when]
        wanted = max(0, run.witness.limit - len(near)), 0.0
        if not allowed(act) and near:
            wanted = 0, near[0].when + run.witness.window - when
        if remaining != wanted[0] or not abs(retry_after - wanted[1]) <= NEAR:
            text = (
                f"{act.what}, at {ms(when)}, was told that {remaining} remain and to ask again in {retry_after:g} s; "
                f"right is {wanted[0]}, and {round(wanted[1], 3):g} s."
            )
            yield text, act.who, act.began, "told wrongly"


@undisturbed
def _declared(run: Play) -> Iterator[Found]:
    """Every key that is there was declared, and those of one call lie in one slot."""
    known = {key for event in run.trace for key in declared(event)}
    for hidden in sorted(key.decode(errors="replace") for key in run.witness.keys if key not in known):
        first = next(scripts(run), run.trace.events[0])
        text = f"The script used the key {hidden}, and did not declare it: a cluster could not know its node."
        yield text, first.client, first.t_start, "undeclared key"
    for event in scripts(run):
        if len(slots(event)) > 1:
            keys = " and ".join(key.decode(errors="replace") for key in declared(event))
            text = f"{keys} lie in different slots: a cluster refuses the script with CROSSSLOT."
            yield text, event.client, event.t_start, "two slots"


def _ends(run: Play) -> Iterator[Found]:
    idle = IDLE - PLAN[-1][0]
    for _, key, life in left(run):
        rest = "and has no TTL" if life < 0 else f"and will be for another {ms(life / 1000)}"
        text = f"Nobody has asked for {ms(idle)}, {idle / WINDOW:.0f} windows, and {key} is still there, {rest}."
        yield text, "c1", PLAN[-1][0], "never ends"


@undisturbed
def _cost(run: Play) -> Iterator[Found]:
    for act in run.witness.acts[1:]:
        trips, _ = cost(run, act)
        if act.done and trips != 1:
            yield f"{act.what} took {trips} round trips; 1 will do.", act.who, act.began, "a decision"


def _server_clock(run: Play) -> Iterator[Found]:
    heard = [allowed(act) for act in run.witness.acts]
    if heard != [True, True, True]:
        said = ", ".join({True: "yes", False: "no", None: "nothing"}[one] for one in heard)
        text = f"By the server's clock r1 was 31 s old when r3 came, and a window is 30 s; r1, r2 and r3 heard {said}."
        yield text, "c1", 0.5, "by whose clock?"


def _noscript(run: Play) -> Iterator[Found]:
    *_, last = run.witness.acts
    if allowed(last) is not False:
        error = type(last.result).__name__ if last.failed else shown(last.result)
        text = f"The scripts' cache was emptied at 300 ms; r3, the third of 2, must be refused, and ended with {error}."
        yield text, "c1", last.began, "NOSCRIPT"


RULES = Rules(coroutine_function("redis, user, *, limit, window, request"), trials, clues)
