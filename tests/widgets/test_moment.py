"""Panes that show one moment of a run: what they say, what moves them, and what a step sends."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any

import pytest

from course_lib.explore import Play, Schedule, Trial, play
from course_lib.explore.moment import Fact, KeyState, PromiseState, State, reopened
from course_lib.views.palette import process_color
from course_lib.views.picture import escape
from course_lib.widgets import fallback
from course_lib.widgets.explore import explore
from course_lib.widgets.moment import Panes, _longest
from course_lib.widgets.moment_html import client_html, keys_between, promises_html, redis_html
from course_lib.widgets.scheduler import Scheduler
from course_lib.widgets.spacetime import SpaceTime
from widgets.moments import BROKEN, FILE, GET, SET, Fake


def walk(fake: Fake, **options: object) -> SpaceTime:
    return SpaceTime(fake.trace, opened=lambda: fake, **options)  # type: ignore[arg-type]


def press(shown: SpaceTime, **content: str) -> None:
    assert shown.panes is not None
    shown.panes._heard(content)


def holding(t: float, *keys: tuple[str, str, float | None, str]) -> State:
    made = tuple(KeyState("redis", key, "string", value, left, change) for key, value, left, change in keys)  # type: ignore[arg-type]
    return State(t, made, 0, (), (), "")


# -- nothing is played before somebody asks ---------------------------------------------------------------------------


def test_a_run_is_played_again_once_and_only_when_somebody_asks() -> None:
    """Not when the picture is shown, and not again at the second step."""
    fake, played = Fake(), []

    def again() -> Fake:
        played.append(1)
        return fake

    shown = SpaceTime(fake.trace, opened=again)
    assert shown.panes is not None
    assert shown.panes.board.redis == ""
    assert "Step, move the time" in shown.panes.board.note
    assert played == []
    shown.step()
    shown.step()
    assert played == [1]
    assert shown.panes.board.redis
    assert shown.panes.board.note == ""


def test_a_moment_that_is_asked_for_at_once_is_open_at_once() -> None:
    """As the moment of a violation is: the picture stands there too."""
    fake = Fake()
    shown = walk(fake, at=fake.broken)
    assert shown.position == 4
    assert shown.panes is not None
    assert "✗ broken" in shown.panes.board.promises


def test_code_that_cannot_be_played_again_leaves_the_picture() -> None:
    """The panes say why, once; stepping goes on."""

    def again() -> Fake:
        raise RuntimeError("<gone>")

    shown = SpaceTime(Fake().trace, opened=again)
    shown.step()
    shown.step()
    assert shown.position == 2
    assert shown.panes is not None
    assert "could not be played again. RuntimeError: &lt;gone&gt;" in shown.panes.board.note
    assert shown.panes.board.code == ""


def test_a_run_that_was_recorded_has_nothing_to_open() -> None:
    """As where the answer is a property, which is judged on a trace: the panes stay closed and say so."""
    fake = Fake()
    fake.states = [replace(state, keys=(), clients=()) for state in fake.states]
    shown = walk(fake, at=0.0034)
    assert shown.panes is not None
    assert not shown.panes.opened
    assert "it was recorded" in shown.panes.board.note


# -- what they say ----------------------------------------------------------------------------------------------------


def test_a_step_shows_what_changed_since_the_moment_before() -> None:
    """Alice's SET makes the key, and her local variable is new; then bob's breaks the promise."""
    shown = walk(Fake(), says={"lost": "No visit is lost"})
    assert shown.panes is not None
    board = shown.panes.board
    shown.go(2)
    assert board.redis == "<p>No key.</p>"
    assert "✓ holds:</span> No visit is lost" in board.promises
    shown.go(3)
    assert 'visits <b class="tag">new</b>' in board.redis
    assert 'seen</td><td>0 <b class="tag">new</b>' in board.clients
    shown.go(4)
    assert "✓ ended</span> · returned 0" in board.clients
    assert "0.4 ms · alice: read visits: nil" in board.promises
    assert board.text.startswith("at 3.4 ms redis holds visits = 1; alice is in line 13")
    assert board.text.endswith(f" Broken: No visit is lost. {BROKEN}.")


def test_a_client_that_has_sent_nothing_has_a_color_that_no_other_has() -> None:
    """The picture has no lane for it yet; it is the next one there, and in the code that it is about to run."""
    fake: Any = Fake()
    panes = Panes()
    panes.look_at(lambda: fake, fake.trace, ["bob"])
    panes.show(None, 0.0)
    assert "alice" in panes.board.clients
    tones = dict(re.findall(r'style="--c:([^"]+)".*?(alice|bob)', panes.board.clients))
    assert tones == {process_color(0): "bob", process_color(1): "alice"}
    assert {(who, tone) for _, who, tone, _ in panes.board.marks} == {("alice", process_color(1))}


def test_before_the_first_command_nothing_has_changed() -> None:
    """Though the key is there at the end, from where the slider came."""
    shown = walk(Fake())
    assert shown.panes is not None
    shown.go(4)
    shown.time.value = shown.time.min
    assert shown.panes.board.redis == "<p>No key.</p>"
    shown.go(0)
    assert "visits" in shown.panes.board.redis


def test_each_change_of_a_key_has_its_word() -> None:
    """What is counted down only is no change; what went comes last, with what it held."""
    before = holding(1.0, ("a", "1", None, ""), ("b", "1", 0.5, ""), ("c", "1", 2.0, ""), ("d", "1", None, ""),
                     ("e", "1", 0.9, ""), ("old", "1", None, "gone"))  # fmt: skip
    now = holding(1.6, ("a", "2", None, ""), ("c", "1", 1.4, ""), ("e", "1", 3.0, ""), ("f", "x", None, "new"))
    became = [(key.key, change) for key, change, _ in keys_between(now, before, went={("redis", "b"): "expired"})]
    assert became == [("a", "changed"), ("c", ""), ("e", "new TTL"), ("f", "new"), ("b", "expired"), ("d", "deleted")]
    assert [(k.key, change) for k, change, _ in keys_between(replace(now, keys=()), None)] == []


def test_the_time_left_runs_down_between_two_moments() -> None:
    """Where the slider stands 200 ms after the last command, 200 ms less are left; after a second the key is gone."""
    fake = Fake()
    fake.trace.note("alice", "load", 0.004, 1.5)
    shown = walk(fake)
    assert shown.panes is not None
    shown.time.value = 203.4
    assert "800 ms" in shown.panes.board.redis
    shown.time.value = 1200.0
    assert '<s>visits</s> <b class="tag">expired</b>' in shown.panes.board.redis


async def sets_and_deletes(redis: Any, me: Any) -> None:
    await redis.set("job", me, px=20)
    await redis.delete("job")
    await redis.set("long", "", ex=60)
    await asyncio.sleep(0.05)
    await redis.get("a")
    await asyncio.sleep(0.05)


def opened_walk(body: Any, schedule: Schedule, **options: Any) -> SpaceTime:
    """One client's run, opened."""
    trial = Trial(
        "t", (), lambda world, n: [world.client("ann", body, world.redis(), "ann")], lambda run: [], sizes=(1,)
    )
    run = play(trial, schedule)
    return SpaceTime(run.trace, opened=partial(reopened, trial, run), **options)


