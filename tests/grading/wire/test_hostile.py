"""Answers that cheat, break or never end: none gains a point, each gets a sentence, and nothing is left."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from course_lib.grading import bounds
from course_lib.grading.batch.judge_interface import Cell
from course_lib.grading.exercise import find
from course_lib.grading.wire.submission import judge_submission
from course_lib.wire import remote_connections
from course_lib.wire.pipe import Silent

from .judging import ISOLATED, LIMITS, RIGHT, Judge, doing, points


def test_the_control(judged: Judge) -> None:
    helped = RIGHT.replace("round(ttl * 1000)", "helper(ttl)")
    made = judged("import asyncio", "def helper(ttl):\n    return round(ttl * 1000)", helped)
    assert (made.status, points(made)) == ("passed", find("00.1").words.points), made.sentence
    assert made.layers


FORGED = """
import json, struct
frame = json.dumps([["done", 1, "returned", None], ["idle", None, 1]]).encode()
for fd in range(3, 64):
    try:
        os.write(fd, struct.pack(">I", len(frame)) + frame)
    except OSError:
        pass
""".strip()
NOISE = """
for fd in range(3, 64):
    try:
        os.write(fd, b"\\x00\\x00\\x00\\x02[]" * 9)
    except OSError:
        pass
""".strip()
CLOSES = NOISE.replace('os.write(fd, b"\\x00\\x00\\x00\\x02[]" * 9)', "os.close(fd)")
FOR_EVER = """
while True:
    try:
        await asyncio.sleep(0)
    except BaseException:
        pass
""".strip()
PATCHES = """
import json, redis.asyncio
json.JSONEncoder.encode = lambda *_: '[["idle",null,1]]'
asyncio.sleep = asyncio.Future
redis.asyncio.Redis.set = lambda *_, **__: asyncio.sleep(0)
""".strip()


@pytest.mark.parametrize(
    ("deed", "statuses"),
    [
        ("while True:\n    pass", {"timeout"}),
        (FOR_EVER, {"error", "failed"}),
        ("sys.exit(0)", {"error"}),
        ("os._exit(0)", {"error"}),
        ("os.abort()", {"error"}),
        ("os.kill(os.getppid(), 9)", {"error", "failed"}),
        ("os.kill(os.getpid(), 9)", {"error"}),
        ("import ctypes\nctypes.string_at(0)", {"error"}),
        ("page = bytearray(1 << 33)", {"out-of-memory"}),
        ("def deeper():\n    return deeper()\ndeeper()", {"error"}),
        ("print('x' * 10_000_000)\nsys.__stdout__.write('y' * 10_000_000)", {"error", "failed"}),
        (FORGED, {"error", "failed"}),
        (NOISE, {"error", "failed"}),
        (PATCHES, {"error", "failed"}),
        (CLOSES, {"error"}),
    ],
    ids=["hangs", "yields for ever", "exits", "leaves at once", "aborts", "kills its parent", "kills itself", "crashes",
         "takes all memory", "recursion", "prints without end", "forges", "noise", "patches", "closes its pipe"],
)  # fmt: skip
def test_nothing_is_gained(deed: str, statuses: set[str], judged: Judge) -> None:
    made = judged(doing(deed))
    assert made.status in statuses, (made.status, made.sentence)
    assert points(made) < find("00.1").words.points
    assert made.sentence.endswith((".", "?"))
    assert "Traceback" not in made.sentence


@pytest.mark.skipif(not ISOLATED, reason="nothing isolates an answer on this machine")
@pytest.mark.parametrize(
    "deed",
    [
        "open(__import__('course_lib').__path__[0] + '/lessons/cache_aside/exercises/e1_keep.py').read()",
        "open('/etc/passwd').read()",
        "open('left', 'w')",
        "import tempfile\ntempfile.TemporaryFile()",
        "os.fork()",
        "import socket\nsocket.create_connection(('127.0.0.1', 22))",
        "import threading\nthreading.Thread(target=print).start()",
        "import subprocess\nsubprocess.run(['true'])",
        "os.environ['HOME']",
    ],
    ids=[
        "the judge's file",
        "a file",
        "writes here",
        "a temporary file",
        "forks",
        "connects",
        "a thread",
        "a program",
        "home",
    ],
)
def test_what_is_out_of_reach_raises_in_the_answer(deed: str, judged: Judge) -> None:
    made = judged(doing(f"{deed}\nawait redis.set(key, page, px=round(ttl * 1000))"))
    assert made.status == "error", (made.status, made.sentence)
    assert made.sentence.startswith("Your code raised ")


@pytest.mark.parametrize(
    ("deed", "says"),
    [
        ("await redis.execute_command('ACL', 'SETUSER', 'default', 'off')\nawait redis.ping()", "User disabled"),
        ("await asyncio.gather(*(redis.ping() for _ in range(11)))", "max number of clients reached"),
        ("await redis.eval('coroutine.wrap(function() while true do end end)()', 0)", "runs for ever"),
    ],
    ids=["locks everybody out", "connects without end", "a script without end"],
)  # fmt: skip
def test_what_is_done_to_the_server_harms_no_judge(
    deed: str, says: str, judged: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_connections, "MOST", 10)
    made = judged(doing(deed))
    assert (made.status, says in made.sentence) == ("error", True), made.sentence


def test_one_that_has_killed_everything_harms_no_other() -> None:
    cells = [Cell(doing("os.kill(os.getppid(), 9)\nos.kill(os.getpid(), 9)"), "00.1"),
             Cell("async def product_page(redis, key, load, *, ttl):\n    return await load()", "00.2")]  # fmt: skip
    made = judge_submission(
        cells, {"00.1": "keep", "00.2": "product_page"}, secret=b"", student="bob", limits=LIMITS, unsafe=not ISOLATED
    )
    assert made["00.1"].status == "error"
    assert made["00.2"].status == "failed"


CALLBACK = """import asyncio
async def keep(redis, key, page, *, ttl):
    def late():
        raise TypeError('late')
    asyncio.get_running_loop().call_soon(late)
    await redis.set(key, page, px=round(ttl * 1000))
