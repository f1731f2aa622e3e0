"""A run, played again and opened: the same run to the last byte, and what it shows of keys, clients and promises."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import linecache
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from redis.asyncio import Redis

from course_lib.explore import Game, Move, Play, Schedule, Simulation, Trial, Violation, enumerate_all, play
from course_lib.explore.bodies import Body, Invariant, Me, clients_running, judge_of
from course_lib.explore.exploration import explore
from course_lib.explore.invariants import no_lost_update, one_holder
from course_lib.explore.moment import Opened, State, await_chains, keys, opened, reopened
from course_lib.explore.moment.keys import snapshot
from course_lib.explore.moment.recorder import _became
from course_lib.explore.moment.states import Change, ClientState, Frame, KeyState, Local
from course_lib.explore.moment.words import told
from course_lib.explore.puzzles import PUZZLES
from course_lib.explore.server_state import ask, value
from course_lib.patterns.locks import Lock
from course_lib.sim import in_process
from course_lib.sim.fake_server_reads import held
from course_lib.sim.stand_ins import virtual_clocks

HERE = __file__


def trial(*bodies: Body, invariant: Invariant | None = None, nodes: int = 1, setup: Body | None = None) -> Trial:
    return Trial(
        "t", (), clients_running(bodies, setup, nodes), judge_of(invariant), sizes=(len(bodies),),
        world=lambda: Simulation(nodes=nodes, socket_timeout=0.5), horizon=60.0,
    )  # fmt: skip


def alone(*bodies: Body, turns: tuple[int | Move, ...] = (), **options: Any) -> Opened:
    """One schedule of these, by turns of 1 ms, opened."""
    one = trial(*bodies, **options)
    with virtual_clocks():
        run = play(one, Schedule(len(bodies), turns=turns), step=0.001)
    found = reopened(one, run)
    assert found.same == ""
    return found


def line(function: Callable[..., Any], text: str) -> int:
    """The number of the line of a function that begins so."""
    lines, first = inspect.getsourcelines(function)
    return first + next(n for n, one in enumerate(lines) if one.strip().startswith(text))


# -- the programs ------------------------------------------------------------------------------------------------------


async def seen_before(redis: Redis, key: str) -> int:
    seen = int(await redis.get(key) or 0)
    return seen


async def count(redis: Redis, me: Me) -> int:
    seen = await seen_before(redis, "visits")
    await redis.set("visits", seen + 1, px=500)
    return seen + 1


async def busy(redis: Redis, me: Me) -> str:
    """Something of all that a program may do."""

    async def numbers() -> AsyncIterator[int]:
        for number in range(2):
            yield number
            await asyncio.sleep(0.001)

    async with aclosing(numbers()) as some:
        async for number in some:
            await redis.incrby("n", number + 1)
    async for _ in numbers():
        break  # it is closed when it is collected
    async with asyncio.timeout(1), asyncio.TaskGroup() as tasks:
        tasks.create_task(redis.rpush("q", me, "x"))
        tasks.create_task(redis.expire("n", 5))
    pipe = redis.pipeline(transaction=True)
    pipe.hset("h", "a", me)
    pipe.client_id()
    told = await pipe.execute()
    await redis.eval("redis.call('SET', KEYS[1], math.random()) return 1", 1, "r")
    popped = await redis.blpop(["q"], timeout=1)
    try:
        await asyncio.wait_for(redis.blpop(["empty"], timeout=5), 0.02)
    except TimeoutError:
        told.append(await redis.client_id())
    return f"{told} {popped}"


# -- it is the same run ------------------------------------------------------------------------------------------------

SCHEDULES = [
    Schedule(2, turns=(1, 0, 1, 1, 0)), Schedule(2, 3), Schedule(2, 5, "pause", 4, 0.05), Schedule(2, 5, "crash", 6),
    Schedule(2, 1, "lose reply", 3), Schedule(2, 2, "node down", 5, 0.1), Schedule(2, 2, "clock step", 2, 30.0),
    Schedule(2, turns=(0, Move("pause", 0, 0.3), 1, Move("lose request"), Move("wait", 0, 0.2), Move("crash", 1))),
]  # fmt: skip


def everything(run: Play) -> str:
    notes = [(n.who, n.kind, n.t_start, n.t_end, n.text) for n in run.trace.notes]
    return repr((run.trace.digest(), sorted(run.results.items()), notes, run.steps, run.now, run.stopped))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda one: one.text[:40])
@pytest.mark.parametrize("body", [count, busy])
def test_who_looks_changes_nothing(body: Body, schedule: Schedule) -> None:
    one = trial(body, body)
    run = play(one, schedule)
    again = reopened(one, run)
    assert everything(again.run) == everything(run)
    assert again.same == ""


def test_who_asked_a_server_would_change_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a command opens a connection, and the next client of Redis has another number."""

    def asking(world: Simulation) -> Any:
        for node in world.nodes:
            ask(node, b"KEYS", b"*")
        return snapshot(world)

    monkeypatch.setattr(keys, "snapshot", asking)
    one = trial(busy, busy)
    again = reopened(one, play(one, Schedule(2, 3)))
    assert again.same.startswith("Played again, it is another run from command ")


