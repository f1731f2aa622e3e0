"""Faults of lock libraries: `locks.py FAULT URL…`. Each function is a user of the library who does nothing unusual."""

import asyncio
import threading
import time
from urllib.parse import urlsplit

import pottery
import redis
import redis.asyncio
import redis_lock
from redis.backoff import NoBackoff
from redis.retry import Retry
from redlock import MultipleRedlockException
from redlock import Redlock as RedlockPy
from talk import hear, listen, say


def connect(url):
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0))


def redis_py_lost_reply(url):
    """A client made by its constructor retries by itself; one made by from_url does not."""
    lock = redis.Redis(port=urlsplit(url).port).lock("job", timeout=60)
    return lock.acquire(blocking=False, token="mine")


def redis_py_shared_by_tasks(url):
    """Two tasks share a Lock object, as two threads may; the first outlives its TTL and releases late."""

    async def main():
        async with redis.asyncio.Redis.from_url(url) as client:
            lock = client.lock("job", timeout=0.05)
            first_acquired, second_acquired = asyncio.Event(), asyncio.Event()

            async def first():
                await lock.acquire()
                first_acquired.set()
                await second_acquired.wait()
                await lock.release()

            async def second():
                await first_acquired.wait()
                lock.timeout = 60
                await lock.acquire()
                second_acquired.set()

            task = asyncio.create_task(first())
            await second()
            held = await client.exists("job")
            await task
            return {"second held it": held, "after the late release": await client.exists("job")}

    return asyncio.run(main())


def pottery_orphan(*urls):
    masters = {connect(url) for url in urls}
    for master in masters:
        master.ping()  # so that SET is the first that a connection sends
    lock = pottery.Redlock(key="job", masters=masters, auto_release_time=60)
    say("connected")
    hear()
    say(lock.acquire())  # as soon as a majority has answered
    hear()  # the third node's request is held back; its release need not be
    lock.release()
    say("released")


def pottery_extension(*urls):
    lock = pottery.Redlock(key="job", masters={connect(url) for url in urls}, auto_release_time=1)
    acquired = lock.acquire()
    lock.extend()  # every server knows the script now
    say(acquired)
    hear()  # now replies take longer than the lock lives
    lock.extend()  # raises, if it cannot
    say("extended")


def redlock_py_dead_node(*urls):
    try:
        return RedlockPy([connect(url) for url in urls]).lock("job", 60_000)
    except MultipleRedlockException as error:
        return repr(error)


def python_redis_lock_cluster(url):
    lock = redis_lock.Lock(redis.StrictRedis.from_url(url), "job", expire=60)
    acquired = lock.acquire(blocking=False)
    try:
        return {"acquired": acquired, "release": lock.release()}
    except redis.ResponseError as error:
        return {"acquired": acquired, "release": str(error)}


def python_redis_lock_renewal(url):
    """The lock is lost, as in a failover; a second holder takes it; what does the first one notice?"""
    threading.excepthook = lambda _: None  # a traceback in some log is all there is
    client = redis.StrictRedis.from_url(url)
    lock = redis_lock.Lock(client, "job", expire=60, auto_renewal=True)
    lock._lock_renewal_interval = 0.05  # as its documentation says to do
    with lock:
        renewer = lock._lock_renewal_thread
        client.delete("lock:job")
        second = redis_lock.Lock(client, "job", expire=60).acquire(blocking=False)
        while renewer.is_alive():
            time.sleep(0.005)
        say({"second holder": second, "renewal": renewer.is_alive(), "the first one's block": "still runs"})
        client.delete("lock:job")
        client.set("lock:job", lock.id)  # so that the end of the block is quiet


listen(
    {
        name: shown
        for name, shown in globals().items()
        if name.startswith(("redis_py", "pottery_", "redlock_py", "python_"))
    }
)
