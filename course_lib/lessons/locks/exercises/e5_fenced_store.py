"""04.5, the fenced resource: holders of a lock, some of them long over, write with the answer, in every order."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from redis.exceptions import WatchError

from course_lib.explore import CRASHED, Play, Process, Simulation, Trial, steady, until
from course_lib.grading.acts import Act, Acts, sent
from course_lib.grading.answer import coroutine_function
from course_lib.grading.caller_errors import Refuses, keeps_errors
from course_lib.grading.evidence import excused_error, ms, round_trips, shown
from course_lib.grading.lock_watch import Strays, asked
from course_lib.grading.rules import Failing, Found, Rules, trial
from course_lib.lessons.locks.exercises.lock_calls import Answer, yes

KEY, OTHER, THIRD, FOURTH = "report", "report:{eu}:7", "it's", "{eu}:8"
FENCES = (9, 10, 101)
"""Of c1, c2, …: as texts they would come in another order."""
LATER = 30 * 9_000 * 3_600.0
"""Seconds: more than 30 years."""
Row = tuple[int, str, str, bool]
PUTS = Path(__file__).with_name("e5_fenced_store.toml").read_text(encoding="utf-8")
IN_TURN: list[Row] = [(*row,) for row in tomllib.loads(PUTS)["puts"]]
"""Fence, value, key, and whether it is to be taken. The last two come 30 years later."""
MANY = 300
"""Writes of older holders, one after the other, between which a newer one must come."""


@dataclass
class Put(Act):
    """One call of the answer; `what` is the value. `stored` is the value that the server had when it ended, `before`
    and `after` are the whole hash."""

    fence: int = 0
    key: str = KEY
    stored: str | None = None
    before: Any = None
    after: Any = None

    def end(self, world: Simulation) -> None:
        super().end(world)
        self.stored, self.after = value_at(world, self.key), whole(world, self.key)

    @property
    def kept_still(self) -> bool:
        """Was it told False, and did nothing change?"""
        return yes(self.result) is False and self.after == self.before


@dataclass
class Written(Acts):
    """Remembers too which keys were written that nobody was to write."""

    elsewhere: list[str] = field(default_factory=list)


def trials(answer: Answer) -> list[Trial]:
    """One after another, for a year; one with an error; one among many; then two at once, in every order, and three,
    with a fault at every send."""
    lost = {"lose request": 0.0, "lose reply": 0.0}
    return [
        trial("one holder after another", partial(_in_turn, answer),
              {"takes": partial(_answered, True), "refuses": partial(_answered, False), "cost": _cost},
              sizes=(1,), seeds=2, horizon=2 * LATER),
        trial("something fails", partial(_fails, answer), {"in-order": keeps_errors}, sizes=(1,), seeds=13, faults=lost,
              horizon=10.0),
        trial("a newer one among many older ones", partial(_among_many, answer),
              {"takes": _takes, "in-order": _in_order}, sizes=(1,), seeds=3, horizon=10.0,
              world=partial(Simulation, latency=steady(0.001))),
        trial("holders write at once", partial(_at_once, answer),
              {"takes": _takes, "refuses": _refuses, "in-order": _in_order},
              sizes=(2, 3), orders=(2,), seeds=16, fault_sizes=(3,),
              faults={"crash": 0.0, "pause": 1.0, "lose reply": 0.0}, fault_seeds=4),
    ]  # fmt: skip


def _in_turn(answer: Answer, world: Simulation, clients: int) -> Acts:
    """In the second run two processes put in turn."""
    run, clients = Written(world), 1 + world.seed % 2
    world.nodes[0].extension = Strays(world, (KEY, OTHER, THIRD, FOURTH), run.elsewhere)

    async def body(number: int) -> None:
        for place, (fence, value, key, _) in list(enumerate(IN_TURN))[number::clients]:
            await until(world, 0.1 * place + (LATER if place >= len(IN_TURN) - 2 else 0.0))
            await _put(run, answer, Put(f"c{number + 1}", value, fence=fence, key=key))

    for number in range(clients):
        world.client(f"c{number + 1}", body, number)
    return run


def _fails(answer: Answer, world: Simulation, clients: int) -> Acts:
    """A message is lost; and in all runs but the first the server refuses a command."""
    run, world.nodes[0].extension = Acts(world), Refuses(world.seed - 1 if world.seed else None)
    world.client("c1", _put, run, answer, Put("c1", "of-c1", fence=FENCES[0]))
    return run


def _among_many(answer: Answer, world: Simulation, clients: int) -> Acts:
    run = Acts(world)

    async def older() -> None:
        for fence in range(1, MANY + 1):
            if not any(put.who == "c1" and put.over for put in run.acts):
                await _put(run, answer, Put("c2", f"old-{fence}", fence=fence))

    world.client("c2", older)
    world.client("c1", _put, run, answer, Put("c1", "of-c1", fence=1_000), start=0.01 + 0.0017 * world.seed)
    return run


def _at_once(answer: Answer, world: Simulation, clients: int) -> Acts:
    """In every other run all are tasks of one process. Long after, somebody comes with a fence that is one too low."""
    run, process = Acts(world), Process("c") if world.seed % 2 else None
    for who, fence in zip(("c1", "c2", "c3")[:clients], FENCES, strict=False):
        world.client(who, _put, run, answer, Put(who, f"of-{who}", fence=fence), process=process)

    async def too_late() -> Any:
        await until(world, 5.0)
        if newest := max((put.fence for put in run.acts if yes(put.result)), default=0):
            return await _put(run, answer, Put("late", "of-late", fence=newest - 1))

    world.client("late", too_late)
    return run


async def _put(run: Acts, answer: Answer, put: Put) -> Any:
    put.before = whole(run.world, put.key)
    return await run.do(put, lambda _: answer(run.world.redis(), put.key, put.fence, put.what))


def value_at(world: Simulation, key: str = KEY) -> str | None:
    """The value that is stored, asked at the server itself."""
    stored = asked(world, b"HGET", key.encode(), b"value")
    return stored.decode(errors="replace") if isinstance(stored, bytes) else None


def whole(world: Simulation, key: str) -> Any:
    """All that is stored under a key, and whether it expires."""
    return str(asked(world, b"HGETALL", key.encode())), (asked(world, b"PTTL", key.encode()) or -1) < 0


# -- judges ------------------------------------------------------------------------------------------------------------


def _first_wrong(run: Play) -> tuple[int, str | None] | None:
    """The place in IN_TURN of the first put that was answered wrongly, and the value that is right then."""
    before: dict[str, str] = {}
    for place, (put, (_, value, key, taken)) in enumerate(zip(run.witness.acts, IN_TURN, strict=False)):
        right = value if taken else before.get(key)
        if put.over and (yes(put.result) is not taken or put.stored != right or not (taken or put.kept_still)):
            return place, right
        if right is not None:
            before[key] = right
    return None


def _answered(taken: bool, run: Play) -> Iterator[Found]:
    """No put that is to be taken, or refused, is the first that was answered wrongly; and nothing lies elsewhere."""
    wrong = _first_wrong(run)
    if wrong is not None and IN_TURN[wrong[0]][3] is taken:
        (place, right), put = wrong, run.witness.acts[wrong[0]]
        fence, value, key, _ = IN_TURN[place]
        highest = max((f for f, _, k, ok in IN_TURN[:place] if ok and k == key), default=None)
        seen = "No fence had been stored yet" if highest is None else f"The highest fence so far was {highest}"
        call = f"{seen}. put(redis, {key!r}, {fence}, {value!r}) returned {_said(put.result)}"
        changed = not taken and yes(put.result) is False and put.stored == right
        wrong_value = f"and the value is {put.stored!r}; right are {taken} and {right!r}."
        text = f"{call}, {'and changed the hash.' if changed else wrong_value}"
        yield text, put.who, put.ended, "refused" if taken else "taken"
    for key in run.witness.elsewhere if taken else ():
        yield f"The key {key!r} was written; everything is to be kept in the hash.", "c1", run.now, "elsewhere"


def _cost(run: Play) -> Iterator[Found]:
    for put in run.witness.acts:
        if (trips := round_trips(sent(run, put))) > 4:
            text = f"put(redis, {put.key!r}, {put.fence}, …) took {trips} round trips; four are enough."
            yield text, put.who, put.ended, "too many"


def _takes(run: Play) -> Iterator[Found]:
    """Nobody fails without a fault, and nobody is refused if nobody with a higher fence can have written."""
    puts = run.witness.acts
    for put in puts:
        if put.failed and not excused_error(run, put.who, put.result):
            yield f"{put.who}'s put raised {_said(put.result)}.", put.who, put.ended, "an error"
        if not put.over and run.results.get(put.who) is not CRASHED:
            yield f"{put.who}'s put had not ended at {ms(run.now)}.", put.who, run.now, "never ends"
    for put in puts:
        higher = any(o.fence > put.fence and yes(o.result) is not False and o.began <= put.ended for o in puts)
        if put.done and not yes(put.result) and not higher and run.results.get(put.who) is not CRASHED:
            text = f"{put.who} (fence {put.fence}) was told {shown(put.result)}, and nobody has a higher fence."
            yield text, put.who, put.ended, "refused"


def _refuses(run: Play) -> Iterator[Found]:
    """A holder that comes later, with a lower fence than one that was taken, is refused."""
    for late in run.witness.acts:
        if late.who == "late" and late.done and not late.kept_still:
            text = f"Fence {late.fence + 1} had been taken. A later put with fence {late.fence} was told"
            yield f"{text} {shown(late.result)}, and the value is {late.stored!r}.", late.who, late.ended, "taken"


def _in_order(run: Play) -> Iterator[Found]:
    puts = [put for put in run.witness.acts if put.who != "late"]
    if any(put.failed and not excused_error(run, put.who, put.result) for put in puts):
        return
    newest = max((put for put in puts if yes(put.result)), key=lambda put: put.fence, default=None)
    last = run.world and value_at(run.world)
    stored = next((put for put in puts if put.what == last), None)
    if newest is not None and (stored is None or stored.fence < newest.fence):
        text = f"{newest.who} (fence {newest.fence}) was told {shown(newest.result)}; in the end the value is {last!r}."
        yield text, (stored or newest).who, run.now, "old over new"
    if stored is not None and yes(stored.result) is False:
        yield f"{stored.who} was told False, and in the end the value is {last!r}.", stored.who, run.now, "not refused"


def _said(result: object) -> str:
    return type(result).__name__ if isinstance(result, BaseException) else shown(result)


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What the first put that was answered wrongly points to; else what the failing runs show."""
    wrong = _first_wrong(failing.first)
    if wrong is not None and yes(failing.first.witness.acts[wrong[0]].result) is not None:
        yield from _wrong_put(failing.first, wrong[0])  # an error, or neither yes nor no, says nothing of the mistake
    elif "takes" in failing and any(isinstance(put.result, WatchError) for put in failing["takes"].witness.acts):
        yield "gives-up-on-watch"
    elif failing.first.witness.elsewhere:
        yield "fence-elsewhere"
    for promise in ("in-order", "refuses"):
        for put in failing[promise].witness.acts if promise in failing else ():
            names = {event.name for event in sent(failing[promise], put)}
            if "MULTI" not in names and names & {"HSET", "HMSET"} and names - {"HSET", "HMSET"}:
                yield "watches-in-vain" if "WATCH" in names else "looks-then-writes"


