"""08.3, review redis-py's Lock: of each promise the answer gives a case in which it breaks, or says that it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import isfinite
from typing import Any, NamedTuple

from course_lib.explore import CRASHED, Extension, Play, Process, Session, Simulation, Trial, steady, until
from course_lib.grading.acts import PATIENCE, Act, Acts
from course_lib.grading.answer import Refused
from course_lib.grading.break_it import HOUR, a_fault, given
from course_lib.grading.evidence import ms, raised
from course_lib.grading.lock_watch import asked
from course_lib.grading.rules import Failing, Found, Judge, Rules, named, trial
from course_lib.lessons.capstone.answers import Case
from course_lib.lessons.capstone.programs_review import TIMEOUT, lock_of_a_process, works
from course_lib.trace import Span
from course_lib.words import either

PROCESS = {"c1": "p", "c2": "p", "c3": "q"}
"""Whose task each worker is: those of one process use one Lock object."""
KINDS = ("crash", "pause", "lose request", "lose reply")
PROMISES = ("alone", "tasks", "processes", "knows", "expires")
EXAMPLE = '{"alone": Case(work=0.2), "tasks": None, …}'


def a_review(answer: Any) -> dict[str, Case | None]:
    """The answer, if it has a case or None for each promise."""
    given(answer, dict, f"a dict, such as {EXAMPLE}")
    if set(answer) != set(PROMISES):
        raise Refused("error", f"Your dict needs the keys {', '.join(map(repr, PROMISES))}, and no others.")
    for name, case in answer.items():
        if case is None:
            continue
        if case is Ellipsis:
            raise Refused("unanswered", f"Give a Case or None for {name!r}.")
        given(case, Case, f"a case or None for {name!r}, such as Case(work=0.2)")
        if type(case.work) not in (int, float) or not isfinite(case.work) or not 0 <= case.work <= 10:
            raise Refused(
                "error", f"`work` of {name!r} is {case.work!r}; a number of seconds from 0 to 10 is accepted."
            )
        if case.fault is not None:
            a_fault(case.fault, tuple(PROCESS), 'a fault, such as OneFault("crash", at=2, client="c1")')
            if case.fault.kind not in KINDS:
                raise Refused(
                    "error", f"{case.fault.kind!r} is not looked at here: choose {either([*map(repr, KINDS)])}."
                )
    return dict(answer)


# -- what happens ------------------------------------------------------------------------------------------------------


class Change(NamedTuple):
    """What a command left in the lock: from whose token to whose, None for nobody's; by whom, and until when."""

    when: float
    who: str
    before: str | None
    after: str | None
    over: float


@dataclass
class Shift(Acts):
    """The workers of a run, and every change of the lock."""

    seen: list[Change] = field(default_factory=list)

    def holds(self, token: str, when: float) -> bool:
        """Is this token in the lock at that time?"""
        last = next((change for change in reversed(self.seen) if change.when <= when), None)
        return last is not None and last.after == token and when < last.over


class Watch(Extension):
    """Sees what commands change at the lock."""

    def __init__(self, run: Shift) -> None:
        self.run, self.last = run, Change(0.0, "", None, None, 0.0)

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        world, now = self.run.world, self.run.world.now()
        held = asked(world, b"GET", b"job") if changed else None
        if not changed:
            return
        left = asked(world, b"PTTL", b"job")
        after = held.decode() if isinstance(held, bytes) else None
        before = self.last.after if now < self.last.over else None
        if after != before:
            who = next((e.client for e in reversed(world.trace.events) if e.t_server == now and e.node == "redis"), "")
            self.last = Change(now, who, before, after, now + left / 1000 if after is not None else now)
            self.run.seen.append(self.last)


def _world() -> Simulation:
    """The lock's server, and another that the work writes to. Each message takes a millisecond."""
    world = Simulation(nodes=2, latency=steady(0.001), socket_timeout=PATIENCE)
    world.nodes[0].name, world.nodes[1].name = "redis", "report"
    return world


def build(case: Case, world: Simulation, clients: int) -> Shift:
    """c1, c2 and c3 begin at 0, 10 and 300 ms. Only c1's work takes as long as the case says, the others' takes 0.2 s.
    Each sends a line to the report when it begins to work, and another when it is done."""
    run, report, processes = Shift(world), world.redis(1), {name: Process(name) for name in ("p", "q")}
    world.nodes[0].extension = Watch(run)
    world.faults = None if case.fault is None else replace(case.fault)
    locks = {name: lock_of_a_process(world.redis()) for name in processes}

    async def labor(who: str) -> None:
        note = world.note(who, "compute", "works")
        try:
            await report.rpush("lines", f"{who} begins")
            await until(world, world.now() + (case.work if who == "c1" else 0.2))
            await report.rpush("lines", f"{who} is done")
        finally:
            note.t_end = world.now()

    async def one(who: str) -> Any:
        return await run.do(Act(who, "works"), lambda _: works(locks[PROCESS[who]], who, partial(labor, who)))

    for who, start in (("c1", 0.0), ("c2", 0.01), ("c3", 0.3)):
        world.client(who, one, who, start=start, process=processes[PROCESS[who]])
    return run


