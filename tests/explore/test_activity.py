"""`explore` claims nothing of what it did not see: errors, idle clients, faults that never struck, delays."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import Counter
from typing import Any

import pytest

from course_lib.errors import Deadlock
from course_lib.explore import Findings, Play, Schedule, Trial, Violation
from course_lib.explore.activity import Activity, Clocks, missing, told, untimed
from course_lib.explore.bodies import judge_of
from course_lib.explore.captured_output import MOST, Printed
from course_lib.explore.exploration import explore
from course_lib.explore.invariants import at_most
from course_lib.explore.trial import HeldBack
from course_lib.trace import Trace
from course_lib.widgets.explore import Explored
from explore.visits import mended


def nothing_wrong(run: Play) -> None:
    """An invariant that looks at nothing."""


def head(found: Findings) -> tuple[str, str]:
    shown = re.search(r'<p class="head (\w+)"><b>(.*?)</b>', Explored(found)._repr_mimebundle_()["text/html"])
    assert shown is not None
    return shown[1], shown[2]


# -- errors and endings -----------------------------------------------------------------------------------------------


async def always_raises(redis: Any, me: str) -> None:
    await redis.incr("n")
    raise OSError("no disk")


async def raises_second(redis: Any, me: str) -> None:
    if await redis.incr("n") > 1:
        raise KeyError("second")


async def raises_before(redis: Any, me: str) -> None:
    raise LookupError


async def waits_for_ever(redis: Any, me: str) -> None:
    await redis.incr("n")
    await asyncio.get_running_loop().create_future()


async def leaves(redis: Any, me: str) -> None:
    await redis.incr("n")
    sys.exit()


async def goes_round(redis: Any, me: str) -> None:
    while True:
        await redis.incr("n")
        await asyncio.sleep(10)  # the horizon is a minute


@pytest.mark.parametrize(
    ("body", "broken", "promise", "said"),
    [
        (always_raises, 2, "no error ends a client", "alice ended with OSError: no disk, and no fault had struck"),
        (raises_second, 2, "no error ends a client", "ended with KeyError: 'second', and no fault had struck"),
        (raises_before, 1, "no error ends a client", "alice ended with LookupError, and no fault had struck"),
        (waits_for_ever, 2, "everybody comes to an end", "alice and bob never came to an end: At "),
    ],
)
def test_an_end_without_a_fault_is_shown_whatever_the_promise_looks_at(
    body: Any, broken: int, promise: str, said: str
) -> None:
    """Each of these looks at what such clients never do. The control ends well."""
    for invariant in (nothing_wrong, at_most(1), [nothing_wrong]):
        found = explore(body, invariant)
        assert (found.failures, found.holds, head(found)) == (broken, False, ("bad", "✗ Broken"))
        assert found.violation is not None
        assert found.violation.promise == promise
        assert said in found.violation.text
        assert found.code is not None
        assert explore(body, invariant, code=found.code).violation == found.violation
    twin = explore(mended, nothing_wrong)
    assert (twin.failures, twin.holds, head(twin)) == (0, True, ("good", "✓ Holds in every schedule"))


def test_a_loop_without_end_is_shown() -> None:
    found = explore(goes_round, nothing_wrong, clients=1, schedules=3)
    assert found.violation is not None
    assert found.violation.promise == "everybody comes to an end"


def test_a_fault_excuses_an_error_but_not_a_mistake() -> None:
    """A reply that is lost ends a client that does not try again; that its handler has a bug is no fault's doing."""

    async def gives_up(redis: Any, me: str) -> None:
        await redis.incr("n")

    async def handles_it_wrong(redis: Any, me: str) -> None:
        try:
            await redis.incr("n")
        except Exception as error:
            raise error.nothing from error  # type: ignore[attr-defined]

    assert explore(gives_up, nothing_wrong, faults=["lose reply"]).holds
    wrong = explore(handles_it_wrong, nothing_wrong, faults=["lose reply"])
    assert wrong.violation is not None
    assert wrong.violation.text.endswith("has no attribute 'nothing'")
    assert wrong.shown is not None
    assert wrong.shown.schedule.faults == 1
    without = explore(gives_up, faults=["lose reply"])
    assert without.violation is not None
    assert without.violation.promise == "all end"


