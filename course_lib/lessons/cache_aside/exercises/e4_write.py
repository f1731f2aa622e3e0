"""00.4, write, then delete: writers change products while readers come at every moment, and Redis fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from redis.exceptions import RedisError

from course_lib.explore import Play, Process, Simulation, Trial, until
from course_lib.grading.acts import PATIENCE, Act, sent
from course_lib.grading.answer import coroutine_function
from course_lib.grading.caller_errors import TO_WRITES as REFUSALS
from course_lib.grading.database import ERRORS
from course_lib.grading.evidence import ms, round_trips, shown
from course_lib.grading.key_log import fate, strays
from course_lib.grading.readers import Readers
from course_lib.grading.rules import Failing, Found, Rules, named, trial
from course_lib.lessons.cache_aside.exercises import e4_writers
from course_lib.lessons.cache_aside.exercises.e4_writers import Writing, Written
from course_lib.lessons.cache_aside.exercises.shop import acts
from course_lib.sim.faults import Kind
from course_lib.words import counted as number_of

Answer = Callable[..., Awaitable[Any]]
KEYS = [
    ("app:product:42", "app:product:7"), ("app:product:{de}:7", "app:product:{de}:8"), ("a{b:c", "a{b:"), ("é 7", "7"),
    ("App:Product:7 ", "app:product:7 "),
]  # fmt: skip
FAULTS: dict[Kind, float] = {"lose request": 0.0, "lose reply": 0.0, "node down": 60.0}
LOST_ONLY: dict[Kind, float] = {"lose request": 0.0, "lose reply": 0.0}
OLD = "the old page of {}"
A_MOMENT = 0.001
"""Seconds: a try that comes sooner than this counts as made at once."""


def trials(answer: Answer) -> list[Trial]:
    """Writers with one fault at every send; saves that fail; and a server that refuses one delete, or two."""
    judges = {"gone": _gone, "once": _once, "in-doubt": _in_doubt, "tries": _tries, "cost": _cost}
    return [
        trial("products are changed", partial(_build, answer, "saved"), judges, sizes=(1,), seeds=len(KEYS),
              faults=FAULTS, fault_seeds=2),
        trial("the save fails", partial(_build, answer, "fails"),
              {"once": _once, "after-failure": _after_failure, "tries": _tries}, sizes=(1,), seeds=6, faults=FAULTS),
        trial("a delete is lost, and the next one refused", partial(_build, answer, "both"), judges, sizes=(1,),
              seeds=4, faults=LOST_ONLY, fault_seeds=4),
        trial("the server refuses a delete, or two", partial(_build, answer, "refused"), judges, sizes=(1,), seeds=12),
        trial("two tasks of a process", partial(_together, answer, False), judges, sizes=(1,), seeds=6,
              horizon=30),
        trial("no delete of one product is allowed", partial(_together, answer, True), judges, sizes=(1,), seeds=4,
              horizon=30),
    ]  # fmt: skip


def _build(answer: Answer, what: str, world: Simulation, clients: int) -> Writing:
    """c1 changes a product, and c2, under odd seeds a task of the same process, another one; where commands are
    refused, one to three of them, c1 is alone. Of saves that fail, those of every other seed have committed."""
    refuses = {"refused": range(1 + world.seed // 2 % 3), "both": (world.seed // 2,)}.get(what, ())
    keys = KEYS[world.seed % len(KEYS)][: 1 if refuses else 2]
    rows = {key: OLD.format(key) for key in keys}
    readers = Readers(world, rows, refuses, REFUSALS[world.seed % 4])
    readers.plant(f"{key}{end}" for key in rows for end in (":lock", "s"))
    run = Writing(world, log=readers, rows=rows)
    shared = Process("shop") if world.seed % 2 else None
    for number, key in enumerate(keys):
        if not (world.seed == 2 and number == 0):  # whose page is not in the cache
            world.at(0.0, partial(readers.read, key, forever=world.seed == 3))
        new = f"the new page {int(world.draws(key)() * 16**6):06x}"
        page = (new, "", f"  {new} \r\n", "   ")[(world.seed + number) % 4]
        act = Written(f"c{number + 1}", f"{what} {key}", key=key, page=page)
        start = 0.01 + 0.012 * number * (shared is None)
        world.client(act.who, run.do, act, partial(_deed, answer, run), start=start, process=shared)
    return run


def _together(answer: Answer, denied: bool, world: Simulation, clients: int) -> Writing:
    """Two tasks of one process change products at about the same moment, three times: one product, which c1 makes the
    same three times; or each its own, and the server lets nobody delete c1's."""
    first, second = KEYS[world.seed % len(KEYS)] if denied else KEYS[world.seed % len(KEYS)][:1] * 2
    rows = {key: OLD.format(key) for key in (first, second)}
    readers = Readers(world, rows, (), REFUSALS[world.seed % 4])
    readers.denied = first if denied else None
    run, shared = Writing(world, log=readers, rows=rows), Process("shop")
    for key in rows:
        world.at(0.0, readers.read, key)
    for number, key in enumerate((first, second)):

        def one(who: str, what: str, key: str = key, page: str = f"the price of c{number + 1}") -> Written:
            return Written(who, what, key=key, page=page)

        when = 0.01 + (0.0 if denied else 0.0006 * number * world.seed)
        plan = [(when + 3 * turn, f"saved {key}") for turn in range(3)]
        run.process(f"c{number + 1}", partial(_deed, answer, run), plan, one, shared)
    return run


