"""Histories that are linearizable and histories that are not: published ones, some by hand, and by every order."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import permutations
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.explore import Play, Schedule
from course_lib.explore.invariants import linearizable
from course_lib.explore.linearizability import UNKNOWN, Call, Model, State, counter, cut, linearization, register
from course_lib.trace import Trace


def history(*rows: tuple[str, str, object, object, float, float]) -> list[Call]:
    return [Call(*row) for row in rows]


# The register of Herlihy and Wing, "Linearizability", ACM TOPLAS 12(3), 1990, doi:10.1145/78969.78972.
LATE_WRITE = history(
    ("A", "write", 0, "OK", 0, 10), ("B", "write", 1, "OK", 1, 2), ("A", "read", None, 1, 11, 12),
    ("C", "write", 0, "OK", 13, inf), ("B", "read", None, 0, 14, 15),
)  # fmt: skip
WRITE_UNDER_WAY = history(
    ("A", "write", 0, "OK", 0, 10), ("B", "write", 1, "OK", 1, 2), ("A", "read", None, 1, 11, 12),
    ("C", "write", 0, UNKNOWN, 13, inf), ("B", "read", None, 1, 14, 15),
)  # fmt: skip
STALE_READ = history(
    ("A", "write", 0, "OK", 0, 1), ("B", "write", 1, "OK", 2, 3),
    ("A", "read", None, 1, 4, 5), ("B", "read", None, 0, 6, 7),
)  # fmt: skip
NEW_THEN_OLD = history(
    ("A", "write", 0, "OK", 0, 1), ("B", "write", 1, "OK", 2, 9),
    ("A", "read", None, 1, 3, 4), ("C", "read", None, 0, 5, 6),
)  # fmt: skip


@pytest.mark.parametrize(
    ("calls", "accepted"), [(LATE_WRITE, True), (WRITE_UNDER_WAY, True), (STALE_READ, False), (NEW_THEN_OLD, False)]
)
def test_a_register_never_goes_back(calls: list[Call], accepted: bool) -> None:
    assert (linearization(calls, register, None) is not None) is accepted


# -- with the verdicts of two published checkers ----------------------------------------------------------------------

# The histories and verdicts of Porcupine's own tests, TestRegisterModel and TestZeroDuration:
# https://github.com/anishathalye/porcupine/blob/master/porcupine_test.go. The first two are from a quiz of MIT 6.824.
PORCUPINE = {
    "overlapping": ([("w", 100, 0, 100), ("r", 100, 25, 75), ("r", 0, 30, 60)], True),
    "back again": ([("w", 200, 0, 100), ("r", 200, 10, 30), ("r", 0, 40, 90)], False),
    "no duration": ([("w", 100, 0, 100), ("r", 100, 25, 75), ("r", 0, 30, 30), ("r", 0, 30, 30)], True),
    "no duration, back again": ([("w", 200, 0, 100), ("r", 200, 10, 10), ("r", 200, 10, 10), ("r", 0, 40, 90)], False),
}


@pytest.mark.parametrize("name", PORCUPINE)
def test_it_agrees_with_porcupine(name: str) -> None:
    rows, accepted = PORCUPINE[name]
    calls = [
        Call(f"c{at}", "write", value, "OK", start, end)
        if kind == "w"
        else Call(f"c{at}", "read", None, value, start, end)
        for at, (kind, value, start, end) in enumerate(rows)
    ]
    assert (linearization(calls, register, 0) is not None) is accepted


# The histories, verdicts and culprits of Knossos's own tests: "+" begins, "." ends, "?" crashes; from
# https://github.com/jepsen-io/knossos/tree/master/data/cas-register/bad and test/knossos/wgl_test.clj.
KNOSSOS = {
    "bad-analysis": (
        "4+w2 4. 6+r? 1+w4 1. 14+r4 14. 9+w0 9. 19+r0 20+w1 19. 22+r3 21+r2 21. 22.", "21: read() → 2",
    ),
    "rethink-fail-minimal": ("0+w0 0. 1+r3 2+w4 1. 2. 3+r4 3.", "1: read() → 3"),
    "preserves-indices": ("0+w1 0. 0+r2 0.", "0: read() → 2"),
    "read-wrong-initial-value": ("0+r1 0.", "0: read() → 1"),
    "crash": ("0+w1", None),
    "sequential": ("0+r0 0.", None),
}  # fmt: skip


def of_events(text: str) -> list[Call]:
    """Calls from what began and ended, in order; those that never end have no result."""
    calls: dict[str, Call] = {}
    done = []
    for moment, (who, sign, what, value) in enumerate(re.findall(r"(\d+)([+.])([rw]?)(\d*|\?)(?= |$)", text)):
        if sign == ".":
            begun = calls.pop(who)
            done.append(replace(begun, end=float(moment)))
        elif what == "w":
            calls[who] = Call(who, "write", int(value), "OK", moment)
        else:
            calls[who] = Call(who, "read", None, int(value) if value.isdigit() else UNKNOWN, moment)
    return done + [replace(call, result=UNKNOWN) for call in calls.values()]


@pytest.mark.parametrize("name", KNOSSOS)
def test_it_agrees_with_knossos_on_the_verdict_and_the_culprit(name: str) -> None:
    """The culprit is the first call whose end nobody can explain; the invariant names it."""
    text, culprit = KNOSSOS[name]
    calls = of_events(text)
    run = Play(Schedule(1), Trace(), {}, None, 0.0, 0)
    said = list(linearizable(register, 0 if name != "rethink-fail-minimal" else None, calls=lambda run: calls)(run))
    assert (linearization(calls, register, 0) is None) is bool(said) is (culprit is not None)
    for violation in said:
        assert violation.text.endswith(f"; {culprit}") or violation.text == f"no order explains {culprit}"
        assert f"{violation.who}: read() {violation.mark}" == culprit


# -- by hand, and by trying every order -------------------------------------------------------------------------------


def test_a_lost_update_is_no_counter() -> None:
    """Two increments that both return 1; in the control one returns 2."""
    lost = history(("a", "increment", None, 1, 0, 5), ("b", "increment", None, 1, 1, 4))
    kept = history(("a", "increment", None, 1, 0, 5), ("b", "increment", None, 2, 1, 4))
    assert linearization(lost, counter, 0) is None
    assert [call.client for call in linearization(kept, counter, 0) or []] == ["a", "b"]


def test_a_call_without_a_reply_may_or_may_not_count() -> None:
    for seen in (0, 1):
        calls = history(("a", "increment", None, UNKNOWN, 0, inf), ("b", "read", None, seen, 5, 6))
        assert linearization(calls, counter, 0) is not None
    calls = history(("a", "increment", None, UNKNOWN, 7, inf), ("b", "read", None, 1, 5, 6))
    assert linearization(calls, counter, 0) is None, "it had not begun"


def test_of_several_orders_the_one_by_beginnings_is_given() -> None:
    """The same one in each process: what a set of calls is in order of differs."""
    calls = [Call(f"c{number}", "write", number, "OK", number, 100.0) for number in range(8)]
    assert linearization(reversed(calls), register, 0) == calls


def test_at_a_moment_nobody_knows_what_is_still_to_come() -> None:
    """Neither the results of calls under way, nor calls that have not begun."""
    done, under_way, later = calls = [Call("a", "read", None, 7, start, start + 2.0) for start in (0.0, 2.0, 5.0)]
    assert cut(calls, 3.0) == [done, replace(under_way, result=UNKNOWN, end=inf)]
    assert cut(calls, 4.0) == [done, under_way]
    assert cut(calls, 5.0) == [done, under_way, replace(later, result=UNKNOWN, end=inf)]


def test_a_call_says_what_it_was() -> None:
    assert Call("bob", "write", 2, "OK").text == "bob: write(2) → 'OK'"
    assert Call("bob", "read").text == "bob: read() → UNKNOWN"


def by_trying(calls: list[Call], model: Model, initial: State) -> bool:
    """Every order of every choice of the calls that count."""
    known = [call for call in calls if call.result is not UNKNOWN]
    unknown = [call for call in calls if call.result is UNKNOWN]
    for mask in range(2 ** len(unknown)):
        counted = known + [call for at, call in enumerate(unknown) if mask >> at & 1]
        for order in permutations(counted):
            state, good = initial, True
            for at, call in enumerate(order):
                fits, state = model(state, call)
                good = good and fits and not any(later.end < call.start for later in order[at + 1 :])
            if good:
                return True
    return False


TIMES = st.tuples(st.integers(0, 8), st.integers(1, 6)).map(lambda pair: (pair[0], pair[0] + pair[1]))
COUNTS = st.one_of(
    st.tuples(st.just("increment"), st.none(), st.sampled_from([1, 2, 3, UNKNOWN])),
    st.tuples(st.just("read"), st.none(), st.sampled_from([0, 1, 2])),
)
REGISTERS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from([1, 2]), st.sampled_from(["OK", UNKNOWN])),
    st.tuples(st.just("read"), st.none(), st.sampled_from([0, 1, 2])),
    st.tuples(st.just("swap"), st.sampled_from([(0, 1), (1, 2)]), st.sampled_from([True, False])),
)


@pytest.mark.parametrize(("model", "calls"), [(counter, COUNTS), (register, REGISTERS)], ids=["counter", "register"])
@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_it_agrees_with_trying_every_order(data: st.DataObject, model: Model, calls: st.SearchStrategy) -> None:  # type: ignore[type-arg]
    rows = data.draw(st.lists(st.tuples(calls, TIMES), max_size=5))
    made = [
        Call(f"c{at}", name, argument, result, start, inf if result is UNKNOWN else end)
        for at, ((name, argument, result), (start, end)) in enumerate(rows)
    ]
    order = linearization(made, model, 0)
    assert (order is not None) is by_trying(made, model, 0)
    if order is not None:
        assert {call for call in made if call.result is not UNKNOWN} <= set(order)
