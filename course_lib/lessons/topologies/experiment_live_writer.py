"""A writer in a process of its own, which goes on while a learner kills, pauses and partitions by hand.

`LiveWriter(topology)` starts a Python that runs `main` of this module and tells of each write in a line.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from contextlib import suppress
from dataclasses import astuple
from typing import Any

from course_lib.errors import CourseError, ServerFailed
from course_lib.lessons.topologies.experiment_sentinel_log import sentinels_of
from course_lib.lessons.topologies.experiment_writer import (
    NO_REPLY,
    OK,
    ONCE,
    REFUSED,
    SILENT,
    Attempt,
    Writer,
    account,
    stored,
)
from course_lib.servers import Topology, guarded_module
from course_lib.servers.topology.clients import client_of
from course_lib.worlds.threads import PATIENCE, Background

LONGEST = 1800.0
"""Seconds after which a forgotten writer stops by itself."""
PACE = 0.02
"""Seconds between a reply and the next write: some fifty writes a second."""
LOOK_AGAIN, SHARE = 1.0, 0.2
"""Seconds between two times that all is read back; more, if it takes more than this share of the time."""
MISSING, UNKNOWN = "missing", "?"
"""Of the counts: what was acknowledged and is not there now; and what stands in its place while no server answers."""


class LiveWriter:
    """Writes numbered values through the topology's own client until `stop()`, this process's end, or half an hour.

    Meanwhile a thread of this process reads everything back, about once a second, as a client that has just come: so
    the loss is seen as it happens.

    Cost: a second to start, as the process imports the course.
    Raises: ServerFailed if it does not begin to write.
    Does not: count the write that is under way when it is stopped.
    """

    def __init__(self, topology: Topology, *, name: str = "live") -> None:
        self._topology, self._writer = topology, Writer(None, name)
        self._missing: object = UNKNOWN
        ports = [topology.port(node) for node in sentinels_of(topology) or topology.names]
        order = json.dumps({"profile": topology.profile, "ports": ports, "name": name})
        self._process = guarded_module(__name__, order, grace=0)
        self._first = threading.Event()
        self._listening = threading.Thread(target=self._listen, name=f"writer {name}", daemon=True)
        self._listening.start()
        self._reading = Background(self._read_on, name=f"reader of {name}")
        try:
            if not self._first.wait(PATIENCE) or not self._writer.attempts:
                raise ServerFailed(f"The writer has not begun to write within {PATIENCE:g} s.{self._last_words()}")
        except BaseException:  # an interrupt too
            self.stop()
            raise

    def _listen(self) -> None:
        """Note what the process says, line by line, until it has ended."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._writer.attempts.append(Attempt(*json.loads(line)))
            self._first.set()
        self._first.set()

    async def _read_on(self) -> None:
        """Again and again: what was acknowledged, and does a client that comes now find it?"""
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            told = [one for one in self._writer.attempts if one.answer == OK]
            try:
                async with self._client() as redis:
                    self._missing = len(told) - len(await stored(redis, self._writer, told))
            except (*NO_REPLY, CourseError):  # a CourseError: the topology has been stopped
                self._missing = UNKNOWN
            await asyncio.sleep(max(LOOK_AGAIN, (clock() - began) / SHARE))

    def _client(self) -> Any:
        return self._topology.redis(**{**ONCE, "socket_timeout": 2.0})

    def _last_words(self) -> str:
        """What the process said of its own end, if it has ended."""
        if self._process.is_alive() or self._process.stderr is None:
            return ""
        return f" Its last words:\n{self._process.stderr.read()[-1000:]}"

    @property
    def running(self) -> bool:
        """Whether it writes."""
        return self._process.is_alive()

    def counts(self) -> dict[str, Any]:
        """What the writer has been told so far: how many acknowledged, refused, no reply. Cost: no round trip.

        "missing" is how many of the acknowledged were not there a second ago, or a few; "?" while no server answers.
        """
        answers = [one.answer for one in self._writer.attempts]
        return {**{answer: answers.count(answer) for answer in (OK, REFUSED, SILENT)}, MISSING: self._missing}

    def outcome(self) -> dict[str, Any]:
        """Read everything back now; of the account, "missing" are acknowledged and not there now.

        Raises: ServerFailed while a server that should have some of them does not answer.
        """

        async def read() -> dict[str, Any]:
            async with self._client() as redis:
                told = await account(redis, self._writer, self._writer.attempts[0].began)
            return {"writers": {self._writer.name: told}, "marks": {}}

        try:
            return Background(read, name="reading back").result()
        except NO_REPLY as error:
            raise ServerFailed(
                f"The writes cannot be read back just now ({type(error).__name__}): a server that should have them "
                "does not answer. Restart it, resume it or heal the cut, wait a moment, and read again."
            ) from error

    def stop(self) -> None:
        """End the process; what was noted stays. Safe to call twice."""
        self._reading.cancel()
        if self._process.is_alive():
            self._process.kill()
        self._listening.join()
        self._process.end()

    def __enter__(self) -> LiveWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


async def write(profile: str, ports: list[int], name: str) -> None:
    """Write, and print each attempt as soon as it is over."""
    async with client_of(profile, ports, **ONCE) as redis:
        writer = Writer(redis, name, pace=PACE, report=lambda one: print(json.dumps(astuple(one)), flush=True))
        with suppress(TimeoutError):
            await asyncio.wait_for(writer.run(), LONGEST)


if __name__ == "__main__":
    asyncio.run(write(**json.loads(sys.argv[1])))
