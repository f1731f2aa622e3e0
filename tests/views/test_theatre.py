"""What a theatre shows, without a browser: the clock of a play, what keys hold, and the colors for a projector."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from typing import Any

import pytest

from course_lib.trace import Trace
from course_lib.views.theatre import LOOKS, staged
from course_lib.views.theatre.clock import clock
from course_lib.views.theatre.keyspace import UNKNOWN, Held, Keyspace, keyspace
from course_lib.worlds import Simulated
from views.samples import crowd, event, five_clients, five_nodes, two_holders

# -- time -------------------------------------------------------------------------------------------------------------


def test_the_clock_keeps_the_order_and_leads_back() -> None:
    """What comes later in the run comes later in the play; and each moment of the play is one of the run."""
    moments = [0.0, 0.0005, 0.001, 1.0, 60.0]
    shown = clock(moments)
    places = [shown(t) for t in moments]
    assert places == sorted(set(places))
    assert [shown.back(place) for place in places] == pytest.approx(moments)


def test_a_flight_is_seen_and_a_long_wait_ends() -> None:
    """Half a millisecond and a minute: more than 100,000 times as long in the run, less than 60 times in the play."""
    shown = clock([0.0, 0.0005, 60.0])
    flight, wait = shown(0.0005) - shown(0.0), shown(60.0) - shown(0.0005)
    assert flight > 0.05
    assert 1 < wait / flight < 60


@pytest.mark.parametrize("moments", [[], [3.0], [i / 1000 for i in range(20_001)]])
def test_a_play_has_a_bounded_length_and_size(moments: list[float]) -> None:
    shown = clock(moments)
    assert 2 <= shown.end <= 30
    assert len(shown.times) <= 3_001
    assert shown.times[-1] == max(moments, default=0.0), "its last moment is never left out"


# -- keys -------------------------------------------------------------------------------------------------------------

KEYS = ("page", "lock:page", "hits", "box")
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
RAISE = "return redis.call('INCRBY', KEYS[1], ARGV[1])"


def a_run(seed: int) -> Trace:
    """Three clients send commands by chance, let time pass, and look at each key now and then."""
    world = Simulated(seed)

    async def live(name: str) -> None:
        draw, redis = random.Random(f"{seed}{name}"), world.redis()
        for _ in range(25):
            key = draw.choice(KEYS[:3])
            some: list[tuple[Any, ...]] = [
                ("SET", key, draw.randrange(9)), ("SET", key, 1, "PX", draw.randrange(5, 80)),
                ("SET", key, name, "NX", "PX", draw.randrange(5, 80)), ("SET", key, 2, "KEEPTTL"), ("DEL", key),
                ("PEXPIRE", key, draw.randrange(5, 60)), ("PERSIST", key), ("SETEX", key, 1, 3), ("PTTL", key),
                ("EVAL", RELEASE, 1, key, name), ("EVAL", RAISE, 1, "hits", 2), ("INCR", "hits"), ("GETDEL", key),
                ("MSET", "page", 7, "hits", 8), ("SETNX", key, 4), ("LPUSH", "box", 1), ("UNLINK", "box", "page"),
            ]  # fmt: skip
            for command in (draw.choice(some), ("MGET", *KEYS[:3]), ("GET", draw.choice(KEYS[:3]))):
                try:
                    await redis.execute_command(*command)
                except Exception:
                    pass  # INCR of what is no number: the trace has it, and it changes nothing
            await asyncio.sleep(draw.random() * 0.03)

    for name in ("ann", "bob", "eve"):
        world.client(name, live, name)
    world.run()
    return world.trace


def contradicted(trace: Trace, kind: type[Keyspace]) -> list[str]:
    """Where a GET or an MGET of the run was answered otherwise than what was told of the keys until then."""
    told, wrong = kind(), []
    for e in sorted((e for e in trace if e.t_server is not None), key=lambda e: e.t_server or 0.0):
        told._expire(e.node, e.t_server or 0.0)
        if e.name in ("GET", "MGET") and not isinstance(e.reply, Exception):
            for key, answer in zip(e.command[1:], [e.reply] if e.name == "GET" else e.reply, strict=True):
                now = told._now(e.node, key.decode())
                if now is None or now.text == UNKNOWN or (answer is None and not now.timed):
                    continue
                if now.text != (answer and answer.decode()):
                    wrong.append(f"{e.t_server}: {key!r} is told to be {now.text}, and {answer} was read")
        told.run(e)
    return wrong


@pytest.mark.parametrize("seed", range(6))
def test_what_is_told_of_a_key_is_what_a_reader_gets(seed: int) -> None:
    """Over many commands by chance, whose server is the course's: never does a reply contradict what is shown."""
    trace = a_run(seed)
    assert contradicted(trace, Keyspace) == []
    known = [state for states in keyspace(trace).states.values() for state in states if state.text not in (None, "?")]
    assert len(known) > 20


