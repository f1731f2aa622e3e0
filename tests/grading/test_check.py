"""What the notebook's check is held to, whatever it is given: words for what is no answer, and no cheat passes."""

from __future__ import annotations

import asyncio
import io
import re
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from course_lib.errors import UnknownExercise
from course_lib.grading import check, guard, hint
from course_lib.grading.exercise import words
from course_lib.grading.verdict import page
from course_lib.widgets import fallback, spacetime
from course_lib.widgets.spacetime import SpaceTime

from .programs import ANSWERS, ROOT, answers

SOLUTIONS, STUBS = answers("solutions"), answers("exercises")


# -- no answer at all -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ANSWERS)
def test_the_stub_is_not_answered_yet(id: str) -> None:
    verdict = check(id, STUBS[id])
    assert verdict.status == "unanswered"
    assert verdict.points == 0
    assert str(verdict).startswith("○ Not answered yet")


async def _never_awaits(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    while True:
        pass


async def _waits_for_ever(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    while True:
        await asyncio.sleep(0.01)


async def _blocks(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    time.sleep(0.02)  # noqa: ASYNC251


async def _forgets_await(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    return redis.get(key)


async def _float_px(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    await redis.set(key, "x", px=lock_ttl * 0.5)


async def _returns_bytes(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    return (await SOLUTIONS["05.1"](redis, key, load, ttl=ttl, lock_ttl=lock_ttl, token=token)).encode()


async def _opens_a_file(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    await asyncio.to_thread(print, "hello")


def _plain(redis: Any, key: str, load: Any, *, ttl: float, lock_ttl: float, token: str) -> Any:
    return "page"


async def _too_few(redis: Any, key: str) -> Any:
    return "page"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (_waits_for_ever, "never came to an end"),
        (_blocks, "await asyncio.sleep"),
        (_forgets_await, "forget an await"),
        (_float_px, "round(ttl * 1000)"),
        (_opens_a_file, "no files, threads or sockets"),
        (_plain, "async def"),
        (_too_few, "must accept (redis, key, load, *, ttl, lock_ttl, token)"),
        ("a text", "an object of type str"),
        (7, "an object of type int"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_words(answer: Any, said: str) -> None:
    """No points, no traceback: a sentence that says what was wrong."""
    verdict = check("05.1", answer)
    assert verdict.status == "error"
    assert said in verdict.message
    assert verdict.points == 0
    assert "Traceback" not in str(verdict)


def test_a_refusal_names_the_line() -> None:
    assert "px=lock_ttl * 0.5" in check("05.1", _float_px).message


def test_bytes_are_no_text() -> None:
    verdict = check("05.1", _returns_bytes)
    assert not verdict.passed
    assert "not bytes" in verdict.message


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timers")
def test_a_loop_without_await_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LIMIT", 0.2)
    before = signal.getsignal(signal.SIGALRM)
    verdict = check("05.1", _never_awaits)
    assert verdict.status == "error"
    assert "without an await" in verdict.message
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda trace: True, "returned a bool"),
        (lambda trace: trace.nothing, "AttributeError"),
        (lambda trace: max(note.t_end for note in trace.notes) < 0 or None, "`t_end` is"),
        (_waits_for_ever, "plain def"),
    ],
)
def test_a_property_that_cannot_be_judged_is_refused_in_words(answer: Any, said: str) -> None:
    verdict = check("05.5", answer)
    assert verdict.status == "error"
    assert said in verdict.message


@pytest.mark.parametrize("answer", ["pause", 3, SOLUTIONS["05.1"]])
def test_what_is_no_fault_is_refused_in_words(answer: Any) -> None:
    assert "OneFault" in check("05.4", answer).message


def test_an_unknown_exercise_is_named() -> None:
    for id in ("05.9", "99.1", "five", None):
        with pytest.raises(UnknownExercise, match=re.escape("05.1, 05.2, 05.3, 05.4, 05.5")):
            check(id, None)  # type: ignore[arg-type]


# -- no cheat passes --------------------------------------------------------------------------------------------------


class EqualToAll:
    """Says yes to every comparison."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


class EqualText(str):
    """A text that says yes to every comparison."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


async def _forges(redis: Any, key: str, load: Any, **policy: Any) -> Any:
    return EqualToAll()


async def _forges_text(redis: Any, key: str, load: Any, **policy: Any) -> Any:
    return EqualText("page")


async def _guesses(redis: Any, key: str, load: Any, **policy: Any) -> Any:
    return "page-f14928"  # what the first seed's row happens to be


async def _remembers(redis: Any, key: str, load: Any, **policy: Any) -> Any:
    """It loads once in its life, and serves that value from then on, past cache and clients."""
    if not _MEMORY:
        _MEMORY.append(await load())
    return _MEMORY[0]


_MEMORY: list[Any] = []


async def _patches_sleep(redis: Any, key: str, load: Any, **policy: Any) -> Any:
    async def at_once(seconds: float, result: Any = None) -> Any:
        return result

    asyncio.sleep = at_once
    return await load()  # without a lock, in the hope that a load that takes no time meets no other


@pytest.mark.parametrize("cheat", [_forges, _forges_text, _guesses, _remembers, _patches_sleep])
@pytest.mark.parametrize("id", ["05.1", "05.2", "05.3"])
def test_a_cheat_does_not_pass(id: str, cheat: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "sleep", asyncio.sleep)  # put back what a cheat replaces
    _MEMORY.clear()
    verdict = check(id, cheat)
    assert not verdict.passed
    assert verdict.points == 0


def test_a_property_cannot_forge_its_answer() -> None:
    verdict = check("05.5", lambda trace: EqualToAll())
    assert verdict.status == "error"


# -- the same answer, the same verdict --------------------------------------------------------------------------------

TWICE = """
import sys, uuid, secrets, random
sys.path[:0] = [{root!r}, {root!r} + '/tests']
from course_lib.grading import check
from tests.grading.programs import module
async def drawn(redis, lock, token, lock_ttl):
    token = secrets.token_hex(4) + str(uuid.uuid4()) + str(random.random())
    return await redis.set(lock, token, nx=True, px=round(lock_ttl * 1000))
print(check("05.1", module("05.1").with_the_blank(drawn)), check("05.3", module("05.3").recipe(look_again=False)))
print(check("05.5", module("05.5").any_pause_excuses_all)._repr_mimebundle_()["text/html"])
"""


def test_the_verdict_is_the_same_in_every_process() -> None:
    """Byte for byte, whatever PYTHONHASHSEED is, and though the answer draws from secrets, uuid and random."""
    source = TWICE.format(root=str(ROOT))
    said = [
        subprocess.run(
            [sys.executable, "-c", source], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert "Not yet" in said[0]


def test_a_check_prints_nothing_and_puts_everything_back() -> None:
    """Thousands of schedules would print thousands of lines; those of the schedule shown are kept."""

    async def talks(redis: Any, key: str, load: Any, **policy: Any) -> Any:
        print("hello from", key)
        return await load()

    sleep, out = time.sleep, io.StringIO()
    with redirect_stdout(out):
        verdict = check("05.3", talks)
    assert out.getvalue() == ""
    assert time.sleep is sleep
    assert verdict.shown is not None
    assert verdict.shown.printed.count("hello from page") == verdict.shown.run.schedule.clients


async def _interrupts(redis: Any, key: str, load: Any, **policy: Any) -> Any:
    raise KeyboardInterrupt


def test_an_interrupted_check_puts_everything_back() -> None:
    """Interrupt the kernel, and the cell ends as any other does; the next check is none the worse."""
    sleep, alarm = time.sleep, signal.getsignal(signal.SIGALRM) if hasattr(signal, "SIGALRM") else None
    with pytest.raises(KeyboardInterrupt):
        check("05.1", _interrupts)
    assert time.sleep is sleep
    assert not hasattr(signal, "SIGALRM") or signal.getsignal(signal.SIGALRM) == alarm
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()
    assert check("05.1", SOLUTIONS["05.1"]).passed


# -- a failing run, opened ---------------------------------------------------------------------------------------------


async def _loads_always(redis: Any, key: str, load: Any, **policy: Any) -> Any:
    print("loading")
    return await load()


def test_a_failing_check_opens_its_run_as_it_was_judged(capsys: pytest.CaptureFixture[str]) -> None:
    """The same commands, no client of the judge's, nothing printed, and the promise is broken at that moment."""
    verdict = check("05.3", _loads_always)
    assert verdict.shown is not None
    assert verdict.shown.again is not None
    opened = verdict.shown.again()
    assert opened.same == ""
    state = opened.at(None)
    assert state.clients
    assert not [client.name for client in state.clients if client.name.startswith("judge")]
    assert (
        {promise.name for promise in state.promises if not promise.holds}
        == {one.name for one in verdict.properties if one.outcome == "broken" and opened.run.violation(one.name)}
        != set()
    )
    assert capsys.readouterr().out == ""


def test_a_failing_check_is_one_to_walk_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is a kernel: a widget, and the page for whoever has none. Else, and if it passed, the page alone."""
    displayed: list[dict[str, Any]] = []
    verdict = check("05.3", _loads_always)
    with pytest.raises(NotImplementedError):
        verdict._ipython_display_()
    monkeypatch.setattr(fallback, "live", lambda: True)
    monkeypatch.setattr(fallback, "display", lambda bundle, **options: displayed.append(bundle))
    verdict._ipython_display_()
    widget, page = displayed
    assert "application/vnd.jupyter.widget-view+json" in widget
    assert page["text/plain"] == str(verdict)
    assert verdict._repr_mimebundle_()["text/html"] in page["text/html"]
    with pytest.raises(NotImplementedError):
        check("05.1", SOLUTIONS["05.1"])._ipython_display_()


def test_the_walk_opens_where_the_promise_broke_and_at_the_end_for_one_of_no_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What each promise says is told by its name."""
    opened: list[dict[str, Any]] = []

    def walk(trace: Any, **options: Any) -> SpaceTime:
        opened.append(options)
        return SpaceTime(trace)

    monkeypatch.setattr(fallback, "live", lambda: True)
    monkeypatch.setattr(fallback, "display", lambda bundle, **options: None)
    monkeypatch.setattr(spacetime, "SpaceTime", walk)
    verdict = check("05.3", _loads_always)
    shown = verdict.shown
    assert shown is not None
    assert shown.violation is not None
    verdict._ipython_display_()
    nobody = replace(shown, violation=replace(shown.violation, who=""))
    replace(verdict, shown=nobody)._ipython_display_()
    assert [one["at"] for one in opened] == [shown.violation.t_start, inf]
    assert f"The same as text ({len(shown.trace.text().splitlines())} lines)" in page(verdict)
    assert opened[0]["says"] == {one.name: one.says for one in verdict.properties}


# -- hints ------------------------------------------------------------------------------------------------------------


def test_hints_come_one_at_a_time() -> None:
    from course_lib.grading import hints

    hints._given.clear()
    given = [hint("05.1") for _ in range(6)]
    assert [one.number for one in given] == [1, 2, 3, 4, 4, 4]
    assert [one.text for one in given[:4]] == list(words("05")["05.1"].hints)
    assert "Hint 2 of 4" in str(given[1])
    assert "That was the last one" in given[5]._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    ("passed", "computed", "waits"),
    [(5.01, 0.6, True), (29.0, 2.4, True), (31.0, 2.4, False), (5.01, 4.9, False), (5.01, 0.001, False)],
    ids=["a busy machine", "a very busy one", "much too long", "it goes round", "it is blocked"],
)
def test_a_busy_machine_is_not_held_against_anybody(
    passed: float, computed: float, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = guard.Guard()
    monkeypatch.setattr(guard, "_CLOCKS", (lambda: passed, lambda: computed))
    assert watch._others_run() is waits