def test_a_run_that_is_not_the_same_each_time_is_said_to_differ() -> None:
    number = itertools.count(1)

    def build(world: Simulation, clients: int) -> None:
        async def body() -> None:
            await world.redis().set("n", next(number))

        world.client("ann", body)

    one = Trial("t", (), build, lambda run: (), sizes=(1,))
    again = reopened(one, play(one, Schedule(1, turns=())))
    assert again.same == (
        "Played again, it is another run from command 1 on: first ann sent SET n 1 to redis at 0 ms, which answered "
        "OK; this time ann sent SET n 2 to redis at 0 ms, which answered OK. Something in the code is not the same "
        "each time."
    )


def test_the_variables_of_code_that_reads_them_itself_are_left_to_it() -> None:
    async def body(redis: Redis, me: Me) -> list[str]:
        held = locals()
        await redis.get("a")
        later = 1
        await redis.get("b")
        return [name for name in held if name == "later"] + ["x"] * (later - 1)

    found = alone(body)
    assert found.run.results == {"alice": []}
    (local,) = found.at(found.trace.events[0]).clients[0].chains[0][0].locals
    assert local.text == "not read, as this function reads them itself"


# -- where clients stand, and what they know ---------------------------------------------------------------------------


def chain(state: State, client: int = 0) -> list[tuple[str, int]]:
    return [(frame.function, frame.line) for frame in state.clients[client].chains[0]]


def test_each_function_of_a_chain_with_its_line_and_variables() -> None:
    found = alone(count, count, turns=(0, 1, 0, 1))
    state = found.at(found.trace.events[0])
    assert chain(state) == [("count", line(count, "seen =")), ("seen_before", line(seen_before, "seen ="))]
    outer, inner = state.clients[0].chains[0]
    assert inner.source == "seen = int(await redis.get(key) or 0)"
    assert (outer.own, outer.file) == (True, HERE)
    assert [(one.name, one.text) for one in inner.locals] == [("key", "'visits'")]
    assert state.clients[0].waits_for == "the reply to GET visits"
    assert state.clients[1].does == "waiting"
    later = found.at(next(e for e in found.trace.events if e.name == "SET" and e.client == "alice"))
    assert [(one.name, one.text) for one in later.clients[0].chains[0][0].locals] == [("me", "'alice'"), ("seen", "0")]
    assert found.at(None).clients[0].waits_for == "returned 1"


