"""02.2, a rolling deploy: processes of version 2, the answer, beside some of version 1, which nobody can change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import cache, partial
from typing import Any

from course_lib.explore import Play, Simulation, Trial
from course_lib.grading.acts import Act, answered, cost, sent
from course_lib.grading.answer import a_class
from course_lib.grading.evidence import endless, life_ms, loads, ms, raised, shown
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, named, trial, undisturbed
from course_lib.lessons.keys.exercises import e2_plans
from course_lib.lessons.keys.exercises.e2_plans import Deploy, Plan, Profile, Profiles
from course_lib.lessons.keys.exercises.unheard_errors import REFUSALS, refusing, unheard_errors, unheard_refusals
from course_lib.lessons.keys.programs import ProfilesV1
from course_lib.trace import Event

Answer = Callable[..., Any]


def trials(answer: Answer) -> list[Trial]:
    """One process after another with one fault at every send; readers of both versions during a write; errors."""
    promises = {"shape": _shape, "fresh": _fresh, "expires": _expires, "cost": _cost, "errors": unheard_errors}
    return [
        trial("read, write, read", partial(_build, answer, e2_plans.in_turn), promises, sizes=(1, 3), seeds=8,
              faults={**LOSSES, "pause": 0.1, "node down": 0.03}, fault_sizes=(3,), horizon=1e7),
        trial("reads during a write", partial(_build, answer, e2_plans.meanwhile),
              {"fresh": _fresh, "expires": _expires}, sizes=(2, 3), seeds=12, least=2, horizon=1e7),
        trial("the database is down", partial(_build, answer, e2_plans.database_down),
              {"shape": _shape, "errors": unheard_errors},
              sizes=(1,), seeds=2, horizon=3.0),
        trial("the server refuses a command", partial(_build, answer, e2_plans.refused), {"errors": unheard_refusals},
              sizes=(1,), seeds=REFUSALS, horizon=3.0),
    ]  # fmt: skip


def _build(answer: Answer, plan: Callable[[float, float], Plan], world: Simulation, clients: int) -> Deploy:
    run = Deploy(refusing(world) if plan is e2_plans.refused else world, database=Profiles(world))
    for number, (name, steps) in enumerate(list(plan(run.database.ttl, run.database.takes).items())[:clients]):
        jitter = 0.002 * world.draws(f"start{number}")()
        run.process(name, _deed(answer, run.database, name), [(when + jitter, what) for when, what in steps])
    return run


def _deed(answer: Answer, database: Profiles, name: str) -> Callable[[Act], Awaitable[Any]]:
    """A process makes its object when it first needs it, so that an error is the process's own."""
    kind = ProfilesV1 if name.startswith("v1") else answer
    service = cache(partial(kind, database.world.redis(), database.load_for(name), database.save, ttl=database.ttl))

    async def deed(act: Act) -> Any:
        database.down = act.what.startswith("down")
        if act.what.endswith("write"):
            return await service().write(database.who, dict(database.new))
        if act.what == "both":
            return list(await asyncio.gather(service().read(database.who), service().read(database.whose)))
        return await service().read(database.whose if act.what == "other" else database.who)

    return deed


def _is(act: Act, result: Any, profile: Profile) -> bool:
    """Version 1 has one name where version 2 has two."""
    wanted: Any = f"{profile['first']} {profile['last']}" if act.who.startswith("v1") else profile
    if type(result) is not type(wanted):
        return False  # no object's own notion of being equal counts, nor that of one within it
    inside = [part for pair in result.items() for part in pair] if type(result) is dict else []
    return all(type(part) is str for part in inside) and bool(result == wanted)


def _reads(run: Play, who: str = "") -> Iterator[tuple[Act, Any]]:
    """Each read of the user who is renamed that returned, and what it gave. Two reads at once are one act."""
    for act in run.witness.acts:
        if act.done and act.who.startswith(who) and act.what in ("read", "both", "down read"):
            yield act, act.result[0] if act.what == "both" else act.result


def _shape(run: Play) -> Iterator[Found]:
    """Each process that no fault hit gets the profile of the user it asked for, in the shape of its own version."""
    database = run.witness.database
    for act in answered(run):
        if act.failed and not act.what.startswith("down"):
            crashed = "could not read what it found" if act.who.startswith("v1") else "failed"
            yield f"{act.who} {crashed} at {ms(act.began)}: {raised(act.result)}.", act.who, act.began, "crashes"
        if not act.done or act.what.endswith("write"):
            continue
        theirs = [database.old, database.new]
        given = (
            zip(act.result, (theirs, [database.other]), strict=True) if act.what == "both" else [(act.result, theirs)]
        )
        for result, right in [(act.result, [database.other])] if act.what == "other" else given:
            if not any(_is(act, result, profile) for profile in right):
                text = f"{act.who} read {shown(result)} at {ms(act.began)}; the profile is {right[0]}."
                yield text, act.who, act.began, "no profile"


def _fresh(run: Play) -> Iterator[Found]:
    """A read that begins after a write has returned sees what was written."""
    for written in [act for act in run.witness.did("write") if act.done][:1]:
        for act, result in _reads(run):
            if act.began >= written.ended and not _is(act, result, run.witness.database.new):
                read = f"at {ms(act.began)} {act.who} read {shown(result)}, which is old"
                yield f"The write had returned at {ms(written.ended)}; {read}.", act.who, act.began, "stale"


