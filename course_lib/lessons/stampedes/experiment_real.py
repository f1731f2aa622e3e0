"""The crowd of lesson 05 for real: operating-system processes that share one server and wait in real time.

`RealCrowd(url)` starts a few Pythons, each of which runs `main` of this module and plays its share of every crowd.
"""

from __future__ import annotations

import json
import select
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from subprocess import PIPE
from typing import Any

import redis

from course_lib.errors import ServerFailed
from course_lib.lessons.stampedes.experiment_crowd import Crowd, CrowdResult, Request
from course_lib.lessons.stampedes.experiment_crowd_run import WARM_UP, set_up
from course_lib.servers import GuardedProcess, guarded_module
from course_lib.worlds import Real

SPARE = 30.0
"""Seconds beyond the run itself within which the processes must have started and finished."""


class RealCrowd:
    """Processes that play crowds on the server at `url`, one crowd after another. None outlives the `with` block.

    Cost: a second or two to start, as each process imports the course; then each crowd takes `crowd.end` and a little.
    Raises: ServerFailed with a process's own words if it fails or hangs; redis's ConnectionError without a server.
    """

    def __init__(self, url: str, *, processes: int = 4) -> None:
        self._url, self._processes = url, processes
        self._running = ExitStack()
        self._workers: list[GuardedProcess] = []

    def __enter__(self) -> RealCrowd:
        with ExitStack() as starting:
            for _ in range(self._processes):
                self._workers.append(starting.enter_context(guarded_module(__name__, stdin=PIPE)))
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()
        self._workers.clear()

    def play(self, crowd: Crowd) -> CrowdResult:
        """Empty the server and run the crowd; the number of processes here replaces `crowd.processes`."""
        crowd = replace(crowd, processes=self._processes)
        with redis.Redis.from_url(self._url) as client:
            client.flushall()
        for number, worker in enumerate(self._workers):
            order = {"crowd": asdict(crowd), "url": self._url, "share": [number, self._processes]}
            assert worker.stdin is not None
            worker.stdin.write(json.dumps(order) + "\n")
            worker.stdin.flush()
        deadline = time.monotonic() + crowd.load_time + WARM_UP + crowd.end + crowd.wait + SPARE
        result = CrowdResult(crowd, "real")
        for worker in self._workers:
            said = _answer(worker, deadline)
            result.requests += [Request(*request) for request in said["requests"]]
            result.loads += [(start, end) for start, end in said["loads"]]
        result.requests.sort()
        result.loads.sort()
        return result


def _answer(worker: GuardedProcess, deadline: float) -> dict[str, Any]:
    """The line of JSON that a process prints for each crowd."""
    assert worker.stdout is not None
    assert worker.stderr is not None
    poll = select.poll()  # course_lib.servers works where it exists: not on Windows
    poll.register(worker.stdout, select.POLLIN | select.POLLHUP)
    if not poll.poll(max(deadline - time.monotonic(), 0) * 1000):
        raise ServerFailed("A process of the crowd did not finish in time: is the machine busy?")
    line = worker.stdout.readline()
    if not line:
        worker.wait()
        raise ServerFailed(f"A process of the crowd failed:\n{worker.stderr.read().strip()[-2000:]}")
    said: dict[str, Any] = json.loads(line)
    return said


def main() -> None:
    """One process: for each order on standard input, meet the others, play the share, print what happened."""
    for order in sys.stdin:
        told = json.loads(order)
        which, parts = told["share"]
        crowd = replace(Crowd(**told["crowd"]), processes=1)
        world = Real(told["url"], seed=crowd.seed)
        result = set_up(world, crowd, share=(which, parts))
        _meet(told["url"], parts)
        world.run()
        print(json.dumps({"requests": result.requests, "loads": result.loads}), flush=True)


def _meet(url: str, parts: int) -> None:
    """Return when all processes have called this, at the same moment to within a few milliseconds.

    The last to arrive pushes one element for each, itself included, onto a list that all of them block on.
    """
    with redis.Redis.from_url(url, db=1, socket_timeout=SPARE + 5) as client:
        if client.incr("arrived") == parts:
            client.rpush("go", *["now"] * parts)
        if client.blpop(["go"], timeout=SPARE) is None:
            raise SystemExit(f"Not all {parts} processes arrived within {SPARE:g} s.")


if __name__ == "__main__":
    main()
