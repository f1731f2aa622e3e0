"""Requests that a judged limiter decides, each with its id; asked again, with the same id, if no answer comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from course_lib.explore import Play
from course_lib.explore.server_state import ask
from course_lib.grading.acts import Act, Acts, sent

Answer = Callable[..., Awaitable[Any]]
USER, TRIES = "ann", 3
LIMIT, WINDOW = 3, 1.25
"""Of the requests in time; in seconds."""
NEAR = 0.005
"""Seconds by which two moments may differ and count as the same: no request of a plan comes so close to a border."""


@dataclass
class Asking(Acts):
    """All requests of one run. `keys` is what the server held when it was looked at. Units: `window` in seconds."""

    answer: Answer = field(kw_only=True)
    limit: int = LIMIT
    window: float = WINDOW
    keys: list[bytes] = field(default_factory=list)

    async def ask(self, act: Act) -> Any:
        """Ask, with what is done for an id; and again if no answer comes, as a caller does that must know."""
        for left in range(TRIES - 1, -1, -1):
            try:
                policy = {"limit": self.limit, "window": self.window, "request": act.what}
                return _bare(await self.answer(self.world.redis(), USER, **policy))
            except (RedisTimeoutError, RedisConnectionError):
                if not left:
                    raise
        return None

    def look(self) -> None:
        """Take down which keys there are."""
        self.keys = list(ask(self.world.nodes[0], b"KEYS", b"*") or ())


def _bare(result: Any) -> Any:
    """A tuple or a list as it is inside, whatever its class makes of it: a NamedTuple will do."""
    if isinstance(result, tuple):
        return tuple(tuple.__iter__(result))
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
    ran = [event for event in sent(run, act) if event.t_server is not None]
    if not ran and allowed(act) is not None:
        return [act.ended]
    return [e.t_server or 0.0 for n, e in enumerate(ran, 1) if n == len(ran) or e.fault == "reply lost"]


def decisions(run: Play) -> list[Decided]:
    """Every request that may have been admitted, by time; one that was asked again within its window counts once."""
    found: list[Decided] = []
    for act in run.witness.acts:
        whens = moments(run, act)
        if whens and allowed(act) is not False:
            found.append(Decided(whens[-1], act, whens[0], allowed(act) is True))
    found.sort(key=lambda one: one.when)
    return [one for n, one in enumerate(found) if not _again(found[:n], one, run.witness.window)]


def _again(earlier: list[Decided], one: Decided, window: float) -> bool:
    return any(e.act.what == one.act.what and one.when - e.when < window - NEAR for e in earlier)


def refusals(run: Play) -> Iterator[tuple[float, Act]]:
    """The requests that were refused, and when."""
    for act in run.witness.acts:
        if allowed(act) is False and (whens := moments(run, act)):
            yield whens[-1], act
