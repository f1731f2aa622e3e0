"""What a test sees from outside: processes, ports, folders; and other Python processes to be killed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from course_lib.servers import Server

ROOT = Path(__file__).parents[2]
DEADLINE = 20.0  # s; generous, for it is spent only by a test that fails


def wait_until(holds: Callable[[], bool], what: str, within: float = DEADLINE) -> None:
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what}")
        time.sleep(0.005)


def runs(pid: int) -> bool:
    """Whether a process exists and is more than an entry that nobody has reaped yet."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(*pids: int) -> None:
    wait_until(lambda: not any(runs(pid) for pid in pids), f"processes {pids} are gone")


def processes_that_mention(text: str) -> list[int]:
    """Every running process with `text` in its command line, this one excepted."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        mentions = any(text in part for part in process.info["cmdline"] or ())
        if mentions and process.pid != os.getpid() and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def client(url: str) -> redis.Redis:
    """A client that tries once and waits no longer than half a second."""
    return redis.Redis.from_url(url, socket_timeout=0.5, retry=Retry(NoBackoff(), 0), decode_responses=True)


def ping(server: Server) -> bool:
    with client(server.url) as connection:
        return bool(connection.ping())


@contextmanager
def python(script: str, *arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Another Python process that can import the course, until the end of the block at the latest."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    command = [sys.executable, "-c", script, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, text=True, env=env, start_new_session=True, **options
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said_by(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line that a process prints, which is JSON."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the process ended without a word"
    said: dict[str, Any] = json.loads(line)
    return said


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL, and reap; its pipes stay open at this end."""
    process.kill()
    process.wait()