def test_a_crash_is_no_error() -> None:
    assert explore(mended, nothing_wrong, faults=["crash"]).holds


def test_played_by_hand_nobody_has_failed_before_the_end() -> None:
    panel = Explored(explore(mended, nothing_wrong)).by_hand()
    panel.move(0)
    assert panel.game.violation is None
    raising = Explored(explore(always_raises, nothing_wrong)).by_hand()
    assert raising.game.violation is not None


# -- nothing to judge -------------------------------------------------------------------------------------------------


async def does_nothing(redis: Any, me: str) -> None:
    pass


async def only_alice(redis: Any, me: str) -> None:
    if me == "alice":
        await redis.incr("n")


@pytest.mark.parametrize(
    ("body", "clients", "said"),
    [
        (does_nothing, 2, "No client ran a command, so there was nothing to judge."),
        (only_alice, 2, "In no schedule did bob run a command, so nothing was learned about that client."),
        (only_alice, 3, "In no schedule did bob or carol run a command, so nothing was learned about those clients."),
    ],
)
def test_a_promise_holds_only_of_clients_that_did_something(body: Any, clients: int, said: str) -> None:
    found = explore(body, nothing_wrong, clients=clients)
    assert (found.failures, found.holds) == (0, False)
    assert said in found.text
    assert head(found) == ("calm", "○ Nothing found, and not all of it was seen")


def test_a_client_that_is_idle_in_some_schedules_is_no_idler() -> None:
    """Whoever comes second does nothing; each of them comes first in some schedule."""

    async def first_only(redis: Any, me: str) -> None:
        if await redis.set("first", me, nx=True):
            await redis.incr("n")

    assert explore(first_only, nothing_wrong).holds


def test_the_verdict_counts_commands_and_faults() -> None:
    """Two clients, one command each: 2 orders with 2 commands; a fault of each kind at each of two sends in each order.
    A crash leaves 1 of 2 commands, a lost reply 2, a node that goes down those before it: 4 + 4 + 8 + 2."""
    found = explore(mended, nothing_wrong, faults=["crash", "lose reply", "node down"])
    said = "The clients ran 18 commands in these schedules; 4 crashes, 4 lost replies and 4 dead nodes struck. "
    assert said in found.text
    assert dict(found.seen.struck) == {"crash": 4, "lose reply": 4, "node down": 4}
    one = explore(mended, nothing_wrong, clients=1)
    assert one.text == (
        "None of 1 schedule of 1 client breaks a promise. The clients ran 1 command in these schedules. The one "
        "line of your code ran. 1 schedule played twice was the same each time."
    )


def test_a_fault_that_never_struck_is_no_proof() -> None:
    """Time ran out after the orders without a fault."""
    found = explore(mended, nothing_wrong, faults=["crash", "pause"])
    assert found.missing == []
    found.played = [one for one in found.played if not one.faults]
    assert found.missing == ["no crash or pause struck"]
    assert (found.holds, head(found)[0]) == (False, "calm")
    assert found.text.endswith("No crash or pause struck.")


def test_what_an_attempt_saw_that_was_given_up_is_not_counted() -> None:
    whole = explore(mended, nothing_wrong, clients=3)
    again = explore(mended, nothing_wrong, clients=3, schedules=2)
    assert (whole.schedules, whole.seen.commands) == (6, 18)
    assert again.seen.commands == 3 * again.schedules


# -- time -------------------------------------------------------------------------------------------------------------


async def sleeps(redis: Any, me: str) -> None:
    await redis.incr("n")
    await asyncio.sleep(0.5)
    await redis.incr("n")


async def waits_with_a_limit(redis: Any, me: str) -> None:
    async with asyncio.timeout(1):
        await redis.incr("n")


async def expires(redis: Any, me: str) -> None:
    await redis.set("n", 1, ex=60)


async def expires_by_script(redis: Any, me: str) -> None:
    await redis.eval("return redis.call('SET', KEYS[1], 1, 'PX', 500)", 1, "n")