def test_what_forgets_the_ttl_is_contradicted() -> None:
    """The control: the same reading of a run, but nothing ever expires."""

    class Forgetful(Keyspace):
        def _expire(self, node: str, t: float) -> None:
            pass

    assert contradicted(a_run(1), Forgetful)


def of(*commands: tuple[str, Any]) -> list[Held]:
    """What the key k holds after commands, a millisecond apart."""
    trace = Trace()
    for i, (command, reply) in enumerate(commands):
        trace.events.append(event("ann", "redis", command, i, i + 0.2, i + 0.4, reply))
    return keyspace(trace).states.get(("redis", "k"), [])


@pytest.mark.parametrize(
    ("commands", "last"),
    [
        ([("SET k 1", b"OK"), ("SET k 2 NX", None)], "1"),
        ([("SET k 2 NX PX 50", None)], UNKNOWN),  # somebody's; whose, nobody has told
        ([("SET k 1", b"OK"), ("EVALSHA 3f9 1 k ann", 1)], UNKNOWN),  # a script whose source is not known
        ([("SET k 1", b"OK"), ("MULTI", b"OK"), ("SET k 2", b"QUEUED"), ("EXEC", None)], "1"),
        ([("SET k 1", b"OK"), ("MULTI", b"OK"), ("SET k 2", b"QUEUED"), ("EXEC", [b"OK"])], "2"),
        ([("SET k 1", b"OK"), ("INCR k", ValueError("not an integer"))], "1"),
        ([("SET k 1 PX 1", b"OK"), ("PING", b"PONG"), ("PING", b"PONG")], None),
        ([("SET k 1", b"OK"), ("FLUSHALL", b"OK")], None),
        ([("RPUSH k a b", 2)], "list of 2"),
    ],
)
def test_no_more_is_told_than_is_known(commands: list[tuple[str, Any]], last: str | None) -> None:
    assert of(*commands)[-1].text == last


@pytest.mark.parametrize(
    ("command", "reply", "left"),
    [("EXPIRE k 60", 1, 60.0), ("PEXPIRE k 60", 1, 0.06), ("TTL k", 60, 60.0), ("PTTL k", 60, 0.06),
     ("SETEX k 60 1", b"OK", 60.0), ("PSETEX k 60 1", b"OK", 0.06), ("SET k 1 EX 60", b"OK", 60.0)],
)  # fmt: skip
def test_when_a_key_ends_is_told_in_seconds(command: str, reply: Any, left: float) -> None:
    ends = next(state.expires for state in reversed(of(("SET k 1", b"OK"), (command, reply))) if state.text == "1")
    assert ends == pytest.approx(0.0012 + left)


def test_at_the_moment_of_its_end_a_key_is_still_there() -> None:
    """As on a server, for which a key has expired once its clock shows more."""
    stored, read = event("ann", "redis", "SET k 1 PX 1", 1, 1, 1, b"OK"), event("ann", "redis", "GET k", 2, 2, 2, b"1")
    assert {state.why for state in keyspace(Trace("simulated", 0, [stored, read])).states["redis", "k"]} == {""}
    later = event("ann", "redis", "GET k", 2.1, 2.1, 2.1, None)
    assert keyspace(Trace("simulated", 0, [stored, later])).states["redis", "k"][-1].text is None


def test_a_jump_of_the_clock_moves_the_end_of_a_ttl() -> None:
    """The node's clock jumps ahead by 20 ms: a key with 30 ms ends after 10."""
    trace = two_holders()
    trace.note("redis", "skew", 0.005, text="clock jumps by +0.02 s")
    gone = [state for state in keyspace(trace).states["redis", "lock"] if state.why == "expired"]
    assert gone[0].t == pytest.approx(0.0105)


# -- the play ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trace", [Trace(), two_holders(), five_clients(), five_nodes(), crowd(60, 4)])
def test_every_play_can_be_sent_and_has_words(trace: Trace) -> None:
    """No number that JSON lacks; cues in order; every message belongs to somebody."""
    data = staged(trace).data
    json.dumps(data, allow_nan=False)
    when = [cue[0] for cue in data["cues"]]
    assert when == sorted(when)
    assert len(data["text"]) > 20
    assert all(0 <= m[0] < len(data["clients"]) and 0 <= m[1] < len(data["nodes"]) for m in data["messages"])


def test_the_lock_changes_hands_and_both_believe() -> None:
    """What the picture of lesson 04 must show: a's key expires, b takes it, and a still believes."""
    data = staged(two_holders()).data
    (states,) = [states for _, key, states in data["keys"] if key == "lock"]
    assert [(text, data["clients"][owner] if owner >= 0 else "") for _, text, _, owner in states] == [
        ("tok-a", "a"), (None, ""), ("tok-b", "b"), (None, ""),
    ]  # fmt: skip
    assert states[0][2] == 30.5, "milliseconds of the run"
    holds = [(data["clients"][who], start, end) for who, kind, start, end, _ in data["spans"] if kind == "hold"]
    (broken,) = [sign[2] for sign in data["signs"] if sign[1] == "violation"]
    assert [who for who, start, end in holds if start <= broken < end] == ["a", "b"]
    assert "30.5 ms · redis  lock expires" in [cue[1] for cue in data["cues"] if cue[2]]


