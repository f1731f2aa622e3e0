"""03.3, write a limiter: the answer decides requests; the judge counts on the wire who was admitted, and when."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from redis.exceptions import RedisError

from course_lib.explore import Play, Simulation, Trial, steady, until
from course_lib.explore.server_state import left
from course_lib.grading.acts import PATIENCE, answered, failure
from course_lib.grading.answer import coroutine_function
from course_lib.grading.evidence import JUDGE, ms, shown
from course_lib.grading.rules import Found, Judge, Rules, trial, undisturbed
from course_lib.lessons.atomicity.exercises.e3_clues import clues
from course_lib.lessons.atomicity.exercises.e3_requests import (
    Answer,
    Asking,
    Policy,
    allowed,
    decisions,
    moments,
    users,
    well_formed,
)
from course_lib.lessons.atomicity.exercises.wire import (
    LOADING,
    READONLY,
    Refusing,
    commands,
    declared,
    hidden,
    scripts,
    slots,
    trips,
)

HALF_WAY = 0.0014
"""Seconds to the server: what is sent at a whole millisecond arrives near the middle of another, for whoever cuts."""
IDLE = 5.02
"""How many windows after the last request the judge looks whether anything is left."""
TOLD = 0.005
"""By how many seconds `retry_after` may be wrong."""
POLICIES = [
    Policy(), Policy("ann:x", 1, 4.02), Policy("Zoë 7", 12, 90_000.25), Policy("x", 2, 0.057),
    Policy("ann:x:y", 3, 2.5),
]  # fmt: skip
"""One user's, by the run's seed, and another's: the next one."""
SHAKEN = [
    (0.0, "r1"), (0.3, "r2"), (0.6, "r3"), (0.7, "r4"), (1.0, "r2"), (1.15, "r6"), (1.35, "r4"), (1.45, "r8"),
    (1.65, "r9"),
]  # fmt: skip
"""Three are admitted; r4 is refused, and asks again when there is room; r2 asks again, as if its answer was lost."""
ERRORS = [LOADING, READONLY]


def trials(answer: Answer) -> list[Trial]:
    """At one moment, in every order; one after another; a crowd; a clock that is put ahead; a forgotten script."""
    losses = {"lose request": 0.0, "lose reply": 0.0}
    decided: dict[str, Judge] = {"value": _value, "admits": _admits, "once": _once}
    in_time = partial(trial, sizes=(1,), horizon=20.0)
    told: dict[str, Judge] = {"ends": _ends, "told": _told, "declared": _declared, "cost": _cost}

    def exact(latency: float) -> Simulation:
        return Simulation(latency=steady(latency), socket_timeout=PATIENCE)

    return [
        trial("requests at the same moment", partial(_at_once, answer, ("r1", "r2")), {"race": _too_many}, sizes=(2,),
              orders=(2,), least=2),
        trial("a request asked twice at the same moment", partial(_at_once, answer, ("r1", "r1")), decided, sizes=(2,),
              orders=(2,), least=2),
        in_time("one request after another", partial(_in_turn, answer), {**decided, "window": _too_many, **told},
                seeds=len(POLICIES), world=partial(exact, HALF_WAY), horizon=1e6),
        in_time("exactly one window later", partial(_to_the_microsecond, answer),
                {"window": _too_many, "admits": _admits, "told": _told}, world=partial(exact, 2**-10), horizon=1e6),
        in_time("a fault strikes", partial(_shaken, answer), {**decided, "window": _too_many}, faults=losses),
        trial("a crowd", partial(_crowd, answer), {"value": _value, "window": _too_many, "admits": _admits},
              sizes=(6,), seeds=3, horizon=20.0),
        in_time("the server's clock is put ahead", partial(_clock, answer), {"server-clock": _server_clock}),
        in_time("the server forgets the script", partial(_flushed, answer), {"noscript": _noscript}),
        in_time("the server answers with an error", partial(_refused, answer), {"errors": _errors}, seeds=len(ERRORS)),
    ]  # fmt: skip


