"""03.4, break it: the answer is an order of commands, and it is judged by how many are admitted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from course_lib.errors import BadReplayCode
from course_lib.explore import Play, Simulation, Trial, Turns, decode
from course_lib.explore.tally import clients_in_order
from course_lib.grading import break_it
from course_lib.grading.answer import Refused
from course_lib.grading.evidence import as_they_ran
from course_lib.grading.rules import Failing, Found, Rules, named
from course_lib.lessons.atomicity import programs

PLAYERS, MOST, PUZZLE = ("alice", "bob", "carol"), 24, "limiter.naive"
"""PUZZLE is what the codes of the lesson's panel name, where the first two play with a limit of 1."""
STEPS = {"EXEC": "looks", "ZADD": "adds", "EXPIRE": "expires"}
Limiter = Callable[..., Awaitable[bool]]


@dataclass(frozen=True)
class Order:
    """Whose command runs next: by name, or by position among those that wait, as a replay code has it."""

    clients: int
    turns: tuple[str | int, ...]

    @property
    def limit(self) -> int:
        """The limit: one less than the number of clients that ask."""
        return self.clients - 1


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


def trials(order: Order) -> list[Trial]:
    """The same order with the limiter of the documentation, and with its mended twin."""
    return break_it.twins(
        partial(_build, order),
        ("the limiter in your order", programs.looks_then_adds, {"breaks": _breaks, "fewest": _fewest}),
        ("the script in your order", programs.looks_and_adds, {"mended": _survives}),
        "That the script survives says nothing, as your order breaks neither of the two.",
        sizes=(order.clients,), least=order.clients, world=Simulation, horizon=5.0, unfaulted="your order",
    )  # fmt: skip


def _build(order: Order, limiter: Limiter, world: Simulation, clients: int) -> Order:
    world.turns = Turns(break_it.in_order(order.turns, PLAYERS), step=0.002)
    for name in PLAYERS[:clients]:
        world.client(name, partial(limiter, world.redis(), name, limit=order.limit))
    return order


def admitted(run: Play) -> int:
    """How many are admitted."""
    return sum(result is True for result in run.results.values())


def blocks(run: Play) -> list[list[str]]:
    """What ran, in the order in which it did: for each stretch of one client its name and its steps."""
    stretches = ((who, [e.name for e in events]) for who, events in groupby(as_they_ran(run.trace), lambda e: e.client))
    return [[who, *(name for name in names if name in STEPS)] for who, names in stretches]


def _last(run: Play) -> tuple[str, float]:
    """Whose command ran last, and until when."""
    last = max(run.trace, key=lambda event: event.t_server or 0.0)
    return last.client, last.t_end or last.t_start


def _breaks(run: Play) -> Iterator[Found]:
    order, (who, when) = run.witness, _last(run)
    if admitted(run) <= order.limit:
        text = f"{admitted(run)} of {order.clients} were admitted, and the limit is {order.limit}: {_told(run)}."
        yield text, who, when, "within the limit"
    else:
        run.trace.note(who, "violation", when, text=f"{admitted(run)} admitted, one too many")


def _fewest(run: Play) -> Iterator[Found]:
    changes = len(blocks(run)) - 1
    if admitted(run) > run.witness.limit and changes > run.witness.clients:
        text = f"Your order breaks the limit, and goes {changes} times from one client to another: {_told(run)}."
        yield text, *_last(run), f"{changes} changes"


def _told(run: Play) -> str:
    """`alice looks; bob looks, adds, expires; alice adds, expires`."""
    return "; ".join(f"{who} {', '.join(STEPS[name] for name in names)}" for who, *names in blocks(run))


def _survives(run: Play) -> Iterator[Found]:
    if admitted(run) > run.witness.limit:
        yield f"In the same order the script admits {admitted(run)} too.", "alice", 0.0, "too many"


def clues(failing: Failing) -> Iterator[str]:
    """Where the looks came among the others' looks and adds."""
    if "breaks" not in failing:
        return named({"too-many-changes": "fewest" in failing})
    run = failing["breaks"]
    steps = [(who, name) for who, *names in blocks(run) for name in names]
    return named({
        "one-after-another": len(set(clients_in_order(run))) == len(blocks(run)),
        "one-looks-too-late": any(_looked_between(steps, who) for who in PLAYERS),
        "after-the-add": True,
    })  # fmt: skip


def _looked_between(steps: list[tuple[str, str]], who: str) -> bool:
    """Did somebody look between this one's look and its add?"""
    mine = [at for at, (client, name) in enumerate(steps) if client == who and name in ("EXEC", "ZADD")]
    return len(mine) == 2 and any(name == "EXEC" for _, name in steps[mine[0] + 1 : mine[1]])


RULES = Rules(an_order, trials, clues, learners_code=False, exhibit=True)
