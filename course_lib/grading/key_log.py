"""What a judged run finds under its keys and leaves there: every state of each key, and what was refused on the way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from course_lib.explore import EPOCH, Extension, Play, Session, Simulation
from course_lib.grading import acts
from course_lib.grading.acts import Act
from course_lib.grading.caller_errors import ERRORS, keeps_errors, of_redis, refused
from course_lib.grading.evidence import LOST, ms, raised, round_trips, shown
from course_lib.grading.rules import Found
from course_lib.trace import Event

WRONG_BY = 0.00155
"""Seconds by which a life is allowed to be wrong: a millisecond, and what PTTL rounds off."""
SEVERAL = (b"EXEC", b"EVAL", b"EVALSHA", b"FCALL", b"FLUSHDB", b"FLUSHALL", b"RENAME")
"""Commands that may change keys which they do not name."""
FOREVER, GONE = -1.0, -2.0
BESIDE = "somebody else's"


class State(NamedTuple):
    """What a key held from `when` on, how long it had left, and what PEXPIRETIME said of it. Units: seconds, FOREVER
    without an end, GONE for a key that is not there; `end` in ms. `text` is None for what is gone."""

    when: float
    text: str | None
    left: float
    end: int

    @property
    def there(self) -> bool:
        return self.text is not None


class KeyLog(Extension):
    """The keys of a run. `states` has, by key, what it held after each command that changed it.

    Of the commands that name one of the keys, those in `refuses`, counted from 0, are answered with `error`, and so are
    all that name the key `denied`.
    """

    def __init__(
        self, world: Simulation, keys: Iterable[str], refuses: Collection[int] = (), error: str = ERRORS[0]
    ) -> None:
        self.world, self.keys, self.refuses, self.error = world, tuple(keys), refuses, error
        self.states: dict[str, list[State]] = {key: [State(0.0, None, GONE, -2)] for key in self.keys}
        self.denied: str | None = None
        self.asked, self._named, self._looking = 0, {key.encode(): key for key in self.keys}, False
        self._session: Session | None = None
        self._replies: list[Any] = []
        self.strays: list[str] = []
        self._beside: dict[str, bool] = {}
        world.nodes[0].extension = self

    def command(self, *parts: str) -> Any:
        """During a run: what the server answers to a command of the judge's own, which no client sees."""
        if self._session is None:  # which needs a loop that runs
            self._session = Session.accept(self.world.nodes[0], 0, self._replies.append)
        before, self._looking = self._looking, True
        self._session.execute([part.encode() for part in parts])
        self._looking = before
        return self._replies.pop()

    def look(self, key: str) -> State:
        """What the key holds now."""
        end, now = self.command("PEXPIRETIME", key), self.world.now()
        end = -2 if end is None else int(end)  # of a key that is gone
        text = self.held(key) if end != GONE else None
        left = max(0.0, end / 1000 - EPOCH - now) if end > 0 else float(end)  # it is over in the next millisecond
        return State(now, text, left, end)

    def held(self, key: str) -> str | None:
        """The text under a key. Subclasses read other types."""
        held = self.command("GET", key)
        return held.decode() if isinstance(held, bytes) else held if held is None else "[not a text]"

    def names(self, command: Collection[bytes]) -> list[str]:
        """The keys of the run that a command names."""
        return [self._named[part] for part in dict.fromkeys(command) if part in self._named]

    def note(self, keys: Iterable[str]) -> dict[str, State]:
        """Remember what these keys hold now, where that is something new; and return it."""
        found = {key: self.look(key) for key in keys}
        for key, now in found.items():
            if (now.text, now.end) != (self.states[key][-1].text, self.states[key][-1].end):
                self.states[key].append(now)
        return found

    def plant(self, keys: Iterable[str]) -> None:
        """Before the run, keys of somebody else, which nobody may touch."""
        for key in keys:
            if key not in self.states:
                self._beside[key] = False  # nobody has seen it yet
                self.world.given(("SET", key, BESIDE))

    def find_strays(self) -> None:
        """Remember keys that do not belong to the run, however short they live, and planted keys that were changed."""
        found = [key.decode(errors="replace") for key in self.command("KEYS", "*")]
        self.strays.extend(
            key for key in found if key not in self.states and key not in self._beside and key not in self.strays
        )
        for key, seen in self._beside.items():
            untouched = self.command("GET", key) == BESIDE.encode() and self.command("PTTL", key) == -1
            if seen and not untouched and key not in self.strays:
                self.strays.append(key)
            self._beside[key] = seen or untouched

    def answers(self, session: Session, command: list[bytes]) -> bool:
        if self._looking or not (names := self.names(command)):
            return False
        self.asked += 1
        if refused := self.asked - 1 in self.refuses or self.denied in names:
            session.refuse(self.error)
        return refused

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        if changed and not self._looking:
            self.note(self.keys if command[0].upper() in SEVERAL else self.names(command))
            self.find_strays()

    def during(self, key: str, act: Act) -> list[State]:
        """What became of a key while an act lasted."""
        return [state for state in self.states[key] if act.began <= state.when <= act.ended]


