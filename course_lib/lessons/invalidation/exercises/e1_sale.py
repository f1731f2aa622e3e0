"""06.1, commit, then delete: the prices of several products change while readers come at every moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from course_lib.explore import Play, Process, Simulation, Trial, until
from course_lib.grading import key_log
from course_lib.grading.acts import Act, Acts, failure, sent
from course_lib.grading.answer import coroutine_function
from course_lib.grading.caller_errors import TO_ANY, hindered
from course_lib.grading.database import DatabaseDown, DatabaseGone, DatabaseRedis, DatabaseValue
from course_lib.grading.evidence import ms, round_trips, shown
from course_lib.grading.readers import Readers
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, named, trial, undisturbed

Answer = Callable[..., Awaitable[Any]]
SALES = [
    (["42", "7"], ["8"]), (["de:{7}", "{de}:8", "Zoë 9", "0042"], ["42"]), ([], ["7", "42"]), (["é"], []),
    ([str(number) for number in range(94, 224)], ["9"]), (["42"], ["421", "4", "2"]),
    (["", " "], ["app:product:7", "7"]),
]  # fmt: skip
"""For each run: the products whose prices c1 changes, and those of c2."""


PAGES = ("the old page of {}", "the new page of {}", "the newest page of {}")
ERRORS_OF_COMMIT = (DatabaseDown, DatabaseValue, DatabaseGone, DatabaseRedis)
AGAIN = 1.5
"""Seconds after which c1's process sells the same products once more."""


@dataclass(eq=False)
class Change(Act):
    """One sale, of PAGES the one that its commit makes true is numbered `new`. `given`: the list that the answer was
    given; `commits`: when each began and ended; `error`: what the last one raised; `old`: keys of the sale that hold an
    old page when the call is over."""

    ids: list[str] = field(default_factory=list)
    new: int = 1
    given: list[str] = field(default_factory=list)
    commits: list[tuple[float, float]] = field(default_factory=list)
    error: Exception | None = None
    old: list[str] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        return [f"app:product:{id}" for id in self.ids]


@dataclass
class Changes(Acts):
    """The sales of one run."""

    log: Readers = field(kw_only=True)
    rows: dict[str, str] = field(kw_only=True)


def trials(answer: Answer) -> list[Trial]:
    """Sales with one fault at every send; commits that fail; and a server that refuses a command."""
    judges = {"gone": _gone, "others": _others, "errors": _errors, "cost": undisturbed(_cost)}
    return [
        trial("prices change", partial(_build, answer, "saved"), judges, sizes=(1,), seeds=2 * len(SALES),
              faults=LOSSES, fault_seeds=4),
        trial("the commit fails", partial(_build, answer, "fails"), {"others": _others, "errors": _errors}, sizes=(1,),
              seeds=6),
        trial("the server refuses a command", partial(_build, answer, "refused"),
              {"others": _others, "errors": _errors}, sizes=(1,), seeds=6),
    ]  # fmt: skip


