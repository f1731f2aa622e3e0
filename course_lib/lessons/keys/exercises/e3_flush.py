"""02.3, a flush at run time: processes that read through the answer's cache while one of them flushes it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from functools import cache, partial
from itertools import pairwise
from typing import Any

from course_lib.explore import Play, Process, Schedule, Simulation, Trial, play
from course_lib.grading.acts import Act, answered, cost, failure, sent
from course_lib.grading.answer import a_class
from course_lib.grading.evidence import JUDGE, endless, life_ms, ms, shown
from course_lib.grading.rules import Failing, Found, Rules, named, trial, undisturbed
from course_lib.lessons.keys.exercises import e3_plans
from course_lib.lessons.keys.exercises.e3_plans import OTHERS, PREFIX, Flushed, Plan, Row
from course_lib.lessons.keys.exercises.unheard_errors import REFUSALS, refusing, unheard_errors, unheard_refusals

Answer = Callable[..., Any]


def trials(answer: Answer) -> list[Trial]:
    """One after another, with faults; loads that a flush overtakes; a flush that is late; few and many flushes."""
    in_turn = {"value": _value, "flushed": _fresh, "others": _others, "expires": _expires, "hit": _hit,
               "one-trip": _one_trip, "errors": unheard_errors}  # fmt: skip
    build = partial(_build, answer)
    return [
        trial("read, flush, read", partial(build, e3_plans.in_turn), in_turn, sizes=(1, 2, 3), seeds=4,
              faults={"crash": 0.0, "lose reply": 0.0, "node down": 0.03}, fault_sizes=(2,), horizon=1e7),
        trial("a flush overtakes a load", partial(build, e3_plans.overtaken, seconds=0.1), {"overtaken": _fresh},
              sizes=(2, 3, 5), seeds=6, faults={"pause": 0.1}, fault_sizes=(2, 3), least=2, horizon=4.0),
        trial("a flush that is late", partial(build, e3_plans.late, least_ttl=1.5), {"never-back": _fresh}, sizes=(3,),
              seeds=2, faults={"pause": 0.3}, least=3, horizon=4.0),
        trial("flushes far apart", partial(build, None), {"flushed": _fresh}, sizes=(1,), seeds=8, horizon=1e8),
        trial("a user is called like what you keep", partial(build, e3_plans.namesake, namesakes=_kept(answer)),
              {"value": _value, "flushed": _fresh}, sizes=(2,), seeds=4, horizon=10.0),
        trial("many flushes", partial(build, e3_plans.many),
              {"value": _value, "flushed": _fresh, "errors": unheard_errors},
              sizes=(1,), horizon=10.0),
        trial("many flushes and as many reads", partial(build, e3_plans.close_by, seconds=0.0, least_ttl=60.0),
              {"flushed": _fresh}, sizes=(2,), horizon=10.0),
        trial("the server refuses a command", partial(build, e3_plans.refused), {"errors": unheard_refusals},
              sizes=(1,), seeds=REFUSALS, horizon=10.0),
    ]  # fmt: skip


def _kept(answer: Answer) -> tuple[str, ...]:
    """The last parts of the keys that a flush names, where users can be called so."""
    alone = play(trial("a flush", partial(_build, answer, e3_plans.namesake), {}, sizes=(1,)), Schedule(1))
    keys = [part.decode(errors="replace") for flush in alone.witness.did("flush")
            for event in sent(alone, flush) for part in event.command[1:]]  # fmt: skip
    names = [key.removeprefix(PREFIX)[1:] for key in keys if key.startswith(PREFIX)]
    return tuple(dict.fromkeys(name for name in names if re.fullmatch(r"[\w.@-]+", name))) or ("v2", "version")


def _build(
    answer: Answer,
    plans: Callable[[float, float], Plan] | None,
    world: Simulation,
    clients: int,
    seconds: float | None = None,
    least_ttl: float = 0,
    namesakes: tuple[str, ...] = (),
) -> Flushed:
    seconds = (0.01, 0.06)[world.seed % 2] if seconds is None else seconds
    run = Flushed(
        refusing(world) if plans is e3_plans.refused else world,
        seconds=seconds,
        least_ttl=least_ttl,
        namesakes=namesakes,
    )
    plan = e3_plans.far_apart(run.ttl, world.seed) if plans is None else plans(run.ttl, seconds)
    processes: dict[str, tuple[Process, Callable[[Act], Awaitable[Any]]]] = {}
    world.given(("SET", OTHERS, "17"))
    for number, (name, steps) in enumerate(list(plan.items())[:clients]):
        jitter = 0.01 + 0.004 * world.draws(f"start{number}")()
        at = [(when + jitter, what) for when, what in steps]
        process, deed = processes.get(name.partition(" ")[0], (None, _deed(answer, run)))
        processes[name] = run.process(name, deed, at, process=process), deed
    if plans is e3_plans.in_turn:
        for when in (0.25, 2.15, 3.0):
            world.client(f"{JUDGE} looks at {when}", world.redis().keys, start=when * run.ttl)
    return run


def _deed(answer: Answer, run: Flushed) -> Callable[[Act], Awaitable[Any]]:
    """Each process has one object of its own, as in life."""
    service = cache(partial(answer, run.world.redis(), ttl=run.ttl))

    async def deed(act: Act) -> Any:
        if act.what != "flush":
            return await service().read(run.user(act), run.load_for(act))
        await service().flush()
        return None  # whatever it returns

    return deed


# -- judges ------------------------------------------------------------------------------------------------------------


def _value(run: Play) -> Iterator[Found]:
    """Each process that no fault hit gets a row of the user that it asked for."""
    for act in answered(run):
        if act.what in ("down", "flush") and not (act.what == "flush" and act.failed):
            continue
        if act.failed:
            yield failure(act), act.who, act.began, "fails"
        elif (row := run.witness.row(act)) is None or row.user != run.witness.user(act):
            whose = "which is another user's row" if row is not None else "which no load gave"
            yield f"{act.who} was given {shown(act.result)}, {whose}.", act.who, act.began, "wrong"


def _fresh(run: Play) -> Iterator[Found]:
    """No read that begins after a flush has returned gives what was loaded from before that flush began."""
    for act in run.witness.reads():
        row = run.witness.row(act)
        for flush in run.witness.did("flush"):
            if row is not None and flush.done and flush.ended <= act.began and row.began < flush.began:
                text = (
                    f"{flush.who} flushed from {ms(flush.began)} to {ms(flush.ended)}; at {ms(act.began)} {act.who} "
                    f"was served a row whose load had begun at {ms(row.began)}."
                )
                yield text, act.who, act.began, "served from before the flush"


@undisturbed
def _others(run: Play) -> Iterator[Found]:
    """The answer touches only its own keys."""
    flush = next(iter(run.witness.did("flush")), None)
    where = (flush.who, flush.began) if flush else ("c1", 0.0)
    for look in [event for event in run.trace if event.client.startswith(JUDGE) and event.name == "KEYS"]:
        keys = {key.decode() for key in look.reply}
        if OTHERS not in keys:
            yield f"{OTHERS} is another program's key, and is gone.", *where, "another's key"
        for key in sorted(keys - {OTHERS}):
            if not key.startswith(PREFIX):
                yield f"The key {key!r} does not begin with {PREFIX}.", *where, "another's name"


# -- how long a row lives ----------------------------------------------------------------------------------------------


def _valid(run: Play, act: Act) -> Row | None:
    """A row that a read must find: stored before it began, not yet over when it had looked, and no flush since its
    load."""
    looked = next((row.began for row in run.witness.rows.values() if row.act is act), act.ended)
    of_user: list[Row] = [row for row in run.witness.rows.values() if row.user == run.witness.user(act)]
    for row in reversed(of_user):
        until = row.began + run.witness.seconds + run.witness.ttl - 0.002
        flushes = [flush for flush in run.witness.did("flush") if row.began <= flush.ended and flush.began <= act.ended]
        if row.act.done and row.act.ended <= act.began and looked < until and not flushes:
            return row
    return None


def _expires(run: Play) -> Iterator[Found]:
    """A row is served for ttl, to about a millisecond, and no longer."""
    ttl, reads = run.witness.ttl, [act for act in run.witness.reads() if act.done]
    for act in reads:
        row = run.witness.row(act)
        if row is not None and row.act is not act and row.act.ended + ttl + 0.002 < act.began:
            text = f"A row that was stored with ttl = {ttl:g} s by {ms(row.act.ended)} was served at {ms(act.began)}."
            yield text, act.who, act.began, "outlives its ttl"
    for act in reads if run.schedule.faults == 0 else ():
        row = _valid(run, act)
        served = row is not None and any(run.witness.row(hit) is row for hit in reads if hit is not row.act)
        if row is not None and served and cost(run, act)[1] > 0 and run.witness.row(act) is not row:
            stored = f"A row that was stored with ttl = {ttl:g} s by {ms(row.act.ended)}"
            yield f"{stored} was gone at {ms(act.began)}.", act.who, act.began, "gone too early"


@undisturbed
def _hit(run: Play) -> Iterator[Found]:
    """The hits of c1: if it has read since the last flush, and the row is there, it finds the row at once."""
    mine = [act for act in run.witness.acts if act.who == "c1" and act.what != "down"]
    for before, act in pairwise(mine):
        flushes = [
            flush for flush in run.witness.did("flush") if before.began <= flush.ended and flush.began <= act.ended
        ]
        if "flush" in (before.what, act.what) or flushes or not act.done or _valid(run, act) is None:
            continue
        if (found := cost(run, act)) != (1, 0):
            text = (
                f"Nothing had changed since c1 last read, and its read at {ms(act.began)} took {found[0]} round trips "
                f"and {found[1]} loads; 1 and 0 will do."
            )
            yield text, act.who, act.began, "a hit"


@undisturbed
def _one_trip(run: Play) -> Iterator[Found]:
    """A flush asks Redis once, however many keys there are."""
    for act in run.witness.did("flush"):
        trips, _ = cost(run, act)
        if act.done and trips != 1:
            yield f"The flush at {ms(act.began)} took {trips} round trips; 1 will do.", act.who, act.began, "a flush"


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What c1 sent for its flush in the first run; and what followed, in the runs that break a promise."""
    expired, hit = (failing[name].violation(name) if name in failing else None for name in ("expires", "hit"))
    reads = [event for act in failing.first.witness.reads("c1") for event in sent(failing.first, act)]
    for flush in [flush for flush in failing.first.witness.did("flush")[:1] if flush.over]:
        names = [event.name for event in sent(failing.first, flush)]
        yield from named({
            "flushes-everything": {"FLUSHDB", "FLUSHALL"} & set(names) and "others" in failing,
            "deletes-the-keys": {"KEYS", "SCAN", "DEL", "UNLINK"} & set(names)
            and {"overtaken", "one-trip"} & set(failing),
            "counter-expires": "flushed" in failing and _shortened(failing["flushed"]),
            "remembers": "flushed" in failing and _asks_as_before(failing["flushed"]),
            "asks-again": "overtaken" in failing and _asks_after_loading(failing["overtaken"]),
            "goes-back": "never-back" in failing and "GET" in names and "SET" in names,
            "never-expires": expired and any(map(endless, reads)),
            "renews": expired and expired.mark != "gone too early" and any("EX" in e.name.strip("P") for e in reads),
            "asks-twice": hit and "took 2 round trips and 0 loads" in hit.text,
            "keeps-errors": "errors" in failing,
        })  # fmt: skip


