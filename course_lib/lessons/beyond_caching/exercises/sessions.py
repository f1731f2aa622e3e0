"""Sessions in a judged run: hashes under `app:session:` and an id, and what a call finds and leaves there."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from course_lib.explore import Play, Session, Simulation
from course_lib.grading import key_log
from course_lib.grading.acts import Act, Acts
from course_lib.grading.caller_errors import TO_ANY
from course_lib.grading.key_log import FOREVER, GONE, SEVERAL, KeyLog, State

Fields = dict[str, str]
MOST = 100
BUSY, OFTEN, LATE = "busy", 60, 20.0
"""What somebody else changes, how often, and until when, in seconds."""


def key_of(id: str) -> str:
    """The key of a session."""
    return f"app:session:{id}"


class Hashes(KeyLog):
    """Reads a hash as JSON. The server's clock is `skew` seconds ahead of everybody else's, and so are its TTLs.

    `quicker`: so often, before a client's transaction or script runs, somebody else sets the field BUSY of the first
    session, if it is there: more often than anybody tries, but not forever.
    """

    quicker = 0

    def answers(self, session: Session, command: list[bytes]) -> bool:
        if self.quicker and not self._looking and command[0].upper() in SEVERAL and self.world.now() < LATE:
            self.quicker -= 1
            if self.command("EXISTS", self.keys[0]):
                self.command("HSET", self.keys[0], BUSY, str(self.quicker))
        return super().answers(session, command)

    def held(self, key: str) -> str | None:
        flat = self.command("HGETALL", key)
        if not isinstance(flat, list):
            return json.dumps("not a hash")
        words = [word.decode(errors="replace") for word in flat]
        return json.dumps(dict(sorted(zip(words[::2], words[1::2], strict=True))), ensure_ascii=False)

    def look(self, key: str) -> State:
        state = super().look(key)
        return state if state.left < 0 < state.end or state.left <= 0 else state._replace(left=state.left - self.skew)

    def follow(self, key: str) -> None:
        """Watch one more key."""
        self.keys, self.states[key] = (*self.keys, key), [State(0.0, None, GONE, -2)]
        self._named[key.encode()] = key

    @property
    def skew(self) -> float:
        return self.world.nodes[0].skew


def fields(state: State) -> Fields:
    """What a session holds; nothing, if it is gone."""
    held = json.loads(state.text or "{}")
    return held if isinstance(held, dict) else {"not a hash": "!"}


def without_end(held: Fields) -> Fields:
    """All fields but `end`."""
    return {name: text for name, text in held.items() if name != "end"}


def held(run: Play, act: Call) -> list[Fields]:
    """What its session held while a call lasted, one state after another, without its end."""
    return [without_end(fields(state)) for state in run.witness.log.during(key_of(act.id), act)]


def told(held: object) -> str:
    """A session's contents, for a sentence."""
    text = json.dumps(held, ensure_ascii=False) if held else "nothing"
    return text if len(text) <= MOST else f"{text[: MOST - 1]}…"


@dataclass(eq=False)
class Call(Act):
    """One call about the session `id`. `before` and `after`: what was under its key when it began, and was over."""

    id: str = ""
    before: Fields = field(default_factory=dict)
    after: Fields = field(default_factory=dict)


@dataclass
class Site(Acts):
    """The sessions of a run, and their TTL, `idle`, in seconds."""

    log: Hashes = field(kw_only=True)
    idle: float = field(kw_only=True)

    def begin(self, id: str, held: Fields, ttl_ms: int) -> None:
        """Somebody has this session."""
        words = [word for pair in held.items() for word in pair]
        self.log.command("HSET", key_of(id), *words)
        self.log.command("PEXPIRE", key_of(id), str(ttl_ms))
        self.log.note([key_of(id)])

    def held(self, id: str) -> Fields:
        """What is in it now."""
        return fields(self.log.note([key_of(id)])[key_of(id)])


def site(world: Simulation, ids: Iterable[str], idle: float, refuses: Collection[int] = ()) -> Site:
    """A run with these sessions; others have keys that begin or end alike."""
    keys = [key_of(id) for id in ids]
    run = Site(world, log=Hashes(world, keys, refuses, TO_ANY[world.seed % 3]), idle=idle)
    run.log.plant(["app:session", "app:sessions", *(f"{key}{end}" for key in keys[:2] for end in ("s", ":lock"))])
    return run


def endless(state: State) -> bool:
    """Is it there without a TTL?"""
    return state.there and state.left == FOREVER


def wrong_life(run: Play, act: Call, id: str) -> State | None:
    """The first state of a session during a call whose TTL is not `idle`."""
    states = run.witness.log.during(key_of(id), act)
    return next((one for one in states if one.there and not key_log.right_life(run, one, run.witness.idle)), None)
