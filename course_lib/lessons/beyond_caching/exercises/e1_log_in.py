"""07.1, a new id at log-in: a visitor's basket moves to an id that nobody knows yet, and the old id is dead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from course_lib.explore import CRASHED, Play, Process, Simulation, Trial, until
from course_lib.grading import key_log
from course_lib.grading.acts import failure, sent
from course_lib.grading.answer import coroutine_function
from course_lib.grading.caller_errors import hindered, refused_ones
from course_lib.grading.evidence import ms, shown
from course_lib.grading.rules import LOSSES, Failing, Found, Rules, named, trial
from course_lib.lessons.beyond_caching.exercises.sessions import (
    BUSY,
    OFTEN,
    Call,
    Fields,
    endless,
    fields,
    key_of,
    site,
    told,
    wrong_life,
)

Answer = Callable[..., Awaitable[Any]]
BASKET = {"Moby-Dick": "1", "Zoë {7}:": "12"}
COOKIES: list[tuple[str, Fields, float]] = [
    ("v1", BASKET, 60), ("", {}, 0), ("8", {"Emma": "1"}, 9),
    ("nobody:{1}", {}, 0), ("é 7", {"user": "eve", "theme": ""}, 0.7), ("v1", {}, 0),
    ("old", BASKET, 0.001), ("a{b:c", {"user": "ann", "theme": "dark"}, 60), ("7",
    {str(n): "x" * n for n in range(40)}, 1.5),
]  # fmt: skip
"""What is in the cookie; what the session under it holds at that moment, and for how long it still lives."""
USERS = ["ann", "Zoë", "7", "user"]
IDLES = [1.5, 60, 0.333, 1800]


@dataclass(eq=False)
class LogIn(Call):
    """`given`: the ids that were made for this call; `there`: what each of them held when it was over."""

    user: str = ""
    given: list[str] = field(default_factory=list)

    @property
    def right(self) -> Fields:
        """What the new session is to hold."""
        return self.before | {"user": self.user}


def trials(answer: Answer) -> list[Trial]:
    """Log-ins in turn; with one fault; with a command refused; two at once with one cookie."""
    one = {"new": _new, "dead": _dead, "whole": _whole, "life": _life}
    build = partial(_in_turn, answer)
    return [
        trial("one after another", partial(build, COOKIES), one, sizes=(1,), seeds=len(IDLES)),
        trial("one fault", partial(build, COOKIES[:1]), {"whole": _whole, "dead": _dead, "errors": key_log.errors},
              sizes=(1,), seeds=2, faults=LOSSES, fault_seeds=2),
        trial("the server refuses a command", partial(build, COOKIES[:1]), {"whole": _whole, "errors": key_log.errors},
              sizes=(2,), seeds=18),
        trial("two with one cookie", partial(_at_once, answer), {"whole": _one_basket, "life": _life}, sizes=(2,),
              seeds=8, faults={"crash": 0.0, "pause": 0.1}, fault_seeds=2),
        trial("while others use it", partial(_in_use, answer), {"new": _moves}, sizes=(1,)),
    ]  # fmt: skip


async def _deed(answer: Answer, run: Any, act: LogIn) -> Any:
    def new_id() -> str:
        made = sum(len(other.given) for other in run.acts)
        act.given.append(f"{act.who}:{{{made}}} né")
        run.log.follow(key_of(act.given[-1]))
        return act.given[-1]

    act.before = run.held(act.id)
    try:
        return await answer(run.world.redis(), act.id, act.user, idle=run.idle, new_id=new_id)
    finally:
        act.after = run.held(act.id)


def _in_turn(answer: Answer, cookies: list[tuple[str, Fields, float]], world: Simulation, clients: int) -> Any:
    """c1 logs in with one cookie after another; in the first run, only with those that have a session. With two
    clients, a command is refused, and there is still only c1."""
    seed = world.seed
    refuses = refused_ones(seed // 3, 4) if clients == 2 else ()
    run = site(world, dict.fromkeys(id for id, _, _ in cookies), IDLES[seed % len(IDLES)], refuses)
    plain = [cookie for cookie in cookies if cookie[1] and cookie[2] > 0.1]

    async def body() -> None:
        for place, (id, held, ttl) in enumerate(cookies if seed else plain):
            await until(world, 0.01 + 0.05 * place)
            if held:
                run.begin(id, held, round(ttl * 1000))
            await until(world, 0.02 + 0.05 * place)
            user = USERS[(place + seed) % len(USERS)]
            await run.do(LogIn("c1", "logs in", id=id, user=user), partial(_deed, answer, run))

    world.client("c1", body)
    return run


def _at_once(answer: Answer, world: Simulation, clients: int) -> Any:
    """Both have the same cookie; under odd seeds they are tasks of one process."""
    run, draw = site(world, ["v1"], 60.0), world.draws("start")
    process = Process("shop") if world.seed % 2 else None
    world.at(0.0, run.begin, "v1", BASKET, 60_000)
    for number in range(clients):
        act = LogIn(f"c{number + 1}", "logs in", id="v1", user=USERS[number])
        world.client(act.who, run.do, act, partial(_deed, answer, run), start=0.01 + 0.004 * draw(), process=process)
    return run


def _in_use(answer: Answer, world: Simulation, clients: int) -> Any:
    """c1 logs in, and other requests with that cookie change its session all the while."""
    run = site(world, ["v1"], 60.0)
    run.log.quicker = OFTEN
    world.at(0.0, run.begin, "v1", BASKET, 60_000)
    act = LogIn("c1", "logs in", id="v1", user="ann")
    world.client("c1", run.do, act, partial(_deed, answer, run), start=0.01)
    return run


# -- judges ------------------------------------------------------------------------------------------------------------


def _now(run: Play, id: str, when: float) -> Fields:
    """What a session held at that moment."""
    states = run.witness.log.states.get(key_of(id), [])
    return next((fields(state) for state in reversed(states) if state.when <= when), {})


def _call(act: LogIn) -> str:
    return f"{act.who} logged in as {act.user!r} with the cookie {act.id!r}, whose session held {told(act.before)}"


def _new(run: Play) -> Iterator[Found]:
    """The id that is returned is new, and its session has what the old one had, and the user."""
    for act in run.witness.acts:
        if act.failed and not hindered(run, act):
            yield f"{_call(act)}. {failure(act)}", act.who, act.ended, "an error"
        elif act.done and act.result not in act.given:
            yield f"{_call(act)}, and was given the id {shown(act.result)}, which is not new.", act.who, act.ended, "id"
        elif act.done and (left := _now(run, act.result, act.ended)) != act.right:
            text = f"{_call(act)}. The new session holds {told(left)}."
            yield text, act.who, act.ended, "not what it should hold"
    for act in run.witness.acts:
        if not act.over and run.results.get(act.who) is not CRASHED:
            yield f"{act.who}'s call never ended.", act.who, run.now, "no end"


def _moves(run: Play) -> Iterator[Found]:
    """Whatever others do meanwhile, the basket moves."""
    for act in run.witness.acts:
        held = _now(run, act.result, run.now) if act.done and act.result in act.given else {}
        if not act.over:
            yield f"{act.who}'s call never ended.", act.who, run.now, "no end"
        elif act.failed:
            yield f"{_call(act)}; others changed it meanwhile. {failure(act)}", act.who, act.ended, "an error"
        elif {name: text for name, text in held.items() if name != BUSY} != act.right:
            text = f"{_call(act)}; others changed its field {BUSY!r} meanwhile. The new session holds {told(held)}."
            yield text, act.who, act.ended, "not what it should hold"


def _dead(run: Play) -> Iterator[Found]:
    for act in run.witness.acts:
        if act.done and (act.after or act.result == act.id):
            text = f"{_call(act)}. Afterwards the old id was still good for {told(act.after)}."
            yield text, act.who, act.ended, "alive"


def _whole(run: Play) -> Iterator[Found]:
    """Whatever is seen of the new session is all of it; and at that moment the old one goes."""
    for act in run.witness.acts:
        begun = [state for id in act.given for state in run.witness.log.during(key_of(id), act) if state.there]
        gone = [state for state in run.witness.log.during(key_of(act.id), act) if not state.there]
        for state in begun:
            if fields(state) != act.right or endless(state):
                text = f"{_call(act)}. At {ms(state.when)} its new session held {told(fields(state))}"
                yield f"{text}, which {key_log.lasting(state.left)}.", act.who, state.when, "by halves"
        if act.before and begun[:1] and [state.when for state in gone] != [begun[0].when]:
            text = f"{_call(act)}. From {ms(begun[0].when)} on it was under the new id as well."
            yield text, act.who, begun[0].when, "under both"
        elif act.before and gone and not begun:
            yield f"{_call(act)}. At {ms(gone[0].when)} it was under no id.", act.who, gone[0].when, "under none"
    yield from key_log.strays(run)


def _life(run: Play) -> Iterator[Found]:
    idle = run.witness.idle
    for act in run.witness.acts:
        for id in act.given:
            if (state := wrong_life(run, act, id)) is not None:
                lasts = key_log.lasting(key_log.lasts(run, state, idle))
                text = f"The session that {act.who} began at {ms(state.when)} {lasts}; idle is {idle:g} s."
                yield text, act.who, state.when, "another life"


def _one_basket(run: Play) -> Iterator[Found]:
    """If two log in with one cookie, one of them gets the basket, and each is logged in as itself."""
    acts = run.witness.acts
    for act in acts:
        held = [_now(run, id, run.now) for id in act.given if _now(run, id, run.now)]
        own = {"user": act.user}
        if act.failed and not hindered(run, act):
            yield f"{_call(act)}. {failure(act)}", act.who, act.ended, "an error"
        elif act.done and held not in ([own], [BASKET | own]):
            text = f"Two logged in with one cookie. {act.who}, as {act.user!r}, has {told(held[-1:] and held[-1])}."
            yield text, act.who, act.ended, "not its own"
    having = [act for act in acts if any(BASKET.items() <= _now(run, id, run.now).items() for id in act.given)]
    old = _now(run, "v1", run.now)
    if all(act.done for act in acts) and (len(having) != 1 or old):
        names = " and ".join(act.who for act in having) or "nobody"
        text = f"Two logged in with one cookie, and at the end {names} had its basket"
        yield f"{text}{'; and so had the old id' * bool(old)}.", acts[0].who, acts[0].ended, "the basket"


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """What is under the old id and under the new one when a call is over, and on the way."""
    runs: list[Any] = [failing.get(name) for name in ("new", "dead", "whole")]
    new, dead, whole = runs
    acts = [(run, act) for run in (new, dead) if run is not None for act in run.witness.acts if act.over]
    moved = [(act, _now(run, act.result, act.ended)) for run, act in acts
             if act.done and act.before and act.result in act.given]  # fmt: skip
    halves = whole is not None and whole.violation("whole").mark.split()[0] in ("under", "by")
    yield from named({
        "same-id": any(act.before and act.done and (act.result == act.id or act.after.get("user") == act.user)
                       for _, act in acts),
        "no-such-key": any(act.failed and "no such key" in str(act.result) and not act.before for _, act in acts),
        "old-lives": new is None and dead is not None and bool(moved) and all(
            held == act.right for act, held in moved) and all(act.after for act, _ in moved),
        "loses-the-basket": new is not None and bool(moved) and all(held == {"user": act.user} for act, held in moved),
        "step-by-step": new is None and halves and all(event.name != "WATCH" for event in whole.trace) and any(
            len([event for event in sent(whole, act) if event.name != "MULTI"]) > 1 for act in whole.witness.acts),
    })  # fmt: skip


RULES = Rules(coroutine_function("redis, old, user, *, idle, new_id"), trials, clues)