async def _deed(answer: Answer, run: Writing, act: Written) -> Any:
    world, fails = run.world, act.what.startswith("fails")
    takes = (0.02, 0.005, 0.3, 2.0)[world.seed % 4]

    async def save(page: str) -> str:
        began, act.error, act.saved = world.now(), None, page
        note = world.note(act.who, "compute", "saves")
        act.saves.append((began, began))
        await until(world, began + takes)
        if not fails or world.seed % 2:
            run.rows[act.key] = page
        act.saves[-1], note.t_end = (began, world.now()), world.now()
        if fails:
            note.text = "failed"
            act.error = ERRORS[world.seed % len(ERRORS)]("the database did not answer")
            raise act.error
        return "saved"

    try:
        return await answer(world.redis(), act.key, act.page, save)
    finally:
        act.left = run.log.look(act.key).text


# -- judges ------------------------------------------------------------------------------------------------------------


def _gone(run: Play) -> Iterator[Found]:
    """After True, and in any case where nothing failed, nobody is served the old page; it is deleted as soon as the row
    is there; and writers store no page."""
    for act in run.witness.acts:
        deletes = e4_writers.deletes(run, act)
        if (
            act.saves
            and deletes
            and (late := deletes[0].event.t_start - act.saves[-1][1]) > A_MOMENT
            and not e4_writers.down(run, act)
        ):
            text = f"{act.who} had saved its row at {ms(act.saves[-1][1])}, and sent its delete {ms(late)} later."
            yield text, act.who, deletes[0].event.t_start, "late"
        sure = not e4_writers.down(run, act) and not any(one.failed for one in e4_writers.attempts(run, act))
        must = act.done and (act.result is True or sure)
        if must and act.left == OLD.format(act.key):
            why = "it returned True" if act.result is True else "no command failed"
            text = f"{act.who} was done at {ms(act.ended)}; {why}, and readers are still served the old page."
            yield text, act.who, act.ended, "the old page"
    for when, key, text in run.witness.log.stored:
        yield f"At {ms(when)} a writer itself stored {shown(text)} under {key}.", "", when, "stored"
    others = [(act, event, key) for act in run.witness.acts for event in sent(run, act)
              for key in run.witness.log.names(event.command) if key != act.key]  # fmt: skip
    for act, event, key in others:
        yield f"{act.who} was asked to change {act.key}, and its {event.name} names {key}.", act.who, event.t_start, key
    yield from strays(run)


def _once(run: Play) -> Iterator[Found]:
    """The row is saved once; what the save raises is what the call raises."""
    for act in run.witness.acts:
        if act.over and len(act.saves) != 1:
            yield f"{act.who} saved its row {len(act.saves)} times; once is right.", act.who, act.ended, "saves"
        elif act.over and act.error is None and act.saved != act.page:
            text = f"{act.who} was to save {act.page!r}, and the database was given {shown(act.saved)}."
            yield text, act.who, act.ended, "another page"
        elif act.over and act.error is not None and act.result is not act.error:
            came = f"{'raised' if act.failed else 'returned'} {shown(act.result)}"
            text = f"The save raised {shown(act.error)}, and the call {came}."
            yield text, act.who, act.ended, "not told"
        elif act.over and act.error is None and act.failed and not isinstance(act.result, RedisError):
            yield f"The save ended well, and {act.who} raised {shown(act.result)}.", act.who, act.ended, "an error"


