"""What breaks a promise, in two facts: where a judge names none, they are found in the run."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import ResponseError

from course_lib.explore import Fact, Play, Schedule, Violation
from course_lib.grading.acts import Act
from course_lib.grading.facts import facts_of
from course_lib.trace import Event, Note, Trace


def run(*events: Event, notes: tuple[Note, ...] = (), acts: tuple[Act, ...] = (), kind: Any = None) -> Play:
    trace = Trace("simulated", 0, list(events), list(notes))
    return Play(Schedule(2, kind=kind, at=1), trace, {}, SimpleNamespace(acts=acts), 1.0, 0)


def ran(t: float, who: str, command: str, reply: Any, fault: str | None = None) -> Event:
    return Event(who, "redis", tuple(part.encode() for part in command.split()), t - 0.001, t, t + 0.001, reply, fault)


def texts(facts: tuple[Fact, ...]) -> list[str]:
    return [f"{fact.who}: {fact.text}" for fact in facts]


LOST = (
    ran(0.01, "alice", "GET n", b"4"), ran(0.02, "bob", "GET n", b"4"), ran(0.03, "carol", "SET m 1", b"OK"),
    ran(0.04, "bob", "SET n 5", b"OK"), ran(0.05, "carol", "GET m", b"1"), ran(0.06, "alice", "SET n 5", b"OK"),
)  # fmt: skip


def test_the_command_at_that_moment_and_what_another_wrote_under_the_same_key() -> None:
    found = facts_of(run(*LOST), Violation("exact", "A count of n is lost.", "alice", 0.06, "lost"))
    assert texts(found) == ["bob: SET n 5 → OK", "alice: SET n 5 → OK"]


def test_what_the_sentence_names_by_its_moment_goes_first() -> None:
    found = facts_of(run(*LOST), Violation("exact", "alice wrote what it had read at 10 ms.", "alice", 0.06, "lost"))
    assert texts(found)[0] == 'alice: GET n → "4"'


def test_a_moment_is_not_found_within_another_number() -> None:
    found = facts_of(run(*LOST), Violation("exact", "A count of n is lost after 1,010 ms.", "alice", 0.06, "lost"))
    assert texts(found)[0] == "bob: SET n 5 → OK"


def test_a_write_that_changed_nothing_is_not_what_breaks_it() -> None:
    refused = ran(0.05, "bob", "SET n 5 NX", None)
    found = facts_of(run(*LOST[:4], refused, LOST[-1]), Violation("exact", "A count of n is lost.", "alice", 0.06))
    assert texts(found)[0] == "bob: SET n 5 → OK"


def test_a_fault_that_struck_is_one_of_the_two() -> None:
    lost = ran(0.01, "alice", "SET lock a NX", b"OK", "reply lost")
    waits = [ran(t / 100, "bob", "SET lock b NX", None) for t in range(2, 9)]
    found = facts_of(run(lost, *waits, kind="lose reply"), Violation("ends", "bob waited.", "bob", 0.085, "too late"))
    assert texts(found) == ["alice: SET lock a NX → OK, reply lost", "bob: too late"]


def test_of_a_call_that_is_named_by_its_beginning_it_is_what_it_came_to() -> None:
    act = Act("alice", "hits", 0.0, 0.07, 5)
    found = facts_of(run(*LOST, acts=(act,)), Violation("cost", "It took 2 round trips.", "alice", 0.0, "cost"))
    assert texts(found)[-1] == "alice: is told 5"
    assert found[-1].t == 0.07


def test_an_error_that_comes_out_came_from_the_command_that_was_refused() -> None:
    error = ResponseError("invalid expire time in 'set' command")
    act = Act("alice", "a page", 0.0, 0.07, error)
    told = Violation("errors", f"alice ended with ResponseError: {error}.", "alice", 0.07)
    first, last = texts(facts_of(run(ran(0.05, "alice", "SET n 5 EX 0", error), acts=(act,)), told))
    assert first.startswith("alice: SET n 5 EX 0 → (error)")
    assert last.startswith("alice: ends with ResponseError")


def test_the_same_step_told_twice_is_not_two_facts() -> None:
    began, wrote = ran(0.02, "bob", "GET n", b"4"), ran(0.06, "alice", "SET n 5", b"OK")
    found = facts_of(
        run(began, wrote, notes=(Note("alice", "hold", 0.06, text="n"),)), Violation("p", "n", "alice", 0.06)
    )
    assert texts(found) == ['bob: GET n → "4"', "alice: SET n 5 → OK"]


def test_where_nothing_came_before_it_is_that_nothing_came_after() -> None:
    found = facts_of(run(ran(0.01, "alice", "SET n 5", b"OK")), Violation("ends", "n has no TTL.", "alice", 0.01))
    assert texts(found) == ["alice: SET n 5 → OK", "alice: does nothing more until the end"]


@pytest.mark.parametrize("found", [Violation("p", "Something."), Violation("p", "Something.", "zoe", 0.0, "no text")])
@pytest.mark.parametrize("of", [run(), run(*LOST), run(notes=(Note("bob", "crash", 0.3),)),
                                run(acts=(Act("bob", "x", 0.1, math.inf),))])  # fmt: skip
def test_there_are_always_two_in_order_and_different(found: Violation, of: Play) -> None:
    first, second = facts_of(of, found)
    assert first != second
    assert first.t <= second.t <= of.now
    assert first.who
    assert first.text
    assert second.who
    assert second.text
