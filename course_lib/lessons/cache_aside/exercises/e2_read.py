"""00.2, read through the cache: clients ask for pages that are there, missing, expired, deleted, or do not exist."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from redis.exceptions import DataError

from course_lib.explore import Play, Process, Simulation, Trial
from course_lib.grading import key_log
from course_lib.grading.answer import coroutine_function
from course_lib.grading.caller_errors import TO_ANY as REFUSALS
from course_lib.grading.evidence import ms, shown
from course_lib.grading.key_log import KeyLog
from course_lib.grading.rules import LOSSES, Failing, Found, Judge, Rules, named, trial
from course_lib.lessons.cache_aside.exercises import shop
from course_lib.lessons.cache_aside.exercises.shop import ODD, Call, Shop, acts
from course_lib.words import counted

Answer = Callable[..., Awaitable[Any]]
SET = [
    ("app:product:42", "app:product:7", 60, 0.02), ("app:product:{de}:7", "app:product:{de}:8", 1.5, 0.1),
    ("a{b:c", "a{b:", 0.15, 0.03), ("é 7", "é  7", 0.57, 0.005), ("p", "P", 2.006, 0.2),
    ("App:Product:42 ", "app:product:42 ", 12.345, 0.02),
    (f"app:product:{'7' * 80}", f"app:product:{'7' * 80}1", 0.9, 0.02), ("page:1", "page:10", 0.001, 0.02),
    ("slow", "{slow}", 0.9, 1.3),
]  # fmt: skip
"""For each run: two keys, the ttl, and how long a load takes, in seconds."""
PLAIN = "a plain page"


def trials(answer: Answer) -> list[Trial]:
    """One call after another; with one fault; odd rows; what fails; many at once, just when a page expires."""
    all_of = {"value": _value, "cost": _cost, "expires": shop.lives, "nothing": shop.nothing_stored}
    failing = {"errors": shop.errors, "value": _value, "nothing": shop.nothing_stored}
    return [
        trial("one call after another", partial(_in_turn, answer), all_of, sizes=(1,), seeds=len(SET), horizon=1e3),
        trial("one fault", partial(_disturbed, answer),
              {"value": _value, "expires": shop.lives, "errors": key_log.told}, sizes=(1,), faults=LOSSES),
        trial("odd rows", partial(_odd, answer),
              {"any-text": _odd_rows, "nothing": shop.nothing_stored,
               "value": partial(_of_no_row, _value), "cost": partial(_of_no_row, _cost)},
              sizes=(1,), seeds=2),
        trial("the database is down", partial(_down, answer), failing, sizes=(1,), seeds=len(SET),
              horizon=1e3),
        trial("the server refuses a command", partial(_refusing, answer), failing, sizes=(1,), seeds=9),
        trial("several at once", partial(_at_once, answer), {"value": _value, "expires": shop.lives},
              sizes=(6,), seeds=5),
    ]  # fmt: skip


def _shop(answer: Answer, world: Simulation, refuses: tuple[int, ...] = (), keys: tuple[str, ...] = ()) -> Shop:
    first, second, ttl, takes = SET[world.seed % len(SET)]
    keys = keys or (first, second)
    run = Shop(world, log=KeyLog(world, keys, refuses, REFUSALS[world.seed % 3]), rows={}, ttl=ttl, takes=takes)
    run.log.plant(f"{key}:lock" for key in keys)
    for key in keys:
        run.row(key)
    return run


def _deed(answer: Answer, run: Shop, key: str) -> Callable[[Call], Awaitable[Any]]:
    def deed(call: Call) -> Awaitable[Any]:
        run.begins(call, [key])
        load = run.load_for(call, lambda: [key], lambda keys: run.rows[key])
        return answer(run.world.redis(), key, load, ttl=call.ttl)

    return deed


def _in_turn(answer: Answer, world: Simulation, clients: int) -> Shop:
    """c1 misses, finds, and misses what has expired. By then the row is another, and while c1 loads it, a quicker
    reader stores a page. Then somebody else deletes the page, and stores one. c2, under odd seeds a task of the same
    process, has a key of its own. Its product is sold out in the end, except in the first run, and while c2 loads it, a
    late reader stores the page."""
    run, (one, two, ttl, takes) = _shop(answer, world), SET[world.seed % len(SET)]
    begin = 2 * takes + 0.05
    again = begin + ttl + 0.05
    later = again + takes + 0.1
    shared = Process("shop") if world.seed % 2 else None
    plan = [
        (0.0, "a"),
        (begin, "b"),
        (takes + ttl * 0.9, "c"),
        (again, "d"),
        (later, "long e"),
        (later + takes + 0.1, "f"),
    ]
    run.process("c1", _deed(answer, run, one), plan, Call, shared)
    sold_out = 3 * takes + 0.1
    run.process("c2", _deed(answer, run, two), [(0.003, "a"), (0.017 + takes, "b"), (sold_out, "c")], Call, shared)
    if world.seed:
        world.at(sold_out - 0.01, run.end, two)
        if takes >= 0.02:
            world.at(sold_out + 0.9 * takes, run.put, two, "a late reader's page", 60.0)
    world.at(takes + ttl * 0.5, run.row, one)
    if takes >= 0.02:
        world.at(again + 0.9 * takes, run.put, one, "a quicker reader's page", 60.0)
    world.at(later - 0.05, run.row, one)
    world.at(later - 0.04, run.delete, one)
    world.at(later + takes + 0.09, run.put, one, "somebody else's page", None if world.seed % 2 else 60.0)
    return run


def _disturbed(answer: Answer, world: Simulation, clients: int) -> Shop:
    """c1 misses, finds, and misses what somebody else has deleted."""
    run, (one, *_) = _shop(answer, world), SET[world.seed % len(SET)]
    run.process("c1", _deed(answer, run, one), [(0.0, "a"), (0.3, "b"), (0.8, "c")], Call)
    world.at(0.7, run.row, one)
    world.at(0.71, run.delete, one)
    return run


def _odd(answer: Answer, world: Simulation, clients: int) -> Shop:
    """Each row is asked for twice. Before the second time, the rows of the first and the last key have come to be."""
    rows = [None, PLAIN, *ODD, None]
    keys = tuple(f"app:product:{n}" for n in range(len(rows)))
    run = _shop(answer, world, keys=keys)
    run.rows, run.ttl, run.takes = dict(zip(keys, rows, strict=True)), 60, 0.01
    for number, key in enumerate(keys, 1):
        run.process(f"c{number}", _deed(answer, run, key), [(0.0, "a"), (0.1, "b"), (0.2, "c")], Call)
    world.at(0.15, run.row, keys[0])
    world.at(0.15, run.row, keys[-1])
    return run


def _down(answer: Answer, world: Simulation, clients: int) -> Shop:
    """The database is down for the first call, and up for the next; down again when there is a page in the cache, and
    when that has expired; then somebody else stores a page meanwhile."""
    run, (one, *_) = _shop(answer, world), SET[world.seed % len(SET)]
    expired = 0.4 + 2 * run.takes + run.ttl
    if run.takes >= 0.02:
        world.at(expired + 0.9 * run.takes, run.put, one, "somebody else's page", 60.0)
    plan = [(0.0, "down"), (0.3, "up"), (0.31 + run.takes, "down"), (expired, "down")]
    run.process("c1", _deed(answer, run, one), plan, Call)
    return run


def _refusing(answer: Answer, world: Simulation, clients: int) -> Shop:
    run, (one, *_) = _shop(answer, world, (world.seed // 3,)), SET[world.seed % len(SET)]
    run.process("c1", _deed(answer, run, one), [(0.0, "a"), (0.3, "b"), (0.6, "c")], Call)
    return run


def _at_once(answer: Answer, world: Simulation, clients: int) -> Shop:
    """They all come within a few milliseconds of the end of a page: as processes, and as two tasks of one."""
    run, (one, *_) = _shop(answer, world), SET[world.seed % len(SET)]
    draw, shared = world.draws("when"), Process("shop")
    world.at(0.0, run.put, one, "the last page", 0.05)
    for number in range(1, clients + 1):
        together = shared if number < 3 else None
        run.process(f"c{number}", _deed(answer, run, one), [(0.043 + draw() * 0.008, "a")], Call, together)
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
        if call.done and not shop.same(call.result, shop.may_be(run, call, key)):
            found, row = call.found[key], call.rows[key]
            where = (
                f"the cache held {shown(found.text)}"
                if found.there
                else f"the database {shown(row)}, and the cache nothing"
            )
            text = f"{call.who} returned {shown(call.result)} for {key}; when it asked, {where}."
            yield text, call.who, call.ended, "another page"


def _cost(run: Play) -> Iterator[Found]:
    """A hit takes one round trip and no load, a miss two at most, and one load."""
    for call in run.witness.acts if run.schedule.clients == 1 else ():
        took = key_log.trips(run, call)
        hit, loads = call.sure(call.keys[0]), len(call.loads)
        if (hit and (took != 1 or loads)) or (call.missing(call.keys[0]) and (took > 2 or loads != 1)):
            right = "one round trip and no load" if hit else "two round trips and one load"
            did = f"{counted(took, 'round trip')} and {counted(loads, 'load')}"
            what = "there" if hit else "missing"
            text = f"The page was {what} at {ms(call.began)}, and {call.who} took {did}; {right} will do."
            yield text, call.who, call.began, "too much"


def _first_rows(run: Play) -> dict[str, str | None]:
    """What the database held for each client when it asked first."""
    return {call.who: call.rows[call.keys[0]] for call in reversed(run.witness.acts)}


def _odd_rows(run: Play) -> Iterator[Found]:
    """Any text is as good as a plain one: where that is treated wrongly, too, other promises say so."""
    found = [one for judge in (_value, _cost, shop.lives) for one in judge(run)]
    texts = _first_rows(run)
    if all(texts.get(who) != PLAIN for _, who, *_ in found):
        yield from (one for one in found if texts.get(one[1]) is not None)


def _of_no_row(judge: Judge, run: Play) -> Iterator[Found]:
    """What a judge says of calls for which there is no product, now or at first."""
    rows = _first_rows(run)
    yield from (one for one in judge(run) if rows.get(one[1]) is None)


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What calls sent, and what is stored afterwards."""
    odd, nothing, first = failing.get("any-text"), failing.get("nothing"), failing.first
    read_only = {event.name for event in first.trace} <= {"GET", "MGET", "EXISTS", "TTL", "PTTL"}
    run = failing.get("expires")
    changes = list(shop.stored(run)) if run is not None else []
    forever = [call for call, *_, state in changes if state.left == key_log.FOREVER]
    lives = (
        [key_log.lasts(run, state, call.ttl) for call, *_, state in changes if state.there] if run is not None else []
    )
    seconds = (
        run is not None
        and bool(key_log.options(run.trace) & key_log.IN_SECONDS)
        and not key_log.options(run.trace) & key_log.IN_MS
    )
    yield from named({
        "stores-none": nothing is not None and any(
            call.rows[key] is None and state.text in ("None", "")
            for call, key, _, state in shop.stored(nothing) if key in call.keys),
        "none-is-no-text": any(isinstance(call.result, DataError) and "NoneType" in str(call.result)
                               for one in failing.values() for call in one.witness.acts),
        "empty-is-a-miss": odd is not None and _reloaded(odd),
        "asks-twice": any(_in_two_messages(failing["cost"], call) for call in acts(failing, "cost")),
        "lengthens": any(call.sure(key) and not call.loads and state.text == before.text and state.end > before.end
                         for call, key, before, state in changes if key in call.keys),
        "never-expires": run is not None and any(
            not key_log.options(key_log.sent(run, call)) & key_log.A_LIFE for call in forever),
        "whole-seconds": seconds and not forever and bool(lives) and all(map(key_log.whole, lives)),
        "not-stored": "value" in failing and read_only and any(call.loads for call in first.witness.acts),
    })  # fmt: skip


def _in_two_messages(run: Play, call: Call) -> bool:
    """Did it ask EXISTS, and then GET?"""
    events = key_log.sent(run, call)
    asked = {event.t_start for event in events if event.name == "EXISTS"}
    return bool(asked) and any(event.name == "GET" and event.t_start not in asked for event in events)


def _reloaded(run: Play) -> bool:
    """Were texts loaded again that were there, and were those the empty ones?"""
    again = {call.found[key].text for call in run.witness.acts for key in call.keys if call.loads and call.sure(key)}
    return again == {""}


RULES = Rules(coroutine_function("redis, key, load, *, ttl"), trials, clues)
