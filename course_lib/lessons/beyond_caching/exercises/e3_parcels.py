"""The parcels of a judged run: who was given which entry and when, what was packed, acknowledged, set aside."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from course_lib.explore import Process, Session, Simulation, until
from course_lib.grading.acts import Act, Acts
from course_lib.grading.caller_errors import Refuses

Answer = Callable[..., Awaitable[Any]]
STREAM, GROUP, DEAD = b"app:parcels", b"packers", b"app:parcels:dead"
OTHERS = (b"app:parcels:done", b"dead", b"app:packed")
READS = (b"XPENDING", b"XRANGE", b"XLEN", b"XINFO", b"MULTI")


class Lot(NamedTuple):
    """A parcel. `by` has held its entry for `idle` times claim_after, as its `given`-th delivery; or nobody yet.
    `fails`: so often, packing it fails. `deleted`: its entry was cut off the stream."""

    parcel: str
    by: str = ""
    idle: float = 1.0
    given: int = 1
    fails: int = 0
    deleted: bool = False


class Plan(NamedTuple):
    """Of a run: its parcels; claim_after in seconds; `most`; how many passes; how long packing takes, in seconds; and
    which dead letters there are already."""

    lots: list[Lot]
    claim_after: float = 0.5
    most: int = 3
    passes: int = 2
    takes: float = 0.02
    letters: tuple[str, ...] = ()


def _plan(lots: list[dict[str, Any]], letters: Iterable[str] = (), **rest: Any) -> Plan:
    return Plan([Lot(**lot) for lot in lots], letters=tuple(letters), **rest)


READ = tomllib.loads(Path(__file__).with_name("e3_parcels.toml").read_text(encoding="utf-8"))
YOUNG, OLD = (
    (Lot(f"young {n}", "gone", (0.5, 0.95)[n % 2]) for n in range(24)),
    (Lot(f"{n}", "gone", 1.5, 1 + n % 2) for n in range(101)),
)
MANY = Plan(
    [*YOUNG, *OLD, *(Lot(f"new {n}") for n in range(210))],
    claim_after=5.0,
    most=2,
    takes=0.0,
    letters=tuple(map(str, range(1_100))),
)
PLANS, AT_ONCE = [*(_plan(**plan) for plan in READ["plans"]), MANY], _plan(**READ["at_once"])


class PackingFailed(Exception):
    """Raised by `pack`, which raises errors of redis-py too."""


RAISED: tuple[type[Exception], ...] = (PackingFailed, RedisConnectionError, LookupError, ResponseError, TimeoutError)


class Happened(NamedTuple):
    """Something, in the order in which it happened: a parcel was `given` to a worker, at its `number`-th delivery; it
    `begins` to be packed, was `packed`, or packing `failed`; it was `acknowledged`, `set aside`."""

    when: float
    what: str
    parcel: str
    who: str = ""
    number: int = 0


@dataclass
class JudgedParcels(Acts):
    """All that happened to the parcels of a run. `held`: which are pending, by whom, since when, how often given."""

    plan: Plan = field(kw_only=True)
    refuses: int | None = None
    lots: dict[str, Lot] = field(default_factory=dict)
    replies: list[Any] = field(default_factory=list)
    names: dict[bytes, str] = field(default_factory=dict)
    happened: list[Happened] = field(default_factory=list)
    by_parcel: defaultdict[str, list[Happened]] = field(default_factory=lambda: defaultdict(list))
    held: dict[str, tuple[str, float, int]] = field(default_factory=dict)
    last: bytes = b"0-0"
    cut: bool = False
    aside: list[list[bytes]] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    soon: list[tuple[Happened, str, float]] = field(default_factory=list)
    """What was given again although it had not been pending for long, and was not being packed by that worker; who had
    held it; and for how long, in units of claim_after."""
    loose: list[Happened] = field(default_factory=list)
    """What began to be packed by somebody for whom its entry was never pending."""

    def happens(self, what: str, parcel: str, who: str = "", number: int = 0) -> None:
        self.happened.append(Happened(self.world.now(), what, parcel, who, number))
        self.by_parcel[parcel].append(self.happened[-1])

    def did_to(self, parcel: str, what: str) -> list[Happened]:
        """The events of this kind that happened to a parcel."""
        return [one for one in self.by_parcel[parcel] if one.what == what]

    def open(self) -> None:
        """All is as planned, and from now on watched."""
        node, ask = self.world.nodes[0], self.ask
        self.lots = {lot.parcel: lot for lot in self.plan.lots}
        self.session = Session.accept(node, 0, self.replies.append)
        for key in OTHERS:
            ask(b"SET", key, b"another's")
        ask(b"XGROUP", b"CREATE", STREAM, GROUP, b"0", b"MKSTREAM")
        for held in (True, False):
            for lot in (lot for lot in self.plan.lots if bool(lot.by) == held):
                id = ask(b"XADD", STREAM, b"*", b"parcel", lot.parcel.encode())
                self.names[id] = lot.parcel
                if held:
                    idle = str(round(lot.idle * self.plan.claim_after * 1000)).encode()
                    ask(b"XREADGROUP", b"GROUP", GROUP, b"gone", b"STREAMS", STREAM, b">")
                    ask(b"XCLAIM", STREAM, GROUP, lot.by.encode(), b"0", id, b"IDLE", idle, b"RETRYCOUNT",
                        str(lot.given).encode(), b"JUSTID")  # fmt: skip
                if lot.deleted:
                    ask(b"XDEL", STREAM, id)
        for parcel in self.plan.letters:
            self.last = ask(b"XADD", DEAD, b"*", b"parcel", parcel.encode())
        self.held = self.pending()
        node.extension = Watch(self, self.refuses)

    def ask(self, *command: bytes) -> Any:
        """What the server answers to a command of the judge's own, which no client sees."""
        watch, self.world.nodes[0].extension = self.world.nodes[0].extension, None
        self.session.execute(list(command))
        self.world.nodes[0].extension = watch
        return self.replies.pop()

    def pending(self) -> dict[str, tuple[str, float, int]]:
        now, rows = self.world.now(), self.ask(b"XPENDING", STREAM, GROUP, b"-", b"+", b"10000")
        return {self.names[id]: (who.decode(), now - idle / 1000, number) for id, who, idle, number in rows or ()}

    def look(self, changed: bool) -> None:
        """What is pending now, and, if a command `changed` anything, what is set aside: what is new?"""
        if changed:
            for id, words in self.ask(b"XRANGE", DEAD, b"(" + self.last, b"+") or []:
                self.last = id
                self.aside.append(words)
                self.happens("set aside", words[1].decode() if words[:1] == [b"parcel"] else repr(words))
            self.cut = self.cut or self.ask(b"XLEN", DEAD) < len(self.plan.letters) + len(self.aside)
            there = self.ask(b"KEYS", b"*")
            self.strays += [key.decode() for key in there if key not in (STREAM, DEAD, *OTHERS)]
        pending = self.pending()
        for parcel, (who, since, number) in pending.items():
            had = self.held.get(parcel)
            if had is None or had[0] != who or had[2] != number or since - had[1] > 0.0015:
                self.given(parcel, who, number, had)
        for parcel in self.held.keys() - pending.keys():
            self.happens("acknowledged", parcel)
        self.held = pending

    def given(self, parcel: str, who: str, number: int, had: tuple[str, float, int] | None) -> None:
        """A worker was given a parcel."""
        self.happens("given", parcel, who, number)
        if had is not None and self.world.now() - had[1] < self.plan.claim_after - 0.002:
            packing = [one.what for one in self.by_parcel[parcel] if one.who == who][-2:-1]
            if packing != ["begins"]:
                self.soon.append((self.happened[-1], had[0], (self.world.now() - had[1]) / self.plan.claim_after))


