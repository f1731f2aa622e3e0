"""Lesson 06 on a real server: what a subscriber misses, what tracking says on the wire, what a notification tells."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import closing
from typing import Any

import redis as sync
from redis.asyncio import Redis
from redis.cache import CacheConfig
from redis.exceptions import RedisError

from course_lib.servers import Proxy, Server
from course_lib.servers.resp import Splitter, encoded
from course_lib.words import counted
from course_lib.worlds.threads import run_anywhere

Row = dict[str, object]
PAGE, OTHER = "app:product:42", "app:product:7"
CHANNEL = "invalidated"
PATIENCE = 10.0
"""Seconds that something may take which must happen."""


def missed(server: Server) -> tuple[list[Row], list[str]]:
    """Three messages, of which the second is published while a subscriber is cut off, by a proxy: how many listened to
    each, and what redis-py's `listen` gave, in its order. The client connects again as `Redis(host, port)` does.
    """
    rows: list[Row] = []
    gave: list[str] = []

    async def listen() -> None:
        async with Redis(host="127.0.0.1", port=proxy.port, decode_responses=True) as client, client.pubsub() as pubsub:
            await pubsub.subscribe(CHANNEL)
            async for message in pubsub.listen():
                gave.append(message["data"] if message["type"] == "message" else message["type"])

    async def publish() -> None:
        async with Redis.from_url(server.url, decode_responses=True) as client:

            async def until_listeners(number: int) -> None:
                async with asyncio.timeout(PATIENCE):
                    while (await client.pubsub_numsub(CHANNEL))[0][1] != number:
                        await asyncio.sleep(0.01)

            async def until_heard(text: str) -> None:
                async with asyncio.timeout(PATIENCE):
                    while text not in gave:
                        await asyncio.sleep(0.01)

            listener = asyncio.ensure_future(listen())
            for text, listeners in (("one", 1), ("two", 0), ("three", 1)):
                if listeners:
                    proxy.heal()
                else:
                    proxy.refuse()
                    proxy.reset()
                await until_listeners(listeners)
                rows.append({"message": text, "listeners": await client.publish(CHANNEL, text)})
                if listeners:
                    await until_heard(text)
            listener.cancel()

    with Proxy(server.port) as proxy:
        run_anywhere(publish, name="a message is missed")
    return [{**row, "heard": "yes" if row["message"] in gave else "no"} for row in rows], gave


# -- tracking ---------------------------------------------------------------------------------------------------------


class _Wire:
    """A connection that sends commands and shows what comes back, byte for byte, with blanks for the ends of lines."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._splitter, self._frames = Splitter(), list[bytes]()

    def close(self) -> None:
        self.socket.close()

    def say(self, *words: str) -> str:
        """Send a command; return the next thing that comes."""
        self.socket.sendall(encoded(words))
        return self.hear(PATIENCE)

    def hear(self, patience: float = 0.1) -> str:
        """What comes next; "nothing" if nothing does within `patience` seconds."""
        self.socket.settimeout(patience)
        try:
            while not self._frames:
                self._frames, _ = self._splitter.feed(self.socket.recv(4096))
        except TimeoutError:
            return "nothing"
        return self._frames.pop(0).decode().strip().replace("\r\n", " ")


def tracked(server: Server) -> list[Row]:
    """Client-side tracking, default and BCAST, as RESP3 shows it: what each connection says, and what it hears."""
    with sync.Redis.from_url(server.url) as client:
        client.mset({PAGE: "12", OTHER: "9"})
    rows: list[Row] = []
    with closing(_Wire(server.port)) as app, closing(_Wire(server.port)) as writer:

        def say(wire: _Wire, command: str) -> None:
            answer = wire.say(*command.split())
            if not command.startswith("HELLO"):  # its answer is a page long
                rows.append({"who": "app" if wire is app else "writer", "says": command, "hears": answer})

        def hears() -> None:
            rows.append({"who": "app", "says": "", "hears": app.hear()})

        say(app, "HELLO 3")
        say(app, "CLIENT TRACKING ON")
        say(app, f"GET {PAGE}")
        for price in (15, 18):
            say(writer, f"SET {PAGE} {price}")
            hears()
        say(app, "CLIENT TRACKING OFF")
        say(app, "CLIENT TRACKING ON BCAST PREFIX app:product:")
        say(writer, f"SET {OTHER} 8")
        hears()
    return rows


def redis_py_cache(server: Server) -> str:
    """redis-py's own near cache, which rests on tracking: what it saves, or why it refuses this server."""
    try:
        with sync.Redis(port=server.port, protocol=3, cache_config=CacheConfig(), decode_responses=True) as client:
            client.set(PAGE, "12")
            client.config_resetstat()
            for _ in range(3):
                client.get(PAGE)
            stats: Any = client.info("commandstats")
            return f"Asked three times, it sent GET {counted(stats['cmdstat_get']['calls'], 'time')}."
    except RedisError as refusal:
        return f"It refuses this server: {refusal}"


# -- keyspace notifications -------------------------------------------------------------------------------------------


def notified(server: Server, *, others: int = 20_000, wait: float = 1.0) -> list[Row]:
    """What is told of a key that expires among `others` with a long TTL, of one that is deleted twice, of a change.

    Units: `wait` in seconds, for which nobody touches the key after the end of its TTL.
    """
    rows: list[Row] = []
    with sync.Redis.from_url(server.url, decode_responses=True) as client, client.pubsub() as pubsub:
        client.flushall()
        client.config_set("notify-keyspace-events", "KA")
        with client.pipeline(transaction=False) as pipe:
            for number in range(others):
                pipe.set(f"app:product:v1:{number}", "page", ex=3600)
            pipe.execute()
        pubsub.subscribe(f"__keyspace@0__:{PAGE}")
        pubsub.get_message(timeout=PATIENCE)

        def told(what: str, patience: float = 0.1) -> None:
            events = []
            end = time.monotonic() + patience
            while (left := end - time.monotonic()) > 0:
                message: Any = pubsub.get_message(timeout=left)
                events += [message["data"]] if message else []
            rows.append({"what happens": what, "what is told": ", ".join(events) or "nothing"})

        client.set(PAGE, "12", px=50)
        told("SET … PX 50", 0.02)
        told(f"its TTL ends, and {wait:g} s pass", wait + 0.05)
        client.get(PAGE)
        told("somebody asks for it")
        client.set(PAGE, "15")
        told("SET, with another price")
        client.delete(PAGE)
        client.delete(PAGE)
        told("DEL, twice")
        client.config_set("notify-keyspace-events", "")
    return rows
