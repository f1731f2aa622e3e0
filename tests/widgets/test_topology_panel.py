"""The topology panel without a browser: what it says, what it does when something hangs, and real faults at random."""

from __future__ import annotations

import asyncio
import random
import re
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from course_lib.errors import ServerFailed
from course_lib.servers import NodeStatus, Topology
from course_lib.widgets import topology_panel
from course_lib.widgets.topology_buttons import ACTS
from course_lib.widgets.topology_panel import LOOK_LIMIT, TopologyPanel

UP = (
    NodeStatus("primary", "data", 17001, "up", "primary", keys=3),
    NodeStatus("replica1", "data", 17002, "up", "replica", "primary", "up", 0),
    NodeStatus("sentinel1", "sentinel", 17021, "up", "sentinel", "primary", "up"),
)
NOON = datetime(2026, 1, 1, 12, 0, 0)


@dataclass
class Scripted:
    """A topology that does what the test says: `reply` answers an act, and may hang or fail."""

    nodes: tuple[NodeStatus, ...] = UP
    is_running: bool = True
    reply: Callable[[str, str], None] = lambda verb, name: None
    asked: list[tuple[str, str]] = field(default_factory=list)
    looks: int = 0
    slow: threading.Event | None = None

    def status(self) -> tuple[NodeStatus, ...]:
        self.looks += 1
        if self.slow is not None:
            self.slow.wait(20)
        return self.nodes

    def become(self, name: str, **changes: Any) -> None:
        self.nodes = tuple(replace(node, **changes) if node.name == name else node for node in self.nodes)

    def __getattr__(self, verb: str) -> Callable[..., None]:
        if verb not in ACTS:
            raise AttributeError(verb)

        def act(name: str = "") -> None:
            self.asked.append((verb, name))
            self.reply(verb, name)

        return act


def panel_of(topology: Any, **options: Any) -> TopologyPanel:
    return TopologyPanel(topology, now=lambda: NOON, **{"every": 0.01, **options})


def said(panel: TopologyPanel) -> str:
    return re.sub(r"<[^>]+>", "", panel.face.told.value)


def press(panel: TopologyPanel, keys: str) -> None:
    for stamp, key in enumerate(keys):
        panel.face.keys.pressed = f"{key}{stamp}{random.random()}"


async def until(holds: Callable[[], object], within: float = 20.0) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


# -- what it says -----------------------------------------------------------------------------------------------------


def test_the_buttons_name_the_node_that_a_key_or_a_click_picked() -> None:
    panel = panel_of(Scripted())
    assert [button.description for button in panel.face.buttons.values()][:2] == ["k  kill primary", "p  pause primary"]
    press(panel, "2")
    assert panel.face.buttons["promote"].description == "m  promote replica1"
    panel.face.picking.picked = "1790000000000 sentinel1"
    assert panel.face.buttons["kill"].description == "k  kill sentinel1"
    assert panel.face.choice.options[2] == ("3 sentinel1", "sentinel1")
    press(panel, "9")
    panel.pick("nobody")
    assert panel.face.picked == "sentinel1"


def test_every_verb_has_a_key_that_does_it_to_the_picked_node() -> None:
    topology = Scripted()
    panel = panel_of(topology)
    press(panel, "2kpchrmb")
    topology.become("replica1", state="paused")
    panel.look()
    assert panel.face.buttons["pause"].description == "p  resume replica1"
    press(panel, "p")
    named = [(verb, "replica1") for verb in ("kill", "pause", "partition")]
    after = [("heal", ""), ("restart", "replica1"), ("promote", "replica1"), ("reset", ""), ("resume", "replica1")]
    assert topology.asked == named + after


