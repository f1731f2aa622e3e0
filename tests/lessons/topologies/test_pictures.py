"""The pictures of lesson 01, drawn from its recorded real runs: valid, speaking, and saying what the data say."""

from __future__ import annotations

import copy
import json
import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from course_lib.lessons.topologies.experiment_bench import RECORDED
from course_lib.lessons.topologies.picture_failover import FATES, fates, timeline
from course_lib.lessons.topologies.picture_slots import slots
from course_lib.views.picture import Picture

RUNS: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))["runs"]
FAILOVER, CUT = RUNS["failover {}"], RUNS["partition {}"]
OWNERS = {"node1": [[0, 5460]], "node2": [[5461, 10922]], "node3": [[10923, 16383]]}


def texts(picture: Picture) -> list[ElementTree.Element]:
    return [one for one in ElementTree.fromstring(picture.svg).iter() if one.tag.endswith("text")]


def words(picture: Picture) -> str:
    return " · ".join("".join(one.itertext()) for one in texts(picture))


@pytest.mark.parametrize(
    "picture",
    [
        timeline(FAILOVER),
        *(fates(RUNS[name]) for name in RUNS if "marks" in RUNS[name]),
        slots(OWNERS, {"user:42": 15880}),
        slots(RUNS["reshard {}"]["owners"], before=RUNS["reshard {}"]["owners before"]),
    ],
)
def test_each_picture_is_valid_speaks_in_numbers_and_keeps_inside_its_frame(picture: Picture) -> None:
    root = ElementTree.fromstring(picture.svg)
    assert root.attrib["aria-label"] == picture.alt
    assert re.search(r"\d", picture.alt)
    assert len(picture.alt) > 60
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for one in texts(picture):
        x, y = float(one.attrib["x"]), float(one.attrib["y"])
        length = len("".join(one.itertext())) * 7.0
        start = {"end": x - length, "mid": x - length / 2}.get(
            one.attrib.get("class", "").split(" b")[0].split()[-1], x
        )
        assert start >= -2, "".join(one.itertext())
        assert start + length <= width + 30, "".join(one.itertext())
        assert 0 < y < height


def test_the_timeline_numbers_every_step_and_says_each_with_its_time() -> None:
    picture, steps = timeline(FAILOVER), FAILOVER["steps"]
    for number, name in enumerate(sorted(steps, key=steps.__getitem__), 1):
        moment = f"{steps[name] * 1000:+.0f} ms".replace("-", "−") if steps[name] else "0 ms"
        assert f"{number}, {name}, {moment}" in picture.alt
        assert f"{name}: {moment}" in words(picture)
    length = steps["a write is acknowledged again"] - steps["last write acknowledged"]
    assert picture.alt.startswith(f"{length:.2f} s without an acknowledged write: notice ")
    assert {"sentinel1", "sentinel2", "sentinel3"} <= set(words(picture).split(" · "))


def test_a_slower_failover_is_another_picture() -> None:
    """The control: the title is computed."""
    slower = copy.deepcopy(FAILOVER)
    slower["steps"]["a write is acknowledged again"] += 2
    assert timeline(slower).alt != timeline(FAILOVER).alt
    assert timeline(slower).svg.count("<circle") == timeline(FAILOVER).svg.count("<circle") == len(FAILOVER["steps"])


def test_the_fates_are_counted_for_each_writer() -> None:
    picture = fates(CUT)
    gone = sum(told["missing"] for told in CUT["writers"].values())
    promised = sum(told["acknowledged"] for told in CUT["writers"].values())
    assert picture.alt.startswith(f"{gone:,} of {promised:,} acknowledged writes are gone. early: ")
    assert f"{CUT['writers']['early']['missing']} acknowledged, and gone" in picture.alt
    assert "late: " in picture.alt
    assert "healed" in words(picture)


def test_fates_differ_in_height_and_mark_not_in_color_alone() -> None:
    assert len({kind.mark for kind in FATES.values()}) == len(FATES)
    calm = {"writers": {"w": {"writes": [[0.0, "acknowledged"], [1.0, "refused"]]}}, "marks": {}}
    assert "0 of 1 acknowledged writes are gone" in fates(calm).alt
    assert ("acknowledged, and gone" in words(fates(calm)), "refused" in words(fates(calm))) == (False, True)


def test_a_writer_that_never_wrote_can_be_drawn() -> None:
    nothing = fates({"writers": {"w": {"writes": []}}, "marks": {}})
    ElementTree.fromstring(nothing.svg)
    assert nothing.alt.startswith("0 of 0 acknowledged writes are gone")


def test_the_slot_map_says_whose_each_key_is() -> None:
    picture = slots(OWNERS, {"user:42": 15880, "user:44": 7886})
    assert picture.alt.startswith("3 primaries own 16,384 of 16,384 slots. node1 owns 0 to 5460.")
    assert "user:42 has slot 15880, node3's. user:44 has slot 7886, node2's." in picture.alt
    assert {"user:42", "user:44", "0–5460", "5461–10922", "10923–16383"} <= set(words(picture).split(" · "))


def test_moved_slots_are_counted_and_a_slot_without_an_owner_is_nobodys() -> None:
    moved = {**OWNERS, "node1": [[60, 5460]], "node2": [[0, 59], [5461, 10922]]}
    assert slots(moved, before=OWNERS).alt.startswith("60 of 16,384 slots have changed hands. node1 owns 60 to 5460.")
    assert slots(OWNERS, before=OWNERS).alt.startswith("0 of 16,384 slots have changed hands")
    assert "k has slot 3, nobody's." in slots({"node1": [[60, 16383]]}, {"k": 3}).alt


def test_keys_of_one_slot_do_not_cover_one_another() -> None:
    """Labels that find no room are left to the words."""
    crowd = {f"{{shop}}:item:{number}": 3808 for number in range(8)}
    picture = slots(OWNERS, crowd)
    boxes = [(float(t.attrib["x"]), float(t.attrib["y"])) for t in texts(picture) if "shop" in "".join(t.itertext())]
    assert 1 <= len(boxes) == len(set(boxes)) < 8
    assert all(f"{key} has slot 3808" in picture.alt for key in crowd)
