"""00.3, read many products in one round trip: the answer asks for lists of them, of which some are in the cache."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any

from course_lib.explore import Play, Process, Simulation, Trial
from course_lib.grading.answer import coroutine_function
from course_lib.grading.caller_errors import TO_ANY as REFUSALS
from course_lib.grading.evidence import ms, shown
from course_lib.grading.key_log import FOREVER, KeyLog, sent, told, trips
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, named, trial
from course_lib.lessons.cache_aside.exercises import shop
from course_lib.lessons.cache_aside.exercises.shop import ODD, Call, Shop, acts
from course_lib.words import counted

Answer = Callable[..., Awaitable[Any]]
KEY = "app:product:{}"
IDS = [
    ("42", "7", "13", "1", "9"), ("{de}:7", "7", "de", "é", "{de}"), ("b", "a", "c", "A", "a:b"),
    ("10 ", "10", " 1", "01", "A b"), ("app:product:7", "7", "", "  ", "app:product:"),
]  # fmt: skip
"""For each run: five products, the last of which does not exist."""
TTLS = (60, 12.345, 0.15, 2.006, 0.001)
CROWD = [str(n) for n in range(185, 0, -1)]
PLAIN = ["plain-2", "nobody", "plain-1", "plain-2"]


def trials(answer: Answer) -> list[Trial]:
    """One list after another; with one fault; odd rows; what fails; two at once, just when pages expire."""
    all_of = {"rows": _rows, "load": _load, "trips": _trips, "expires": shop.lives, "absent": shop.nothing_stored}
    failing = {"errors": shop.errors, "rows": _rows, "expires": shop.nothing_stored}
    return [
        trial("one list after another", partial(_in_turn, answer), all_of, sizes=(1,), seeds=len(IDS), horizon=1e3),
        trial("one fault", partial(_disturbed, answer), {"rows": _rows, "expires": shop.lives, "errors": told},
              sizes=(1,), faults=LOSSES),
        trial("odd rows, and many", partial(_odd, answer), {"any-text": _odd_rows, "absent": shop.nothing_stored},
              sizes=(1,)),
        trial("the database is down", partial(_down, answer), failing, sizes=(1,), seeds=6),
        trial("the server refuses a command", partial(_refusing, answer), failing, sizes=(1,), seeds=15),
        trial("several at once", partial(_at_once, answer), {"rows": _rows, "expires": shop.lives},
              sizes=(4,), seeds=5),
    ]  # fmt: skip


def _shop(world: Simulation, ids: Sequence[str], refuses: tuple[int, ...] = ()) -> Shop:
    keys = [KEY.format(one) for one in ids]
    log = KeyLog(world, keys, refuses, REFUSALS[world.seed % 3])
    run = Shop(world, log=log, rows={}, ttl=TTLS[world.seed % len(TTLS)])
    log.plant(f"{key}:lock" for key in keys[:3])
    for key in keys:
        run.row(key)
    return run


class Listed(Call):
    """A call for a list of products. `ids` is what it was given, and `given` a copy of that."""

    ids: list[str]
    given: list[str]


def _deed(answer: Answer, run: Shop, lists: Sequence[Sequence[str]]) -> Callable[[Listed], Awaitable[Any]]:
    """The call for the list that its name ends with."""

    def deed(call: Listed) -> Awaitable[Any]:
        call.ids = list(lists[int(call.what.split()[-1])])
        call.given = list(call.ids)
        run.begins(call, [KEY.format(one) for one in call.ids])
        rows = {key.removeprefix(KEY.format("")): row for key, row in run.rows.items() if row is not None}
        load = run.load_for(
            call, lambda ids: [KEY.format(one) for one in ids],
            lambda keys: {one: rows[one] for one in reversed(list(rows)) if KEY.format(one) in keys},
        )  # fmt: skip
        return answer(run.world.redis(), call.ids, load, ttl=call.ttl)

    return deed


def _in_turn(answer: Answer, world: Simulation, clients: int) -> Shop:
    """A first list; the same again; some missing, some twice; one that does not exist; nothing missing. But for the
    first run, also an empty one."""
    a, b, c, d, none = ids = IDS[world.seed % len(IDS)]
    run = _shop(world, ids)
    run.rows[KEY.format(none)] = None
    lists = [[] if world.seed else [b], [b, a], [a, b], [c, b, none, d, a, c, b], [none], [d, b, d, a], [c, a]]
    begin = run.ttl + 0.5
    shared = Process("shop") if world.seed % 2 else None
    plan = [(0.0, "0"), (0.002, "1"), (0.05, "2"), (0.06, "3"), (0.12, "4"), (begin, "5"), (begin + 0.08, "6")]
    run.process("c1", _deed(answer, run, lists), plan, Listed, shared)
    run.process("c2", _deed(answer, run, [[none, none]]), [(0.2, "0"), (begin + 0.002, "0")], Listed, shared)
    for one in (a, d):
        world.at(begin - 0.1, run.row, KEY.format(one))
    world.at(begin + 0.07, run.put, KEY.format(c), "somebody else's page", None if world.seed % 2 else 60.0)
    world.at(begin + 0.065, run.end, KEY.format(a))
    for one in (b, none):  # a quicker reader's
        world.at(begin + 0.02, run.put, KEY.format(one), "somebody else's page", 60.0)
    return run


def _disturbed(answer: Answer, world: Simulation, clients: int) -> Shop:
    """c1 asks for two products, and then for three, of which one is missing."""
    run, (a, b, c, *_) = _shop(world, IDS[0]), IDS[0]
    run.process("c1", _deed(answer, run, [[b, a], [a, c, b]]), [(0.0, "0"), (0.3, "1")], Listed)
    return run


def _odd(answer: Answer, world: Simulation, clients: int) -> Shop:
    """Rows that are odd texts, and, among them, none; then many products. Each list is asked for twice. What c2 asks
    for is all plain."""
    odd = [f"odd-{n}" for n in range(len(ODD))]
    ids = [*odd, *CROWD, "none", "nobody", "plain-1", "plain-2"]
    run = _shop(world, ids)
    run.rows |= {KEY.format(one): row for one, row in zip(odd, ODD, strict=True)}
    run.rows |= {KEY.format("none"): None, KEY.format("nobody"): None}
    lists = [["none", *odd[::-1], "nobody"], [*CROWD[:30], *odd, *CROWD[30:], "none"]]
    run.process("c2", _deed(answer, run, [PLAIN]), [(0.05, "0"), (0.15, "0"), (0.3, "0")], Listed)
    run.process("c1", _deed(answer, run, lists), [(0.0, "0"), (0.1, "0"), (0.2, "1"), (0.4, "1"), (0.6, "1")], Listed)
    world.at(0.5, run.row, KEY.format("none"))
    return run


def _down(answer: Answer, world: Simulation, clients: int) -> Shop:
    """The database is down for the first call, up for the next, and down again when something is in the cache; and when
    that is deleted."""
    ids = IDS[world.seed % len(IDS)]
    run = _shop(world, ids)
    lists = [ids[:2], ids[:2], ids[:3], ids[:2]]
    plan = [(0.0, "down 0"), (0.1, "1"), (0.15, "down 2"), (0.2, "down 3"), (0.25, "down 3")]
    world.at(0.24, run.delete, KEY.format(ids[0]))
    run.process("c1", _deed(answer, run, lists), plan, Listed)
    return run


def _refusing(answer: Answer, world: Simulation, clients: int) -> Shop:
    """Of the commands that name a product: the first is what asks, and the next ones store."""
    ids = IDS[world.seed % len(IDS)]
    run = _shop(world, ids, (world.seed // 3,))
    run.process("c1", _deed(answer, run, [ids[:3]]), [(0.0, "0"), (0.3, "0"), (0.6, "0")], Listed)
    return run


def _at_once(answer: Answer, world: Simulation, clients: int) -> Shop:
    """They all come about when some pages expire; two of them are tasks of one process."""
    ids = IDS[world.seed % len(IDS)]
    run, draw, shared = _shop(world, ids), world.draws("when"), Process("shop")
    for one in ids[:2]:
        world.at(0.0, run.put, KEY.format(one), f"the last page of {one}", 0.05)
    lists = [ids[:4], ids[3::-1], ids[1:3] * 2, ids[:1]]
    for number in range(clients):
        plan = [(0.043 + draw() * 0.008, str(number)), (0.2, str(number))]
        run.process(f"c{number + 1}", _deed(answer, run, lists), plan, Listed, shared if number < 2 else None)
    return run


# -- judges ------------------------------------------------------------------------------------------------------------


def _rows(run: Play) -> Iterator[Found]:
    """A list of what the cache held, or else the database, in the order of the ids; what is loaded is stored."""
    yield from shop.no_cause(run)
    for call in run.witness.acts:
        if call.done and (type(call.result) is not list or len(call.result) != len(call.keys)):
            text = f"{call.who} asked for {counted(len(call.keys), 'product')} and was told {shown(call.result)}."
            yield text, call.who, call.ended, "no such list"
        elif call.done:
            for at, (one, key, told_) in enumerate(zip(call.given, call.keys, call.result, strict=True)):
                may = shop.may_be(run, call, key)
                if not shop.same(told_, may):
                    text = f"{call.who} asked for {shown(call.given)}: at place {at}, for {one!r}, it was told"
                    yield f"{text} {shown(told_)}, and right is {shown(may[0])}.", call.who, call.ended, "another page"
        if call.ids != call.given:
            text = f"The list {shown(call.given)} that {call.who} was given is now {shown(call.ids)}."
            yield text, call.who, call.ended, "changed"
    yield from shop.keeps_pages(run)


def _load(run: Play) -> Iterator[Found]:
    """One load of exactly what is missing, each once; none where nothing is."""
    for call in run.witness.acts:
        missing = [key for key in dict.fromkeys(call.keys) if call.missing(key)]
        unsure = [key for key in call.keys if not call.missing(key) and not call.sure(key)]
        if unsure or not call.done:
            continue
        if len(call.loads) != bool(missing) or (missing and sorted(call.loads[0]) != sorted(missing)):
            asked = [[key.removeprefix(KEY.format("")) for key in keys] for keys in call.loads]
            right = [key.removeprefix(KEY.format("")) for key in missing]
            did = f"asked the database for {' and '.join(map(shown, asked))}" if asked else "did not ask the database"
            text = f"{call.who}, asked for {shown(call.given)}, {did}; what was missing is {shown(right)}."
            yield text, call.who, call.began, "another load"


def _trips(run: Play) -> Iterator[Found]:
    """One round trip to ask, and one to store; for an empty list none."""
    for call in run.witness.acts:
        took = trips(run, call)
        most = 1 + any(map(call.missing, call.keys)) if call.keys else 0
        if call.done and took > most:
            took_ = counted(took, "round trip")
            text = f"{call.who}, asked for {shown(call.given)} at {ms(call.began)}, took {took_}; {most} will do."
            yield text, call.who, call.began, "too many round trips"


def _odd_rows(run: Play) -> Iterator[Found]:
    """Any text is as good as a plain one: where those are treated wrongly, too, other promises say so."""
    found = [one for judge in (_rows, _load, _trips, shop.lives) for one in judge(run)]
    if all(one[1] != "c2" for one in found):
        yield from found


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What was asked of the server, and of the database, for lists of which something is missing."""
    rows, odd, first = failing.get("rows"), failing.get("any-text"), failing.first
    asked = [call for call in first.witness.acts if call.done and call.loads and "load" in failing]
    again = [call for call in asked if any(map(call.sure, call.loads[0])) and _was_told(first, call)]
    empty = {call.found[key].text for call in acts(failing, "any-text") for keys in call.loads for key in keys
             if call.sure(key)}  # fmt: skip
    forever = "expires" in failing and any(state.left == FOREVER for *_, state in shop.stored(failing["expires"]))
    names = {event.name for event in first.trace}
    yield from named({
        "of-nothing": any(not call.keys and (call.failed or trips(failing[promise], call))
                          for promise in ("rows", "trips") for call in acts(failing, promise)),
        "empty-is-missing": odd is not None and empty == {""},
        "one-by-one": any(_spread(failing["trips"], call) for call in acts(failing, "trips")),
        "loads-all": bool(again) and all(set(call.keys) == set(call.loads[0]) for call in again),
        "loads-twice": any(len(keys) > len(set(keys)) for call in asked for keys in call.loads),
        "two-steps": forever and "MSET" in names and bool({"EXPIRE", "PEXPIRE"} & names),
        "never-expires": forever and "MSET" in names,
        "order-lost": rows is not None and _reordered(rows),
    })  # fmt: skip


def _was_told(run: Play, call: Call) -> bool:
    """Did the cache tell it all that it holds?"""
    held = [state.text.encode() for key, state in call.found.items() if call.sure(key) and state.text is not None]
    replies = [event.reply for event in sent(run, call)]
    told_ = [one for reply in replies for one in (reply if isinstance(reply, list) else [reply])]
    return all(text in told_ for text in held)


def _spread(run: Play, call: Call) -> bool:
    """Did it send commands of one kind for one product each, one after another?"""
    events = sent(run, call)
    return any(len({e.t_start for e in events if e.name == name}) > 1 for name in ("GET", "SET", "SETEX", "PSETEX"))


def _reordered(run: Play) -> bool:
    """Were the right pages told, in another order?"""
    return any(
        call.done and type(call.result) is list and len(call.result) == len(call.keys)
        and sorted(map(repr, call.result)) == sorted(repr(shop.may_be(run, call, key)[0]) for key in call.keys)
        and call.result != [shop.may_be(run, call, key)[0] for key in call.keys]
        for call in run.witness.acts
    )  # fmt: skip


RULES = Rules(coroutine_function("redis, ids, load, *, ttl"), trials, clues)