def test_what_was_done_and_what_changed_are_said_with_the_time() -> None:
    topology = Scripted()
    topology.reply = lambda verb, name: topology.become(name, state="down", role="unknown")
    panel = panel_of(topology)
    panel.face.buttons["kill"].click()
    assert 'role="status"' in panel.face.told.value
    assert said(panel) == "At 12:00:00 you killed primary. primary is down since 12:00:00."
    topology.become("replica1", role="primary", primary="", link="")
    panel.look()
    assert "replica1 is primary since 12:00:00." in said(panel)
    assert panel.happened == ["12:00:00 you killed primary", "12:00:00 primary is down", "12:00:00 replica1 is primary"]
    assert "replica1 is the primary; no replica follows; primary is down" in panel.face.picture.value


def test_an_error_is_a_sentence_and_changes_nothing() -> None:
    def refuse(verb: str, name: str) -> None:
        raise ServerFailed(f"{name} is <no> replica")

    panel = panel_of(Scripted(reply=refuse))
    panel.do("promote", "primary")
    assert 'role="alert"' in panel.face.told.value
    assert "Promote primary did not work: primary is &lt;no&gt; replica." in panel.face.told.value
    assert panel.nodes == UP


def test_an_unknown_verb_is_named() -> None:
    with pytest.raises(ValueError, match="there is no verb 'explode'; there are kill, pause"):
        panel_of(Scripted()).do("explode")


def test_a_writers_numbers_stand_beside_the_nodes() -> None:
    counts = {"acknowledged": 12, "no reply": 1}
    panel = panel_of(Scripted(), counts=lambda: counts)
    assert re.sub(r"<[^>]+>", "", panel.face.writer.value) == "Writer: 12 acknowledged · 1 no reply"
    counts["acknowledged"] = 13
    panel.look()
    assert "13" in panel.face.writer.value


def test_a_topology_that_does_not_run_is_said_to() -> None:
    topology = Scripted()
    panel = panel_of(topology)
    topology.is_running = False
    panel.do("kill", "primary")
    assert topology.asked == []
    assert said(panel) == topology_panel.STOPPED
    assert said(panel_of(Scripted(is_running=False))) == topology_panel.STOPPED


def test_a_topology_that_was_stopped_starts_again_on_the_first_press_and_is_followed_again() -> None:
    """Without a cell to run: the servers come back, the act is done on them, and what they do is seen again."""
    first, started = Scripted(), list[Scripted]()

    def again() -> Scripted:
        started.append(Scripted())
        return started[-1]

    async def notebook() -> None:
        panel = panel_of(first, again=again)
        panel.box._view_count = 1
        first.is_running = False
        await until(lambda: said(panel) == topology_panel.ASLEEP)
        assert not panel.follows
        assert started == [], "nothing is started unasked"
        press(panel, "2")
        assert started == [], "to pick a node is no act"
        press(panel, "k")
        assert said(panel) == "The servers start again first. Then: Killing replica1 …"
        press(panel, "k")
        await until(lambda: "you killed replica1" in said(panel))
        assert len(started) == 1
        assert started[0].asked == [("kill", "replica1")]
        await until(lambda: panel.follows)
        started[0].become("primary", state="paused")
        await until(lambda: "primary is paused" in said(panel))
        panel.close()

    asyncio.run(notebook())
    assert first.asked == []


def test_a_panel_that_is_seen_only_after_its_servers_were_stopped_says_so() -> None:
    """As after Run All: the kernel hears of the page's views when the last cell has ended."""
    topology = Scripted()
    panel = panel_of(topology, again=Scripted)
    topology.is_running = False
    panel.box._view_count = 1
    assert said(panel) == topology_panel.ASLEEP


def test_what_has_just_been_started_again_is_not_reset_too() -> None:
    again = Scripted()
    panel = panel_of(Scripted(is_running=False), again=lambda: again)
    panel.do("reset")
    assert again.asked == []
    assert "you reset all nodes" in said(panel)
    panel.do("reset")
    assert again.asked == [("reset", "")]


def test_servers_that_cannot_start_again_are_a_sentence() -> None:
    def again() -> Scripted:
        raise ServerFailed("no port is free")

    panel = panel_of(Scripted(is_running=False), again=again)
    panel.do("kill", "primary")
    assert "Kill primary did not work: no port is free." in said(panel)


# -- what hangs -------------------------------------------------------------------------------------------------------


