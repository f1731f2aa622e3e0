"""Scripts that touch keys which they do not declare: a server runs them, so no order of theirs may be left out."""

from __future__ import annotations

from typing import Any

import pytest

from course_lib.explore.commutativity import footprint, undeclared
from course_lib.explore.exploration import explore
from course_lib.explore.invariants import no_lost_update
from course_lib.sim.network import SimEvent

SETTINGS: dict[str, Any] = {"clients": 2, "schedules": 60}


def counting(*, declared: bool, extra: int) -> Any:
    """GET and SET in a script each, between them `extra` commands that matter to nobody else."""

    async def count(redis: Any, me: str) -> None:
        keys = ("visits",) if declared else ()
        n = int(await redis.eval("return redis.call('GET', 'visits') or '0'", len(keys), *keys))
        for at in range(extra):
            await redis.get(f"{me}:{at}")
        await redis.eval("redis.call('SET', 'visits', ARGV[1])", len(keys), *keys, n + 1)

    return count


@pytest.mark.parametrize("extra", [0, 7])
@pytest.mark.parametrize("declared", [True, False])
def test_a_lost_update_is_found_whatever_a_script_declares(declared: bool, extra: int) -> None:
    """With seven commands more there are too many orders to play them all, and the reduction begins."""
    found = explore(counting(declared=declared, extra=extra), no_lost_update("visits"), **SETTINGS)
    assert not found.holds
    assert found.failures > 0


def test_where_a_script_touches_what_it_does_not_declare_no_class_is_claimed() -> None:
    assert "class" in explore(counting(declared=True, extra=7), no_lost_update("visits"), **SETTINGS).text
    assert "class" not in explore(counting(declared=False, extra=7), no_lost_update("visits"), **SETTINGS).text


@pytest.mark.parametrize(
    ("calls", "hidden"),
    [
        ([(b"GET", b"a"), (b"TIME",)], False),
        ([(b"MGET", b"a", b"b")], True),
        ([(b"ZUNIONSTORE", b"other", b"1", b"a")], True),
        ([(b"HSCAN", b"a", b"0")], False),
    ],
)
def test_what_a_script_ran_is_compared_with_its_keys(calls: list[tuple[bytes, ...]], hidden: bool) -> None:
    """Its own event's, or, in a transaction, that of the EXEC."""
    script = SimEvent("c", "n", (b"EVAL", b"", b"1", b"a"), 0.0)
    assert undeclared([script]) is False
    script.calls = calls
    assert undeclared([script]) is hidden
    queued, ran = SimEvent("c", "n", (b"EVAL", b"", b"1", b"a"), 0.0), SimEvent("c", "n", (b"EXEC",), 0.0)
    ran.calls = calls
    assert undeclared([queued, ran]) is hidden


def test_a_malformed_script_is_a_command_of_which_nothing_is_known() -> None:
    assert footprint("n", [(b"EVAL", b"return 1", b"x")]).writes is None
