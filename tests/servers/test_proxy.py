"""The fault-injecting proxy: each fault hits what it names and nothing else, and nothing stays behind."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
import redis
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.retry import Retry

from course_lib.servers import Proxy, Server
from course_lib.servers.resp import Splitter, words

from .observing import listens, wait_until

PATIENCE = 0.3  # s that a client waits for a reply that never comes


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server.port) as running:
        yield running


@pytest.fixture
def direct(server: Server) -> Iterator[redis.Redis]:
    """What the server itself says, past the proxy."""
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        yield client


def connect(proxy: Proxy, *, retries: int = 0, patience: float | None = PATIENCE) -> redis.Redis:
    retry = Retry(NoBackoff(), retries)
    return redis.Redis.from_url(proxy.url, socket_timeout=patience, retry=retry, decode_responses=True)


@pytest.fixture
def client(proxy: Proxy) -> Iterator[redis.Redis]:
    """A client that tries once, connected."""
    with connect(proxy) as client:
        client.ping()
        proxy.forget()
        yield client


def test_what_is_sent_arrives_and_is_counted(client: redis.Redis, proxy: Proxy) -> None:
    """A pipeline is one round trip, and setting up a connection none."""
    big = "x" * 300_000
    assert client.set("key", big)
    assert client.get("key") == big
    with client.pipeline(transaction=False) as pipe:
        for _ in range(10):
            pipe.incr("n")
        assert pipe.execute() == list(range(1, 11))
    assert (proxy.round_trips, proxy.requests, proxy.replies) == (3, 12, 12)
    with connect(proxy) as another:
        another.ping()
    assert proxy.round_trips == 4


def test_an_asyncio_client_is_served_too(proxy: Proxy, direct: redis.Redis) -> None:
    async def main() -> None:
        async with AsyncRedis.from_url(proxy.url, decode_responses=True, retry=None, socket_timeout=PATIENCE) as client:
            assert await client.incr("n") == 1
            proxy.drop_reply()
            with pytest.raises(redis.TimeoutError):
                await client.incr("n")
            assert await client.get("n") == "2"
            async with client.pubsub() as pubsub:
                await pubsub.subscribe("news")
                assert (await pubsub.get_message(timeout=5) or {})["type"] == "subscribe"
                direct.publish("news", "item")
                assert (await pubsub.get_message(timeout=5) or {})["data"] == "item"

    asyncio.run(main())


def test_a_dropped_request_never_arrives(client: redis.Redis, proxy: Proxy, direct: redis.Redis) -> None:
    proxy.drop_request()
    with pytest.raises(redis.TimeoutError):
        client.incr("n")
    assert direct.get("n") is None
    assert proxy.swallowed == 1
    assert client.incr("n") == 1


def test_a_dropped_reply_was_executed(client: redis.Redis, proxy: Proxy, direct: redis.Redis) -> None:
    proxy.drop_reply()
    with pytest.raises(redis.TimeoutError):
        client.incr("n")
    assert direct.get("n") == "1"
    assert proxy.swallowed == 1
    assert client.incr("n") == 2


def test_a_client_that_retries_after_a_lost_reply_counts_twice(proxy: Proxy, direct: redis.Redis) -> None:
    """With close=True at once, without waiting for a time-out. The control: a lost request is counted once."""
    with connect(proxy, retries=1, patience=None) as client:
        client.ping()
        proxy.drop_reply(close=True)
        assert client.incr("n") == 2
        proxy.drop_request(close=True)
        assert client.incr("n") == 3


def test_a_drop_takes_only_what_it_matches(client: redis.Redis, proxy: Proxy, direct: redis.Redis) -> None:
    proxy.drop_reply(matching="SET lock:7", close=True)
    assert client.set("lock:6", "a")
    with pytest.raises(redis.ConnectionError):
        client.set("lock:7", "a")
    assert direct.get("lock:7") == "a"


def test_a_drop_passes_over_the_first_and_ends_after_the_last(client: redis.Redis, proxy: Proxy) -> None:
    proxy.drop_request(2, after=1, close=True)
    assert client.incr("n") == 1
    for _ in range(2):
        with pytest.raises(redis.ConnectionError):
            client.incr("n")
    assert client.incr("n") == 2
    assert proxy.swallowed == 2


def test_the_reply_to_a_pipeline_is_lost_whole(client: redis.Redis, proxy: Proxy, direct: redis.Redis) -> None:
    proxy.drop_reply(close=True)
    with client.pipeline(transaction=False) as pipe, pytest.raises(redis.ConnectionError):
        pipe.incr("n").incr("n").incr("n").execute()
    assert direct.get("n") == "3"


def test_the_reply_to_a_request_under_way_can_still_be_lost(proxy: Proxy, direct: redis.Redis) -> None:
    with connect(proxy, patience=None) as client:
        failed: list[Exception] = []
        blocked = threading.Thread(target=lambda: failed.append(caught(lambda: client.blpop(["list"], 0))))
        blocked.start()
        wait_until(lambda: direct.info("clients")["blocked_clients"] == 1, "the client waits")
        proxy.drop_reply(close=True)
        direct.rpush("list", "item")
        blocked.join(20)
        assert isinstance(failed[0], redis.ConnectionError)
        assert direct.llen("list") == 0


def caught(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except redis.RedisError as error:
        return error


def test_a_delay_holds_requests_back_in_order(client: redis.Redis, proxy: Proxy) -> None:
    proxy.delay(0.05)
    began = time.monotonic()
    client.incr("n")
    assert time.monotonic() - began >= 0.05
    proxy.delay(0)
    assert client.incr("n") == 2


def test_a_delayed_request_arrives_after_its_client_has_left(
    client: redis.Redis, proxy: Proxy, direct: redis.Redis
) -> None:
    proxy.delay(2 * PATIENCE)
    with pytest.raises(redis.TimeoutError):
        client.incr("n")
    client.close()
    wait_until(lambda: direct.get("n") == "1", "the delayed request has arrived")


def test_a_delayed_reply_was_executed_at_once(client: redis.Redis, proxy: Proxy, direct: redis.Redis) -> None:
    proxy.delay(60, replies=True)
    with pytest.raises(redis.TimeoutError):
        client.incr("n")
    assert direct.get("n") == "1"
    proxy.heal()
    assert client.incr("n") == 2


def test_half_open_loses_everything_and_ends_nothing(client: redis.Redis, proxy: Proxy, direct: redis.Redis) -> None:
    """The server keeps the connection, the client hears nothing, and a new connection opens."""
    before = len(direct.client_list())
    proxy.half_open()
    for _ in range(2):
        with pytest.raises(redis.TimeoutError):
            client.incr("n")
    assert direct.get("n") is None
    assert len(direct.client_list()) >= before
    proxy.heal()
    assert client.incr("n") == 1


def test_heal_resets_who_has_lost_something(proxy: Proxy) -> None:
    """A client without a time-out would wait for ever, as its reply is gone."""
    with connect(proxy, patience=None) as client:
        client.ping()
        proxy.half_open()
        failed: list[Any] = []
        waiting = threading.Thread(target=lambda: failed.append(caught(client.ping)))
        proxy.forget()
        waiting.start()
        wait_until(lambda: proxy.requests == 1, "the request is lost")
        proxy.heal()
        waiting.join(20)
        assert isinstance(failed[0], redis.ConnectionError)
        assert client.ping()


def test_reset_ends_every_connection_with_rst(proxy: Proxy, direct: redis.Redis) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port)) as raw:
        raw.sendall(b"PING\r\n")
        assert raw.recv(100) == b"+PONG\r\n"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            raw.recv(100)
    assert proxy.connections == 0
    wait_until(lambda: len(direct.client_list()) == 1, "the server has lost it too")


def test_refuse_turns_new_connections_away_and_keeps_open_ones(client: redis.Redis, proxy: Proxy) -> None:
    proxy.refuse()
    assert not listens(proxy.port)
    assert client.ping()
    proxy.heal()
    with connect(proxy) as another:
        assert another.ping()


def test_a_dead_server_is_no_riddle(client: redis.Redis, proxy: Proxy, server: Server) -> None:
    """The end of the server's connection reaches the client, and so does the refusal of a new one."""
    server.kill()
    for _ in range(2):
        with pytest.raises(redis.ConnectionError):
            client.ping()
    server.restart()
    assert client.ping()


