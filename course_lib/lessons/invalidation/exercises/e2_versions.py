"""06.2, never over a newer version: readers store pages and writers leave marks, in any order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

from course_lib.explore import CRASHED, Play, Process, Simulation, Trial, until
from course_lib.grading import key_log
from course_lib.grading.acts import failure
from course_lib.grading.answer import coroutine_function
from course_lib.grading.caller_errors import TO_ANY, hindered, refused_ones
from course_lib.grading.evidence import ms, shown
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, named, trial
from course_lib.lessons.invalidation.exercises.e2_hashes import Hashes, Stores, Versions, held, page, version
from course_lib.sim.faults import Kind

Answer = Callable[..., Awaitable[Any]]
LAST = 2**53 - 1
STEPS = [
    (9, "nine"), (10, "ten"), (9, "late"), (10, "ten, again"), (10, None), (9, "late"), (10, ""), (10, ""),
    (100, None), (99, "x"), (100, " Zoë's page\n"), (1_000, "y"), (999, "z"), (10**15 - 1, "a"),
    (10**15, "b"), (10**15 - 1, "c"), (LAST, "None"), (LAST - 1, None),
    (100, "low"), (LAST, None), (LAST - 1, ""),
]  # fmt: skip
"""Versions and pages, None for a mark, that c1 stores in turn; then, when all has expired, the first once more."""
EVICTED = (999, "z")
"""Before this step the server, under some seeds, has no memory left and lets go of the hash."""
SETS = [("app:product:42", "app:product:7", 60), ("app:product:{de}:7", "a{b:c", 1.5), ("é 7", "7", 0.57),
        ("App:Product:7 ", "app:product:7", 2.006), ("app:product:9", "app:product:{9}", 0.004),
        ("app:product:", "42", 2_592_000)]  # fmt: skip
"""For each run: two keys, and the ttl in seconds."""
LONGER = (1.0, 2.5, 0.75)
"""By how much the ttl of each step is longer or shorter."""
OLDER = "redis.call('HSET', KEYS[1], 'version', 9, 'page', 'older') redis.call('PEXPIRE', KEYS[1], 60000)"
CROWD = """
if tonumber(redis.call('HGET', KEYS[1], 'version') or 0) > 100 then return end
redis.call('HSET', KEYS[1], 'version', 100, 'page', 'of many')
redis.call('PEXPIRE', KEYS[1], 60000)"""
AT_ONCE = [(99, "of c1"), (100, "of c2"), (101, None)]


def trials(answer: Answer) -> list[Trial]:
    """One call after another; with an error; several at once, with one fault at every send."""
    all_of = {"newer": _newer, "whole": _whole, "life": _life, "told": _told}
    faults: dict[Kind, float] = {"crash": 0.0, "pause": 0.3, "lose reply": 0.0}
    return [
        trial("one after another", partial(_in_turn, answer, STEPS), all_of, sizes=(1,), seeds=len(SETS), horizon=1e7),
        trial("one fault", partial(_in_turn, answer, STEPS[:1]), {"errors": key_log.errors}, sizes=(1,), faults=LOSSES,
              horizon=1e7),
        trial("the server refuses a command", partial(_refusing, answer), {"errors": key_log.errors}, sizes=(1,),
        seeds=6 * len(TO_ANY)),
        trial("several at once", partial(_at_once, answer), {"race": _race, "errors": key_log.errors}, sizes=(3,),
              seeds=8, faults=faults, fault_seeds=2),
        trial("others at every moment", partial(_crowded, answer), {"race": _patient}, sizes=(1,), seeds=1),
    ]  # fmt: skip


def _run(world: Simulation, refuses: Collection[int] = ()) -> Versions:
    *keys, ttl = SETS[world.seed % len(SETS)]
    run = Versions(world, log=Hashes(world, keys, refuses, TO_ANY[world.seed % len(TO_ANY)]), ttl=ttl)
    run.log.plant(f"{key}{end}" for key in keys for end in (":version", ":lock"))
    return run


async def _deed(answer: Answer, run: Versions, act: Stores) -> Any:
    act.before = run.log.note([act.key])[act.key]
    try:
        return await answer(run.world.redis(), act.key, act.version, act.page, ttl=act.ttl)
    finally:
        act.after = run.log.note([act.key])[act.key]


def _in_turn(answer: Answer, steps: list[tuple[int, str | None]], world: Simulation, clients: int) -> Versions:
    """c1 stores under one key, and c2, under odd seeds a task of the same process, under another."""
    run = _run(world)

    async def body(who: str, key: str, start: int) -> None:
        for place, (number, text) in enumerate([*steps[start:], steps[0]]):
            late = 0.05 + 2.5 * run.ttl
            await until(world, 0.02 + 0.03 * place + late * (place == len(steps[start:])))
            if (number, text) == EVICTED and world.seed // 2 % 2:
                run.log.command("DEL", key)
            act = Stores(who, "stores", key=key, version=number, page=text, ttl=run.ttl * LONGER[place % 3])
            await run.do(act, partial(_deed, answer, run))

    process = Process("shop") if world.seed % 2 else None
    for who, key, start in zip(("c1", "c2"), run.log.keys, (0, 8), strict=True):
        world.client(who, body, who, key, start, process=process)
    return run


def _at_once(answer: Answer, world: Simulation, clients: int) -> Versions:
    """All come for the same key, under odd seeds as tasks of one process. There is an older page, or nothing."""
    run, process, draw = _run(world), Process("shop") if world.seed % 2 else None, world.draws("start")
    run.ttl, key = 60.0, run.log.keys[0]
    if world.seed // 2 % 2:
        world.given(("EVAL", OLDER, 1, key))
    for number, (wanted, text) in enumerate(AT_ONCE[:clients], 1):
        act = Stores(f"c{number}", "stores", key=key, version=wanted, page=text, ttl=run.ttl)
        world.client(act.who, run.do, act, partial(_deed, answer, run), start=0.004 * draw(), process=process)
    return run


def _crowded(answer: Answer, world: Simulation, clients: int) -> Versions:
    """c1 stores version 101, while others store version 100 so often, for half a second, that between a look and a
    transaction there is always one of them."""
    run = _run(world)
    run.ttl, key = 60.0, run.log.keys[0]
    for moment in range(1_200):
        world.at(0.02 + 0.0004 * moment, run.log.command, "EVAL", CROWD, "1", key)
    act = Stores("c1", "stores", key=key, version=101, page="of c1", ttl=run.ttl)
    world.client("c1", run.do, act, partial(_deed, answer, run), start=0.02)
    return run


def _refusing(answer: Answer, world: Simulation, clients: int) -> Versions:
    run = _run(world, refused_ones(world.seed // len(TO_ANY), 4))
    act = Stores("c1", "stores", key=run.log.keys[0], version=7, page="page", ttl=run.ttl)
    world.client("c1", run.do, act, partial(_deed, answer, run))
    return run


# -- judges ------------------------------------------------------------------------------------------------------------


def _newer(run: Play) -> Iterator[Found]:
    """A version older than the held one changes nothing; any other is stored."""
    for act in run.witness.acts:
        during = run.witness.log.during(act.key, act)
        stored = any(version(state) == act.version and state.when > act.began for state in during)
        if act.failed and not hindered(run, act):
            yield f"{act.call}. {failure(act)}", act.who, act.ended, "an error"
        elif act.over and act.newer and (act.after.text, act.after.end) != (act.before.text, act.before.end):
            yield f"{act.call}. Afterwards {held(act.after)} was held.", act.who, act.ended, "old over new"
        elif act.over and not act.newer and not stored:
            same = ", with the TTL that it had" * (act.after.text == repr(act.fields))
            yield f"{act.call}. Afterwards {held(act.after)} was held{same}.", act.who, act.ended, "not stored"


def _whole(run: Play) -> Iterator[Found]:
    """At every moment the hash holds the version and the page, and nothing else."""
    for act in run.witness.acts:
        for state in run.witness.log.during(act.key, act):
            new = version(state) == act.version and not act.newer
            if (new and state.text != repr(act.fields)) or (not new and state.text != act.before.text):
                yield f"{act.call}. At {ms(state.when)} {held(state)} was held.", act.who, state.when, "not whole"
    yield from key_log.strays(run)


def _life(run: Play) -> Iterator[Found]:
    """A stored page lives for ttl from its first moment on."""
    for act in run.witness.acts:
        for state in run.witness.log.during(act.key, act):
            if state.there and version(state) == act.version and not key_log.right_life(run, state, act.ttl):
                lasts = key_log.lasting(key_log.lasts(run, state, act.ttl))
                text = f"What was stored under {act.key} {lasts} from {ms(state.when)} on; ttl is {act.ttl:.9g} s."
                yield text, act.who, state.when, "wrong lifetime"


def _told(run: Play) -> Iterator[Found]:
    """True, or 1, if it was stored; False, or 0, if something newer is held."""
    for act in run.witness.acts:
        if act.done and (type(act.result) not in (bool, int) or act.result != (not act.newer)):
            yield f"{act.call}. It returned {shown(act.result)}.", act.who, act.ended, f"must be {not act.newer}"


def _race(run: Play) -> Iterator[Found]:
    """No older page ever replaces a newer one, none is there by halves, and each call is told what became of its
    page."""
    states, acts = run.witness.log.states[run.witness.log.keys[0]], run.witness.acts
    whole = {repr(act.fields) for act in acts} | {"{'version': '9', 'page': 'older'}", None}
    for before, state in pairwise(states):
        if version(state) < version(before):
            text = f"At {ms(state.when)} {held(state)} took the place of {held(before)}."
            yield text, "", state.when, "old over new"
        elif state.text not in whole or state.left == key_log.FOREVER:
            text = f"At {ms(state.when)} there was {held(state)}, which {key_log.lasting(state.left)}."
            yield text, "", state.when, "by halves"
    for act in (act for act in acts if run.results.get(act.who) is not CRASHED):
        seen = [version(state) for state in states if state.when <= act.ended]
        if not act.over:
            yield f"{act.who} had not ended at {ms(run.now)}.", act.who, run.now, "no end"
        elif act.failed and not hindered(run, act):
            yield failure(act), act.who, act.ended, "an error"
        elif act.done and act.result and max(seen) < act.version:
            text = f"{act.who} was told {shown(act.result)}, and version {act.version} was never stored."
            yield text, act.who, act.ended, "not stored"
        elif act.done and not act.result and max(seen) <= act.version:
            yield f"{act.who} was told False, and nothing newer was there.", act.who, act.ended, "refused"


def _patient(run: Play) -> Iterator[Found]:
    """Nobody gives up because of others."""
    for act in run.witness.acts:
        if not act.over:
            yield f"{act.who} had not ended at {ms(run.now)}.", act.who, run.now, "no end"
        elif act.failed:
            yield failure(act), act.who, act.ended, "an error"
        elif not act.result or version(act.after) != act.version:
            text = f"{act.who} was told {shown(act.result)}, and {held(act.after)} was held; nothing newer ever was."
            yield text, act.who, act.ended, "gave up"


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What was held, what was called for, and what came of it, in the first call that went wrong."""
    acts = failing["newer"].witness.acts if "newer" in failing else []
    done = [act for act in acts if act.over and not act.failed and act.before.there]
    taken = {(version(act.before), act.version): version(act.after) == act.version
             and (act.after.text, act.after.end) != (act.before.text, act.before.end) for act in done}  # fmt: skip
    states = [(act, state) for run in failing.values() for act in run.witness.acts
              for state in run.witness.log.during(act.key, act)]  # fmt: skip
    race, life = failing.get("race"), failing.get("life")
    names = {event.name for event in race.trace} if race is not None else set()
    lives = [key_log.lasts(life, state, act.ttl) / act.ttl for act, state in states
             if version(state) == act.version] if life is not None else [0.0]  # fmt: skip
    yield from named({
        "stores-none": any(act.page is None and page(state) == "'None'" != page(act.before) for act, state in states),
        "empty-is-a-mark": any(act.page == "" and held(state) == repr({"version": str(act.version)})
                               for act, state in states),
        "compares-texts": bool(taken) and all(was == (str(new) >= str(old)) for (old, new), was in taken.items()),
        "refuses-its-equal": any(new == old for old, new in taken)
        and all(was == (new > old) for (old, new), was in taken.items()),
        "only-if-missing": len(taken) > 1 and not any(taken.values()),
        "takes-everything": bool(taken) and all(taken.values()),
        "keeps-the-old-page": any(
            act.page is None and version(state) == act.version and not act.newer
            and page(state) == page(act.before) not in (None, "''") for act, state in states),
        "wrong-unit": any(abs(one / 1000 - 1) < 0.01 for one in lives),
        "never-expires": max(lives) < 0,
        "looks-then-writes": bool(names & {"HGET", "HGETALL", "HMGET"}) and "newer" not in failing
        and not names & {"EVAL", "EVALSHA", "FCALL", "WATCH"},
    })  # fmt: skip


RULES = Rules(coroutine_function("redis, key, version, page, *, ttl"), trials, clues)
