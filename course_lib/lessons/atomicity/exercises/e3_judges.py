"""What the requests of a judged limiter must hear: counted on the wire, by who was admitted, and when."""

from __future__ import annotations

from collections.abc import Iterator

from course_lib.explore import Fact, Play
from course_lib.explore.server_state import left
from course_lib.grading.acts import answered, failure
from course_lib.grading.evidence import ms, shown
from course_lib.grading.rules import Found, undisturbed
from course_lib.lessons.atomicity.exercises.e3_requests import allowed, decisions, moments, users, well_formed
from course_lib.lessons.atomicity.exercises.server_access import commands, declared, hidden, scripts, slots, trips

TOLD = 0.005
"""By how many seconds `retry_after` can be wrong."""


def value(run: Play) -> Iterator[Found]:
    """A call returns a decision, and has it from the server: if its last command was not answered, its caller must hear
    the error."""
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


def too_many(run: Play) -> Iterator[Found]:
    """Never more than the limit in a window."""
    for (user, limit, window), acts in users(run):
        sure = [one for one in decisions(run, acts, window) if one.sure]
        for first, last in zip(sure, sure[limit:], strict=False):
            if last.when - first.first < window - run.witness.near:
                text = (
                    f"{limit + 1} requests of {user} were admitted within {ms(last.when - first.first)}, from "
                    f"{ms(first.first)} on; the limit is {limit} in {ms(window)}."
                )
                facts = (
                    Fact(first.first, first.act.who, "is admitted"),
                    Fact(last.when, last.act.who, "is admitted too"),
                )
                yield text, last.act.who, last.act.began, f"number {limit + 1}", facts


def admits(run: Play) -> Iterator[Found]:
    """Nobody is refused while there is room."""
    return (found[1:] for found in _first_wrongly_refused(run) if found[0] == "admits")


def once(run: Play) -> Iterator[Found]:
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
def told_right(run: Play) -> Iterator[Found]:
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
def all_declared(run: Play) -> Iterator[Found]:
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


def ends(run: Play) -> Iterator[Found]:
    """Nothing is left in the end."""
    for _, key, life in left(run):
        rest = "and has no TTL" if life < 0 else f"and will be for another {ms(life / 1000)}"
        yield f"Nobody has asked for five windows, and {key} is still there, {rest}.", "c1", run.now, "never ends"


@undisturbed
def cost(run: Play) -> Iterator[Found]:
    """One round trip for each."""
    for act in run.witness.acts:
        if act.done and (took := trips(run, act)) != 1:
            yield f"{act.what} took {took} round trips; 1 will do.", act.who, act.began, "a decision"


def server_clock(run: Play) -> Iterator[Found]:
    """In the runs of `_clock`, all are admitted."""
    heard = [allowed(act) for act in run.witness.acts]
    if heard != [True, True, True]:
        said = ", ".join({True: "yes", False: "no", None: "nothing"}[one] for one in heard)
        text = f"By the server's clock r1 was 31 s old when r3 came, and a window is 30 s; r1, r2 and r3 heard {said}."
        yield text, "c1", 0.5, "by whose clock?"


def noscript(run: Play) -> Iterator[Found]:
    """In the runs of `_flushed`, the third and the fourth are refused."""
    for act, when in zip(run.witness.acts[2:], (300, 700), strict=False):
        if allowed(act) is not False:
            error = type(act.result).__name__ if act.failed else shown(act.result)
            emptied = f"The scripts' cache was emptied at {when} ms"
            text = f"{emptied}; r3, the third of 2, must be refused, and ended with {error}."
            yield text, "c1", act.began, "NOSCRIPT"
