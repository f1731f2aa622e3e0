"""The picture of a trace: what it shows, says, leaves out, and how large it gets."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from course_lib.trace import Event, Trace
from course_lib.views.picture import escape
from course_lib.views.room import within
from course_lib.views.spacetime import spacetime

from .samples import crowd, event, five_clients, five_nodes, two_holders

SVG = "{http://www.w3.org/2000/svg}"
SAMPLES = {
    "empty": Trace(),
    "two": two_holders(),
    "five": five_clients(),
    "nodes": five_nodes(),
    "eight": crowd(8, 4),
    "fifty": crowd(50, 20),
    "thousand": crowd(1000, 5),
}


def labels(svg: str) -> list[tuple[str, float, float, float]]:
    """The words in the figure that must not cover one another: text, x, baseline, width by an upper estimate."""
    found = re.findall(r'<text class="(t[^"]*)" x="([\d.]+)" y="([\d.]+)">([^<]*)</text>', svg)
    narrow = {"c": 7.22}
    return [
        (text, float(x), float(y), len(text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"'))
         * (narrow["c"] if "c" in style.split() else 6.6))
        for style, x, y, text in found
    ]  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_every_picture_is_well_formed_and_speaks(name: str) -> None:
    """It parses as XML, and one element is an image with the alternative as its label."""
    picture = spacetime(SAMPLES[name])
    root = ElementTree.fromstring(picture.svg)
    named = [e for e in root.iter(f"{SVG}g") if e.get("role") == "img" and e.get("aria-label") == picture.alt]
    assert len(named) == 1
    shown = picture._repr_mimebundle_()
    assert shown["text/plain"] == picture.alt
    assert picture.svg in shown["text/html"]


@pytest.mark.parametrize("name", ["two", "five", "nodes", "eight"])
def test_no_label_covers_another(name: str) -> None:
    """Every command, reply and note that is written has its own place, inside the picture, at 12 px."""
    picture = spacetime(SAMPLES[name])
    found = labels(picture.svg)
    assert len(found) >= len(SAMPLES[name].notes)
    for i, (text, x, y, width) in enumerate(found):
        assert x + width <= 720, text
        for other, x2, y2, width2 in found[i + 1 :]:
            apart = x + width <= x2 or x2 + width2 <= x or abs(y - y2) >= 12
            assert apart, (text, other)


def test_with_few_clients_the_commands_can_be_read() -> None:
    """Of two clients' five commands every one is labeled; of five clients' sixteen at least twelve."""
    for trace, least in ((two_holders(), 5), (five_clients(), 12)):
        svg = spacetime(trace).svg
        written = [text for text, *_ in labels(svg)]
        shown = [e for e in trace if any(escape(e.text) in text for text in written)]
        assert len(shown) >= least


def test_in_a_crowded_picture_what_repeats_is_written_once() -> None:
    """A client that asks again and again gets a label for each answer that is new; the control is a short run."""

    def asks(times: int) -> int:
        trace = Trace()
        trace.events = [event("a", "redis", "GET x", 10 * i, 10 * i + 1, 10 * i + 2, None) for i in range(times)]
        trace.events.append(event("a", "redis", "GET x", 900, 901, 902, b"1"))
        return sum(text == "GET x" for text, *_ in labels(spacetime(trace).svg))

    assert asks(30) == 2
    assert asks(4) == 5


def test_in_a_crowded_picture_what_broke_a_promise_is_written() -> None:
    """However many others want the room, the command on which a promise broke has its words. The control: without the
    violation there is no room for it."""

    def said(broken: bool) -> list[str]:
        trace = Trace()
        for i in range(30):
            name, at = "ab"[i % 2], 10 * i
            trace.events.append(event(name, "redis", f"SET job:{i} {'x' * 20}", at, at + 1, at + 2, b"OK"))
        if broken:
            trace.note("b", "violation", 0.152, None, "freed another's")
        return [text for text, *_ in labels(spacetime(trace, width=720).svg)]

    assert any(text.startswith("SET job:15") for text in said(broken=True))
    assert not any(text.startswith("SET job:15") for text in said(broken=False))
    assert any(text.startswith("SET job:0") for text in said(broken=True))


def test_commands_that_were_sent_together_do_not_make_a_crowd() -> None:
    """Thirty commands in six transactions are six arrows. The control: thirty that are sent one by one."""

    def words(together: int) -> int:
        trace = Trace()
        for i in range(30):
            at = 20 * (i // together)
            trace.events.append(event("a", "redis", "INCR x", at, at + 5, at + 10, None))
        return sum("INCR" in text for text, *_ in labels(spacetime(trace, width=720).svg))

    assert words(together=5) == 6
    assert words(together=1) == 1


def test_the_stroke_before_or_after_a_command_stands_by_its_arrow() -> None:
    """The client's stroke is within 7 px of where the command left, on whichever side of it the words are."""
    trace = Trace()
    trace.events = [
        event("a", "redis", f"SET job:{i} {'x' * 12}", t, t + 1, t + 2, None) for i, t in enumerate((0, 50))
    ]
    svg = spacetime(trace, width=720).svg
    strokes = [float(x) for x in re.findall(r'<path class="w" stroke="[^"]*" d="M([\d.]+) [\d.]+v12"/>', svg)]
    starts = [float(x) for x in re.findall(r"M([\d.]+) [\d.]+L", re.findall(r'class="q" d="(M[^"]*L[^"]*)"', svg)[0])]
    assert len(strokes) == len(starts) == 2
    assert all(abs(a - b) <= 7 for a, b in zip(sorted(strokes), sorted(starts), strict=True))
    last = next((at, width) for text, at, _, width in labels(svg) if "job:1" in text)
    assert (
        last[0] + last[1] < starts[1]
    )  # at the right edge the words stand before the arrow, and the stroke after them


