"""Lesson 01, Cluster: where a key lives, what a wrong node answers, and what a client sees while slots move.

Each experiment takes a running cluster, which has no other user meanwhile, and returns what a picture and a table need.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import AskError, MovedError, TryAgainError

from course_lib.lessons.topologies.experiment_writer import ONCE
from course_lib.servers import Topology
from course_lib.servers.ask import frames
from course_lib.worlds.threads import until

ALIKE = ["user:42", "{user:42}:cart", "cart:{user:42}", "{}:user:42", "a{b}{c}", "{b", "Ünïcode", ""]
"""Names with braces in every position that the rule of hash tags speaks of."""
Owned = Mapping[str, Sequence[tuple[int, int]]]
"""For each primary its ranges of slots, both ends included."""
HOPS = 16
"""Redirections that a client follows for one command before it gives up, as redis-py does."""


async def key_slots(topology: Topology, *, keys: int = 500, seed: int = 1) -> dict[str, Any]:
    """Compare redis-py's key_slot with the server's CLUSTER KEYSLOT, on names with braces and on random ones."""
    draw = random.Random(seed)
    names = ALIKE + ["".join(draw.choices("abc:{}é", k=draw.randint(1, 12))) for _ in range(keys - len(ALIKE))]
    async with Redis.from_url(topology.url(topology.names[0]), **ONCE) as redis:
        pipe = redis.pipeline(transaction=False)
        for name in names:
            pipe.execute_command("CLUSTER", "KEYSLOT", name)
        server = await pipe.execute()
    agree = sum(key_slot(name.encode()) == slot for name, slot in zip(names, server, strict=True))
    shown = dict(zip(ALIKE, server, strict=False))
    return {"keys": len(names), "agree": agree, "shown": shown}


async def slot_map(topology: Topology) -> dict[str, Any]:
    """Which primary owns which slots."""
    owned = await asyncio.to_thread(topology.slot_map)
    return {"owners": _listed(owned)}


async def on_the_wire(topology: Topology, *, commands: Sequence[str], follow: bool = True) -> dict[str, Any]:
    """Send commands, as typed, to the first primary through a bare socket; follow each MOVED to where it points."""
    names = {topology.port(name): name for name in topology.names}
    owned = await asyncio.to_thread(topology.slot_map)
    first, steps = topology.port(next(iter(owned))), list[dict[str, str]]()
    for command in commands:
        port = first
        for _ in range(HOPS):
            answer = await asyncio.to_thread(said, port, command.split())
            steps.append({"to": names.get(port, str(port)), "sent": command, "answered": answer})
            if not (follow and answer.startswith("-MOVED")):
                break
            port = int(answer.rpartition(":")[2])
    return {"steps": steps}


def said(port: int, words: Sequence[str], *, timeout: float = 2.0) -> str:
    """What a server answers to one command, byte for byte, but with a blank for each end of a line."""
    (frame,) = frames(port, [words], time.monotonic() + timeout)
    return frame.decode(errors="replace").rstrip().replace("\r\n", " ")


class Reader:
    """A cluster client in a screenful: a map from slots to ports, and the three answers that it must understand.

    MOVED says that the slot lives elsewhere from now on: change the map. ASK says that this key, this once, is at
    another node: ask there, after ASKING. TRYAGAIN says that the keys of one command are in two places just now.
    Each key is its own value: `wrong` counts the reads that return anything else.
    """

    def __init__(self, clients: Mapping[int, Redis], ports: Mapping[int, int]) -> None:
        self.seen = {"reads": 0, "wrong": 0, "MOVED": 0, "ASK": 0, "TRYAGAIN": 0}
        self._clients, self._ports = clients, dict(ports)

    async def read_on(
        self, draw: random.Random, tagged: Sequence[str], spread: Sequence[str], over: asyncio.Event
    ) -> None:
        """Read two keys of the big slot, then one of the others, and so on until it is over."""
        while not over.is_set():
            await self.read(*draw.sample(tagged, 2))
            await self.read(draw.choice(spread))

    async def read(self, *keys: str) -> None:
        """Read keys of one slot, and count whether the values are right."""
        self.seen["wrong"] += await self._mget(keys) != list(keys)
        self.seen["reads"] += 1

    async def _mget(self, keys: Sequence[str]) -> list[str | None]:
        """The values of keys of one slot, wherever the slot is on its way to."""
        port, asking = self._ports[key_slot(keys[0].encode())], False
        for _ in range(HOPS):
            try:
                return await self._ask(port, asking, keys)
            except MovedError as moved:  # before AskError, of which redis-py makes it a subclass
                self.seen["MOVED"] += 1
                self._ports[moved.slot_id] = port = moved.port
                asking = False
            except AskError as elsewhere:
                self.seen["ASK"] += 1
                port, asking = elsewhere.port, True
            except TryAgainError:
                self.seen["TRYAGAIN"] += 1
                await asyncio.sleep(0.002)
        raise TryAgainError(f"{keys}: sent on {HOPS} times")

    async def _ask(self, port: int, asking: bool, keys: Sequence[str]) -> list[str | None]:
        pipe = self._clients[port].pipeline(transaction=False)
        if asking:
            pipe.execute_command("ASKING")
        pipe.mget(keys)
        values: list[str | None] = (await pipe.execute())[-1]
        return values


async def reshard(topology: Topology, *, slots: int = 60, items: int = 1500, tag: str = "shop") -> dict[str, Any]:
    """Move slots from one primary to another while four clients read: what they see, and whether a key is ever missed.

    All `items` keys share one hash tag, hence one slot, whose move takes a while; 2,000 others are spread.
    """
    tagged, spread = [f"{{{tag}}}:{n}" for n in range(items)], [f"item:{n}" for n in range(2000)]
    owned = await asyncio.to_thread(topology.slot_map)
    source, moving = _moving(owned, key_slot(tagged[0].encode()), slots)
    target = next(name for name in owned if name != source)
    await _fill(topology, tagged + spread)
    ports = {slot: topology.port(name) for name, ranges in owned.items() for a, b in ranges for slot in range(a, b + 1)}
    clock = asyncio.get_running_loop().time
    async with AsyncExitStack() as open_:
        clients = {
            topology.port(name): await open_.enter_async_context(Redis.from_url(topology.url(name), **ONCE))
            for name in topology.names
        }
        readers = [Reader(clients, ports) for _ in range(4)]

        def total(kind: str) -> int:
            return sum(reader.seen[kind] for reader in readers)

        async def wait_until_read(reads: int) -> None:
            await until(lambda: total("reads") >= reads or any(map(asyncio.Task.done, tasks)), "the reads are answered")

        over = asyncio.Event()
        tasks = [
            asyncio.create_task(reader.read_on(random.Random(seed), tagged, spread, over))
            for seed, reader in enumerate(readers)
        ]
        await wait_until_read(200)
        began = clock()
        moved = await asyncio.to_thread(topology.reshard, moving, source, target)
        took = clock() - began
        await wait_until_read(total("reads") + 200)
        over.set()
        await asyncio.gather(*tasks)
        for key in tagged[:1] + spread:
            await readers[0].read(key)
    after = await slot_map(topology)
    return {
        "source": source,
        "target": target,
        "slots": moved,
        "keys": sum(key_slot(key.encode()) in moving for key in tagged + spread),
        "took (s)": round(took, 3),
        **{kind: total(kind) for kind in readers[0].seen},
        "owners before": _listed(owned),
        "owners": after["owners"],
    }


def _moving(owned: Owned, slot: int, slots: int) -> tuple[str, range]:
    """The owner of a slot, and `slots` slots around it, or fewer where the range that it lies in is smaller."""
    source, low, high = next((name, a, b) for name, ranges in owned.items() for a, b in ranges if a <= slot <= b)
    start = max(low, min(slot - slots // 2, high + 1 - slots))
    return source, range(start, min(start + slots, high + 1))


async def _fill(topology: Topology, keys: Sequence[str]) -> None:
    """Each key is its own value."""
    async with topology.redis(**{**ONCE, "socket_timeout": 5.0}) as cluster:
        for first in range(0, len(keys), 500):
            pipe = cluster.pipeline()
            for key in keys[first : first + 500]:
                pipe.set(key, key)
            await pipe.execute()


def _listed(owned: Owned) -> dict[str, list[list[int]]]:
    """The ranges of each owner, as the record has them."""
    return {name: [list(one) for one in ranges] for name, ranges in owned.items()}