def test_a_key_that_was_deleted_has_not_expired_and_a_clock_that_is_set_sets_no_ttl() -> None:
    """From before the DEL to a moment after the TTL would have run out; and over a step of the server's clock."""
    shown = opened_walk(sets_and_deletes, Schedule(1, 0, "clock step", 4, 30.0))
    panes, events = shown.panes, shown.moments
    assert panes is not None
    first, last = events[0].what, next(m.what for m in events if m.text.count("GET a"))
    panes.show(last, None, first)
    assert '<s>job</s> <b class="tag">deleted</b>' in panes.board.redis
    panes.show(last, None, next(m.what for m in events if "SET long" in m.text))
    assert "new TTL" not in panes.board.redis
    assert "<td>long</td><td>&quot;&quot;</td>" in panes.board.redis
    assert "29,9" in panes.board.redis


def test_what_goes_on_after_the_last_command_is_the_end() -> None:
    """The slider ends with the trace, and the run a little later; a fact of then is gone to; a step back is to the last
    command; and the moment is kept when the picture is drawn anew."""
    shown = opened_walk(sets_and_deletes, Schedule(1, 0), at=inf)
    assert shown.panes is not None
    assert "ended" in shown.panes.board.clients
    shown._placed_in({"new": 1500})
    shown._placed_in({"new": 900})
    assert "ended" in shown.panes.board.clients
    shown.step_back()
    assert shown.position == len(shown.moments)
    assert "waits" in shown.panes.board.clients
    press(shown, go="9.0")
    assert "ended" in shown.panes.board.clients
    shown.step_back()
    shown.step_back()
    assert shown.position == len(shown.moments) - 1