def _at_once(answer: Answer, requests: tuple[str, ...], world: Simulation, clients: int) -> Asking:
    run = Asking(world, answer=answer)
    for number, request in enumerate(requests[:clients], 1):
        run.asks(f"c{number}", [(0.0, request)], Policy("ann", 1, 60.0))
    return run


def plan(limit: int, window: float) -> list[tuple[float, str]]:
    """As many as may are admitted in the first half of a window; then come repeats, refusals, and refusals that ask
    again when there is room, just after the end of the window; and much later the first id again, which is a new one.
    """
    steps = [(0.5 * n / limit, f"r{n}") for n in range(limit)]
    steps += [
        (0.25 / limit, "r0"),
        (0.55, "new"),
        (0.6, "r0"),
        (0.7, "other"),
        (0.75, f"r{limit - 1}"),
        (0.8, "new"),
        (0.85, "r0"),
    ]
    steps = [(round(part * window, 3), request) for part, request in sorted(steps)]
    steps += [(window - 0.001, "early"), (window + 0.002, "new"), (window + 0.01, "other")]
    steps += [
        (round(part * window, 3), id) for part, id in ((1.3, "other"), (1.6, "new"), (1.8, "a"), (2.4, "b"), (3, "c"))
    ]
    steps += [(3.5 * window + 1.1 + 0.003 * n, f"d{n}") for n in range(limit)] + [
        (3.5 * window + 1.11 + 0.003 * limit, "r0")
    ]
    return [(max(when, 0.003 * n), request) for n, (when, request) in enumerate(steps)]


def _shaken(answer: Answer, world: Simulation, clients: int) -> Asking:
    run = Asking(world, answer=answer)
    run.asks("c1", SHAKEN, Policy())
    return run


def _in_turn(answer: Answer, world: Simulation, clients: int) -> Asking:
    """Two tasks of one process, each for a user of its own, with the same ids; then nobody for five windows."""
    run, process, last = Asking(world, answer=answer, near=0.0005), None, 0.0
    for number in range(2):
        policy = POLICIES[(world.seed + number) % len(POLICIES)]
        steps = plan(policy.limit, policy.window)
        process = run.asks(f"c{number + 1}", steps, policy, process)
        last = max(last, steps[-1][0] + IDLE * policy.window)
    world.client(JUDGE, until, world, last)
    return run


def _to_the_microsecond(answer: Answer, world: Simulation, clients: int) -> Asking:
    """With messages that always take as long, and times that a double holds, two lie exactly a window apart."""
    run = Asking(world, answer=answer, near=0.0)
    run.asks("c1", [(0, "r1"), (0.25, "r2"), (0.5, "r3"), (1.25, "r4"), (1.5, "r5"), (2.5, "r6")], Policy())
    run.asks(
        "c2", [(0.125, "r1"), (4095.5, "r2"), (4096.125, "r3")], Policy("bob", 1, 4096.0)
    )  # whose key must live to the end
    return run


def _crowd(answer: Answer, world: Simulation, clients: int) -> Asking:
    """All begin at the same moment; half of them ask for another user, with the same ids."""
    run, process = Asking(world, answer=answer), None
    for number in range(1, clients + 1):
        draw, when, steps = world.draws(f"c{number}"), 0.0, []
        for request in range(8):
            steps.append((when, f"{number // 2}-{request}"))
            when += 0.6 * draw()
        policy = Policy() if number % 2 else Policy("ann:0", 2, 0.75)
        process = run.asks(f"c{number}", steps, policy, process if number == 3 else None)
    return run


def _clock(answer: Answer, world: Simulation, clients: int) -> Asking:
    """By the server's clock r2 comes 20 s after r1, and r3 11 s after r2; by a client's all within half a second."""
    run = Asking(world, answer=answer)
    run.asks("c1", [(0.0, "r1"), (0.2, "r2"), (0.5, "r3")], Policy("ann", 2, 30.0))
    world.at(0.1, world.step_clock, 0, 20.0)
    world.at(0.3, world.step_clock, 0, 11.0)
    return run


