"""Sessions against a plain Python model, step by step, with an exact clock; and controls that the model rejects."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from course_lib.patterns import sessions as module
from course_lib.patterns.sessions import Sessions
from course_lib.worlds import Simulated

from . import broken_sessions as broken

IDLE, LIFETIME, TOUCH = 4.5, 8.25, 1.0  # never a sum of whole seconds, so no step falls on an end
FIELDS = st.dictionaries(st.sampled_from(["user", "cart"]), st.text(max_size=3), max_size=2)
WORLD = Simulated(latency=lambda *_: 0.0)


@dataclass
class Known:
    """What the model knows of one session."""

    data: dict[str, str]
    deadline: float
    end: float


class Against(RuleBasedStateMachine):
    """The real thing and the model, side by side."""

    kind: type[Sessions] = Sessions

    def __init__(self) -> None:
        super().__init__()
        self.world = WORLD.rewind(0)
        numbers = count()
        self.sessions = self.kind(
            self.world.redis(),
            "shop",
            idle=IDLE,
            lifetime=LIFETIME,
            touch_every=TOUCH,
            token=lambda: f"{next(numbers):032x}",
        )
        self.model: dict[str, Known] = {}
        self.ids = ["", "forged"]
        self.steps = count()

    def do(self, act: Callable[..., Awaitable[Any]], *args: Any, **fields: Any) -> Any:
        name = f"step {next(self.steps)}"

        async def step() -> Any:
            return await act(*args, **fields)

        self.world.client(name, step)
        result = self.world.run()[name]
        if isinstance(result, Exception):
            raise result
        return result

    def alive(self, session: str) -> Known | None:
        known = self.model.get(session)
        return known if known and self.world.now() < known.end else None

    @rule(which=st.integers(0, 20), fields=FIELDS)
    def log_in(self, which: int, fields: dict[str, str]) -> None:
        old = self.ids[which % len(self.ids)]
        new = self.do(self.sessions.log_in, old, **fields)
        assert new not in self.ids
        before, now = self.alive(old), self.world.now()
        self.model.pop(old, None)
        self.model[new] = Known((before.data if before else {}) | fields, now + LIFETIME, now + IDLE)
        self.ids.append(new)

    @rule(which=st.integers(0, 4), fields=FIELDS)
    def use(self, which: int, fields: dict[str, str]) -> None:
        session = self.ids[-1 - which % len(self.ids)]
        found, known, now = self.do(self.sessions.use, session, **fields), self.alive(session), self.world.now()
        if known is None:
            assert found is None
            return
        known.data |= fields
        assert found == known.data
        if known.end <= now + IDLE - TOUCH:
            known.end = min(now + IDLE, known.deadline)

    @rule(which=st.integers(0, 20))
    def log_out(self, which: int) -> None:
        session = self.ids[which % len(self.ids)]
        self.do(self.sessions.log_out, session)
        self.model.pop(session, None)

    @rule(seconds=st.integers(1, 3))
    def wait(self, seconds: int) -> None:
        self.do(passing, seconds)


async def passing(seconds: int) -> None:
    """Let virtual time pass."""
    await asyncio.sleep(seconds)


BOUNDS = settings(max_examples=40, stateful_step_count=25, deadline=None, derandomize=True, database=None)
REJECTING = settings(BOUNDS, phases=[Phase.generate])  # to fail is all that is asked for


def test_sessions_do_what_the_model_does() -> None:
    """Any order of log-ins, uses, log-outs and pauses: the same data, the same ends, to the millisecond."""
    run_state_machine_as_test(Against, settings=BOUNDS)  # type: ignore[no-untyped-call]


def test_the_model_rejects_a_use_that_writes_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "USE", broken.WRITES_UNCHECKED)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Against, settings=REJECTING)  # type: ignore[no-untyped-call]


def test_the_model_rejects_a_log_in_that_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEGIN", broken.COPIES)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Against, settings=REJECTING)  # type: ignore[no-untyped-call]


def test_the_model_rejects_a_log_in_that_keeps_the_id() -> None:
    class Fixated(Against):
        kind = broken.KeepsItsId

    with pytest.raises(AssertionError):
        run_state_machine_as_test(Fixated, settings=REJECTING)  # type: ignore[no-untyped-call]