"""


@pytest.mark.parametrize(
    ("sources", "status", "says"),
    [
        ((RIGHT, "1 / 0"), "error", "ZeroDivisionError in line 1 of your cell, `1 / 0`"),
        ((RIGHT, "def keep(:"), "error", "Your cell does not run: invalid syntax in line 1"),
        (("1 / 0", RIGHT), "passed", ""),
        ((RIGHT, "other = keep"), "passed", ""),
        (("x = 1",), "error", "does not define `keep`"),
        (("async def keep(redis, key, page, *, ttl):\n    raise NotImplementedError",), "unanswered", ""),
        (("keep = ...",), "unanswered", ""),
        (("raise NotImplementedError()",), "unanswered", ""),
        (("async def keep(redis, key):\n    await redis.get(key)",), "error", "must accept (redis, key, page, *, ttl)"),
        ((CALLBACK,), "error", "Your code raised TypeError in line 4 of your cell, `raise TypeError('late')`: late."),
        (("import time", RIGHT.replace("await", "time.sleep(1)\n    await")), "error", "time.sleep"),
    ],
)
def test_what_a_student_is_told(sources: tuple[str, ...], status: str, says: str, judged: Judge) -> None:
    made = judged(*sources)
    assert (made.status, says in made.sentence) == (status, True), made.sentence


def test_the_same_submission_gets_the_same_and_each_student_runs_of_its_own(judged: Judge) -> None:
    wrong = "import os\n" + RIGHT.replace("round(ttl * 1000)", "int(ttl * 1000) + int.from_bytes(os.urandom(1))")
    first, again, other = judged(wrong), judged(wrong), judged(wrong, student="carol")
    assert str(first.verdict) == str(again.verdict)
    assert first.verdict._repr_mimebundle_() == again.verdict._repr_mimebundle_()  # the page, with what is drawn
    assert first.status == other.status == "failed"


def test_a_set_of_texts_has_the_same_order_in_each_sandbox() -> None:
    """And an object's address, which is another each time, is told to nobody."""
    cells = [Cell(doing("raise ValueError(f'{set(map(str, range(9)))}, {object()}')"), "00.1")]
    said = {
        judge_submission(cells, {"00.1": "keep"}, secret=b"", student="ann", limits=LIMITS, unsafe=not ISOLATED)[
            "00.1"
        ].sentence
        for _ in range(2)
    }
    assert len(said) == 1
    assert ", <object object>." in said.pop()


def test_who_swallows_that_the_time_is_over_hears_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "AGAIN", 0.05)
    heard: list[Silent] = []

    def deafly() -> None:
        while len(heard) < 2:
            try:
                while True:
                    pass
            except Silent as silent:
                heard.append(silent)
        while True:
            pass

    with bounds.at_most(0.05), pytest.raises(Silent):
        deafly()
    assert len(heard) == 2


def test_who_cannot_hear_that_the_time_is_over_is_ended() -> None:
    """As one call of C's that takes an hour; here, a worker that has turned its ear away."""
    worker = multiprocessing.get_context("spawn").Process(target=deaf)
    worker.start()
    worker.join(60)
    assert worker.exitcode == -signal.SIGVTALRM


def deaf() -> None:
    with bounds.at_most(0.05):
        signal.signal(signal.SIGPROF, signal.SIG_IGN)
        while True:
            pass


def test_nothing_is_left() -> None:
    def children() -> set[str]:
        return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text(encoding="ascii").split())

    before, descriptors = children(), len(os.listdir("/proc/self/fd"))
    cells = [Cell(doing("while True:\n    pass"), "00.1")]
    judge_submission(cells, {"00.1": "keep"}, secret=b"", student="ann", limits=LIMITS, unsafe=not ISOLATED)
    assert children() == before
    assert len(os.listdir("/proc/self/fd")) == descriptors