def test_what_changed_in_a_frame_is_marked_once() -> None:
    async def body(redis: Redis, me: Me) -> None:
        n = 1
        await redis.get("a")
        n += 1
        await redis.get("b")

    found = alone(body)
    marks = [
        [(one.name, one.text, one.changed) for frames in state.clients[0].chains for one in frames[0].locals]
        for state in found.states
    ]
    assert marks.count([("me", "'alice'", False), ("n", "2", True)]) == 1
    assert [("me", "'alice'", False), ("n", "1", False)] in marks
    assert [("me", "'alice'", False), ("n", "2", False)] in marks


def said(found: Opened, who: int = 0) -> list[str]:
    """For what a client waited, one after another."""
    waits = [state.clients[who].waits_for for state in found.states]
    return [one for one, _ in itertools.groupby(waits)]


def test_for_what_clients_wait() -> None:
    async def body(redis: Redis, me: Me) -> bool:
        lock = asyncio.Lock()
        await lock.acquire()

        async def late() -> None:
            await asyncio.sleep(0.01)
            lock.release()

        task = asyncio.create_task(late())
        await lock.acquire()
        await task
        pipe = redis.pipeline(transaction=False)
        pipe.get("a")
        pipe.get("b")
        await pipe.execute()
        await asyncio.gather(redis.get("c"), redis.get("d"))
        await asyncio.create_task(late_get(redis))
        async with redis.pubsub() as hears:
            await hears.subscribe("news")
            await hears.get_message(timeout=0.05)
            await hears.get_message(timeout=0.05)
        return True

    async def late_get(redis: Redis) -> None:
        await redis.get("e")

    waits = said(alone(body))
    wanted = [
        "it begins at 0 ms", "asyncio's Lock.acquire", "the replies to GET a and 1 more", "2 tasks of its own",
        "a task of its own", "a message", "returned True",
    ]  # fmt: skip
    assert [one for one in waits if one in wanted] == wanted
    assert any(one.startswith("the clock: until ") for one in said(alone(sleeper)))


def test_a_reply_is_waited_for_until_it_arrives() -> None:
    """Also where its command has run."""
    found = alone(count)
    event = found.trace.events[0]
    assert event.t_server is not None
    assert found.at(event).t >= event.t_server
    assert found.at(event).clients[0].waits_for == "the reply to GET visits"


def test_a_call_that_gets_the_place_of_another_in_memory_is_another() -> None:
    known = await_chains.Chains(None)
    first, second = sleeper(None, None), sleeper(None, None)  # type: ignore[arg-type]
    numbers = [known._number(one) for one in (first, second, first)]
    assert numbers == [1, 2, 1]
    known._numbers[id(second)] = known._numbers[id(first)]  # as if the first had been there
    assert known._number(second) == 3
    first.close()
    second.close()


def test_the_hidden_variable_of_a_generator_is_not_told() -> None:
    squares = (number * number for number in range(3))
    next(squares)
    assert await_chains._knows(squares.gi_frame) == (("number", "0"),)


def test_where_nothing_else_is_of_a_chain_the_stage_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workload of a lesson: not as the learner's own."""
    monkeypatch.setattr(await_chains, "whose", lambda file: "stage" if file == HERE else "hidden")
    found = alone(count)
    frames = [frame for one in found.at(found.trace.events[0]).clients[0].chains for frame in one]
    assert [(frame.function, frame.own) for frame in frames] == [("count", False), ("seen_before", False)]


async def sleeper(redis: Redis, me: Me) -> None:
    await asyncio.sleep(0.12)
    raise ValueError("no such page")


def test_the_dead_the_paused_and_those_who_failed() -> None:
    found = alone(count, count, turns=(Move("pause", 0, 0.3), Move("crash", 0)))
    assert "paused until 301 ms" in said(found)
    assert {state.clients[0].does for state in found.states} >= {"not begun", "waiting", "paused", "ended"}
    assert said(found, 1)[-1].startswith("crashed at ")
    end = found.at(None).clients[1]
    assert (end.does, chain(found.at(None), 1)[0][0]) == ("dead", "count")
    assert said(alone(sleeper))[-1] == "ended with ValueError: no such page"
    assert said(alone(sleeper))[-2] in ("its end", "the clock: until 120 ms")


