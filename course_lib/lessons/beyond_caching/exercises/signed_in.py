"""Sessions in a judged run: hashes under `app:session:` and an id, and what a call finds and leaves there."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from course_lib.explore import Play, Simulation
from course_lib.grading import shelf
from course_lib.grading.acts import Act, Acts
from course_lib.grading.errors_out import ERRORS
from course_lib.grading.shelf import FOREVER, GONE, Shelf, State

Fields = dict[str, str]
MOST = 100


def key_of(id: str) -> str:
    """The key of a session."""
    return f"app:session:{id}"


class Hashes(Shelf):
    """Reads a hash as JSON. The server's clock is `skew` seconds ahead of everybody else's, and so are its TTLs."""

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
        """One key more."""
        self.keys, self.states[key] = (*self.keys, key), [State(0.0, None, GONE, -2)]
        self._named[key.encode()] = key

    @property
    def skew(self) -> float:
        return self.world.nodes[0].skew


def fields(state: State) -> Fields:
    """What a session holds; nothing, if it is gone."""
    held = json.loads(state.text or "{}")
    return held if isinstance(held, dict) else {"not a hash": "!"}


def told(held: object) -> str:
    """For a sentence."""
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

    shelf: Hashes = field(kw_only=True)
    idle: float = field(kw_only=True)

    def begin(self, id: str, held: Fields, ttl_ms: int) -> None:
        """Somebody has this session."""
        words = [word for pair in held.items() for word in pair]
        self.shelf.command("HSET", key_of(id), *words)
        self.shelf.command("PEXPIRE", key_of(id), str(ttl_ms))
        self.shelf.note([key_of(id)])

    def held(self, id: str) -> Fields:
        """What is in it now."""
        return fields(self.shelf.note([key_of(id)])[key_of(id)])


def site(world: Simulation, ids: Iterable[str], idle: float, refuses: Collection[int] = ()) -> Site:
    """A run with these sessions; others have keys that begin or end alike."""
    keys = [key_of(id) for id in ids]
    run = Site(world, shelf=Hashes(world, keys, refuses, ERRORS[world.seed % 2]), idle=idle)
    run.shelf.plant(["app:session", "app:sessions", *(f"{key}{end}" for key in keys[:2] for end in ("s", ":lock"))])
    return run


def endless(state: State) -> bool:
    """Is it there without a TTL?"""
    return state.there and state.left == FOREVER


def wrong_life(run: Play, act: Call, id: str) -> State | None:
    """The first state of a session during a call whose TTL is not `idle`."""
    states = run.witness.shelf.during(key_of(id), act)
    return next((one for one in states if one.there and not shelf.right_life(run, one, run.witness.idle)), None)
