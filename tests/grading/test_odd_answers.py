"""Odd answers: they leave, sleep, draw, cancel, connect, remember. Each is judged in words, and none passes by it."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable
from time import sleep
from typing import Any

import pytest
import redis as redis_py
from redis.asyncio import Redis
from redis.exceptions import RedisError, WatchError

from course_lib.errors import BadReplayCode
from course_lib.explore import Move, OneFault, Schedule, code_of
from course_lib.grading import check, replay
from course_lib.grading.answer import kind_of
from course_lib.grading.exercise import find
from course_lib.lessons.locks.answers import Finding

from .programs import ANSWERS, answers, module

SOLUTIONS = answers("solutions")
ASYNC = ("00.2", "00.3", "00.4", "01.3", "03.1", "03.2", "03.3", "04.1", "04.2", "04.3", "04.5")


class Outside(list[int]):
    """A list that is shared by all processes and runs: it stands for what lies outside of a process, such as a file."""

    def __reduce_ex__(self, _: object) -> str:
        return "SAW"


SAW = Outside()


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    SAW.clear()


def first(body: Callable[..., Any]) -> Callable[[str], Any]:
    """An answer that does this before it does what is right."""

    def of(id: str) -> Any:
        async def answer(*args: Any, **options: Any) -> Any:
            done = body()
            if asyncio.iscoroutine(done):
                await done
            return await SOLUTIONS[id](*args, **options)

        return answer

    return of


def waits() -> None:
    time.sleep(0.001)


def waits_by_its_own_name() -> None:
    sleep(0.001)


def waits_and_forgets() -> None:
    try:
        time.sleep(0.001)
    except Exception:
        pass


async def raises_cancelled() -> None:
    raise asyncio.CancelledError


async def awaits_what_it_cancelled() -> None:
    task = asyncio.create_task(asyncio.sleep(1))
    task.cancel()
    await task


async def connects() -> None:
    await Redis(port=1).get("x")


async def connects_and_forgets() -> None:
    try:
        await Redis(port=1).get("x")
    except RedisError:
        pass


def connects_at_once() -> None:
    redis_py.Redis(port=1).get("x")


def runs_the_loop() -> None:
    rest = asyncio.sleep(0)
    try:
        asyncio.get_event_loop().run_until_complete(rest)
    finally:
        rest.close()


def leaves() -> None:
    sys.exit(3)


def stops() -> None:
    raise StopIteration


ODD = [
    (waits, "await asyncio.sleep"), (waits_by_its_own_name, "await asyncio.sleep"),
    (waits_and_forgets, "await asyncio.sleep"), (raises_cancelled, "CancelledError came out"),
    (awaits_what_it_cancelled, "CancelledError came out"), (connects, "no network"),
    (connects_and_forgets, "no network"), (connects_at_once, "no network"), (runs_the_loop, "already running"),
    (leaves, "Return from your function"), (stops, "coroutine raised StopIteration"),
]  # fmt: skip


@pytest.mark.parametrize("id", ASYNC)
@pytest.mark.parametrize(("body", "said"), ODD)
def test_an_odd_answer_is_refused_in_words(id: str, body: Any, said: str) -> None:
    """Though it is right apart from that: what it does has no meaning in virtual time, or would end the program."""
    verdict = check(id, first(body)(id))
    assert verdict.status == "error", str(verdict)
    assert said in verdict.message
    assert verdict.points == 0


def test_names_of_the_answers_own_module_are_put_back() -> None:
    assert sleep is time.sleep
    check("03.1", first(waits_by_its_own_name)("03.1"))
    assert sleep is time.sleep
    assert sleep.__module__ == "time"


@pytest.mark.parametrize("id", ["01.1", "01.4", "01.6", "03.6", "04.6"])
@pytest.mark.parametrize("error", [SystemExit, asyncio.CancelledError, GeneratorExit])
def test_what_no_except_exception_catches_is_told(id: str, error: type[BaseException]) -> None:
    def answer(given: Any) -> Any:
        raise error

    verdict = check(id, answer)
    assert verdict.status == "error"
    assert f"raised {error.__name__}" in verdict.message


# -- what is returned -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ASYNC)
def test_a_forgotten_await_is_named_also_where_it_comes_late(id: str) -> None:
    async def answer(*args: Any, **options: Any) -> Any:
        SAW.append(1)
        return SOLUTIONS[id](*args, **options) if len(SAW) > 3 else await SOLUTIONS[id](*args, **options)

    verdict = check(id, answer)
    assert verdict.status == "error", str(verdict)
    assert "forget an await" in verdict.message


@pytest.mark.parametrize("id", ["01.3", "03.1", "03.3", "04.1", "04.2", "04.5"])
def test_nonsense_points_to_no_well_known_mistake(id: str) -> None:
    """It is what it is, and it is shown without an address of this machine."""

    async def answer(*args: Any, **options: Any) -> Any:
        await SOLUTIONS[id](*args, **options)
        return object()

    verdict = check(id, answer)
    assert verdict.status == "failed"
    assert verdict.misconception in (None, "not-the-count")
    assert "an object of type object" in verdict.message
    assert "0x" not in str(verdict)


@pytest.mark.parametrize("answered", [True, False])
def test_a_limiter_that_never_asks_the_server_earns_nothing(answered: bool) -> None:
    """Whoever is told yes is admitted, whether or not a command ran."""

    async def hit(redis: Any, user: str, *, limit: int, window: float, request: str) -> Any:
        return answered, 1, 0.0

    verdict = check("03.3", hit)
    outcomes = {one.name: one.outcome for one in verdict.properties}
    wrong = ("race", "window") if answered else ("admits",)
    assert {outcomes[name] for name in wrong} == {"broken"}
    assert verdict.points == 0


@pytest.mark.parametrize("id", ["02.2", "02.3"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (leaves, "Return from your function"),
        (raises_cancelled, "CancelledError came out"),
        (waits, "await asyncio.sleep"),
    ],
)
def test_an_odd_method_is_refused_in_words(id: str, body: Any, said: str) -> None:
    class Odd(SOLUTIONS[id]):  # type: ignore[misc]  # a class of the notebook's
        async def read(self, *args: Any) -> Any:
            done = body()
            if asyncio.iscoroutine(done):
                await done
            return await super().read(*args)

    verdict = check(id, Odd)
    assert verdict.status == "error", str(verdict)
    assert said in verdict.message


def test_a_closure_is_an_answer() -> None:
    """A wrapper has no names but those that it closes over; it is more than an empty function all the same."""

    def hidden(function: Any) -> Any:
        return lambda given: function(given)

    assert check("01.1", hidden(SOLUTIONS["01.1"])).passed
    assert check("01.1", lambda key: None).status == "unanswered"
    assert check("01.1", lambda key: key).status == "failed"


# -- what is remembered -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("id", "every"), [("01.3", 61), ("03.1", 7), ("03.2", 7), ("04.1", 7), ("04.5", 61)])
def test_an_answer_that_goes_another_way_each_time_is_told_so(id: str, every: int) -> None:
    """More often than in each run: in 01.3 and 04.5 some have more than twenty calls."""

    async def answer(*args: Any, **options: Any) -> Any:
        SAW.append(1)
        return None if len(SAW) % every == every - 1 else await SOLUTIONS[id](*args, **options)

    verdict = check(id, answer)
    assert verdict.status == "error", str(verdict)
    assert "keep nothing from one run to the next" in verdict.message


def test_a_client_that_is_kept_belongs_to_its_process() -> None:
    """A process may keep what it was given or has made: no later run finds it."""
    kept: list[Any] = []

    async def answer(redis: Any, key: str, n: int) -> Any:
        kept.append(redis)
        return await SOLUTIONS["03.2"](kept[0], key, n)

    assert check("03.2", answer).passed
    assert kept == []


def test_a_client_of_an_earlier_run_is_named() -> None:
    """Where an answer has got hold of one all the same."""
    kept = type("Kept", (Outside,), {"__module__": "redis"})()

    async def answer(redis: Any, key: str, n: int) -> Any:
        kept.append(redis)
        return await SOLUTIONS["03.2"](kept[0], key, n)

    verdict = check("03.2", answer)
    assert verdict.status == "error"
    assert "made in an earlier run" in verdict.message


def test_keys_that_change_from_call_to_call_are_no_keys() -> None:
    class Counted:
        def __init__(self) -> None:
            self.n = 0

        def user(self, user: str, what: str) -> str:
            self.n += 1
            return f"u:{{{user}}}:{what}:{self.n}"

        def product(self, product: str, what: str) -> str:
            return f"p:{{{product}}}:{what}"

        def visitors(self, day: str, hour: str) -> str:
            return f"v:{{{day}}}:{hour}"

    verdict = check("01.2", Counted)
    assert verdict.status == "failed"
    assert "when it was asked again" in verdict.message or "in another process" in verdict.message


PLAIN = [id for id in ANSWERS if kind_of(find(id).rules.accept) == "plain function"]


@pytest.mark.parametrize("id", PLAIN)
def test_a_function_that_says_always_what_it_said_first_is_told_so(id: str) -> None:
    said: list[Any] = []

    def answer(*args: Any) -> Any:
        said.append(SOLUTIONS[id](*args))
        return said[0]

    verdict = check(id, answer)
    assert verdict.points == 0
    assert "keeps something from one call to the next" in verdict.message


def test_what_is_kept_by_a_part_of_what_was_asked_is_told_so() -> None:
    """What a setup of the same hosts, primary and numbers was answered first."""
    kept: dict[Any, Any] = {}

    def answer(setup: Any) -> Any:
        which = (setup.primary, setup.hosts, setup.quorum, setup.removed)
        return kept.setdefault(which, SOLUTIONS["01.4"](setup))

    assert "keeps something from one call to the next" in check("01.4", answer).message


@pytest.mark.parametrize("kept", [False, True])
def test_what_a_generator_has_kept_is_seen_in_what_it_yields(kept: bool) -> None:
    """One that only remembers is right; one that yields once in its life is told so."""
    asked: list[Any] = []

    def answer(run: Any) -> Any:
        said = SOLUTIONS["03.6"](run)
        if said is not None and not (kept and asked):
            asked.append(run)
            yield said

    verdict = check("03.6", answer)
    if kept:
        assert "keeps something from one call to the next" in verdict.message
        assert "it yielded nothing, where it had yielded" in verdict.message
    else:
        assert verdict.passed, str(verdict)


@pytest.mark.parametrize("id", PLAIN)
def test_a_function_may_remember_what_changes_nothing(id: str) -> None:
    """The control."""
    asked: list[Any] = []

    def answer(*args: Any) -> Any:
        asked.append(args)
        return SOLUTIONS[id](*args)

    verdict = check(id, answer)
    assert verdict.passed, str(verdict)


def test_a_class_that_cannot_be_made_is_told_why() -> None:
    class NeedsAPrefix:
        def __init__(self, prefix: str) -> None:
            self.prefix = prefix

    assert "missing 1 required positional argument: 'prefix'" in check("01.2", NeedsAPrefix).message


# -- what rests at random ---------------------------------------------------------------------------------------------


async def takes_after_a_rest(redis: Any, key: str, n: int) -> bool:
    await asyncio.sleep(random.random())
    left = int(await redis.get(key) or 0)
    if left >= n:
        await redis.set(key, left - n, keepttl=True)
    return left >= n


async def puts_after_a_rest(redis: Any, key: str, fence: int, value: str) -> bool:
    await asyncio.sleep(random.random())
    if fence < int(await redis.hget(key, "fence") or 0):
        return False
    await redis.hset(key, mapping={"value": value, "fence": fence})
    return True


async def releases_after_a_rest(redis: Any, key: str, token: str) -> bool:
    await asyncio.sleep(random.random() / 2)
    return bool(await redis.get(key) == token and await redis.delete(key))


async def hits_after_a_rest(redis: Any, user: str, *, limit: int, window: float, request: str) -> Any:
    await asyncio.sleep(random.random())
    used = await redis.scard(user)
    if used >= limit:
        return False, 0, window
    await redis.sadd(user, request)
    await redis.pexpire(user, round(window * 1000))
    return True, limit - used - 1, 0.0


@pytest.mark.parametrize(
    ("id", "answer", "broken"),
    [
        ("03.2", takes_after_a_rest, "exact"),
        ("04.1", releases_after_a_rest, "spares"),
        ("03.3", hits_after_a_rest, "race"),
        ("04.5", puts_after_a_rest, "in-order"),
    ],
)
def test_a_race_is_found_behind_a_random_rest(id: str, answer: Any, broken: str) -> None:
    """Clients that rest at random hardly ever meet; one that stands still between look and change is overtaken."""
    verdict = check(id, answer)
    assert {one.name: one.outcome for one in verdict.properties}[broken] == "broken", str(verdict)


# -- commands and faults that cannot be -------------------------------------------------------------------------------


async def takes_in_fractions(redis: Any, key: str, token: str, ttl: float) -> Any:
    return await redis.execute_command("SET", key, token, "NX", "PX", ttl * 1000)


def test_what_the_server_cannot_read_is_shown_at_once() -> None:
    """The frame of 04.2 catches the error, and would go round until the wait is over."""
    begin = time.process_time()
    verdict = check("04.2", module("04.2").with_the_blanks(take=takes_in_fractions))
    assert verdict.status == "error"
    assert "PX 1000.0" in verdict.message
    assert "round(ttl * 1000)" in verdict.message
    assert time.process_time() - begin < 2.0


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e9, "0.6", None])
@pytest.mark.parametrize("id", ["03.5", "04.4", "05.4"])
def test_a_fault_lasts_an_hour_at_most(id: str, seconds: Any) -> None:
    fault = OneFault("pause", 2, seconds, "alice" if id == "03.5" else "c1")
    verdict = check(id, Finding(fault, "c1") if id == "04.4" else fault)
    assert verdict.status == "error"
    assert "3600, is accepted" in verdict.message


@pytest.mark.parametrize("id", ["00.5", "02.5", "03.4"])
@pytest.mark.parametrize("odd", [b"alice", None, 1])
def test_what_is_no_name_in_a_list_is_named(id: str, odd: Any) -> None:
    assert f"an object of type {type(odd).__name__} in your list" in check(id, [odd]).message


def test_a_code_with_a_fault_can_be_played_with_any_answer() -> None:
    """Where fewer commands wait than in the run that it names, the fault strikes the last of them."""
    schedule = Schedule(2, turns=(0, Move("crash", 1), Move("lose request", 9)))
    code = code_of("03.2", find("03.2").words.revision, 0, schedule)
    assert replay("03.2", code, SOLUTIONS["03.2"]).status in ("passed", "failed")
    with pytest.raises(BadReplayCode):
        replay("03.2", code[:-1], SOLUTIONS["03.2"])


async def gives_up_on_a_conflict(redis: Any, key: str, n: int) -> bool:
    async with redis.pipeline() as pipe:
        await pipe.watch(key)
        if int(await pipe.get(key) or 0) < n:
            return False
        pipe.multi()
        try:
            await pipe.decrby(key, n).execute()
        except WatchError:
            raise asyncio.CancelledError from None
        return True


def test_a_cancellation_that_comes_late_is_no_way_out() -> None:
    """The end of a run cancels whoever still waits; who cancels itself has not been cut off."""
    verdict = check("03.2", gives_up_on_a_conflict)
    assert verdict.status == "error"
    assert "CancelledError came out" in verdict.message
