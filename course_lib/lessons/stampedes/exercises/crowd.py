"""Clients that ask a judged answer for a key, and what became of each: shared by the trials of locked caches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from course_lib.explore import Extension, Process, Session, Simulation
from course_lib.explore.server_state import ask
from course_lib.grading.acts import Act, Acts
from course_lib.grading.database import Database, DatabaseDown, DatabaseGone, DatabaseRedis, DatabaseTimeout
from course_lib.lessons.stampedes.exercises.lifetimes import Life, LockSeen, kept, lock_of
from course_lib.sim.replication import READS

Answer = Callable[..., Awaitable[Any]]
Row = str | None


@dataclass(frozen=True)
class Setting:
    """What every client of a trial is told, and what the database is like. Units: seconds."""

    answer: Answer
    key: str = "page"
    ttl: float = 60.0
    lock_ttl: float = 1.0
    load: float = 0.05
    failing: int = 0
    error: type[DatabaseDown] = DatabaseDown


@dataclass(eq=False)
class Asked(Act):
    """One call. `there`: when it began, the key was there; `row`: what the database held then."""

    there: bool = False
    row: Row = None


@dataclass
class JudgedCrowd(Acts):
    """The clients of one run. `starts` are the times at which each asks first, in seconds."""

    setting: Setting = field(kw_only=True)
    databases: dict[str, Database] = field(kw_only=True)
    """By key, what is behind the cache."""
    starts: dict[str, float] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    """Whose each token is."""
    loaded: list[Asked] = field(default_factory=list)
    """What asked the database and was given its row, once for each load."""
    locks: list[LockSeen] = field(default_factory=list)
    """What each load was protected by."""
    values: list[Life] = field(default_factory=list)
    """How long each value was to live, as it was when its loader returned."""
    terms: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By client, a ttl and a lock_ttl of its own; what it asks for is not there when it comes."""
    bare: list[tuple[str, float]] = field(default_factory=list)
    """Whose lock was freed after its load, when its value was not there; and when."""
    refuses: float = inf
    """From when on Redis answers with an error to whatever may write."""

    def ask(self, name: str, start: float, key: str = "", process: Process | None = None) -> None:
        """One more client, that asks once; as a process of its own, or as a task of `process`."""
        act = Asked(name, key or self.setting.key)
        self.starts[name] = start
        self.processes[name] = self.world.client(name, self.do, act, self.deed, start=start, process=process)

    def follow(self, name: str, times: list[float]) -> None:
        """One more process, that asks for the key of the setting at each of these times."""
        self.starts[name] = times[0]
        self.processes[name] = self.process(name, self.deed, [(when, self.setting.key) for when in times], Asked)

    async def deed(self, act: Asked) -> Any:
        """Ask the answer once."""
        setting, token = self.told(act.who), f" Token-Of a:Process, {len(self.tokens)}.{act.who} (2nd Part) "
        self.tokens[token] = act.who
        if act.who in self.terms:
            ask(self.world.nodes[0], b"FLUSHALL")
        act.row = self.databases[act.what].row
        act.there = bool(ask(self.world.nodes[0], b"EXISTS", act.what.encode()))
        policy = {"ttl": setting.ttl, "lock_ttl": setting.lock_ttl, "token": token}
        result = await setting.answer(self.world.redis(), act.what, self._load_for(act), **policy)
        if act in self.loaded:
            loaders = {loader.who for loader in self.loaded}
            self.values.append(kept(self.world, act.what, loaders, setting.ttl)._replace(who=act.who))
        return result

    def _load_for(self, act: Asked) -> Callable[[], Awaitable[Row]]:
        inner = self.databases[act.what].load_for(act.who)

        async def load() -> Row:
            self._look_at_locks()
            lock = lock_of(self.world, act.who, self.told(act.who).lock_ttl)
            lock.plain = ask(self.world.nodes[0], b"GET", f"lock:{act.what}".encode())
            self.locks.append(lock)
            try:
                row = await inner()
            except Exception:  # not a cancellation: then the run is over
                self._look_at_locks()
                lock.end = self.world.now()
                raise
            self._look_at_locks()
            lock.end = self.world.now()
            self.loaded.append(act)
            return row

        return load

    def _look_at_locks(self) -> None:
        for lock in self.locks:
            lock.look(self.world)

    def told(self, who: str) -> Setting:
        """What this client is told."""
        ttl, lock_ttl = self.terms.get(who, (self.setting.ttl, self.setting.lock_ttl))
        return replace(self.setting, ttl=ttl, lock_ttl=lock_ttl)

    def ended(self, name: str) -> float:
        """When it had its answer; infinite if it had none."""
        return next((act.ended for act in self.acts if act.who == name), inf)

    def failed(self, act: Act) -> bool:
        """Did a load of its own fail?"""
        return act.who in self.databases[act.what].failed


