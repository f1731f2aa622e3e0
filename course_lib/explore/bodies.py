"""From what a learner writes, coroutines and promises, to the clients and the judge of a trial."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from course_lib.errors import Deadlock
from course_lib.explore.trial import HeldBack, Play, Violation
from course_lib.sim import Simulation, in_process
from course_lib.words import listed

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy")
SETUP = "setup"
MISTAKES = (NameError, TypeError, AttributeError, NotImplementedError, IndexError)
"""Errors of Python's that no fault explains."""


class Exited(Exception):
    """A body ended its process, as sys.exit does."""


MOST = 3
"""How many errors of a group are named."""

Body = Callable[..., Awaitable[Any]]
"""`async def body(redis, me)`; with several nodes, `redis` is a list: a client of each."""
Invariant = Callable[[Play], Iterable[Violation]]


class Me(str):
    """A client's name, which may serve as its token, and what a client can tell the judge."""

    world: Simulation

    @contextmanager
    def holding(self, seconds: float | None = None) -> Iterator[None]:
        """While the block runs, and for at most `seconds`, this client believes that it holds something. The trace gets
        a note "hold"."""
        note = self.world.note(self, "hold")
        ends = None if seconds is None else note.t_start + seconds
        note.t_end = ends
        yield
        note.t_end = self.world.now() if ends is None else min(self.world.now(), ends)

    def note(self, kind: str, text: str = "") -> None:
        """Mark this moment."""
        self.world.note(self, kind, text)


def clients_running(
    body: Body | Sequence[Body], setup: Body | None = None, nodes: int = 1
) -> Callable[[Simulation, int], Simulation]:
    """A trial's `build`: clients that each run the body, or the next of several, after a setup. Each is a process
    of its own: what a body keeps outside of a call, no other client sees, and no other run."""
    bodies = [in_process(each) for each in (body if isinstance(body, Sequence) else [body])]
    own_setup = None if setup is None else in_process(setup)

    def build(world: Simulation, clients: int) -> Simulation:
        redis: Any = world.redis() if nodes == 1 else [world.redis(node) for node in range(nodes)]
        if own_setup is not None:
            _run_alone(world, own_setup, redis)
        for number in range(clients):
            me = Me(NAMES[number] if number < len(NAMES) else f"client {number + 1}")
            me.world = world
            world.client(str(me), _called(bodies[number % len(bodies)]), redis, me)
        return world

    return build


def _called(own: Callable[[], Body]) -> Body:
    """A body that gets its own process's copy of the code, once that process runs. If it exits, no other client
    ends."""

    async def called(*given: Any) -> Any:
        try:
            return await own()(*given)
        except SystemExit as end:
            raise Exited("it called exit(), which ends its process; return instead") from end

    return called


def _run_alone(world: Simulation, setup: Callable[[], Body], redis: Any) -> None:
    """Before the others, in time that passes by itself; the trace begins after it."""
    turns, world.turns = world.turns, None
    world.client(SETUP, _called(setup), redis)
    world.run()
    result = world.forget(SETUP)
    world.turns = turns
    world.trace.events.clear()
    world.trace.notes.clear()
    if isinstance(result, BaseException):
        raise result


# -- what is judged ----------------------------------------------------------------------------------------------------


def judge_of(invariant: Invariant | Sequence[Invariant] | None) -> Invariant:
    """A judge of all promises, and of one more: unless a fault struck, no client ends with an error. Without a promise,
    every client must come to a good end under faults too.
    """
    if invariant is None:
        return _all_end
    invariants = [*([invariant] if callable(invariant) else invariant), _end_without_fault]

    def judge(run: Play) -> Iterator[Violation]:
        for one in invariants:
            for each in _violations(one, one(run)):
                yield Violation(_name(one), each) if isinstance(each, str) else each

    return judge


def _violations(invariant: Invariant, said: Any) -> list[str | Violation]:
    """What a promise's function found, as violations. Raises: ValueError for anything else: True, for instance, could
    mean "kept" or "broken"."""
    if said is None or isinstance(said, str):
        return [said] if said else []
    found = list(said) if isinstance(said, Iterable) else None
    if found is None or not all(isinstance(one, str | Violation) for one in found):
        returned = f"{said!r:.60}" if found is None else f"{said!r:.60}, with {next(iter(found))!r:.60} in it"
        raise ValueError(
            f"the invariant {_name(invariant)!r} returned {returned}. Return a sentence that says what was broken, and "
            f"None if nothing was; or yield such sentences"
        )
    return found


def _name(invariant: Invariant) -> str:
    name = str(getattr(invariant, "__name__", "<lambda>"))
    return "the promise" if name == "<lambda>" else name.replace("_", " ").strip()


def _all_end(run: Play) -> Iterator[Violation]:
    for who, error in _errors(run):
        yield Violation("all end", f"{who} ended with {_said(error)}", who, run.now)
    if run.stopped is not None and not isinstance(run.stopped, HeldBack):
        yield Violation("all end", _endless(run))
    if not run.schedule.faults:
        yield from _unheard(run)


def _end_without_fault(run: Play) -> Iterator[Violation]:
    struck = run.schedule.faults > 0
    for who, error in _errors(run):
        if not struck or any(isinstance(one, MISTAKES) for one in parts_of(error)):
            why = "" if struck else ", and no fault had struck"
            yield Violation("no error ends a client", f"{who} ended with {_said(error)}{why}", who, run.now, "an error")
    if not struck:
        yield from _unheard(run)
    late = set(run.schedule.struck) == {"delay"} and isinstance(run.stopped, Deadlock)  # nothing is lost by a delay
    if run.stopped is not None and not isinstance(run.stopped, HeldBack) and (late or not struck):
        yield Violation("everybody comes to an end", _endless(run))


def _unheard(run: Play) -> Iterator[Violation]:
    for error in run.unheard[:1]:
        text = f"a task ended with {_said(error)}, and nobody awaited it: asyncio only logs such an error"
        yield Violation("no error goes unheard", text)


def _endless(run: Play) -> str:
    going = [who for who, result in run.results.items() if isinstance(result, CancelledError)]
    return f"{listed(going) if going else 'they'} never came to an end: {run.stopped}"


def _errors(run: Play) -> Iterator[tuple[str, BaseException]]:
    """Who ended with an error, other than by the end of a run that was stopped."""
    for who, result in run.results.items():
        if isinstance(result, BaseException) and not (run.stopped is not None and isinstance(result, CancelledError)):
            yield who, result


def parts_of(error: BaseException) -> list[BaseException]:
    """The errors in a group, as a TaskGroup raises one, and in the groups in it; or the error itself."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [part for one in error.exceptions for part in parts_of(one)]


def _said(error: BaseException) -> str:
    said = list(dict.fromkeys(f"{type(one).__name__}: {_text(one)}".removesuffix(": ") for one in parts_of(error)))
    if isinstance(error, BaseExceptionGroup):
        return f"{type(error).__name__} of {listed(said[:MOST] + ['others'] * (len(said) > MOST))}"
    return said[0]


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # it is a learner's, and can do anything
        return ""
