"""00.2, read through the cache: clients ask for pages that are there, missing, expired, deleted, or do not exist."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from redis.exceptions import DataError

from course_lib.explore import Play, Process, Simulation, Trial
from course_lib.grading.answer import coroutine_function
from course_lib.grading.errors_out import ERRORS as REFUSALS
from course_lib.grading.evidence import ms, shown
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, named, trial, undisturbed
from course_lib.lessons.cache_aside.exercises import shop
from course_lib.lessons.cache_aside.exercises.shelf import FOREVER, Shelf, told, trips
from course_lib.lessons.cache_aside.exercises.shop import ODD, Call, Shop
from course_lib.words import counted

Answer = Callable[..., Awaitable[Any]]
SET = [
    ("app:product:42", "app:product:7", 60, 0.02), ("app:product:{de}:7", "app:product:{de}:8", 1.5, 0.1),
    ("a{b:c", "a{b:", 0.15, 0.03), ("é 7", "é  7", 0.57, 0.005), ("p", "P", 2.006, 0.2),
]  # fmt: skip
"""Of a run: two keys, the ttl, and what a load takes, in seconds."""


def trials(answer: Answer) -> list[Trial]:
    """One call after another; odd rows; what fails; many at once, just when a page expires."""
    shelf = {"value": _value, "cost": undisturbed(_cost), "expires": shop.lives}
    failing = {"errors": _errors, "value": _value, "nothing": shop.nothing_stored}
    return [
        trial("one call after another", partial(_in_turn, answer), shelf | {"errors": told}, sizes=(1,), seeds=len(SET),
              faults=LOSSES, horizon=1e3),
        trial("odd rows", partial(_odd, answer), {"any-text": _odd_rows, "nothing": shop.nothing_stored}, sizes=(1,), seeds=2),
        trial("the database is down", partial(_down, answer), failing, sizes=(1,), seeds=3),
        trial("the server refuses a command", partial(_refusing, answer), failing, sizes=(1,), seeds=6),
        trial("several at once", partial(_at_once, answer), {"value": _value, "expires": shop.lives}, sizes=(6,), seeds=5),
    ]  # fmt: skip


def _shop(answer: Answer, world: Simulation, refuses: tuple[int, ...] = (), keys: tuple[str, ...] = ()) -> Shop:
    first, second, ttl, takes = SET[world.seed % len(SET)]
    keys = keys or (first, second)
    run = Shop(world, shelf=Shelf(world, keys, refuses, REFUSALS[world.seed % 2]), rows={}, ttl=ttl, takes=takes)
    for key in keys:
        run.row(key)
    return run


def _deed(answer: Answer, run: Shop, key: str) -> Callable[[Call], Awaitable[Any]]:
    def deed(call: Call) -> Awaitable[Any]:
        run.begins(call, [key])
        load = run.load_for(call, lambda: [key], lambda keys: run.rows[key])
        return answer(run.world.redis(), key, load, ttl=run.ttl)

    return deed


def _in_turn(answer: Answer, world: Simulation, clients: int) -> Shop:
    """c1 misses, finds, and misses what has expired, after which the row is another; then somebody else deletes the page,
    and stores one. c2, under odd seeds a task of the same process, has a key of its own."""
    run, (one, two, ttl, takes) = _shop(answer, world), SET[world.seed % len(SET)]
    begin = 2 * takes + 0.05
    again = begin + ttl + 0.05
    later = again + takes + 0.1
    shared = Process("shop") if world.seed % 2 else None
    plan = [(0.0, "a"), (begin, "b"), (takes + ttl * 0.9, "c"), (again, "d"), (later, "e"), (later + takes + 0.1, "f")]
    run.process("c1", _deed(answer, run, one), plan, Call, shared)
    run.process("c2", _deed(answer, run, two), [(0.003, "a"), (0.007 + takes + 0.01, "b")], Call, shared)
    world.at(takes + ttl * 0.5, run.row, one)
    world.at(later - 0.05, run.row, one)
    world.at(later - 0.04, run.delete, one)
    world.at(later + takes + 0.09, run.put, one, "somebody else's page", 60.0)
    return run


def _odd(answer: Answer, world: Simulation, clients: int) -> Shop:
    """Each row is asked for twice. Before the second time, the rows of the first and the last key have come to be."""
    rows = [None, *ODD, None]
    keys = tuple(f"app:product:{n}" for n in range(len(rows)))
    run = _shop(answer, world, keys=keys)
    run.rows, run.ttl, run.takes = dict(zip(keys, rows, strict=True)), 60, 0.01
    for key in keys:
        run.process(f"asks for {key}", _deed(answer, run, key), [(0.0, "a"), (0.1, "b"), (0.2, "c")], Call)
    world.at(0.15, run.row, keys[0])
    world.at(0.15, run.row, keys[-1])
    return run


def _down(answer: Answer, world: Simulation, clients: int) -> Shop:
    """The database is down for the first call, and up for the next; down again, when there is a page in the cache."""
    run, (one, *_) = _shop(answer, world), SET[world.seed % len(SET)]
    run.process("c1", _deed(answer, run, one), [(0.0, "down"), (0.3, "up"), (0.31 + run.takes, "down")], Call)
    return run


def _refusing(answer: Answer, world: Simulation, clients: int) -> Shop:
    run, (one, *_) = _shop(answer, world, (world.seed // 2,)), SET[world.seed % len(SET)]
    run.process("c1", _deed(answer, run, one), [(0.0, "a"), (0.3, "b"), (0.6, "c")], Call)
    return run


def _at_once(answer: Answer, world: Simulation, clients: int) -> Shop:
    """They all come within a few milliseconds of the end of a page: as processes, and as two tasks of one."""
    run, (one, *_) = _shop(answer, world), SET[world.seed % len(SET)]
    draw, shared = world.draws("when"), Process("shop")
    world.at(0.0, run.put, one, "the last page", 0.05)
    for number in range(1, clients + 1):
        run.process(f"c{number}", _deed(answer, run, one), [(0.043 + draw() * 0.008, "a")], Call, shared if number < 3 else None)
    return run


# -- judges ------------------------------------------------------------------------------------------------------------


def _value(run: Play) -> Iterator[Found]:
    """What a call returns is what the cache held, or else the database; and what it loads it stores."""
    yield from shop.no_cause(run)
    yield from _results(run)
    yield from shop.keeps_pages(run)


def _results(run: Play) -> Iterator[Found]:
    for call in run.witness.acts:
        key = call.keys[0]
        if call.done and not any(type(call.result) is type(one) and call.result == one for one in shop.may_be(run, call, key)):
            found, row = call.found[key], call.rows[key]
            where = f"the cache held {found.text!r}" if found.there else f"the database {row!r}, and the cache nothing"
            yield f"{call.who} returned {shown(call.result)}; when it asked, {where}.", call.who, call.ended, "another page"


def _cost(run: Play) -> Iterator[Found]:
    """A hit takes one round trip and no load, a miss two at most, and one load."""
    for call in run.witness.acts if run.schedule.clients == 1 else ():
        took = trips(run, call)
        hit, loads = call.sure(call.keys[0]), len(call.loads)
        if (hit and (took != 1 or loads)) or (call.missing(call.keys[0]) and (took > 2 or loads != 1)):
            what, right = ("there", "one round trip and no load") if hit else ("missing", "two round trips and one load")
            did = f"{counted(took, 'round trip')} and {counted(loads, 'load')}"
            text = f"The page was {what} at {ms(call.began)}, and {call.who} took {did}; {right} will do."
            yield text, call.who, call.began, "too much"


def _odd_rows(run: Play) -> Iterator[Found]:
    yield from _value(run)
    yield from _cost(run)


def _errors(run: Play) -> Iterator[Found]:
    yield from shop.own_error(run)
    yield from told(run)


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What a hit and a miss sent, and what is stored afterwards."""
    odd, run = failing.get("any-text"), failing.get("expires", failing.first)
    names = {event.name for event in run.trace}
    lives = list(shop.stored(run))
    forever = any(state.left == FOREVER for *_, state in lives)
    words = {word.upper() for event in run.trace for word in event.command[:1] + event.command[3:]}
    changed = [call for call, key, *_ in lives if key in call.keys and call.sure(key)]
    nothing = failing.get("nothing")
    yield from named({
        "stores-none": nothing is not None and any(c.rows[k] is None and s.text in ("None", "") for c, k, _, s in shop.stored(nothing)),
        "none-is-no-text": any(isinstance(c.result, DataError) and "NoneType" in str(c.result)
                               for one in failing.values() for c in one.witness.acts),
        "empty-is-a-miss": odd is not None and _reloaded(odd),
        "asks-twice": {"EXISTS", "GET"} <= names and "cost" in failing,
        "lengthens": "expires" in failing and changed and names & {"GETEX", "EXPIRE", "PEXPIRE"} and "EXPIRE" not in {
            e.name for c in run.witness.acts if c.loads for e in run.trace if e.client == c.who and c.began <= e.t_start <= c.ended},
        "never-expires": "expires" in failing and forever and not words & {b"EX", b"PX", b"EXPIRE", b"PEXPIRE", b"SETEX", b"PSETEX"},
        "whole-seconds": "expires" in failing and words & {b"EX", b"SETEX"} and not forever,
        "not-stored": "value" in failing and {event.name for event in failing.first.trace} <= {"GET", "EXISTS", "TTL", "PTTL"}
        and any(len(call.loads) for call in failing.first.witness.acts),
    })  # fmt: skip


def _reloaded(run: Play) -> bool:
    """Were texts loaded again that were there, and were those the empty ones?"""
    again = {call.found[key].text for call in run.witness.acts for key in call.keys if call.loads and call.sure(key)}
    return again == {""}


RULES = Rules(coroutine_function("redis, key, load, *, ttl"), trials, clues)