def _wrong_put(run: Play, place: int) -> Iterator[str]:
    put, (_, _, key, taken) = run.witness.acts[place], IN_TURN[place]
    rows = list(zip(run.witness.acts, IN_TURN, strict=False))[: len(IN_TURN) - 2]
    if place >= len(IN_TURN) - 2:
        yield "forgets-the-fence"
    elif not taken:
        if yes(put.result) is False and put.stored == put.what:
            yield "keeps-what-it-refused"
        elif all(yes(put.result) for put, row in rows):
            yield "takes-everything"
    elif place == 0:
        yield "refuses-the-first"
    elif place == 1 and put.stored != put.what:
        yield "refuses-its-own"
    elif _explained(rows, lambda fence: str(fence), lambda key: key):
        yield "compares-text"
    elif key != KEY and _explained(rows, lambda fence: fence, lambda key: ""):
        yield "one-fence-for-all"


def _explained(rows: list[tuple[Put, Row]], order: Callable[[int], Any], place: Callable[[str], str]) -> bool:
    """Was every put answered as by somebody who compares fences in that order, and keeps them at that place?"""
    highest: dict[str, Any] = {}
    for put, (fence, _, key, _) in rows:
        takes = place(key) not in highest or order(fence) >= highest[place(key)]
        if yes(put.result) is not takes:
            return False
        if takes:
            highest[place(key)] = order(fence)
    return True


RULES = Rules(coroutine_function("redis, key, fence, value"), trials, clues)