def test_each_task_of_a_client_has_a_chain() -> None:
    async def part(redis: Redis, key: str) -> None:
        await redis.get(key)

    async def body(redis: Redis, me: Me) -> None:
        await asyncio.gather(part(redis, "a"), part(redis, "b"))

    state = (found := alone(body)).at(found.trace.events[0])
    assert [[frame.function for frame in one] for one in state.clients[0].chains] == [["body"], ["part"], ["part"]]


def test_a_generator_is_part_of_the_chain() -> None:
    async def pages(redis: Redis) -> AsyncIterator[Any]:
        for name in "ab":
            yield await redis.get(name)

    async def body(redis: Redis, me: Me) -> None:
        async for _ in pages(redis):
            pass

    state = (found := alone(body)).at(found.trace.events[1])
    assert [frame.function for frame in state.clients[0].chains[0]] == ["body", "pages"]
    assert ("name", "'b'") in [(one.name, one.text) for one in state.clients[0].chains[0][1].locals]


CARELESS = "async def reads(redis, me):\n    seen = await redis.get('a')\n    return seen\n"


def test_the_lines_of_a_file_that_was_changed_since_are_not_shown(tmp_path: Path) -> None:
    """The control: before it is changed, they are."""
    file, names = tmp_path / "mine.py", dict[str, Any]()
    file.write_text(CARELESS)
    exec(compile(CARELESS, str(file), "exec"), names)
    sources, listed = [], []
    for text in (CARELESS, f"# new\n{CARELESS}", CARELESS.replace("'a'", "'b'"), "no Python"):
        file.write_text(text)
        linecache.checkcache(str(file))
        found = alone(names["reads"])
        frame = found.at(found.trace.events[0]).clients[0].chains[0][0]
        sources.append((frame.line, frame.source))
        listed.append(found.file_lines(str(file)))
    assert sources == [(2, "seen = await redis.get('a')"), (2, ""), (2, ""), (2, "")]
    assert listed == [(1, CARELESS.splitlines()), (1, []), (1, []), (1, [])]


def test_of_two_functions_of_which_one_was_changed_no_lines_are_shown(tmp_path: Path) -> None:
    """The other one would stand where it no longer is."""
    file, names = tmp_path / "mine.py", dict[str, Any]()
    two = f"{CARELESS}\n\nasync def calls(redis, me):\n    return await reads(redis, me)\n"
    listed = []
    file.write_text(two)
    exec(compile(two, str(file), "exec"), names)
    for text in (two, two.replace("'a'", "'b'")):
        file.write_text(text)
        linecache.checkcache(str(file))
        listed.append(alone(names["calls"]).file_lines(str(file)))
    assert listed == [(1, two.splitlines()), (1, [])]


def test_code_of_the_course_is_shown_and_not_the_learner_s() -> None:
    async def body(redis: Redis, me: Me) -> None:
        async with Lock(redis, "job", ttl=1.0).hold(wait=1.0):
            pass

    found = alone(body)
    frames = found.at(found.trace.events[0]).clients[0].chains[0]
    assert frames[0].own
    assert {frame.own for frame in frames[1:]} == {False}
    assert all("patterns" in frame.file for frame in frames[1:])
    assert found.line_of(0) == (HERE, line(body, "async with"))
    assert found.files[0] == HERE
    assert len(found.files) > 1


# -- lines and commands ------------------------------------------------------------------------------------------------


def test_a_line_and_the_commands_that_it_sent() -> None:
    found = alone(count, count, turns=(0, 1, 0, 1))
    gets = [n for n, event in enumerate(found.trace) if event.name == "GET"]
    sets = [n for n, event in enumerate(found.trace) if event.name == "SET"]
    assert found.sent_by(HERE, line(seen_before, "seen =")) == gets
    assert found.sent_by(HERE, line(count, "seen =")) == gets
    assert found.sent_by(HERE, line(count, "await redis.set")) == sets
    assert [found.line_of(n) for n in sets] == [(HERE, line(count, "await redis.set"))] * 2
    first, lines = found.file_lines(HERE)
    assert first == line(seen_before, "async def")
    assert lines[-1] == "    return seen + 1"