def test_code_that_sends_nothing_is_listed_too() -> None:
    """All that happens is a load, which is a note."""

    def build(world: Any, clients: int) -> None:
        async def body() -> None:
            note = world.note("ann", "load")
            await asyncio.sleep(0.02)
            note.t_end = world.now()

        world.client("ann", body)

    trial = Trial("t", (), build, lambda run: [], sizes=(1,))
    run = play(trial, Schedule(1, 0))
    shown = SpaceTime(run.trace, opened=partial(reopened, trial, run))
    shown.step()
    assert shown.panes is not None
    assert "asyncio.sleep(0.02)" in shown.panes.board.code


def test_each_task_says_for_what_it_waits() -> None:
    async def body(redis: Any, me: Any) -> None:
        async def looks(key: str) -> None:
            await redis.get(key)

        await asyncio.gather(looks("a"), redis.get("b"))

    shown = opened_walk(body, Schedule(1, turns=()), at=0.0)
    assert shown.panes is not None
    assert shown.panes.board.clients.count('<p class="task">another task · the reply to GET') == 2
    assert "(of its other tasks one is in line " in shown.panes.board.text
    assert "; another waits for the reply to GET b)" in shown.panes.board.text
    assert "2 tasks of its own" in shown.panes.board.text
    shown.go(2)
    assert "waits for 1 task of its own" in shown.panes.board.text, "one of them is done"


def test_of_a_chain_the_innermost_line_is_where_a_client_stands() -> None:
    async def inner(redis: Any) -> None:
        await redis.get("a")

    async def body(redis: Any, me: Any) -> None:
        await inner(redis)

    shown = opened_walk(body, Schedule(1, turns=()), at=0.0)
    assert shown.panes is not None
    lines = [(int(place.split("-")[1]), innermost) for place, _, _, innermost in shown.panes.board.marks]
    assert lines == [(body.__code__.co_firstlineno + 1, False), (inner.__code__.co_firstlineno + 1, True)]


def test_a_bar_is_as_long_as_the_share_of_the_longest_ttl_that_is_left() -> None:
    early, late = (holding(t, ("a", "1", left, "")) for t, left in ((0.0, 2.0), (1.5, 0.5)))
    longest = _longest([early, late, holding(3.0)])
    assert longest == {("redis", "a"): 2.0}
    assert "width:100%" in redis_html(early, None, 0.0, longest)
    assert "width:25%" in redis_html(late, None, 0.0, longest)


def test_where_a_fact_leads_to_the_moment_no_second_button_does() -> None:
    facts = (Fact(0.001, "alice", "reads 0"), Fact(0.003, "bob", "writes 1"))
    broken = PromiseState("lost", False, 0.003, "one is lost", facts)
    assert "when it broke" not in promises_html([broken], {})
    assert "Go to 4 ms, when it broke" in promises_html([replace(broken, since=0.004)], {})


def test_a_promise_that_still_holds_leads_to_the_moment_at_which_it_breaks() -> None:
    so_far = PromiseState("lost", holds=True, since=0.004)
    assert "✓ holds" in promises_html([so_far], {})
    assert 'data-go="0.004">Go to 4 ms, when it breaks<' in promises_html([so_far], {})
    assert "data-go" not in promises_html([replace(so_far, since=None)], {})