def test_nothing_that_hangs_holds_the_panel() -> None:
    """An act that never ends: the loop goes on, the nodes are followed, a second act waits its turn or its time."""
    never = threading.Event()
    topology = Scripted(reply=lambda verb, name: never.wait(60) if verb == "promote" else None)

    async def notebook() -> None:
        panel = panel_of(topology, limit=0.3)
        panel.box._view_count = 1
        press(panel, "2m")
        assert "Promoting replica1 …" in said(panel)
        press(panel, "k")
        assert said(panel) == "Promoting replica1 … One thing at a time: wait until this is done."
        topology.become("primary", state="down")
        await until(lambda: "primary is down" in said(panel))
        await until(lambda: "Promote replica1 takes long" in said(panel))
        press(panel, "1k")
        await until(lambda: "you killed primary" in said(panel))
        panel.close()

    asyncio.run(notebook())
    never.set()
    assert topology.asked == [("promote", "replica1"), ("kill", "primary")]


def test_a_look_that_hangs_is_said_and_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology_panel, "LOOK_LIMIT", 0.05)
    topology = Scripted(slow=threading.Event())
    panel = panel_of(topology)
    panel.look()
    assert "Look takes long" in said(panel)
    assert topology.looks == 1
    assert topology.slow is not None
    topology.slow.set()
    panel.look()
    assert panel.nodes == UP
    assert "Look takes long" not in said(panel)


# -- following --------------------------------------------------------------------------------------------------------


def test_it_follows_while_it_is_shown_and_the_topology_runs() -> None:
    topology = Scripted()

    async def notebook() -> None:
        panel = panel_of(topology)
        await asyncio.sleep(0.05)
        assert topology.looks == 1, "nobody sees it yet"
        panel.box._view_count = 1
        panel.box._view_count = 2
        topology.become("replica1", state="paused")
        await until(lambda: "replica1 is paused" in said(panel))
        panel.box._view_count = 0
        await until(lambda: not panel.follows)
        panel.box._view_count = 1
        assert panel.follows
        topology.is_running = False
        await until(lambda: not panel.follows)
        assert said(panel) == topology_panel.STOPPED

    asyncio.run(notebook())


def test_what_has_not_changed_is_not_sent_again() -> None:
    topology = Scripted()
    panel = panel_of(topology)
    sent: list[object] = []
    for part in (panel.face.picture, panel.face.told, panel.face.choice, *panel.face.buttons.values()):
        part.observe(sent.append)
    panel.look()
    assert sent == []
    topology.become("primary", keys=4)
    panel.look()
    assert len(sent) == 1


def test_a_closed_panel_follows_no_more() -> None:
    async def notebook() -> None:
        panel = panel_of(Scripted())
        panel.box._view_count = 1
        panel.close()
        await until(lambda: not panel.follows)

    asyncio.run(notebook())


# -- for real ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("profile", "seed", "acts"), [("sentinel", 5, 14), ("cluster", 6, 8)])
def test_no_sequence_of_faults_hangs_the_panel(profile: str, seed: int, acts: int) -> None:
    """Any verb on any node, in a random order: each act ends in time, and afterwards `reset` makes all as it was."""
    draw = random.Random(seed)
    with Topology(profile) as topology:
        panel = TopologyPanel(topology, limit=25.0)
        names, whole = [node.name for node in panel.nodes], {node.name: node.role for node in panel.nodes}
        for _ in range(acts):
            verb, name = draw.choice([verb for verb in ACTS if verb != "reset"]), draw.choice(names)
            began = time.monotonic()
            panel.do(verb, name)
            assert "takes long" not in said(panel), (verb, name)
            assert time.monotonic() - began < 25.0 + LOOK_LIMIT
            assert [node.name for node in panel.nodes] == names
            ElementTree.fromstring(panel.face.picture.value)
        panel.do("reset")
        assert "you reset all nodes" in said(panel)
        assert {node.name: (node.state, node.role) for node in panel.nodes} == {n: ("up", r) for n, r in whole.items()}