# -- the promises ------------------------------------------------------------------------------------------------------


def at_work(run: Play) -> list[Span]:
    """Who works from when until when; of what a crash of the process cut off, until then."""
    died = {note.who: note.t_start for note in run.trace.notes if note.kind == "crash"}
    return [
        span._replace(end=min(span.end, run.now, died.get(PROCESS[span.who], run.now)))
        for span in run.trace.spans("compute")
    ]


def alone(run: Play) -> Iterator[Found]:
    """Two work at once."""
    spans = at_work(run)
    for first, second in ((a, b) for a in spans for b in spans if a.start < b.start < a.end):
        yield f"{first.who} and {second.who} work at once.", second.who, second.start, "two at work"


def removed(same: bool, run: Play) -> Iterator[Found]:
    """A worker removes a lock of another in the same process, or in another one."""
    for change in run.witness.seen:
        if change.before not in (None, change.who) and (PROCESS[change.before] == PROCESS[change.who]) is same:
            text = f"{change.who} removes the lock of {change.before}."
            yield text, change.who, change.when, f"the lock of {change.before}"


def unknown(run: Play) -> Iterator[Found]:
    """A worker was told that it has no lock, and has it."""
    for act in run.witness.acts:
        began = any(span.who == act.who for span in at_work(run))
        if act.over and not began and run.results.get(act.who) is not CRASHED and run.witness.holds(act.who, act.ended):
            told = f"raises {raised(act.result)}" if act.failed else f"returns {act.result}"
            yield f"acquire of {act.who} {told}, and its token is in the lock.", act.who, act.ended, "it has the lock"


def remains(run: Play) -> Iterator[Found]:
    """A lock is there longer than its timeout."""
    for change in run.witness.seen:
        if change.after is not None and change.over > change.when + TIMEOUT + 0.001:
            yield f"The lock of {change.after} lives longer than its timeout.", change.who, change.when, "too long"


BROKEN: Mapping[str, Judge] = {
    "alone": alone, "tasks": partial(removed, True), "processes": partial(removed, False), "knows": unknown,
    "expires": remains,
}  # fmt: skip
HOLD = ("processes", "expires")


def trials(review: Mapping[str, Case | None]) -> list[Trial]:
    """Each promise in its case."""
    return [
        trial(f"your case against {name!r}" if case else f"{name!r} without a case", partial(build, case or Case()),
              {name: partial(_proves, name, case)}, sizes=(1,), world=_world, unfaulted="your case",
              horizon=30.0 + 2 * HOUR)
        for name, case in ((name, review[name]) for name in PROMISES)
    ]  # fmt: skip


def _proves(name: str, case: Case | None, run: Play) -> Iterator[Found]:
    found = next(BROKEN[name](run), None)
    if case is None and name not in HOLD:
        yield (f"You say that {name!r} always holds. There is a case in which it breaks; this run is not one.",)
    elif case is not None and found is None:
        changes = [f"{c.after or 'nobody'} has it from {ms(c.when)}" for c in run.witness.seen]
        last = run.witness.seen[-1] if run.witness.seen else Change(0.0, "c1", None, None, 0.0)
        text = f"In your case {name!r} holds. The lock: {', '.join(changes) or 'nobody ever has it'}."
        yield text, last.who, last.when, "it holds"
    elif found is not None:
        text, who, when, mark = found
        run.trace.note(who, "violation", when, text=mark)


# -- clues -------------------------------------------------------------------------------------------------------------


def clues(failing: Failing) -> Iterator[str]:
    """Which promises were taken to hold, or not; and what happened instead."""
    review, tasks = failing.answer, failing.get("tasks")
    yield from named({f"{name}-taken-to-hold": review[name] is None
                      for name in PROMISES if name in failing and name not in HOLD})  # fmt: skip
    yield from named({f"{name}-taken-to-break": True for name in HOLD if name in failing})
    if tasks is not None:
        late = next((act for act in tasks.witness.acts if act.who == "c1" and act.failed and act.over), None)
        between = [c.after for c in tasks.witness.seen if late is not None and c.when <= late.ended]
        yield from named({"another-process": between[-1:] == ["c3"] or between[-2:] == ["c3", None]})
    if (knows := failing.get("knows")) is not None:
        lost = [event for event in knows.trace if event.fault == "request lost" and event.name == "SET"]
        yield from named({"request-lost": lost})
    if (run := failing.get("alone")) is not None:
        c1 = next((span for span in at_work(run) if span.who == "c1"), None)
        yield from named({"in-time": c1 is not None and c1.end - c1.start < TIMEOUT and not review["alone"].fault})


RULES = Rules(a_review, trials, clues, learners_code=False, exhibit=True)
