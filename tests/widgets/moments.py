"""A run played again, made by hand: clients that read a number, and write it back one higher; for tests of panes."""

from __future__ import annotations

from views.samples import event

from course_lib.explore.moment import ClientState, Fact, Frame, KeyState, Local, PromiseState, State
from course_lib.trace import Event, Note, Trace

SOURCE = '''async def count(redis, me):
    """Read the number, and write it back one higher."""
    seen = int(await redis.get("visits") or 0)
    await redis.set("visits", seen + 1, ex=1)
    return seen
'''
FILE, FIRST = "/ipykernel_7/1.py", 11
GET, SET = 13, 14
BROKEN = "One visit is lost: alice and bob have both read 0, and both write 1"


class Fake:
    """All clients read before any of them writes. It has what the engine's own has."""

    same, limit = "", ""

    def __init__(self, clients: int = 2) -> None:
        self.names = ["alice", "bob", "carol", "dave", "erin", "frank"][:clients]
        self.trace = Trace()
        reads = [event(name, "redis", "GET visits", i, i + 0.4, i + 0.8) for i, name in enumerate(self.names)]
        writes = [
            event(name, "redis", "SET visits 1 EX 1", clients + i, clients + i + 0.4, clients + i + 0.8, b"OK")
            for i, name in enumerate(self.names)
        ]
        self.trace.events = reads + writes
        self.broken = writes[1].t_server or 0.0
        self.states = [self._state(0.0)]
        for one in self.trace.events:
            assert one.t_server is not None
            self.states.append(self._state(one.t_server))

    def at(self, what: Event | Note | None) -> State:
        return self.states[self.index_of(what)]

    def index_of(self, what: Event | Note | None) -> int:
        if isinstance(what, Note):
            raise ValueError("it is none of this run's")
        return len(self.states) - 1 if not isinstance(what, Event) else 1 + self.trace.events.index(what)

    def file_lines(self, file: str) -> tuple[int, list[str]]:
        assert file == FILE
        return FIRST, SOURCE.splitlines()

    def sent_by(self, file: str, line: int) -> list[int]:
        half = len(self.names)
        return {GET: list(range(half)), SET: list(range(half, 2 * half))}.get(line, [])

    def line_of(self, index: int) -> tuple[str, int] | None:
        return FILE, GET if index < len(self.names) else SET

    def _state(self, t: float) -> State:
        ran = [one for one in self.trace.events if (one.t_server or 0.0) <= t and t > 0]
        wrote = next((one for one in reversed(ran) if one.name == "SET"), None)
        left = None if wrote is None or wrote.t_server is None else 1 - (t - wrote.t_server)
        keys = () if wrote is None else (KeyState("redis", "visits", "string", "1", left, ""),)
        clients = tuple(self._client(name, t) for name in self.names)
        broken = t >= self.broken - 1e-12
        facts = (Fact(0.0004, "alice", "read visits: nil"), Fact(0.0014, "bob", "read visits: nil"))
        promise = PromiseState("lost", not broken, self.broken if broken else None, BROKEN * broken, facts * broken)
        text = f"at {t * 1000:g} ms redis holds {'visits = 1' if keys else 'nothing'}; alice is in line 13"
        return State(t, keys, 0, clients, (promise, PromiseState("error", True)), text)

    def _client(self, name: str, t: float) -> ClientState:
        read, wrote = (one for one in self.trace.events if one.client == name)
        if t < read.t_start:
            return ClientState(name, "not begun", f"begins at {read.t_start * 1000:g} ms", ())
        if wrote.t_end is not None and t >= wrote.t_end:
            return ClientState(name, "ended", "returned 0", ())
        line = GET if t < wrote.t_start else SET
        seen = (Local("seen", "0", True),) if line == SET else ()
        frame = Frame("count", FILE, line, SOURCE.splitlines()[line - FIRST].strip(), True,
                      (Local("me", repr(name), False), *seen))  # fmt: skip
        return ClientState(name, "waiting", f"the reply to {'GET' if line == GET else 'SET'} visits", ((frame,),))