async def deletes_twice(redis: Any, me: str) -> None:
    await redis.set("n", 1, px=100)
    await asyncio.sleep(0.5)
    await redis.delete("n")


SLEEPS, TTL = "our code sleeps or waits with a limit", "a key has a TTL"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (sleeps, f"Y{SLEEPS}; here"), (waits_with_a_limit, f"Y{SLEEPS}; here"), (expires, f"A{TTL[1:]}; here"),
        (expires_by_script, f"A{TTL[1:]}; here"), (deletes_twice, f"Y{SLEEPS}, and {TTL}; here"),
    ],
)  # fmt: skip
def test_that_time_stands_still_while_commands_wait_is_said_where_it_matters(body: Any, said: str) -> None:
    """The control neither sleeps nor gives a TTL; and where a pause strikes, there are delays."""
    assert said in explore(body, nothing_wrong).text
    assert "between two commands. To try delays as well, add delays=True" in explore(body, nothing_wrong).text
    assert "time passes" not in explore(mended, nothing_wrong).text
    assert "time passes" not in explore(body, nothing_wrong, faults=["pause"]).text


def test_a_setup_that_sleeps_says_nothing_about_the_code() -> None:
    async def prepares(redis: Any) -> None:
        await asyncio.sleep(1)
        await redis.set("visits", 3)

    assert "time passes" not in explore(mended, nothing_wrong, setup=prepares).text


# -- what is printed --------------------------------------------------------------------------------------------------


async def prints(redis: Any, me: str) -> int:
    seen = int(await redis.get("visits") or 0)
    print(f"{me} saw {seen}", "." * 900)
    await redis.set("visits", seen + 1)
    return seen


def all_different(run: Play) -> str | None:
    return None if len(set(run.results.values())) == len(run.results) else "two alike"


