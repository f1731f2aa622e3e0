"""An outbox and what relays do with it: which notes there are, what is deleted and published, what is marked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from course_lib.explore import Session, until
from course_lib.grading.acts import Act, Acts
from course_lib.grading.caller_errors import Refuses
from course_lib.grading.database import DatabaseDown
from course_lib.grading.lock_watch import asked

Answer = Callable[..., Awaitable[Any]]
CHANNEL, BATCH, TAKES = "invalidated", 5, 0.002
"""`pending` returns at most BATCH notes; a call of the outbox takes TAKES seconds, twice."""
ABSENT = "app:product:9"
"""The page of this one has expired, and no reader comes."""
KEYS = ["app:product:42", "app:product:7", "app:product:{de}:7", "app:product:42", ABSENT, "a{b:c", "é 7", " 7 "]
PAGES = {key.encode(): b"page" for key in KEYS if key != ABSENT}
OTHERS = dict.fromkeys((b"app:product:421", b"outbox", b"invalidated", b"7"), b"another's")
FULL = [(n * n + 3, KEYS[n % len(KEYS)]) for n in range(12)]
SETS = [FULL, FULL[:4], [], FULL[:5], FULL[2:12], FULL[5:6]]
"""Notes of a run: ids that rise with gaps, and keys."""
MANY = [(3 * n, KEYS[n % len(KEYS)]) for n in range(1, 532)]
"""So many that no number of batches is enough that somebody thought of."""


class Happened(NamedTuple):
    """Something, in the order in which it happened: a note was `noted`; a key was `deleted` or `published`; somebody
    began to have a note `marked`."""

    when: float
    what: str
    whose: Any
    who: str = ""


@dataclass
class Notes(Acts):
    """The outbox of a run, and all that happened."""

    notes: list[tuple[int, str]] = field(kw_only=True)
    happened: list[Happened] = field(default_factory=list)
    done: set[int] = field(default_factory=set)
    strays: list[str] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)
    """The keys that are known to be gone, and were not stored again yet."""

    def happens(self, what: str, whose: Any, who: str = "") -> None:
        """Write it down."""
        self.happened.append(Happened(self.world.now(), what, whose, who))

    def note(self, *notes: tuple[int, str]) -> None:
        """Writers commit, with these notes."""
        for note in notes:
            self.happens("noted", note[0])
        self.notes.extend(notes)

    def open(self, notes: list[tuple[int, str]]) -> None:
        """All pages but one are in the cache, and somebody listens to every channel."""
        self.listener = Session.accept(self.world.nodes[0], 0, self.hear)
        for key, text in (PAGES | OTHERS).items():
            asked(self.world, b"SET", key, text)
        node, watch = self.world.nodes[0], self.world.nodes[0].extension
        node.extension = None
        self.listener.execute([b"PSUBSCRIBE", b"*"])
        node.extension = watch
        self.note(*notes)

    def hear(self, message: Any) -> None:
        """What is published."""
        if isinstance(message, list) and message[0] == b"pmessage" and not message[2].startswith(b"__key"):
            channel, key = message[2].decode(), message[3].decode(errors="replace")
            if message[3] in PAGES and message[3] not in self.world.nodes[0].dbs[0]:  # as within a script
                self.happens("deleted", key)
                self.seen.add(message[3])
            self.happens("published", key if channel == CHANNEL else f"{key} on channel {channel}")

    def look(self) -> None:
        """Keys that are gone were deleted; a reader stores them again at once."""
        there = dict(self.world.nodes[0].dbs[0].items())
        for key, text in (PAGES | OTHERS).items():
            held = there[key].value if key in there else None
            if held is None and key in PAGES:
                if key not in self.seen:
                    self.happens("deleted", key.decode())
                self.seen.discard(key)
            elif held != text:
                self.strays.append(key.decode())
            if held != text:
                asked(self.world, b"SET", key, text)
        self.strays += [key.decode() for key in there.keys() - PAGES.keys() - OTHERS.keys()]

    def marked_rightly(self) -> list[tuple[Happened, bool, bool]]:
        """Each mark; had its page been deleted by then, since it was noted, or was there none; and published, since
        that?"""
        keys, found = dict(self.notes), []
        for place, mark in enumerate(self.happened):
            if mark.what == "marked":
                noted = next(at for at, one in enumerate(self.happened) if one[1:3] == ("noted", mark.whose))
                since = [one.what for one in self.happened[noted:place] if one.whose == keys[mark.whose]]
                absent, deleted = keys[mark.whose] == ABSENT, "deleted" in since
                from_then = since if absent else since[since.index("deleted") :] if deleted else []
                found.append((mark, absent or deleted, "published" in from_then))
        return found


class Watch(Refuses):
    """Looks at the keys after each command that changed something."""

    def __init__(self, run: Notes, refuses: int | None) -> None:
        super().__init__(refuses)
        self._run = run

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        if changed:
            self._run.look()


@dataclass(eq=False)
class Pass(Act):
    """One call of the answer. Of its calls of the outbox the one numbered `fails` raises `error`; `late`, after it took
    effect. `marks`: how many were marked; `last`, what it was last told is pending."""

    run: Any = None
    fails: int | None = None
    late: bool = False
    error: Exception | None = None
    calls: int = 0
    marks: int = 0
    last: Any = None

    async def call(self, effect: Callable[[], Any]) -> Any:
        """A call of the outbox: it takes effect in the middle."""
        number, self.calls, world = self.calls, self.calls + 1, self.run.world
        await until(world, world.now() + TAKES)
        result = effect() if number != self.fails or self.late else None
        await until(world, world.now() + TAKES)
        if number == self.fails:
            self.error = DatabaseDown("the outbox did not answer")
            raise self.error
        return result


class Outbox:
    """What an answer is given."""

    def __init__(self, act: Pass) -> None:
        self._act = act

    async def pending(self) -> list[tuple[int, str]]:
        """The oldest notes that are not done, at most BATCH."""
        run, act = self._act.run, self._act
        act.last = None
        act.last = await act.call(lambda: [note for note in run.notes if note[0] not in run.done][:BATCH])
        return list(act.last)

    async def done(self, id: int) -> None:
        """Mark a note."""
        run = self._act.run
        run.happens("marked", id, self._act.who)
        await self._act.call(partial(run.done.add, id))
        self._act.marks += 1
