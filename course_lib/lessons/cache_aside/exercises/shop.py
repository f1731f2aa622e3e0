"""The shop of a judged run: its database, what was asked of it, and the calls that clients make. For 00.2, 00.3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from course_lib.explore import Play
from course_lib.grading import key_log
from course_lib.grading.acts import Act, Acts, failure
from course_lib.grading.caller_errors import hindered
from course_lib.grading.database import ERRORS, load_takes
from course_lib.grading.evidence import ms, shown
from course_lib.grading.key_log import KeyLog, State
from course_lib.grading.rules import Failing, Found

SOON = 0.012
"""Seconds: what expires so soon after a call began can be found by it, or missed."""

ODD = (
    "",
    "0",
    "None",
    "nil",
    "null",
    "False",
    '"7"',
    "Zoë: a\nb",
    "b'7'",
    "{}",
    "  ",
    "a\tb\\n",
    " e\u0301 日本\r\n",
    "x" * 20_000,
)
"""Texts that a careless test takes for nothing, or for something else."""


@dataclass(eq=False)
class Call(Act):
    """One call, for `keys`, that stores for `ttl` seconds. `found` and `rows`: what they and the database held when it
    began; `loads`: what it asked the database for, and `loaded`: what it was told, by key."""

    keys: list[str] = field(default_factory=list)
    found: dict[str, State] = field(default_factory=dict)
    rows: dict[str, str | None] = field(default_factory=dict)
    loads: list[list[str]] = field(default_factory=list)
    loaded: dict[str, str | None] = field(default_factory=dict)
    ttl: float = 0.0
    error: Exception | None = None

    def sure(self, key: str) -> bool:
        """Was it there, for as long as the call may take?"""
        state = self.found.get(key)
        return state is not None and state.there and not 0 <= state.left < SOON

    def missing(self, key: str) -> bool:
        """Was it certainly not there?"""
        state = self.found.get(key)
        return state is None or not state.there


@dataclass
class Shop(Acts):
    """The database holds `rows`, by key; a load takes `takes` seconds; those of acts named `down …` fail. Those named
    `long …` store for twice as long."""

    log: KeyLog = field(kw_only=True)
    rows: dict[str, str | None] = field(kw_only=True)
    ttl: float = field(kw_only=True)
    takes: float = 0.02
    changes: list[tuple[float, str, str]] = field(default_factory=list)
    """When which key's row became what."""

    def row(self, key: str) -> None:
        """A new text for a key's row, that cannot be guessed."""
        text = f"page-{int(self.world.draws(f'{key} {self.rows.get(key)}')() * 16**6):06x}"
        self.rows[key] = text
        self.changes.append((self.world.now(), key, text))

    def begins(self, call: Call, keys: list[str]) -> None:
        """Remember what there is, and what is asked for."""
        call.keys = keys
        call.found = self.log.note(keys)
        call.rows = dict(self.rows)
        call.ttl = self.ttl * (2 if call.what.startswith("long") else 1)

    def load_for(
        self, call: Call, asked: Callable[..., list[str]], gives: Callable[[list[str]], Any]
    ) -> Callable[..., Any]:
        """The load that a call is given: `asked` makes keys of its arguments, `gives` an answer of them."""

        async def load(*arguments: Any) -> Any:
            keys = asked(*arguments)
            call.loads.append(keys)
            answer, told = gives(keys), {key: self.rows.get(key) for key in keys}
            note = await load_takes(self.takes, self.world, call.who)
            if call.what.startswith("down"):
                note.text = "failed"
                call.error = ERRORS[self.world.seed % len(ERRORS)]("the database is down")
                raise call.error
            call.loaded |= told
            return answer

        return load

    def end(self, key: str) -> None:
        """The product is sold out: its row is gone, and its page deleted."""
        self.rows[key] = None
        self.delete(key)

    def delete(self, key: str) -> None:
        """Somebody else deletes a key."""
        self.log.command("DEL", key)
        self.log.note([key])

    def put(self, key: str, text: str, seconds: float | None) -> None:
        """Somebody else stores a text, for so long; None for a text without an end."""
        self.log.command("SET", key, text, *(("PX", str(round(seconds * 1000))) if seconds else ()))
        self.log.note([key])


def may_be(run: Play, call: Call, key: str) -> list[str | None]:
    """What it can be told of a key: what was there, or else what it loaded; if neither, or a fault delayed it, also
    what came later."""
    found, shop = call.found[key], run.witness
    if call.sure(key) and not run.schedule.faults:
        return [found.text]
    if key in call.loaded and call.missing(key):
        return [call.loaded[key]]
    rows = [text for when, name, text in shop.changes if name == key and call.began <= when <= call.ended]
    held = [state.text for state in (found, *shop.log.during(key, call)) if state.there]
    return [call.rows[key], *rows, *held]


