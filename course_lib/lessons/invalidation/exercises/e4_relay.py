"""06.4, the relay of an outbox: notes are done at least once and in order, whatever fails between two steps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

from course_lib.explore import CRASHED, Play, Process, Simulation, Trial
from course_lib.grading import key_log
from course_lib.grading.acts import failure
from course_lib.grading.answer import coroutine_function
from course_lib.grading.caller_errors import of_redis
from course_lib.grading.evidence import LOST, ms, shown
from course_lib.grading.rules import Failing, Found, Rules, named, trial
from course_lib.lessons.invalidation.exercises.e4_outbox import (
    ABSENT,
    BATCH,
    KEYS,
    MANY,
    SETS,
    Answer,
    Notes,
    Outbox,
    Pass,
    Watch,
)
from course_lib.sim.faults import Kind

SOON = 0.05
FAULTS: dict[Kind, float] = {"pause": 0.05, "crash": 0.0, "lose request": 0.0, "lose reply": 0.0}


def trials(answer: Answer) -> list[Trial]:
    """Passes with one fault at every send; a relay that dies at each moment; the outbox fails; Redis refuses; two."""
    again = {"done": _done, "order": _order, "again": _again}
    build = partial(_build, answer)
    return [
        trial("one pass after another", partial(build, ""), {
            **again, "ends": _ends, "once": _once, "errors": _errors, "others": _others},
            sizes=(1,), seeds=2 * len(SETS), faults=FAULTS, fault_seeds=1),
        trial("a relay dies", partial(build, "dies"), again, sizes=(1,), seeds=16),
        trial("the outbox fails", partial(build, "fails"), again | {"ends": _ends, "errors": _errors}, sizes=(1,),
              seeds=16),
        trial("the server refuses a command", partial(build, "refuses"), again | {"ends": _ends, "errors": _errors},
              sizes=(1,), seeds=15),
        trial("very many notes", partial(build, "many"), {"ends": _ends}, sizes=(1,), seeds=1),
        trial("two relays at once", partial(build, ""), {"done": _done, "again": _again, "ends": _ends}, sizes=(2,),
              seeds=8),
    ]  # fmt: skip


def _build(answer: Answer, what: str, world: Simulation, clients: int) -> Notes:
    """c1, with two clients c2 too, makes a pass; long after it c3 makes another, to do what is left: in c1's process,
    where that is sure to live. A writer notes one thing more in the middle."""
    seed = world.seed
    notes = MANY if what == "many" else SETS[0][:3] if what else SETS[seed % len(SETS)]
    run = Notes(world, notes=[])
    world.nodes[0].extension = Watch(run, seed if what == "refuses" else None)
    world.at(0.0, run.open, notes)
    if not what and seed % 2:
        world.at(0.021, run.note, (1_000, KEYS[0]))
    for number in range(1, clients + 1):
        act = Pass(f"c{number}", "pass", run=run, fails=seed // 2 if what == "fails" else None, late=seed % 2 == 1)
        process = Process(act.who)
        world.client(act.who, run.do, act, partial(_deed, answer), start=0.003 * number, process=process)
        if what == "dies":
            world.at(0.0045 + 0.002 * seed, world.crash, process)
    last = Pass("c3", "pass", run=run)
    lives = process if what in ("fails", "refuses") else None
    world.client("c3", run.do, last, partial(_deed, answer), start=1.0, process=lives)
    return run


def _deed(answer: Answer, act: Pass) -> Any:
    return answer(act.run.world.redis(), Outbox(act))


# -- judges ------------------------------------------------------------------------------------------------------------


def _done(run: Play) -> Iterator[Found]:
    """No note is marked before its page was deleted, and then published."""
    for mark, deleted, published in run.witness.marked_rightly():
        if not published:
            key = dict(run.witness.notes)[mark.whose]
            why = "since that delete, it had not been published" if deleted else "it had not been deleted"
            why = "it had not been published, page or no page" if key == ABSENT else why
            text = f"At {ms(mark.when)} {mark.who} marked note {mark.whose}, of {key!r}; since it was noted, {why}."
            yield text.replace("since it was noted, since", "since"), mark.who, mark.when, "marked too early"
    for act in run.witness.acts:
        refused = any(event.fault in LOST or isinstance(event.reply, Exception) for event in key_log.sent(run, act))
        if act.failed and act.error is None and not (refused and of_redis(act.result)):
            yield failure(act), act.who, act.ended, "an error"


def _order(run: Play) -> Iterator[Found]:
    """Older notes come first: they are marked first, and what they name is deleted first, and published first as well,
    if nothing went wrong between."""
    marks = [one for one in run.witness.happened if one.what == "marked" and one.who == "c1"]
    for one, other in pairwise(marks):
        if other.whose < one.whose:
            text = f"{one.who} marked note {one.whose} at {ms(one.when)}, and note {other.whose} after it."
            yield text, one.who, other.when, "out of order"
    disturbed = any(event.fault or isinstance(event.reply, Exception) for event in run.trace)
    for what in ("deleted",) if disturbed else ("deleted", "published"):
        first: dict[str, float] = {}
        for one in run.witness.happened:
            if one.what == what:
                first.setdefault(one.whose, one.when)
        order = [(first[key], key) for key in dict.fromkeys(key for _, key in run.witness.notes) if key in first]
        for (when, key), (then, other) in pairwise(order):
            if then < when:
                text = f"{key!r} was noted before {other!r}, and {what} after it, at {ms(when)}."
                yield text, "c1", when, "out of order"


def _again(run: Play) -> Iterator[Found]:
    """However the first pass ended, the next one does the rest."""
    last = run.witness.acts[-1]
    if last.who == "c3" and last.done:
        for id, key in run.witness.notes:
            if id not in run.witness.done:
                text = f"c3's pass was over at {ms(last.ended)}, and note {id}, of {key!r}, is still pending."
                yield text, "c3", last.ended, "still pending"


def _ends(run: Play) -> Iterator[Found]:
    """It returns when nothing is pending, with the number of notes that it has marked."""
    for act in run.witness.acts:
        if not act.over and run.results.get(act.who) is not CRASHED:
            yield f"{act.who}'s pass never ended.", act.who, run.now, "no end"
        elif act.done and act.last != []:
            told = "did not ask what is pending" if act.last is None else f"was last told that {act.last} is pending"
            yield f"{act.who} returned, and {told}.", act.who, act.ended, "more to do"
        elif act.done and (type(act.result) is not int or act.result != act.marks):
            text = f"{act.who} marked {act.marks} notes and returned {shown(act.result)}."
            yield text, act.who, act.ended, "another number"


def _once(run: Play) -> Iterator[Found]:
    """If nothing fails, nothing is done more often than it was noted."""
    if run.schedule.faults:
        return
    for what in ("deleted", "published"):
        for key in dict.fromkeys(KEYS):
            often = sum(one[1:3] == (what, key) for one in run.witness.happened)
            notes = sum(name == key for _, name in run.witness.notes)
            if often > notes:
                yield f"{key!r} was {what} {often} times, and is in {notes} notes.", "c1", run.now, "too often"


def _errors(run: Play) -> Iterator[Found]:
    """What the outbox raises, or redis-py, comes out at once."""
    for act in run.witness.acts:
        if act.over and act.error is not None and act.result is not act.error:
            came = f"{'raised' if act.failed else 'returned'} {shown(act.result)}"
            yield f"The outbox raised {shown(act.error)}, and the pass {came}.", act.who, act.ended, "not told"
    yield from key_log.errors(run)


def _others(run: Play) -> Iterator[Found]:
    """No other key is touched, and nothing else is published."""
    for key in run.witness.strays:
        yield f"The key {key!r} was changed, and not deleted or left alone.", "", run.now, "another key"
    for one in run.witness.happened:
        if one.what == "published" and one.whose not in KEYS:
            text = f"At {ms(one.when)} {one.whose!r} was published, which is no key of a note."
            yield text, "", one.when, "published"


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What came before what; and what a pass did when a command failed."""
    run, ends = failing.get("done"), failing.get("ends")
    plain = run is not None and not run.schedule.faults and run.schedule.clients == 1
    early = [one for one in run.witness.marked_rightly() if not one[2]] if run is not None and plain else []
    after = published = False
    if early and run is not None:
        mark, key = early[0][0], dict(run.witness.notes)[early[0][0].whose]
        soon = [one.what for one in run.witness.happened if one.whose == key and 0 <= one.when - mark.when < SOON]
        named_in = [event for event in run.trace if key.encode() in event.command]
        after = "deleted" in soon and any(0 <= event.t_start - mark.when < SOON for event in named_in)
        sent = [one.whose for one in run.witness.happened if one.what == "published" and one.when <= mark.when]
        published = key in sent
    yield from named({
        "marks-first": after and not early[0][1],
        "publishes-first": published and all(deleted for _, deleted, _ in early) and "done" in failing and plain,
        "never-publishes": early and run and all(one.what != "published" for one in run.witness.happened),
        "one-batch": ends is not None and "done" not in failing and any(
            act.done and act.marks == BATCH == act.calls - 1 for act in failing.first.witness.acts),
        "swallows-errors": "errors" in failing and "done" not in failing and any(
            act.done and act.result is not act.error
            and (act.error is not None or key_log.failed(key_log.sent(run, act)))
            for run in [failing["errors"]] for act in run.witness.acts),
    })  # fmt: skip


RULES = Rules(coroutine_function("redis, outbox"), trials, clues)