def _in_doubt(run: Play) -> Iterator[Found]:
    """True if a delete was answered, else False; never an error of redis."""
    for act in run.witness.acts:
        deletes = e4_writers.deletes(run, act)
        known = not all(one.failed for one in deletes)
        if not act.over or act.error is not None or ((deletes or e4_writers.down(run, act)) and act.result is known):
            continue
        why = "it sent no delete when the row was saved"
        if deletes:
            what = "was answered" if known else fate(deletes[-1].event)
            why = f"its {deletes[-1].event.name} {what}: {known} is right"
        came = f"{'raised' if act.failed else 'returned'} {shown(act.result)}"
        yield f"{act.who} {came}, and {why}.", act.who, act.ended, f"must be {known}"


def _tries(run: Play) -> Iterator[Found]:
    """A delete that failed is tried once more, at once; one that did not fail is not tried again."""
    for act in run.witness.acts:
        tried = e4_writers.attempts(run, act)
        right = 1 + bool(tried and tried[0].failed)
        if not act.over:
            yield f"{act.who} was still not done after {ms(run.now)}.", act.who, run.now, "no end"
        elif len(tried) != right and not e4_writers.down(run, act):
            so = f"the first {fate(tried[0].event)}" if right == 2 else "the first did not fail"
            so = so if tried else "there was none"
            text = f"{act.who} sent {number_of(len(tried), 'delete')}, and {so}: {right} would be right."
            yield text, act.who, act.ended, "tries"
        elif right == len(tried) == 2 and (late := _idle(run, act, tried[1].event.t_start)) > A_MOMENT:
            text = f"{act.who} was told that its delete had failed, and tried again only {ms(late)} later."
            yield text, act.who, tried[1].event.t_start, "not at once"


def _idle(run: Play, act: Act, until: float) -> float:
    """For how long it had known what came of all that it had sent."""
    before = [event for event in sent(run, act) if event.t_start < until]
    heard = max(event.t_start if event.t_end is None else event.t_end for event in before)
    return until - heard - (PATIENCE if any(event.t_end is None for event in before) else 0.0)


def _cost(run: Play) -> Iterator[Found]:
    """With nothing wrong, one round trip."""
    for act in run.witness.acts:
        events = sent(run, act)
        if act.done and not any(map(e4_writers.failed, events)) and (trips := round_trips(events)) != 1:
            yield f"{act.who} took {trips} round trips; 1 will do.", act.who, act.began, "cost"


def _after_failure(run: Play) -> Iterator[Found]:
    """Whether or not a save that failed has committed, the page is deleted after it."""
    for act in run.witness.acts:
        if act.over and not e4_writers.deletes(run, act) and not e4_writers.down(run, act):
            text = f"The save of {act.who} raised {shown(act.error)}; it may have committed, and no delete came after."
            yield text, act.who, act.ended, "not deleted"


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """When deletes were sent and rows saved, and what was returned."""
    first = failing.first
    order = [(act, [one.event.t_start for one in e4_writers.attempts(first, act)]) for act in first.witness.acts]
    told = [(act, e4_writers.deletes(failing["in-doubt"], act)) for act in acts(failing, "in-doubt")
            if act.over and act.error is None]  # fmt: skip
    return named({
        "deletes-first": "gone" in failing and all(
            sends and act.saves and max(sends) <= act.saves[0][0] for act, sends in order),
        "stores-instead": "gone" in failing and bool(
            {(act.key, act.page) for act in first.witness.acts if act.page}
            & {(key, text) for _, key, text in first.witness.log.stored}),
        "saves-again": "once" in failing and any(_saved_again(failing["once"], act) for act in acts(failing, "once")),
        "zero-is-failure": any(act.result is False and d and not d[-1].failed and d[-1].event.reply == 0
                               for act, d in told),
        "error-for-a-commit": any(isinstance(act.result, RedisError) for act, _ in told),
        "sure-in-doubt": any(act.result is True and d and all(one.failed for one in d) for act, d in told),
        "keeps-after-doubt": "after-failure" in failing and "gone" not in failing,
    })  # fmt: skip


def _saved_again(run: Play, act: Written) -> bool:
    """Did it save once more when a delete had failed?"""
    failed = [one.event.t_start for one in e4_writers.attempts(run, act) if one.failed]
    return len(act.saves) > 1 and any(act.saves[0][1] <= when <= act.saves[-1][0] for when in failed)


RULES = Rules(coroutine_function("redis, key, page, save"), trials, clues)
