"""For real: four operating-system processes of 250 tasks each, on each server of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import redis

from course_lib.servers import Server, guarded

HAMMER = Path(__file__).with_name("hammer.py")
ROOT = Path(__file__).parents[2]
PROCESSES, TASKS = 4, 250


def hammered(server: Server, strategy: str) -> tuple[int, Counter[str]]:
    """Let all processes ask at once; return how many loads ran, and how many tasks got which answer."""
    command = [sys.executable, str(HAMMER), server.url, strategy, str(TASKS)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    processes = [
        guarded(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) for _ in range(PROCESSES)
    ]
    try:
        with redis.Redis.from_url(server.url, decode_responses=True) as client:
            deadline = time.monotonic() + 60
            while client.get("ready") != str(PROCESSES):
                assert time.monotonic() < deadline, [process.returncode for process in processes]
                time.sleep(0.01)
            client.set("go", "1")
            got: Counter[str] = Counter()
            for process in processes:
                out, err = process.communicate(timeout=60)
                assert process.returncode == 0, err
                got.update(json.loads(out))
            return int(client.get("loads") or 0), got
    finally:
        for process in processes:
            process.end()


@pytest.mark.parametrize(
    ("strategy", "fewest", "most"),
    [("locked", 1, 1), ("single-flight, locked", 1, 1), ("single-flight", 2, 4), ("naive", 100, 1000)],
)
def test_a_thousand_tasks_in_four_processes(server: Server, strategy: str, fewest: int, most: int) -> None:
    """The lock lets one of them load. The controls: single-flight alone loads once a process, the naive pattern often.

    How often exactly depends on how busy this machine is: one that comes after the first load of 0.5 s finds the page.
    """
    loads, got = hammered(server, strategy)
    assert got == {"page": PROCESSES * TASKS}
    assert fewest <= loads <= most


def test_a_placeholder_goes_to_those_who_do_not_load(server: Server) -> None:
    """One task of a thousand loads; the others have the placeholder at once, or the page if they come later."""
    loads, got = hammered(server, "placeholder")
    assert loads == 1
    assert set(got) == {"page", "…"}
    assert got["…"] >= 100
