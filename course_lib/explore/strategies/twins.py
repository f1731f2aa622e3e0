"""Another order of the same class: the same steps, where those that commute run the other way round."""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.explore.commutativity import Footprint, commute
from course_lib.sim import Move, Turn

Who = tuple[str, str, int]  # a client, the node and the connection: what a turn keeps while it waits
Step = tuple[Who, Move | None]
"""A client's turn, and the fault that strikes it, if any, as a move at position 0."""
Order = list[tuple[Step, Footprint, int]]
"""Steps, what each touches, and how often time had passed before: a step cannot go before time has passed."""


def other_way_round(order: Order) -> Order:
    """The order of the same class that differs most: of the steps that can go next, the last one always goes first. It
    is the same list if no two steps commute."""
    waits = [{before for before in range(at) if _depend(order[before], order[at])} for at in range(len(order))]
    left, found = list(range(len(order))), list[int]()
    while left:
        at = next(at for at in reversed(left) if waits[at].issubset(found))
        left.remove(at)
        found.append(at)
    return order if found == list(range(len(order))) else [order[at] for at in found]


def _depend(one: tuple[Step, Footprint, int], other: tuple[Step, Footprint, int]) -> bool:
    """Must the first of two steps go first? A client's own steps keep their order."""
    return one[2] != other[2] or one[0][0][0] == other[0][0][0] or not commute(one[1], other[1])


class Following:
    """Chooses the steps of an order. If the next step is not there, it chooses the first that is."""

    def __init__(self, order: Order) -> None:
        self._left = iter(order)

    def __call__(self, turns: Sequence[Turn]) -> int | Move:
        (who, fate), *_ = next(self._left, ((None, None),))
        at = next((at for at, turn in enumerate(turns) if turn[:3] == who), None)
        if at is None:
            return 0
        return at if fate is None else fate._replace(at=at)
