"""A world in virtual time: simulated processes, a simulated network, simulated Redis servers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

import redis.asyncio as aioredis
from redis.asyncio.retry import Retry

from course_lib.sim.draws import Draws
from course_lib.sim.fake_server import Session, SimNode
from course_lib.sim.fake_server_scripts import ScriptEngine
from course_lib.sim.faults import Faults
from course_lib.sim.loop import SimLoop
from course_lib.sim.network import Latency, Network, lan
from course_lib.sim.pool import SimConnection, SimPool
from course_lib.sim.process import Body, Process
from course_lib.sim.redis_client import SimRedis
from course_lib.sim.run import Run
from course_lib.sim.turns import Turns
from course_lib.trace import Note, Trace


class Simulation:
    """Processes, network and servers in virtual time. The same seed gives the same trace, on every machine.

        world = Simulation(seed=1)
        world.client("alice", greet, world.redis())
        print(world.run())          # {"alice": what greet returned, or its exception, or CRASHED}

    Units: `latency` seconds one way; `socket_timeout` seconds until a client gives up on a reply, redis-py's default 5.
    Cost: about 30 µs of real time a command; 1 to 10,000 clients.
    Raises: `Deadlock`, `OutOfBudget` from `run`.
    Does not: simulate cluster redirection, tracking, eviction or persistence, nor replication, of which `Replication`
    is a model; use real servers for these.
    """

    def __init__(
        self, seed: int = 0, *, nodes: int = 1, latency: Latency = lan, faults: Faults | None = None,
        socket_timeout: float | None = 5.0, retry: Retry | None = None, decode_responses: bool = True,
        version: tuple[int, ...] = (7,), client_class: type[aioredis.Redis] = SimRedis, max_steps: int = 20_000_000,
    ) -> None:  # fmt: skip
        if nodes < 1:
            raise ValueError(f"nodes is {nodes}; a world needs at least one")
        self.latency, self.faults = latency, faults
        self.turns: Turns | None = None  # a search sets it, to choose whose command runs next
        self.loop = SimLoop(max_steps=max_steps)  # type: ignore[abstract]  # in the stubs only; it has what clients use
        scripts = ScriptEngine()
        names = [f"redis{i}" for i in range(nodes)] if nodes > 1 else ["redis"]
        self.nodes = [SimNode(self.loop, name, version, scripts) for name in names]
        options: dict[str, Any] = {
            "decode_responses": decode_responses,
            "driver_info": None,  # no CLIENT SETINFO
            "protocol": 2,
            "retry": retry,
            "socket_timeout": socket_timeout,
        }
        self.network = Network(self)
        self._pools = [
            SimPool(connection_class=SimConnection, network=self.network, node=node, **options) for node in self.nodes
        ]
        self._redis = [client_class(connection_pool=pool) for pool in self._pools]
        self._driven: Generator[float, None, None] | None = None
        self.rewind(seed)

    def rewind(self, seed: int) -> Simulation:
        """The same servers, emptied, at time zero, with no clients: what makes thousands of runs cheap.

        A run that is still in progress is ended first.
        """
        if self._driven is not None:
            self._driven.close()
            self._driven = None
        self.seed, self.trace = seed, Trace("simulated", seed)
        self.loop.rewind(seed, by_order=self.turns is not None)
        for node in self.nodes:
            node.rewind()
        for pool in self._pools:
            pool.rewind()
        self.network.rewind()
        self._run = Run(self.loop, seed, by_order=self.turns is not None)
        if self.faults is not None:
            self.faults.rewind(seed)
        if self.turns is not None:
            self.turns.rewind()
        return self

    # -- what a scenario says -----------------------------------------------------------------------------------------

    def redis(self, node: int = 0) -> aioredis.Redis:
        """A client of a node, by number from 0. One object serves every process."""
        return self._redis[node]

    def client(self, name: str, body: Body, *args: Any, start: float = 0.0, process: Process | None = None) -> Process:
        """Run `await body(*args)` from `start` on, as a process of its own or as one more task of `process`.

        Units: `start` in seconds. Raises: ValueError for a name that is taken. Returns the process, to crash or pause.
        """
        process = process or Process(name)
        self._run.add(name, process, start, body, *args)
        return process

    def given(self, *commands: tuple[object, ...], node: int = 0) -> None:
        """Have a node run commands when the run begins: `world.given(("SET", "page", "old"))`. No message is sent for
        them, so no fault strikes them, and the trace does not show them. Say it before you add clients.

        Does not: say that a command failed.
        """
        self.loop.due(0.0, self._run_now, commands, self.nodes[node])

    def _run_now(self, commands: tuple[tuple[object, ...], ...], node: SimNode) -> None:
        session = Session.accept(node, 0, lambda reply: None)
        for command in commands:
            session.execute([part if isinstance(part, bytes) else str(part).encode() for part in command])
        session.hang_up()

    def draws(self, name: str) -> Draws:
        """A stream of random numbers of its own, that depends on the seed and the name only."""
        return Draws(self.seed, "draws", name)

    def at(self, when: float, action: Callable[..., object], *args: Any) -> None:
        """Call `action(*args)` at a time in seconds: `world.at(0.2, world.crash, process)`."""
        self.loop.due(when, action, *args)

    def now(self) -> float:
        """Seconds since the run began."""
        return self.loop.now

    def note(self, who: str, kind: str, text: str = "") -> Note:
        """Mark this moment in the trace; set the note's `t_end` when what it marks is over."""
        return self.trace.note(who, kind, self.loop.now, text=text)

    @property
    def results(self) -> dict[str, Any]:
        """What became of each client so far: its result, its exception, or CRASHED."""
        return self._run.results

    @property
    def clients(self) -> dict[str, tuple[Process, float]]:
        """Each client's process, and when it begins, in seconds after `run` is called."""
        return self._run.clients

    def forget(self, name: str) -> Any:
        """Take a client that has ended out of the results, as if it had never been; return what became of it."""
        return self._run.forget(name)

    @property
    def timers(self) -> int:
        """How many timers clients have set in the last run, as those who sleep do."""
        return self._run.timers

    @property
    def asked(self) -> int:
        """How often a clock was asked in the last run."""
        return self._run.asked

    @property
    def unheard(self) -> list[BaseException]:
        """What tasks raised in the last run that nobody awaited; not while what was left was unwound."""
        return self._run.unheard

    def run(self) -> dict[str, Any]:
        """Run until every client is done or dead; return {client: result, or its exception, or CRASHED}.

        Clients that are added afterwards take part in the next `run()`, which goes on from where this one ended.
        """
        for _ in self.slices(1_000_000):  # long slices: between two of them the garbage collector looks at everything
            pass
        return self.results

    def slices(self, steps: int = 20_000) -> Generator[float, None, None]:
        """The same run in slices of at most `steps` callbacks (20,000 take some 0.2 s); yields the virtual time
        reached.

        Between slices the caller may show progress or do other work. Closing the iterator ends the run cleanly.
        """
        self._driven = self._run.slices(steps, self._after_the_end)
        return self._driven

    @contextmanager
    def _after_the_end(self) -> Iterator[None]:
        """While leftovers are unwound, the trace does not record them; the network takes nothing from them."""
        kept, self.trace = self.trace, Trace()
        try:
            yield
        finally:
            self.trace = kept

    # -- what can go wrong --------------------------------------------------------------------------------------------

    def crash(self, process: Process) -> None:
        """Kill a process where it stands: no `finally` runs. What it sent before still arrives."""
        if process.dead:
            return
        self.loop.kill(process)
        self.trace.note(process.name, "crash", self.loop.now)
        self.network.cut(process)
        self._run.bury(process)

    def pause(self, process: Process, seconds: float) -> None:
        """Stop a process for a while, as a garbage collector or a sleeping laptop does: nothing in it runs."""
        process.paused_until = max(process.paused_until, self.loop.now + seconds)
        self.trace.note(process.name, "pause", self.loop.now, process.paused_until)

    def sever(self, client: str, seconds: float = 0.0, *, silently: bool = False) -> None:
        """Reset the connections that a client, by name, has used, and refuse it new ones for `seconds`. What the server
        tells it meanwhile is lost. `silently`: nobody notices, but what has been opened delivers nothing any more.
        """
        self.network.sever(client, seconds, silently=silently)

    def down(self, node: SimNode | int, seconds: float) -> None:
        """A node is unreachable for a while (or for `math.inf`): it refuses, loses messages, keeps its data."""
        node = self.nodes[node] if isinstance(node, int) else node
        node.down_until = max(node.down_until, self.loop.now + seconds)
        self.trace.note(node.name, "down", self.loop.now, node.down_until if node.down_until < inf else None)

    def step_clock(self, node: SimNode | int, seconds: float) -> None:
        """A node's wall clock jumps, forward or (negative) back; its TTLs follow it."""
        node = self.nodes[node] if isinstance(node, int) else node
        node.skew += seconds
        self.trace.note(node.name, "skew", self.loop.now, text=f"clock jumps by {seconds:+g} s")