def _crowd(setting: Setting, world: Simulation) -> JudgedCrowd:
    database = Database(world, setting.load, setting.failing, error=setting.error)
    return JudgedCrowd(world, setting=setting, databases={setting.key: database})


def all_at_once(setting: Setting, world: Simulation, clients: int) -> JudgedCrowd:
    """c1, c2, … ask for a key that is not there, all within 10 ms."""
    crowd = _crowd(setting, world)
    start = world.draws("start")
    for number in range(1, clients + 1):
        crowd.ask(f"c{number}", start() * 0.01)
    return crowd


VARIED = (
    ("page", 60.0, 0.35, 0.05), ("page:{de}:7", 1.5, 0.12, 0.1), ("a{b:c", 0.57, 1.5, 0.06),
    ("page 8", 1.001, 1.003, 0.05), ("b", 0.29, 0.0575, 0.03), ("de:Zoë", 2.006, 2.3, 0.04),
)  # fmt: skip
"""Keys, their ttl, lock_ttl and how long a load takes, in seconds; a run's seed says which."""


def varied(answer: Answer, world: Simulation, clients: int) -> JudgedCrowd:
    """As all_at_once; which key, and which times."""
    key, ttl, lock_ttl, load = VARIED[world.seed % len(VARIED)]
    return all_at_once(Setting(answer, key, ttl, lock_ttl, load), world, clients)


def slow_loads(answer: Answer, world: Simulation, clients: int) -> JudgedCrowd:
    """As all_at_once; a load takes longer than a client waits for a reply."""
    return all_at_once(Setting(answer, load=0.4), world, clients)


