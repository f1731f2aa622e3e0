"""03.4, break it: the answer is an order of commands, and it is judged by how many are admitted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from course_lib.errors import BadReplayCode
from course_lib.explore import Play, Simulation, Trial, Turn, Turns, Violation, decode
from course_lib.explore.tally import clients_in_order
from course_lib.grading import break_it
from course_lib.lessons.atomicity import programs
from course_lib.grading.answer import Refused

PLAYERS, MOST, PUZZLE = ("alice", "bob", "carol"), 24, "limiter.naive"
"""PUZZLE is what the codes of the lesson's panel name, where the first two play with a limit of 1."""
Limiter = Callable[..., Awaitable[bool]]


@dataclass(frozen=True)
class Order:
    """Whose command runs next: by name, or by position among those that wait, as a replay code has it."""

    clients: int
    turns: tuple[str | int, ...]

    @property
    def limit(self) -> int:
        """One less than ask."""
        return self.clients - 1

    def choose(self) -> Callable[[Sequence[Turn]], int]:
        """For one run. Who is named and has no command left is passed over; in the end whoever comes first goes."""
        left = iter(self.turns)

        def chosen(turns: Sequence[Turn]) -> int:
            able = [turn.client for turn in turns]
            for turn in left:
                if isinstance(turn, int):
                    return min(turn, len(able) - 1)
                if turn in able:
                    return able.index(turn)
            return 0

        return chosen


def an_order(answer: Any) -> Order:
    """The answer, if it is a list of players, or a code of the lesson's panel."""
    if isinstance(answer, str):
        return _of_code(answer)
    return Order(len(PLAYERS), break_it.an_order(answer, PLAYERS, MOST, "step"))


def _of_code(code: str) -> Order:
    try:
        schedule = decode(code, PUZZLE)
    except BadReplayCode as error:
        raise Refused("error", f"{error} Or hand in a list of names.") from None
    turns = [turn for turn in schedule.turns or () if isinstance(turn, int)]
    if schedule.clients != 2 or len(turns) != len(schedule.turns or ()):
        raise Refused("error", f"{code!r} has a fault in it, or not two clients; this exercise is about orders alone.")
    return Order(2, tuple(turns))


def follow(order: Order) -> list[Trial]:
    """The same order with the limiter of the documentation, and with its mended twin."""
    return break_it.with_its_twin(
        _ordered("the limiter in your order", ("breaks", "fewest"), _judge, order, programs.looks_then_adds),
        _ordered("the script in your order", ("mended",), _survives, order, programs.looks_and_adds),
        "That the script survives says nothing, as your order breaks neither of the two.",
    )


def _ordered(
    name: str, promises: tuple[str, ...], judge: Callable[[Play], Iterator[Violation]], order: Order, limiter: Limiter
) -> Trial:
    return Trial(name, promises, partial(_build, order, limiter), judge, sizes=(order.clients,), least=order.clients,
                 horizon=5.0, unfaulted="your order")  # fmt: skip


def _build(order: Order, limiter: Limiter, world: Simulation, clients: int) -> Order:
    world.turns = Turns(order.choose(), step=0.002)
    for name in PLAYERS[:clients]:
        world.client(name, partial(limiter, world.redis(), name, limit=order.limit))
    return order


def admitted(run: Play) -> int:
    """How many."""
    return sum(result is True for result in run.results.values())


def blocks(run: Play) -> list[list[str]]:
    """What ran, in the order in which it did: for each stretch of one client its name and its steps."""
    ran = sorted((e for e in run.trace if e.t_server is not None), key=lambda event: event.t_server or 0.0)
    stretches = ((who, [event.name for event in events]) for who, events in groupby(ran, key=lambda e: e.client))
    return [[who, *(name for name in names if name in ("EXEC", "ZADD", "EXPIRE"))] for who, names in stretches]


def _judge(run: Play) -> Iterator[Violation]:
    order: Order = run.witness
    last = max(run.trace, key=lambda event: event.t_server or 0.0)
    when = last.t_end or last.t_start
    if admitted(run) <= order.limit:
        text = f"{admitted(run)} of {order.clients} were admitted, and the limit is {order.limit}: {_told(run)}."
        yield Violation("breaks", text, last.client, when, "within the limit")
        return
    run.trace.note(last.client, "violation", when, text=f"{admitted(run)} admitted, one too many")
    changes = len(blocks(run)) - 1
    if changes > order.clients:
        text = f"Your order breaks the limit, and goes {changes} times from one client to another: {_told(run)}."
        yield Violation("fewest", text, last.client, when, f"{changes} changes")


def _told(run: Play) -> str:
    """`alice looks; bob looks, adds, expires; alice adds, expires`."""
    words = {"EXEC": "looks", "ZADD": "adds", "EXPIRE": "expires"}
    return "; ".join(f"{who} {', '.join(words[name] for name in names)}" for who, *names in blocks(run))


def _survives(run: Play) -> Iterator[Violation]:
    if admitted(run) > run.witness.limit:
        yield Violation("mended", f"In the same order the script admits {admitted(run)} too.", "alice", 0.0, "too many")


def clue(answer: Order, failing: Mapping[str, Play]) -> str | None:
    """Where the looks came among the others' looks and adds."""
    if "breaks" not in failing:
        return "too-many-changes" if "fewest" in failing else None
    steps = [(who, name) for who, *names in blocks(failing["breaks"]) for name in names]
    if len(set(clients_in_order(failing["breaks"]))) == len(blocks(failing["breaks"])):
        return "one-after-another"
    between = [who for who in PLAYERS if _looked_between(steps, who)]
    return "one-looks-too-late" if between else "after-the-add"


def _looked_between(steps: list[tuple[str, str]], who: str) -> bool:
    """Did somebody look between this one's look and its add?"""
    mine = [at for at, (client, name) in enumerate(steps) if client == who and name in ("EXEC", "ZADD")]
    return len(mine) == 2 and any(name == "EXEC" for _, name in steps[mine[0] + 1 : mine[1]])