def test_long_numbers_on_the_axis_keep_apart() -> None:
    """A year of virtual time has numbers of fourteen characters."""
    trace, year = Trace(), 32_400_000_000.0
    trace.events = [
        event("a", "redis", "GET x", t, t + 40, t + 80, None) for t in (0, 100, year, year + 100, year + 200)
    ]
    svg = spacetime(trace, width=720).svg
    found = [(float(x), text) for x, text in re.findall(r'<text class="s mid" x="([\d.]+)"[^>]*>([^<]*)</text>', svg)]
    assert any(len(text) == 14 for _, text in found)
    for (x, text), (further, other) in pairwise(found):
        assert further - x >= 6.2 * (len(text) + len(other)) / 2


def test_a_command_names_its_node_where_there_are_several() -> None:
    """Once for all nodes to which it went at the same moment."""
    trace = Trace()
    trace.events = [event("a", f"n{i}", "PING", 0, 1 + i, 3 + i, b"PONG") for i in range(3)]
    trace.events.append(event("a", "n1", "GET x", 20, 21, 22, b"1"))
    found = [text for text, *_ in labels(spacetime(trace).svg) if "PING" in text or "GET" in text]
    assert found == ["PING → all 3 nodes", "GET x → n1"]
    assert "→" not in "".join(text for text, *_ in labels(spacetime(two_holders()).svg))


def test_a_script_is_written_by_its_comment_or_its_keys() -> None:
    """Neither its code nor its digest: they say nothing to a reader. The text trace has both."""
    script = b"-- UPDATE price\nreturn redis.call('SET', KEYS[1], ARGV[1])"
    trace = Trace()
    trace.events = [
        Event("a", "redis", (b"EVAL", script, b"1", b"row:42", b"15"), 0.0, 0.001, 0.002, b"OK"),
        event("a", "redis", "EVALSHA 26497cfd4835170d 1 lock:page:42 a7f", 3, 4, 5, 1),
    ]
    written = [text for text, *_ in labels(spacetime(trace).svg)]
    assert {"EVAL UPDATE price row:42 15", "EVALSHA … lock:page:42 a7f"} <= set(written)
    assert "26497cfd" in trace.text()


def test_long_commands_take_the_room_that_there_is() -> None:
    """Side by side they cross fewer arrows. A run of short commands stays as narrow as it was."""
    short, long = Trace(), Trace()
    for i in range(5):
        short.events.append(event("a", "redis", "GET page", 3 * i, 3 * i + 1, 3 * i + 2))
        long.events.append(event("a", "redis", "SET app:product:42 12_dollars EX 60", 3 * i, 3 * i + 1, 3 * i + 2))
    with within(1400):
        narrow, wide = (float(re.findall(r' width="([\d.]+)"', spacetime(one).svg)[0]) for one in (short, long))
    assert narrow < 800 < wide < 1400


def test_the_alternative_counts_what_is_in_the_trace() -> None:
    """Clients, commands, faults, loads, span and violation are stated with the trace's own numbers."""
    alt = spacetime(two_holders()).alt
    assert alt.startswith("Space-time diagram: Two clients hold the lock at 41 ms")
    assert "2 clients sent 5 commands to 1 node from 0 ms to 60 ms" in alt
    assert "No message was lost" in alt
    assert "2 × holds the lock from 1 ms to 60 ms, at most 2 at once" in alt
    assert "Violation at 41 ms, a: Two clients hold the lock" in alt
    loads = two_holders()
    loads.events.clear()
    assert ". No command was sent from 1 ms to 60 ms. 2 × holds the lock " in spacetime(loads).alt
    assert "Faults: 1 reply lost, 1 request lost" in spacetime(five_clients()).alt
    many = crowd(1000, 5)
    lost = sum(e.fault is not None for e in many)
    loads = sum(n.kind == "load" for n in many.notes)
    alt = spacetime(many).alt
    assert f"1,000 clients sent 5,000 commands to 1 node from {many.span[0] * 1000:.2f} ms" in alt
    assert f"Faults: {lost} replies lost" in alt
    assert f"{loads} × load" in alt


