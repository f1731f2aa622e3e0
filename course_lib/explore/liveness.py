"""Liveness under fair schedules: does every waiter get its turn at last, if each one that can move does move?

Neither a state nor a run that ends can break such a promise. What breaks it is a lasso: moves that lead to some state,
and then moves that lead back to the very same state. On the way back everybody moves who can, and yet one client is
never served.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from time import monotonic

from course_lib.errors import Unrepeatable
from course_lib.explore.bodies import Body, clients_running
from course_lib.explore.captured_output import held_back
from course_lib.explore.exact_state import Incomparable, state_of
from course_lib.explore.replay_code import encode, name_of
from course_lib.explore.state_graph import Lasso
from course_lib.explore.state_walk import STEP, Read, StateWalk
from course_lib.explore.strategies.exhaustive import REPEATABLE
from course_lib.explore.trial import HeldBack, Play, Schedule, Trial, no_further, play
from course_lib.sim import Move, Simulation, Turn, kept_random
from course_lib.sim.stand_ins import virtual_clocks
from course_lib.trace import Event, Trace
from course_lib.words import counted, listed

__all__ = ["Incomparable", "Liveness", "liveness"]

ROUNDS = 20
"""How many times a loop is played once it is found, to see that it does come back."""

State = Callable[[Simulation], Hashable]


@dataclass(repr=False)
class Liveness:
    """What came of a search. `text` says it, and so does the object where it is printed. `lasso` is the counterexample,
    where there is one; `run` played its stem and its loop, `trace` is that run with the loop marked, to be drawn, and
    `title` what the picture says.

    `states` were seen; `complete`: all there are, so that no longer search would find more. `own_state`: the caller
    has said what a state is. Units: `began` in seconds, when in the run the loop begins.
    """

    trial: Trial
    clients: int
    moves: int
    states: int = 0
    complete: bool = False
    own_state: bool = False
    lasso: Lasso | None = None
    run: Play | None = None
    began: float = 0.0

    @property
    def holds(self) -> bool:
        """Were all states seen, and no waiter found that a fair schedule can leave waiting forever?"""
        return self.complete and self.lasso is None

    @property
    def code(self) -> str | None:
        """The replay code of the stem and the loop once."""
        return None if self.run is None else encode(name_of(self.trial), self.run.schedule)

    @property
    def title(self) -> str:
        return "" if self.lasso is None else f"{self.lasso.waiter} moves forever and is never served"

    @property
    def text(self) -> str:
        """The verdict. It claims no more than was done."""
        alike = ", where you say what a state is" if self.own_state else ""
        seen = f"{counted(self.states, 'state')} of {counted(self.clients, 'client')}{alike}"
        if self.lasso is not None:
            return f"{_told(self.lasso)} Played {ROUNDS} times, the loop came back each time."
        if self.complete:
            return (
                f"These are all {seen} that there are without faults and delays, and in none of them begins a loop in "
                f"which everybody moves who can and one client is never served. So no fair schedule starves anybody."
            )
        return (
            f"Among {seen} no loop was found in which everybody moves who can and one client is never served. "
            f"There are more states, which were not visited, so this proves nothing."
        )

    def __repr__(self) -> str:
        return self.text

    @property
    def loop_events(self) -> list[Event]:
        """The commands of the loop, in the order in which they ran."""
        events = [] if self.run is None else [event for event in self.run.trace if event.t_server is not None]
        events = [event for event in events if (event.t_server or 0.0) >= self.began - STEP / 10]
        return sorted(events, key=lambda event: event.t_server or 0.0)

    @property
    def trace(self) -> Trace | None:
        """The run up to where the loop closes, with marks where it begins and where it ends."""
        if self.run is None:
            return None
        marked = self.run.trace.where(lambda event: event.t_server is not None)
        events = self.loop_events
        first, last = events[0], events[-1]
        marked.note(first.client, "violation", first.t_server or 0.0, text="from here …")
        marked.note(last.client, "violation", last.t_end or last.t_server or 0.0, text="… to here, again and again")
        return marked


@virtual_clocks()
def liveness(
    body: Body | Sequence[Body], *, served: str = "hold", waiters: Sequence[str] | None = None, clients: int = 2,
    setup: Body | None = None, state: State | None = None, moves: int = 60, states: int = 1_000, seconds: float = inf,
    name: str = "yours",
) -> Liveness:  # fmt: skip
    """Look for a fair schedule that leaves one client waiting forever: starvation, or a livelock.

        async def spins(redis, me):
            while True:
                while not await redis.set("lock", me, nx=True):
                    pass
                with me.holding():
                    await redis.incr("work", 0)
                await redis.delete("lock")

        liveness(spins, clients=3).text

    `body(redis, me)` goes on forever, or for a few rounds. A client is served whenever it makes a note of the kind
    `served`; "hold" is what `me.holding()` makes. A schedule is fair if each client that can always move does move
    (weak fairness); so a loop counts only if everybody moves in it who can. `waiters` are those who must be served, by
    default all. A loop ends in the same state as it began in: what servers hold with the time left to each key, what
    waits to be run, the instruction at which each client stands, and its variables. What cannot be compared is refused:
    sleeping, clocks and chance, blocking commands, streams, WATCH, several tasks, what a module keeps. Then
    `state(world)` may say what of the servers and the clients makes a state, besides the commands that wait; it answers
    for what it leaves out.

    Units: a turn takes 1.01 ms of virtual time. `moves` from the start, `states` in all; `seconds` of real time.
    Cost: 0.5 to 2 ms a move; a try-lock's lasso is found among 19 states of two clients, 81 of three, 261 of four.
    Raises: Incomparable; Unrepeatable if equal states turn out to have different futures, as when `state` leaves out
    what matters; what the body raises, if that is an error of Python's.
    Does not: let faults strike, or time pass but by turns and where nobody has one. It assumes no strong fairness, by
    which a client that can move again and again, if not always, must move: here a command that waits can always run.
    It does not see that a client ends without having been served, nor how long one waits that is served at last.
    Source: Bowen Alpern and Fred B. Schneider, "Defining liveness", IPL 21(4), 1985, doi:10.1016/0020-0190(85)90056-0.
    """
    size = len(body) if isinstance(body, Sequence) else clients
    build, world_made = clients_running(body, setup), partial(Simulation, socket_timeout=None)
    trial = Trial(name, (), build, lambda run: (), (size,), world=world_made, most_steps=5_000_000, horizon=1e6)
    found = Liveness(trial, size, moves, own_state=state is not None)
    with held_back(), kept_random():
        read = state_of if state is None else _named(state)
        end = monotonic() + seconds
        walk = StateWalk(trial, read, served=served, waiters=waiters, moves=moves, states=states, end=end)
        walk.all()
        found.states, found.complete, found.lasso = len(walk.graph.able), walk.complete, walk.lasso
        if found.lasso is not None:
            found.run = _confirmed(found, walk)
    return found


def _named(state: State) -> Read:
    return lambda world, turns: (state(world), tuple(turns), tuple(sorted(world.results)))


def _confirmed(found: Liveness, walk: StateWalk) -> Play:
    """A run of the stem and one round of the loop. First, many rounds are played: in each, the same clients must go
    through the same states."""
    assert found.lasso is not None
    _, stem, loop, *_ = found.lasso
    went = list[tuple[Hashable, str]]()

    def once(rounds: int) -> Play:
        left = no_further(iter([*stem, *loop * rounds]))
        went.clear()

        def choose(turns: Sequence[Turn]) -> int | Move:
            if len(went) == len(stem):
                found.began = walk.world.now()
            turn = left(turns)
            assert isinstance(turn, int)
            if turn >= len(turns):
                raise Unrepeatable(lost)
            went.append((walk.read(walk.world, turns), turns[turn].client))
            return turn

        return play(found.trial, Schedule(found.clients, turns=()), walk.world, choose=choose, step=STEP)

    lost = f"A loop was found, and played {ROUNDS} times it did not come back each time. {REPEATABLE}"
    many = once(ROUNDS)
    first = went[len(stem) : len(stem) + len(loop)]
    if went[len(stem) :] != first * ROUNDS or not isinstance(many.stopped, HeldBack):
        raise Unrepeatable(lost)
    run = once(1)
    return replace(run, schedule=replace(run.schedule, turns=(*stem, *loop)))


def _told(lasso: Lasso) -> str:
    after = f"After {counted(len(lasso.stem), 'move')}" if lasso.stem else "From the start"
    others = [f"{who} is served {_times(number)}" for who, number in lasso.served.items()]
    served = f"{listed(others)}, and {lasso.waiter} is not" if others else "nobody is served"
    moves = counted(len(lasso.loop), "move")
    return (
        f"{lasso.waiter} can wait forever though the schedule is fair. {after}, {moves} lead back to "
        f"the same state: {listed(lasso.movers)} {'both' if len(lasso.movers) == 2 else 'all'} move in them, "
        f"{served}."
    )


def _times(number: int) -> str:
    return "once" if number == 1 else "twice" if number == 2 else f"{number} times"