def test_the_line_that_began_a_task_sent_what_the_task_sends() -> None:
    async def body(redis: Redis, me: Me) -> None:
        await asyncio.gather(redis.get("a"), redis.get("b"))

    found = alone(body)
    assert found.sent_by(HERE, line(body, "await")) == [0, 1]


def test_a_command_that_was_refused_was_sent_where_it_was() -> None:
    async def body(redis: Redis, me: Me) -> None:
        try:
            await redis.get("a")
            await asyncio.sleep(0.02)
            await redis.get("b")
        except Exception:
            await asyncio.sleep(1)

    found = alone(body, body, turns=(1, Move("node down", 0, 0.9)))
    late = next(n for n, event in enumerate(found.trace) if event.fault == "refused")
    assert found.line_of(late) == (HERE, line(body, 'await redis.get("b")'))
    assert chain(found.at(found.trace.events[late]), 1) == [("body", line(body, "await asyncio.sleep(1)"))]


# -- what the servers hold ---------------------------------------------------------------------------------------------


async def of_every_kind(redis: Redis, me: Me) -> None:
    await redis.set("s", b"\xffa\n")
    await redis.rpush("l", *map(str, range(12)))
    await redis.sadd("set", "b", "a")
    await redis.zadd("z", {"a": 1.5, "b": 2})
    await redis.hset("h", mapping={"f": "1", "g": "2"})
    await redis.xadd("x", {"job": "1"})
    await redis.expire("h", 7)


def test_every_kind_of_value_as_redis_cli_writes_it() -> None:
    found = alone(of_every_kind)
    end, added = found.at(None), next(event for event in found.trace if event.name == "XADD").reply.decode()
    assert {key.key: (key.kind, key.value) for key in end.keys} == {
        "s": ("string", "\\xffa⏎"), "l": ("list", "[0, 1, 2, 3, 4, 5, 6, 7, … 4 more]"), "set": ("set", "{a, b}"),
        "z": ("zset", "{a: 1.5, b: 2}"), "h": ("hash", "{f: 1, g: 2}"),
        "x": ("stream", f"[{added} {{job: 1}}]"),
    }  # fmt: skip


def test_a_field_whose_own_time_is_over_is_not_there() -> None:
    """As since Redis 7.4, whose server it is."""
    world = Simulation(0, version=(7, 4))
    told = list[Any]()

    async def body() -> None:
        redis = world.redis()
        await redis.hset("h", mapping={"f": "1", "g": "2"})
        await redis.hpexpire("h", 20, "f")
        for _ in range(2):
            told.extend(one.content for one in held(world.nodes[0], 8))
            await asyncio.sleep(0.03)

    world.client("a", body)
    world.run()
    assert told == [((b"f", b"1"), (b"g", b"2")), ((b"g", b"2"),)]


def test_what_is_read_is_what_the_server_would_say() -> None:
    """Content and time left, against the answers of the server itself."""
    answers: list[Any] = []

    def judge(run: Play) -> list[Violation]:
        assert run.world is not None
        node, held = run.world.nodes[0], snapshot(run.world)
        for (_, _, key), one in held.keys.items():
            kind, whole = value(node, key)
            left = None if one.ends is None else round((one.ends - node.now()) * 1000)
            answers.append((kind.decode() == one.kind, len(whole[0] if one.kind == "stream" else whole) > 0))
            assert ask(node, b"PTTL", key) == (-1 if left is None else left)
            flat = [part for pair in whole for part in pair] if one.kind == "zset" and whole else whole
            if one.kind in ("list", "set"):
                assert list(one.content) == list(flat)[:8]
            elif one.kind == "string":
                assert one.content == whole
            elif one.kind == "hash":
                assert [part for pair in one.content for part in pair] == list(whole)
        assert sorted(ask(node, b"KEYS", b"*")) == sorted(key for _, _, key in held.keys)
        return []

    play(trial(of_every_kind, count, invariant=judge), Schedule(2, turns=()))
    assert len(answers) == 7
    assert all(kind and some for kind, some in answers)


