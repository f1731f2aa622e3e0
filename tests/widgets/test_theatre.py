"""The theatre without a browser: what it takes, and what it asks of the browser."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from grading.programs import wrong
from views.samples import crowd, two_holders

from course_lib.explore import Schedule, play
from course_lib.explore.invariants import no_lost_update
from course_lib.grading import check
from course_lib.grading.verdict import Verdict
from course_lib.lessons.stampedes import burst
from course_lib.widgets.explore import explore
from course_lib.widgets.theatre import HERE, NothingToPlay, theatre
from course_lib.worlds import Embedded


async def count(redis: Any, me: str) -> None:
    seen = int(await redis.get("used") or 0)
    await redis.set("used", seen + 1)


async def loads(redis: Any, load: Any, caller: Any) -> str:
    if (page := await redis.get("page")) is None:
        page = await load()
        await redis.set("page", page, ex=60)
    return str(page)


def violations(shown: Any) -> list[str]:
    return [sign[3] for sign in theatre(shown).staged.data["signs"] if sign[1] == "violation"]


def test_it_plays_whatever_has_a_run() -> None:
    """A trace; what `explore` found, its findings and its run; an experiment's result. The violation is marked once."""
    found = explore(count, no_lost_update("used"), clients=2)
    for shown in (found, found.found, found.found.shown):
        assert violations(shown) == ["used is 1"]
        assert violations(shown) == ["used is 1"], "the run that was given is as it was"
    assert violations(two_holders()) == ["Two clients hold the lock"]
    assert len(theatre(burst(loads, callers=3)).staged.data["loads"]) == 3


def test_it_plays_the_failure_of_a_check() -> None:
    """And says in a sentence that there is none where the answer passed or was not there."""

    verdict = check("03.1", wrong("03.1")[0][1])
    assert isinstance(verdict, Verdict)
    assert verdict.shown is not None
    assert theatre(verdict).trace.events == verdict.shown.trace.events
    assert len(violations(verdict.shown)) == 1, "it is marked already"
    with pytest.raises(NothingToPlay, match="no run here to play"):
        theatre(check("03.1", ...))
    with pytest.raises(NothingToPlay, match="no run here to play"):
        theatre("a string")


async def keeps_for_two_ms(redis: Any, me: str) -> Any:
    await redis.set(me, "1", px=2)
    await redis.get("a")
    await redis.get("b")
    return await redis.get(me)


@pytest.mark.parametrize(("body", "slow"), [(count, True), (keeps_for_two_ms, False)])
def test_a_run_that_breaks_nothing_is_played_slowly_unless_that_changes_an_answer(body: Any, slow: bool) -> None:
    """By a millisecond for each turn. After three of them the key of the second program would be gone."""
    found = explore(body, lambda run: None, clients=1).found
    quick = play(found.trial, Schedule(1, turns=()))
    shown = theatre(SimpleNamespace(trial=found.trial, shown=quick)).trace
    last = shown.events[-1].t_server or 0.0
    assert (quick.trace.events[-1].t_server or 0.0) < 0.001
    assert (last > 0.001) == slow
    assert [event.reply for event in shown] == [event.reply for event in quick.trace]


def test_it_plays_what_a_server_was_really_asked() -> None:
    """A record that no simulation made: the server's own moments are estimates there, and nothing is lost."""
    world = Embedded()
    world.client("ann", count, world.redis(), "ann")
    world.run()
    shown = theatre(world.trace)
    assert world.trace.world == "embedded"
    assert [cue[1].split(" · ")[1] for cue in shown.staged.cues] == [
        "ann → redis  GET used  ⇒  nil", "ann → redis  SET used 1  ⇒  OK",
    ]  # fmt: skip
    assert [state[1] for state in shown.staged.data["keys"][0][2]] == [None, "1"]


def test_go_shows_a_moment_and_tells_its_line() -> None:
    shown = theatre(two_holders())
    assert shown.line == ""
    shown.go(1)
    assert shown.line == "0.5 ms · a → redis  SET lock tok-a NX PX 30  ⇒  OK"
    shown.go(1000)
    assert shown.stage.position == len(shown.staged.cues)


def test_the_whole_run_is_there_in_words() -> None:
    """Numbers and the finding: for who listens, and in place of the widget where there is none."""
    told = theatre(two_holders()).text
    assert "Violation at 41 ms, a: Two clients hold the lock" in told
    assert "lock on redis: taken by a at 0.5 ms, taken by b at 33.5 ms, expires at 30.5 ms" in told


def test_a_thousand_clients_are_prepared_within_reason() -> None:
    """Five thousand commands take less than two megabytes; the browser gets them once."""
    import json

    assert len(json.dumps(theatre(crowd(1000, 5)).staged.data)) < 2_000_000


def test_the_script_asks_nobody() -> None:
    """One file that can be read: it imports nothing, and names no address."""
    script = (HERE / "theatre.js").read_text(encoding="utf-8") + (HERE / "theatre.css").read_text(encoding="utf-8")
    assert re.search(r"https?:|//\w+\.|\bimport\b|\bfetch\(|XMLHttp|WebSocket|url\(", script) is None
    assert max(map(len, script.splitlines())) <= 120


def test_a_run_with_a_code_hands_it_out() -> None:
    """What was explored can be played by the room; a lone trace has no code."""
    found = explore(count, no_lost_update("used"), clients=2)
    shown = theatre(found)
    assert shown.code == found.found.code
    assert any(shown.code in getattr(one, "value", "") for one in shown.box.children)
    assert theatre(two_holders()).code == ""
