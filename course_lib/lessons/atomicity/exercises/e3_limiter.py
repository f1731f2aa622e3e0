"""03.3, write a limiter: the answer decides requests; the judge counts on the wire who was admitted, and when."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from course_lib.explore import Play, Simulation, Trial, Violation
from course_lib.explore.server_state import left
from course_lib.lessons.atomicity.exercises.e3_requests import NEAR, Answer, Asking, Decided, allowed, asking, decisions, moments, refusals, well_formed
from course_lib.lessons.atomicity.exercises.wire import declared, scripts, slots, unfaulted, world
from course_lib.grading.database import until
from course_lib.grading.evidence import JUDGE, ms, shown
from course_lib.grading.acts import Act, answered, cost, failure

LIMIT, WINDOW, IDLE = 3, 1.25, 10.0
"""Of the requests in time; and when the judge looks whether anything is left, in seconds."""
PLAN = [
    (0.0, "r1"), (0.3, "r2"), (0.6, "r3"), (0.7, "r4"), (0.9, "r5"), (1.0, "r2"), (1.15, "r6"), (1.35, "r7"),
    (1.45, "r8"), (1.65, "r9"),
]  # fmt: skip
"""Three are admitted and two refused; r2 asks again, as if its answer had been lost; then room comes, one by one."""


def limiting(answer: Answer) -> list[Trial]:
    """At one moment, in every order; one after another; a crowd; a clock that is put ahead; a forgotten script."""
    losses: dict[Any, float] = {"lose request": 0.0, "lose reply": 0.0}
    plain: dict[str, Any] = {"sizes": (1,), "world": world, "horizon": IDLE + 5}
    return [
        Trial("requests at the same moment", ("race",), partial(_at_once, answer), partial(_too_many, "race"),
              sizes=(2, 3), orders=(2, 3), world=world),
        Trial("and one fault strikes", ("value", "race", "admits", "once"), partial(_at_once, answer),
              partial(_decided, "race"), sizes=(2,), orders=(2,), faults={"crash": 0.0, "pause": 1.0, **losses},
              least=2, world=world),
        Trial("one request after another",
              ("value", "window", "admits", "once", "told", "declared", "ends", "cost"), partial(_in_turn, answer),
              _judge_in_turn, seeds=2, faults=losses, **plain),
        Trial("a crowd", ("value", "window", "admits"), partial(_crowd, answer), partial(_decided, "window"), seeds=4,
              **{**plain, "sizes": (4,)}),
        Trial("the server's clock is put ahead", ("server-clock",), partial(_clock, answer), _server_clock, **plain),
        Trial("the server forgets the script", ("noscript",), partial(_flushed, answer), _noscript, **plain),
    ]  # fmt: skip


def _at_once(answer: Answer, world: Simulation, clients: int) -> Asking:
    run = asking(answer, world, limit=max(1, clients - 1), window=60.0)
    for number in range(1, clients + 1):
        run.client(f"c{number}", [(0.0, f"c{number}-1")])
    return run


def _in_turn(answer: Answer, world: Simulation, clients: int) -> Asking:
    run = asking(answer, world, limit=LIMIT, window=WINDOW)
    jitter = 0.01 * world.draws("start")()
    run.client("c1", [(when + jitter, request) for when, request in PLAN])
    world.at(PLAN[-1][0] + 0.05, run.look)
    world.client(JUDGE, partial(until, world, IDLE))
    return run


def _crowd(answer: Answer, world: Simulation, clients: int) -> Asking:
    run = asking(answer, world, limit=LIMIT, window=WINDOW)
    for number in range(1, clients + 1):
        draw, when, plan = world.draws(f"c{number}"), 0.0, []
        for request in range(10):
            when += 0.6 * draw()
            plan.append((when, f"c{number}-{request}"))
        run.client(f"c{number}", plan)
    return run


def _clock(answer: Answer, world: Simulation, clients: int) -> Asking:
    """By the server's clock r2 comes 20 s after r1, and r3 11 s after r2; by a client's all within half a second."""
    run = asking(answer, world, limit=2, window=30.0)
    run.client("c1", [(0.0, "r1"), (0.2, "r2"), (0.5, "r3")])
    world.at(0.1, world.step_clock, 0, 20.0)
    world.at(0.3, world.step_clock, 0, 11.0)
    return run


def _flushed(answer: Answer, world: Simulation, clients: int) -> Asking:
    run = asking(answer, world, limit=2, window=30.0)
    run.client("c1", [(0.0, "r1"), (0.1, "r2"), (0.5, "r3")])
    world.client("admin", world.redis().script_flush, start=0.3)
    return run


# -- judges -----------------------------------------------------------------------------------------------------------


def _value(run: Play) -> Iterator[Violation]:
    for act in answered(run):
        if isinstance(act.result, BaseException):
            yield failure(act, "value")
            return
        if not well_formed(act.result):
            form = "(allowed, remaining, retry_after): a bool, an int, a number"
            text = f"{act.who} was given {shown(act.result)}; it must be {form}."
            yield Violation("value", text, act.who, act.began, "no decision")
            return


def _decided(promise: str, run: Play) -> Iterator[Violation]:
    """Never more than the limit in a window; and nobody is refused while there is room."""
    yield from _value(run)
    yield from _too_many(promise, run)
    yield from _wrongly_refused(run)


def _too_many(promise: str, run: Play) -> Iterator[Violation]:
    limit, window = run.witness.limit, run.witness.window
    sure = [one for one in decisions(run) if one.sure]
    for first, last in zip(sure, sure[limit:], strict=False):
        if last.when - first.first < window - NEAR:
            text = (
                f"{limit + 1} requests were admitted within {ms(last.when - first.first)}, from {ms(first.first)} on; "
                f"the limit is {limit} in {ms(window)}."
            )
            yield Violation(promise, text, last.act.who, last.act.began, f"number {limit + 1}")
            return


def _wrongly_refused(run: Play) -> Iterator[Violation]:
    limit, window, admitted = run.witness.limit, run.witness.window, decisions(run)
    for when, act in refusals(run):
        near = [one for one in admitted if when - window - NEAR < one.when and one.act.began <= (act.ended or run.now)]
        if any(one.sure and one.act.what == act.what and one.act is not act for one in near):
            text = f"{act.what} was admitted before; asked again at {ms(act.began)}, it was refused."
            yield Violation("once", text, act.who, act.began, "refused, and was admitted")
            return
        if len(near) < limit:
            lost = any(event.fault == "reply lost" for event in run.trace)
            after = "A reply had been lost. " if lost else ""
            text = (
                f"{after}{act.what} was refused at {ms(when)}, when {len(near)} had been admitted in the last "
                f"{ms(window)}; the limit is {limit}."
            )
            yield Violation("once" if lost else "admits", text, act.who, act.began, "refused, and there is room")
            return


def _judge_in_turn(run: Play) -> Iterator[Violation]:
    yield from _decided("window", run)
    yield from _ends(run)
    for judge in (_told, _declared, _cost) if unfaulted(run) else ():
        yield from judge(run)


def _told(run: Play) -> Iterator[Violation]:
    """What is left, and when there is room again: for each request, by those who were admitted before."""
    admitted = decisions(run)
    for act in run.witness.acts:
        whens = moments(run, act)
        if not whens or not well_formed(act.result) or (allowed(act) and not _first(admitted, act)):
            continue
        when = whens[-1]
        _, remaining, retry_after = act.result
        near = [one for one in admitted if when - run.witness.window < one.when <= when]
        wanted = max(0, run.witness.limit - len(near)), 0.0
        if not allowed(act) and near:
            wanted = 0, near[0].when + run.witness.window - when
        if remaining != wanted[0] or not abs(retry_after - wanted[1]) <= NEAR:
            text = (
                f"{act.what}, at {ms(when)}, was told that {remaining} remain and to ask again in {retry_after:g} s; "
                f"right is {wanted[0]}, and {round(wanted[1], 3):g} s."
            )
            yield Violation("told", text, act.who, act.began, "told wrongly")
            return


def _first(admitted: list[Decided], act: Act) -> bool:
    return any(one.act is act for one in admitted)


def _declared(run: Play) -> Iterator[Violation]:
    """Every key that is there was declared, and those of one call lie in one slot."""
    known = {key for event in run.trace for key in declared(event)}
    hidden = sorted(key.decode(errors="replace") for key in run.witness.keys if key not in known)
    if hidden:
        text = f"The script used the key {hidden[0]}, and did not declare it: a cluster could not know its node."
        first = next(scripts(run), run.trace.events[0])
        yield Violation("declared", text, first.client, first.t_start, "undeclared key")
        return
    for event in scripts(run):
        if len(slots(event)) > 1:
            keys = " and ".join(key.decode(errors="replace") for key in declared(event))
            text = f"{keys} lie in different slots: a cluster refuses the script with CROSSSLOT."
            yield Violation("declared", text, event.client, event.t_start, "two slots")
            return


def _ends(run: Play) -> Iterator[Violation]:
    idle = IDLE - PLAN[-1][0]
    for _, key, life in left(run):
        rest = "and has no TTL" if life < 0 else f"and will be for another {ms(life / 1000)}"
        text = f"Nobody has asked for {ms(idle)}, {idle / WINDOW:.0f} windows, and {key} is still there, {rest}."
        yield Violation("ends", text, "c1", PLAN[-1][0], "never ends")
        return


def _cost(run: Play) -> Iterator[Violation]:
    for act in run.witness.acts[1:]:
        if act.done and cost(run, act)[0] != 1:
            text = f"{act.what} took {cost(run, act)[0]} round trips; 1 will do."
            yield Violation("cost", text, act.who, act.began, "a decision")
            return


def _server_clock(run: Play) -> Iterator[Violation]:
    heard = [allowed(act) for act in run.witness.acts]
    if heard != [True, True, True]:
        said = ", ".join({True: "yes", False: "no", None: "nothing"}[one] for one in heard)
        text = f"By the server's clock r1 was 31 s old when r3 came, and a window is 30 s; r1, r2 and r3 heard {said}."
        yield Violation("server-clock", text, "c1", 0.5, "by whose clock?")


def _noscript(run: Play) -> Iterator[Violation]:
    *_, last = run.witness.acts
    if allowed(last) is not False:
        error = type(last.result).__name__ if isinstance(last.result, BaseException) else shown(last.result)
        text = f"The scripts' cache was emptied at 300 ms; r3, the third of 2, must be refused, and ended with {error}."
        yield Violation("noscript", text, "c1", last.began, "NOSCRIPT")