def test_what_code_prints_is_that_of_the_run_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed while it plays; the shown run has both clients read 0, and no more is kept than of a check."""
    found = explore(prints, all_different, clients=(2, 3))
    assert capsys.readouterr() == ("", "")
    assert found.printed.startswith("alice saw 0 .....")
    assert found.printed.count("saw 0") == 2
    assert len(found.printed) < 2_000
    long = explore([prints, prints, prints], lambda run: "all" if len(run.results) == 3 else None)
    assert long.printed.count("saw") == 3
    assert len(long.printed) == 2_000
    text = Explored(found)._repr_mimebundle_()
    assert "bob saw 0" in text["text/html"]
    assert "Printed: alice saw 0" in text["text/plain"]
    quiet = explore(mended, lambda run: "never")
    assert quiet.printed == ""
    assert "printed" not in Explored(quiet)._repr_mimebundle_()["text/html"]


def test_what_was_printed_before_an_error_comes_out_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    async def typo(redis: Any, me: str) -> None:
        print("so far so good")
        await redis.get(unknown)  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(NameError):
        explore(typo)
    assert "so far so good" in capsys.readouterr().out


def test_a_bar_prints_where_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    explore(prints, all_different, progress=lambda tally: print("bar"))
    assert set(capsys.readouterr().out.split()) == {"bar"}


# -- in words ---------------------------------------------------------------------------------------------------------


def test_no_more_is_kept_of_a_run_than_a_check_keeps() -> None:
    printed = Printed()
    for part in ("a" * (MOST - 1), "bc", "d"):
        assert printed.write(part) == len(part)
    assert printed.text == "a" * 1_999 + "b"
    printed.forget()
    print("anew", file=printed)
    assert printed.text == "anew\n"


def faulty(*kinds: str) -> Trial:
    return Trial("yours", (), lambda world, clients: None, lambda run: (), faults=dict.fromkeys(kinds, 1.0))  # type: ignore[arg-type]


def test_what_was_seen_is_counted_in_words() -> None:
    both = Activity(1, {"a"}, {"a"}, Counter({"crash": 1})) + Activity(
        1_999, {"b"}, {"b"}, Counter({"crash": 1, "pause": 1})
    )
    assert both == Activity(2_000, {"a", "b"}, {"a", "b"}, Counter({"crash": 2, "pause": 1}))
    assert told(both, faulty().kinds) == "the clients ran 2,000 commands in these schedules"
    assert told(both, faulty("crash", "pause", "lose reply").kinds) == (
        "the clients ran 2,000 commands in these schedules; 2 crashes and 1 pause struck"
    )
    assert list(missing(both, faulty("crash", "pause"))) == []
    assert list(missing(both, faulty("crash", "lose reply", "clock step"))) == ["no lost reply or clock step struck"]
    assert list(missing(Activity(), faulty("crash"))) == ["no client ran a command, so there was nothing to judge"]
    assert untimed(Clocks(), faulty()) == untimed(Clocks(True, True), faulty("crash", "pause")) == ""
    assert untimed(Clocks(sleeps=True), faulty("crash")).startswith("your code sleeps or waits with a limit; here time")
    assert untimed(Clocks(expires=True), faulty()).startswith("a key has a TTL; here time")


def run_of(results: dict[str, Any], **options: Any) -> Play:
    return Play(Schedule(2, **options), Trace("simulated", 0), results, None, 3.0, 0)


def test_promises_become_one_judge() -> None:
    def is_two(run: Play) -> str | None:
        return None if run.results["a"] == 2 else f"it is {run.results['a']}"

    def warns(run: Play) -> list[Violation]:
        return [Violation("warned", "twice", "a", 1.0)]

    assert list(judge_of(is_two)(run_of({"a": 2}))) == []
    assert list(judge_of(is_two)(run_of({"a": 3}))) == [Violation("is two", "it is 3")]
    assert [one.promise for one in judge_of([is_two, warns])(run_of({"a": 3}))] == ["is two", "warned"]
    silent = judge_of(lambda run: None)
    error, cut_off = OSError("no disk"), asyncio.CancelledError()
    assert [one.text for one in silent(run_of({"a": error}))] == [
        "a ended with OSError: no disk, and no fault had struck"
    ]
    assert list(silent(run_of({"a": error}, kind="crash", at=1))) == []
    assert [one.who for one in silent(run_of({"a": 1, "b": TypeError("x")}, kind="crash", at=1))] == ["b"]
    assert [one.text for one in silent(run_of({"a": cut_off}))] == [
        "a ended with CancelledError, and no fault had struck"
    ]
    stopped = run_of({"a": cut_off})
    stopped.stopped = Deadlock("nobody moves")
    assert [one.text for one in silent(stopped)] == ["a never came to an end: nobody moves"]
    assert [one.text for one in judge_of(None)(stopped)] == ["a never came to an end: nobody moves"]
    stopped.stopped = HeldBack([])
    assert [*silent(stopped), *judge_of(None)(stopped)] == []
    assert [one.promise for one in judge_of(None)(run_of({"a": error}, kind="crash", at=1))] == ["all end"]


# -- what an invariant says -------------------------------------------------------------------------------------------


def test_the_exit_of_a_body_ends_its_client_only() -> None:
    found = explore(leaves)
    assert {violation.promise for violation in found.shown.violations} == {"all end"}
    assert "alice ended with Exited: it called exit()" in found.shown.violations[0].text
    assert len(found.shown.trace.events) == 2


@pytest.mark.parametrize("said", [True, False, 3, [1], ["lost", 0]])
def test_an_invariant_that_says_neither_a_sentence_nor_nothing_is_refused(said: Any) -> None:
    """False could mean that nothing was violated, or that the promise does not hold."""

    def holds(run: Play) -> Any:
        return said

    with pytest.raises(ValueError, match="invariant 'holds' returned .* Return a sentence"):
        explore(mended, holds)


@pytest.mark.parametrize(("said", "broken"), [(None, False), ("", False), ([], False), ("lost", True), (("a",), True)])
def test_what_an_invariant_may_say(said: Any, broken: bool) -> None:
    assert bool(explore(mended, lambda run: said).failing) == broken


async def looks_at_a_clock(redis: Any, me: str) -> str | None:
    began = time.monotonic()
    await redis.get("a")
    return "slow" if time.monotonic() > began + 0.5 else None


def nobody_is_slow(run: Play) -> str | None:
    return "slow" if "slow" in run.results.values() else None


def test_that_only_a_pause_shows_what_a_clock_is_asked_for_is_said() -> None:
    """No timer and no TTL says how long a delay could be."""
    plain, late = (explore(looks_at_a_clock, nobody_is_slow, delays=each) for each in (False, True))
    pause = 'add faults={"pause": seconds}'
    assert "Your code asks what time it is; here time passes only while no command is waiting to run" in plain.text
    assert f"To try delays as well, {pause}." in plain.text
    assert f"is, but no timer and no TTL says how long a delay could be. To try one, {pause}." in late.text
    paused = explore(looks_at_a_clock, nobody_is_slow, delays=True, faults={"pause": 1.0})
    assert paused.violation is not None
    assert "what time it is" not in paused.text
    assert "what time it is" not in explore(mended, nothing_wrong, delays=True).text


# -- errors that asyncio hides -----------------------------------------------------------------------------------------


async def raises_on_second(redis: Any) -> None:
    if await redis.incr("n") > 1:
        raise RuntimeError("the second")


async def awaits_nothing(redis: Any, me: str) -> None:
    task = asyncio.create_task(raises_on_second(redis))
    await asyncio.sleep(0.1)
    assert task.done()


async def keeps_a_circle(redis: Any, me: str) -> None:
    """The task is garbage that only a collection finds."""
    task: Any = asyncio.create_task(raises_on_second(redis))
    held = [task]
    held.append(held)
    await asyncio.sleep(0.1)


async def keeps_a_task(redis: Any, me: str) -> None:
    KEPT.add(asyncio.create_task(raises_on_second(redis)))
    await asyncio.sleep(0.1)


KEPT: set[Any] = set()


async def looks_at_it(redis: Any, me: str) -> None:
    task = asyncio.create_task(raises_on_second(redis))
    await asyncio.wait([task])
    task.exception()


async def is_in_a_group(redis: Any, me: str) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(raises_on_second(redis))


@pytest.mark.parametrize("body", [awaits_nothing, keeps_a_circle, keeps_a_task])
def test_an_error_in_a_task_that_nobody_awaits_breaks_a_promise(body: Any) -> None:
    """The control looks at it. Under a fault it is excused, as the error of a client is."""
    found = explore(body, nothing_wrong)
    assert (found.failures, found.schedules) == (2, 2)
    assert found.violation is not None
    assert found.violation.promise == "no error goes unheard"
    assert "a task ended with RuntimeError: the second, and nobody awaited it" in found.violation.text
    assert explore(body).failures == 2
    assert explore(looks_at_it, nothing_wrong).holds
    struck = explore(body, nothing_wrong, faults=["lose reply"]).played[-1]
    assert (struck.faults, struck.failures) == (1, 0)


def test_the_errors_in_a_group_are_named() -> None:
    found = explore(is_in_a_group)
    assert found.violation is not None
    assert found.violation.text == "bob ended with ExceptionGroup of RuntimeError: the second"


class Unsayable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


async def raises_what_cannot_be_said(redis: Any, me: str) -> None:
    await redis.incr("n")
    raise Unsayable


def test_an_error_without_a_text_is_named_by_its_class() -> None:
    found = explore(raises_what_cannot_be_said)
    assert found.violation is not None
    assert found.violation.text == "alice ended with Unsayable"


async def mistypes(redis: Any) -> None:
    await redis.incr(undefined)  # type: ignore[name-defined]  # noqa: F821


async def mistypes_at_once(redis: Any, me: str) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(mistypes(redis))


async def mistypes_if_second(redis: Any, me: str) -> None:
    if await redis.incr("n") > 1 and me == "alice":
        await mistypes_at_once(redis, me)


def test_a_mistake_in_a_group_is_a_mistake() -> None:
    """It is raised at once where the first run has it, and no fault excuses it."""
    with pytest.raises(NameError, match="undefined"):
        explore(mistypes_at_once, nothing_wrong)
    struck = explore(mistypes_if_second, nothing_wrong, faults=["clock step"]).played[-1]
    assert (struck.faults, struck.failures) == (1, struck.schedules // 2)
    assert "ended with ExceptionGroup of NameError" in struck.failing["no error ends a client"].violations[0].text