def _flushed(answer: Answer, world: Simulation, clients: int) -> Asking:
    """Twice, so that who knows the script by heart the first time must know it again."""
    run = Asking(world, answer=answer)
    run.asks("c1", [(0.0, "r1"), (0.1, "r2"), (0.5, "r3"), (0.9, "r3")], Policy("ann", 2, 30.0))
    for number, when in enumerate((0.3, 0.7), 1):
        world.client(f"admin {number}", world.redis().script_flush, start=when)
    return run


def _refused(answer: Answer, world: Simulation, clients: int) -> Asking:
    run, error = Asking(world, answer=answer), ERRORS[world.seed % len(ERRORS)]
    world.nodes[0].extension = Refusing(world, error, 0.0, 0.5)
    run.asks("c1", [(0.1, "r1"), (1.0, "r1")], Policy())
    return run


# -- judges -----------------------------------------------------------------------------------------------------------


def _value(run: Play) -> Iterator[Found]:
    """A decision, from the server: where its last command was not answered, its caller must hear the error."""
    for act in answered(run):
        ran = commands(run, act)
        if act.failed:
            yield failure(act), act.who, act.began, "fails"
        elif not well_formed(act.result):
            form = "(allowed, remaining, retry_after): a bool, an int, a number"
            yield f"{act.who} was given {shown(act.result)}; it must be {form}.", act.who, act.began, "no decision"
        elif not ran or ran[-1].t_end is None:
            why = f"{ran[-1].name} was not answered" if ran else "the server was not asked"
            text = f"{act.what} was told {shown(act.result)}, and {why}: its caller must hear the error."
            yield text, act.who, act.began, "who decided?"


def _too_many(run: Play) -> Iterator[Found]:
    """Never more than the limit in a window."""
    for (user, limit, window), acts in users(run):
        sure = [one for one in decisions(run, acts, window) if one.sure]
        for first, last in zip(sure, sure[limit:], strict=False):
            if last.when - first.first < window - run.witness.near:
                text = (
                    f"{limit + 1} requests of {user} were admitted within {ms(last.when - first.first)}, from "
                    f"{ms(first.first)} on; the limit is {limit} in {ms(window)}."
                )
                yield text, last.act.who, last.act.began, f"number {limit + 1}"


def _admits(run: Play) -> Iterator[Found]:
    """Nobody is refused while there is room."""
    return (found[1:] for found in _first_wrongly_refused(run) if found[0] == "admits")


def _once(run: Play) -> Iterator[Found]:
    """A request whose reply was lost does not count when it is asked again."""
    return (found[1:] for found in _first_wrongly_refused(run) if found[0] == "once")


def _first_wrongly_refused(run: Play) -> Iterator[Found]:
    """The first of each user, and which promise that breaks; those that come later can be its consequences."""
    for (user, limit, window), acts in users(run):
        admitted, close = decisions(run, acts, window), run.witness.near
        for act in acts:
            whens = moments(run, act)
            if allowed(act) is not False or not whens:
                continue
            when = whens[-1]
            near = [one for one in admitted if when - window - close < one.when and one.act.began <= act.ended]
            same = (one for one in near if one.sure and one.act.what == act.what)
            if any(one.when < when < one.first + window - close for one in same):
                text = f"{act.what} of {user} was admitted before; asked again at {ms(act.began)}, it was refused."
                yield "once", text, act.who, act.began, "refused, and was admitted"
                break
            if len(near) < limit:
                lost = any(event.fault == "reply lost" for event in run.trace)
                text = (
                    f"{'A reply had been lost. ' if lost else ''}{act.what} of {user} was refused at {ms(when)}, when "
                    f"{len(near)} had been admitted in the last {ms(window)}; the limit is {limit}."
                )
                yield "once" if lost else "admits", text, act.who, act.began, "refused, and there is room"
                break


