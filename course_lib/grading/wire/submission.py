"""One submission, judged on the wire: what `python -m course_lib.grading` hands to its workers."""

from __future__ import annotations

import hmac
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from math import ceil

from course_lib.grading.batch.judge_interface import Cell, Judgment, Limits, Status
from course_lib.grading.bounds import at_most, bounded, tidy
from course_lib.grading.checker import STUCK, refused
from course_lib.grading.exercise import Exercise, find
from course_lib.grading.sandbox import limits as confined
from course_lib.grading.sandbox.child import Sandbox
from course_lib.grading.sandbox.probe import probe
from course_lib.grading.wire.check import CHILDREN, Exhausted, check
from course_lib.grading.wire.children import ForkServer
from course_lib.grading.wire.fork_server import OUT_OF_MEMORY
from course_lib.grading.wire.one_core import on_one_core
from course_lib.wire.pipe import ALL, MOST, Broken, Flooded, Silent
from course_lib.wire.remote import Remote

ONE_STEP = 10.0
"""Seconds that an answer may take to go on from one command to the next."""
BUSY = 5
"""The time of an exercise is time of computing, here and in each child; by the clock on the wall it has BUSY times
that, because others use the machine too."""

TIME = "It took more than the {:g} s that an exercise has."
MEMORY = "Your code needed more than the {:,} MiB of memory that it may use."
FLOODED = "Your code sent more than {} MB in one go, or more than {} MB in all, which is more than any answer needs."
ENDED = "Your code ended its process, or spoke in its place, so that nothing could be judged."


def judge_submission(
    cells: Sequence[Cell], answers: Mapping[str, str], *, secret: bytes, student: str, limits: Limits, unsafe: bool
) -> dict[str, Judgment]:
    """Judge these answers, by exercise, each called by the name that it is bound to.

    The code runs in a sandbox, the judge here. `secret` and `student` decide which seeds are played beyond those of the
    notebook's check; nobody can know them in advance.
    Raises: NoSandbox; NotStarted, which is not an answer's fault.
    """
    judged = {}
    sandbox, sources = _sandbox(unsafe), [(cell.source, cell.exercise) for cell in cells]
    with on_one_core(), ForkServer(sandbox, sources) as server:
        for id, name in answers.items():
            judged[id] = judge_one(server, find(id), name, limits, hidden(secret, student, id))
    return judged


@cache
def _sandbox(unsafe: bool) -> Sandbox:
    return probe(unsafe=unsafe)


def hidden(secret: bytes, student: str, exercise: str) -> int:
    """The number from which the seeds of this student's hidden runs are made."""
    digest = hmac.new(secret, f"{student}\0{exercise}".encode("utf-8", "surrogateescape"), sha256).digest()
    return int.from_bytes(digest[:16], "big")


def judge_one(server: ForkServer, exercise: Exercise, name: str, limits: Limits, number: int) -> Judgment:
    """Judge the answer to one exercise. `number` is what `hidden` gave."""
    tidy()
    fates, layers = list[int](), server.sandbox.layers
    allowed = confined.Quota(
        cpu=ceil(limits.seconds), wall=min(ONE_STEP, limits.seconds), memory=limits.memory, output=limits.output
    )
    try:
        with server.children(exercise.id, name, allowed, CHILDREN, fates) as pipes:
            remote = Remote(pipes, seconds=BUSY * limits.seconds, salt=str(number))
            with at_most(limits.seconds), bounded():
                verdict = replace(check(exercise, remote, name, number), noted="")
    except Silent as silent:
        over = TIME.format(limits.seconds) if silent.whole else STUCK.format(min(ONE_STEP, limits.seconds))
        return _without(exercise, "timeout", over, layers)
    except (Exhausted, MemoryError):
        return _without(exercise, "out-of-memory", MEMORY.format(limits.memory >> 20), layers)
    except Flooded:
        return _without(exercise, "error", FLOODED.format(MOST // 1_000_000, ALL // 1_000_000), layers)
    except Broken:
        return _without(exercise, *_fate(fates, limits), layers)
    return Judgment(exercise.id, verdict.status, verdict.message, verdict, layers)


def _fate(fates: list[int], limits: Limits) -> tuple[Status, str]:
    """What became of a child that no longer answers."""
    if OUT_OF_MEMORY in fates:
        return "out-of-memory", MEMORY.format(limits.memory >> 20)
    if -signal.SIGXCPU in fates:
        return "timeout", TIME.format(limits.seconds)
    return "error", ENDED


def _without(exercise: Exercise, status: Status, sentence: str, layers: tuple[str, ...]) -> Judgment:
    """Nothing was judged to the end, so there are no points; the verdict lists what there was to get."""
    return Judgment(exercise.id, status, sentence, refused(exercise, "error", sentence), layers)
