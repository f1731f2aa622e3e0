"""06.3, a lease: who may store a page. Judged step by step, and by what readers are given beside a writer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import combinations

from course_lib.explore import CRASHED, Play, Simulation, Trial, steady
from course_lib.grading import key_log
from course_lib.grading.answer import a_class
from course_lib.grading.evidence import ms, raised, shown
from course_lib.grading.key_log import State
from course_lib.grading.rules import Failing, Found, Judge, Rules, named, trial
from course_lib.lessons.invalidation.exercises.e3_calls import EXTREMES, SETS, STEPS, Answer, Op, at_once, in_turn, soon
from course_lib.sim.faults import Kind

A_WAY = 0.0005
"""Seconds that a message takes where steps follow one another within milliseconds, and each has to end in time."""
FAULTS: dict[Kind, float] = {"pause": 0.25, "crash": 0.0, "lose reply": 0.0}


def trials(answer: Answer) -> list[Trial]:
    """Steps in turn; with a command refused; and at once, with one fault at every send."""
    steps: dict[str, Judge] = {name: partial(_first_wrong, name) for name in ("pages", "lease", "stale", "any-text")}
    return [
        trial("in turn", partial(in_turn, answer), steps | {"lives": _lives, "hit": _hit}, sizes=(1,),
              seeds=len(SETS), horizon=1e3),
        trial("soon after a delete", partial(soon, answer), steps | {"lives": _lives}, sizes=(1,),
              seeds=len(EXTREMES), world=partial(Simulation, latency=steady(A_WAY))),
        trial("the server refuses a command", partial(in_turn, answer), {"errors": key_log.errors}, sizes=(2,),
              seeds=12, horizon=1e3),
        trial("readers and a writer", partial(at_once, answer),
              {"race": _race, "lease": _one_lease, "errors": key_log.errors}, sizes=(2,), seeds=4, faults=FAULTS,
              fault_seeds=3, horizon=5.0),
    ]  # fmt: skip


# -- judges ------------------------------------------------------------------------------------------------------------


def wrong_step(run: Play) -> tuple[Op, str] | None:
    """The first step that went otherwise than it must, and how."""
    for op in run.witness.acts:
        right = op.step.get("gives")
        changed = [name for name in (op.key, f"lease:{op.key}") for _ in run.witness.log.during(name, op)]
        got = "wait" if op.pair and tuple(op.result) == (None, None) else "lease" if op.given is not None else None
        got = f"={op.hit}" if op.hit is not None else got
        if not op.over:
            return op, "never ended"
        if op.failed:
            return op, f"raised {raised(op.result)}"
        if op.what == "get" and (
            got != right or (op.given is not None and run.witness.leases[op.key].count(op.given) > 1)
        ):
            return op, f"returned {shown(op.result)}"
        if op.what == "put" and (type(op.result) not in (bool, int) or op.result != right):
            return op, f"returned {shown(op.result)}"
        if changed and right is False:
            return op, f"changed {changed[0]}"
    return None


RIGHT = {"lease": "(None, a lease)", "wait": "(None, None)"}


def _first_wrong(promise: str, run: Play) -> Iterator[Found]:
    wrong = wrong_step(run)
    if wrong is not None and wrong[0].step["keeps"] == promise:
        op, how = wrong
        right = op.step.get("gives", "no error")
        right = RIGHT.get(right, f"({right[1:]!r}, None)") if op.what == "get" else right
        told = f", {op.page!r}, {op.lease!r}" if op.what == "put" else ""
        text = f"{op.who}'s {op.what}({op.key!r}{told}) {how}; after all that went before, {right} is right."
        yield text, op.who, op.ended, "wrong"
    yield from key_log.strays(run) if promise == "pages" else ()


def lives(run: Play) -> Iterator[tuple[Op, str, State, float]]:
    """What became of a key, and how long it was to live: of pages and of leases, by calls that may change them."""
    for op in run.witness.acts:
        for name, life in ((op.key, run.witness.ttl), (f"lease:{op.key}", run.witness.lease_ttl)):
            for state in run.witness.log.during(name, op):
                if state.there:
                    yield op, name, state, life


def _lives(run: Play) -> Iterator[Found]:
    """Each page and each lease lives its time from its first moment on; and a call that only looks changes nothing."""
    for op, name, state, life in lives(run):
        if not key_log.right_life(run, state, life):
            lasts = key_log.lasting(key_log.lasts(run, state, life))
            yield (
                f"What {op.who} left under {name} {lasts}; {life:,.10g} s is right.",
                op.who,
                state.when,
                "wrong lifetime",
            )
        elif op.what == "get" and op.given is None:
            yield f"{op.who}'s get gave no lease, and changed {name}.", op.who, state.when, "changed"
    yield from _first_wrong("lives", run)


def _hit(run: Play) -> Iterator[Found]:
    for op in run.witness.acts:
        if op.hit is not None and (trips := key_log.trips(run, op)) != 1:
            yield f"{op.who} found its page, in {trips} round trips; 1 will do.", op.who, op.began, "cost"


def _race(run: Play) -> Iterator[Found]:
    """Once a delete was answered, nobody is given a page from before its commit; nor a page that nobody put."""
    deletes = [op for op in run.witness.acts if op.what == "delete" and op.done]
    for op in run.witness.acts:
        committed = max((delete.row for delete in deletes if delete.ended <= op.began), default=0)
        if op.hit is not None and {f"version {row}": row for row in range(1, 9)}.get(op.hit, -1) < committed:
            text = f"The delete of version {committed} was answered, and at {ms(op.ended)} {op.who} was given {op.hit}."
            yield text, op.who, op.ended, "an old page"


def _one_lease(run: Play) -> Iterator[Found]:
    """No lease is given twice; while one is valid nobody else is given one, nor just after, if the page is there;
    nobody waits forever."""
    acts, ends = run.witness.acts, run.witness.lease_ttl
    given = [op for op in acts if op.given is not None]
    for first, op in combinations(sorted(given, key=lambda op: op.ended), 2):
        if first.given == op.given:
            text = f"{first.who} was given the lease {op.given!r} by {ms(first.ended)}, and {op.who} by {ms(op.ended)}."
            yield text, op.who, op.ended, "the same lease"
    for first, op in ((first, op) for op in given for first in given if first.ended <= op.began):
        between = [o for o in acts if o.what != "get" and o.began <= op.ended and o.ended >= first.began]
        puts = [o for o in between if o.lease == first.given and o.result is True and o.ended <= op.ended]
        if (puts and between == puts) or (not between and op.ended < first.began + ends):
            text = f"{first.who} was given a lease by {ms(first.ended)}, and {op.who} another by {ms(op.ended)}"
            yield f"{text}{'; by then, the page was there' * bool(puts)}.", op.who, op.ended, "two leases"
    for who, result in run.results.items():
        if isinstance(result, BaseException) and run.schedule.faults == 0:
            yield f"{who} ended with {raised(result)}.", who, run.now, "an error"
    for op in acts:
        if not op.over and run.results.get(op.who) is not CRASHED:
            yield f"{op.who}'s {op.what} never ended.", op.who, run.now, "no end"
    for who in run.witness.waits:
        yield f"{who} was told to wait again and again, and had neither page nor lease.", who, run.now, "waits"


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """The first step that went wrong, and what stood under the keys then; how long things lived; how put was sent."""
    first = failing.first
    wrong = wrong_step(first)
    op = wrong[0] if wrong is not None else first.witness.acts[0]
    place = STEPS.index(op.step) if wrong is not None else len(STEPS)
    keys = first.witness.log.states
    page, lease = ([one.there for one in keys[name] if one.when <= op.ended] for name in (op.key, f"lease:{op.key}"))
    wrong_life = [(key_log.lasts(run, state, life), life) for promise, run in failing.items() if promise == "lives"
                  for _, _, state, life in lives(run) if not key_log.right_life(run, state, life)]  # fmt: skip
    left, life = wrong_life[0] if wrong_life else (0.0, 1.0)
    puts = (
        [key_log.sent(failing["race"], put) for put in failing["race"].witness.acts if put.what == "put"]
        if "race" in failing
        else []
    )
    yield from named({
        "not-a-pair": wrong is not None and op.what == "get" and not op.pair and not op.failed and op.over,
        "in-memory": place == 1 and op.given is not None and not any(lease),
        "everybody-loads": place == 1 and op.given is not None and lease[-1],
        "stores-without-a-lease": place == 2 and op.result is True and page[-1],
        "keeps-the-lease": place == 6 and op.result is True and lease[-1],
        "delete-keeps-the-lease": place == 11 and op.result is True and page[-1],
        "empty-is-a-miss": place == 14 and op.hit is None and page[-1] and key_log.sent(first, op),
        "never-expires": left == key_log.FOREVER,
        "wrong-unit": any(abs(ratio / 1000 - 1) < 0.01 for ratio in (left / life, life / left if left > 0 else 0)),
        "whole-seconds": life % 1 > 0 and left > 0 and key_log.whole(left) and abs(left - life) < 1,
        "looks-then-puts": any({"GET", "SET"} <= {e.name for e in events} and not {"WATCH", "EVAL", "EVALSHA", "MULTI"}
                               & {e.name for e in events} for events in puts),
    })  # fmt: skip


METHODS = {"get": "key", "put": "key, page, lease", "delete": "key"}
RULES = Rules(a_class("redis, *, ttl, lease_ttl, new_token", METHODS), trials, clues)