class Watch(Refuses):
    """Looks after each command that is more than a look: to claim an entry or acknowledge it does not change a key."""

    def __init__(self, run: JudgedParcels, refuses: int | None) -> None:
        super().__init__(refuses)
        self._run = run

    def ran(self, session: Session, command: list[bytes], changed: bool) -> None:
        if changed or command[0] not in READS:
            self._run.look(changed)


@dataclass(eq=False)
class Pass(Act):
    """One call of the answer by the worker `me`. `due`: the parcels that were there for the taking when it began.
    `error`: what `pack` raised last."""

    me: str = ""
    due: list[str] = field(default_factory=list)
    error: Exception | None = None


async def _deed(answer: Answer, run: JudgedParcels, act: Pass) -> Any:
    plan, world = run.plan, run.world
    new = [lot.parcel for lot in plan.lots if not lot.by and not run.did_to(lot.parcel, "given")]
    old = [parcel for parcel, (_, since, _) in run.held.items() if world.now() - since >= plan.claim_after]
    act.due = [*old, *new]

    async def pack(parcel: str) -> None:
        run.happens("begins", parcel, act.me)
        if all(one.who != act.me for one in run.did_to(parcel, "given")):
            run.loose.append(run.happened[-1])
        note = world.note(act.who, "compute", f"packs {parcel!r}")
        await until(world, world.now() + plan.takes)
        note.t_end = world.now()
        lot = run.lots.get(parcel)
        if lot is not None and len(run.did_to(parcel, "failed")) < lot.fails:
            run.happens("failed", parcel, act.me)
            error = RAISED[(len(run.happened) + world.seed) % len(RAISED)]
            act.error = error(f"{parcel} does not fit into its box")
            raise act.error
        run.happens("packed", parcel, act.me)

    return await answer(world.redis(), act.me, pack, claim_after=plan.claim_after, most=plan.most)


def passes(answer: Answer, plans: list[Plan], world: Simulation, clients: int) -> JudgedParcels:
    """Workers make passes, one after another: w1, w2, w1 again, and so on; or one process makes all of them, when the
    plans come round again. With two clients, a command is refused, and one does so under half of the seeds."""
    plan = plans[world.seed // (2 if clients == 2 else 1) % len(plans)]
    run = JudgedParcels(world, plan=plan, refuses=world.seed if clients == 2 else None)
    world.at(0.0, run.open)
    alone = world.seed % 4 < 2 if clients == 2 else world.seed >= len(plans)
    process = Process("w1") if alone else None
    for number in range(plan.passes):
        act = Pass(f"pass {number + 1}", "pass", me=f"w{1 if process else number % 2 + 1}")
        start = 0.01 + number * (1.3 * plan.claim_after + 0.5)
        world.client(act.who, run.do, act, partial(_deed, answer, run), start=start, process=process)
    return run


def at_once(answer: Answer, world: Simulation, clients: int) -> JudgedParcels:
    """So many workers at once, each with one pass after another; under odd seeds they are tasks of one process."""
    run, draw = JudgedParcels(world, plan=AT_ONCE), world.draws("start")
    process = Process("shop") if world.seed % 2 else None
    world.at(0.0, run.open)

    async def works(who: str) -> None:
        while world.now() < 2.0:
            await run.do(Pass(who, "pass", me=who), partial(_deed, answer, run))
            await until(world, world.now() + 0.07)

    for number in range(clients):
        who = f"w{number + 1}"
        world.client(who, works, who, start=0.01 + 0.05 * draw(), process=process)
    return run