def sent(run: Play, act: Act) -> list[Event]:
    """The commands of an act. What is sent at the moment at which it ended is the next one's."""
    return [event for event in acts.sent(run, act) if event.t_start < act.ended]


def trips(run: Play, act: Act) -> int:
    """Its round trips. What is sent together is one."""
    return round_trips(sent(run, act))


def lasts(run: Play, state: State, ttl: float) -> float:
    """How long what was stored was to live, in seconds: from when the command ran; or from when it was sent, if that is
    nearer to `ttl`, as for an answer that computes an end by its own clock."""
    if state.left < 0:
        return state.left
    times = [state.when, *(event.t_start for event in run.trace if event.t_server == state.when)]
    return min((state.when - time + state.left for time in times), key=lambda life: abs(life - ttl))


def right_life(run: Play, state: State, ttl: float) -> bool:
    """Is it `ttl`, give or take a millisecond?"""
    return abs(lasts(run, state, ttl) - ttl) <= WRONG_BY


def too_late(run: Play, act: Act, text: str | None, ttl: float) -> bool:
    """Was it sent, and took longer to the server than it was to live, give or take a millisecond? By a client's own
    clock, it had expired then."""
    took = ((event, (event.t_server or 0.0) - event.t_start) for event in sent(run, act))
    late = (event for event, seconds in took if seconds >= ttl - 0.001)
    return text is not None and any(text.encode() in event.command for event in late)


def lasting(life: float) -> str:
    """`lives for 1,500 ms`."""
    return "lives forever" if life == FOREVER else f"lives for {ms(life)}"


def strays(run: Play) -> Iterator[Found]:
    """Keys that nobody asked for."""
    for key in run.witness.log.strays:
        yield f"The key {key!r}, which is none of yours, was changed.", "", run.now, "another key"


# -- what clues read ---------------------------------------------------------------------------------------------------

IN_SECONDS = {b"EX", b"EXPIRE", b"SETEX", b"EXAT", b"EXPIREAT"}
IN_MS = {b"PX", b"PEXPIRE", b"PSETEX", b"PXAT", b"PEXPIREAT"}
A_LIFE = IN_SECONDS | IN_MS | {b"KEEPTTL"}


def options(events: Iterable[Event]) -> set[bytes]:
    """The names and the options of commands, in capitals; and their values."""
    return {word.upper() for event in events for word in event.command[:1] + event.command[3:]}


def whole(life: float) -> bool:
    """Is it a whole number of seconds, as far as one can tell?"""
    return abs(life - round(life)) < WRONG_BY


# -- errors ------------------------------------------------------------------------------------------------------------


def failed(events: Iterable[Event]) -> Event | None:
    """The first command that was lost or refused for its client, and was not answered when it was sent again. A command
    that no server would run, such as the script that none has loaded, is the answer's own affair."""
    open_: dict[tuple[bytes, ...], Event] = {}
    for event in events:
        if event.fault in LOST or refused(event):
            open_.setdefault(event.command[:2], event)
        elif event.t_end is not None:
            open_.pop(event.command[:2], None)
    return next(iter(open_.values()), None)


WHAT = {
    "request lost": "was lost on its way",
    "reply lost": "ran, and its reply was lost",
    "refused": "found no server",
}


def fate(event: Event) -> str:
    """What became of a command that failed."""
    return WHAT.get(event.fault or "") or f"was answered with an error, {event.reply}"


def told(run: Play) -> Iterator[Found]:
    """A caller that is refused a command, or never hears what came of it, raises an error of redis-py."""
    for act in run.witness.acts:
        event = failed(sent(run, act)) if act.over else None
        if event is not None and not of_redis(act.result):
            came = f"raised {raised(act.result)}" if act.failed else f"returned {shown(act.result)}"
            text = f"{event.name} {fate(event)}, and the call {came}; errors of redis go to the caller."
            yield text, act.who, act.ended, "no error"


def errors(run: Play) -> Iterator[Found]:
    """Errors of redis go to the caller; what is lost while a key is watched excuses more."""
    return keeps_errors(run) if any(event.name == "WATCH" for event in run.trace) else told(run)