def same(result: object, right: list[str | None]) -> bool:
    """Is it one of these, and of the same type?"""
    return any(type(result) is type(one) and result == one for one in right)


# -- judges ------------------------------------------------------------------------------------------------------------


def no_cause(run: Play) -> Iterator[Found]:
    """Calls that failed although neither the database nor Redis failed."""
    for call in run.witness.acts:
        if call.failed and call.error is None and not hindered(run, call):
            yield failure(call), call.who, call.ended, "an error"


def errors(run: Play) -> Iterator[Found]:
    """What a load raises comes out of its call, which does not load again; and so do errors of redis."""
    for call in run.witness.acts:
        if call.over and call.error is not None and (call.result is not call.error or len(call.loads) > 1):
            came = f"{'raised' if call.failed else 'returned'} {shown(call.result)}"
            text = f"The load raised {shown(call.error)}; the call had {len(call.loads)} of them, and {came}."
            yield text, call.who, call.ended, "its error"
    yield from key_log.told(run)


A_TICK = 0.001
"""Seconds: a server counts an end in whole milliseconds."""


def stored(run: Play) -> Iterator[tuple[Call, str, State, State]]:
    """What calls changed: where, what was there before, and what is there now. What expired has nobody changed."""
    shop = run.witness
    ran = {event.t_server: event.client for event in run.trace}
    for call in shop.acts:
        for key, states in shop.log.states.items():
            for before, state in pairwise(states):
                expired = not state.there and 0 <= before.left <= state.when - before.when + A_TICK
                if call.began <= state.when <= call.ended and ran.get(state.when) == call.who and not expired:
                    yield call, key, before, state


def lives(run: Play) -> Iterator[Found]:
    """A page is stored by a call that missed it, and lives for ttl from its first moment on. No other key is left."""
    for call, key, before, state in stored(run):
        alive = before.there and (before.left < 0 or before.left > state.when - before.when)
        if key not in call.keys:
            yield f"{call.who} changed {key}, for which it was not asked.", call.who, state.when, "another key"
        elif call.sure(key) and alive:
            what = "is gone" if not state.there else f"now {key_log.lasting(state.left)}"
            text = f"{call.who} found the page under {key}, and left it changed: it {what}."
            yield text, call.who, state.when, "a hit changes it"
        elif state.there and not key_log.right_life(run, state, call.ttl):
            at_once = ", for the moment at least" if state.left == key_log.FOREVER else ""
            text = f"What {call.who} stored under {key} {key_log.lasting(key_log.lasts(run, state, call.ttl))}{at_once}"
            yield f"{text}; ttl is {call.ttl:g} s.", call.who, state.when, "wrong lifetime"
    yield from key_log.strays(run)


def nothing_stored(run: Play) -> Iterator[Found]:
    """Where there is no row, or its load failed, nothing is stored or deleted; nor is it anywhere else."""
    for call, key, before, state in stored(run):
        why = "the load failed" if call.error is not None else "there is no such product"
        none = call.error is not None or call.rows[key] is None
        if key in call.keys and state.there and none and not call.sure(key):
            text = f"{call.who} stored {shown(state.text)} under {key} at {ms(state.when)}, and {why}."
            yield text, call.who, state.when, "stored"
        elif key in call.keys and before.there and not state.there and none:
            text = f"{call.who} deleted at {ms(state.when)} what somebody else had stored under {key}, and {why}."
            yield text, call.who, state.when, "deleted"
    yield from key_log.strays(run)


def keeps_pages(run: Play) -> Iterator[Found]:
    """What is loaded is stored, as it is; unless somebody else has stored a page meanwhile."""
    own = list(stored(run))
    for call in run.witness.acts if not run.schedule.faults else ():
        for key in dict.fromkeys(call.keys) if call.done and call.loads else ():
            row, mine = call.loaded.get(key), [state.text for one, name, _, state in own if one is call and name == key]
            others = [state for state in run.witness.log.during(key, call) if state.there]
            late = key_log.too_late(run, call, row, call.ttl)
            if row is not None and call.missing(key) and row not in mine and (mine or not others) and not late:
                held = shown(mine[-1]) if mine and mine[-1] is not None else "nothing"
                text = f"{call.who} loaded {shown(row)}, and under {key} stands {held}."
                yield text, call.who, call.ended, "not stored"


def acts(failing: Failing, promise: str) -> list[Any]:
    """What was done in the run that breaks a promise; nothing, if it is kept."""
    return list(failing[promise].witness.acts) if promise in failing else []
