"""Requests that a judged limiter decides, each with its id; asked again, with the same id, if no answer comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from course_lib.explore import Play, Process
from course_lib.explore.server_state import ask
from course_lib.grading.acts import Act, Acts
from course_lib.lessons.atomicity.exercises.server_access import commands

Answer = Callable[..., Awaitable[Any]]
TRIES = 3
LIMIT, WINDOW = 3, 1.25
"""The limit and the window of most requests; in seconds."""


class Policy(NamedTuple):
    """Whose requests, and how many are admitted in a window. Units: `window` in seconds."""

    user: str = "ann"
    limit: int = LIMIT
    window: float = WINDOW


@dataclass
class Asking(Acts):
    """All requests of one run. `policies` says by which each client asks; `keys` are those that the server held after
    any, and `entries` how many the largest sorted set had after the last.

    Units: `near`, by which two moments may differ and count as the same, in seconds: more where messages take what they
    take, so that clocks of milliseconds will do.
    """

    answer: Answer = field(kw_only=True)
    near: float = 0.001
    policies: dict[str, Policy] = field(default_factory=dict)
    keys: set[bytes] = field(default_factory=set)
    entries: int = 0

    def asks(
        self, who: str, plan: Iterable[tuple[float, str]], policy: Policy, process: Process | None = None
    ) -> Process:
        """A client asks for a user, when the plan says, with the ids that it says."""
        self.policies[who] = policy
        return self.process(who, self.ask, plan, process=process)

    async def ask(self, act: Act) -> Any:
        """Ask, with what is done for an id; and again if no answer comes, as a caller does that must know."""
        user, limit, window = self.policies[act.who]
        for left in range(TRIES - 1, -1, -1):
            try:
                request = f"request-{act.what}"  # ids that begin alike
                result = await self.answer(self.world.redis(), user, limit=limit, window=window, request=request)
            except (RedisTimeoutError, RedisConnectionError):
                if not left:
                    raise
            else:
                keys = ask(self.world.nodes[0], b"KEYS", b"*")
                keys = keys if isinstance(keys, list) else []  # not while the server refuses everything
                self.keys |= set(keys)
                sizes = [ask(self.world.nodes[0], b"ZCARD", key) for key in keys]
                self.entries = max((size for size in sizes if isinstance(size, int)), default=0)
                return bare(result)
        return None


def bare(result: Any) -> Any:
    """A tuple or a list as it is inside, whatever its class makes of it: a NamedTuple will do."""
    if isinstance(result, tuple):
        return tuple(tuple.__iter__(result))
    if isinstance(result, BaseException):
        return "an error"  # which it returned, and did not raise
    return tuple(list.__iter__(result)) if isinstance(result, list) else result


class Decided(NamedTuple):
    """A request that was admitted: `sure` if its caller heard so, else perhaps. In seconds, when the server decided it:
    at `when`, or at any of its tries from `first` on whose reply was lost."""

    when: float
    act: Act
    first: float
    sure: bool


def allowed(act: Act) -> bool | None:
    """What its caller heard; None if it heard nothing, or nothing that can be read."""
    result = act.result
    return result[0] if well_formed(result) else None


def well_formed(result: Any) -> bool:
    """Is it (bool, whole number, seconds)?"""
    return (
        type(result) is tuple and len(result) == 3 and type(result[0]) is bool and type(result[1]) is int
        and type(result[2]) in (int, float)
    )  # fmt: skip


def moments(run: Play, act: Act) -> list[float]:
    """When the server may have decided: when it ran what a reply was lost to, and the call's last command.

    A caller that was told something, though the server was not asked, was told when the call ended.
    """
    ran = [event for event in commands(run, act) if event.t_server is not None]
    if not ran and allowed(act) is not None:
        return [act.ended]
    return [e.t_server or 0.0 for n, e in enumerate(ran, 1) if n == len(ran) or e.fault == "reply lost"]


def users(run: Play) -> Iterator[tuple[Policy, list[Act]]]:
    """Each user's policy, and its requests."""
    policies: dict[str, Policy] = run.witness.policies
    for policy in dict.fromkeys(policies.values()):
        yield policy, [act for act in run.witness.acts if policies[act.who] == policy]


def decisions(run: Play, acts: Iterable[Act], window: float) -> list[Decided]:
    """Of one user's requests those that may have been admitted, by time; one that was asked again within a window of
    its admission counts once."""
    found: list[Decided] = []
    for act in acts:
        whens = moments(run, act)
        if whens and allowed(act) is not False:
            found.append(Decided(whens[-1], act, whens[0], allowed(act) is True))
    found.sort(key=lambda one: one.when)
    counted: list[Decided] = []
    for one in found:
        before = (other for other in counted if other.act.what == one.act.what)
        if not any(one.when - other.when < window - run.witness.near for other in before):
            counted.append(one)
    return counted
