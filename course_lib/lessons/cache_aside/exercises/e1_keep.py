"""00.1, give a page a TTL: clients keep pages, and the server says what stands under their keys after each command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from redis.exceptions import DataError

from course_lib.explore import EPOCH, Play, Process, Simulation, Trial
from course_lib.grading import key_log
from course_lib.grading.acts import Act, Acts, failure
from course_lib.grading.answer import coroutine_function
from course_lib.grading.caller_errors import TO_WRITES, hindered, refused_ones
from course_lib.grading.calls import awaited
from course_lib.grading.evidence import ms, shown
from course_lib.grading.key_log import KeyLog, State
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, named, trial, undisturbed

Answer = Callable[..., Awaitable[Any]]


class Kept(NamedTuple):
    """A page that is kept: where, for how long (in seconds), and what stood there before."""

    key: str
    page: str
    ttl: float
    before: tuple[object, ...] = ()


STOOD: list[tuple[object, ...]] = [(), ("SET", "an old page", "PX", 40_000), ("HSET", "name", "old"), ("SET", "older")]
KEPT = [
    Kept("app:product:42", "<h1>The Moon</h1>", 60),
    Kept("app:product:7", "=1", 3600, STOOD[2]),
    Kept("app:product:{de}:7", "Zoë: 1\n2", 1.5, STOOD[1]),
    Kept("app:product:42", "", 0.15, STOOD[3]),
    Kept("a{b:c", "0", 90_000.25, STOOD[2]),
    Kept("app product", "None", 0.57, STOOD[1]),
    Kept("app:product:é", "page", 2.006, STOOD[3]),
    Kept(" App:Product:9 ", "  e\u0301 日本\r\n" + "x" * 1_100 + " ", 0.004),
    Kept("app:product:9", "007", 12.345, STOOD[1]),
    Kept("app::product:9", "   ", 2_592_000.5, STOOD[0]),
    Kept("page", "a\tb" + "y" * 20_000, 0.001, STOOD[2]),
]
"""A run keeps those of its seed and the next; in the first run each ttl is a whole number, of type int."""


class Keep(Act):
    """`after` is what the key holds when it is over."""

    after: State


@dataclass
class Keeping(Acts):
    """What was to be kept by each act."""

    log: KeyLog = field(kw_only=True)
    wanted: dict[str, Kept] = field(default_factory=dict)


def trials(answer: Answer) -> list[Trial]:
    """Pages are kept, with a fault at every send; and by a server that refuses a command."""
    judges = {"stored": _stored, "life": undisturbed(_life), "one-step": _one_step, "errors": key_log.told}
    return [
        trial("pages are kept", partial(_build, answer, 6), judges, sizes=(1,), seeds=len(KEPT), horizon=1e8),
        trial("one fault", partial(_build, answer, 3), judges, sizes=(1,), seeds=2, faults=LOSSES, fault_seeds=2,
              horizon=1e8),
        trial("the server refuses a command", partial(_build, answer, 4, refusing=True),
              {"errors": key_log.told, "one-step": _one_step}, sizes=(1,), seeds=16, horizon=1e8),
        trial("two tasks keep a page each under one key", partial(_at_once, answer),
              {"stored": partial(_stored, last=9)}, sizes=(2,), seeds=4),
    ]  # fmt: skip


def _build(
    answer: Answer, times: int, world: Simulation, clients: int, *, refusing: bool = False
) -> Keeping:  # fmt: skip
    """c1 keeps a page, and so on, as many `times`: under the same key another one; when that has expired, the first
    again, for twice as long. While that is there, the same for ttl, and once more; and the same when somebody else has
    deleted it. c2, a task of the same process under odd seeds, keeps one of its own. What is refused is the seed's."""
    first, second = (KEPT[(world.seed + n) % len(KEPT)] for n in range(2))
    if first.key == second.key:
        second = second._replace(key=f"{second.key}:b")
    refuses = refused_ones(world.seed // 2, 6) if refusing else ()
    run = Keeping(world, log=KeyLog(world, [first.key, second.key], refuses, TO_WRITES[world.seed % 4]))
    run.log.plant(f"{key}{end}" for key in (first.key, second.key) for end in (":tmp", ":lock"))
    run.wanted = {"first": first, "again": first._replace(page=f"{first.page}, new"), "other": second}
    run.wanted |= {"when gone": first._replace(ttl=2 * first.ttl), "the same": first}
    for kept in (first, second):
        if kept.before:
            world.given((kept.before[0], kept.key, *kept.before[1:]))
    world.at(0.0, run.log.note, run.log.keys)
    shared = Process("shop") if world.seed % 2 else None
    gone = 0.5 + 1.5 * first.ttl
    deleted = gone + 0.1 + 1.1 * first.ttl
    plan = [(0.01, "first"), (0.01 + first.ttl / 3, "again"), (gone, "when gone"), (gone + 0.5 * first.ttl, "the same"),
            (gone + 0.9 * first.ttl, "the same"), (deleted, "the same")]  # fmt: skip
    world.at(deleted - 0.05, run.log.command, "DEL", first.key)
    world.at(deleted - 0.05, run.log.note, run.log.keys)
    run.process("c1", partial(_keep, answer, run), plan[:times], Keep, shared)
    run.process("c2", partial(_keep, answer, run), [(0.01 if shared else 0.011, "other")], Keep, shared)
    return run


def _at_once(answer: Answer, world: Simulation, clients: int) -> Keeping:
    """They are tasks of one process."""
    kept = KEPT[world.seed % 3]
    run, shared = Keeping(world, log=KeyLog(world, [kept.key])), Process("shop")
    for number in range(clients):
        run.wanted[str(number)] = kept._replace(page=f"{kept.page} {number}", ttl=kept.ttl * (number + 1))
        run.process(f"c{number + 1}", partial(_keep, answer, run), [(0.01, str(number))], Keep, shared)
    return run


async def _keep(answer: Answer, run: Keeping, act: Keep) -> Any:
    kept = run.wanted[act.what]
    try:
        return await awaited(answer(run.world.redis(), kept.key, kept.page, ttl=kept.ttl))
    finally:
        act.after = run.log.look(kept.key)


# -- judges ------------------------------------------------------------------------------------------------------------


def _states(run: Play) -> Iterator[tuple[Keep, Kept, list[State]]]:
    """Each act, what it was to keep, and what became of its key meanwhile."""
    for act in run.witness.acts:
        kept = run.witness.wanted[act.what]
        yield act, kept, run.witness.log.during(kept.key, act)


def _stored(run: Play, last: int = 2) -> Iterator[Found]:
    """A call that returns has stored the page. Nothing else is there, and no call fails without a cause."""
    for act, kept, states in _states(run):
        if act.failed and not hindered(run, act):
            yield failure(act), act.who, act.ended, "an error"
        elif act.done and kept.page not in [state.text for state in states[-last:]]:
            now = act.after.text
            if now == kept.page:  # it stood there before, and nothing has changed, not even its life, which is judged
                continue
            if key_log.too_late(run, act, kept.page, kept.ttl) or _once_more(run, act, kept):
                continue
            found = "nothing" if now is None else shown(now)
            keep = f"{act.who} was to keep {shown(kept.page)} under {kept.key}"
            text = f"{keep}, and when it returned, under that stood {found}."
            yield text, act.who, act.ended, "another page"
    yield from key_log.strays(run)


def _once_more(run: Play, act: Keep, kept: Kept) -> bool:
    """Did it store the page to end in the very millisecond in which it would have ended anyway? That is nothing new to
    the log, and may have expired when the reply comes."""
    before = [state for state in run.witness.log.states[kept.key] if state.when <= act.began][-1:]
    ran = [event.t_server for event in key_log.sent(run, act) if kept.page.encode() in event.command]
    return any(
        state.text == kept.page and when is not None and when < state.end / 1000 - EPOCH
        for state in before
        for when in ran
    )


def _wrong_lives(run: Play) -> Iterator[tuple[Act, Kept, State]]:
    for act, kept, states in _states(run):
        stored = [state for state in states if state.text == kept.page]
        if not stored and act.done and act.after.text == kept.page and not _renewed(act, kept):
            stored = [act.after]
        if stored and not key_log.right_life(run, stored[-1], kept.ttl):
            yield act, kept, stored[-1]


def _renewed(act: Keep, kept: Kept) -> bool:
    """Does what is there end just when it would if it had been stored in this call, as it has before?"""
    end = act.after.when + act.after.left
    return act.began - key_log.WRONG_BY <= end - kept.ttl <= act.ended + key_log.WRONG_BY


def _life(run: Play) -> Iterator[Found]:
    for act, kept, state in _wrong_lives(run):
        lasting = key_log.lasting(key_log.lasts(run, state, kept.ttl))
        text = f"The page under {kept.key} {lasting}, and ttl is {kept.ttl:g} s."
        yield text, act.who, state.when, "wrong lifetime"


def _one_step(run: Play) -> Iterator[Found]:
    """At no moment is there a page without a life, or no page, or the old one with a life of its successor."""
    ran = {event.t_server: event.client for event in run.trace}
    for act, kept, states in _states(run):
        for state in (one for one in states if ran.get(one.when) == act.who):
            new = state.text == kept.page
            right = new and state.left != key_log.FOREVER
            right = right and (state is states[-1] or key_log.right_life(run, state, kept.ttl))
            if right or (not state.there and act.began + kept.ttl - 0.001 <= state.when):
                continue
            held = "the new page" if new else "the old page" if state.there else "no page"
            left = f", which {key_log.lasting(state.left)}" if state.there else ""
            text = f"At {ms(state.when)} there was {held} under {kept.key}{left}"
            yield f"{text}: a reader may come, or {act.who} may die, just then.", act.who, state.when, held


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What was sent to keep a page, and how long it then lived; and who was told what."""
    wrong = next(_wrong_lives(failing["life"]), None) if "life" in failing else None
    words, life, ttl = set[bytes](), 0.0, 1.0
    if wrong is not None:
        act, kept, state = wrong
        words = key_log.options(key_log.sent(failing["life"], act))
        life, ttl = key_log.lasts(failing["life"], state, kept.ttl), kept.ttl
    stored, steps = failing.get("stored"), failing.get("one-step")
    yield from named({
        "never-expires": life == key_log.FOREVER and not words & key_log.A_LIFE,
        "not-whole": stored is not None and any(_not_whole(act.result) for act in stored.witness.acts),
        "wrong-unit": life > 0 and any(abs(ratio / 1000 - 1) < 0.01 for ratio in (life / ttl, ttl / life)),
        "whole-seconds": life > 0 and abs(life - ttl) < 1.01 and key_log.whole(life) and not words & key_log.IN_MS
        and bool(words & key_log.IN_SECONDS),
        "only-if-missing": stored is not None and any(
            event.reply is None and event.name == "SET" and b"NX" in [word.upper() for word in event.command[3:]]
            for event in stored.trace),
        "two-steps": steps is not None and "life" not in failing and _in_steps(steps),
    })  # fmt: skip


def _not_whole(result: object) -> bool:
    """Is it redis-py's refusal of a life that has a fraction?"""
    return isinstance(result, DataError) and "must be datetime" in str(result)


def _in_steps(run: Play) -> bool:
    """Was a page stored without a life, by one that sends that life in a command of its own?"""
    names = {event.name.encode() for event in run.trace}
    pages = [(kept, state) for _, kept, states in _states(run) for state in states]
    bare = any(state.left == key_log.FOREVER and state.text == kept.page for kept, state in pages)
    return bare and b"EXEC" not in names and bool(names & {b"SET", b"GETSET", b"MSET", b"SETNX"})


RULES = Rules(coroutine_function("redis, key, page, *, ttl"), trials, clues)