def test_who_takes_a_lock_holds_it_until_it_gives_it_back() -> None:
    """Where no note says who believes what, a SET NX that got OK does, and a DEL ends it."""
    trace = two_holders()
    trace.notes.clear()
    data = staged(trace).data
    told = [data["clients"][who] for who, kind, *_ in data["spans"] if kind == "hold"]
    assert told == ["a", "b"]


def test_what_lasts_ends_with_the_one_who_did_it() -> None:
    """A pause of which nothing says until when, and a crash."""
    trace = Trace(events=[event("ann", "redis", "GET k", 1, 2, 3), event("bob", "redis", "GET k", 40, 41, 42)])
    trace.note("ann", "pause", 0.004)
    trace.note("ann", "crash", 0.02)
    data = staged(trace).data
    spans = {kind: (start, until) for _, kind, start, until, _ in data["spans"]}
    assert spans["pause"][1] == spans["crash"][0] < spans["crash"][1] == pytest.approx(data["end"], abs=0.001)


def test_what_happens_to_a_node_is_told_of_that_node() -> None:
    trace = five_nodes()
    for name in trace.nodes[:2]:
        trace.note(name, "down", 0.001, 0.002)
        trace.note(name, "promoted", 0.003)
    data = staged(trace).data
    assert [who for who, kind, *_ in data["spans"] if kind == "down"][-2:] == [-1, -2]
    assert [who for who, kind, *_ in data["signs"] if kind == "promoted"] == [-1, -2]
    assert data["nodes"][:2] == trace.nodes[:2]


def test_the_key_that_is_named_most_often_comes_first() -> None:
    trace = Trace(events=[event("a", "redis", f"SET {key} 1", i, i, i, b"OK") for i, key in enumerate("xyyzy")])
    assert [key for _, key, _ in staged(trace).data["keys"]] == ["y", "x", "z"]


def test_one_load_after_another_is_no_crowd_at_the_database() -> None:
    def crowds(start: float) -> list[str]:
        trace = two_holders()
        trace.notes.clear()
        trace.note("a", "load", 0.001, 0.01)
        trace.note("b", "load", start, 0.03)
        return [cue[1] for cue in staged(trace).data["cues"] if "at once" in cue[1]]

    assert crowds(0.02) == []
    assert crowds(0.005) == ["5 ms · database  2 loads at once, the most in this run"]


def test_a_stale_answer_is_told_from_others() -> None:
    """A note of a stale read at the moment at which a reply arrives marks that reply, and no other."""
    trace = two_holders()
    trace.note("b", "stale", trace.events[2].t_end or 0.0, text="an old price")
    data = staged(trace).data
    assert [m[7] for m in data["messages"]] == ["", "", "stale", "", ""]
    assert [cue[2] for cue in data["cues"] if "an old price" in cue[1]] == [1]


def test_forty_one_clients_are_a_stream() -> None:
    assert [staged(crowd(n, 1)).data["crowd"] for n in (40, 41)] == [False, True]


def test_the_stream_is_as_wide_as_its_rate() -> None:
    """Over the whole run, the rates of requests make up all requests."""
    shown = staged(crowd(100, 10))
    requests, flow = len(shown.trace), shown.data["flow"][0][0]
    moments = [shown.clock.back(i * 0.1) for i in range(len(flow))]
    sent = sum((b - a) * (x + y) / 2 for (a, x), (b, y) in itertools.pairwise(zip(moments, flow, strict=True)))
    assert sent == pytest.approx(requests, rel=0.1)


def test_clients_stand_in_the_order_of_their_names() -> None:
    trace = Trace(events=[event(name, "redis", "GET k", 1, 2, 3) for name in ("w10", "w2", "ann", "w1")])
    assert staged(trace).clients == ["ann", "w1", "w2", "w10"]


def contrast(one: str, other: str) -> float:
    """As WCAG 2.2 defines it, from 1 to 21."""

    def light(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", LOOKS)
def test_what_means_something_stands_out(name: str) -> None:
    """On a projector everything has a contrast of 7; on a screen words have, and what is drawn has 3."""
    look, projector = LOOKS[name], name.startswith("projector")
    for role in set(look) - {"paper", "wash", "rule", "stale"}:
        colors = look[role]
        least = 7.0 if projector or role in ("ink", "faint") else 3.0
        for color in [colors] if isinstance(colors, str) else colors:
            assert contrast(color, str(look["paper"])) >= least, role
    assert contrast("#111111", str(look["stale"])) >= 7  # the words on a stale answer


def test_a_pale_color_is_seen() -> None:
    """The control: orange on white, which is why the palette is darkened."""
    assert contrast("#E69F00", "#ffffff") < 3
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