def test_code_of_no_file_has_no_lines() -> None:
    names = dict[str, Any]()
    exec("async def body(redis, me):\n    await redis.get('a')\n", names)
    shown = opened_walk(names["body"], Schedule(1, 0), at=0.0)
    assert shown.panes is not None
    assert "came from no file" in shown.panes.board.code
    assert "body, line 2" in shown.panes.board.clients


def test_nothing_that_a_learner_writes_becomes_html() -> None:
    """Keys, values, names, locals and lines are text."""
    evil = "<b onclick=x>"
    html = redis_html(holding(0.0, (evil, evil, None, "")), None, 0.0, {})
    fake = Fake()
    client = fake.states[2].clients[0]
    frame = client.chains[0][0]
    local = replace(frame.locals[0], name=evil, text=evil)
    bad = replace(
        client, name=evil, waits_for=evil, chains=((replace(frame, function=evil, source=evil, locals=(local,)),),)
    )
    html += client_html(bad, None, "red")
    assert evil not in html
    assert html.count(escape(evil)) == 8


def test_of_many_clients_each_line_stands_in_the_code_only() -> None:
    """Five cards, each with the same line, would not fit on a screen."""
    told = []
    for clients in (3, 5):
        shown = walk(Fake(clients), at=0.0024)
        assert shown.panes is not None
        told.append(shown.panes.board.clients.count('class="src"'))
        assert shown.panes.board.clients.count(f"count, line {GET}") == 3
    assert told == [3, 0]


def test_a_limit_is_said() -> None:
    """What is not shown is said not to be."""
    fake = Fake(5)
    fake.limit = "12 clients: the first five are shown."
    shown = walk(fake, at=0.0)
    assert shown.panes is not None
    assert "12 clients: the first five are shown." in shown.panes.board.note


# -- both ways --------------------------------------------------------------------------------------------------------


def test_a_line_of_code_lights_up_what_it_sent() -> None:
    """In the picture, in the list and in words; a second press ends it."""
    shown = walk(Fake(), at=0.0034)
    assert shown.panes is not None
    line = f"0-{GET}"
    assert f'data-line="{line}"' in shown.panes.board.code
    assert f'data-line="0-{SET + 1}"' not in shown.panes.board.code, "return sends nothing"
    press(shown, line=line)
    assert ".e0{--hit:" in shown._style.value.replace(f".{shown.uid}.{shown.uid} ", "")
    assert ".r1::before{content:'◆ '}" in shown._style.value
    assert "r2::before" not in shown._style.value
    assert f"Line {GET} sent 2 commands, marked ◆: at 0.4 ms, 1.4 ms." in shown.status.value
    press(shown, line=line)
    assert "::before" not in shown._style.value
    assert shown.panes.board.pressed == ""


def test_an_event_shows_the_line_that_sent_it() -> None:
    """Which is kept in view; who stands where is marked."""
    shown = walk(Fake())
    assert shown.panes is not None
    shown.follow.picked = "e2"
    assert shown.panes.board.line == f"0-{SET}"
    assert [mark[:2] for mark in shown.panes.board.marks] == [[f"0-{SET}", "alice"], [f"0-{GET}", "bob"]]


def test_a_fact_is_gone_to() -> None:
    """Each of the two that break a promise is a moment."""
    shown = walk(Fake(), at=0.0034)
    press(shown, go="0.0014")
    assert shown.position == 2


def test_events_that_are_not_shown_are_not_lit() -> None:
    """A trace without some of the run's commands, as a check's is without the judge's own."""
    fake = Fake()
    shown = SpaceTime(fake.trace.where(lambda event: event.client != "alice"), opened=lambda: fake, at=0.0034)
    press(shown, line=f"0-{GET}")
    assert "sent 1 command, marked ◆: at 1.4 ms" in shown.status.value