def _expires(run: Play) -> Iterator[Found]:
    """A stored profile is served for ttl, and no longer, whatever happens to the writer."""
    database, end = run.witness.database, 2 * run.witness.database.ttl + 3.0
    for act, result in _reads(run):
        loaded = [load.start for load in loads(run.trace) if load.who.startswith(act.who[:2])]
        old = database.committed is not None and database.committed < end - 2 and not _is(act, result, database.new)
        if act.began >= end and (old or not any(start >= end for start in loaded)):
            what = "An old profile" if old else f"A profile that had been stored with ttl = {database.ttl:g} s"
            yield f"{what} was served at {ms(act.began)}.", act.who, act.began, "outlives its ttl"
    yield from _lives(run, [act for act, _ in _reads(run, "v2-a")][:4]) if run.schedule.faults == 0 else ()


def _lives(run: Play, acts: list[Act]) -> Iterator[Found]:
    """The reads of v2-a: the first one stores, and the next two find the profile, the last of them not long before its
    end. The fourth begins after that end, although the profile was read meanwhile."""
    paid = [cost(run, act)[1] for act in acts]
    ttl = run.witness.database.ttl
    if paid[:3] == [1, 0, 1]:
        text = f"A profile that was stored with ttl = {ttl:g} s at about 15 ms was gone at {ms(acts[2].began)}."
        yield text, acts[2].who, acts[2].began, "gone too early"
    if paid[:1] == [1] and paid[3:] == [0] and paid[2] == 0 and acts[3].ended < run.now:
        text = f"A profile that was stored with ttl = {ttl:g} s at about 15 ms was served at {ms(acts[3].began)}."
        yield text, acts[3].who, acts[3].began, "outlives its ttl"


@undisturbed
def _cost(run: Play) -> Iterator[Found]:
    """The cost of v2-a: its second read finds what the first one stored, and its write asks Redis once."""
    hit, writes = run.witness.did("read", "v2-a")[1:2], run.witness.did("write", "v2-a")
    for act, most_loads in [(act, 0) for act in hit] + [(act, 9) for act in writes]:
        trips, loaded = cost(run, act)
        if act.done and (trips > 1 or loaded > most_loads):
            spent = f"{trips} round trips and {loaded} loads"
            text = f"The {act.what} at {ms(act.began)} took {spent}; 1 round trip will do."
            yield text, act.who, act.began, f"a {act.what}"


def clues(failing: Failing) -> Iterator[str]:
    """What version 2 sent in the first run, before its write and for it; and what followed in the run that is shown."""
    run, committed = failing.first, failing.first.witness.database.committed
    stale = failing["fresh"].violation("fresh") if "fresh" in failing else None
    for write in run.witness.did("write")[:1]:
        sets, lives = _stored(run, write.began)
        touched = b" ".join(part for event in sent(run, write) for part in event.command)
        ratio = lives[0] / (run.witness.database.ttl * 1000) if lives else 1
        yield from named({
            "shares-v1s-key": "shape" in failing and any(b":v1:" in event.command[1] for event in sets),
            "one-key-for-all": "shape" in failing and _one_key(failing["shape"]),
            "never-saves": stale and committed is None,
            "deletes-first": stale and any(event.t_start < (committed or 0.0) for event in sent(run, write)),
            "forgets-v1": stale and stale.who.startswith("v1") and b":v1:" not in touched,
            "forgets-v2": stale and stale.who.startswith("v2") and b":v2:" not in touched,
            "never-expires": "expires" in failing and any(map(endless, sets)),
            "wrong-unit": not 0.01 < ratio < 100 and {"expires", "cost"} & set(failing),
            "whole-seconds": _whole_seconds(failing.get("shape") or failing.get("expires")),
            "two-trips": "cost" in failing and len(sent(run, write)) > 1,
            "keeps-errors": "errors" in failing,
        })  # fmt: skip


def _stored(run: Play, before: float) -> tuple[list[Event], list[int]]:
    """What version 2 stored until then, and the lives that it gave, in ms."""
    sets = [e for e in run.trace if e.name in ("SET", "SETEX", "PSETEX") and e.client.startswith("v2")]
    sets = [event for event in sets if event.t_start < before]
    return sets, [life for event in sets if (life := life_ms(event)) is not None]


def _one_key(run: Play) -> bool:
    """Did two users' reads begin with one key?"""
    acts = run.witness.did("read", "v2-b")[:1] + run.witness.did("other", "v2-b")[:1]
    asked = [event.command[1] for act in acts for event in sent(run, act)[:1] if event.name == "GET"]
    return len(asked) == 2 and asked[0] == asked[1]


def _whole_seconds(run: Play | None) -> bool:
    """Did it give lives in whole seconds, where ttl is none?"""
    lives = _stored(run, run.now)[1] if run is not None and run.witness.database.ttl % 1 else []
    return bool(lives) and all(life % 1000 == 0 for life in lives)


RULES = Rules(a_class("redis, load, save, *, ttl", {"read": "user", "write": "user, profile"}), trials, clues)