def failing_first(answer: Answer, world: Simulation, clients: int) -> JudgedCrowd:
    """As all_at_once; the first load fails, or the first two. A run's seed says
    with which error."""
    key, ttl, *_ = VARIED[world.seed % len(VARIED)]
    failing, error = 1 + world.seed % 2, ERRORS[world.seed // 2 % len(ERRORS)]
    return all_at_once(Setting(answer, key, ttl, 1.5, failing=failing, error=error), world, clients)


ERRORS = (DatabaseTimeout, DatabaseDown, DatabaseGone, DatabaseRedis)


def too_late(answer: Answer, world: Simulation, clients: int) -> JudgedCrowd:
    """Locks that expire while their holders are at work: because they stand still (with a fault), or because a load
    takes longer than a lock lives (from the third seed on; then all clients are tasks of one process). With odd seeds
    the first load fails."""
    setting = Setting(answer, ttl=0.003, lock_ttl=0.08, load=0.05, failing=world.seed % 2)
    if world.seed < 2:
        return all_at_once(setting, world, clients)
    crowd, process = _crowd(replace(setting, key="page:7", load=0.1), world), Process("worker")
    for number in range(1, clients + 1):
        crowd.ask(f"c{number}", 0.002 * number, process=process)
    return crowd


class Full(Extension):
    """A server whose memory is full: it answers whatever may write with an error, but for what it `spares`."""

    def __init__(self, world: Simulation, begin: float, spares: frozenset[bytes]) -> None:
        self._world, self._begin, self._spares = world, begin, READS | LISTENS | spares

    def answers(self, session: Session, command: list[bytes]) -> bool:
        if self._world.now() < self._begin or command[0].upper() in self._spares:
            return False
        session.refuse("OOM command not allowed when used memory > 'maxmemory'.")
        return True


LISTENS = frozenset((b"SUBSCRIBE", b"UNSUBSCRIBE", b"PUBLISH"))
SCRIPTS = frozenset((b"EVAL", b"EVALSHA", b"FCALL", b"DEL", b"UNLINK"))


def refusing(answer: Answer, world: Simulation, clients: int) -> JudgedCrowd:
    """As varied; but Redis takes no writes: from the start, or from the middle of the first load on; or none but by
    scripts, so that a lock can still be freed."""
    crowd = varied(answer, world, clients)
    crowd.refuses = 0.0 if world.seed % 2 == 0 else 0.01 + crowd.setting.load / 2
    world.nodes[0].extension = Full(world, crowd.refuses, SCRIPTS if world.seed % 4 == 3 else frozenset())
    return crowd


def long_wait(answer: Answer, world: Simulation, clients: int) -> JudgedCrowd:
    """As all_at_once; a load takes 31 s."""
    return all_at_once(Setting(answer, lock_ttl=40.0, load=31.0), world, clients)


def endless_wait(answer: Answer, world: Simulation, clients: int) -> JudgedCrowd:
    """As all_at_once; a load takes more than an hour."""
    return all_at_once(Setting(answer, ttl=10_000.0, lock_ttl=8_000.0, load=4_000.0), world, clients)


LONG = "the books of Zoë, " * 20
PAGES = (
    ("page:7", "page:8", "Page:7", "page:7:x"), ("page:{de}:7", "page:{de}:8", "page:de:7", "page:{de}:7 "),
    ("the page of Zoë:17", "the page of Zoë:71", "the page of Zoë-17", " the page of Zoë:17"),
    ("{page}:7", "{page}:8", "pa{ge}:7", "page;7"),
    (f"{LONG}7", f"{LONG}8", "Zoë:7", "Zoé:7"),
)  # fmt: skip
"""Keys that a careless name of a lock takes for one another; a run's seed says which."""


def several_keys(
    answer: Answer, rows: Iterable[Row], world: Simulation, clients: int, own: Mapping[str, Sequence[str]] | None = None
) -> JudgedCrowd:  # fmt: skip
    """Each process asks for four keys at once, and one more does so 300 ms later. Each key has a row of its own; a
    run's seed says which. The row of a key in `own` is a text from there."""
    setting, all_rows = Setting(answer, ttl=1.5, lock_ttl=0.57, load=0.1), list(rows)
    pages = PAGES[world.seed % len(PAGES)]
    mine = {key: all_rows[(len(pages) * world.seed + i) % len(all_rows)] for i, key in enumerate(pages)}
    mine |= {key: texts[world.seed // len(PAGES) % len(texts)] for key, texts in (own or {}).items() if key in mine}
    crowd = JudgedCrowd(
        world, setting=setting,
        databases={key: Database(world, setting.load, absent=row is None, text=row) for key, row in mine.items()},
    )  # fmt: skip
    for number in range(1, clients + 2):
        name, start = (f"c{number}", number * 0.002) if number <= clients else ("later", 0.3)
        process = Process(name)
        for letter, key in zip("abcd", pages, strict=True):
            crowd.ask(name + letter, start, key, process)
    return crowd


EXPIRIES: tuple[tuple[str, float, Row], ...] = (
    ("page", 1.5, "a page"), ("page:{de}:7", 0.57, None), ("a{b:c", 1.001, ""), ("page 8", 2.006, "none"),
)  # fmt: skip
NEAR = 0.03
"""Seconds from the expiry of a value to those who ask just before it, and just after."""


def one_by_one(answer: Answer, world: Simulation, clients: int) -> JudgedCrowd:
    """The first process loads. It and two others ask again: while the value is there, just before it expires, just
    after, and once more."""
    key, ttl, row = EXPIRIES[world.seed % len(EXPIRIES)]
    setting = Setting(answer, key, ttl)
    database = Database(world, setting.load, absent=row is None, text=row)
    crowd = JudgedCrowd(world, setting=setting, databases={key: database})
    over = setting.load + ttl
    crowd.follow("first", [0.0, 0.35, over + NEAR])
    crowd.follow("second", [0.3, over - NEAR])
    crowd.follow("third", [over + 0.2])
    return crowd