def changes(found: Opened, key: str) -> list[tuple[str, str]]:
    seen = [(one.change, one.value) for state in found.states for one in state.keys if one.key == key]
    return [one for one, _ in itertools.groupby(seen) if one[0]]


def test_what_changed_and_what_went() -> None:
    async def body(redis: Redis, me: Me) -> None:
        await redis.set("a", 1)
        await redis.set("a", 2, px=20)
        await redis.set("b", 1)
        await redis.delete("b")
        await redis.set("timed", 1, px=900)
        await redis.delete("timed")
        await asyncio.sleep(0.05)
        await redis.get("c")

    found = alone(body)
    assert changes(found, "a") == [("new", "1"), ("changed", "2"), ("expired", "2")]
    assert changes(found, "b") == [("new", "1"), ("gone", "1")]
    assert changes(found, "timed") == [("new", "1"), ("gone", "1")], "its time was not over when it was deleted"
    assert found.at(None).keys == ()


def test_what_is_given_at_the_beginning_is_there_before_any_command_has_run() -> None:
    async def given(redis: Redis) -> None:
        await redis.set("stock", 1)

    found = alone(count, setup=given)
    first = found.index_of(found.trace.events[0])
    assert any(key.key == "stock" for state in list(found.states)[:first] for key in state.keys)


def test_scores_are_whole_and_tasks_that_go_on_are_counted() -> None:
    assert keys._value("zset", ((b"a", 1234567.25), (b"b", 2.0)), 2) == "{a: 1234567.25, b: 2}"
    assert _became(None, 1) == "ended; 1 task of its own goes on"
    assert _became(7, 2) == "returned 7; 2 tasks of its own go on"


def test_time_left_counts_down_by_the_clock_of_its_node() -> None:
    async def body(redis: list[Redis], me: Me) -> None:
        await redis[0].set("a", 1, px=1000)
        await redis[1].set("a", 1, px=1000)
        await asyncio.sleep(0.1)
        await redis[0].get("b")
        await redis[1].get("b")

    found = alone(body, nodes=2, turns=(0, 0, Move("clock step", 0, 0.4), 0))
    state = found.at(None)
    left = {key.node: round(key.left or 0, 3) for key in state.keys}
    one, other = (event.t_server or 0 for event in found.trace.events[:2])
    assert left == {"redis0": round(1 - (state.t - one) - 0.4, 3), "redis1": round(1 - (state.t - other), 3)}


def test_a_node_that_is_down_keeps_what_it_holds() -> None:
    found = alone(count, count, turns=(0, 0, Move("node down", 0, 0.2)))
    assert [key.value for key in found.at(None).keys] == ["1"]


def test_the_keys_that_changed_are_listed_where_there_are_many() -> None:
    async def body(redis: Redis, me: Me) -> None:
        for number in range(40):
            await redis.set(f"k{number}", number)
        await redis.set("k39", "new")

    state = alone(body).at(None)
    assert (len(state.keys), state.more_keys) == (keys.LISTED, 40 - keys.LISTED)
    found = alone(body)
    assert ("k39", "new") in [(one.key, one.value) for one in found.at(found.trace.events[-1]).keys]


# -- promises ----------------------------------------------------------------------------------------------------------