def _build(answer: Answer, what: str, world: Simulation, clients: int) -> Changes:
    """c1 and c2, in every other pair of runs tasks of one process, have a sale each, at once. Where no commit and no
    command is to fail, c3, a task of c1's process, has that of c1 once more, later. The pages of all their products are
    in the cache. Of commits that fail, every other has taken place."""
    mine, others = SALES[world.seed // 2 % len(SALES)]
    rows = {f"app:product:{id}": PAGES[0].format(id) for id in [*mine, *others]}
    readers = Readers(world, rows, {world.seed // 3} if what == "refused" else (), TO_ANY[world.seed % 3])
    beside = [*filter(None, mine[:2]), *(f"{key}{end}" for key in list(rows)[:1] for end in (":lock", "s"))]
    readers.plant(key for key in [*beside, "app:product:"] if key not in rows)
    run = Changes(world, log=readers, rows=rows)
    for key in rows:
        world.at(0.0, readers.read, key)
    first = Process("shop")
    second = first if world.seed // 2 % 2 else Process("office")
    sales = [("c1", mine, 1, 0.01, first), ("c2", others, 1, 0.014, second), ("c3", mine, 2, AGAIN, first)]
    for who, ids, new, start, process in sales[: 3 if what == "saved" else 2]:
        act = Change(who, what, ids=ids, new=new)
        world.client(who, run.do, act, partial(_deed, answer, run), start=start, process=process)
    return run


async def _deed(answer: Answer, run: Changes, act: Change) -> Any:
    world, fails = run.world, act.what == "fails"

    async def commit() -> None:
        began, note = world.now(), world.note(act.who, "compute", "commits")
        act.commits.append((began, began))
        await until(world, began + (0.03, 0.005)[world.seed // 4 % 2])
        if not fails or world.seed % 2:
            run.rows.update((key, PAGES[act.new].format(id)) for id, key in zip(act.ids, act.keys, strict=True))
        act.commits[-1], note.t_end = (began, world.now()), world.now()
        if fails:
            note.text, act.error = "failed", ERRORS_OF_COMMIT[world.seed % 4]("the database did not answer")
            raise act.error

    act.given = list(act.ids)
    try:
        return await answer(world.redis(), act.given, commit)
    finally:
        old = [(key, [page.format(id) for page in PAGES[: act.new]]) for id, key in zip(act.ids, act.keys, strict=True)]
        act.old = [key for key, pages in old if run.log.look(key).text in pages]


# -- judges ------------------------------------------------------------------------------------------------------------


def _gone(run: Play) -> Iterator[Found]:
    """A sale that returns has committed, and no reader is served an old page any more."""
    for act in run.witness.acts:
        if act.failed and not hindered(run, act):
            yield failure(act), act.who, act.ended, "an error"
        elif act.done and not act.commits:
            yield f"{act.who} returned and had not committed.", act.who, act.ended, "not committed"
        elif act.done and act.old:
            text = f"{act.who} was done at {ms(act.ended)}, and readers are still served the old page of {act.old[0]}."
            yield text, act.who, act.ended, "the old page"


def _others(run: Play) -> Iterator[Found]:
    """Nobody stores a page, and nobody changes other keys or the list of ids."""
    for when, key, text in run.witness.log.stored:
        yield f"At {ms(when)} {shown(text)} was stored under {key}, and not by a reader.", "", when, "stored"
    for act in run.witness.acts:
        if act.over and act.given != act.ids:
            text = f"The list {shown(act.ids)} that {act.who} was given is now {shown(act.given)}."
            yield text, act.who, act.ended, "another list"
        for event in sent(run, act):
            for key in set(run.witness.log.names(event.command)) - set(act.keys):
                yield f"{act.who}'s {event.name} names {key}, which is none of its sale.", act.who, event.t_start, key
    yield from key_log.strays(run)


def _errors(run: Play) -> Iterator[Found]:
    """There is one commit, and its errors and those of redis-py reach the caller."""
    for act in run.witness.acts:
        if act.over and len(act.commits) > 1:
            yield f"{act.who} committed {len(act.commits)} times; once is right.", act.who, act.ended, "commits"
        elif act.over and act.error is not None and act.result is not act.error:
            came = f"{'raised' if act.failed else 'returned'} {shown(act.result)}"
            yield f"The commit raised {shown(act.error)}, and the call {came}.", act.who, act.ended, "not told"
    yield from key_log.told(run)


def _cost(run: Play) -> Iterator[Found]:
    """One round trip, however many products; for no product, none."""
    for act in run.witness.acts:
        trips = round_trips(sent(run, act))
        if act.over and trips > bool(act.ids):
            text = f"{act.who} took {trips} round trips for {len(act.ids)} products; {int(bool(act.ids))} will do."
            yield text, act.who, act.began, "cost"


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """When was what sent, and what became of the pages."""
    runs = {promise: failing[promise] for promise in ("gone", "others", "cost") if promise in failing}
    acts = [(act, sent(run, act)) for run in runs.values() for act in run.witness.acts if act.ids]
    gone = [(act, events) for act, events in acts if act.old and act.done and "gone" in failing]
    keys = {key.encode() for act, _ in gone for key in act.keys}
    stored = {text for run in runs.values() for _, _, text in run.witness.log.stored}
    empty = [act for run in failing.values() for act in run.witness.acts if not act.ids and act.failed]
    yield from named({
        "of-nothing": any("wrong number of arguments" in str(act.result) for act in empty),
        "stores-instead": bool(stored & {PAGES[act.new].format(id) for act, _ in acts for id in act.ids}),
        "deletes-first": any(
            act.commits and events and max(e.t_start for e in events) < act.commits[-1][1]
            and any(key in e.command for e in events for key in keys) for act, events in gone),
        "without-prefix": any(
            set(map(str.encode, act.ids)) <= {word for e in events for word in e.command[1:]} for act, events in gone),
        "one-by-one": "cost" in failing and "gone" not in failing and any(
            round_trips(events) == len(act.ids) > 1 and all(len(event.command) == 2 for event in events)
            for act, events in acts),
    })  # fmt: skip


RULES = Rules(coroutine_function("redis, ids, commit"), trials, clues)
