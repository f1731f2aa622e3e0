"""The picture of a topology: what it shows, what it says, and where things stand."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, replace

import pytest

from course_lib.views.topology import WIDTH, arranged, topology
from course_lib.views.topology_words import alternative, changes, finding


@dataclass(frozen=True, slots=True)
class Seen:
    """What `status()` returns for each node, written by hand."""

    name: str
    kind: str = "data"
    port: int = 17001
    state: str = "up"
    role: str = "primary"
    primary: str = ""
    link: str = ""
    lag: int | None = None
    slots: tuple[tuple[int, int], ...] = ()
    keys: int | None = None


def follower(name: str, primary: str = "primary", **given: object) -> Seen:
    return replace(Seen(name, role="replica", primary=primary, link="up", lag=0), **given)  # type: ignore[arg-type]


def watched(primary: str = "primary", link: str = "up") -> list[Seen]:
    return [Seen(f"sentinel{i}", "sentinel", role="sentinel", primary=primary, link=link) for i in (1, 2, 3)]


SENTINEL = [Seen("primary", keys=7), follower("replica1", keys=7), follower("replica2", lag=1428), *watched()]
THIRDS = [(0, 5460), (5461, 10922), (10923, 16383)]
CLUSTER = [Seen(f"node{i}", slots=(third,)) for i, third in enumerate(THIRDS, 1)]
CLUSTER += [follower(f"node{i + 3}", f"node{i}") for i in (1, 2, 3)]
FIVE = [Seen(f"redlock{i}", keys=i) for i in range(1, 6)]


def test_the_picture_says_what_it_shows_with_its_numbers() -> None:
    picture = topology(SENTINEL)
    root = ElementTree.fromstring(picture.svg)
    assert (root.get("role"), root.get("aria-label")) == ("img", picture.alt)
    assert picture.alt.startswith("primary is the primary; replica1 and replica2 follow. primary: up, primary, 7 keys.")
    assert "replica2: up, replica of primary, link up, 1,428 bytes behind." in picture.alt
    assert "sentinel3: up, watches primary, finds it up." in picture.alt


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([replace(SENTINEL[0], state="down", role="unknown"), *SENTINEL[1:]], "No node says that it is the primary"),
        (
            [replace(SENTINEL[0], state="cut off"), Seen("replica1"), *SENTINEL[2:]],
            "2 nodes say that they are the primary: primary and",
        ),
        ([SENTINEL[0], *watched()], "primary is the primary; no replica follows"),
        (CLUSTER, "3 primaries own all 16384 slots"),
        ([replace(CLUSTER[0], state="down", role="unknown", slots=()), *CLUSTER[1:]], "2 primaries own 10923 of 16384"),
        (
            [*CLUSTER[:3], Seen("node4", slots=((0, 100), (105, 5460)))],
            "node1 and node4 both say that they own slots",
        ),
        (FIVE, "5 of 5 independent nodes answer"),
        ([replace(FIVE[0], state="down", role="unknown"), *FIVE[1:]], "4 of 5 independent nodes answer; redlock1 is"),
        ([Seen("standalone")], "One server: standalone, up"),
        ([replace(Seen("standalone"), state="paused", role="unknown")], "One server: standalone, paused"),
    ],
)
def test_the_finding_is_counted_from_the_nodes(nodes: list[Seen], said: str) -> None:
    assert finding(nodes).startswith(said)
    assert alternative(nodes).startswith(said)


@pytest.mark.parametrize("state", ["up", "down", "paused", "cut off"])
def test_each_state_has_a_word_and_a_sign_of_its_own(state: str) -> None:
    """Never color alone: the picture without its colors differs from that of every other state."""
    bare = re.sub(r"#[0-9A-Fa-f]{6}", "", topology([replace(SENTINEL[0], state=state)], title="t", uid="u").svg)
    assert f">{state}</text>" in bare
    others = {"up", "down", "paused", "cut off"} - {state}
    signs = {re.sub(r"#[0-9A-Fa-f]{6}", "", _sign(other)) for other in others}
    assert re.sub(r"#[0-9A-Fa-f]{6}", "", _sign(state)) not in signs


def _sign(state: str) -> str:
    svg = topology([replace(SENTINEL[0], state=state)], uid="u").svg
    return re.findall(r"<g transform=.*?</g>", svg)[0]


def test_replication_is_an_arrow_that_breaks_with_the_link() -> None:
    assert topology(SENTINEL).svg.count('class="arrow"') == 2
    broken = topology([SENTINEL[0], replace(SENTINEL[1], link="down"), *SENTINEL[2:]]).svg
    assert (broken.count('class="arrow"'), broken.count('class="arrow broken"'), broken.count('"cross"')) == (1, 1, 1)
    assert 'class="arrow' not in topology(FIVE).svg


@pytest.mark.parametrize("nodes", [SENTINEL, CLUSTER, FIVE, [*CLUSTER, Seen("node7"), Seen("node8"), Seen("node9")]])
def test_no_box_covers_another_or_leaves_the_picture(nodes: list[Seen]) -> None:
    places, height = arranged(nodes)
    boxes = [places[node.name] for node in nodes]
    assert not any(a.overlaps(b) for a in boxes for b in boxes if a is not b)
    assert all(box.x >= 0 and box.x + box.width <= WIDTH and box.y + box.height <= height for box in boxes)


def test_a_node_keeps_its_place_whatever_it_becomes() -> None:
    promoted = [replace(SENTINEL[0], state="down", role="unknown"), Seen("replica1"), follower("replica2", "replica1")]
    assert arranged([*promoted, *watched("replica1", "down")]) == arranged(SENTINEL)
    rows = {name: box.y for name, box in arranged(CLUSTER)[0].items()}
    more = arranged([*CLUSTER, Seen("node7")])[0]
    assert {name: box.y for name, box in more.items() if name in rows} == rows


def test_what_changed_is_said_and_what_always_moves_is_not() -> None:
    later = [replace(node, lag=99, keys=99) for node in SENTINEL]
    assert changes(SENTINEL, later) == []
    after = [replace(SENTINEL[0], state="down", role="unknown"), Seen("replica1"), follower("replica2", "replica1")]
    assert changes(SENTINEL[:4], [*after, watched("replica1", "down")[0]]) == [
        "primary is down",
        "replica1 is primary",
        "replica2 is a replica of replica1",
        "sentinel1 watches replica1",
        "sentinel1 finds replica1 down",
    ]
    assert changes(CLUSTER[:1], [replace(CLUSTER[0], slots=((0, 9), (11, 11))), Seen("node7")]) == [
        "node1 owns slots 0–9, 11",
        "node7 has joined",
    ]
    assert changes(FIVE[:1], []) == ["redlock1 has left"]


def test_what_several_nodes_do_at_once_is_said_once() -> None:
    """And without views only what nodes are: the status has room for one sentence."""
    cut = [replace(node, link="down" if node.primary else "") for node in SENTINEL]
    assert changes(SENTINEL, cut) == [
        "the links of replica1 and replica2 to primary are down",
        "sentinel1, sentinel2 and sentinel3 find primary down",
    ]
    down = [replace(node, state="down") if node.role == "replica" else node for node in cut]
    assert changes(SENTINEL, down, views=False) == ["replica1 and replica2 are down"]
    back = [follower(node.name, "replica1") if node.role == "replica" else node for node in cut]
    assert "replica1 and replica2 are replicas of replica1" in changes(SENTINEL, back)


def test_text_from_outside_is_escaped() -> None:
    svg = topology([Seen("<script>alert(1)</script>")], title="a < b & \"c\" 'd'").svg
    assert "<script>" not in svg
    ElementTree.fromstring(svg)


def test_nobody_there_is_a_picture_too() -> None:
    ElementTree.fromstring(topology([]).svg)