# -- what it costs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clients", [2, 5])
def test_a_step_sends_little(clients: int) -> None:
    """No code again, and under 8 kB in all; how long it takes in the kernel, the test prints."""
    fake = Fake(clients)
    shown = walk(fake, at=0.0)
    assert shown.panes is not None
    board, began = shown.panes.board, time.perf_counter()
    code = board.code
    for position in range(1, 2 * clients + 1):
        shown.go(position)
        assert sum(len(part) for part in (board.redis, board.clients, board.promises, board.text)) < 8_000
    print(f"{(time.perf_counter() - began) / (2 * clients) * 1000:.1f} ms a step")
    assert board.code is code


def test_the_fake_names_its_file() -> None:
    """The listing of a cell is called after the notebook, whose cells have no names."""
    shown = walk(Fake(), at=0.0)
    assert shown.panes is not None
    assert '<p class="file">this notebook</p>' in shown.panes.board.code
    assert FILE not in shown.panes.board.code


# -- where it stands by itself ----------------------------------------------------------------------------------------


async def count(redis: Any, me: Any) -> int:
    seen = int(await redis.get("visits") or 0)
    await redis.set("visits", seen + 1)
    return seen


def no_visit_is_lost(run: Play) -> str | None:
    return "one visit is lost" if len(set(run.results.values())) < len(run.results) else None


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is displayed, as if there were a kernel."""
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(fallback, "live", lambda: True)
    monkeypatch.setattr(fallback, "display", lambda bundle, **options: shown.append(bundle))
    return shown


def test_a_failing_schedule_is_one_to_walk_through(displayed: list[dict[str, Any]]) -> None:
    """What is displayed first is a widget, then the page for whoever has no kernel, which is as it was."""
    found = explore(count, no_visit_is_lost)
    found._ipython_display_()
    widget, page = displayed
    assert "application/vnd.jupyter.widget-view+json" in widget
    assert page["text/plain"] == str(found)
    assert found._repr_mimebundle_()["text/html"] in page["text/html"]


def test_what_holds_is_shown_as_a_page(displayed: list[dict[str, Any]]) -> None:
    """The control: there is no moment at which anything broke."""
    with pytest.raises(NotImplementedError):
        explore(count, no_visit_is_lost, clients=1)._ipython_display_()
    assert displayed == []


def test_without_a_kernel_a_failing_schedule_is_a_page() -> None:
    """As in a test, or in a page that is made by a program."""
    with pytest.raises(NotImplementedError):
        explore(count, no_visit_is_lost)._ipython_display_()


def test_the_end_of_a_run_shows_what_it_broke() -> None:
    """An invariant of one's own names no moment: the panes are opened at the end, where it is broken."""
    found = explore(count, no_visit_is_lost).found
    assert found.shown is not None
    shown = SpaceTime(found.shown.trace, opened=partial(reopened, found.trial, found.shown), at=inf)
    assert shown.panes is not None
    assert "✗ broken" in shown.panes.board.promises
    assert "returned 0" in shown.panes.board.clients
    shown.step_back()
    assert "✓ holds" in shown.panes.board.promises
    assert f"line {count.__code__.co_firstlineno + 2}" in shown.panes.board.text


def test_what_breaks_at_no_moment_is_marked_at_none() -> None:
    """A promise of one's own names no client: no line of nobody's is drawn for it."""
    panel = explore(count, no_visit_is_lost).by_hand()
    assert panel._game.violation is not None
    assert panel._game.violation.who == ""
    assert [note for note in panel._marked().notes if note.kind == "violation"] == []


def test_the_panel_of_the_scheduler_shows_the_moment_after_the_last_move() -> None:
    """And nothing while it is on no page, as then nobody looks."""
    panel = Scheduler("counter")
    panel.move(1)
    assert panel.panes.board.redis == ""
    panel._on_page = True
    panel.move(1)
    panel.move(1)
    assert "<td>visits" in panel.panes.board.redis
    assert "waits</span> · the reply to SET visits" in panel.panes.board.clients
    panel.undo()
    assert "get_then_set" in panel.panes.board.code
    line = next(place for place, *_ in panel.panes.board.marks)
    panel.panes._heard({"line": line})
    assert "--hit" in panel.lit.value
    panel.undo()
    assert "--hit" not in panel.lit.value