def test_one_event_more_changes_the_alternative() -> None:
    """The control: the words are counted, not written down."""
    trace = two_holders()
    trace.events.append(event("c", "redis", "GET page", 70, None, None))
    alt = spacetime(trace).alt
    assert "3 clients sent 6 commands to 1 node from 0 ms to 70 ms. Faults: 1 request lost" in alt


def test_a_given_title_stands_above_the_picture() -> None:
    """The author's finding replaces the counted one."""
    picture = spacetime(two_holders(), title="The <second> holder")
    assert '<text class="title" x="8" y="22">The &lt;second&gt; holder</text>' in picture.svg
    assert picture.alt.startswith("Space-time diagram: The <second> holder")


@pytest.mark.parametrize(
    "poison", [b"<script>alert(1)</script>", b"\"'&]]>", b"\x00\x01\xff\xfe", b"\xed\xa0\x80", b"\xef\xbf\xbf"]
)
def test_keys_values_and_names_cannot_break_out(poison: bytes) -> None:
    """Markup, quotes and binary in names, commands, replies, faults and notes stay text."""
    text = poison.decode("utf-8", "surrogateescape")
    for clients in (1, 90):
        trace = Trace()
        for i in range(clients):
            trace.events.append(Event(f"{text}{i}", text, (b"SET", poison, poison), 0.0, 0.001, 0.002, poison, text))
            trace.note(f"{text}{i}", "violation", 0.001, None, text)
            trace.note(f"{text}{i}", text, 0.001, None, text)
        picture = spacetime(trace)
        root = ElementTree.fromstring(picture.svg)
        assert not [e for e in root.iter() if e.tag.endswith("script")]
        assert "<script" not in picture.as_image()


def test_events_without_server_time_or_reply_end_in_a_cross() -> None:
    """A lost request ends on its way to the node, a lost reply on its way back; whole ones have no cross."""
    whole = Trace(events=[event("a", "redis", "GET k", 0, 1, 2)])
    request = Trace(events=[event("a", "redis", "GET k", 0, None, None)])
    reply = Trace(events=[event("a", "redis", "GET k", 0, 1, None)])
    crosses = [spacetime(trace).svg.count('<path class="x"') for trace in (whole, request, reply)]
    assert crosses == [0, 2, 2]  # one in the picture, one in its legend


def test_a_push_has_no_request() -> None:
    """Nobody asked for a message of Pub/Sub: only the way to the client is drawn."""
    pushed = Trace(events=[event("a", "redis", "PUSH", 1, 1, 2)])
    assert '<path class="q" d=""/><path class="p" d="M' in spacetime(pushed).svg


def test_now_veils_what_comes_later() -> None:
    """A moment may be shown without any widget."""
    assert 'class="cursor" style="display:inline;transform:translateX(' in spacetime(two_holders(), now=0.02).svg
    assert 'class="cursor" style' not in spacetime(two_holders()).svg


def test_lanes_can_be_ordered_and_left_out() -> None:
    """The node between two clients, and nobody who was not named."""
    svg = spacetime(five_clients(), lanes=["b", "redis", "a"]).svg
    names = re.findall(r'<text class="end[^"]*" x="[\d.]+" y="[\d.]+">(\w+)</text>', svg)
    assert names == ["b", "redis", "a"]
    assert "c7f" not in svg


def test_highlight_fades_the_others() -> None:
    """Events that are not asked for are drawn faintly."""
    assert 'opacity=".3"' in spacetime(five_clients(), highlight=lambda e: e.client == "a").svg
    assert 'opacity=".3"' not in spacetime(five_clients()).svg


def test_idle_stretches_are_shortened_and_said_to_be() -> None:
    """A load of 100 ms would squeeze the round trips of 1 ms; to scale it does."""
    assert "idle stretches shortened" in spacetime(five_clients()).svg
    assert "idle stretches shortened" not in spacetime(five_clients(), to_scale=True).svg


def test_equal_traces_give_equal_pictures() -> None:
    """Byte for byte, so that a report with pictures can be compared; each style is scoped by the picture's own name."""
    assert spacetime(five_clients()).svg == spacetime(five_clients()).svg
    assert spacetime(five_clients(), uid="one").svg.count(".one ") > 20


@pytest.mark.parametrize(("name", "most_kb"), [("five", 40), ("fifty", 280), ("thousand", 100)])
def test_size_grows_with_the_detail_not_with_the_crowd(name: str, most_kb: int) -> None:
    """A thousand clients take less than fifty: they are counted, not drawn one by one."""
    assert len(spacetime(SAMPLES[name]).svg) < most_kb * 1000


def test_a_thousand_clients_are_drawn_as_soon_as_fifty() -> None:
    """Each the best of five, in this process's own CPU time; measured, about 1.3 times."""

    def took(name: str) -> float:
        begin = time.process_time()
        spacetime(SAMPLES[name])
        return time.process_time() - begin

    assert min(took("thousand") for _ in range(5)) < 3 * min(took("fifty") for _ in range(5))
