"""Goes through all states that a few clients can come to, by as few runs as it can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from time import monotonic

from course_lib.errors import Unrepeatable
from course_lib.explore.bodies import MISTAKES
from course_lib.explore.state_graph import Edge, Lasso, StateGraph
from course_lib.explore.strategies.exhaustive import REPEATABLE
from course_lib.explore.trial import HeldBack, Schedule, Trial, play
from course_lib.sim import Move, Simulation, Turn

STEP = 1.01e-3
"""What a turn takes, in seconds. It is not a whole number of milliseconds, so that a TTL hardly ever ends at the moment
of a turn, where a rounding error would decide which comes first."""

SLACK = 2
"""How many moves farther from the beginning than the nearest state left a state can be, and still be gone on from."""

Read = Callable[[Simulation, Sequence[Turn]], Hashable]


class StateWalk:
    """Goes from state to state, always to the nearest turn that was not made yet; where none can be reached, it begins
    again.

    `graph` is what it has seen, `lasso` the counterexample, `complete` whether no turn is left. `read` says what state
    the world is in. Units: `end` by the clock of `monotonic`, in seconds.
    """

    def __init__(
        self, trial: Trial, read: Read, *, served: str, waiters: Sequence[str] | None, moves: int, states: int,
        end: float,
    ) -> None:  # fmt: skip
        self.graph, self.read = StateGraph(), read
        self.world, self.complete = trial.world(), False
        self.lasso: Lasso | None = None
        self._trial, self._served, self._waiters = trial, served, waiters
        self._moves, self._states, self._end = moves, states, end
        self._index: dict[Hashable, int] = {}
        self._last: tuple[int, int, str] | None = None
        self._notes, self._path = 0, list[int]()
        self._left, self._looked = Counter[int](), 0  # how many turns are still to be made in states of each depth

    def all(self) -> None:
        """Until a lasso is found, or nothing is left to do."""
        while not self._enough() and (not self.graph.able or self._to_open(0) is not None):
            self._last, self._notes, self._path = None, 0, []
            self._play()
        self._look()
        self.complete = not any(self._left.values())

    def _look(self) -> bool:
        """Is there a lasso by now?"""
        self._looked = len(self.graph.able)
        names = list(self.world.clients) if self._waiters is None else self._waiters
        lassos = [lasso for name in names if (lasso := self.graph.lasso(name)) is not None]
        shortest = min(lassos, key=lambda one: len(one.stem) + len(one.loop), default=None)
        self.lasso = shortest
        return shortest is not None

    def _play(self) -> None:
        schedule = Schedule(self._trial.sizes[0], turns=())
        run = play(self._trial, schedule, self.world, choose=self._choose, step=STEP)
        if mistake := next((it for it in run.results.values() if isinstance(it, MISTAKES)), None):
            raise mistake
        if not isinstance(run.stopped, HeldBack):
            self._arrive(None)

    def _choose(self, turns: Sequence[Turn]) -> int | Move:
        state = self.read(self.world, turns)
        here = self._index.get(state)
        if here is None:
            depth = 0 if self._last is None else self.graph.depth[self._last[0]] + 1
            here = self._index[state] = self.graph.add(tuple(turn.client for turn in turns), depth)
            self._left[depth] += len(turns)
        if self._last is not None:
            self._arrive(here)
        if not self._path:
            path = None if self._enough() else self._to_open(here)
            if path is None:
                raise HeldBack(list(turns))
            self._path = path
        turn = self._path.pop(0)
        self._last = here, turn, turns[turn].client
        return turn

    def _enough(self) -> bool:
        """Is it over, because of a lasso or of a limit? A lasso is looked for when the graph has grown by a third."""
        if len(self.graph.able) > 4 + 1.3 * self._looked:
            self._look()
        found = self.lasso is not None
        return found or len(self.graph.able) >= self._states or monotonic() >= self._end

    def _to_open(self, start: int) -> list[int] | None:
        """The way to the nearest turn that was not made yet, and that turn. Turns much farther from the beginning than
        the first one left are not taken: a client that spins while a key's TTL runs out reaches new states all the
        time."""
        ends = list[int]()
        last = min(min((depth for depth, left in self._left.items() if left), default=0) + SLACK, self._moves - 1)

        def wanted(state: int) -> bool:
            if self.graph.depth[state] > last or (turn := self.graph.open(state)) is None:
                return False
            ends.append(turn)
            return True

        path = self.graph.path(start, wanted)
        return None if path is None else [*path, ends[-1]]

    def _arrive(self, to: int | None) -> None:
        """Note what came of the last move. Raises: Unrepeatable if the same move came to something else before."""
        notes = self.world.trace.notes
        served = frozenset(note.who for note in notes[self._notes :] if note.kind == self._served)
        self._notes = len(notes)
        if self._last is None:
            return
        state, turn, who = self._last
        edge = Edge(who, to, served)
        if turn not in self.graph.edges[state]:
            self._left[self.graph.depth[state]] -= 1
        if self.graph.edges[state].setdefault(turn, edge) != edge:
            said = f"From two states that look equal {who} came to different ones by the same move"
            raise Unrepeatable(f"{said}. {REPEATABLE}")
