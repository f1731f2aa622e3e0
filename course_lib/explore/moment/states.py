"""What is true at one moment of a run: of each key, of each client, of each promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from course_lib.explore.trial import Fact

Does = Literal["not begun", "waiting", "paused", "dead", "ended"]
Change = Literal["", "new", "changed", "new TTL", "gone", "expired"]


@dataclass(frozen=True, slots=True)
class Local:
    """A local variable. `text` is shortened, and was read without running any code of the object; `changed`: it is not
    what it was in the state before, in the same frame."""

    name: str
    text: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """One function in a chain of awaits, and the line in which it stands.

    `function` is its qualified name, `source` that line, stripped. `own`: a learner's code, rather than the course's or
    a library's. `call` is another number for each call of the function.
    """

    function: str
    file: str
    line: int
    source: str
    own: bool
    locals: tuple[Local, ...]
    call: int = 0


@dataclass(frozen=True, slots=True)
class ClientState:
    """What a client does: nobody runs in virtual time while no time passes, so it waits, or is past that.

    `waits_for` says for what: `the reply to GET stock`, `the clock: until 120 ms`, `a task of its own`; of one that has
    ended what became of it: `returned True`, `ended with ValueError: …`, `crashed at 12 ms`; of one that has not begun
    when it does. `chains` are its awaits, the outermost function first; several if it runs several tasks at once, and
    then `task_waits` says for what each of them waits. The chain of a task in which no code is shown is empty.
    """

    name: str
    does: Does
    waits_for: str
    chains: tuple[tuple[Frame, ...], ...]
    task_waits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key and what it holds, shortened, as redis-cli writes it. One that went is listed once, with what it held.

    Units: `left` in seconds, by its server's clock; None for a key without a TTL. `ends` is when that clock will have
    run it down, in seconds since 1970: it stays the same while nobody sets another TTL, also if the clock is set.
    """

    node: str
    key: str
    kind: str
    value: str
    left: float | None
    change: Change
    ends: float | None = None


@dataclass(frozen=True, slots=True)
class PromiseState:
    """Does a promise hold? If it is broken in the run, `since` is when, in seconds; until then it holds. `text` says
    how it is broken, and `facts` are those that break it together, if its judge names them.
    """

    name: str
    holds: bool
    since: float | None = None
    text: str = ""
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """All of that at `t`, in seconds. `more_keys` is how many keys are not listed; `text` says all of it in words."""

    t: float
    keys: tuple[KeyState, ...]
    more_keys: int
    clients: tuple[ClientState, ...]
    promises: tuple[PromiseState, ...]
    text: str