def test_a_promise_holds_until_it_is_broken_by_two_facts() -> None:
    found = explore(count, no_lost_update("visits"), clients=2)
    assert found.shown is not None
    run = reopened(found.trial, found.shown)
    (violation,) = run.run.violations
    assert {(fact.who, fact.text) for fact in violation.facts} == {
        ("bob", "writes visits: SET visits 1 PX 500"), ("alice", "writes visits: SET visits 1 PX 500"),
    }  # fmt: skip
    holds = [state.promises[0].holds for state in run.states]
    assert holds == sorted(holds, reverse=True)
    assert (holds[0], holds[-1]) == (True, False)
    first = next(state for state in run.states if not state.promises[0].holds)
    assert {state.promises[0].since for state in run.states} == {first.promises[0].since}  # also while it still holds
    assert first.t >= violation.t_start - 1e-9
    assert first.promises[0].facts == violation.facts
    assert "Broken: no update is lost. 2 clients were told" in first.text


def test_the_only_promise_of_a_trial_is_broken_whatever_its_judge_calls_it() -> None:
    puzzle = PUZZLES["counter"]
    run = next(iter(enumerate_all(puzzle.naive, 2).failing.values()))
    (end,) = reopened(puzzle.naive, run).at(None).promises
    assert (end.name, end.holds) == (puzzle.promise, False)
    assert [fact.text for fact in end.facts] == ["has counted to 1", "has counted to 1 too"]


def test_the_facts_of_two_holders() -> None:
    async def body(redis: Redis, me: Me) -> None:
        await redis.get("lock")
        with me.holding(1.0):
            await redis.get("work")

    found = explore(body, one_holder(1.0), clients=2)
    assert found.violation is not None
    first, second = found.violation.facts
    assert {first.who, second.who} == {"alice", "bob"}
    assert first.t < second.t == found.violation.t_start


def test_the_moment_as_a_text() -> None:
    found = alone(count, count, turns=(0, 1, 0, 1))
    writes = next(e for e in found.trace.events if e.name == "SET")
    other = "bob" if writes.client == "alice" else "alice"
    text = found.at(writes).text
    assert text.startswith("At 3 ms redis holds visits = 1 (new), 500 ms left; alice is in line ")
    assert (
        f"{writes.client} is in line {line(count, 'await redis.set')} of count and waits for the reply to SET" in text
    )
    assert "and believes me = 'alice' and seen = 0" in text
    assert other in text


# -- which runs can be opened ------------------------------------------------------------------------------------------


def key(name: str, change: Change = "") -> KeyState:
    return KeyState("redis", name, "string", "1", None, change)


def test_what_is_left_out_of_a_moment_is_counted_and_what_went_says_how() -> None:
    many = told(0.001, ["redis"], [key(f"k{number}") for number in range(10)], 3, (), ())
    assert many.endswith("k6 = 1 and k7 = 1; there are 5 more keys.")
    went = told(0.001, ["redis"], [key("a", "expired"), key("b", "gone")], 0, (), ())
    assert went == "At 1 ms redis holds no a any more, which expired and no b any more, which was deleted."
    assert told(0.0, ["one"], (), 0, (), ()) == "At 0 ms one holds nothing."
    assert told(0.0, ["one", "two"], (), 0, (), ()) == "At 0 ms one and two hold nothing."


def test_of_another_task_only_what_the_first_does_not_know_is_told() -> None:
    same, other = Local("a", "1", False), Local("b", "2", False)
    chain = [(Frame(name, "f.py", line, "", True, known, line),) for name, line, known in
             (("outer", 1, (same,)), ("inner", 2, (same, other)))]  # fmt: skip
    ann = ClientState("ann", "waiting", "x", tuple(chain), ("x", "y"))
    assert told(0.0, [], (), 0, (ann,), ()).partition("ann ")[2] == (
        "is in line 1 of outer and waits for x, and believes a = 1 (of its other tasks one is in line 2 of inner and "
        "waits for y, and believes b = 2)."
    )


