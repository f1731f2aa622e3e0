"""Lesson 03 on a real server: scripts that hold everybody up, do not end, or use keys that they did not declare.

What cannot be undone happens on a server of its own, which is stopped in any case.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import redis as sync
from redis.asyncio import Redis
from redis.exceptions import RedisError

from course_lib.errors import ServerFailed
from course_lib.servers import Server
from course_lib.words import shorten
from course_lib.worlds.threads import run_anywhere

Row = dict[str, object]
PATIENCE = 30.0
"""Seconds after which a wait for a server gives up."""
MOST_WORDS = 80
"""Characters of an error in a table."""
# ARGV: how far it counts. Touches no key. It reads no clock, because Valkey's stands still in a script.
BUSY = "for i = 1, ARGV[1] do end return 'done'"
ENDLESS = "while true do end"
# KEYS: what it writes first.
ENDLESS_AFTER_A_WRITE = "redis.call('SET', KEYS[1], 'half done') while true do end"


@dataclass(frozen=True)
class Busy:
    """A script that ran for a while, and PINGs of others that were sent before, meanwhile and after.

    Units: seconds since the first PING was due. `pings` holds when each was sent and how long its reply took.
    """

    began: float
    ended: float
    pings: list[tuple[float, float]]

    @property
    def held_up(self) -> list[tuple[float, float]]:
        """The PINGs that were sent while the script ran."""
        return [(t, wait) for t, wait in self.pings if self.began <= t < self.ended]


def busy(server: Server, *, seconds: float = 0.3, every: float = 0.01) -> Busy:
    """Run a script for about `seconds`; meanwhile send a PING every `every` seconds, each on its own connection."""
    return run_anywhere(lambda: _busy(server.url, seconds, every), name="a script and PINGs")


async def _busy(url: str, seconds: float, every: float) -> Busy:
    async with Redis.from_url(url, decode_responses=True, socket_timeout=PATIENCE) as redis:
        far = 2_000_000
        began = time.perf_counter()
        await redis.eval(BUSY, 0, far)
        far = max(round(far * seconds / (time.perf_counter() - began)), far)
        others = [Redis.from_url(url, socket_timeout=PATIENCE) for _ in range(round(2 * seconds / every))]
        try:
            await asyncio.gather(*(other.ping() for other in others))  # from now on they are connected
            start = time.perf_counter()

            async def ping(number: int) -> tuple[float, float]:
                await asyncio.sleep(number * every)
                sent = time.perf_counter()
                await others[number].ping()
                return sent - start, time.perf_counter() - sent

            async def run() -> tuple[float, float]:
                await asyncio.sleep(seconds / 3)
                sent = time.perf_counter()
                await redis.eval(BUSY, 0, far)
                return sent - start, time.perf_counter() - start

            ran, *pings = await asyncio.gather(run(), *(ping(number) for number in range(len(others))))
            return Busy(*ran, pings)
        finally:
            await asyncio.gather(*(other.aclose() for other in others))


def endless(server: Server) -> list[Row]:
    """A script that does not end, before and after it has written a key: what each client hears, and what ends it.

    On servers of their own, of the same kind as `server`, that answer BUSY after 50 ms instead of 5 s.
    """
    columns = {
        "it has written nothing": _endless(server, ENDLESS),
        "it has written a key": _endless(server, ENDLESS_AFTER_A_WRITE),
    }
    sent = dict.fromkeys(question for heard in reversed(columns.values()) for question in heard)
    return [{"sent": one, **{name: heard.get(one, "–") for name, heard in columns.items()}} for one in sent]


def _endless(like: Server, script: str) -> dict[str, str]:
    """What is sent while the script runs, in this order, and what comes back."""
    with (
        Server(like.found, name="endless", config={"lua-time-limit": "50"}) as server,
        sync.Redis.from_url(server.url, decode_responses=True, socket_timeout=PATIENCE) as redis,
        ThreadPoolExecutor(1) as thread,
    ):
        try:
            runs = thread.submit(_heard, server.url, "EVAL", script, 1, "report")
            heard = {
                "PING, by another client": _until_busy(redis),
                "GET report, by another client": _say(redis, "GET", "report"),
                "SCRIPT KILL": _say(redis, "SCRIPT", "KILL"),
            }
            if script != ENDLESS:
                heard["SHUTDOWN NOSAVE"] = "the server is gone" if _shut_down(server, redis) else "nothing"
            heard["EVAL, by whoever ran the script"] = runs.result(PATIENCE)
            if script == ENDLESS:
                heard["GET report, afterwards"] = _say(redis, "GET", "report")
            return heard
        finally:
            server.kill()  # before the thread is joined: a client that still waits then sees its connection close


# Counts an hour's hits, and all of them. KEYS: the one; the other, if it was declared.
DECLARED = "redis.call('INCR', KEYS[1]) return redis.call('INCR', KEYS[2])"
UNDECLARED = "redis.call('INCR', KEYS[1]) return redis.call('INCR', 'hits:ann')"
DECLARING = {"one of two keys": (UNDECLARED, 1, "hits:bob"), "both keys": (DECLARED, 2, "hits:bob", "hits:ann")}


def undeclared(server: Server) -> list[Row]:
    """A script that names a key by itself: on `server`, and on a cluster's node that owns the first half of the slots.

    `hits:bob` lies in that half and `hits:ann` does not. Cost: two seconds, until the node
    serves its slots.
    """
    rows: list[Row] = []
    half = {"cluster-enabled": "yes", "cluster-require-full-coverage": "no"}
    with Server(server.found, name="half a cluster", config=half) as node:
        for where, url in (("a server alone", server.url), ("a node of a cluster", node.url)):
            with sync.Redis.from_url(url, decode_responses=True) as redis:
                redis.delete("hits:bob") if url == server.url else _own_half_of_the_slots(redis)
                for declared, call in DECLARING.items():
                    said = _say(redis, "EVAL", *call)
                    heard = f"the number {said}" if said.isdigit() else said
                    row: Row = {"where": where, "declared": declared, "what comes back": heard}
                    rows.append({**row, "hits:bob afterwards": int(redis.getdel("hits:bob") or 0)})
                if url == server.url:
                    redis.delete("hits:ann")
    return rows


def _own_half_of_the_slots(redis: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    redis.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
    while "cluster_state:ok" not in _say(redis, "CLUSTER", "INFO"):
        if time.monotonic() > deadline:
            raise ServerFailed(f"the node did not begin to serve its slots within {PATIENCE:g} s: is the machine busy?")
        time.sleep(0.01)


def _until_busy(redis: Any) -> str:
    deadline = time.monotonic() + PATIENCE
    while (reply := _say(redis, "PING")) == "True":
        if time.monotonic() > deadline:
            return "PONG, for too long"
        time.sleep(0.005)
    return reply


def _shut_down(server: Server, redis: Any) -> bool:
    deadline = time.monotonic() + PATIENCE
    _say(redis, "SHUTDOWN", "NOSAVE")
    while server.is_alive() and time.monotonic() < deadline:
        time.sleep(0.005)
    return not server.is_alive()


def _heard(url: str, *command: str | int) -> str:
    """Send a command on a connection of its own; the reply, or the error, as text."""
    with sync.Redis.from_url(url, decode_responses=True, socket_timeout=PATIENCE) as redis:
        return _say(redis, *command)


def _say(redis: Any, *command: str | int) -> str:
    """The reply as text, or the first words of an error."""
    try:
        return str(redis.execute_command(*command))
    except RedisError as error:
        return shorten(str(error).partition(" script:")[0].partition(". ")[0], MOST_WORDS)
