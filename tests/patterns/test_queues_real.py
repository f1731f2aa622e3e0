"""The queues for real, on each server of this machine: workers killed and stopped, a network that loses replies."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

from course_lib.patterns.queues import WorkQueue, listen
from course_lib.servers import Proxy, Server, guarded

from . import broken_queues as broken

WORKER = Path(__file__).with_name("queue_worker.py")
ROOT = Path(__file__).parents[2]


@contextmanager
def worker(url: str, name: str) -> Iterator[Any]:
    """A worker process, ended with the block."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    process = guarded([sys.executable, str(WORKER), url, name], stderr=subprocess.DEVNULL, env=environment)
    try:
        yield process
    finally:
        process.end()


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def send(url: str, *messages: tuple[str, str]) -> None:
    async def sending() -> None:
        async with Redis.from_url(url, decode_responses=True) as client:
            queue = WorkQueue(client, "jobs", claim_after=1)
            for message_id, text in messages:
                await queue.send(text, message_id=message_id)

    asyncio.run(sending())


def test_a_worker_killed_in_the_middle_of_a_message_loses_nothing(server: Server) -> None:
    """kill -9 while it handles one of ten: a second worker handles them all, each takes effect once."""
    send(server.url, ("m0", "slow"), *((f"m{at}", "quick") for at in range(1, 10)))
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        with worker(server.url, "first") as process:
            wait_until(lambda: "first m0" in client.lrange("begun", 0, -1))
            process.kill()
        with worker(server.url, "second"):
            wait_until(lambda: client.xpending("jobs", "workers")["pending"] == 0 and client.llen("ended") == 10)
        assert [client.get(f"effect:m{at}") for at in range(10)] == ["1"] * 10
        assert "second m0" in client.lrange("ended", 0, -1)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be stopped here")
def test_a_worker_stopped_for_longer_than_claim_after_repeats_no_effect(server: Server) -> None:
    """SIGSTOP while it handles a message, which another then handles; it goes on, and counts no effect again."""
    send(server.url, ("m0", "slow"))
    with redis.Redis.from_url(server.url, decode_responses=True) as client, worker(server.url, "first") as first:
        wait_until(lambda: "first m0" in client.lrange("begun", 0, -1))
        os.kill(first.pid, signal.SIGSTOP)
        with worker(server.url, "second"):
            wait_until(lambda: "second m0" in client.lrange("ended", 0, -1))
            client.set("go", "1")
            os.kill(first.pid, signal.SIGCONT)
            wait_until(lambda: "first m0" in client.lrange("ended", 0, -1))
            assert client.get("effect:m0") == "1"


def through_a_proxy(server: Server, act: Callable[[Redis, Proxy], Awaitable[Any]], retries: int = 1) -> Any:
    async def acting() -> Any:
        with Proxy(server.port) as proxy:
            retry = Retry(ConstantBackoff(0.01), retries)
            async with Redis.from_url(proxy.url, decode_responses=True, socket_timeout=5, retry=retry) as client:
                return await act(client, proxy)

    return asyncio.run(acting())


@pytest.mark.parametrize(("kind", "entries"), [(WorkQueue, 1), (broken.SendsAgain, 2)])
def test_a_lost_reply_sends_one_message(server: Server, kind: type[WorkQueue], entries: int) -> None:
    """The library sends again. The control, an XADD without an id, adds a second entry."""

    async def act(client: Redis, proxy: Proxy) -> int:
        queue = kind(client, "jobs", claim_after=60)
        await queue.send("first")
        await client.delete("jobs")
        proxy.drop_reply(close=True)
        await queue.send("text")
        assert proxy.swallowed == 1
        return int(await client.xlen("jobs"))

    assert through_a_proxy(server, act) == entries


def test_a_reset_in_the_middle_of_waiting_ends_the_run_and_the_next_goes_on(server: Server) -> None:
    """Without retries the worker hears of it; run again, it handles what was sent meanwhile."""

    async def act(client: Redis, proxy: Proxy) -> Any:
        queue, handled = WorkQueue(client, "jobs", claim_after=0.2, block=2), asyncio.Queue[str]()

        async def handler(message_id: str, text: str) -> None:
            await handled.put(text)

        async def ask() -> int:
            async with Redis.from_url(server.url, decode_responses=True) as direct:
                return int((await direct.info("clients"))["blocked_clients"])

        running = asyncio.create_task(queue.run("w", handler))
        async with asyncio.timeout(30):
            while not await ask():
                await asyncio.sleep(0.01)
            proxy.reset()
            with pytest.raises(redis.exceptions.ConnectionError):
                await running
            await queue.send("text")
            running = asyncio.create_task(queue.run("w", handler))
            text = await handled.get()
        while not running.done():
            running.cancel()
            await asyncio.wait([running], timeout=0.1)
        return text

    assert through_a_proxy(server, act, retries=0) == "text"


def test_pubsub_loses_what_is_published_while_it_connects_again(server: Server) -> None:
    """The loss is shown, and so is the None that tells the listener of it."""

    async def act(client: Redis, proxy: Proxy) -> Any:
        heard: asyncio.Queue[str | None] = asyncio.Queue()

        async def listening() -> None:
            async for message in listen(client, "news"):
                await heard.put(message)

        async with asyncio.timeout(30), Redis.from_url(server.url, decode_responses=True) as direct:
            task = asyncio.create_task(listening())
            got = [await heard.get()]
            counts = [await direct.publish("news", "one")]
            got.append(await heard.get())
            proxy.refuse()
            proxy.reset()
            while (await direct.pubsub_numsub("news"))[0][1]:
                await asyncio.sleep(0.01)
            counts.append(await direct.publish("news", "lost"))
            proxy.heal()
            got.append(await heard.get())
            counts.append(await direct.publish("news", "two"))
            got.append(await heard.get())
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=0.1)
        return got, counts

    assert through_a_proxy(server, act, retries=10_000) == ([None, "one", None, "two"], [1, 0, 1])


def test_a_client_that_speaks_resp3_is_served(server: Server) -> None:
    """The shapes of replies differ between the protocols; messages do not."""

    async def acting() -> str:
        async with Redis.from_url(server.url, decode_responses=True, protocol=3) as client:
            queue, handled = WorkQueue(client, "jobs", claim_after=60, block=0.2), asyncio.Queue[str]()

            async def handler(message_id: str, text: str) -> None:
                await handled.put(text)

            await queue.send("text")
            running = asyncio.create_task(queue.run("w", handler))
            async with asyncio.timeout(30):
                text = await handled.get()
            while not running.done():
                running.cancel()
                await asyncio.wait([running], timeout=0.1)
            await queue.tidy()
            return text

    assert asyncio.run(acting()) == "text"