@undisturbed
def _told(run: Play) -> Iterator[Found]:
    """What is left, and when there is room again: for each request, by those that were admitted before."""
    for (_, limit, window), acts in users(run):
        admitted, close = decisions(run, acts, window), run.witness.near
        for act in acts:
            whens = moments(run, act)
            edge = any(abs(when - window - one.when) < close for when in whens for one in admitted) and close > 0
            if not whens or not well_formed(act.result) or edge:
                continue
            when, (_, remaining, retry_after) = whens[-1], act.result
            near = [one for one in admitted if when - window + 1e-9 < one.when <= when]
            wanted = max(0, limit - len(near)), 0.0
            if not allowed(act) and near:
                wanted = 0, near[0].when + window - when
            right = retry_after == 0 if allowed(act) else abs(retry_after - wanted[1]) <= TOLD
            first = [one.act for one in near if one.act.what == act.what and one.act is not act]
            before = [one.result[1] for one in first if well_formed(one.result)]  # a repeat may hear the same again
            if remaining not in (wanted[0], *before) or not right:
                text = (
                    f"{act.what}, at {ms(when)}, was told that {remaining} remain and to ask again in "
                    f"{retry_after:g} s; right is {wanted[0]}, and {round(wanted[1], 3):g} s."
                )
                yield text, act.who, act.began, "told wrongly"


@undisturbed
def _declared(run: Play) -> Iterator[Found]:
    """Every key that is there was declared, as was every one that a script asked for; those of a call lie in a slot."""
    known = {key for event in run.trace for key in declared(event)}
    for event, key in hidden(run):
        name = key.decode(errors="replace")
        text = f"The script used the key {name}, and did not declare it: a cluster could not know its node."
        yield text, event.client, event.t_start, "undeclared key"
    for key in sorted(run.witness.keys - known):
        text = f"The key {key.decode(errors='replace')} is there, and no call declared it."
        yield text, "c1", run.now, "undeclared key"
    for event in scripts(run):
        if len(slots(event)) > 1:
            keys = " and ".join(key.decode(errors="replace") for key in declared(event))
            text = f"{keys} lie in different slots: a cluster refuses the script with CROSSSLOT."
            yield text, event.client, event.t_start, "two slots"


def _ends(run: Play) -> Iterator[Found]:
    for _, key, life in left(run):
        rest = "and has no TTL" if life < 0 else f"and will be for another {ms(life / 1000)}"
        yield f"Nobody has asked for five windows, and {key} is still there, {rest}.", "c1", run.now, "never ends"


@undisturbed
def _cost(run: Play) -> Iterator[Found]:
    for act in run.witness.acts:
        if act.done and (took := trips(run, act)) != 1:
            yield f"{act.what} took {took} round trips; 1 will do.", act.who, act.began, "a decision"


def _server_clock(run: Play) -> Iterator[Found]:
    heard = [allowed(act) for act in run.witness.acts]
    if heard != [True, True, True]:
        said = ", ".join({True: "yes", False: "no", None: "nothing"}[one] for one in heard)
        text = f"By the server's clock r1 was 31 s old when r3 came, and a window is 30 s; r1, r2 and r3 heard {said}."
        yield text, "c1", 0.5, "by whose clock?"


def _noscript(run: Play) -> Iterator[Found]:
    for act, when in zip(run.witness.acts[2:], (300, 700), strict=False):
        if allowed(act) is not False:
            error = type(act.result).__name__ if act.failed else shown(act.result)
            emptied = f"The scripts' cache was emptied at {when} ms"
            text = f"{emptied}; r3, the third of 2, must be refused, and ended with {error}."
            yield text, "c1", act.began, "NOSCRIPT"


def _errors(run: Play) -> Iterator[Found]:
    refused, after = run.witness.acts[0], run.witness.acts[-1]
    error = ERRORS[run.schedule.seed % len(ERRORS)]
    if not isinstance(refused.result, RedisError):
        what = failure(refused) if refused.failed else f"c1 was told {shown(refused.result)}."
        what = what if refused.over else "c1 never ended."
        text = f"The server answered {error}: that must go to the caller. {what}"
        yield text, "c1", refused.began, "no error"
    elif allowed(after) is not True:
        yield (
            f"The error is over, and r1 was told {shown(after.result)}; it must be admitted.",
            "c1",
            after.began,
            "then",
        )


RULES = Rules(coroutine_function("redis, user, *, limit, window, request"), trials, clues)
