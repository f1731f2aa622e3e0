"""The states that runs go through, as a graph, and the fair lassos in it: a stem, and a loop that can go on forever.

Source: M. Y. Vardi and P. Wolper, "An Automata-Theoretic Approach to Automatic Program Verification", LICS 1986: what
breaks a liveness promise in a finite graph is a lasso. Weak fairness: a client that can always move does move.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

MOST_STARTS = 60
"""A loop is tried to begin in at most this many states."""


Wanted = Callable[[int], bool]


class Edge(NamedTuple):
    """A move: whose turn it was, which state came of it (None: the end), and who was served by it."""

    who: str
    to: int | None
    served: frozenset[str]


class Lasso(NamedTuple):
    """Turns, by their positions: the stem, which leads to a state, and the loop, which leads back to it. `served` has
    each client that is served in the loop, and how often."""

    waiter: str
    stem: tuple[int, ...]
    loop: tuple[int, ...]
    movers: tuple[str, ...]
    served: dict[str, int]


@dataclass
class StateGraph:
    """`able` has for each state who could move there, turn by turn; `edges` what came of those that were made. `depth`
    is the fewest moves by which a state has been reached. States are numbered as they are found, the first is 0."""

    able: list[tuple[str, ...]] = field(default_factory=list)
    edges: list[dict[int, Edge]] = field(default_factory=list)
    depth: list[int] = field(default_factory=list)

    def add(self, able: tuple[str, ...], depth: int) -> int:
        """One more state; its number."""
        self.able.append(able)
        self.edges.append({})
        self.depth.append(depth)
        return len(self.able) - 1

    def open(self, state: int) -> int | None:
        """A turn that has not been made there yet."""
        return next((turn for turn in range(len(self.able[state])) if turn not in self.edges[state]), None)

    def path(self, start: int, wanted: Wanted, within: Collection[int] | None = None) -> list[int] | None:
        """The fewest turns from a state to one that is wanted, only through those `within`; None if there are none."""
        came: dict[int, tuple[int, int]] = {}
        queue, seen = deque([start]), {start}
        while queue:
            state = queue.popleft()
            if wanted(state):
                return self._back(start, state, came)
            for turn, edge in self.edges[state].items():
                if edge.to is not None and edge.to not in seen and (within is None or edge.to in within):
                    seen.add(edge.to)
                    came[edge.to] = state, turn
                    queue.append(edge.to)
        return None

    def _back(self, start: int, state: int, came: dict[int, tuple[int, int]]) -> list[int]:
        turns = list[int]()
        while state != start:
            state, turn = came[state]
            turns.append(turn)
        return turns[::-1]

    def without(self, waiter: str) -> StateGraph:
        """The same states, without the moves by which that client is served."""
        kept = [{t: e for t, e in edges.items() if e.to is not None and waiter not in e.served} for edges in self.edges]
        return StateGraph(self.able, kept, self.depth)

    def lasso(self, waiter: str) -> Lasso | None:
        """The shortest one that is found in which everybody moves who can, the waiter too, who is never served."""
        unserved, found = self.without(waiter), list[Lasso]()
        for part in unserved.strong_parts():
            movers = {edge.who for state in part for edge in unserved.edges[state].values() if edge.to in part}
            if waiter in movers and {who for state in part for who in self.able[state]} <= movers:
                for start in sorted(part, key=lambda state: (self.depth[state], state))[:MOST_STARTS]:
                    found.append(self._lasso(unserved, waiter, start, part, movers))
        return min(found, key=lambda one: (len(one.stem) + len(one.loop), one.stem, one.loop), default=None)

    def _lasso(self, unserved: StateGraph, waiter: str, start: int, part: set[int], movers: set[str]) -> Lasso:
        """The loop from one state: always on to the nearest move of a client that has not moved yet, and then back."""
        loop, left, here, served = list[int](), set(movers), start, dict[str, int]()

        def go(turns: list[int], state: int) -> int:
            for turn in turns:
                edge = unserved.edges[state][turn]
                left.discard(edge.who)
                for who in edge.served:
                    served[who] = served.get(who, 0) + 1
                loop.append(turn)
                assert edge.to is not None
                state = edge.to
            return state

        def next_turn(state: int) -> int | None:
            return next((t for t, e in unserved.edges[state].items() if e.who in left and e.to in part), None)

        while left:
            here = go(unserved.path(here, lambda state: next_turn(state) is not None, part) or [], here)
            if (turn := next_turn(here)) is not None:
                here = go([turn], here)
        go(unserved.path(here, lambda state: state == start, part) or [], here)
        stem = self.path(0, lambda state: state == start) or []
        return Lasso(waiter, tuple(stem), tuple(loop), tuple(sorted(movers)), served)

    def strong_parts(self) -> Iterator[set[int]]:
        """The strongly connected parts that have a move in them: from each state every other can be reached."""
        back: list[list[int]] = [[] for _ in self.able]
        for state, edges in enumerate(self.edges):
            for edge in edges.values():
                if edge.to is not None:
                    back[edge.to].append(state)
        placed = set[int]()
        for root in reversed(self._finished()):
            if root in placed:
                continue
            part, stack = {root}, [root]
            while stack:
                for before in back[stack.pop()]:
                    if before not in placed and before not in part:
                        part.add(before)
                        stack.append(before)
            placed |= part
            if len(part) > 1 or any(edge.to == root for edge in self.edges[root].values()):
                yield part

    def _finished(self) -> list[int]:
        """States in the order in which a depth-first walk leaves them, as Kosaraju's algorithm wants them."""
        order, seen = list[int](), set[int]()
        for root in range(len(self.able)):
            if root in seen:
                continue
            seen.add(root)
            stack = [(root, iter([edge.to for edge in self.edges[root].values()]))]
            while stack:
                state, left = stack[-1]
                to = next((to for to in left if to is not None and to not in seen), None)
                if to is None:
                    order.append(state)
                    stack.pop()
                else:
                    seen.add(to)
                    stack.append((to, iter([edge.to for edge in self.edges[to].values()])))
        return order