def _stale(run: Play) -> Act | None:
    """The read that was served an old row."""
    found = next(_fresh(run), None)
    return next((act for act in run.witness.reads() if found and (act.who, act.began) == found[1:3]), None)


def _shortened(run: Play) -> bool:
    """Did a flush give what it changed a life?"""
    events = [event for flush in run.witness.did("flush") for event in sent(run, flush)]
    return any("EXPIRE" in event.name or life_ms(event) is not None for event in events)


def _asks_as_before(run: Play) -> bool:
    """Did the read that was served an old row send what it had sent before the flush, and nothing that tells of it?"""
    act = _stale(run)
    earlier = [one for one in run.witness.reads(act.who) if one.began < act.began] if act else []
    asked = [event.command for event in sent(run, act)] if act else []
    return (
        len(asked) == 1
        and asked[0][0] == b"GET"
        and any(asked[0] == e.command for one in earlier for e in sent(run, one))
    )


def _asks_after_loading(run: Play) -> bool:
    """Did the client that loaded the old row ask once more before storing it?"""
    act = _stale(run)
    row = run.witness.row(act) if act else None
    names = [e.name for e in sent(run, row.act) if e.t_start >= row.began + run.witness.seconds] if row else []
    return len(names) > 1 and names[0] in ("GET", "MGET")


RULES = Rules(a_class("redis, *, ttl", {"read": "user, load", "flush": ""}), trials, clues)