def test_a_client_that_leaves_is_gone_at_the_server(client: redis.Redis, proxy: Proxy, direct: redis.Redis) -> None:
    client.connection_pool.disconnect()
    wait_until(lambda: len(direct.client_list()) == 1 and proxy.connections == 0, "its connection has ended")


def test_nothing_stays_behind(server: Server) -> None:
    """No thread, no socket, no listener: also with a client connected, refused, and a reply on its way."""
    process = psutil.Process()
    threads, files = threading.active_count(), process.num_fds()
    for fault in ("none", "refuse", "half_open", "delay"):
        proxy = Proxy(server.port).start()
        client = connect(proxy)
        client.ping()
        if fault == "delay":
            proxy.delay(60)
            caught(client.ping)
        elif fault != "none":
            getattr(proxy, fault)()
        proxy.stop()
        proxy.stop()
        assert not listens(proxy.port)
        client.close()
    assert threading.active_count() == threads
    assert process.num_fds() == files


def test_a_proxy_that_was_never_started_leaves_nothing_either() -> None:
    files = psutil.Process().num_fds()
    Proxy(1).stop()
    assert psutil.Process().num_fds() == files


STREAM = (
    b"+OK\r\n-ERR no\r\n:1\r\n$5\r\na\r\nbc\r\n$-1\r\n*-1\r\n*0\r\n_\r\n#t\r\n,1.5\r\n(1\r\n"
    b"=7\r\ntxt:a\r\n\r\n!3\r\nERR\r\n"
    b"*2\r\n*1\r\n:1\r\n$0\r\n\r\n%2\r\n+a\r\n*2\r\n:1\r\n:2\r\n+b\r\n:1\r\n~1\r\n:1\r\n>2\r\n+x\r\n+y\r\n|1\r\n+k\r\n+v\r\n:7\r\n"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_stream_is_cut_into_the_same_replies_however_it_is_torn(size: int) -> None:
    splitter, frames = Splitter(), []
    for at in range(0, len(STREAM), size):
        got, whole = splitter.feed(STREAM[at : at + size])
        frames += got
    assert b"".join(frames) == STREAM
    assert whole
    assert len(frames) == 18
    assert frames[3] == b"$5\r\na\r\nbc\r\n"
    assert frames[-1] == b"|1\r\n+k\r\n+v\r\n:7\r\n"


def test_a_request_is_read_as_words() -> None:
    assert words(b"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n") == [b"GET", b"a\r\nb"]
    assert words(b"GET a\r\n") == [b"GET", b"a"]
    assert words(b"\r\n") == words(b"*0\r\n") == [b""]