def test_a_game_is_opened_where_it_stands() -> None:
    game = Game(trial(count, count), 2)
    for move in (0, 1, 0):
        game.move(move)
    found = reopened(game.trial, game.play)
    assert found.same == ""
    assert len(found.trace.events) == len(game.play.trace.events)
    assert [key.value for key in found.at(None).keys] == ["1"]
    assert any(client.does == "waiting" for client in found.at(None).clients)
    events = [(event, own) for event, own in zip(game.play.trace.events, found.trace.events, strict=True)]
    assert all(found.at(event) is found.at(own) for event, own in events)
    with pytest.raises(ValueError, match="does not belong to this run"):
        found.at(play(game.trial, Schedule(2)).trace.events[0])


def test_clients_stand_in_the_order_in_which_they_came() -> None:
    def build(world: Simulation, clients: int) -> None:
        for name in ("zoe", "ann", "mia"):
            world.client(name, count, world.redis(), name)

    one = Trial("t", (), build, lambda run: [], sizes=(3,))
    state = reopened(one, play(one, Schedule(3, turns=()))).at(None)
    assert [client.name for client in state.clients] == ["zoe", "ann", "mia"]


def test_clients_of_the_judge_are_hidden_and_a_limit_is_said() -> None:
    def build(world: Simulation, clients: int) -> None:
        for number in range(7):
            world.client(f"c{number}", in_process(count)(), world.redis(), f"c{number}")
        world.client("judge", count, world.redis(), "judge")

    def judge(run: Play) -> list[Violation]:
        return [Violation("p", "c6 is late", "c6", 0.002)]

    one = Trial("t", ("p", "q"), build, judge, sizes=(7,))
    run = play(one, Schedule(7, turns=()), step=0.001)
    visible = run.trace.where(lambda event: not event.client.startswith("judge"))
    found = opened(one, run.schedule, step=0.001, expected=visible, hide="judge")
    assert found.same == ""
    assert found.limit == "There are 7 clients, and 5 of them are shown: c0, c1, c2, c3 and c6."
    for event in visible.events:
        own = next(one for one in found.trace.events if (one.client, one.command) == (event.client, event.command))
        assert found.at(event) is found.at(own)
    state = found.at(visible.events[-1])
    assert [client.name for client in state.clients] == ["c0", "c1", "c2", "c3", "c6"]
    assert [(one.name, one.holds) for one in state.promises] == [("p", False), ("q", True)]


def test_a_run_that_hardly_ends_is_opened_at_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(redis: Redis, me: Me) -> None:
        while True:
            await redis.incr("n")

    monkeypatch.setattr("course_lib.explore.moment.recorder.LOOKS", 30)
    one = replace(trial(body), most_steps=600)
    found = reopened(one, play(one, Schedule(1, turns=())))
    assert found.limit.startswith("This run is long: you can step through it up to ")
    assert len(found.states) == 31
    assert found.at(found.trace.events[-1]) is found.at(None)
    assert int(found.at(None).keys[0].value) > 50


# -- cost --------------------------------------------------------------------------------------------------------------


def test_a_moment_of_two_hundred_commands_costs_a_small_part_of_playing_them() -> None:
    """By the processor's time, side by side in one run. Measured: to open is 8 plays, a moment a 60th of one."""

    async def body(redis: Redis, me: Me) -> int:
        total = 0
        for number in range(50):
            total += int(await redis.get(f"k{number % 12}") or 0)
            await redis.set(f"k{number % 12}", number, px=500)
        return total

    one = trial(body, body)
    played, opened_in, looked = [], [], []
    for _ in range(3):
        began = process_time()
        run = play(one, Schedule(2, turns=()), step=0.001)
        played.append(process_time() - began)
        began = process_time()
        found = reopened(one, run)
        opened_in.append(process_time() - began)
        assert (found.same, len(found.trace.events)) == ("", 200)
        began = process_time()
        for event in run.trace.events:
            found.at(event)
        looked.append(process_time() - began)
    assert min(opened_in) < 40 * min(played)
    assert min(looked) / 200 < min(played) / 10
