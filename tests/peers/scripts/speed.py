"""How a benchmark and one contender talk: orders as lines of JSON, each answered by one, until the end of the input.

A contender is an object with methods that are plain or async, all of one kind. The orders:
["time", method, n]    the µs of each of n calls
["pair", method, n]    the same, and those of n calls of `by_hand`, in turn
["call", method, …]    what a call returns
["stamp", method, …]   when it began and ended, on the clock that all processes of a machine share, and what it returns
"""

import asyncio
import inspect
import sys
import time

import redis.asyncio
from talk import hear, say


class Recorder(redis.asyncio.Redis):
    """A client that keeps what it sends."""

    sent = ()

    async def execute_command(self, *arguments, **options):
        self.sent = [*self.sent, arguments]
        return await super().execute_command(*arguments, **options)


def serve(contenders):
    """`speed_….py CONTENDER URL…`, once for itself."""
    contender = contenders[sys.argv[1]](*sys.argv[2:])
    with asyncio.Runner() as runner:
        if opened := getattr(contender, "open", None):
            runner.run(opened())
        say("ready")
        while (order := hear()) is not None:
            kind, name, *arguments = order
            method = getattr(contender, name)
            if kind == "pair":
                say(runner.run(time_pair(method, contender.by_hand, *arguments)))
            elif inspect.iscoroutinefunction(method):
                say(runner.run(WAYS[kind][1](method, *arguments)))
            else:
                say(WAYS[kind][0](method, *arguments))


def time_plain(method, n):
    took = []
    for _ in range(n):
        start = time.perf_counter()
        method()
        took.append((time.perf_counter() - start) * 1e6)
    return took


async def time_async(method, n):
    took = []
    for _ in range(n):
        start = time.perf_counter()
        await method()
        took.append((time.perf_counter() - start) * 1e6)
    return took


async def time_pair(method, by_hand, n):
    """In turn, call by call, so that whatever else this machine does disturbs both alike."""
    took = [], []
    for _ in range(n):
        for times, one in zip(took, (method, by_hand), strict=True):
            times += await time_async(one, 1)
    return took


def call_plain(method, *arguments):
    return method(*arguments)


async def call_async(method, *arguments):
    return await method(*arguments)


def stamp_plain(method, *arguments):
    start = time.monotonic()
    said = method(*arguments)
    return [start, time.monotonic(), said]


async def stamp_async(method, *arguments):
    start = time.monotonic()
    said = await method(*arguments)
    return [start, time.monotonic(), said]


WAYS = {
    "time": (time_plain, time_async),
    "call": (call_plain, call_async),
    "stamp": (stamp_plain, stamp_async),
}
